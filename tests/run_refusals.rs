// SPDX-License-Identifier: Apache-2.0
//! `memray-view run`: what cannot be done is said in one sentence, before anything runs where that can be known.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::{Place, said};
use run_command::{captures, interpreter, recorded, stats, write_executable};

/// Leaves a trace, if it runs.
const PROGRAM: &str = "open('ran', 'w').close(); print('it ran')";

/// A place with the program, and what the command says of it there.
fn refused(options: &[&str]) -> (Place, String, i32) {
    let place = Place::new();
    std::fs::write(place.path("program.py"), PROGRAM).unwrap();
    std::fs::write(place.path("there.bin"), "there").unwrap();
    let said = said(recorded(&place, interpreter(), options).output().unwrap());
    assert!(!place.path("ran").exists(), "{options:?}");
    assert_eq!(said.out, "");
    (place, said.err, said.code)
}

#[test]
fn before_anything_runs() {
    for (options, code, sentence) in [
        (
            &["-o", "there.bin", "program.py"][..],
            1,
            "memray-view: Output file there.bin already exists. Use --force to overwrite it.\n",
        ),
        (
            &["-o", "none/x.bin", "program.py"],
            1,
            "memray-view: Could not create output file none/x.bin: No such file or directory\n",
        ),
        (&["-f", "-o", ".", "program.py"], 1, "memray-view: Could not create output file .: Is a directory\n"),
        (&["gone.py"], 1, "memray-view: [Errno 2] No such file or directory: 'gone.py'\n"),
        (&["-c", "program.py"], 2, "memray-view: remove the option -c to run a file\n"),
    ] {
        let (place, err, ended) = refused(options);
        assert_eq!((err.as_str(), ended), (sentence, code), "{options:?}");
        assert_eq!(std::fs::read(place.path("there.bin")).unwrap(), b"there");
        assert_eq!(captures(&place), ["there.bin"]);
    }
}

#[test]
fn an_output_that_is_there_is_replaced_when_that_is_asked_for() {
    let place = Place::new();
    std::fs::write(place.path("there.bin"), "there").unwrap();
    let said = said(recorded(&place, interpreter(), &["-f", "-o", "there.bin", "-c", PROGRAM]).output().unwrap());
    assert_eq!((said.out.as_str(), said.code), ("it ran\n", 0), "{}", said.err);
    stats(&place, "there.bin");
}

#[test]
fn an_interpreter_that_is_not_there() {
    let place = Place::new();
    let said = said(recorded(&place, "/none/python", &["-c", "1"]).output().unwrap());
    assert_eq!(
        (said.err.as_str(), said.code),
        ("memray-view: /none/python cannot be started: No such file or directory\n", 1)
    );
}

#[test]
fn what_is_no_interpreter_runs_and_nothing_is_recorded() {
    let place = Place::new();
    std::fs::write(place.path("program.py"), PROGRAM).unwrap();
    let said = said(recorded(&place, "/bin/cat", &["program.py"]).output().unwrap());
    assert_eq!((said.out.as_str(), said.code), (PROGRAM, 0));
    assert_eq!(
        said.err,
        "memray-view: nothing was recorded: `/bin/cat` ran no Python program that the tracer could be loaded into\n"
    );
    assert_eq!(captures(&place), [""; 0]);
}

#[test]
fn a_tracer_of_another_version_leaves_the_program_untraced() {
    let place = Place::new();
    // As if the command were another's: what it tells the tracer is not what the tracer knows.
    let shim =
        format!("#!/bin/sh\nMEMRAY_VIEW_TRACE=\"version=0.0.9;path=x\" exec '{}' \"$@\"\n", interpreter().display());
    write_executable(&place.path("shim"), &shim);
    let said = said(recorded(&place, place.path("shim"), &["-c", PROGRAM]).output().unwrap());
    assert_eq!((said.out.as_str(), said.code), ("it ran\n", 0), "{}", said.err);
    let version = env!("CARGO_PKG_VERSION");
    let sentence = format!(
        "memray-view: the tracer is of version {version}, memray-view of version 0.0.9; the program runs untraced\n"
    );
    assert!(said.err.starts_with(&sentence), "{}", said.err);
}

#[test]
fn a_file_that_appears_meanwhile_is_not_replaced() {
    let place = Place::new();
    write_executable(
        &place.path("shim"),
        &format!("#!/bin/sh\necho there > x.bin\nexec '{}' \"$@\"\n", interpreter().display()),
    );
    let said = said(recorded(&place, place.path("shim"), &["-o", "x.bin", "-c", PROGRAM]).output().unwrap());
    assert_eq!((said.out.as_str(), said.code), ("it ran\n", 0));
    assert!(said.err.contains("already exists"), "{}", said.err);
    assert!(said.err.ends_with("the program runs untraced\n"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(place.path("x.bin")).unwrap(), "there\n");
}

#[test]
fn a_python_that_cannot_be_traced_runs_untraced() {
    let versions = std::env::home_dir().and_then(|home| home.join(".pyenv/versions").read_dir().ok());
    let pythons: Vec<_> = versions
        .into_iter()
        .flatten()
        .flat_map(|version| {
            let folder = version.unwrap().path().join("bin");
            ["pypy3", "python3.6", "python3.7", "python3.8"].map(|name| folder.join(name))
        })
        .filter(|path| path.is_file())
        .collect();
    println!("interpreters: {pythons:?}");
    for python in pythons {
        let place = Place::new();
        let program = "import os; print([name for name in os.environ if name in ('MEMRAY_VIEW_TRACE', 'LD_PRELOAD')])";
        let said = said(recorded(&place, &python, &["-c", program]).output().unwrap());
        assert_eq!((said.out.as_str(), said.code), ("[]\n", 0), "{}: {}", python.display(), said.err);
        assert!(said.err.starts_with("memray-view: ") && said.err.ends_with("; it runs untraced\n"), "{}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
        assert_eq!(captures(&place), [""; 0]);
    }
}
