// SPDX-License-Identifier: Apache-2.0
//! Several files in one window: a program's processes summed, and each file in a tab.

use crate::driver::{Driver, capture};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
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
        let heap = |t: &Timeline| {
            let mut samples: Vec<(i64, u64)> = t.snapshots.iter().map(|s| (s.time_ms, s.heap_bytes)).collect();
            samples.insert(t.peak_interval, (t.start_time_ms + t.peak_elapsed_ms(), t.peak_bytes));
            match samples.iter().rfind(|(time_ms, _)| *time_ms <= ms) {
                _ if ms == t.end_time_ms => t.end_heap_bytes,
                sample => sample.map_or(0, |sample| sample.1),
            }
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
fn what_all_processes_held_is_one_icicle_of_the_highest_sum_or_of_a_moment() {
    const NAME: &str = "Icicle of all processes";
    let names = family();
    let mut driver = several(&names.iter().map(String::as_str).collect::<Vec<_>>(), true);
    let all = driver.canvas(NAME);
    let headline = driver.harness.get_by_label_contains("highest sum").accesskit_node().value().unwrap();
    let highest = headline.split(" highest sum ").nth(1).and_then(|rest| rest.split(" at ").next()).unwrap().to_owned();
    assert!(all.starts_with(&format!("<root>, {highest}, 100 % of the total")), "{all}; {headline}");
    assert!(driver.shows_part(&format!("when the sum was highest: {highest} in ")));
    let at = headline.split(" at ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    assert!(driver.shows(&format!("{highest} at {at}")), "the list of bands has the same moment: {headline}");
    // A tower for each process that ran then; summed there is no tower, and no less memory.
    driver.harness.get_by_role_and_label(Role::Canvas, NAME).focus();
    driver.settle();
    driver.press(Key::ArrowDown);
    driver.press(Key::ArrowDown);
    assert!(driver.shows_part("forks.bin"), "{}", driver.canvas(NAME));
    driver.click(Role::RadioButton, "As one");
    assert_eq!(driver.canvas(NAME), all);
    driver.click(Role::RadioButton, "Side by side");
    assert!(!driver.shows("Highest sum"), "it is shown");
    // The moment before, by keyboard.
    driver.harness.get_by_role_and_label(Role::Canvas, "Bands").focus();
    driver.settle();
    driver.press(Key::ArrowLeft);
    assert!(!driver.shows_part("when the sum was highest"));
    let before = driver.canvas(NAME);
    assert_ne!(before, all);
    assert!(driver.shows_part(&format!(": {} in ", before.split(", ").nth(1).unwrap())), "{before}");
    driver.click(Role::Button, "Highest sum");
    assert_eq!(driver.canvas(NAME), all);
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
fn what_one_tab_showed_is_not_gone_back_to_in_another() {
    let mut driver = several(&["v13-py3.13/items.bin", "v13-py3.13/deep.bin", "v13-py3.13/threads.bin"], false);
    driver.press_with(Modifiers::COMMAND, Key::PageDown);
    driver.press_with(Modifiers::COMMAND, Key::PageUp);
    driver.press(Key::Num2);
    driver.harness.get_all_by_label_contains("load cli.py").next().unwrap().click();
    driver.settle();
    driver.click(Role::Tab, "deep.bin");
    assert!(driver.is_on(Role::Tab, "Icicle"));
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::Tab, "Icicle"), "there is nothing to go back to");
    driver.click(Role::Tab, "items.bin");
    assert!(driver.is_on(Role::Tab, "Table"));
    driver.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(driver.is_on(Role::Tab, "Icicle"));
}

#[test]
fn a_process_whose_tab_was_closed_opens_in_a_new_one() {
    let names = family();
    let mut driver = several(&names.iter().map(String::as_str).collect::<Vec<_>>(), true);
    driver.click(Role::Button, "forks.bin.20814");
    driver.press_with(Modifiers::COMMAND, Key::W);
    driver.click(Role::Tab, "All processes");
    driver.click(Role::Button, "forks.bin.20814");
    assert!(driver.is_on(Role::Tab, "forks.bin.20814"));
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
