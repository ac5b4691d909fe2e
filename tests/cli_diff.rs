// SPDX-License-Identifier: Apache-2.0
//! `memray-view diff`: pairs of programs that differ in one known allocation, and captures that are hard to compare.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::{Place, Said, capture_path};
use run_command::{interpreter, interpreters, minor_version, recorded};
use serde_json::Value;
use std::path::Path;

/// A program that keeps what it allocates; `more` is what the second version of it keeps besides.
fn program(more: &str) -> String {
    format!(
        "def load():\n    return bytearray(20_000_000)\n\n{more}\ndef rows():\n    \
         return [bytearray(100_000) for _ in range(50)]\n\nkept = [load(), rows()]\n{}",
        if more.is_empty() { "" } else { "kept.append(parse_rows())\n" }
    )
}

const PARSE: &str = "def parse_rows():\n    return bytearray(30_000_000)\n";

fn record(place: &Place, python: &Path, script: &str, text: &str, capture: &str) {
    let path = place.path(script);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let output = recorded(place, python, &["-q", "-f", "-o", capture]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn diff(place: &Place, arguments: &[&str]) -> String {
    diff_of(place, ["a.bin", "b.bin"], arguments)
}

fn diff_of(place: &Place, captures: [&str; 2], arguments: &[&str]) -> String {
    let Said { out, err, code } = place.run(&[&["diff"], &captures[..], arguments].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{captures:?} {arguments:?}");
    out
}

fn diff_json(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&diff(place, &[arguments, &["--json"]].concat())).unwrap()
}

/// A row by what its name contains.
fn row<'a>(json: &'a Value, name: &str) -> &'a Value {
    let mut rows = json["rows"].as_array().unwrap().iter();
    rows.find(|row| row["name"].as_str().unwrap().contains(name)).unwrap_or_else(|| panic!("{name}: {json:#}"))
}

#[test]
fn one_more_allocation_is_named_with_its_size_and_all_else_is_as_before() {
    let (place, python) = (Place::new(), interpreter());
    // Another version in another folder, with lines shifted by what is new.
    record(&place, &python, "app-1.4.2/svc.py", &program(""), "a.bin");
    record(&place, &python, "app-1.5.0/svc.py", &program(PARSE), "b.bin");
    let text = diff(&place, &[]);
    let verdict = text.lines().next().unwrap();
    assert!(verdict.starts_with("Peak +28.6 MiB (+"), "{text}");
    assert!(verdict.ends_with(": 28.6 MiB in parse_rows (svc.py:5), new in B"), "{text}");
    assert!(text.contains("app-1.5.0: "), "the roots are found: {text}");
    let json = diff_json(&place, &[]);
    let [new, rows, load] = ["parse_rows", "rows (", "load"].map(|name| row(&json, name));
    assert_eq!((&new["change"], new["inclusive"]["delta_bytes"].as_i64().unwrap() / 1000), (&"new".into(), 30_000));
    assert_eq!(row(&json, "load (svc.py:2)")["change"], "neutral");
    assert_eq!(load["inclusive"]["delta_bytes"], 0);
    assert!(rows["inclusive"]["after_bytes"].as_i64().unwrap() >= 5_000_000);
    assert_eq!(json["root_rules"].as_array().unwrap().len(), 1);
    // By line, what moved is other code.
    let moved = diff_json(&place, &["--by-line"]);
    assert_eq!(row(&moved, "load")["change"], "neutral");
    let rows: Vec<&Value> = moved["rows"].as_array().unwrap().iter().collect();
    let changes: Vec<_> = rows.iter().filter(|it| it["name"].as_str().unwrap().starts_with("rows (")).collect();
    assert_eq!(changes.len(), 2, "gone from one line, new at another: {moved:#}");
}

#[test]
fn swapping_negates_and_says_what_is_gone() {
    let (place, python) = (Place::new(), interpreter());
    record(&place, &python, "svc.py", &program(PARSE), "a.bin");
    record(&place, &python, "svc.py", &program(""), "b.bin");
    let text = diff(&place, &[]);
    assert!(text.starts_with("Peak \u{2212}28.6 MiB (\u{2212}"), "{text}");
    assert!(text.lines().next().unwrap().ends_with(": \u{2212}28.6 MiB in parse_rows (svc.py:5), gone in B"), "{text}");
    let there = diff_json(&place, &["--mode", "leaked"]);
    let back: Value = {
        let said = place.run(&["diff", "b.bin", "a.bin", "--mode", "leaked", "--json"]);
        serde_json::from_str(&said.out).unwrap()
    };
    let delta = |json: &Value| json["total"]["delta_bytes"].as_i64().unwrap();
    assert_eq!(delta(&there), -delta(&back));
    assert_eq!(delta(&there), there["leaked"]["delta_bytes"].as_i64().unwrap());
}

#[test]
fn two_moments_of_one_capture_compare_too() {
    let (place, python) = (Place::new(), interpreter());
    record(&place, &python, "svc.py", &program(PARSE), "a.bin");
    std::fs::copy(place.path("a.bin"), place.path("b.bin")).unwrap();
    let json = diff_json(&place, &["--mode", "live@start", "--mode-after", "leaked"]);
    assert_eq!(json["total"]["before_bytes"], 0);
    assert_eq!(row(&json, "parse_rows")["change"], "new");
    let same = diff(&place, &[]);
    assert!(same.starts_with("Peak unchanged at "), "{same}");
}

#[test]
fn a_program_under_two_pythons_is_the_same_program() {
    let pythons = interpreters();
    // Since 3.12 comprehensions run in their functions: the last of those before, and the first of those since.
    let before = pythons.iter().filter(|python| minor_version(python) < 12).max_by_key(|python| minor_version(python));
    let after = pythons.iter().filter(|python| minor_version(python) >= 12).min_by_key(|python| minor_version(python));
    let (before, after) = before.zip(after).expect("interpreters before and since 3.12, as scripts/test fetches them");
    let place = Place::new();
    let comprehensions = "def rows(n):\n    return [{k: bytearray(10_000) for k in range(20)} for _ in range(n)]\n\n\
                          kept = rows(50)\nmore = {k: bytearray(20_000) for k in range(300)}\n";
    record(&place, before, "svc.py", comprehensions, "a.bin");
    record(&place, after, "svc.py", comprehensions, "b.bin");
    for by_line in [&[] as &[&str], &["--by-line"]] {
        let json = diff_json(&place, &[by_line, &["--by", "location", "--mode", "leaked"]].concat());
        let own =
            json["rows"].as_array().unwrap().iter().filter(|row| row["name"].as_str().unwrap().contains("svc.py"));
        let own: Vec<&Value> = own.collect();
        assert!(!own.is_empty() && own.iter().all(|row| row["change"] == "neutral"), "{own:#?}");
        let caveat = json["caveats"][0].as_str().unwrap();
        assert!(caveat.ends_with("comprehensions are folded into their functions on both sides."), "{caveat}");
    }
}

#[test]
fn roots_are_taken_as_they_are_given_or_not_looked_for() {
    let (place, python) = (Place::new(), interpreter());
    // All of another name, so that no rule is proposed.
    let with_module = |folder: &str, script: &str, module: &str| {
        let path = place.path(folder).join("lib").join(format!("{module}.py"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "def rows():\n    return [bytearray(100_000) for _ in range(50)]\n").unwrap();
        let text =
            format!("import sys; sys.path.insert(0, sys.path[0] + '/lib')\nimport {module}\nkept = {module}.rows()\n");
        record(&place, &python, &format!("{folder}/{script}"), &text, &format!("{}.bin", &script[..1]));
    };
    with_module("one", "a.py", "rows");
    with_module("two", "b.py", "lines");
    let change = |options: &[&str]| {
        let json = diff_json(&place, &[&["--by", "function"], options].concat());
        (row(&json, "rows (lines.py)")["change"].clone(), json["root_rules"].clone())
    };
    let [one, two] =
        ["one/lib/rows.py", "two/lib/lines.py"].map(|file| place.path(file).to_string_lossy().into_owned());
    assert_eq!(change(&[]).0, "new", "nothing is proposed");
    let (by_rule, rules) = change(&["--root", &format!("{one}={two}")]);
    assert_eq!(by_rule, "neutral");
    assert_eq!((&rules[0]["before"], &rules[0]["after"]), (&Value::from(one.as_str()), &Value::from(two.as_str())));
    assert!(rules[0]["locations"].as_u64() > Some(0), "{rules}");
    // The same names in both: a rule is proposed, unless none is wanted.
    with_module("two", "b.py", "rows");
    let changes = |options: &[&str]| {
        let json = diff_json(&place, &[&["--by", "function"], options].concat());
        let rows = json["rows"].as_array().unwrap().iter().filter(|row| row["name"] == "rows (rows.py)");
        let mut changes: Vec<String> = rows.map(|row| row["change"].as_str().unwrap().to_owned()).collect();
        changes.sort();
        (changes, json["root_rules"].as_array().unwrap().len())
    };
    assert_eq!(changes(&[]), (vec!["neutral".to_owned()], 1));
    assert_eq!(changes(&["--no-roots"]), (vec!["new".to_owned(), "vanished".to_owned()], 0));
}

/// memray runs programs within itself, which its stacks show; ours show the program alone.
#[test]
fn a_program_recorded_by_memray_and_by_us_is_the_same_program() {
    let (place, python) = (Place::new(), interpreter());
    let program = capture_path("programs/late_peak.py");
    let output = recorded(&place, &python, &["-q", "-o", "b.bin"]).arg(&program).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::copy(capture_path("v13-py3.13/late_peak.bin"), place.path("a.bin")).unwrap();
    for options in [&[] as &[&str], &["--hide-irrelevant"]] {
        let json = diff_json(&place, &[&["--by", "location"], options].concat());
        let own = json["rows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["name"].as_str().unwrap().contains("late_peak.py"));
        let changes: Vec<&Value> = own.map(|row| &row["change"]).collect();
        assert!(!changes.is_empty() && changes.iter().all(|change| **change == "neutral"), "{json:#}");
        let caveats = json["caveats"].as_array().unwrap().iter();
        assert!(caveats.into_iter().any(|said| said.as_str().unwrap().contains("memray recorded A and memray-view B")));
    }
}

#[test]
fn programs_that_have_nothing_in_common_are_not_taken_for_one() {
    let place = Place::new();
    for (from, to) in [("v10-py3.10/threads.bin", "a.bin"), ("v11-py3.12/items.bin", "b.bin")] {
        std::fs::copy(capture_path(from), place.path(to)).unwrap();
    }
    assert_eq!(diff_json(&place, &[])["root_rules"], Value::Array(Vec::new()));
}

#[test]
fn markdown_lists_the_five_stacks_that_changed_most() {
    let (place, python) = (Place::new(), interpreter());
    let functions = (1..=8).map(|size| format!("def f{size}():\n    return bytearray({size}_000_000)\n"));
    let calls = (1..=8).map(|size| format!("kept.append(f{size}())\n"));
    let text: String = functions.chain(["kept = []\n".to_owned()]).chain(calls).collect();
    record(&place, &python, "svc.py", "kept = []\n", "a.bin");
    record(&place, &python, "svc.py", &text, "b.bin");
    let markdown = diff(&place, &["--markdown"]);
    let (_, stacks) = markdown.split_once("Stacks that changed most:\n\n").unwrap();
    let named: Vec<&str> = stacks.lines().map(|line| line.rsplit_once("\u{2192} ").unwrap().1).collect();
    let expected = [8, 7, 6, 5, 4].map(|size| format!("f{size} (svc.py:{})", size * 2));
    assert_eq!(named, expected, "{markdown}");
}

#[test]
fn markdown_holds_no_folders_and_no_command_line() {
    let (place, python) = (Place::new(), interpreter());
    record(&place, &python, "secret-folder/svc.py", &program(""), "a.bin");
    record(&place, &python, "secret-folder/svc.py", &program(PARSE), "b.bin");
    let markdown = diff(&place, &["--markdown"]);
    assert!(markdown.starts_with("**Peak +28.6 MiB ("), "{markdown}");
    assert!(markdown.contains("| + parse\\_rows (svc.py:5) | 0 B | 28.6 MiB | +28.6 MiB | new | +1 |"), "{markdown}");
    assert!(markdown.contains("\nStacks that changed most:\n\n- +28.6 MiB in \\<module\\> (svc.py:"), "{markdown}");
    assert!(!markdown.contains("secret-folder"), "{markdown}");
    assert!(!markdown.contains("bytearray"), "{markdown}");
    let asked_for = diff(&place, &["--markdown", "--command-lines", "--source-lines"]);
    assert!(asked_for.contains("- Command of A: ") && asked_for.contains("secret-folder/svc.py\n"), "{asked_for}");
    assert!(asked_for.contains("\n  - svc.py:5: return bytearray(30\\_000\\_000)\n"), "{asked_for}");
    let files = diff(&place, &["--markdown", "--by", "file"]);
    assert!(files.contains("| \u{25b2} svc.py | "), "{files}");
    assert!(!files.contains("secret-folder") && !files.contains("| /"), "{files}");
    assert!(files.lines().filter(|line| line.starts_with("- +") || line.starts_with("- \u{2212}")).count() <= 5);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let place = Place::new();
    let capture = |name: &str| capture_path(name).to_str().unwrap().to_owned();
    let (streaming, aggregated) = (capture("v13-py3.13/threads.bin"), capture("v13-py3.13/threads_aggregated.bin"));
    let peak = place.run(&["diff", &streaming, &aggregated]);
    assert_eq!(peak.code, 0, "{}", peak.err);
    assert!(peak.out.contains("hard to compare: B holds sums only"), "{}", peak.out);
    let moment = place.run(&["diff", &streaming, &aggregated, "--mode", "live@50ms"]);
    assert_eq!((moment.code, moment.out.as_str()), (2, ""), "{}", moment.err);
    let missing = place.run(&["diff", &streaming, "missing.bin"]);
    assert_eq!(missing.code, 1, "{}", missing.err);
    let root = place.run(&["diff", &streaming, &aggregated, "--root", "x"]);
    assert_eq!(root.code, 2, "{}", root.err);
}

/// Their stacks would have nothing in common: those of one begin in C. What both have is not new then.
#[test]
fn native_stacks_in_one_capture_only_make_nothing_new() {
    let (place, python) = (Place::new(), interpreter());
    record(&place, &python, "grow.py", &program(""), "a.bin");
    let path = place.path("grow.py");
    std::fs::write(&path, program("").replace("20_000_000", "30_000_000")).unwrap();
    let output = recorded(&place, &python, &["-q", "-o", "b.bin", "--native"]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (captures, change) in [(["a.bin", "b.bin"], "+9.5"), (["b.bin", "a.bin"], "\u{2212}9.5")] {
        let said = diff_of(&place, captures, &[]);
        let sentence = said.lines().next().unwrap();
        let (peak, cause) = sentence.split_once(": ").unwrap();
        assert!(peak.starts_with(&format!("Peak {change}")) && cause.starts_with(change), "{sentence}");
        assert!(cause.ends_with(" MiB in load (grow.py:2)"), "{sentence}");
    }
}
