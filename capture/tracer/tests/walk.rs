// SPDX-License-Identifier: Apache-2.0
//! The walk over Python's frames, in every interpreter of this machine: `walk/main.py` asks for stacks from nasty places and
//! holds them against what Python says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/interpreters.rs"]
mod interpreters;
#[path = "support/library.rs"]
mod library;

use std::path::Path;
use std::process::Command;

#[test]
fn stacks_are_those_that_python_says_in_every_interpreter() {
    let library = library::library();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/walk/main.py");
    let mut failures = Vec::new();
    let found = interpreters::found();
    for interpreter in &found {
        let output = Command::new(interpreter).arg("-B").arg(&script).arg(&library).output().unwrap();
        print!("{}: {}", interpreter.display(), String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let end = errors.len().saturating_sub(4000);
            let end = (end..errors.len()).find(|&at| errors.is_char_boundary(at)).unwrap_or(errors.len());
            failures.push(format!("{}: {}\n{}", interpreter.display(), output.status, &errors[end..]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(found.len() >= 3, "only {} interpreters were found: {found:?}", found.len());
}
