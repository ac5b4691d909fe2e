// SPDX-License-Identifier: Apache-2.0
//! `memray-view run --aggregate`: what a capture of sums says is what a capture of everything says of the same program, and
//! what memray reads in either.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::{Place, Said, said};
use run_command::{interpreters, plain, recorded};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Allocates the same each time, in many ways: deep and shallow, kept and freed, by threads that take turns, moved, mapped and
/// mapped anew. The peak comes in the middle and again, at the same height.
const PROGRAM: &str = r#"
import gc, mmap, threading

# When it comes depends on all that was imported.
gc.disable()
PAGE = 4096

def leaf(size):
    return bytearray(size)

def deep(depth, size):
    return leaf(size) if depth == 0 else deep(depth - 1, size)

def pages(count):
    return mmap.mmap(-1, count * PAGE)

def resize(mapping, count):
    mapping.resize(count * PAGE)

def numbered(count):
    for number in range(count):
        yield deep(number % 7, 5000 + number)

def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, name=f"of {function.__name__}")
    thread.start()
    thread.join()

def peak():
    large = [leaf(30_000_000), deep(60, 20_000_000)]
    del large

kept = {}

def keep(number):
    kept[number] = [leaf(100_000 + number), deep(number % 40, 3000)]

def forget(number):
    del kept[number]

def moves(array):
    for _ in range(200):
        array.extend(b"x" * 1000)

def main():
    for number in range(300):
        keep(number)
    in_thread(keep, 1000)
    in_thread(forget, 7)
    for number in range(0, 300, 3):
        forget(number)
    array = bytearray()
    moves(array)
    shorter, longer, whole = pages(100), pages(50), pages(1000)
    resize(shorter, 40)
    resize(longer, 1000)
    peak()
    for block in numbered(500):
        pass
    peak()
    whole.close()
    last = list(numbered(20))
    kept["end"] = (array, last, shorter, longer)

main()
"#;

fn memray_python() -> PathBuf {
    std::env::var_os("MEMRAY_PYTHON").expect("MEMRAY_PYTHON names a Python with memray (see scripts/test)").into()
}

/// Records the program, all or in sums. Python's own objects come from `malloc`, so that none hide in pools whose places are
/// up to chance.
fn record(place: &Place, python: &Path, capture: &str, options: &[&str]) {
    std::fs::write(place.path("program.py"), PROGRAM).unwrap();
    let mut command = recorded(place, python, &["-q", "-f", "-o", capture]);
    command.args(options).arg("program.py").env("PYTHONMALLOC", "malloc").env("PYTHONHASHSEED", "0");
    let Said { err, code, .. } = said(command.output().unwrap());
    assert_eq!((code, err.as_str()), (0, ""), "{capture}");
}

/// Bytes and allocations by thread, allocator (if each is asked for) and stack.
type Sums = BTreeMap<String, (u64, u64)>;

const ALL_TOGETHER: [&str; 1] = [""];

const EACH: [&str; 7] =
    ["malloc", "calloc", "realloc", "mmap", "pymalloc_malloc", "pymalloc_calloc", "pymalloc_realloc"];

/// What is exported of a capture, which must open. If nothing is left by a filter, it says so.
fn exported(place: &Place, arguments: &[&str]) -> Value {
    let Said { out, err, code } = place.run(&[&["export"], arguments].concat());
    let is_quiet = err.is_empty() || err.starts_with("memray-view: nothing is left by the filter");
    assert!(code == 0 && is_quiet, "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// Functions of the program that call no other. What the interpreter allocates elsewhere, for frames, imports and threads, is
/// not the same each time.
const LEAVES: [&str; 4] = ["leaf", "pages", "resize", "moves"];

/// What our index answers of these: of all allocators together, or of each.
fn ours(place: &Place, capture: &str, mode: &str, allocators: &[&str]) -> Sums {
    let mut sums = Sums::new();
    for allocator in allocators {
        let mut arguments = vec![capture, "--mode", mode, "--split-threads"];
        if !allocator.is_empty() {
            arguments.extend(["--allocator", allocator]);
        }
        let export = exported(place, &arguments);
        for row in export["stacks"].as_array().unwrap() {
            let frames = row["frames"].as_array().unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let frame = |frame: &Value| format!("{}:{}", text(&frame["function"]), frame["line"]);
            if frames.first().is_some_and(|frame| LEAVES.contains(&text(&frame["function"]).as_str())) {
                let stack: Vec<String> = frames.iter().map(frame).collect();
                let who = format!("{} {allocator} {}", text(&row["thread"]), stack.join(" < "));
                sums.insert(who, (row["bytes"].as_u64().unwrap(), row["allocations"].as_u64().unwrap()));
            }
        }
    }
    sums
}

/// What memray 1.20 reads: bytes by thread name and stack, of the same part of the program. It counts wrongly where it puts
/// the sums of several allocators together, in captures of its own too, so allocations are not compared; and the allocator
/// it names is any of them.
fn memrays(place: &Place, capture: &str) -> Value {
    let script = "import collections, json, sys\n\
        from memray import FileReader\n\
        reader, sums = FileReader(sys.argv[1]), []\n\
        for records in (reader.get_high_watermark_allocation_records, reader.get_leaked_allocation_records):\n\
        \x20   by_stack = collections.Counter()\n\
        \x20   for record in records(merge_threads=False):\n\
        \x20       stack = record.stack_trace()\n\
        \x20       if stack and stack[0][0] in sys.argv[2:]:\n\
        \x20           frames = ' < '.join(f'{function}:{line}' for function, _, line in stack)\n\
        \x20           by_stack[f'{record.tid} {record.thread_name} {frames}'] += record.size\n\
        \x20   sums.append(by_stack)\n\
        print(json.dumps(sums))";
    let mut read = Command::new(memray_python());
    let said = said(read.args(["-c", script]).arg(place.path(capture)).args(LEAVES).output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{capture}");
    serde_json::from_str(&said.out).unwrap()
}

#[track_caller]
fn assert_same_sums(python: &Path, options: &[&str], allocators: &[&str]) {
    let (place, what) = (Place::new(), format!("{} {options:?}", python.display()));
    record(&place, python, "all.bin", options);
    record(&place, python, "sums.bin", &[options, &["--aggregate"]].concat());
    for (mode, at_least_bytes) in [("peak", 50_000_000), ("leaked", 10_000_000)] {
        let (expected, found) = (ours(&place, "all.bin", mode, allocators), ours(&place, "sums.bin", mode, allocators));
        let bytes: u64 = expected.values().map(|(bytes, _)| bytes).sum();
        assert!(expected.len() > 30 && bytes > at_least_bytes, "{what} {mode}: {expected:#?}");
        let differing: Vec<_> = expected.iter().filter(|(who, sum)| found.get(*who) != Some(*sum)).collect();
        let more: Vec<_> = found.keys().filter(|who| !expected.contains_key(*who)).collect();
        assert!(differing.is_empty() && more.is_empty(), "{what} {mode}: {differing:#?} {more:#?}");
    }
    assert_eq!(memrays(&place, "sums.bin"), memrays(&place, "all.bin"), "{what}");
}

#[test]
fn sums_are_those_of_a_capture_of_everything() {
    for python in interpreters() {
        for options in [&[][..], &["--trace-python-allocators"]] {
            assert_same_sums(&python, options, &ALL_TOGETHER);
        }
    }
}

#[test]
fn sums_by_allocator_are_those_of_a_capture_of_everything() {
    for options in [&["--no-compress"][..], &["--no-compress", "--trace-python-allocators"]] {
        assert_same_sums(&memray_python(), options, &EACH);
    }
}

/// The sum of all that a capture has, of one mode.
fn total(place: &Place, capture: &str, mode: &str) -> (u64, u64) {
    let export = exported(place, &[capture, "--mode", mode]);
    assert_eq!(export["metadata"]["ending"]["kind"], "complete", "{capture}");
    (export["total_bytes"].as_u64().unwrap(), export["total_allocations"].as_u64().unwrap())
}

/// The bytes of a capture's own functions of that name, at the peak.
fn bytes_in(place: &Place, capture: &str, function: &str) -> u64 {
    let of_function = ["--function", &format!("/^{function}$/")];
    exported(place, &[&[capture, "--mode", "peak"], &of_function[..]].concat())["total_bytes"].as_u64().unwrap()
}

#[test]
fn memray_and_we_read_the_same_totals_with_native_stacks_too() {
    let (place, python) = (Place::new(), memray_python());
    for options in [&["--aggregate", "--native"][..], &["--aggregate", "--native", "--trace-python-allocators"]] {
        record(&place, &python, "sums.bin", options);
        let script = "import sys, json; from memray import FileReader; reader = FileReader(sys.argv[1]); \
             peak = list(reader.get_high_watermark_allocation_records(merge_threads=True)); \
             leaked = list(reader.get_leaked_allocation_records(merge_threads=True)); \
             native = [r for r in peak if any('mmap' in frame[0] for frame in r.native_stack_trace())]; \
             print(json.dumps([sum(r.size for r in peak), sum(r.size for r in leaked), \
             any(f[0] == 'pages' for r in native for f in r.hybrid_stack_trace())]))";
        let told = said(Command::new(&python).args(["-c", script]).arg(place.path("sums.bin")).output().unwrap());
        let theirs: Value = serde_json::from_str(&told.out).unwrap();
        let ours = [total(&place, "sums.bin", "peak").0, total(&place, "sums.bin", "leaked").0];
        assert_eq!(theirs, serde_json::json!([ours[0], ours[1], true]), "{options:?}");
        assert!(bytes_in(&place, "sums.bin", "_PyEval_EvalFrameDefault|_mmap_mmap|new_mmap_object|mmap") > 0);
    }
}

/// How programs end, after they held 5,000,000 bytes.
const ENDINGS: [(&str, &str, i32); 8] = [
    ("done", "pass", 0),
    ("code", "sys.exit(3)", 3),
    ("exception", "raise KeyError('x')", 1),
    ("at_once", "os._exit(7)", 7),
    ("aborted", "os.abort()", -libc::SIGABRT),
    ("handled", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); os.kill(os.getpid(), signal.SIGTERM)", 5),
    ("replaced", "os.execvp('sh', ['sh', '-c', 'exit 9'])", 9),
    ("not_replaced", "os.execvp('none-such', ['x'])", 1),
];

#[test]
fn however_a_program_ends_itself_the_sums_are_there() {
    let python = memray_python();
    for (name, end, code) in ENDINGS {
        let place = Place::new();
        let text = format!(
            "import os, signal, sys\n\
             def held(): return bytearray(5_000_000 - 1)\n\
             def gone(): return bytearray(1_000_000 - 1)\n\
             kept = held()\n\
             gone()\n\
             {end}\n"
        );
        std::fs::write(place.path("ends.py"), text).unwrap();
        let run = recorded(&place, &python, &["--aggregate", "-o", "x.bin"]).arg("ends.py").output().unwrap();
        let ended = std::os::unix::process::ExitStatusExt::signal(&run.status).map(|signal| -signal);
        assert_eq!(run.status.code().or(ended), Some(code), "{name}: {run:?}");
        assert_eq!((bytes_in(&place, "x.bin", "held"), bytes_in(&place, "x.bin", "gone")), (5_000_000, 1_000_000));
        let err = String::from_utf8(run.stderr).unwrap();
        assert!(err.contains(" allocations and frees in "), "{name}: {err}");
        assert!(!err.contains("tracing has ended"), "{name}: {err}");
    }
}

#[test]
fn a_program_that_does_not_become_another_one_after_all_runs_on_untraced() {
    let (place, python) = (Place::new(), memray_python());
    let text = "import os\n\
        def held(): return bytearray(5_000_000 - 1)\n\
        kept = held()\n\
        with open('no-program', 'w') as file: file.write('\\x7fELF')\n\
        os.chmod('no-program', 0o755)\n\
        try: os.execv('no-program', ['x'])\n\
        except OSError as error: print(error.strerror)\n";
    std::fs::write(place.path("ends.py"), text).unwrap();
    let run = said(recorded(&place, &python, &["--aggregate", "-o", "x.bin"]).arg("ends.py").output().unwrap());
    assert_eq!((run.out.as_str(), run.code), ("Exec format error\n", 0));
    let told = "memray-view: tracing has ended, as the program was going to become another one; it runs on\n";
    assert!(run.err.contains(told), "{}", run.err);
    assert_eq!(bytes_in(&place, "x.bin", "held"), 5_000_000);
}

#[test]
fn of_a_program_that_is_killed_it_is_said_that_its_sums_are_missing() {
    let (place, python) = (Place::new(), memray_python());
    for form in ["--compress-on-exit", "--no-compress"] {
        let options = ["--aggregate", "-f", "-o", "x.bin", form];
        let text = "import os, signal; kept = bytearray(5_000_000); os.kill(os.getpid(), signal.SIGKILL)";
        let run = recorded(&place, &python, &options).args(["-c", text]).output().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&run.status), Some(libc::SIGKILL));
        let err = String::from_utf8(run.stderr).unwrap();
        let told =
            "memray-view: With --aggregate the sums are written at the end, which did not come: they are not in x.bin";
        assert!(err.contains(told), "{err}");
        let said = place.run(&["index", "x.bin"]);
        assert!(said.out.contains("some or all of them are missing"), "{}", said.out);
        if form == "--no-compress" {
            // memray looks at the zeros at its end one by one, which takes it long.
            continue;
        }
        // memray reads it as one of a program that allocated nothing.
        let script = "import sys; from memray import FileReader; reader = FileReader(sys.argv[1]); \
             print(len(list(reader.get_high_watermark_allocation_records())))";
        let read = Command::new(&python).args(["-c", script]).arg(place.path("x.bin")).output().unwrap();
        assert_eq!((read.status.code(), read.stdout.as_slice()), (Some(0), b"0\n".as_slice()), "{read:?}");
    }
}

#[test]
fn forked_children_have_sums_of_their_own_however_they_end() {
    let (place, python) = (Place::new(), memray_python());
    let text = "import multiprocessing, os\n\
        def before(): return bytearray(4_000_000 - 1)\n\
        def pooled(n): return len(bytearray(1_000_000 - 1 + n))\n\
        def forked(): return bytearray(2_000_000 - 1)\n\
        def after(): return bytearray(3_000_000 - 1)\n\
        kept = before()\n\
        pid = os.fork()\n\
        if pid == 0:\n\
        \x20   own = forked()\n\
        \x20   del kept\n\
        \x20   os._exit(0)\n\
        os.waitpid(pid, 0)\n\
        process = multiprocessing.get_context('fork').Process(target=pooled, args=(0,))\n\
        process.start()\n\
        process.join()\n\
        more = after()\n\
        print(pid, process.pid)\n";
    std::fs::write(place.path("forks.py"), text).unwrap();
    for (options, follows) in [(&["--aggregate", "--follow-fork"][..], true), (&["--aggregate"], false)] {
        let mut run = recorded(&place, &python, &[options, &["-q", "-f", "-o", "x.bin"]].concat());
        let run = said(run.arg("forks.py").output().unwrap());
        assert_eq!((run.err.as_str(), run.code), ("", 0));
        let held = |capture: &str| {
            let functions = ["before", "forked", "pooled", "after"];
            functions.map(|function| bytes_in(&place, capture, function))
        };
        assert_eq!(held("x.bin"), [4_000_000, 0, 0, 3_000_000]);
        let (forked, pooled) = run.out.trim().split_once(' ').unwrap();
        let (forked, pooled) = (format!("x.bin.{forked}"), format!("x.bin.{pooled}"));
        assert_eq!((place.path(&forked).exists(), place.path(&pooled).exists()), (follows, follows));
        if follows {
            assert_eq!(held(&forked), [0, 2_000_000, 0, 0]);
            assert_eq!(held(&pooled), [0, 0, 1_000_000, 0]);
        }
    }
}

/// A program of ever more functions, each with a stack of its own.
const GROWS: &str = "import sys\n\
    kept = []\n\
    def held(): return bytearray(5_000_000 - 1)\n\
    kept.append(held())\n\
    for number in range(int(sys.argv[1])):\n\
    \x20   scope = {}\n\
    \x20   exec(f'def f{number}(n): return bytearray(n)', scope)\n\
    \x20   kept.append(scope[f'f{number}'](1000))\n\
    print(len(kept))\n";

#[test]
fn a_capture_of_limited_size_has_all_sums_up_to_there() {
    let (place, python) = (Place::new(), memray_python());
    std::fs::write(place.path("grows.py"), GROWS).unwrap();
    for form in ["--compress-on-exit", "--no-compress"] {
        for limit_kib in [200, 1000] {
            let limit = format!("{limit_kib}K");
            let options = ["--aggregate", "-f", "-o", "x.bin", "--max-size", &limit, form];
            let run = said(recorded(&place, &python, &options).args(["grows.py", "20000"]).output().unwrap());
            assert_eq!((run.out.as_str(), run.code), ("20001\n", 0), "{}", run.err);
            assert!(run.err.contains("the capture has reached the size that --max-size allows"), "{}", run.err);
            assert!(std::fs::metadata(place.path("x.bin")).unwrap().len() <= limit_kib << 10);
            assert_eq!(bytes_in(&place, "x.bin", "held"), 5_000_000);
            assert!(bytes_in(&place, "x.bin", "f100") >= 1000, "{form} {limit}");
            assert_eq!(bytes_in(&place, "x.bin", "f19999"), 0);
        }
    }
}

#[test]
fn after_its_time_a_capture_has_the_sums_up_to_there() {
    let (place, python) = (Place::new(), memray_python());
    let text = "import os, sys\n\
        def held(): return bytearray(5_000_000 - 1)\n\
        def late(): return bytearray(7_000_000 - 1)\n\
        kept = held()\n\
        # Until the capture is complete: before, there is room behind its records.\n\
        def is_complete():\n\
        \x20   with open('x.bin', 'rb') as file: return file.read()[-1:] != b'\\0'\n\
        while not is_complete(): pass\n\
        more = late()\n\
        print('ran on')\n";
    std::fs::write(place.path("lasts.py"), text).unwrap();
    let options = ["--aggregate", "--no-compress", "-o", "x.bin", "--duration", "100ms"];
    let run = said(recorded(&place, &python, &options).arg("lasts.py").output().unwrap());
    assert_eq!((run.out.as_str(), run.code), ("ran on\n", 0), "{}", run.err);
    assert_eq!((bytes_in(&place, "x.bin", "held"), bytes_in(&place, "x.bin", "late")), (5_000_000, 0));
}

#[test]
fn live_blocks_cost_the_program_64_bytes_each_at_most() {
    let (place, python) = (Place::new(), memray_python());
    // What it takes more than it does untraced.
    let text = "def anonymous_kib():\n\
        \x20   with open('/proc/self/status') as status:\n\
        \x20       return next(int(line.split()[1]) for line in status if line.startswith('RssAnon'))\n\
        def blocks(count):\n\
        \x20   before = anonymous_kib()\n\
        \x20   kept = [object() for _ in range(count)]\n\
        \x20   return anonymous_kib() - before, kept\n\
        blocks(1000)\n\
        taken_kib, kept = blocks(1_000_000)\n\
        print(taken_kib)\n";
    std::fs::write(place.path("blocks.py"), text).unwrap();
    let taken_kib = |command: &mut Command| -> u64 {
        let said = said(command.arg("blocks.py").env("PYTHONMALLOC", "malloc").output().unwrap());
        said.out.trim().parse().unwrap()
    };
    let without = taken_kib(&mut plain(&place, &python));
    let traced = taken_kib(&mut recorded(&place, &python, &["-q", "--aggregate", "-o", "x.bin"]));
    let each_bytes = traced.saturating_sub(without) * 1024 / 1_000_000;
    assert!((16..=64).contains(&each_bytes), "{each_bytes} bytes: {traced} KiB, without {without} KiB");
    let (_, live) = total(&place, "x.bin", "leaked");
    assert!(live >= 1_000_000, "{live}");
}
