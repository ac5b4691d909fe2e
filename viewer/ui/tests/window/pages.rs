// SPDX-License-Identifier: Apache-2.0
//! What the window shows before and beside a capture.

use crate::driver::{Driver, Dropped, capture};
use egui::accesskit::Role;
use egui::{Key, Modifiers, Pos2, Rect, Theme, vec2};
use egui_kittest::kittest::Queryable as _;
use memray_ui::theme::Palette;
use std::sync::Arc;

#[test]
fn without_a_file_there_is_a_way_to_open_one_and_a_line_to_record_one() {
    let driver = Driver::start();
    assert!(driver.shows("Open a capture…"));
    assert!(driver.shows_part("memray-view run script.py"));
    assert_eq!(driver.harness.state().title(), "memray-view");
}

#[test]
fn the_program_brings_its_sample_and_leaves_nothing_of_it_behind() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.json");
    let mut driver = Driver::with_settings(None, &settings);
    driver.click(Role::Button, "Open the sample");
    assert_eq!(driver.harness.state().title(), "orders.bin — memray-view");
    assert!(driver.shows("Peak 534\u{a0}MiB at 19.9\u{a0}s; "));
    let path = driver.harness.state().path().unwrap().to_owned();
    drop(driver);
    assert!(!path.exists());
    assert!(!Driver::with_settings(None, &settings).shows("Recent"));
}

#[test]
fn a_capture_that_was_opened_is_offered_again_with_its_peak() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.json");
    drop(Driver::with_settings(Some(&capture("v13-py3.13/items.bin")), &settings));
    let mut driver = Driver::with_settings(None, &settings);
    driver.click(Role::Button, "items.bin, peak 3.62 MiB");
    assert_eq!(driver.harness.state().title(), "items.bin — memray-view");
}

#[test]
fn a_file_that_is_no_capture_says_so_and_offers_ways_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "nothing to see here").unwrap();
    let mut driver = Driver::open_path(&path);
    assert!(driver.shows("notes.txt cannot be opened"));
    assert!(driver.harness.state().failure().unwrap().contains("notes.txt"));
    driver.click(Role::Button, "Back to the start");
    assert!(driver.shows("Open a capture…"));
}

#[test]
fn a_question_mark_shows_all_keys_and_escape_hides_them() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press(Key::Questionmark);
    for name in ["Jump to the peak RSS", "Split threads", "double click a frame"] {
        assert!(driver.shows(name), "{name}");
    }
    driver.press(Key::Escape);
    assert!(!driver.shows("double click a frame"));
}

#[test]
fn the_keys_fit_into_the_smallest_window() {
    for size in [vec2(1024.0, 700.0), vec2(720.0, 480.0)] {
        let mut driver = Driver::open("v13-py3.13/items.bin");
        driver.harness.set_size(size);
        driver.press(Key::Questionmark);
        let window = Rect::from_min_size(Pos2::ZERO, size);
        for (role, label) in [(Role::Label, "Keys"), (Role::Label, "1"), (Role::Button, "Close")] {
            let sheet = driver.harness.get_all_by_role_and_label(role, label);
            assert!(sheet.into_iter().any(|node| window.contains_rect(node.rect())), "{label} at {size:?}");
        }
    }
}

#[test]
fn a_caption_that_has_no_room_beside_the_modes_stands_below_them_in_one_piece() {
    let mut driver = Driver::open("v13-py3.13/crash.bin");
    let caption = |driver: &Driver| driver.harness.get_by_label_contains("Live at the peak, 57 ms").rect();
    assert!(caption(&driver).left() > 600.0, "beside the modes");
    driver.harness.set_size(vec2(1024.0, 700.0));
    driver.settle();
    let below = caption(&driver);
    assert!(below.left() < 24.0 && below.height() < 24.0, "{below:?}");
}

#[test]
fn a_path_can_be_typed_where_no_dialog_answers() {
    let mut driver = Driver::start();
    driver.press_with(egui::Modifiers::COMMAND, Key::L);
    let path = capture("v13-py3.13/items.bin");
    driver.type_into("Path of a capture or an index", path.to_str().unwrap());
    driver.press(Key::Enter);
    assert_eq!(driver.harness.state().title(), "items.bin — memray-view");
}

fn drop_files(driver: &mut Driver, files: &[&str]) {
    let dropped = files.iter().map(|file| Arc::new(Dropped(capture(file))) as Arc<_>);
    driver.harness.input_mut().dropped_files.extend(dropped);
    driver.harness.run_steps(2);
}

#[test]
fn files_dropped_together_are_what_they_would_be_on_the_command_line() {
    let mut family = Driver::start();
    drop_files(&mut family, &["v13-py3.13/forks.bin", "v13-py3.13/forks.bin.20812"]);
    family.settle();
    assert!(family.is_on(Role::Tab, "All processes"));
    let mut pair = Driver::start();
    drop_files(&mut pair, &["v13-py3.13/items.bin", "v13-py3.13/deep.bin"]);
    pair.settle();
    assert!(pair.harness.state().title().contains("items.bin"), "{}", pair.harness.state().title());
    assert!(pair.shows_part("Swap"));
    let mut mixed = Driver::start();
    let others = ["v13-py3.13/items.bin", "v13-py3.13/items.bin.truth.json.gz", "v13-py3.13/deep.bin"];
    drop_files(&mut mixed, &others);
    assert!(mixed.shows("Skipped what is no capture: items.bin.truth.json.gz"));
    mixed.settle();
    assert!(mixed.is_on(Role::Tab, "items.bin") && mixed.shows("deep.bin"));
    let mut none = Driver::start();
    drop_files(&mut none, &["README.md", "v13-py3.13/items.bin.truth.json.gz", "v13-py3.13/deep.bin.truth.json.gz"]);
    none.settle();
    assert!(none.shows_part("cannot be opened"));
}

#[test]
fn a_capture_dropped_on_the_window_opens() {
    let mut driver = Driver::start();
    driver.harness.input_mut().dropped_files.push(Arc::new(Dropped(capture("v13-py3.13/items.bin"))));
    driver.settle();
    assert_eq!(driver.harness.state().title(), "items.bin — memray-view");
}

#[test]
fn the_theme_is_the_systems_unless_another_was_chosen() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    let drawn = |driver: &mut Driver, system: Theme| {
        driver.harness.input_mut().system_theme = Some(system);
        driver.settle();
        (driver.harness.ctx.theme(), driver.harness.ctx.global_style().visuals.panel_fill)
    };
    assert_eq!(drawn(&mut driver, Theme::Light), (Theme::Light, Palette::LIGHT.background));
    assert_eq!(drawn(&mut driver, Theme::Dark), (Theme::Dark, Palette::DARK.background));
    driver.click(Role::Button, "Settings");
    driver.click(Role::Button, "Theme: light");
    assert_eq!(drawn(&mut driver, Theme::Dark), (Theme::Light, Palette::LIGHT.background));
}

#[test]
fn what_is_chosen_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.json");
    let mut driver = Driver::with_settings(Some(&capture("v13-py3.13/items.bin")), &settings);
    driver.click(Role::Button, "KiB");
    drop(driver);
    let driver = Driver::with_settings(None, &settings);
    assert!(driver.shows("items.bin, peak 3.79 MB"));
}

#[test]
fn every_command_is_found_by_its_name_and_run_by_enter() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press_with(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    assert!(driver.field_has_focus("Command"));
    driver.type_into("Command", "statis");
    assert!(driver.shows_part("View: Statistics"));
    assert!(!driver.shows_part("View: Table"));
    driver.press(Key::Enter);
    assert!(driver.is_on(Role::Tab, "Statistics"));
    assert!(!driver.shows_part("View: Statistics"), "it is closed");
    // What cannot be done now is listed last, and does nothing.
    driver.press_with(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    driver.type_into("Command", "swap");
    assert!(driver.is_disabled(Role::Button, "File: Swap A and B"));
    driver.press(Key::Enter);
    assert!(driver.shows_part("File: Swap A and B"));
    driver.press(Key::Escape);
    assert!(!driver.shows_part("File: Swap A and B"));
    assert!(driver.is_on(Role::Tab, "Statistics"));
}

#[test]
fn modes_and_what_can_be_asked_about_a_function_are_found_by_name_too() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    let run = |driver: &mut Driver, name: &str| {
        driver.press_with(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
        driver.type_into("Command", name);
        driver.press(Key::Enter);
    };
    run(&mut driver, "leaked");
    assert!(driver.is_on(Role::RadioButton, "Leaked") && driver.shows_part("Still live at the end: 3.52 MiB"));
    driver.press_with(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    driver.type_into("Command", "hide stacks with");
    assert!(driver.is_disabled(Role::Button, "Capture: Hide stacks with this function"), "none is selected");
    driver.press(Key::Escape);
    // The outermost function.
    driver.press(Key::ArrowDown);
    driver.press(Key::ArrowDown);
    run(&mut driver, "hide stacks with");
    assert!(driver.shows_part("without "));
    assert!(driver.icicle().starts_with("<root>, 0 B, "), "all stacks begin with it: {}", driver.icicle());
}

#[test]
fn arrow_keys_go_through_the_commands() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.press_with(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    // Growth comes first of those with these letters, and is two steps down and one up from where it begins.
    driver.type_into("Command", "view");
    for key in [Key::ArrowDown, Key::ArrowDown, Key::ArrowUp, Key::Enter] {
        driver.press(key);
    }
    assert!(driver.is_on(Role::Tab, "Table"), "the second of the menu View");
}

#[test]
fn a_function_is_seen_between_its_callers_and_its_callees() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::Tab, "Callers");
    assert!(driver.shows_part("Select a function"));
    driver.click(Role::Tab, "Icicle");
    driver.type_into("Search functions, files, modules", "check");
    driver.press(Key::Enter);
    driver.press(Key::Escape);
    driver.press(Key::Num6);
    assert!(driver.is_on(Role::Tab, "Callers"));
    let bytes = "1.04 MiB";
    assert!(driver.shows_part(&format!("check: {bytes} (")), "the function and what passed through it");
    for canvas in ["Callers", "Callees"] {
        let said = driver.canvas(canvas);
        assert!(said.starts_with("check, ") && said.contains(bytes), "{canvas}: {said}");
    }
}
