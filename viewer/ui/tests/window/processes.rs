// SPDX-License-Identifier: Apache-2.0
//! Several files in one window: a program's processes summed, and each file in a tab.

use crate::driver::{Driver, capture};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use memray_index::{Index, OpenOptions, Progress, Timeline};
use memray_report::size::{Units, format_bytes};
use memray_ui::AppOptions;
use std::path::PathBuf;

const PARENT: &str = "v13-py3.13/forks.bin";

fn several(names: &[&str], are_processes: bool) -> Driver {
    let paths: Vec<PathBuf> = names.iter().map(|name| capture(name)).collect();
    let (path, further) = (Some(paths[0].clone()), paths[1..].to_vec());
    let mut driver = Driver::with(AppOptions { path, further, are_processes, ..AppOptions::default() });
    driver.settle();
    driver
}

fn family() -> [String; 4] {
    ["", ".20812", ".20814", ".20816"].map(|end| format!("{PARENT}{end}"))
}

#[test]
fn the_processes_of_a_program_are_summed_listed_and_opened_one_by_one() {
    let names = family();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut driver = several(&names, true);
    assert!(driver.is_on(Role::Tab, "All processes"));
    let timelines = names.iter().map(|name| {
        let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
        Index::open(&capture(name), &options, &Progress::default()).unwrap().timeline().clone()
    });
    let timelines: Vec<Timeline> = timelines.collect();
    let sum_at = |ms: i64| -> u64 {
        let running = timelines.iter().filter(|t| (t.start_time_ms..=t.end_time_ms).contains(&ms));
        let heap = |t: &Timeline| match t.snapshots.iter().rfind(|sample| sample.time_ms <= ms) {
            _ if ms == t.end_time_ms => t.end_heap_bytes,
            sample => sample.map_or(0, |sample| sample.heap_bytes),
        };
        running.map(heap).sum()
    };
    let first_ms = timelines.iter().map(|t| t.start_time_ms).min().unwrap();
    let last_ms = timelines.iter().map(|t| t.end_time_ms).max().unwrap();
    let highest = (first_ms..=last_ms).map(sum_at).max().unwrap();
    let highest = format!("4 processes, highest sum {} at ", format_bytes(highest, Units::Binary));
    assert!(driver.shows_part(&highest), "{highest}");
    let bands = driver.canvas("Bands");
    assert_eq!(bands.split(", ").count(), 4, "{bands}");
    driver.click(Role::Button, "forks.bin.20814");
    assert!(driver.is_on(Role::Tab, "forks.bin.20814"));
    assert_eq!(driver.harness.state().path(), Some(capture(names[2]).as_path()));
    assert!(driver.shows_part("Live at the peak"));
    driver.click(Role::RadioButton, "Leaked");
    driver.click(Role::Tab, "forks.bin");
    assert!(driver.is_on(Role::RadioButton, "Peak"));
    driver.click(Role::Tab, "forks.bin.20814");
    assert!(driver.is_on(Role::RadioButton, "Leaked"), "what a tab showed is shown again");
    driver.click(Role::Tab, "All processes");
    assert_eq!(driver.canvas("Bands"), bands);
}

#[test]
fn files_in_tabs_are_stepped_through_and_closed_one_by_one() {
    let mut driver = several(&["v13-py3.13/items.bin", "v13-py3.13/deep.bin", "v13-py3.13/threads.bin"], false);
    let title = |driver: &Driver| driver.harness.state().title();
    assert_eq!(title(&driver), "items.bin — memray-view");
    driver.press_with(Modifiers::COMMAND, Key::PageDown);
    assert_eq!(title(&driver), "deep.bin — memray-view");
    driver.press_with(Modifiers::COMMAND, Key::PageUp);
    driver.press_with(Modifiers::COMMAND, Key::PageUp);
    assert_eq!(title(&driver), "threads.bin — memray-view");
    driver.press_with(Modifiers::COMMAND, Key::W);
    assert_eq!(title(&driver), "deep.bin — memray-view");
    driver.press_with(Modifiers::COMMAND, Key::W);
    assert_eq!(title(&driver), "items.bin — memray-view");
    driver.press_with(Modifiers::COMMAND, Key::W);
    assert_eq!(title(&driver), "memray-view");
    assert!(driver.shows("Open a capture…"));
}

#[test]
fn a_process_that_cannot_be_read_says_so_and_the_others_are_summed() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("forks.bin.7");
    let paths = [capture(PARENT), gone.clone()];
    let options = AppOptions {
        path: Some(paths[0].clone()),
        further: paths[1..].to_vec(),
        are_processes: true,
        ..AppOptions::default()
    };
    let mut driver = Driver::with(options);
    driver.settle();
    assert!(driver.shows_part("1 process, highest sum "));
    assert!(driver.shows_part("forks.bin.7: "));
    driver.click(Role::Tab, "forks.bin.7");
    assert!(driver.shows_part("forks.bin.7 cannot be opened"));
}

#[test]
fn a_process_offers_those_that_it_forked() {
    let mut driver = Driver::open(PARENT);
    assert!(driver.shows("3 processes that it forked were recorded beside it."));
    driver.click(Role::Link, "Open all");
    assert!(driver.is_on(Role::Tab, "All processes"));
    driver.click(Role::Tab, "forks.bin");
    assert!(!driver.shows_part("that it forked"), "they are open");
    assert!(!Driver::open("v13-py3.13/items.bin").shows_part("that it forked"));
}
