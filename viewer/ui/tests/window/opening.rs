// SPDX-License-Identifier: Apache-2.0
//! What a capture shows when it opens.

use crate::driver::{Driver, capture};
use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use std::time::{Duration, Instant};

#[test]
fn a_capture_opens_on_its_peak_in_the_icicle_with_nothing_selected() {
    let driver = Driver::open("v13-py3.13/items.bin");
    assert_eq!(driver.harness.state().title(), "items.bin — memray-view");
    assert!(driver.is_on(Role::RadioButton, "Peak"));
    assert!(driver.is_on(Role::Tab, "Icicle"));
    assert!(driver.is_on(Role::CheckBox, "own code in colour"));
    for switch in ["fold libraries", "inverted", "flames", "split threads"] {
        assert!(!driver.is_on(Role::CheckBox, switch), "{switch}");
    }
    assert!(driver.shows("irrelevant frames hidden  ×"));
    assert!(driver.shows_part("Select a frame or a row"));
}

#[test]
fn the_headline_and_the_facts_stand_on_top() {
    let driver = Driver::open("v13-py3.13/items.bin");
    assert!(driver.shows("Peak 3.62\u{a0}MiB at 112\u{a0}ms; "));
    assert!(driver.shows_part("3.52 MiB still live at the end"));
    assert!(driver.shows_part("peak RSS 48.0 MiB at 107 ms"));
    assert!(driver.shows("Live at the peak, 112 ms: 3.62 MiB in 622 allocations"));
}

#[test]
fn a_name_in_the_headline_selects_its_frame() {
    let mut driver = Driver::open("v13-py3.13/items.bin");
    driver.click(Role::Link, "<module>");
    assert!(!driver.shows_part("Select a frame or a row"));
    assert!(driver.shows_part("cli.py:42"));
}

#[test]
fn what_was_not_traced_is_said() {
    let driver = Driver::open("v13-py3.13/items.bin");
    assert!(driver.shows_part("Small Python objects were not traced"));
    let driver = Driver::open("v13-py3.13/json_churn_pymalloc.bin");
    assert!(!driver.shows_part("Small Python objects were not traced"));
}

#[test]
fn why_an_index_is_not_kept_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Driver::open_with_cache("v13-py3.13/items.bin", &folder.path().join("cache"));
    assert!(!kept.shows_part("is not kept"));
    // What is a file can be no folder, whoever asks.
    let no_folder = folder.path().join("file");
    std::fs::write(&no_folder, "").unwrap();
    let driver = Driver::open_with_cache("v13-py3.13/items.bin", &no_folder);
    let words = "The next opening reads the whole capture again, as its index is not kept: the cache in ";
    assert!(driver.shows_part(words) && driver.shows_part("file cannot be used ("));
    assert!(!Driver::open("v13-py3.13/items.bin").shows_part("is not kept"), "it was not to be");
}

#[test]
fn what_a_recording_that_stops_holds_is_not_called_leaked() {
    let mut driver = Driver::open("v13-py3.13/crash.bin");
    assert!(driver.shows_part("The recording stops after"));
    assert!(driver.shows("Live when the recording stops"));
    assert!(!driver.shows("Leaked"));
    // The same words everywhere: mode and caption, details, graph, statistics.
    driver.click(Role::RadioButton, "Live when the recording stops");
    assert!(driver.shows_part("Live when the recording stops: "));
    driver.press(Key::ArrowDown);
    assert!(driver.shows_part("live when the recording stops "));
    assert!(driver.canvas("Memory graph").contains(" live when the recording stops, ran "));
    driver.press(Key::Num4);
    let told = driver.harness.query_all_by_label("Live when the recording stops").count();
    assert_eq!(told, 2, "the mode and the statistics");
}

#[test]
fn a_file_that_is_gone_or_no_capture_any_more_keeps_its_view_when_it_is_reloaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.bin");
    std::fs::copy(capture("v13-py3.13/items.bin"), &path).unwrap();
    let mut driver = Driver::open_path(&path);
    driver.click(Role::RadioButton, "Leaked");
    std::fs::remove_file(&path).unwrap();
    driver.press(Key::F5);
    assert!(driver.shows_part("Reading it again failed, so this is the file as it was read before: "));
    assert!(driver.is_on(Role::RadioButton, "Leaked") && driver.shows_part("Still live at the end: 3.52 MiB"));
    std::fs::write(&path, "garbage").unwrap();
    driver.press(Key::F5);
    assert!(driver.shows_part("Reading it again failed") && driver.is_on(Role::RadioButton, "Leaked"));
    std::fs::copy(capture("v13-py3.13/json_churn_pymalloc.bin"), &path).unwrap();
    driver.press(Key::F5);
    assert!(!driver.shows_part("Reading it again failed"));
    assert!(driver.is_on(Role::RadioButton, "Leaked"), "the view is the same");
}

#[test]
fn a_file_that_changes_on_disk_is_noticed_and_reloaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.bin");
    std::fs::copy(capture("v13-py3.13/items.bin"), &path).unwrap();
    let mut driver = Driver::open_path(&path);
    assert!(!driver.shows("F5 reloads it"));
    std::fs::copy(capture("v13-py3.13/json_churn_pymalloc.bin"), &path).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !driver.shows("F5 reloads it") {
        assert!(Instant::now() < deadline, "the change was not noticed");
        std::thread::sleep(Duration::from_millis(50));
        driver.harness.run_steps(1);
    }
    driver.press(Key::F5);
    assert!(!driver.shows("F5 reloads it"));
    assert!(driver.shows_part("8,403 allocations"));
}
