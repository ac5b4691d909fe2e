// SPDX-License-Identifier: Apache-2.0
//! `memray-view index` and `cache`: an index is portable, kept, listed and thrown out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::{Place, capture_path};

#[test]
fn an_index_answers_where_its_capture_is_not() {
    let place = Place::new();
    std::fs::copy(capture_path("v13-py3.13/threads.bin"), place.path("a.bin")).unwrap();
    let questions: [&[&str]; 12] = [
        &["--mode", "peak"],
        &["--mode", "leaked"],
        &["--mode", "temporary"],
        &["--mode", "live@#4"],
        &["--mode", "live@95ms"],
        &["--mode", "range-live@0..#9", "--format", "collapsed"],
        &["--mode", "range-peak@#3..end"],
        &["--mode", "range-growth@50ms..end"],
        &["--mode", "range-churn@#2..#9", "--split-threads"],
        &["--mode", "temporary=5", "--format", "collapsed"],
        &["--function", "/^p/", "--hide-irrelevant"],
        &["--file", "threads", "--hide-import-system", "--allocator", "mmap"],
    ];
    let ask = |file: &str| questions.map(|question| place.run(&[&["export", file], question].concat()));
    let from_capture = ask("a.bin");
    assert_eq!(place.run(&["index", "a.bin", "-o", "a.mvidx"]).code, 0);
    std::fs::remove_file(place.path("a.bin")).unwrap();
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    for ((before, after), question) in from_capture.iter().zip(ask("a.mvidx")).zip(questions) {
        assert_eq!((after.code, after.err.as_str()), (0, ""), "{question:?}");
        assert_eq!(before.out, after.out);
    }
    let stats = place.run(&["stats", "a.mvidx"]);
    assert!(stats.out.starts_with("Peak 13.0 MiB at 95 ms; "), "{}", stats.out);
}

#[test]
fn says_what_it_found_and_how_fast() {
    let place = Place::new();
    let first = place.run_on("v13-py3.13/threads.bin", &["index", "FILE"]);
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    for line in [
        "Capture: 14.6 KiB (14,932 B), format 13, Python 3.13.14",
        "Records: 1,151",
        "Allocations: 330, 18.0 MiB in all; frees: 283 (8 of memory not recorded)",
        "Found: 85 locations, 5 threads, 14 snapshots over 190 ms",
    ] {
        assert!(first.out.lines().any(|found| found == line), "{line} is not in\n{}", first.out);
    }
    assert!(first.out.lines().last().unwrap().contains(", built in "), "{}", first.out);
    let second = place.run_on("v13-py3.13/threads.bin", &["index", "FILE"]);
    assert!(second.out.lines().last().unwrap().contains(", opened from the cache in "), "{}", second.out);
}

#[test]
fn the_cache_is_listed_cleared_and_left_alone_on_demand() {
    let place = Place::new();
    assert!(place.run(&["cache"]).out.starts_with("0 indexes of 0 B in "));
    assert!(place.run(&["cache", "--clear"]).out.starts_with("0 indexes of 0 B thrown out"));
    assert_eq!(place.run_on("v13-py3.13/nothing.bin", &["--no-cache", "stats", "FILE"]).code, 0);
    assert!(place.run(&["cache"]).out.starts_with("0 indexes of 0 B in "));
    assert_eq!(place.run_on("v13-py3.13/nothing.bin", &["stats", "FILE"]).code, 0);
    let listed = place.run(&["cache"]);
    assert!(listed.out.starts_with("1 index of ") && listed.out.lines().count() == 2, "{}", listed.out);
    assert!(place.run(&["cache", "--clear"]).out.starts_with("1 index of "));
    assert!(place.run(&["cache"]).out.starts_with("0 indexes of 0 B in "));
}

#[test]
fn an_index_never_replaces_its_capture() {
    let place = Place::new();
    std::fs::copy(capture_path("v13-py3.13/nothing.bin"), place.path("a.bin")).unwrap();
    let said = place.run(&["index", "a.bin", "-o", "a.bin"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("is the capture itself"), "{}", said.err);
    assert_eq!(place.run(&["stats", "a.bin"]).code, 0);
}

#[test]
fn an_index_that_cannot_be_written_says_where_and_what_to_do() {
    let place = Place::new();
    let said = place.run_on("v13-py3.13/nothing.bin", &["index", "FILE", "-o", "no/such/a.mvidx"]);
    let sentence = "memray-view: no/such/a.mvidx cannot be written (entity not found): choose a folder that is there, \
                    may be written to, and has room for the index\n";
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (1, "", sentence));
}
