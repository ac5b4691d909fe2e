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
        &["--file", "threads", "--hide-import-system", "--allocator", "malloc"],
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

#[cfg(unix)]
#[test]
fn an_index_is_written_through_links_and_readable_by_whom_the_user_lets() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = Place::new();
    std::fs::create_dir(place.path("below")).unwrap();
    symlink("below/there.mvidx", place.path("link.mvidx")).unwrap();
    let capture = capture_path("v13-py3.13/nothing.bin");
    let write = |output: &str| place.run(&["index", capture.to_str().unwrap(), "-o", output]);
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    for already in [false, true] {
        let said = write("link.mvidx");
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{already}");
        assert!(std::fs::symlink_metadata(place.path("link.mvidx")).unwrap().is_symlink(), "{already}");
        assert!(place.run(&["stats", "below/there.mvidx"]).out.starts_with("Peak 81.9 KiB "), "{already}");
    }
    // As a file that the shell makes.
    assert!(std::process::Command::new("touch").arg(place.path("made")).status().unwrap().success());
    assert_eq!(mode("below/there.mvidx"), mode("made"));
    std::fs::set_permissions(place.path("below/there.mvidx"), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!((write("below/there.mvidx").code, mode("below/there.mvidx")), (0, 0o640));
    assert_eq!(std::fs::read_dir(place.path("below")).unwrap().count(), 1, "nothing else is left there");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced_by_an_index() {
    use std::os::unix::fs::FileTypeExt as _;
    let place = Place::new();
    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("pipe", place.path("link")).unwrap();
    let capture = capture_path("v13-py3.13/nothing.bin");
    for output in ["pipe", "link", "."] {
        let said = place.run(&["index", capture.to_str().unwrap(), "-o", output]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{output}");
        assert_eq!(said.err, format!("memray-view: {output} is no file: an index can only be written to one\n"));
    }
    assert!(std::fs::symlink_metadata(place.path("pipe")).unwrap().file_type().is_fifo());
    assert!(std::fs::symlink_metadata(place.path("link")).unwrap().is_symlink());
}

#[test]
fn an_index_that_cannot_be_written_is_named_as_the_user_named_it() {
    let place = Place::new();
    let said = place.run_on("v13-py3.13/nothing.bin", &["index", "FILE", "-o", "no/such/x.mvidx"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert_eq!(said.err, "memray-view: no/such/x.mvidx cannot be written: No such file or directory (os error 2)\n");
}

#[test]
fn the_cache_is_not_asked_for_without_itself() {
    let said = Place::new().run(&["cache", "--no-cache"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("--no-cache does not go with cache"), "{}", said.err);
}

#[test]
fn an_index_of_another_version_is_listed_as_such() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("cache/memray-view/indexes")).unwrap();
    std::fs::write(place.path("cache/memray-view/indexes/5-ab-v1.mvidx"), b"old").unwrap();
    let listed = place.run(&["cache"]);
    assert!(listed.out.lines().nth(1).unwrap().ends_with("  (of another version)  5-ab-v1.mvidx"), "{}", listed.out);
    assert!(place.run(&["cache", "--clear"]).out.starts_with("1 index of 3 B thrown out"));
}
