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

/// One of `tests/captures/programs`, and what it is told.
struct Program {
    path: PathBuf,
    words: &'static [&'static str],
}

impl Program {
    fn named(name: &str) -> Self {
        Self { path: tests().join("captures/programs").join(name), words: &[] }
    }

    /// Runs it as memray's runner does.
    fn runner(&self) -> String {
        let path = self.path.display();
        format!(
            "import memray, memray.commands, memray.commands.run, runpy, sys\n\
             sys.argv = ['{path}', *{:?}]\n\
             runpy.run_path('{path}', run_name='__main__')",
            self.words
        )
    }
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Records a program with us and with memray. Recorded by us it prints what it does in plain Python, and ends as there.
fn record(place: &Place, program: &Program, options: &[&str]) -> (PathBuf, PathBuf) {
    let (ours, theirs) = (place.path("ours.bin"), place.path("theirs.bin"));
    let python = python();
    let mut run = place.command();
    run.args(["run", "--quiet", "--force", "--python"]).arg(&python).arg("--output").arg(&ours).args(options);
    let recorded = run.args(["-c", &program.runner()]).output().unwrap();
    let plain = Command::new(&python).args(["-c", &program.runner()]).output().unwrap();
    assert_eq!((recorded.stdout, recorded.status), (plain.stdout, plain.status), "{}", program.path.display());
    let mut memray = Command::new(&python);
    memray.args(["-m", "memray", "run", "--quiet", "--force", "--output"]).arg(&theirs).args(options);
    let memrays = memray.arg(&program.path).args(program.words).current_dir(place.path("")).output().unwrap();
    assert_eq!(memrays.status, plain.status, "{memrays:?}");
    (ours, theirs)
}

fn compare(ours: &Path, theirs: &Path, program: &Path) -> Value {
    let mut tool = Command::new(python());
    tool.arg(tests().join("tools/same_allocations.py")).args([ours, theirs]).arg("--program").arg(program);
    serde_json::from_str(&succeeded(tool.output().unwrap())).unwrap()
}

/// What may differ between two captures of a program.
struct Allowed {
    /// Of either, if that is more than one in 1,000.
    few: u64,
    /// Objects of memray's own in its capture: a bound, as what we do not record looks like these.
    memrays_own: u64,
}

/// At least 999 in 1,000 of ours are in theirs and of theirs in ours, memray's own objects left out.
#[track_caller]
fn assert_same(program: &Program, options: &[&str], allowed: Allowed) {
    let place = Place::new();
    let (ours, theirs) = record(&place, program, options);
    let compared = compare(&ours, &theirs, &program.path);
    let number = |key: &str| compared[key].as_u64().unwrap();
    let own = number("memrays_own");
    let (ours, theirs) = (number("ours") - number("made_while_loading"), number("theirs") - own);
    let (both, name) = (number("in_both"), program.path.display());
    assert!(both > 0, "{name}: {compared:#}");
    let differing = (ours - both).max(theirs - both);
    let few = allowed.few.max(ours.max(theirs) / 1000);
    assert!(differing <= few, "{name} {options:?}: {differing} of {theirs} differ: {compared:#}");
    assert!(own <= allowed.memrays_own, "{name} {options:?}: {own} are said to be memray's own: {compared:#}");
}

// What differs by default, of each program: the chunks of the interpreter's own stack (16 KiB each) begin where memray's
// runner has frames of its own; tables that the interpreter makes of a code object for memray's profile function; and where
// a program imports, what the import system's caches grow by, as memray's runner was found by another path.

#[test]
fn a_json_program_allocates_what_memray_sees() {
    assert_same(&Program::named("json_churn.py"), &[], Allowed { few: 2, memrays_own: 3 });
}

#[test]
fn a_deep_recursion_allocates_what_memray_sees() {
    assert_same(&Program::named("deep.py"), &[], Allowed { few: 10, memrays_own: 2 });
}

#[test]
fn named_threads_allocate_what_memray_sees() {
    assert_same(&Program::named("threads.py"), &[], Allowed { few: 6, memrays_own: 8 });
}

#[test]
fn mappings_that_are_trimmed_and_split_are_what_memray_sees() {
    assert_same(&Program::named("mmap_ranges.py"), &[], Allowed { few: 6, memrays_own: 6 });
}

#[test]
fn a_late_peak_is_what_memray_sees() {
    assert_same(&Program::named("late_peak.py"), &[], Allowed { few: 2, memrays_own: 2 });
}

#[test]
fn an_application_that_imports_allocates_what_memray_sees() {
    let program = Program { words: &["check"], ..Program::named("items/cli.py") };
    assert_same(&program, &[], Allowed { few: 17, memrays_own: 120 });
}

#[test]
fn arrays_allocate_what_memray_sees() {
    // Where the interpreter takes its next arena differs by what the runners left.
    assert_same(&Program::named("numpy_arrays.py"), &[], Allowed { few: 16, memrays_own: 120 });
}

#[test]
fn a_program_with_a_name_of_any_letters_allocates_what_memray_sees() {
    assert_same(&Program::named("weird <names> & ünïcode.py"), &[], Allowed { few: 1, memrays_own: 1 });
}

#[test]
fn a_killed_program_has_allocated_what_memray_sees() {
    assert_same(&Program::named("crash.py"), &[], Allowed { few: 2, memrays_own: 2 });
}

#[test]
fn a_parent_of_forked_children_allocates_what_memray_sees() {
    assert_same(&Program::named("forks.py"), &[], Allowed { few: 0, memrays_own: 0 });
}

#[test]
fn python_allocators_give_a_json_program_what_memray_sees() {
    let options = &["--trace-python-allocators"];
    assert_same(&Program::named("json_churn.py"), options, Allowed { few: 100, memrays_own: 2400 });
}

#[test]
fn python_allocators_give_a_deep_recursion_what_memray_sees() {
    let options = &["--trace-python-allocators"];
    assert_same(&Program::named("deep.py"), options, Allowed { few: 12, memrays_own: 1100 });
}

#[test]
fn each_greenlet_is_a_thread_with_what_memray_sees_in_it() {
    let place = Place::new();
    let program = Program::named("greenlets_in_turns.py");
    let (ours, theirs) = record(&place, &program, &[]);
    // All else that differs are copies of C stacks, which are of other sizes beside memray's profile function.
    let [ours, theirs] = [ours, theirs].map(|capture| -> Vec<Vec<(u64, Vec<u64>)>> {
        let mut tool = Command::new(python());
        tool.arg(tests().join("tools/allocations_by_thread.py")).arg(capture).arg("--program").arg(&program.path);
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
    let program = Program::named("json_churn.py");
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
