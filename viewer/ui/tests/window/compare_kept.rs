// SPDX-License-Identifier: Apache-2.0
//! What a comparison keeps while it is compared anew, read again or looked at otherwise.

use crate::driver::{Driver, capture};
use egui::Key;
use egui::accesskit::Role;
use memray_ui::AppOptions;
use std::path::PathBuf;

/// Two captures in a folder of their own.
fn copies(folder: &tempfile::TempDir) -> [PathBuf; 2] {
    [("v13-py3.11/items.bin", "old.bin"), ("v13-py3.13/items.bin", "new.bin")].map(|(from, name)| {
        let path = folder.path().join(name);
        std::fs::copy(capture(from), &path).unwrap();
        path
    })
}

fn compare(paths: &[PathBuf; 2]) -> Driver {
    let [path, compared_with] = paths.clone().map(Some);
    let mut driver = Driver::with(AppOptions { path, compared_with, ..AppOptions::default() });
    driver.settle();
    driver
}

#[test]
fn the_table_is_there_again_after_the_captures_were_compared_anew_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = compare(&copies(&folder));
    driver.press(Key::Num2);
    assert!(driver.shows_part("rows"));
    driver.press(Key::Num1);
    // By line, and by function again: as it was.
    driver.click(Role::Button, "by function");
    driver.click(Role::Button, "by line");
    driver.press(Key::Num2);
    assert!(driver.shows_part("rows") && driver.shows("Group by"));
}

#[test]
fn captures_read_again_show_what_they_showed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = copies(&folder);
    let mut driver = compare(&paths);
    driver.press(Key::Num5);
    driver.click(Role::RadioButton, "Leaked");
    driver.type_into("Search functions, files, modules", "load");
    driver.press(Key::Escape);
    driver.press(Key::F5);
    assert!(driver.is_on(Role::Tab, "Side by side") && driver.is_on(Role::RadioButton, "Leaked"));
    // One that is gone leaves both as they were.
    std::fs::remove_file(&paths[1]).unwrap();
    driver.press(Key::F5);
    assert!(driver.is_on(Role::Tab, "Side by side") && driver.is_on(Role::RadioButton, "Leaked"));
}

#[test]
fn reading_again_twice_keeps_the_view() {
    let folder = tempfile::tempdir().unwrap();
    let paths = copies(&folder);
    for mut driver in [Driver::open_path(&paths[0]), compare(&paths)] {
        driver.click(Role::RadioButton, "Leaked");
        // A key that is held is pressed again before the file is read.
        driver.harness.key_press(Key::F5);
        driver.harness.step();
        driver.harness.key_press(Key::F5);
        driver.harness.step();
        driver.settle();
        assert!(driver.is_on(Role::RadioButton, "Leaked"), "{}", driver.harness.state().title());
    }
}

#[test]
fn the_threshold_of_temporary_allocations_is_of_both() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = compare(&copies(&folder));
    driver.click(Role::RadioButton, "Temporary");
    driver.click(Role::SpinButton, "threshold");
    driver.harness.event(egui::Event::Text("3".to_owned()));
    driver.press(Key::Enter);
    assert!(driver.shows_part("at most 3 further"), "{:?}", driver.harness.state().title());
}
