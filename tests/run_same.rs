// SPDX-License-Identifier: Apache-2.0
//! `memray-view run`: the program sees what it sees under plain Python, on every interpreter of this machine.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::Place;
use run_command::{captures, fed, interpreter, interpreters, minor_version, plain, recorded, stats, write_executable};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROBE: &str = include_str!("run_command/probe.py");

const INPUT: &str = "a line\nand \u{fc}nother";

/// What a probe printed, and all else.
struct Probed {
    fields: serde_json::Map<String, Value>,
    err: String,
    code: Option<i32>,
}

fn probed(output: Output) -> Probed {
    let fields = match serde_json::from_slice(&output.stdout) {
        Ok(Value::Object(fields)) => fields,
        // Some Pythons are told not to find it.
        _ => serde_json::Map::from_iter([("out".to_owned(), String::from_utf8(output.stdout).unwrap().into())]),
    };
    Probed { fields, err: String::from_utf8(output.stderr).unwrap(), code: output.status.code() }
}

/// Asserts that two probes saw the same.
fn assert_same(plain: &Probed, traced: &Probed, python: &Path, what: &str) {
    let is_old = minor_version(python) < 10;
    let without_atexit = |value: &Value| {
        let mut modules = value.as_array().unwrap().clone();
        modules.retain(|name| name != "atexit");
        Value::Array(modules)
    };
    let keys = |probed: &Probed| probed.fields.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(plain), keys(traced), "{what}: {}", traced.err);
    for (name, value) in &plain.fields {
        let seen = &traced.fields[name];
        if is_old && name == "modules" {
            // Python 3.9 keeps the functions to be called at exit in the module, so it must stay.
            assert_eq!(without_atexit(value), without_atexit(seen), "{what}: {name}");
        } else {
            assert_eq!(value, seen, "{what}: {name}");
        }
    }
    assert_eq!(plain.err, traced.err, "{what}: standard error");
    assert_eq!(plain.code, traced.code, "{what}: exit code");
}

/// Flags that this interpreter knows.
fn flags(python: &Path) -> Vec<Vec<&'static str>> {
    let mut flags = vec![vec![], vec!["-I"], vec!["-E"], vec!["-X", "dev"], vec!["-O", "-B", "-u", "-W", "error"]];
    if minor_version(python) >= 11 {
        flags.push(vec!["-P"]);
    }
    flags
}

#[test]
fn a_program_sees_what_it_sees_without_us() {
    for python in interpreters() {
        let place = Place::new();
        std::fs::create_dir(place.path("folder")).unwrap();
        std::fs::write(place.path("folder/the probe.py"), PROBE).unwrap();
        std::fs::write(place.path("the_probe.py"), PROBE).unwrap();
        std::fs::create_dir(place.path("app")).unwrap();
        std::fs::write(place.path("app/__main__.py"), PROBE).unwrap();
        let ways: [&[&str]; 5] = [
            &["folder/the probe.py", "-q", "a b", "--", "-c"],
            &["-m", "the_probe", "--output", "x"],
            &["-c", PROBE, "-m", "x"],
            &["app", "1"],
            &["no_such_option_of_ours.py"],
        ];
        std::fs::write(place.path("no_such_option_of_ours.py"), PROBE).unwrap();
        for flags in flags(&python) {
            // The last two ways are about what is run, whatever the flags.
            let count = if flags.is_empty() { ways.len() } else { 3 };
            for (i, way) in ways.iter().take(count).enumerate() {
                let what = format!("{} {flags:?} {}", python.display(), &way[..1].concat());
                let output = fed(plain(&place, &python).args(&flags).args(*way), INPUT);
                let without = probed(output);
                let capture = format!("{i}{}.bin", flags.concat());
                let mut named = python.as_os_str().to_owned();
                named.push(format!(" {}", flags.join(" ")));
                let output = fed(recorded(&place, named, &["-q", "-o", &capture]).args(*way), INPUT);
                assert_same(&without, &probed(output), &python, &what);
                assert!(stats(&place, &capture)["total_num_allocations"].is_number(), "{what}");
            }
        }
    }
}

#[test]
fn a_program_that_is_followed_and_its_children_see_what_they_see_without_us() {
    for python in interpreters() {
        let place = Place::new();
        std::fs::write(place.path("the_probe.py"), PROBE).unwrap();
        let starts = format!("import subprocess, sys; sys.exit(subprocess.call([{python:?}, *sys.argv[1:]]))");
        std::fs::write(place.path("starts.py"), starts).unwrap();
        for (i, way) in
            [&["the_probe.py", "x"][..], &["starts.py", "the_probe.py", "x"], &["starts.py", "-I", "-c", PROBE, "x"]]
                .iter()
                .enumerate()
        {
            for variables in [&[][..], &[("LD_PRELOAD", ""), ("A=", "="), ("EMPTY", "")]] {
                let with =
                    |command: &mut Command| probed(fed(command.args(*way).envs(variables.iter().copied()), INPUT));
                let without = with(&mut plain(&place, &python));
                let capture = format!("{i}{}.bin", variables.len());
                let traced = with(&mut recorded(&place, &python, &["-q", "--follow-children", "-o", &capture]));
                assert_same(&without, &traced, &python, &format!("{} {way:?}", python.display()));
                let prefix = format!("{capture}.");
                let files = std::fs::read_dir(place.path(".")).unwrap();
                let children =
                    files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with(&prefix));
                assert_eq!(children.count(), usize::from(way[0] == "starts.py"), "{} {way:?}", python.display());
            }
        }
    }
}

#[test]
fn what_the_user_preloads_and_odd_variables_stay() {
    let libc = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libc = libc
        .lines()
        .find_map(|line| line.find('/').map(|at| &line[at..]).filter(|path| path.contains("libc.")))
        .unwrap();
    let python = interpreter();
    let place = Place::new();
    std::fs::write(place.path("probe.py"), PROBE).unwrap();
    for preload in ["", libc, &format!("{libc}:{libc} {libc}")] {
        let with = |command: &mut Command| {
            command.arg("probe.py").env("LD_PRELOAD", preload).env("A=", "=").env("EMPTY", "").env("LINES", "a\nb;c%");
            probed(fed(command, INPUT))
        };
        let traced = with(&mut recorded(&place, &python, &["-q"]));
        assert_same(&with(&mut plain(&place, &python)), &traced, &python, preload);
    }
    assert_eq!(captures(&place).len(), 3);
}

/// A shim that passes on to an interpreter.
fn shim(place: &Place, name: &str, text: &str, python: &Path) -> PathBuf {
    let path = place.path(name);
    write_executable(&path, &text.replace("PYTHON", &format!("'{}'", python.display())));
    path
}

#[test]
fn shells_and_shims_pass_the_tracer_on() {
    for python in interpreters() {
        let place = Place::new();
        std::fs::write(place.path("probe.py"), PROBE).unwrap();
        let shims = [
            ("exec", "#!/bin/sh\nexec PYTHON \"$@\"\n"),
            ("twice", "#!/bin/sh\nexec env X=1 ./exec \"$@\"\n"),
            ("my shim", "#!/bin/sh\nls / >/dev/null\nPYTHON \"$@\"\nexit $?\n"),
        ];
        for (name, text) in shims {
            let path = shim(&place, name, text, &python);
            let run = |mut command: Command| probed(fed(command.args(["probe.py", "x"]), INPUT));
            let without = run(plain(&place, &path));
            let traced = run(recorded(&place, &path, &["-q", "-o", &format!("{name}.bin")]));
            assert_same(&without, &traced, &python, &format!("{} through {name}", python.display()));
            assert!(stats(&place, &format!("{name}.bin"))["total_num_allocations"].is_number());
        }
    }
}

#[test]
fn the_captures_name_has_the_traced_processs_number() {
    let python = interpreter();
    let place = Place::new();
    let path = shim(&place, "shim", "#!/bin/sh\nPYTHON \"$@\"\nexit $?\n", &python);
    std::fs::create_dir(place.path("folder")).unwrap();
    std::fs::write(place.path("folder/pid.py"), "import os; print(os.getpid())").unwrap();
    for (way, name) in [
        (vec!["folder/pid.py"], "folder/memray-pid.py.PID.bin"),
        (vec!["-c", "import os; print(os.getpid())"], "memray-string.PID.bin"),
        (vec!["-m", "folder.pid"], "memray-folder.pid.PID.bin"),
    ] {
        let said = cli_command::said(recorded(&place, &path, &[]).args(&way).output().unwrap());
        let name = name.replace("PID", said.out.trim());
        assert!(place.path(&name).is_file(), "{name}: {}", said.err);
        assert!(said.err.contains(&format!("Writing profile results into {name}\n")), "{}", said.err);
        assert!(said.err.contains("Open it with: memray-view "), "{}", said.err);
        assert!(said.err.contains(&format!("\u{2192} {name} (")), "{}", said.err);
    }
}

#[test]
fn the_active_virtual_environment_runs_the_program() {
    let python = interpreter();
    let place = Place::new();
    let made = plain(&place, &python).args(["-m", "venv", "--without-pip", "env"]).output().unwrap();
    if !made.status.success() {
        println!("NOT TESTED: {} makes no virtual environment", python.display());
        return;
    }
    let mut command = place.command();
    command.env("VIRTUAL_ENV", place.path("env"));
    command.args([
        "run",
        "-q",
        "-c",
        "import sys; print(sys.prefix); print(sys.orig_argv if sys.version_info >= (3, 10) else '')",
    ]);
    let said = cli_command::said(command.output().unwrap());
    let prefix = place.path("env");
    assert_eq!(said.out.lines().next(), prefix.to_str(), "{}", said.err);
}

#[test]
fn what_the_program_starts_is_as_without_us() {
    let place = Place::new();
    let program = "import os, subprocess, sys\n\
                   ask = 'import os; print(sorted(os.environ), open(\"/proc/self/maps\").read().count(\"tracer\"))'\n\
                   print(subprocess.run([sys.executable, '-c', ask], stdout=subprocess.PIPE).stdout)\n\
                   pid = os.fork()\n\
                   if pid == 0:\n    print('forked', flush=True)\n    sys.exit(0)\n\
                   print(os.waitpid(pid, 0)[1])\n";
    std::fs::write(place.path("starts.py"), program).unwrap();
    for python in interpreters() {
        let run = |mut command: Command| cli_command::said(command.arg("starts.py").output().unwrap());
        let (without, traced) = (run(plain(&place, &python)), run(recorded(&place, &python, &["-q"])));
        assert_eq!((without.out, without.code), (traced.out, traced.code), "{}", python.display());
        // Nor does Python, which counts threads since 3.12, warn of forking with more than one.
        assert_eq!((without.err.as_str(), traced.err.as_str()), ("", ""), "{}", python.display());
    }
}
