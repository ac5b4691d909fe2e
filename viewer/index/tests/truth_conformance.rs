// SPDX-License-Identifier: Apache-2.0
//! Every capture that memray made, of every format version, against every part of what memray says of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod answers;
mod conformance;
mod naive;
mod truth;

use answers::NaiveAnswers;
use conformance::{LAST_SNAPSHOTS, MERGED_ROWS};
use naive::Model;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use truth::Truth;

fn captures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut captures: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    captures.retain(|path| !path.to_string_lossy().ends_with(".json.gz"));
    captures.sort();
    captures
}

fn truth_of(capture: &Path) -> Truth {
    let mut name = capture.as_os_str().to_owned();
    name.push(".truth.json.gz");
    Truth::read(Path::new(&name))
}

/// Compares a folder's captures, and tells what memray gets wrong on them.
fn compare(
    folder: &str,
    quirks: &[&str],
    check: impl Fn(&Path, &Model, &Truth) -> (Vec<String>, BTreeSet<&'static str>),
) {
    let (mut differences, mut seen) = (Vec::new(), BTreeSet::new());
    let captures = captures(folder);
    assert!(captures.len() >= 16, "{folder} holds {} captures", captures.len());
    for path in captures {
        let (differing, quirks) = check(&path, &Model::read(&path), &truth_of(&path));
        differences.extend(differing.into_iter().map(|line| format!("{}: {line}", path.display())));
        seen.extend(quirks);
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), quirks, "what memray gets wrong in {folder}");
}

fn naive_agrees_with_memray(folder: &str, quirks: &[&str]) {
    compare(folder, quirks, |_, model, truth| conformance::check(&NaiveAnswers::new(model), model, truth));
}

/// The index says what memray says; and what memray does not answer, as the naive model does.
fn index_agrees_with_memray(folder: &str, quirks: &[&str]) {
    compare(folder, quirks, |path, model, truth| {
        let index = answers::open_index(path);
        let (mut differences, quirks) = conformance::check(&index, model, truth);
        let naive = NaiveAnswers::numbered_by(&index, model);
        // Of a capture with very deep stacks fewer are asked, so that it does not take minutes.
        let is_deep = model.stacks.iter().map(Vec::len).sum::<usize>() > 100_000;
        let questions = answers::some_questions(&naive).into_iter().step_by(if is_deep { 7 } else { 1 });
        differences.extend(answers::compare(&index, &naive, &questions.collect::<Vec<_>>()));
        (differences, quirks)
    });
}

/// What memray gets wrong on some capture of each format version.
macro_rules! folders {
    ($($naive:ident, $index:ident: $folder:literal, $quirks:expr;)*) => {
        $(
            #[test]
            fn $naive() {
                naive_agrees_with_memray($folder, &$quirks);
            }

            #[test]
            fn $index() {
                index_agrees_with_memray($folder, &$quirks);
            }
        )*
    };
}

/// Of versions 8 and 9, whose releases answer less.
const EARLY: [&str; 2] = ["Q10", "Q2"];
const BEFORE_12: [&str; 7] = ["Q10", "Q2", "Q3", "Q5", "Q6", MERGED_ROWS, LAST_SNAPSHOTS];
const SINCE_12: [&str; 8] = ["Q1", "Q10", "Q2", "Q3", "Q5", "Q6", MERGED_ROWS, LAST_SNAPSHOTS];

folders! {
    naive_model_of_version_8, index_of_version_8: "v8-py3.8", EARLY;
    naive_model_of_version_9, index_of_version_9: "v9-py3.9", EARLY;
    naive_model_of_version_10, index_of_version_10: "v10-py3.10", BEFORE_12;
    naive_model_of_version_11, index_of_version_11: "v11-py3.12", BEFORE_12;
    naive_model_of_version_12, index_of_version_12: "v12-py3.13", SINCE_12;
    naive_model_of_version_13_py311, index_of_version_13_py311: "v13-py3.11", SINCE_12;
    naive_model_of_version_13_py313, index_of_version_13_py313: "v13-py3.13", SINCE_12;
}
