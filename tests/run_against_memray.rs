// SPDX-License-Identifier: Apache-2.0
//! What `memray-view run` records, against what memray records of the same program in the same interpreter.
//!
//! Both runs import what memray's own runner imports, so that the program finds the same modules loaded; see
//! `tools/same_allocations.py` for what is compared, and how memray's own objects are told.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::Place;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn python() -> PathBuf {
    std::env::var_os("MEMRAY_PYTHON").expect("MEMRAY_PYTHON names a Python with memray (see scripts/test)").into()
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Runs a program as memray's runner does.
fn runner(program: &Path) -> String {
    let path = program.display();
    format!(
        "import memray, memray.commands, memray.commands.run, runpy, sys\n\
         sys.argv = ['{path}']\n\
         runpy.run_path('{path}', run_name='__main__')"
    )
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Records a program with us and with memray.
fn record(place: &Place, program: &Path, options: &[&str]) -> (PathBuf, PathBuf) {
    let (ours, theirs) = (place.path("ours.bin"), place.path("theirs.bin"));
    let python = python();
    let mut run = place.command();
    run.args(["run", "--quiet", "--force", "--python"]).arg(&python).arg("--output").arg(&ours).args(options);
    succeeded(run.args(["-c", &runner(program)]).output().unwrap());
    let mut memray = Command::new(&python);
    memray.args(["-m", "memray", "run", "--quiet", "--force", "--output"]).arg(&theirs).args(options).arg(program);
    succeeded(memray.current_dir(place.path("")).output().unwrap());
    (ours, theirs)
}

fn compare(ours: &Path, theirs: &Path, program: &Path) -> Value {
    let mut tool = Command::new(python());
    tool.arg(tests().join("tools/same_allocations.py")).args([ours, theirs]).arg("--program").arg(program);
    serde_json::from_str(&succeeded(tool.output().unwrap())).unwrap()
}

/// At least 999 in 1,000 of ours are in theirs and of theirs in ours, memray's own objects left out; and up to `few` in all
/// may differ, for programs of few allocations.
#[track_caller]
fn assert_same(place: &Place, name: &str, options: &[&str], few: u64) {
    let program = tests().join("captures/programs").join(name);
    let (ours, theirs) = record(place, &program, options);
    let compared = compare(&ours, &theirs, &program);
    let number = |key: &str| compared[key].as_u64().unwrap();
    let (ours, theirs) = (number("ours"), number("theirs") - number("memrays_own"));
    let both = number("in_both");
    assert!(both > 0, "{name}: {compared:#}");
    let differing = (ours - both).max(theirs - both);
    let allowed = few.max(ours.max(theirs) / 1000);
    assert!(differing <= allowed, "{name} {options:?}: {differing} of {theirs} differ: {compared:#}");
}

// What differs by default, of each program: the chunks of the interpreter's own stack (16 KiB each) begin where memray's
// runner has frames of its own; tables that the interpreter makes of a code object for memray's profile function; and where
// a program imports, what the import system's caches grow by, as memray's runner was found by another path.

#[test]
fn a_json_program_allocates_what_memray_sees() {
    assert_same(&Place::new(), "json_churn.py", &[], 2);
}

#[test]
fn a_deep_recursion_allocates_what_memray_sees() {
    assert_same(&Place::new(), "deep.py", &[], 10);
}

#[test]
fn named_threads_allocate_what_memray_sees() {
    assert_same(&Place::new(), "threads.py", &[], 6);
}

#[test]
fn mappings_that_are_trimmed_and_split_are_what_memray_sees() {
    assert_same(&Place::new(), "mmap_ranges.py", &[], 6);
}

#[test]
fn a_late_peak_is_what_memray_sees() {
    assert_same(&Place::new(), "late_peak.py", &[], 2);
}

#[test]
fn python_allocators_give_a_json_program_what_memray_sees() {
    assert_same(&Place::new(), "json_churn.py", &["--trace-python-allocators"], 100);
}

#[test]
fn python_allocators_give_a_deep_recursion_what_memray_sees() {
    assert_same(&Place::new(), "deep.py", &["--trace-python-allocators"], 12);
}

#[test]
fn each_greenlet_is_a_thread_with_what_memray_sees_in_it() {
    let place = Place::new();
    let program = tests().join("captures/programs/greenlets_in_turns.py");
    let (ours, theirs) = record(&place, &program, &[]);
    // All else that differs are copies of C stacks, which are of other sizes beside memray's profile function.
    let [ours, theirs] = [ours, theirs].map(|capture| -> Vec<Vec<(u64, Vec<u64>)>> {
        let mut tool = Command::new(python());
        tool.arg(tests().join("tools/allocations_by_thread.py")).arg(capture).arg("--program").arg(&program);
        serde_json::from_str(&succeeded(tool.args(["--function", "allocate"]).output().unwrap())).unwrap()
    });
    assert_eq!(ours, theirs);
    // Sizes and depths say whose they are: five greenlets allocate twice in four turns, and then the main one.
    let all_of = |thread: &[(u64, Vec<u64>)], number: u64, frames: usize| {
        thread.iter().all(|(size, lines)| size / 100_000 == number && lines.len() == frames)
    };
    assert_eq!(ours.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 8, 8, 8, 15]);
    for (thread, number) in ours[..5].iter().zip(1..) {
        assert!(all_of(thread, number, 10 * number as usize + 3), "{thread:?}");
    }
    assert!(all_of(&ours[5], 6, 2), "{:?}", ours[5]);
}

/// The sums of a program's own part that memray and we find in our capture.
#[test]
fn memray_reads_of_our_capture_what_export_says_of_it() {
    let place = Place::new();
    let program = tests().join("captures/programs/json_churn.py");
    for options in [&[][..], &["--trace-python-allocators"], &["--no-compress"]] {
        let (ours, _) = record(&place, &program, options);
        let script = "import sys, json; from memray import FileReader; reader = FileReader(sys.argv[1]); \
             sums = lambda records: [sum(r.size for r in records), sum(r.n_allocations for r in records)]; \
             print(json.dumps([sums(list(reader.get_high_watermark_allocation_records(merge_threads=True))), \
             sums(list(reader.get_leaked_allocation_records(merge_threads=True))), reader.metadata.peak_memory]))";
        let told = succeeded(Command::new(python()).args(["-c", script]).arg(&ours).output().unwrap());
        let theirs: Value = serde_json::from_str(&told).unwrap();
        for (mode, expected) in [("peak", &theirs[0]), ("leaked", &theirs[1])] {
            let said = place.run(&["export", ours.to_str().unwrap(), "--mode", mode, "--format", "json"]);
            let export: Value = serde_json::from_str(&said.out).unwrap();
            let sums = serde_json::json!([export["total_bytes"], export["total_allocations"]]);
            assert_eq!(sums, *expected, "{mode} {options:?}");
            assert_eq!(export["metadata"]["recorder"], concat!("memray-view ", env!("CARGO_PKG_VERSION")));
        }
        assert_eq!(theirs[0][0], theirs[2], "the peak is the header's");
    }
}
