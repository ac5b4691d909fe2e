// SPDX-License-Identifier: Apache-2.0
//! Programs run under `memray-view run` and without it, on every interpreter of this machine.

#![allow(dead_code)] // each test program uses its own part

#[path = "../../capture/tracer/tests/support/interpreters.rs"]
mod interpreters;

use crate::cli_command::{Place, Said};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The interpreters of this machine that can start themselves, as programs do and virtual environments must; one that
/// needs another loader than the system's cannot.
pub(crate) fn interpreters() -> Vec<PathBuf> {
    let mut found = all_interpreters();
    found.retain(|python| {
        let starts_itself = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', '']))";
        Command::new(python).args(["-c", starts_itself]).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
    });
    assert!(!found.is_empty(), "no CPython here starts itself");
    found
}

/// The interpreters of this machine, for programs that are told which it is. They are named, so that the output says which
/// ran.
pub(crate) fn all_interpreters() -> Vec<PathBuf> {
    let found = interpreters::found();
    assert!(!found.is_empty(), "no CPython 3.9 to 3.15: name some in MEMRAY_VIEW_PYTHONS, with colons between");
    #[expect(clippy::print_stdout, reason = "the test's output says which ran")]
    {
        println!(
            "interpreters: {}",
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        );
    }
    found
}

/// One of them, where it does not matter which.
pub(crate) fn interpreter() -> PathBuf {
    interpreters().pop().unwrap()
}

/// Its minor version.
pub(crate) fn minor_version(python: &Path) -> u32 {
    let output = Command::new(python).args(["-c", "import sys; print(sys.version_info[1])"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// `memray-view run` with an interpreter, ready for the program.
pub(crate) fn recorded(place: &Place, python: impl AsRef<OsStr>, options: &[&str]) -> Command {
    let mut command = place.command();
    command.args(["run", "--python"]).arg(python).args(options);
    command
}

/// The interpreter itself, in the same place and environment.
pub(crate) fn plain(place: &Place, python: &Path) -> Command {
    let like = place.command();
    let mut command = Command::new(python);
    command.current_dir(like.get_current_dir().unwrap());
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Runs a command with a text on its standard input.
pub(crate) fn fed(command: &mut Command, input: &str) -> std::process::Output {
    use std::io::Write;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that does not read it may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// The captures in the working folder.
pub(crate) fn captures(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path(".")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut captures: Vec<String> = names.filter(|name| name.ends_with(".bin")).collect();
    captures.sort();
    captures
}

/// What `memray-view stats --json` says of a capture, which must open.
pub(crate) fn stats(place: &Place, capture: &str) -> serde_json::Value {
    let Said { out, err, code } = place.run(&["stats", "--json", capture]);
    assert_eq!((code, err.as_str()), (0, ""), "{capture}");
    serde_json::from_str(&out).unwrap()
}

/// Makes a script that can be executed. Another process writes it: what this one has open for writing, a program that another
/// test starts at this moment has open too, and then the script cannot be executed.
pub(crate) fn write_executable(path: &Path, text: &str) {
    let source = path.with_extension("source");
    std::fs::write(&source, text).unwrap();
    let installed = Command::new("install").args(["-m", "755"]).args([&source, path]).status().unwrap();
    assert!(installed.success());
    std::fs::remove_file(&source).unwrap();
}
