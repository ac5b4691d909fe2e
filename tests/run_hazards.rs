// SPDX-License-Identifier: Apache-2.0
//! `memray-view run` of programs that make it hard for a tracer: `hazards/` has them. Each prints and ends as it does without
//! us, and the blocks that it knows of are in its capture.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::{Place, Said, said};
use run_command::{interpreter, interpreters, minor_version, plain, recorded, stats};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn hazards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hazards")
}

/// Runs a program without and with us, into `x.bin`, with arguments that name things in its place.
#[track_caller]
fn assert_unharmed(python: &Path, name: &str, options: &[&str], arguments: impl Fn(&Place) -> Vec<PathBuf>) -> Place {
    let program = hazards().join(name);
    let place = Place::new();
    let without = said(plain(&place, python).arg(&program).args(arguments(&place)).output().unwrap());
    let place = Place::new();
    let options = [&["--quiet", "--output", "x.bin"], options].concat();
    let with = said(recorded(&place, python, &options).arg(&program).args(arguments(&place)).output().unwrap());
    assert_eq!((&with.out, with.code), (&without.out, without.code), "{name} {}: {}", python.display(), with.err);
    stats(&place, "x.bin");
    place
}

fn nothing(_: &Place) -> Vec<PathBuf> {
    Vec::new()
}

/// How many allocations of this size are live at the end, at places that make no others.
fn live_of(place: &Place, size_bytes: u64) -> u64 {
    count_of(place, "leaked", size_bytes)
}

/// How many there were.
fn all_of(place: &Place, size_bytes: u64) -> u64 {
    count_of(place, "allocated", size_bytes)
}

fn count_of(place: &Place, mode: &str, size_bytes: u64) -> u64 {
    let Said { out, err, code } = place.run(&["export", "x.bin", "--mode", mode]);
    assert_eq!((code, err.as_str()), (0, ""));
    let export: serde_json::Value = serde_json::from_str(&out).unwrap();
    let counts = export["stacks"].as_array().unwrap().iter().filter_map(|stack| {
        let (bytes, count) = (stack["bytes"].as_u64()?, stack["allocations"].as_u64()?);
        (bytes == count * size_bytes).then_some(count)
    });
    counts.sum()
}

fn library(place: &Place, source: &str, name: &str) -> PathBuf {
    compiled(place, source, name, &[])
}

fn compiled(place: &Place, source: &str, name: &str, options: &[&str]) -> PathBuf {
    let path = place.path(name);
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&path).args(options).arg(hazards().join(source));
    assert!(compiler.status().unwrap().success());
    path
}

#[test]
fn functions_at_exit_allocate() {
    for python in interpreters() {
        let place = assert_unharmed(&python, "at_exit.py", &[], nothing);
        assert_eq!(live_of(&place, 70_007), 3, "{}", python.display());
    }
}

#[test]
fn six_hundred_threads_start_and_end() {
    let place = assert_unharmed(&interpreter(), "many_threads.py", &[], nothing);
    assert_eq!(live_of(&place, 70_007), 1800);
}

#[test]
fn threads_of_c_allocate_as_fast_as_they_can_and_errno_stays() {
    for python in interpreters() {
        let place = assert_unharmed(&python, "in_c.py", &[], |place| vec![library(place, "in_c.c", "in_c.so")]);
        assert_eq!(all_of(&place, 5_011), 990, "{}", python.display());
        // They have no Python stack, as some few blocks of Python itself have none.
        let export = place.run(&["export", "x.bin", "--mode", "allocated"]);
        let export: serde_json::Value = serde_json::from_str(&export.out).unwrap();
        let stacks = export["stacks"].as_array().unwrap();
        let alone = stacks.iter().find(|stack| stack["frames"].as_array().is_none_or(Vec::is_empty)).unwrap();
        let (bytes, count) = (alone["bytes"].as_u64().unwrap(), alone["allocations"].as_u64().unwrap());
        assert!((100_000..100_300).contains(&count) && bytes >= 100_000 * 5_003, "{}: {alone}", python.display());
    }
}

#[test]
fn threads_are_called_as_they_call_themselves() {
    for python in interpreters() {
        let library = |place: &Place| vec![library(place, "names_threads.c", "names.so")];
        let place = assert_unharmed(&python, "names_threads.py", &[], library);
        let export = place.run(&["export", "x.bin", "--mode", "allocated", "--split-threads"]);
        let export: serde_json::Value = serde_json::from_str(&export.out).unwrap();
        let bytes_of = |name: &str| {
            let stacks = export["stacks"].as_array().unwrap().iter();
            let of_thread = stacks.filter(|stack| stack["thread"].as_str().is_some_and(|thread| thread.contains(name)));
            of_thread.map(|stack| stack["bytes"].as_u64().unwrap()).max()
        };
        for (name, bytes) in
            [("named by prctl", 70_008), ("by the library", 70_008), ("a Python thread with a long name", 70_008)]
        {
            assert_eq!(bytes_of(name), Some(bytes), "{name} {}: {export}", python.display());
        }
    }
}

#[test]
fn python_and_c_recurse_until_it_is_enough() {
    for python in interpreters() {
        let place = assert_unharmed(&python, "recursion.py", &[], nothing);
        assert!(all_of(&place, 70_003) >= 20, "{}", python.display());
    }
}

#[test]
fn interpreters_within_the_interpreter_allocate() {
    for python in interpreters() {
        let place = assert_unharmed(&python, "sub_interpreters.py", &[], nothing);
        let runs = if minor_version(&python) >= 12 { 4 } else { 1 };
        assert_eq!(all_of(&place, 70_002), runs * 25, "{}", python.display());
    }
}

#[test]
fn a_tracer_and_a_profiler_beside_us_see_what_they_see_without() {
    for python in interpreters() {
        assert_unharmed(&python, "beside_others.py", &[], nothing);
    }
}

#[test]
fn libraries_are_loaded_and_unloaded_while_others_are() {
    let libraries = |place: &Place| vec![library(place, "loaded.c", "a.so"), library(place, "loaded.c", "b.so")];
    let place = assert_unharmed(&interpreter(), "loads_and_unloads.py", &[], libraries);
    assert_eq!([all_of(&place, 70_004), all_of(&place, 70_005)], [100, 100]);
}

#[test]
fn a_library_whose_slots_are_not_filled_yet_is_left_alone_until_they_are() {
    let libraries = |place: &Place| {
        let slow = ["-DSLOW", "-fno-plt", "-Wl,-z,relro,-z,now"];
        vec![
            compiled(place, "loads_slowly.c", "quick.so", &["-pthread"]),
            compiled(place, "loads_slowly.c", "slow.so", &slow),
        ]
    };
    let place = assert_unharmed(&interpreter(), "loads_slowly.py", &[], libraries);
    assert_eq!(all_of(&place, 70_006), 1);
}

#[test]
fn mappings_that_are_replaced_are_gone_and_those_whose_unmapping_is_refused_are_not() {
    let place = assert_unharmed(&interpreter(), "maps.py", &[], |place| vec![library(place, "maps.c", "m.so")]);
    assert_eq!([5, 6, 3, 7].map(|mebibytes| live_of(&place, mebibytes << 20)), [1; 4]);
}

#[test]
fn signals_come_while_hooks_run() {
    for options in [&[][..], &["--trace-python-allocators"]] {
        assert_unharmed(&interpreter(), "signals_in_hooks.py", options, |place| {
            vec![library(place, "signals.c", "s.so")]
        });
    }
}

#[test]
fn it_forks_while_threads_allocate() {
    let place = assert_unharmed(&interpreter(), "forks_under_load.py", &["--follow-fork"], nothing);
    let names = std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    let children: Vec<_> =
        names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with("x.bin.")).collect();
    assert_eq!(children.len(), 40, "{children:?}");
    for child in &children {
        stats(&place, child);
    }
}

#[test]
fn all_descriptors_are_closed_and_used_anew() {
    let folder = |place: &Place| {
        let folder = place.path("own");
        std::fs::create_dir(&folder).unwrap();
        vec![folder]
    };
    let place = assert_unharmed(&interpreter(), "closes_descriptors.py", &[], folder);
    assert_eq!(live_of(&place, 70_000), 300);
}

#[test]
fn there_is_no_memory_left() {
    for options in [&[][..], &["--native"], &["--trace-python-allocators"]] {
        assert_unharmed(&interpreter(), "memory_limit.py", options, nothing);
    }
}

/// The tracer may use 64 MB, whatever the program does.
#[test]
fn the_tracers_own_memory_is_bounded() {
    const MOST_BYTES: u64 = 64_000_000;
    let python = interpreter();
    let file = |place: &Place| vec![place.path("anonymous")];
    let bytes_of =
        |place: &Place| -> u64 { std::fs::read_to_string(place.path("anonymous")).unwrap().trim().parse().unwrap() };
    let without = Place::new();
    let program = hazards().join("own_memory.py");
    assert_eq!(said(plain(&without, &python).arg(&program).args(file(&without)).output().unwrap()).code, 0);
    for options in [&[][..], &["--native"], &["--trace-python-allocators"]] {
        let with = assert_unharmed(&python, "own_memory.py", options, file);
        let own_bytes = bytes_of(&with).saturating_sub(bytes_of(&without));
        assert!(own_bytes > 0 && own_bytes < MOST_BYTES, "{options:?}: {own_bytes}");
        assert!(stats(&with, "x.bin")["total_num_allocations"].as_u64().unwrap() >= 50_000, "{options:?}");
    }
}

/// A program's disk becomes full while it runs: a small file system of its own, or else files may not become large.
#[test]
fn a_full_disk_ends_the_recording_and_not_the_program() {
    let python = interpreter();
    let program = hazards().join("fills_disk.py");
    let without = said(plain(&Place::new(), &python).arg(&program).output().unwrap());
    assert_eq!(without.code, 5);
    let mounts = "mount -t tmpfs -o size=6m none full && ";
    let can_mount = |place: &Place| {
        let mut unshare = Command::new("unshare");
        unshare.args(["-rm", "sh", "-c"]).arg(format!("{mounts} true")).current_dir(place.path("."));
        unshare.output().is_ok_and(|output| output.status.success())
    };
    for options in [&[][..], &["--no-compress"]] {
        let place = Place::new();
        std::fs::create_dir(place.path("full")).unwrap();
        let recording = recorded(&place, &python, &[&["--quiet", "--output", "full/x.bin"], options].concat());
        let (mut shell, prepare, why) = if can_mount(&place) {
            let mut unshare = Command::new("unshare");
            unshare.args(["-rm", "sh"]);
            (unshare, mounts, "No space left on device")
        } else {
            // In blocks of 512 bytes.
            (Command::new("sh"), "ulimit -f 10240; ", "File too large")
        };
        shell.arg("-c").arg(format!("{prepare}\"$0\" \"$@\"; code=$?; cp full/x.bin x.bin; exit $code"));
        shell.arg(recording.get_program()).args(recording.get_args()).arg(&program).current_dir(place.path("."));
        for (name, value) in recording.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let with = said(shell.output().unwrap());
        assert_eq!((&with.out, with.code), (&without.out, 5), "{options:?}: {}", with.err);
        let sentence = "memray-view: tracing ends here and the program runs on: cannot write more of the capture: ";
        let ends: Vec<&str> = with.err.lines().filter(|line| line.starts_with(sentence)).collect();
        assert!(ends.len() == 1 && ends[0].contains(why), "{options:?}: {}", with.err);
        let allocations = stats(&place, "x.bin")["total_num_allocations"].as_u64().unwrap();
        assert!((100_000..1_000_000).contains(&allocations), "{options:?}: {allocations}");
    }
}

/// Counts in a file how many blocks it has allocated, one after the other, until it is killed. The count is stored at once:
/// `struct.pack_into` would clear it first, and be killed between.
const COUNTS: &str = "
import mmap
file = open('count', 'r+b')
counter = memoryview(mmap.mmap(file.fileno(), 8)).cast('q')
kept = []
while True:
    block = bytearray(70_008)
    kept.append(block)
    counter[0] = len(kept)
    [bytearray(600 + i) for i in range(50)]
";

#[test]
fn killed_at_a_hundred_moments_it_loses_nothing() {
    let python = interpreter();
    for moment in 0..100_u64 {
        let place = Place::new();
        std::fs::write(place.path("count"), [0; 8]).unwrap();
        let mut run = recorded(&place, &python, &["--quiet", "--output", "x.bin", "-c", COUNTS]);
        let killer = |pid: u32| Command::new("pkill").args(["-KILL", "--parent", &pid.to_string()]).status().unwrap();
        let mut child = run.spawn().unwrap();
        // Until it has begun, and then some, which differs from one time to the next.
        let count = || u64::from_le_bytes(std::fs::read(place.path("count")).unwrap().try_into().unwrap());
        while count() == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(moment * moment * 7919 % 50_000));
        assert!(killer(child.id()).success());
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL), "{moment}");
        let (counted, found) = (count(), live_of(&place, 70_009));
        assert!(found == counted || found == counted + 1, "{moment}: {found} of {counted}");
    }
}
