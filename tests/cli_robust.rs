// SPDX-License-Identifier: Apache-2.0
//! The command where things go wrong: files that are no captures, builds that are killed, disks that are full, several
//! processes at once.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::{Place, capture_path, said};
use memray_format::synth::Synthesis;
use memray_format::{Encoder, Record};
use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

/// What the command says of a file, which is one line: a clause, then the file's name.
fn complaint(place: &Place, name: &str) -> String {
    let mut seen = Vec::new();
    for arguments in [vec!["stats", name], vec!["index", name], vec!["export", name], vec![name]] {
        let said = place.run(&arguments);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{arguments:?}: {}", said.err);
        seen.push(said.err);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let line = seen[0].strip_prefix("memray-view: ").unwrap().strip_suffix('\n').unwrap();
    let clause = line.strip_suffix(&format!(": {name}")).unwrap_or_else(|| panic!("{line}"));
    assert!(
        clause.starts_with(char::is_lowercase) && !clause.ends_with('.') && !clause.contains(['\n', ':']),
        "{clause}"
    );
    clause.to_owned()
}

#[test]
fn whatever_is_no_capture_is_named_for_what_it_is() {
    let place = Place::new();
    let version = |version: i32| [b"memray\0".as_slice(), &version.to_le_bytes(), &[0; 200]].concat();
    let now_ms = 1_760_000_000_000u64.to_le_bytes();
    let of_32_bits =
        [b"memray\0\x08\0\0\0\0\x05\0\0\0\x03\0\0\0", &now_ms[..], &now_ms[..], b"a.py\0\x01\0\0\0\x01"].concat();
    for (name, bytes, clause) in [
        ("empty.bin", Vec::new(), "the file is empty"),
        ("a.txt", b"hello\n".to_vec(), "this is not a capture that memray wrote but a text file"),
        (
            "a.html",
            b"<!DOCTYPE html>".to_vec(),
            "this is not a capture that memray wrote but an HTML page; open the capture (.bin) that it was made from",
        ),
        (
            "a.db",
            [b"SQLite format 3\0".as_slice(), &[0; 200]].concat(),
            "this is not a capture that memray wrote but an SQLite database",
        ),
        ("a.dat", vec![1, 2, 3], "this is not a capture that memray wrote, nor any other kind of file known here"),
        (
            "zeros.bin",
            vec![0; 5000],
            "the file holds only zero bytes, as if the program was killed before memray wrote to it",
        ),
        (
            "v6.bin",
            version(6),
            "the capture has format version 6, written by memray 1.0, older than 1.2; record it again with a newer memray",
        ),
        (
            "v7.bin",
            version(7),
            "the capture has format version 7, written by memray 1.1, older than 1.2; record it again with a newer memray",
        ),
        (
            "v14.bin",
            version(14),
            "the capture has format version 14, newer than this program knows (13); update memray-view",
        ),
        ("short.bin", b"memray\0\x0d\0".to_vec(), "the capture ends within its header, so it holds no records"),
        (
            "32.bin",
            of_32_bits,
            "the capture was written by a 32-bit Python; only captures of 64-bit Pythons can be read",
        ),
    ] {
        fs::write(place.path(name), bytes).unwrap();
        assert_eq!(complaint(&place, name), clause);
    }
    assert_eq!(complaint(&place, "nothing.bin"), "there is no such file");
    assert_eq!(complaint(&place, "/"), "this is a folder; name a capture in it");
    assert_eq!(complaint(&place, "/dev/zero"), "this is a device, a socket or a pipe; captures are read from files");
    let _socket = UnixListener::bind(place.path("socket")).unwrap();
    assert_eq!(complaint(&place, "socket"), "this is a device, a socket or a pipe; captures are read from files");
    std::os::unix::fs::symlink("loop.bin", place.path("loop.bin")).unwrap();
    assert!(complaint(&place, "loop.bin").starts_with("the file cannot be read (Too many levels of symbolic links"));
    assert!(!place.path("cache").exists(), "none of them was worth a cache");
}

#[test]
fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    assert_eq!(complaint(&place, "pipe"), "this is a device, a socket or a pipe; captures are read from files");
}

#[test]
fn an_index_that_is_cut_or_of_another_version_says_what_to_do() {
    let place = Place::new();
    let made = place.run_on("v13-py3.13/threads.bin", &["index", "FILE", "-o", "a.mvidx"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let whole = fs::read(place.path("a.mvidx")).unwrap();
    fs::write(place.path("cut.mvidx"), &whole[..whole.len() / 2]).unwrap();
    let clause = "the index cannot be used (the file is not as long as it should be); make it anew from its capture";
    assert_eq!(complaint(&place, "cut.mvidx"), clause);
    let mut older = whole;
    older[60..64].copy_from_slice(&0i32.to_be_bytes());
    fs::write(place.path("older.mvidx"), older).unwrap();
    assert!(
        complaint(&place, "older.mvidx").starts_with("the index cannot be used (it has version 0, this program reads ")
    );
}

/// A place with `large.bin`, whose index takes a while to build.
fn place_with_large_capture() -> Place {
    let place = Place::new();
    let synthesis = Synthesis::large(5, 600_000);
    let header = memray_format::Header { allocation_count: 1, ..synthesis.header() };
    let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
    synthesis.generate(&mut |record: Record<'_>| encoder.record(&record).unwrap());
    fs::write(place.path("large.bin"), encoder.finish().unwrap()).unwrap();
    place
}

fn kept_files(place: &Place) -> Vec<String> {
    let Ok(files) = fs::read_dir(place.path("cache/memray-view/indexes")) else { return Vec::new() };
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

fn kept_of_kind(place: &Place, extension: &str) -> usize {
    kept_files(place).iter().filter(|name| name.ends_with(extension)).count()
}

fn start(place: &Place, arguments: &[&str]) -> Child {
    place.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Starts building an index and returns while it is being built.
fn start_building(place: &Place) -> Child {
    let mut child = start(place, &["export", "large.bin"]);
    while kept_of_kind(place, ".partial") == 0 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    child
}

#[test]
fn a_build_that_is_killed_leaves_no_index_and_is_done_again_at_once() {
    let place = place_with_large_capture();
    let mut child = start_building(&place);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(kept_of_kind(&place, ".mvidx"), 0);
    let again = place.run(&["index", "large.bin"]);
    assert!(again.out.lines().last().unwrap().contains(", built in "), "{}{}", again.out, again.err);
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
    let warm = place.run(&["index", "large.bin"]);
    assert!(warm.out.lines().last().unwrap().contains(", opened from the cache in "), "{}", warm.out);
}

#[test]
fn two_processes_at_once_answer_the_same_and_keep_one_index() {
    let place = place_with_large_capture();
    let first = start_building(&place);
    let second = start(&place, &["export", "large.bin"]);
    let (first, second) = (said(first.wait_with_output().unwrap()), said(second.wait_with_output().unwrap()));
    assert_eq!((first.code, first.err.as_str(), second.code, second.err.as_str()), (0, "", 0, ""));
    assert!(first.out.len() > 1000 && first.out == second.out);
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
}

#[test]
fn if_the_process_that_builds_is_killed_the_one_that_waits_builds() {
    let place = place_with_large_capture();
    let mut first = start_building(&place);
    let second = start(&place, &["export", "large.bin"]);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = said(second.wait_with_output().unwrap());
    assert_eq!((second.code, second.err.as_str()), (0, ""));
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
}

/// Runs the command where no file may become larger than 32 KiB, as if the disk were full then.
fn run_on_a_full_disk(place: &Place, before: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -f 64; {before} exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_memray-view"));
    command.args(arguments).current_dir(place.path("")).env("XDG_CACHE_HOME", place.path("cache"));
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("XDG_CONFIG_HOME", place.path("config"));
    command.output().unwrap()
}

#[test]
fn a_full_disk_is_said_and_leaves_no_broken_index() {
    let place = Place::new();
    fs::copy(capture_path("v13-py3.13/threads.bin"), place.path("a.bin")).unwrap();
    for arguments in [&["stats", "a.bin"][..], &["--no-cache", "stats", "a.bin"]] {
        let full = said(run_on_a_full_disk(&place, "trap '' XFSZ;", arguments));
        assert_eq!((full.code, full.out.as_str()), (1, ""));
        assert!(full.err.starts_with("memray-view: the index cannot be written ("), "{}", full.err);
        assert!(full.err.contains("; free some disk space"), "{}", full.err);
        assert!(kept_files(&place).is_empty(), "{:?}", kept_files(&place));
    }
    // Where the system ends the process instead, it is as if it was killed.
    assert!(!run_on_a_full_disk(&place, "", &["stats", "a.bin"]).status.success());
    assert_eq!(kept_of_kind(&place, ".mvidx"), 0);
    assert_eq!(place.run(&["stats", "a.bin"]).code, 0);
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
}

#[test]
fn where_nothing_can_be_kept_captures_open_all_the_same() {
    let place = Place::new();
    fs::write(place.path("cache"), b"a file where a folder should be").unwrap();
    let said = place.run_on("v13-py3.13/threads.bin", &["index", "FILE"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.lines().last().unwrap().contains(", built in "), "{}", said.out);
}

#[test]
fn kept_indexes_are_listed_with_their_captures() {
    let place = Place::new();
    fs::copy(capture_path("v13-py3.13/threads.bin"), place.path("service \u{1b}[31m.bin")).unwrap();
    assert_eq!(place.run(&["index", "service \u{1b}[31m.bin"]).code, 0);
    let listed = place.run(&["cache"]);
    assert!(listed.out.lines().nth(1).unwrap().contains("  service \\u{1b}[31m.bin  "), "{}", listed.out);
}
