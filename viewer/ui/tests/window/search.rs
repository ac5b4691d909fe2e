// SPDX-License-Identifier: Apache-2.0
//! The search, and what is selected by it.

use crate::driver::Driver;
use egui::Key;
use egui::accesskit::Role;

const FIELD: &str = "Search functions, files, modules";

#[test]
fn a_search_says_how_much_it_matched_and_enter_selects_the_first_hit() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.type_into(FIELD, "main");
    assert!(driver.shows("5 frames, 2.23 MiB, 61.7 % of the total matched"));
    driver.press(Key::Enter);
    assert!(driver.shows_part("cli.py:37"));
    driver.press(Key::Enter);
    assert!(driver.shows_part("cli.py:38"));
}

#[test]
fn letters_typed_into_the_search_are_no_commands() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.type_into(FIELD, "it");
    driver.press(Key::I);
    assert!(!driver.is_on(Role::CheckBox, "inverted"));
    assert!(!driver.is_on(Role::CheckBox, "split threads"));
}

#[test]
fn escape_clears_the_search_first_and_then_the_selection() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.type_into(FIELD, "main");
    driver.press(Key::Enter);
    driver.press(Key::Escape);
    assert!(!driver.shows_part("of the total matched"));
    assert!(!driver.shows_part("Select a frame or a row"), "still selected");
    driver.press(Key::Escape);
    assert!(driver.shows_part("Select a frame or a row"));
}

#[test]
fn a_slash_begins_a_search() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::Slash);
    assert!(driver.field_has_focus(FIELD));
}

#[test]
fn a_broken_expression_says_what_is_wrong() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::Button, "Regex");
    driver.type_into(FIELD, "(");
    assert!(driver.shows_part("Not a regular expression"));
}

#[test]
fn a_function_can_be_hidden_and_comes_back_when_its_chip_is_removed() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.type_into(FIELD, "main");
    driver.press(Key::Enter);
    driver.click_secondary(Role::TreeItem, "main cli.py:37");
    driver.click(Role::Button, "Hide this function");
    assert!(driver.shows("nothing found"), "no frame of that name is left");
    assert!(driver.shows_part("3.62 MiB in 622 allocations"), "the memory is still there");
    driver.click(Role::Button, "main hidden  ×");
    assert!(driver.shows_part("5 frames"));
}

#[test]
fn focusing_on_a_function_leaves_only_the_stacks_through_it() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.type_into(FIELD, "main");
    driver.press(Key::Enter);
    driver.click_secondary(Role::TreeItem, "main cli.py:37");
    driver.click(Role::Button, "Focus on this function");
    assert!(driver.shows("only main (cli.py)  ×"));
    assert!(driver.shows("5 frames, 2.23 MiB, 100 % of the total matched"));
    assert!(driver.shows_part(", only the function main (cli.py): 2.23 MiB"));
    driver.click(Role::Button, "only main (cli.py)  ×");
    assert!(driver.shows("5 frames, 2.23 MiB, 61.7 % of the total matched"));
}

#[test]
fn what_is_selected_is_copied_by_its_name_and_place() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.harness.event(egui::Event::Copy);
    driver.harness.run_steps(1);
    assert_eq!(driver.copied(), None, "nothing is selected");
    driver.type_into(FIELD, "main");
    driver.press(Key::Enter);
    driver.press(Key::Escape);
    // As a window system says it: its own event, and no key.
    driver.harness.event(egui::Event::Copy);
    driver.harness.step();
    let copied = driver.copied().unwrap();
    assert!(copied.starts_with("main ") && copied.ends_with("cli.py:37"), "{copied}");
    driver.settle();
    assert!(driver.shows_part("Copied main "));
}
