// SPDX-License-Identifier: Apache-2.0
//! Captures that memray makes while the tests run, and synthetic ones that it reads, against what it says of them.
//!
//! `MEMRAY_PYTHON` names a Python with memray 1.20 and numpy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod answers;
mod conformance;
mod naive;
mod truth;

use answers::NaiveAnswers;
use conformance::{MODULES_ABOVE, NAMES_THEN, PIECES_AT_ONCE, SHARED_STACKS, STALE_ROWS};
use memray_format::Encoder;
use memray_format::synth::Synthesis;
use memray_index::{Question, TreeOptions};
use naive::Model;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use truth::Truth;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn python() -> PathBuf {
    let python = std::env::var_os("MEMRAY_PYTHON").expect(
        "these tests record captures: set MEMRAY_PYTHON to a Python with memray and numpy, e.g. of \
         `python3 -m venv E && E/bin/pip install memray==1.20.0 numpy`",
    );
    PathBuf::from(python)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What memray says of a capture.
fn truth_of(capture: &Path) -> Truth {
    let truth = capture.with_extension("truth.json.gz");
    run(Command::new(python())
        .arg(repository().join("tests/tools/memray_truth.py"))
        .arg(capture)
        .arg("-o")
        .arg(&truth));
    Truth::read(&truth)
}

/// Where the index of a capture differs from what memray says, or from the naive model; and what memray gets wrong.
fn differences(capture: &Path) -> (Vec<String>, BTreeSet<&'static str>) {
    let (index, model, truth) = (answers::open_index(capture), Model::read(capture), truth_of(capture));
    let (mut differences, quirks) = conformance::check(&index, &model, &truth);
    let naive = NaiveAnswers::numbered_by(&index, &model);
    differences.extend(answers::compare(&index, &naive, &answers::some_questions(&naive)));
    (differences, quirks)
}

/// Records a program of `tests/captures/programs` with memray and compares.
fn recorded(options: &[&str], program: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.bin");
    let mut memray = Command::new(python());
    memray.args(["-m", "memray", "run", "-q", "-o"]).arg(&capture).args(options).args(program);
    run(memray.current_dir(repository().join("tests/captures/programs")));
    let (differences, _) = differences(&capture);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// Q4: where threads are merged memray merges only stacks that are the same to the last frame; what others have in common
/// its flame graph still has once a thread, ours once.
#[test]
fn threads_are_merged_where_memray_repeats_them() {
    const PROGRAM: &str = "import threading\n\
        def one(): return bytearray(1 << 20)\n\
        def two(): return bytearray(1 << 20)\n\
        def three(): return bytearray(1 << 20)\n\
        def work(task): kept.append(task())\n\
        kept = []\n\
        threads = [threading.Thread(target=work, args=(task,)) for task in (one, two, three)]\n\
        [thread.start() for thread in threads]\n\
        [thread.join() for thread in threads]\n";
    // How many nodes of a function memray's flame graph has, threads merged.
    const MEMRAYS: &str = "import sys, memray\n\
        from memray.reporters.flamegraph import FlameGraphReporter\n\
        reader = memray.FileReader(sys.argv[1])\n\
        records = reader.get_high_watermark_allocation_records(merge_threads=True)\n\
        data = FlameGraphReporter.from_snapshot(records, memory_records=[], native_traces=False).data\n\
        print(sum(data['strings'][name] == 'work' for name in data['nodes']['function']))\n";
    let folder = tempfile::tempdir().unwrap();
    let [program, capture] = ["workers.py", "capture.bin"].map(|name| folder.path().join(name));
    std::fs::write(&program, PROGRAM).unwrap();
    run(Command::new(python()).args(["-m", "memray", "run", "-q", "-o"]).arg(&capture).arg(&program));

    let memrays = Command::new(python()).args(["-c", MEMRAYS]).arg(&capture).output().unwrap();
    let said = (String::from_utf8_lossy(&memrays.stdout), String::from_utf8_lossy(&memrays.stderr));
    assert_eq!(said.0.trim(), "3", "Q4: {}", said.1);

    let index = answers::open_index(&capture);
    for (split_threads, nodes) in [(false, 1), (true, 3)] {
        let answer = index.ask(&Question { split_threads, ..Question::default() }).unwrap();
        let tree = index.tree(&answer, TreeOptions::default());
        let of_work: Vec<_> =
            tree.nodes.iter().filter(|node| index.text(index.location(node.location).function) == "work").collect();
        assert_eq!(of_work.len(), nodes, "threads split: {split_threads}");
        assert_eq!(of_work.iter().map(|node| node.amount.bytes >> 20).sum::<i64>(), 3);
    }
}

#[test]
fn recorded_by_default() {
    recorded(&[], &["json_churn.py", "5"]);
}

#[test]
fn recorded_with_python_allocators() {
    recorded(&["--trace-python-allocators"], &["json_churn.py", "3"]);
}

#[test]
fn recorded_with_native_stacks() {
    recorded(&["--native"], &["numpy_arrays.py"]);
}

#[test]
fn recorded_as_sums() {
    recorded(&["--aggregate"], &["threads.py"]);
}

#[test]
fn recorded_with_threads() {
    recorded(&["--trace-python-allocators"], &["threads.py"]);
}

#[test]
fn recorded_with_mappings() {
    recorded(&["--no-compress"], &["mmap_ranges.py"]);
}

#[test]
fn recorded_while_memory_still_rose() {
    recorded(&[], &["late_peak.py"]);
}

/// Mappings that are trimmed, split and overlapped, which the recorded programs cannot make past memray's hooks.
fn synthetic(synthesis: &Synthesis) -> (Vec<String>, BTreeSet<&'static str>) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("synthetic.bin");
    let mut encoder = Encoder::new(std::fs::File::create(&capture).unwrap(), &synthesis.header()).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    encoder.finish().unwrap();
    differences(&capture)
}

/// They show all that memray gets wrong with mappings, threads and addresses that are freed twice.
#[test]
fn synthetic_captures_mean_the_same_to_memray() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let nasty = Synthesis { reused_live_addresses: false, bad_names: false, ..Synthesis::small(seed) };
        let (differences, quirks) = synthetic(&nasty);
        assert!(differences.is_empty(), "seed {seed}: {} differences:\n{}", differences.len(), differences.join("\n"));
        seen.extend(quirks);
    }
    for quirk in ["Q5", "Q6", "Q14", STALE_ROWS, PIECES_AT_ONCE, SHARED_STACKS, NAMES_THEN, MODULES_ABOVE] {
        assert!(seen.contains(quirk), "no capture shows {quirk}, only {seen:?}");
    }
}
