// SPDX-License-Identifier: Apache-2.0
//! Ways about a comparison: how one comes to it, back and forward, and what can be done by keyboard alone.

use crate::driver::{Driver, Dropped, capture};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use std::sync::Arc;

const BEFORE: &str = "v13-py3.11/items.bin";
const AFTER: &str = "v13-py3.13/items.bin";

fn compare() -> Driver {
    Driver::compare(BEFORE, AFTER)
}

/// Has a command done by its name alone.
fn run(driver: &mut Driver, name: &str) {
    driver.press_with(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    driver.type_into("Command", name);
    driver.press(Key::Enter);
}

fn selected(driver: &Driver) -> String {
    let node = driver.harness.get_by_role(Role::TreeItem);
    node.accesskit_node().label().unwrap_or_default()
}

#[test]
fn a_capture_is_compared_with_one_whose_path_is_typed() {
    let mut driver = Driver::open(BEFORE);
    driver.press_with(Modifiers::COMMAND, Key::D);
    let field = "Path of the capture or index to compare with, which comes after";
    driver.type_into(field, capture(AFTER).to_str().unwrap());
    driver.press(Key::Enter);
    assert!(driver.shows_part("A before") && driver.shows_part("\u{2212}91.7\u{a0}KiB"));
}

#[test]
fn of_a_capture_dropped_on_another_one_is_asked_what_to_do() {
    for (answer, title) in [("Compare", "items.bin"), ("Open instead", "deep.bin"), ("Cancel", "items.bin")] {
        let mut driver = Driver::open(BEFORE);
        driver.harness.input_mut().dropped_files.push(Arc::new(Dropped(capture("v13-py3.13/deep.bin"))));
        driver.harness.run_steps(2);
        assert!(driver.shows("deep.bin was dropped"), "{answer}");
        driver.click(Role::Button, answer);
        assert!(driver.harness.state().title().contains(title), "{answer}: {}", driver.harness.state().title());
        assert_eq!(driver.shows("A before"), answer == "Compare");
        assert!(!driver.shows("deep.bin was dropped"), "{answer}");
    }
}

#[test]
fn back_and_forward_go_between_the_views_of_both() {
    let mut driver = compare();
    driver.press(Key::Num2);
    driver.click(Role::RadioButton, "Leaked");
    assert!(driver.is_on(Role::Tab, "Table") && driver.is_on(Role::RadioButton, "Leaked"));
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::Tab, "Table") && driver.is_on(Role::RadioButton, "Peak"));
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::Tab, "Union"));
    driver.press_with(Modifiers::ALT, Key::ArrowRight);
    driver.press_with(Modifiers::ALT, Key::ArrowRight);
    assert!(driver.is_on(Role::Tab, "Table") && driver.is_on(Role::RadioButton, "Leaked"));
    // What was shown of the other order is nothing to go back to.
    driver.press(Key::X);
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::Tab, "Table") && driver.is_on(Role::RadioButton, "Leaked"));
    assert!(driver.shows_part("3.52 MiB \u{2192} 3.61 MiB"), "swapped");
}

#[test]
fn back_from_another_view_shows_what_was_zoomed_to() {
    let mut driver = compare();
    driver.harness.get_by_role_and_label(Role::Canvas, "Icicle").focus();
    driver.harness.run_steps(2);
    for key in [Key::ArrowDown, Key::ArrowDown, Key::ArrowDown, Key::Enter] {
        driver.press(key);
    }
    let zoomed = driver.icicle();
    assert!(!zoomed.starts_with("<root>"), "{zoomed}");
    driver.press(Key::Escape);
    driver.press(Key::Num5);
    driver.press(Key::Num0);
    assert!(driver.canvas("Icicle of B").starts_with("<root>"), "{}", driver.canvas("Icicle of B"));
    // The zoom out, then the change of views.
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::Tab, "Union"));
    assert_eq!(driver.icicle(), zoomed);
    // Locations of swapped captures have other numbers: nothing is shown in their place.
    driver.press(Key::X);
    assert!(driver.icicle().starts_with("<root>"), "{}", driver.icicle());
}

#[test]
fn what_is_typed_into_the_settings_of_sources_is_no_command() {
    let mut driver = compare();
    run(&mut driver, "sources and editor");
    assert!(driver.field_has_focus("Command that opens a source line"));
    driver.type_into("Command that opens a source line", "vim {file}");
    driver.click(Role::Button, "Close");
    assert!(!driver.shows("Command that opens a source line"));
    assert!(
        driver.is_on(Role::Tab, "Union") && driver.shows_part("3.71 MiB \u{2192} 3.62 MiB"),
        "no key was a command"
    );
}

#[test]
fn widths_lines_and_roots_are_found_by_name() {
    let mut driver = compare();
    let root = |driver: &Driver| driver.icicle();
    assert!(root(&driver).contains("3.71 MiB"), "{}", root(&driver));
    for (command, chip) in [
        ("width: before", "width: before"),
        ("width: after", "width: after"),
        ("width: the larger", "width: larger of both"),
    ] {
        run(&mut driver, command);
        assert!(driver.shows(chip), "{command}");
    }
    assert!(driver.shows("by function"));
    run(&mut driver, "match by line");
    assert!(driver.shows("by line"));
    driver.click(Role::Button, "by line");
    assert!(driver.shows("by function"));
    run(&mut driver, "add a root");
    assert!(driver.field_has_focus("Folder in A"));
    driver.type_into("Folder in A", "/srv/old/");
    driver.type_into("Folder in B", "/srv/new");
    driver.click(Role::Button, "Add");
    let chip = "root: /srv/old \u{2192} /srv/new, 0 locations  ×";
    assert!(driver.shows(chip));
    driver.click(Role::Button, chip);
    assert!(!driver.shows_part("root: "));
}

#[test]
fn both_icicles_go_where_one_goes() {
    let mut driver = compare();
    driver.press(Key::Num5);
    driver.harness.get_by_role_and_label(Role::Canvas, "Icicle of B").focus();
    driver.harness.run_steps(2);
    for key in [Key::ArrowDown, Key::ArrowDown, Key::ArrowDown, Key::Enter] {
        driver.press(key);
    }
    let [before, after] = ["Icicle of A", "Icicle of B"].map(|name| driver.canvas(name));
    let frame = |said: &str| said.split(',').next().unwrap().to_owned();
    assert_ne!(frame(&after), "<root>");
    assert_eq!(frame(&before), frame(&after), "{before} beside {after}");
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert_eq!(["Icicle of A", "Icicle of B"].map(|name| frame(&driver.canvas(name))), ["<root>", "<root>"]);
}

#[test]
fn the_numbers_of_both_are_saved_as_csv() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = compare();
    let stacks = "before_bytes,after_bytes,change_bytes,before_allocations,after_allocations,stack\r\n";
    let rows = "name,file,line,before_bytes,after_bytes,change_bytes,before_allocations,after_allocations,\
                change_allocations,own_change_bytes\r\n";
    for (key, name, heading, columns) in [
        (Key::Num1, "stacks.csv", stacks, [0, 1]),
        (Key::Num5, "sides.csv", stacks, [0, 1]),
        (Key::Num2, "rows.csv", rows, [3, 4]),
    ] {
        driver.press(key);
        driver.press_with(Modifiers::COMMAND, Key::S);
        let path = folder.path().join(name);
        driver.type_into("Path of the CSV file", path.to_str().unwrap());
        driver.press(Key::Enter);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(heading), "{name}: {text}");
        // The rows are by line of own code, which part the stacks; names with commas stand behind the numbers.
        let sum = |column: usize| -> i64 {
            text.lines().skip(1).map(|line| line.split(',').nth(column).unwrap().parse::<i64>().unwrap()).sum()
        };
        assert_eq!(columns.map(sum), [3_886_952, 3_793_013], "{name}: {text}");
    }
}

#[test]
fn a_time_is_typed_for_the_side_that_is_chosen() {
    let mut driver = compare();
    driver.click(Role::CheckBox, "linked");
    driver.press(Key::G);
    driver.click(Role::RadioButton, "B");
    driver.type_into("Moment or range", "end");
    driver.press(Key::Enter);
    assert!(driver.shows_part("3.71 MiB \u{2192} 3.52 MiB"), "A at its peak still, B at its end");
    driver.press(Key::G);
    assert!(driver.is_on(Role::RadioButton, "B"), "it stays chosen");
    driver.click(Role::RadioButton, "A");
    driver.type_into("Moment or range", "end");
    driver.press(Key::Enter);
    assert!(driver.shows_part("3.61 MiB \u{2192} 3.52 MiB"));
}

#[test]
fn a_time_that_is_typed_for_both_is_looked_up_in_each() {
    let mut driver = compare();
    driver.press(Key::G);
    driver.type_into("Moment or range", "50ms");
    driver.press(Key::Enter);
    // Not where A's next sample, at 53 ms, is in B.
    let live = |side: &str| memray_view_says(side);
    let [before, after] = [live(BEFORE), live(AFTER)];
    assert!(driver.shows_part(&format!("{before} \u{2192} {after}")), "{before}, {after}");
}

/// What is live at 50 ms, as one capture's window has it.
fn memray_view_says(name: &str) -> String {
    let mut driver = Driver::open(name);
    driver.press(Key::G);
    driver.type_into("Moment or range", "50ms");
    driver.press(Key::Enter);
    let root = driver.icicle();
    root.split(", ").nth(1).unwrap().to_owned()
}

#[test]
fn clicks_in_the_graph_of_both_are_of_the_side_that_is_chosen() {
    let mut driver = compare();
    driver.press(Key::B);
    driver.click(Role::CheckBox, "linked");
    assert!(driver.is_on(Role::CheckBox, "clicks choose A"));
    driver.click(Role::CheckBox, "clicks choose B");
    driver.harness.get_by_role_and_label(Role::Canvas, "Memory graph of both").click();
    driver.settle();
    assert!(driver.is_on(Role::CheckBox, "clicks choose B"));
    let both = driver.canvas("Memory graph of both");
    assert!(both.starts_with("heap peaks at 3.71 MiB after 83 ms") && both.ends_with(" selected"), "{both}");
    assert!(driver.shows_part("A: Live at the peak, 83 ms; B: Live at 66 ms: 3.71 MiB"));
    // Each is drawn at its own time: another click is of B's, wherever A lies below it.
    driver.click(Role::CheckBox, "clicks choose A");
    driver.press(Key::G);
    driver.click(Role::RadioButton, "A");
    driver.type_into("Moment or range", "end");
    driver.press(Key::Enter);
    driver.click(Role::CheckBox, "clicks choose B");
    let both = driver.canvas("Memory graph of both");
    assert!(both.starts_with("heap peaks at 3.71 MiB after 83 ms"), "A begins first: {both}");
    assert!(both.ends_with(", 66 ms selected"), "B's moment, by its own time: {both}");
    // Where A's end lies, over which B's 66 ms are drawn, is no end of B's.
    driver.harness.get_by_role_and_label(Role::Canvas, "Memory graph of both").click();
    driver.settle();
    assert!(driver.shows_part("A: Live at the end; B: Live at "), "{}", driver.canvas("Memory graph of both"));
}

#[test]
fn callers_are_gone_through_by_keyboard() {
    let mut driver = Driver::open(AFTER);
    driver.type_into("Search functions, files, modules", "add");
    driver.press(Key::Enter);
    driver.press(Key::Escape);
    driver.press(Key::Num6);
    let middle = |driver: &Driver| driver.canvas("Callees");
    let at_first = middle(&driver);
    driver.harness.get_by_role_and_label(Role::Canvas, "Callers").focus();
    driver.harness.run_steps(2);
    driver.press(Key::ArrowUp);
    let one = selected(&driver);
    driver.press(Key::ArrowUp);
    let another = selected(&driver);
    assert_ne!(one, another);
    assert_eq!(middle(&driver), at_first, "arrows only go about");
    driver.press(Key::Enter);
    let name = another.split(' ').next().unwrap().to_owned();
    assert!(middle(&driver).starts_with(&format!("{name}, ")), "{} after Enter on {another}", middle(&driver));
}

#[test]
fn a_stack_is_copied_as_the_side_names_it_where_it_was_selected() {
    let mut driver = compare();
    driver.press(Key::Num5);
    for (icicle, recorder) in
        [("Icicle of A", "/opt/memray/1.20.0-py3.11/"), ("Icicle of B", "/opt/memray/1.20.0-py3.13/")]
    {
        driver.harness.get_by_role_and_label(Role::Canvas, icicle).focus();
        driver.harness.run_steps(2);
        for _ in 0..8 {
            driver.press(Key::ArrowDown);
        }
        run(&mut driver, "copy stack");
        let stack = driver.copied().unwrap();
        let lines: Vec<&str> = stack.lines().collect();
        assert!(lines[0].starts_with(&format!("_run_tracker ({recorder}")), "{icicle}: {stack}");
        assert_eq!(
            lines[1..],
            [
                "<module> (/srv/demo/items/cli.py:42)",
                "main (/srv/demo/items/cli.py:37)",
                "check (/srv/demo/items/cli.py:28)",
                "all (/srv/demo/items/cli.py:19)",
            ]
        );
        driver.press(Key::Escape);
    }
}
