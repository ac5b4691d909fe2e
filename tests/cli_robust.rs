// SPDX-License-Identifier: Apache-2.0
//! The command where things go wrong: files that are no captures, builds that are killed, disks that are full, several
//! processes at once.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::{Place, Said, binary, capture_path, said};
use memray_format::synth::Synthesis;
use memray_format::{Encoder, Record};
use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No test waits longer for what must come.
const DEADLINE: Duration = Duration::from_secs(120);

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
    let Said { err, code, .. } = place.run(&["flamegraph", "x.bin"]);
    assert!(code == 2 && err.contains("there is no command flamegraph: `memray-view FILE` opens a capture"), "{err}");
    fs::write(place.path("flamegraph"), []).unwrap();
    assert_eq!(complaint(&place, "flamegraph"), "the file is empty");
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

/// Starts the command with its output going to files, so that it never waits for us to read.
fn start(place: &Place, name: &str) -> Child {
    let output = |kind: &str| fs::File::create(place.path(&format!("{name}.{kind}"))).unwrap();
    let mut command = place.command();
    command.args(["export", "large.bin"]).stdin(Stdio::null()).stdout(output("out")).stderr(output("err"));
    command.spawn().unwrap()
}

/// What a command that was started said, once it has ended.
fn ended(place: &Place, name: &str, mut child: Child) -> (Option<i32>, String, String) {
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > DEADLINE => {
                child.kill().unwrap();
                panic!("{name} does not end");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let read = |kind: &str| fs::read_to_string(place.path(&format!("{name}.{kind}"))).unwrap();
    (status.code(), read("out"), read("err"))
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Whether a process is stopped, as its state says.
fn is_stopped(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    status.rsplit_once(") ").unwrap().1.starts_with('T')
}

/// Starts building an index and stops the process while it is being built. One that was quicker than we are is started
/// over.
fn stopped_while_building(place: &Place) -> Child {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        let mut child = start(place, "first");
        while kept_of_kind(place, ".partial") == 0 && child.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        if child.try_wait().unwrap().is_none() {
            send("-STOP", &child);
            while !is_stopped(&child) {
                assert!(started.elapsed() < DEADLINE, "it does not stop");
                thread::yield_now();
            }
            if kept_of_kind(place, ".partial") == 1 {
                return child;
            }
            child.kill().unwrap();
        }
        child.wait().unwrap();
        fs::remove_dir_all(place.path("cache")).unwrap();
    }
    panic!("no build was seen");
}

/// Starts the command while another builds its index, and returns once it waits for that: it has the other's lock open.
fn waiting(place: &Place) -> Child {
    let mut child = start(place, "second");
    let started = Instant::now();
    let waits = |child: &Child| {
        let Ok(files) = fs::read_dir(format!("/proc/{}/fd", child.id())) else { return false };
        files
            .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
            .any(|file| file.extension().is_some_and(|extension| extension == "building"))
    };
    while !waits(&child) {
        assert!(child.try_wait().unwrap().is_none() && started.elapsed() < DEADLINE);
        thread::yield_now();
    }
    child
}

#[test]
fn a_build_that_is_killed_leaves_no_index_and_is_done_again_at_once() {
    let place = place_with_large_capture();
    let mut child = stopped_while_building(&place);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!((kept_of_kind(&place, ".mvidx"), kept_of_kind(&place, ".partial")), (0, 1));
    let again = place.run(&["index", "large.bin"]);
    assert!(again.out.lines().last().unwrap().contains(", built in "), "{}{}", again.out, again.err);
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
    let warm = place.run(&["index", "large.bin"]);
    assert!(warm.out.lines().last().unwrap().contains(", opened from the cache in "), "{}", warm.out);
}

#[test]
fn two_processes_at_once_answer_the_same_and_keep_one_index() {
    let place = place_with_large_capture();
    let first = stopped_while_building(&place);
    let second = waiting(&place);
    send("-CONT", &first);
    let (first, second) = (ended(&place, "first", first), ended(&place, "second", second));
    assert_eq!((first.0, first.2.as_str(), second.0, second.2.as_str()), (Some(0), "", Some(0), ""));
    assert!(first.1.len() > 1000 && first.1 == second.1);
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
}

#[test]
fn if_the_process_that_builds_is_killed_the_one_that_waits_builds() {
    let place = place_with_large_capture();
    let mut first = stopped_while_building(&place);
    let second = waiting(&place);
    first.kill().unwrap();
    first.wait().unwrap();
    let (code, out, err) = ended(&place, "second", second);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.len() > 1000);
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
}

#[test]
fn a_process_that_stands_still_while_it_builds_is_not_waited_for() {
    let place = place_with_large_capture();
    let mut first = stopped_while_building(&place);
    let second = waiting(&place);
    let (code, out, err) = ended(&place, "second", second);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.len() > 1000);
    let why = "another process that began to index this capture stands still";
    assert_eq!(err, format!("memray-view: the index is not kept: {why}\n"));
    assert_eq!((kept_of_kind(&place, ".mvidx"), kept_of_kind(&place, ".partial")), (0, 1));
    first.kill().unwrap();
    first.wait().unwrap();
}

/// Runs the command where no file may become larger than 32 KiB, as if the disk were full then.
fn run_on_a_full_disk(place: &Place, arguments: &[&str]) -> cli_command::Said {
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -f 64; exec \"$0\" \"$@\"").arg(binary());
    command.args(arguments).current_dir(place.path("")).env("XDG_CACHE_HOME", place.path("cache"));
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("XDG_CONFIG_HOME", place.path("config"));
    fs::create_dir_all(place.path("tmp")).unwrap();
    said(command.env("TMPDIR", place.path("tmp")).output().unwrap())
}

#[test]
fn a_full_disk_is_said_and_leaves_no_broken_index() {
    let place = Place::new();
    fs::copy(capture_path("v13-py3.13/threads.bin"), place.path("a.bin")).unwrap();
    for arguments in [&["stats", "a.bin"][..], &["--no-cache", "stats", "a.bin"]] {
        let full = run_on_a_full_disk(&place, arguments);
        assert_eq!((full.code, full.out.as_str()), (1, ""), "{}", full.err);
        let start = format!("memray-view: the index cannot be written to {} (", place.path("tmp").display());
        assert!(full.err.starts_with(&start), "{}", full.err);
        assert!(full.err.ends_with("; free some disk space there, or name another folder in TMPDIR\n"), "{}", full.err);
        assert!(kept_files(&place).is_empty(), "{:?}", kept_files(&place));
        assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 0);
    }
    assert_eq!(place.run(&["stats", "a.bin"]).code, 0);
    assert_eq!((kept_files(&place).len(), kept_of_kind(&place, ".mvidx")), (1, 1));
    // The index is there, and cannot be written elsewhere.
    let written = run_on_a_full_disk(&place, &["index", "a.bin", "-o", "a.mvidx"]);
    assert_eq!((written.code, written.out.as_str()), (1, ""));
    assert!(written.err.starts_with("memray-view: a.mvidx cannot be written: File too large"), "{}", written.err);
    assert!(!fs::read_dir(place.path("")).unwrap().any(|file| {
        let name = file.unwrap().file_name();
        name.to_string_lossy().contains("mvidx")
    }));
}

#[test]
fn where_nothing_can_be_kept_captures_open_all_the_same() {
    let place = Place::new();
    fs::write(place.path("cache"), b"a file where a folder should be").unwrap();
    let said = place.run_on("v13-py3.13/threads.bin", &["index", "FILE"]);
    assert_eq!(said.code, 0);
    let folder = place.path("cache/memray-view/indexes");
    let start = format!("memray-view: the index is not kept: the cache in {} cannot be used (", folder.display());
    assert!(said.err.starts_with(&start) && said.err.lines().count() == 1, "{}", said.err);
    assert!(said.out.lines().last().unwrap().contains(", built in "), "{}", said.out);
    let unwanted = place.run_on("v13-py3.13/threads.bin", &["--no-cache", "stats", "FILE"]);
    assert_eq!((unwanted.code, unwanted.err.as_str()), (0, ""));
}

#[test]
fn a_cache_on_a_full_disk_is_done_without() {
    let place = Place::new();
    let capture = capture_path("v13-py3.13/threads.bin");
    // The one file that cannot be made is the index: a folder stands where it is built.
    assert_eq!(place.run(&["stats", capture.to_str().unwrap()]).code, 0);
    let index = kept_files(&place).remove(0);
    let folder = place.path("cache/memray-view/indexes");
    fs::remove_file(folder.join(&index)).unwrap();
    fs::create_dir(folder.join(index.replace(".mvidx", ".partial"))).unwrap();
    let said = place.run(&["stats", capture.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("Peak 13.0 MiB at 95 ms; "), "{}", said.out);
    let start = format!("memray-view: the index is not kept: the cache in {} cannot be used (", folder.display());
    assert!(said.err.starts_with(&start), "{}", said.err);
}

#[test]
fn kept_indexes_are_listed_with_their_captures() {
    let place = Place::new();
    fs::copy(capture_path("v13-py3.13/threads.bin"), place.path("service \u{1b}[31m.bin")).unwrap();
    assert_eq!(place.run(&["index", "service \u{1b}[31m.bin"]).code, 0);
    let listed = place.run(&["cache"]);
    assert!(listed.out.lines().nth(1).unwrap().contains("  service \\u{1b}[31m.bin  "), "{}", listed.out);
}
