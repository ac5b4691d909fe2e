// SPDX-License-Identifier: Apache-2.0
//! Two captures of one program in one window: recorded under Python 3.11 before, under 3.13 after.

use crate::driver::Driver;
use egui::accesskit::Role;
use egui::{Key, Modifiers};

const BEFORE: &str = "v13-py3.11/items.bin";
const AFTER: &str = "v13-py3.13/items.bin";

fn compare(before: &str, after: &str) -> Driver {
    Driver::compare(before, after)
}

#[test]
fn the_verdict_comes_first_in_words_and_both_are_named() {
    let driver = compare(BEFORE, AFTER);
    for part in [
        "\u{2212}91.7\u{a0}KiB (\u{2212}2.4\u{a0}%)",
        "leaked \u{2212}91.7 KiB (\u{2212}2.5 %)",
        "A before",
        "v13-py3.11/items.bin",
        "B after",
        "v13-py3.13/items.bin",
    ] {
        assert!(driver.shows_part(part), "{part}");
    }
    assert!(driver.shows_part("A ran under Python 3.11 and B under 3.13"));
    assert!(driver.shows_part("3.71 MiB \u{2192} 3.62 MiB"), "the caption");
    assert!(driver.is_on(Role::Tab, "Union"));
    assert!(driver.is_on(Role::RadioButton, "Peak"));
}

#[test]
fn swapping_negates_all_that_is_said() {
    let mut driver = compare(BEFORE, AFTER);
    driver.press(Key::X);
    assert!(driver.shows("+91.7\u{a0}KiB (+2.5\u{a0}%)"));
    assert!(driver.shows_part("3.62 MiB \u{2192} 3.71 MiB"));
    driver.click(Role::Button, "Swap");
    assert!(driver.shows("\u{2212}91.7\u{a0}KiB (\u{2212}2.4\u{a0}%)"));
}

#[test]
fn the_table_lists_the_largest_change_first_whichever_way_it_goes() {
    let mut driver = compare(BEFORE, AFTER);
    driver.click(Role::Tab, "Table");
    assert!(driver.shows_part("8 rows"));
    assert!(driver.shows_part("\u{2212}66.8 KiB, \u{2212}4.5 %"), "cli.py:42");
    assert!(driver.shows_part("\u{2212}13.1 KiB, gone"), "outside the program's own code");
    assert!(driver.shows_part("0 B, 0 %"));
}

#[test]
fn a_mode_is_chosen_for_both_and_once_they_are_freed_for_one() {
    let mut driver = compare(BEFORE, AFTER);
    driver.click(Role::RadioButton, "Leaked");
    assert!(driver.is_on(Role::RadioButton, "Leaked"));
    assert!(driver.shows_part("Still live at the end: "));
    driver.click(Role::RadioButton, "Churn");
    assert!(driver.shows_part("freed or not: "));
    driver.press(Key::Escape);
    assert!(driver.is_on(Role::RadioButton, "Peak"), "Escape gives up the range");
    driver.click(Role::CheckBox, "linked");
    driver.click(Role::ComboBox, "Mode of B");
    driver.click(Role::Button, "Leaked");
    assert!(driver.shows_part("3.71 MiB \u{2192} 3.52 MiB"), "A at its peak, B at its end");
    for mode in ["Peak", "Leaked"] {
        assert!(!driver.is_on(Role::RadioButton, mode), "{mode} is not that of both");
    }
}

#[test]
fn modes_that_one_side_lacks_are_disabled() {
    let mut driver = compare("v13-py3.13/threads.bin", "v13-py3.13/threads_aggregated.bin");
    for (mode, is_disabled) in [("Peak", false), ("Leaked", false), ("Churn", true), ("Live at…", true)] {
        assert_eq!(driver.is_disabled(Role::RadioButton, mode), is_disabled, "{mode}");
    }
    driver.click(Role::RadioButton, "Leaked");
    assert!(driver.is_on(Role::RadioButton, "Leaked"));
}

#[test]
fn one_search_serves_icicle_and_table() {
    let mut driver = compare(BEFORE, AFTER);
    driver.type_into("Search functions, files, modules", "load");
    driver.click(Role::Tab, "Table");
    assert!(driver.shows_part("1 of 8 rows match"));
    driver.click(Role::Tab, "Side by side");
    assert!(driver.shows_part("1 frame, 0 B"));
    assert!(driver.canvas("Icicle of A").starts_with("<root>, 3.71 MiB"));
}

#[test]
fn what_is_copied_as_markdown_is_what_is_shown_without_the_command_line() {
    let mut driver = compare(BEFORE, AFTER);
    driver.harness.key_press_modifiers(Modifiers::COMMAND, Key::M);
    // Its words are written on a thread of their own.
    let copied = driver.wait_for_copy();
    assert!(copied.contains("\u{2212}91.7 KiB (\u{2212}2.4 %)"), "{copied}");
    assert!(!copied.contains("run -q -o"), "{copied}");
    driver.click(Role::Button, "Settings");
    driver.click(Role::Button, "Markdown with the command line");
    driver.harness.key_press_modifiers(Modifiers::COMMAND, Key::M);
    let copied = driver.wait_for_copy();
    assert!(copied.contains("- Command of A: ") && copied.contains("run -q -o"), "{copied}");
}

#[test]
fn a_file_that_is_no_capture_is_said_to_be_none() {
    let driver = compare(BEFORE, "programs/items/cli.py");
    assert!(driver.shows("cli.py cannot be opened"));
    assert!(driver.shows_part("This is not a capture that memray wrote but a text file"));
}

#[test]
fn one_graph_shows_both_and_takes_moments() {
    let mut driver = compare(BEFORE, AFTER);
    driver.press(Key::B);
    assert!(driver.is_on(Role::CheckBox, "one graph"));
    let both = driver.canvas("Memory graph of both");
    assert!(both.starts_with("heap peaks at 3.71 MiB after 83 ms"), "{both}");
    assert!(both.ends_with("the other\u{2019}s heap peaks at 3.62 MiB after 112 ms"), "{both}");
    driver.click(Role::CheckBox, "one graph");
    assert!(driver.canvas("Memory graph of B").starts_with("heap peaks at 3.62 MiB after 112 ms"));
}
