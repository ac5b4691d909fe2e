// SPDX-License-Identifier: Apache-2.0
//! Modes, moments, ranges, filters and the ways between views.

use crate::driver::Driver;
use egui::accesskit::Role;
use egui::{Key, Modifiers};

const MODES: [&str; 8] =
    ["Peak", "Live at…", "Still live", "Peak in range", "Net growth", "Churn", "Temporary", "Leaked"];

#[test]
fn each_mode_shows_its_own_caption() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    for (mode, caption) in [
        ("Still live", "Allocated 0 ms–117 ms and still live at 117 ms: "),
        ("Churn", "Allocated 0 ms–117 ms, freed or not: "),
        ("Temporary", "Freed after at most 1 further allocation of the same thread: "),
        ("Leaked", "Still live at the end: "),
        ("Peak", "Live at the peak, 112 ms: "),
    ] {
        driver.click(Role::RadioButton, mode);
        assert!(driver.is_on(Role::RadioButton, mode), "{mode}");
        assert!(driver.shows_part(caption), "{mode}");
    }
}

#[test]
fn an_aggregated_capture_shows_the_modes_it_lacks_disabled() {
    let mut driver = Driver::open("v13-py3.13/threads_aggregated.bin");
    for mode in MODES {
        let has_it = ["Peak", "Leaked"].contains(&mode);
        assert_eq!(driver.is_disabled(Role::RadioButton, mode), !has_it, "{mode}");
    }
    driver.click(Role::RadioButton, "Churn");
    assert!(driver.is_on(Role::RadioButton, "Peak"));
    assert!(driver.shows_part("This capture holds only sums"));
}

#[test]
fn a_typed_moment_and_a_typed_range_are_shown() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::G);
    driver.type_into("Moment or range", "50ms");
    driver.press(Key::Enter);
    assert!(driver.is_on(Role::RadioButton, "Live at…"));
    assert!(driver.shows_part("is not in the recorded heap"));
    driver.press(Key::G);
    driver.type_into("Moment or range", "20ms..end");
    driver.press(Key::Enter);
    assert!(driver.is_on(Role::RadioButton, "Still live"));
    driver.press(Key::Escape);
    assert!(driver.is_on(Role::RadioButton, "Peak"), "Escape gives up the range");
}

#[test]
fn what_cannot_be_read_as_a_moment_says_so_and_changes_nothing() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::G);
    driver.type_into("Moment or range", "yesterday");
    driver.press(Key::Enter);
    assert!(driver.shows_part("“yesterday” is no moment"));
    assert!(driver.is_on(Role::RadioButton, "Peak"));
}

#[test]
fn keys_jump_to_the_peaks_and_switch_views() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::R);
    assert!(driver.is_on(Role::RadioButton, "Live at…"));
    assert!(driver.shows_part("RSS 48.0 MiB"));
    driver.press(Key::P);
    assert!(driver.is_on(Role::RadioButton, "Peak"));
    for (key, tab) in [(Key::Num2, "Table"), (Key::Num3, "Growth"), (Key::Num4, "Statistics"), (Key::Num1, "Icicle")] {
        driver.press(key);
        assert!(driver.is_on(Role::Tab, tab), "{tab}");
    }
}

#[test]
fn back_and_forward_go_between_views() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::RadioButton, "Leaked");
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::RadioButton, "Peak"));
    driver.press_with(Modifiers::ALT, Key::ArrowRight);
    assert!(driver.is_on(Role::RadioButton, "Leaked"));
}

#[test]
fn back_and_forward_retrace_zooms_and_views_in_the_order_of_time() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    let whole = "<root>, 3.62 MiB, 100 % of the total, 622 allocations";
    assert_eq!(driver.icicle(), whole);
    for _ in 0..5 {
        driver.press(Key::ArrowDown);
    }
    driver.press(Key::Enter);
    let zoomed = driver.icicle();
    assert_ne!(zoomed, whole, "Enter zooms");
    driver.click(Role::RadioButton, "Leaked");
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::RadioButton, "Peak"), "the mode was the last to change");
    assert_eq!(driver.icicle(), zoomed);
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(driver.icicle(), whole);
    driver.press_with(Modifiers::ALT, Key::ArrowRight);
    assert_eq!(driver.icicle(), zoomed);
    assert!(driver.is_on(Role::RadioButton, "Peak"));
    driver.press_with(Modifiers::ALT, Key::ArrowRight);
    assert!(driver.is_on(Role::RadioButton, "Leaked"));
}

#[test]
fn enter_goes_to_the_next_hit_only_while_there_is_a_search() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.type_into("Search functions, files, modules", "main");
    driver.press(Key::Enter);
    driver.press(Key::Enter);
    let whole = driver.icicle();
    assert!(whole.starts_with("<root>"), "{whole}");
    assert!(driver.shows_part("cli.py:38"));
    driver.press(Key::Escape);
    driver.press(Key::Enter);
    let zoomed = driver.icicle();
    assert!(zoomed.starts_with("main, "), "{zoomed}");
    // The zoom is given up before anything else is; the selection before that.
    driver.press(Key::Escape);
    assert_eq!(driver.icicle(), zoomed);
    driver.press(Key::Escape);
    assert_eq!(driver.icicle(), whole);
}

#[test]
fn enter_in_the_field_of_moments_zooms_nothing() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    for _ in 0..6 {
        driver.press(Key::ArrowDown);
    }
    driver.press(Key::G);
    driver.type_into("Moment or range", "50ms");
    driver.press(Key::Enter);
    assert!(driver.is_on(Role::RadioButton, "Live at…"));
    let icicle = driver.icicle();
    assert!(icicle.starts_with("<root>"), "{icicle}");
}

#[test]
fn escape_leads_out_of_a_range_that_holds_nothing_and_the_next_answer_is_whole() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::G);
    driver.type_into("Moment or range", "50ms..50ms");
    driver.press(Key::Enter);
    assert!(driver.shows_part(": 0 B in 0 allocations"));
    driver.press(Key::Escape);
    assert!(driver.is_on(Role::RadioButton, "Peak"));
    assert_eq!(driver.icicle(), "<root>, 3.62 MiB, 100 % of the total, 622 allocations");
}

#[test]
fn growth_says_why_it_begins_late_unless_a_range_was_chosen() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::Num3);
    assert!(driver.shows_part("; the first tenth of the run is left out, as it is mostly start-up"));
    driver.press(Key::G);
    driver.type_into("Moment or range", "20ms..80ms");
    driver.press(Key::Enter);
    assert!(driver.shows("Live bytes 27 ms–86 ms"));
}

#[test]
fn a_range_is_not_shown_as_selected_in_a_mode_without_one() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::G);
    driver.type_into("Moment or range", "20ms..80ms");
    driver.press(Key::Enter);
    assert!(driver.canvas("Memory graph").ends_with("27 ms to 86 ms selected"), "{}", driver.canvas("Memory graph"));
    for mode in ["Peak", "Temporary", "Leaked"] {
        driver.click(Role::RadioButton, mode);
        assert!(!driver.canvas("Memory graph").contains("selected"), "{mode}");
    }
    driver.click(Role::RadioButton, "Churn");
    assert!(driver.canvas("Memory graph").ends_with("27 ms to 86 ms selected"));
}

#[test]
fn a_filter_is_a_chip_that_a_click_removes() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::Button, "irrelevant frames hidden  ×");
    assert!(!driver.shows("irrelevant frames hidden  ×"));
    driver.click(Role::Button, "all allocators");
    assert!(driver.shows("malloc") && !driver.shows("memalign"), "only what the capture has is offered");
    driver.click(Role::Button, "mmap");
    assert!(driver.shows("mmap  ×"));
    assert!(driver.shows_part(", only mmap: "));
}

#[test]
fn units_change_everywhere_at_once() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::Button, "KiB");
    assert!(driver.shows_part("Peak 3.79\u{a0}MB at 112\u{a0}ms"));
    assert!(driver.shows_part("3.79 MB in 622 allocations"));
}

#[test]
fn the_threshold_of_temporary_allocations_can_be_typed() {
    let mut driver = Driver::open("v13-py3.13/json_churn_pymalloc.bin");
    driver.click(Role::RadioButton, "Temporary");
    driver.click(Role::SpinButton, "threshold");
    driver.harness.event(egui::Event::Text("20".to_owned()));
    driver.press(Key::Enter);
    assert!(driver.shows_part("Freed after at most 20 further allocations of the same thread"));
}

#[test]
fn a_threshold_beyond_the_index_has_the_capture_read_again() {
    let mut driver = Driver::open("v13-py3.13/json_churn_pymalloc.bin");
    driver.click(Role::RadioButton, "Temporary");
    driver.click(Role::SpinButton, "threshold");
    driver.harness.event(egui::Event::Text("5000".to_owned()));
    driver.press(Key::Enter);
    assert!(driver.shows_part("Freed after at most 5,000 further allocations of the same thread: "));
    assert!(!driver.shows_part("Reading the capture again"), "it is read");
}

#[test]
fn escape_closes_an_open_menu_and_leaves_the_range() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::RadioButton, "Churn");
    driver.click(Role::Button, "all threads");
    assert!(driver.shows("main"), "the menu is open");
    driver.press(Key::Escape);
    assert!(driver.is_on(Role::RadioButton, "Churn"));
    assert!(!driver.shows("main"), "the menu is closed");
}

#[test]
fn a_module_can_be_typed_as_a_filter_and_does_not_come_back_once_removed() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::Button, "+ filter");
    driver.type_into("Module", "items");
    driver.press(Key::Enter);
    assert!(driver.shows("module: items  ×"));
    driver.press(Key::Escape);
    driver.click(Role::Button, "module: items  ×");
    driver.click(Role::Button, "+ filter");
    driver.type_into("File", "cli");
    driver.press(Key::Enter);
    assert!(driver.shows("file: cli  ×"));
    assert!(!driver.shows("module: items  ×"));
}
