// SPDX-License-Identifier: Apache-2.0
//! `memray-view run` finds its tracer wherever it was installed, and takes none that does not belong to it. The Python
//! package's test (`capture/tracer/tests/python_package.rs`) does the same with the wheel.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::{Place, Said, binary, said};
use run_command::{captures, interpreter, stats};
use std::fs;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Says which tracers it has in itself.
const PROGRAM: &str = "print(*sorted({line.split()[-1] for line in open('/proc/self/maps') if 'memray' in line}))";

/// Records the program with a command, in a place where `place.command()` would run.
fn run(place: &Place, command: &Path, options: &[&str]) -> Said {
    let like = place.command();
    let mut run = std::process::Command::new(command);
    run.current_dir(like.get_current_dir().unwrap()).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    run.env("XDG_CACHE_HOME", place.path("cache")).env("XDG_CONFIG_HOME", place.path("config"));
    said(run.args(["run", "--python"]).arg(interpreter()).args(options).args(["-c", PROGRAM]).output().unwrap())
}

/// The tracer that a command carries, unpacked: what it uses where it finds no other.
fn unpacked(place: &Place) -> PathBuf {
    let entries = fs::read_dir(place.path("cache/memray-view/tracer")).unwrap();
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// A tree with the command in its `bin`.
fn tree(place: &Place) -> PathBuf {
    let command = place.path("tree/bin/memray-view");
    fs::create_dir_all(command.parent().unwrap()).unwrap();
    fs::copy(binary(), &command).unwrap();
    command
}

/// Asserts that a recording went well, in a program that had one tracer in it: that one.
fn assert_recorded_with(place: &Place, said: &Said, tracer: &Path) {
    assert_eq!((said.out.trim_end(), said.code), (tracer.to_str().unwrap(), 0), "{}", said.err);
    assert!(stats(place, "out.bin")["total_num_allocations"].as_u64().unwrap() > 0);
}

#[test]
fn as_cargo_builds_it() {
    // Beside it lie libraries that cargo built for other ends.
    for command in [env!("CARGO_BIN_EXE_memray-view").into(), binary()] {
        let place = Place::new();
        let said = run(&place, &command, &["-o", "out.bin"]);
        assert_recorded_with(&place, &said, &unpacked(&place));
    }
}

#[test]
fn as_a_file_of_its_own_that_somebody_moved() {
    let place = Place::new();
    let said = run(&place, &tree(&place), &["-o", "out.bin"]);
    assert_recorded_with(&place, &said, &unpacked(&place));
}

#[test]
fn in_an_installed_tree_also_through_a_link() {
    let place = Place::new();
    let command = tree(&place);
    run(&place, &command, &[]);
    let tracer = place.path("tree/lib/memray-view/memray-view-tracer.so");
    fs::create_dir_all(tracer.parent().unwrap()).unwrap();
    fs::copy(unpacked(&place), &tracer).unwrap();
    let link = place.path("memray-view");
    std::os::unix::fs::symlink(&command, &link).unwrap();
    for command in [command, link] {
        let said = run(&place, &command, &["-f", "-o", "out.bin"]);
        assert_recorded_with(&place, &said, &tracer);
    }
}

#[test]
fn a_tracer_of_another_version_is_refused_before_anything_runs() {
    let place = Place::new();
    let command = tree(&place);
    run(&place, &command, &["-o", "first.bin"]);
    let tracer = fs::read(unpacked(&place)).unwrap();
    let (marked, other) = (format!("tracer {VERSION}\0"), format!("tracer {}\0", "9".repeat(VERSION.len())));
    let at = memchr::memmem::find(&tracer, marked.as_bytes()).unwrap();
    let old = [&tracer[..at], other.as_bytes(), &tracer[at + other.len()..]].concat();
    let beside = command.with_file_name("memray-view-tracer.so");
    fs::write(&beside, old).unwrap();

    let said = run(&place, &command, &["-o", "out.bin"]);
    let sentence = format!(
        "memray-view: {} is the tracer of version {}, and memray-view is of version {VERSION}: install both anew from one \
         package\n",
        beside.display(),
        "9".repeat(VERSION.len())
    );
    assert_eq!((said.out.as_str(), said.err, said.code), ("", sentence, 1));
    assert_eq!(captures(&place), ["first.bin"]);
}
