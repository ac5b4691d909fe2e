// SPDX-License-Identifier: Apache-2.0
//! Native captures, made by memray then and there, against memray's own hybrid stacks of them.
//!
//! `MEMRAY_PYTHON` names a Python with memray 1.20 and numpy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod naive;
#[cfg(target_os = "linux")]
mod traced;
mod truth;

use memray_index::{
    Answer, FrameKind, GroupBy, Index, LocationId, Mode, NativeSymbols, OpenOptions, Origin, Progress, Question, RowKey,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use truth::{Row, Truth};

/// Recursion without the C stack, Python called from C, C from Python, threads, generators, and numpy's own libraries.
const PROGRAM: &str = r#"
import functools, itertools, json, threading
import numpy as np

def deep(n, keep):
    if n:
        return deep(n - 1, keep)
    keep.append(np.ones(200_000))
    keep.append(bytearray(100_000))
    keep.append(sorted([3, 2, 1] * 5000, key=lambda value: value * 1.5))

class Sized:
    def __init__(self, size):
        self.bytes = bytearray(size)
    def __len__(self):
        extend(self.bytes)
        return 3

def extend(array):
    array.extend(bytes(70_000))

def numbers(count):
    for i in range(count):
        yield bytes(3000 + i)

def through_c(keep):
    keep.extend(map(Sized, [50_000] * 3))
    len(keep[-1])
    keep.append(functools.reduce(lambda a, b: a + b, [bytes(20_000)] * 4))
    keep.append(json.loads("[" + ",".join("1.5" for _ in range(20_000)) + "]"))
    keep.append(list(itertools.accumulate(range(30_000))))
    keep.append(list(numbers(50)))

def main():
    keep = []
    deep(5, keep)
    through_c(keep)
    threads = [threading.Thread(target=through_c, args=(keep,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keep.append(np.sort(np.arange(100_000)[::-1]))
    keep.append(np.array([str(i) for i in range(3000)]))
    return keep

kept = main()
"#;

/// Tracks a part of itself, several calls deep, into a capture that holds sums only.
const AGGREGATED: &str = r#"
import sys
import memray
import numpy as np

def tracked():
    destination = memray.FileDestination(sys.argv[1], overwrite=True)
    format = memray.FileFormat.AGGREGATED_ALLOCATIONS
    with memray.Tracker(destination=destination, native_traces=True, file_format=format):
        return [np.ones(100_000), sorted(range(20_000), key=lambda i: -i)] + [[bytes(2000 + i)] for i in range(100)]

def outer():
    return sorted([1], key=lambda _: len(tracked()))

outer()
"#;

struct Recorded {
    _folder: tempfile::TempDir,
    capture: PathBuf,
    truth: Truth,
}

fn python() -> PathBuf {
    std::env::var_os("MEMRAY_PYTHON").expect("set MEMRAY_PYTHON to a Python that has memray and numpy").into()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What memray says of a capture.
fn truth_of(capture: &Path, truth: &Path) -> Truth {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tools/memray_truth.py");
    run(Command::new(python()).arg(tool).arg(capture).arg("-o").arg(truth));
    Truth::read(truth)
}

/// A capture of the program, recorded once for all tests.
fn recorded() -> &'static Recorded {
    static RECORDED: OnceLock<Recorded> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let [program, capture, truth] =
            ["program.py", "capture.bin", "truth.json.gz"].map(|name| folder.path().join(name));
        std::fs::write(&program, PROGRAM).unwrap();
        let record = ["-m", "memray", "run", "--native", "--quiet", "--output"];
        run(Command::new(python()).args(record).arg(&capture).arg(&program));
        let truth = truth_of(&capture, &truth);
        Recorded { capture, truth, _folder: folder }
    })
}

#[test]
fn aggregated_captures_have_memrays_hybrid_stacks() {
    let folder = tempfile::tempdir().unwrap();
    let [program, capture, truth] = ["program.py", "capture.bin", "truth.json.gz"].map(|name| folder.path().join(name));
    std::fs::write(&program, AGGREGATED).unwrap();
    run(Command::new(python()).arg(&program).arg(&capture));
    let truth = truth_of(&capture, &truth);
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    let index = Index::open(&capture, &options, &Progress::default()).unwrap();
    assert_eq!(index.native_symbols(), NativeSymbols::Unverified);
    compare(&index, &truth, "tracked");
}

/// memray, told to read what the tracer of this project wrote, makes of it what we do.
#[cfg(target_os = "linux")]
#[test]
fn captures_of_our_own_have_memrays_hybrid_stacks() {
    let folder = tempfile::tempdir().unwrap();
    let [program, capture, truth] = ["program.py", "capture.bin", "truth.json.gz"].map(|name| folder.path().join(name));
    std::fs::write(&program, PROGRAM).unwrap();
    traced::record(&capture, true, Command::new(python()).arg(&program));
    let truth = truth_of(&capture, &truth);
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    let index = Index::open(&capture, &options, &Progress::default()).unwrap();
    compare(&index, &truth, "");
}

fn open(no_native_symbols: bool) -> Index {
    let options = OpenOptions { no_cache: true, no_native_symbols, ..OpenOptions::default() };
    Index::open(&recorded().capture, &options, &Progress::default()).unwrap()
}

/// Function, file, line. Symbol tables know no files.
type Frame = (String, Option<String>, u32);

fn frame_of(index: &Index, location: LocationId) -> Frame {
    let location = index.location(location);
    let has_source = location.kind == FrameKind::Python || location.line > 0;
    let file = has_source.then(|| index.text(location.file).into_owned());
    (index.text(location.function).into_owned(), file, location.line)
}

/// An answer's bytes by stack, without libraries of which no symbols are known: memray shows `<unknown>` for each of their
/// frames, which its stacks are compared without.
fn stacks(index: &Index, answer: &Answer) -> BTreeMap<Vec<Frame>, i64> {
    let mut sums = BTreeMap::new();
    for stack in index.stacks(answer) {
        let frames = index.frames(answer, &stack);
        let named = frames.into_iter().filter(|&frame| index.location(frame).kind != FrameKind::Library);
        *sums.entry(named.map(|frame| frame_of(index, frame)).collect()).or_default() += stack.amount.bytes;
    }
    sums
}

/// memray's, without frames above the tracker, which `tracking` runs: where its stacks do not pair memray does not trim
/// them.
fn memrays_stacks(truth: &Truth, rows: &[Row], tracking: &str) -> BTreeMap<Vec<Frame>, i64> {
    let mut sums = BTreeMap::new();
    for &(bytes, _, stack) in rows {
        let frame = |&frame: &usize| {
            let (function, file, line) = &truth.frames[frame];
            (function.clone(), (file != "<unknown>").then(|| file.clone()), u32::try_from(*line).unwrap_or(0))
        };
        let frames = truth.stacks[stack].iter().map(frame);
        let mut frames: Vec<Frame> = frames.filter(|(function, ..)| function != "<unknown>").collect();
        if let Some(at) = frames.iter().position(|(function, ..)| function == tracking) {
            frames.truncate(at + 1);
        }
        *sums.entry(frames).or_default() += bytes;
    }
    sums
}

fn ask(index: &Index, mode: Mode) -> Answer {
    index.ask(&Question { mode, ..Question::default() }).unwrap()
}

fn is_python((_, file, _): &Frame) -> bool {
    file.as_ref().is_some_and(|file| file.ends_with(".py") || file.starts_with('<'))
}

/// Takes what is the same in both out of both; tells how many bytes.
fn take_same(ours: &mut BTreeMap<Vec<Frame>, i64>, memrays: &mut BTreeMap<Vec<Frame>, i64>) -> i64 {
    let mut same = 0;
    for (stack, bytes) in memrays.iter_mut() {
        let Some(own) = ours.get_mut(stack) else { continue };
        let common = *bytes.min(own);
        (*bytes, *own, same) = (*bytes - common, *own - common, same + common);
    }
    ours.retain(|_, bytes| *bytes != 0);
    memrays.retain(|_, bytes| *bytes != 0);
    same
}

/// The bytes whose stacks are the same, those whose stacks did not pair and have the same Python frames, and all; and the
/// largest stacks that differ. Where stacks do not pair memray shows Python's alone, and we those below the interpreter too.
fn agreement(mut ours: BTreeMap<Vec<Frame>, i64>, mut memrays: BTreeMap<Vec<Frame>, i64>) -> ([i64; 3], String) {
    let total: i64 = memrays.values().sum();
    let same = take_same(&mut ours, &mut memrays);
    let mut pythons: BTreeMap<Vec<Frame>, i64> = BTreeMap::new();
    for (stack, bytes) in ours {
        *pythons.entry(stack.into_iter().filter(is_python).collect()).or_default() += bytes;
    }
    let same_python = take_same(&mut pythons, &mut memrays);
    let mut report = String::new();
    for (name, rest) in [("memray's", memrays), ("ours, of Python", pythons)] {
        let mut rest: Vec<_> = rest.into_iter().collect();
        rest.sort_by_key(|(_, bytes)| -*bytes);
        for (stack, bytes) in rest.iter().take(4) {
            report += &format!("{name}: {bytes}\n");
            stack.iter().for_each(|(function, file, line)| report += &format!("    {function} {file:?} {line}\n"));
        }
    }
    ([same, same_python, total], report)
}

/// All are the same where this was written, with a Python that has debug information. One that was stripped has no symbol
/// for the cold part of its evaluation loop: stacks through that do not pair, in memray and here.
/// The rest is for what may differ elsewhere: which of the names of one function is shown, how C++ is demangled, and
/// debug information that only one of the readers understands.
#[test]
fn hybrid_stacks_are_memrays() {
    let index = open(false);
    assert_eq!(index.native_symbols(), NativeSymbols::Unverified);
    compare(&index, &recorded().truth, "_run_tracker");
}

fn compare(index: &Index, truth: &Truth, tracking: &str) {
    for (mode, rows) in [(Mode::Peak, &truth.high_water_mark), (Mode::Leaked, &truth.leaked)] {
        let ours = stacks(index, &ask(index, mode));
        let ([same, unpaired, total], report) = agreement(ours, memrays_stacks(truth, rows, tracking));
        assert!(same > 0 && same + unpaired >= total / 100 * 95, "{mode:?}: {same}, {unpaired}, {total}\n{report}");
    }
}

#[test]
fn without_symbols_stacks_are_pythons_and_then_one_frame_a_library() {
    let (with, without) = (open(false), open(true));
    assert_eq!(without.native_symbols(), NativeSymbols::None);
    assert_eq!(without.origin(), Origin::Built);
    let kinds = |index: &Index| -> Vec<FrameKind> {
        (1..index.location_count() as u32).map(|id| index.location(LocationId(id)).kind).collect()
    };
    assert!(!kinds(&without).contains(&FrameKind::Native));
    // Python's own frames do not depend on symbols.
    let python = |index: &Index| {
        let answer = ask(index, Mode::Peak);
        let mut sums: BTreeMap<Vec<Frame>, i64> = BTreeMap::new();
        for stack in index.stacks(&answer) {
            let frames = index.frames(&answer, &stack).into_iter();
            let python = frames.filter(|&frame| index.location(frame).kind == FrameKind::Python);
            *sums.entry(python.map(|frame| frame_of(index, frame)).collect()).or_default() += stack.amount.bytes;
        }
        sums
    };
    assert_eq!(python(&with), python(&without));
    // np.ones: its memory comes from numpy's library, directly below the Python function.
    let answer = ask(&without, Mode::Peak);
    let ones = without.stacks(&answer).into_iter().find(|stack| stack.amount.bytes == 1_600_000).unwrap();
    let frames: Vec<Frame> = without.frames(&answer, &ones).into_iter().map(|id| frame_of(&without, id)).collect();
    assert!(frames[0].0.starts_with("_multiarray_umath."), "{frames:?}");
    assert_eq!(frames[1].0, "ones");
    assert_eq!(frames[2].0, "deep");
}

#[test]
fn native_stacks_name_libraries_and_offsets() {
    for no_symbols in [false, true] {
        let index = open(no_symbols);
        let answer = ask(&index, Mode::Peak);
        let (site, _) = answer.sites.iter().find(|(_, amount)| amount.bytes == 1_600_000).unwrap();
        let stack = index.native_stack(*site);
        assert!(stack.len() > 10, "{} frames", stack.len());
        let text = index.native_frame_text(&stack[0]);
        assert!(text.starts_with("_multiarray_umath.cpython-"), "{text}");
        let (_, rest) = text.split_once("+0x").unwrap();
        let (offset, name) = rest.split_once(' ').map_or((rest, None), |(offset, name)| (offset, Some(name)));
        assert_eq!(u64::from_str_radix(offset, 16).unwrap(), stack[0].offset_in_library);
        assert_eq!(name, if no_symbols { None } else { Some("default_malloc") });
        let last = index.native_frame_text(stack.last().unwrap());
        assert!(last.contains("+0x"), "{last}");
    }
}

#[test]
fn the_table_by_library_parts_the_bytes() {
    let tables = [false, true].map(|no_symbols| {
        let index = open(no_symbols);
        let answer = ask(&index, Mode::Peak);
        let rows = index.table(&answer, GroupBy::NativeLibrary);
        assert_eq!(rows.iter().map(|row| row.own.bytes).sum::<i64>(), answer.total.bytes);
        let name = |key| match key {
            RowKey::File(path) => index.text(path).rsplit('/').next().unwrap().to_owned(),
            other => panic!("{other:?}"),
        };
        rows.into_iter().map(|row| (name(row.key), row.own.bytes)).collect::<Vec<_>>()
    });
    assert_eq!(tables[0], tables[1], "the libraries follow from the segments alone");
    let of = |prefix: &str| tables[0].iter().filter(|(name, _)| name.starts_with(prefix)).map(|row| row.1).sum::<i64>();
    assert!(of("_multiarray_umath.") >= 1_600_000 + 2 * 800_000, "{:?}", tables[0]);
    assert!(of("libpython3") + of("python3") >= 1_000_000, "{:?}", tables[0]);
}

#[test]
fn an_index_file_names_native_functions_where_the_libraries_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.mvidx");
    let index = open(false);
    index.write_to(&mut std::fs::File::create(&path).unwrap()).unwrap();
    let opened = Index::open(&path, &OpenOptions::default(), &Progress::default()).unwrap();
    assert_eq!(opened.origin(), Origin::IndexFile);
    assert_eq!(opened.native_symbols(), NativeSymbols::Unverified);
    assert_eq!(stacks(&opened, &ask(&opened, Mode::Peak)), stacks(&index, &ask(&index, Mode::Peak)));
    let (site, _) = ask(&opened, Mode::Peak).sites[0];
    assert_eq!(opened.native_stack(site), index.native_stack(site));
    assert!(!opened.native_stack(site).is_empty());
}
