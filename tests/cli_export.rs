// SPDX-License-Identifier: Apache-2.0
//! `memray-view export`: what it prints is what memray 1.20 answers of the same captures, filters and refusals included.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::{Place, capture_path, is_harmless, said};
use serde_json::{Value, json};
use std::io::Read;
use std::process::Stdio;

/// Sums over the stacks of an export.
fn sums(export: &Value) -> (i64, i64) {
    let sum = |key: &str| export["stacks"].as_array().unwrap().iter().map(|stack| stack[key].as_i64().unwrap()).sum();
    (sum("bytes"), sum("allocations"))
}

fn totals(export: &Value) -> (i64, i64) {
    (export["total_bytes"].as_i64().unwrap(), export["total_allocations"].as_i64().unwrap())
}

#[test]
fn totals_are_memrays_and_the_sums_of_the_stacks() {
    let place = Place::new();
    // As memray 1.20 answers: high-water mark, leaked, temporary within one allocation.
    for (mode, bytes, allocations) in
        [("peak", 13_603_858, 93), ("leaked", 369_829, 55), ("temporary=1", 4_199_754, 109)]
    {
        let export = place.export("v13-py3.13/threads.bin", &["--mode", mode]);
        assert_eq!(totals(&export), (bytes, allocations), "{mode}");
        assert_eq!(sums(&export), (bytes, allocations), "{mode}");
    }
}

#[test]
fn stacks_are_written_leaf_first_without_frames_above_the_tracker() {
    let export = Place::new().export("v13-py3.13/threads.bin", &[]);
    let largest = &export["stacks"][0];
    assert_eq!((&largest["bytes"], &largest["allocations"]), (&json!(10_000_005), &json!(5)));
    assert_eq!(largest["frames"][0], json!({"function": "<module>", "file": "threads.py", "line": 35}));
    let functions: Vec<&str> =
        largest["frames"].as_array().unwrap().iter().map(|frame| frame["function"].as_str().unwrap()).collect();
    assert_eq!(functions, ["<module>", "_run_code", "_run_module_code", "run_path", "_run_tracker"]);
    assert_eq!(largest.get("thread"), None);
}

#[test]
fn metadata_keeps_records_and_allocations_apart() {
    let metadata = Place::new().export("v13-py3.13/threads.bin", &[])["metadata"].clone();
    assert_eq!(metadata["records"], 1151);
    assert_eq!(metadata["allocation_records"], 613, "what memray calls total allocations");
    assert_eq!(metadata["allocations"], 330);
    assert_eq!(metadata["peak_memory_bytes"], 13_603_858);
    assert_eq!(metadata["python_allocator"], "pymalloc");
    assert_eq!(metadata["file"], "threads.bin");
    assert_eq!(metadata["ending"], json!({"kind": "complete"}));
}

#[test]
fn threads_are_split_or_truly_merged() {
    let place = Place::new();
    let merged = place.export("v13-py3.13/threads.bin", &[]);
    let split = place.export("v13-py3.13/threads.bin", &["--split-threads"]);
    assert_eq!(totals(&merged), totals(&split));
    let producers = |export: &Value| {
        let stacks = export["stacks"].as_array().unwrap().clone();
        stacks.into_iter().filter(|stack| stack["frames"][0]["function"] == "producer").collect::<Vec<_>>()
    };
    assert_eq!(producers(&merged).len(), 1);
    let threads: Vec<Value> = producers(&split).iter().map(|stack| stack["thread"].clone()).collect();
    assert_eq!(threads, [json!("0x3 (producer-b)"), json!("0x2 (producer-a)")]);
    assert_eq!(producers(&merged)[0]["bytes"].as_i64(), producers(&split).iter().map(|s| s["bytes"].as_i64()).sum());
}

#[test]
fn filters_leave_part_of_the_same_peak() {
    let place = Place::new();
    let capture = "v13-py3.13/threads.bin";
    let whole = place.export(capture, &[]);
    let by_name = place.export(capture, &["--thread", "producer-a"]);
    let by_number = place.export(capture, &["--thread", "0x2"]);
    assert_eq!(by_name["stacks"], by_number["stacks"]);
    assert!(totals(&by_name).0 > 0 && totals(&by_name).0 < totals(&whole).0);
    assert_eq!(by_name["metadata"]["heap_bytes"], 13_603_858, "a filter never moves the peak");
    for arguments in [
        ["--function", "producer"],
        ["--function", "/^prod.cer$/"],
        ["--file", "THREADS.PY"],
        ["--module", "threads"],
        ["--allocator", "mmap"],
    ] {
        let part = place.export(capture, &arguments);
        assert_eq!(sums(&part), totals(&part), "{arguments:?}");
        assert!(totals(&part).0 > 0 && totals(&part).0 < totals(&whole).0, "{arguments:?}");
    }
    for pattern in ["no such function", "//"] {
        let nothing = place.run_on(capture, &["export", "FILE", "--function", pattern]);
        assert_eq!((nothing.code, totals(&serde_json::from_str(&nothing.out).unwrap())), (0, (0, 0)));
        let only = format!("only a function with “{pattern}”");
        assert_eq!(nothing.err, format!("memray-view: nothing is left by the filter ({only})\n"));
    }
}

#[test]
fn hidden_frames_keep_their_bytes() {
    let place = Place::new();
    let hidden = place.export("v13-py3.13/threads.bin", &["--hide-irrelevant", "--hide-import-system"]);
    assert_eq!(totals(&hidden), (13_603_858, 93));
    let text = hidden.to_string();
    assert!(!text.contains("<frozen runpy>") && !text.contains("<frozen importlib"), "{text}");
}

#[test]
fn what_a_hidden_function_called_is_its_callers() {
    let place = Place::new();
    let capture = "v13-py3.13/threads.bin";
    let functions = |export: &Value| -> Vec<String> {
        let frames = export["stacks"][0]["frames"].as_array().unwrap();
        frames.iter().map(|frame| frame["function"].as_str().unwrap().to_owned()).collect()
    };
    let whole = place.export(capture, &[]);
    assert_eq!(functions(&whole), ["<module>", "_run_code", "_run_module_code", "run_path", "_run_tracker"]);
    // By part of a name whatever its case, and by an expression.
    let hidden = place.export(capture, &["--hide-function", "_RUN_", "--hide-function", "/^run_path$/"]);
    assert_eq!(functions(&hidden), ["<module>"]);
    assert_eq!((totals(&hidden), sums(&hidden)), (totals(&whole), totals(&whole)));
    let names = ["_run_code", "_run_module_code", "_run_tracker", "run_path"].map(|name| json!(name));
    for name in &names {
        let told = hidden["metadata"]["filter"]["hidden_functions"].as_array().unwrap();
        assert!(told.contains(name), "{name} is not among {told:?}");
    }
    assert_eq!(place.export(capture, &["--hide-function", "no such function"])["stacks"], whole["stacks"]);
}

#[test]
fn ranges_add_up() {
    let place = Place::new();
    let capture = "v13-py3.13/threads.bin";
    let bytes = |mode: &str| totals(&place.export(capture, &["--mode", mode])).0;
    assert_eq!(bytes("range-growth@#3..#9"), bytes("live@#9") - bytes("live@#3"));
    assert_eq!(bytes("range-live@start..end"), bytes("leaked"));
    assert_eq!(bytes("range-peak@start..end"), bytes("peak"));
    assert_eq!(bytes("range-churn@start..end"), 18_886_814, "all that memray says was allocated");
    assert_eq!(bytes("live@start"), 0);
    let times = place.export(capture, &["--mode", "range-live@20ms..0.1s"])["metadata"].clone();
    assert_eq!((&times["from"]["at"], &times["to"]["at"]), (&json!("#2"), &json!("#7")), "{times}");
}

#[test]
fn collapsed_lines_end_in_bytes_that_sum_up() {
    let said = Place::new().run_on("v13-py3.13/threads.bin", &["export", "FILE", "--format", "collapsed"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let bytes: i64 = said.out.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()).sum();
    assert_eq!(bytes, 13_603_858);
    let first = said.out.lines().next().unwrap();
    assert!(first.starts_with("_run_tracker (") && first.ends_with(";<module> (threads.py:35) 10000005"), "{first}");
}

#[test]
fn hostile_names_stay_within_their_line() {
    let place = Place::new();
    let export = place.export("v13-py3.13/weird.bin", &[]);
    let file = "/tmp/it's \"quoted\"; DROP TABLE <x>.py";
    assert!(export.to_string().contains("ünïcode_函数"));
    assert!(export["stacks"].as_array().unwrap().iter().any(|stack| stack["frames"][0]["file"] == file));
    let said = place.run_on("v13-py3.13/weird.bin", &["export", "FILE", "--format", "collapsed"]);
    assert_eq!(said.out.lines().count(), export["stacks"].as_array().unwrap().len());
    assert!(is_harmless(&said.out), "{}", said.out);
    assert!(said.out.contains("it's \"quoted\"\\u{3b} DROP TABLE <x>.py:2) "), "{}", said.out);
}

#[test]
fn json_on_a_terminal_is_harmless_and_means_the_same() {
    let place = Place::new();
    let name = "x\u{9b}31m\u{202e}\u{7f}.bin";
    std::fs::copy(capture_path("v13-py3.13/nothing.bin"), place.path(name)).unwrap();
    for arguments in [&["export", name][..], &["stats", "--json", name]] {
        let printed = place.run(arguments);
        assert_eq!(printed.code, 0);
        assert!(is_harmless(&printed.out), "{arguments:?}: {:?}", printed.out);
    }
    let export = place.run(&["export", name]).out;
    assert!(export.contains("x\\u009b31m\\u202e\\u007f.bin"), "{export}");
    assert_eq!(serde_json::from_str::<Value>(&export).unwrap()["metadata"]["file"], name);
}

#[test]
fn what_a_crash_left_is_not_called_leaked() {
    let metadata = Place::new().export("v13-py3.13/crash.bin", &["--mode", "leaked"])["metadata"].clone();
    assert_eq!((&metadata["mode"], &metadata["label"]), (&json!("leaked"), &json!("live when the recording stops")));
    assert_eq!(metadata["ending"]["kind"], "truncated");
    assert_eq!(metadata["duration_ms"], 73, "from the last record: the header says 0");
}

#[test]
fn an_aggregated_capture_refuses_what_it_does_not_hold() {
    let place = Place::new();
    let capture = "v13-py3.13/threads_aggregated.bin";
    assert_eq!(totals(&place.export(capture, &["--mode", "leaked"])).0, 369_829);
    for mode in
        ["temporary", "live@#3", "range-live@#1..#2", "range-peak@#1..#2", "range-growth@#1..#2", "range-churn@#1..#2"]
    {
        let said = place.run_on(capture, &["export", "FILE", "--mode", mode]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{mode}");
        assert!(said.err.starts_with("memray-view: this capture holds only sums"), "{}", said.err);
        assert_eq!(said.err.lines().count(), 1);
    }
}

#[test]
fn each_mistake_is_one_sentence_and_exit_code_2() {
    let place = Place::new();
    for (arguments, sentence) in [
        (["--mode", "heap"], "“heap” is no mode: write one of peak, leaked, allocated, temporary[=N], live@T,"),
        (["--mode", "live@#99"], "there is no snapshot #99: this capture has 14 snapshots, #0 to #13"),
        (["--mode", "live@90s"], "0:01:30 lies after the end of the recording, which is 190 ms long"),
        (["--mode", "range-live@#5..#2"], "the range #5..#2 ends before it starts: swap its ends"),
        (["--thread", "nobody"], "there is no thread “nobody”: this capture has 0x1 (main), 0x2 (producer-a),"),
        (["--allocator", "free"], "“free” is no allocator: write one of pymalloc_malloc,"),
        (["--function", "/(/"], "`(` is not a regular expression"),
        (["--hide-function", "/(/"], "`(` is not a regular expression"),
    ] {
        let said = place.run_on("v13-py3.13/threads.bin", &["export", "FILE", arguments[0], arguments[1]]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}");
        assert!(said.err.starts_with(&format!("memray-view: {sentence}")), "{}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    }
}

#[test]
fn an_output_file_appears_whole_and_never_replaces_the_capture() {
    let place = Place::new();
    std::fs::copy(capture_path("v13-py3.13/nothing.bin"), place.path("a.bin")).unwrap();
    let printed = place.run(&["export", "a.bin"]);
    let written = place.run(&["export", "a.bin", "-o", "a.json"]);
    assert_eq!((written.code, written.out.as_str(), written.err.as_str()), (0, "", ""));
    assert_eq!(std::fs::read_to_string(place.path("a.json")).unwrap(), printed.out);

    let refused = place.run(&["export", "a.bin", "-o", "./a.bin"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("is the capture itself"), "{}", refused.err);
    let failed = place.run(&["export", "a.bin", "-o", "no/such/folder/a.json"]);
    assert_eq!(failed.code, 1);
    assert!(failed.err.starts_with("memray-view: no/such/folder/a.json cannot be written: "), "{}", failed.err);
}

#[cfg(unix)]
#[test]
fn an_export_goes_through_links_and_pipes() {
    use std::os::unix::fs::FileTypeExt as _;
    let place = Place::new();
    std::fs::copy(capture_path("v13-py3.13/nothing.bin"), place.path("a.bin")).unwrap();
    let printed = place.run(&["export", "a.bin"]).out;
    std::fs::create_dir(place.path("below")).unwrap();
    std::os::unix::fs::symlink("below/there.json", place.path("link.json")).unwrap();
    assert_eq!(place.run(&["export", "a.bin", "-o", "link.json"]).code, 0);
    assert!(std::fs::symlink_metadata(place.path("link.json")).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(place.path("below/there.json")).unwrap(), printed);

    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    let mut reader = std::process::Command::new("cat");
    let reader = reader.arg(place.path("pipe")).stdout(Stdio::piped()).spawn().unwrap();
    let said_of_pipe = place.run(&["export", "a.bin", "-o", "pipe"]);
    assert_eq!((said_of_pipe.code, said_of_pipe.err.as_str()), (0, ""));
    assert_eq!(said(reader.wait_with_output().unwrap()).out, printed);
    assert!(std::fs::symlink_metadata(place.path("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = Place::new();
    // More than a pipe holds, so that the command still writes when its reader has left.
    let mut child = place
        .command()
        .args(["export", capture_path("v13-py3.13/json_churn_pymalloc.bin").to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"{\"metadata");
    let said = said(child.wait_with_output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}
