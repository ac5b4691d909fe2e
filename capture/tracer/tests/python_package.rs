// SPDX-License-Identifier: Apache-2.0
//! The Python package as its users have it: one wheel, installed with pip into fresh environments of every interpreter of
//! this machine, and used there by the package's own tests (`capture/python/tests`).
//!
//! `MEMRAY_PYTHON` names a Python that has memray 1.20, which reads the captures; it also compares both trackers.
//! `MEMRAY_VIEW_TRACER_LIBRARY` and `MEMRAY_VIEW_BIN` name a tracer and a command that `scripts/build-portable` has built.
//! Without the former a tracer is built here, without the latter the wheel has no command; `scripts/test` names both.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/interpreters.rs"]
mod interpreters;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Allocates within a tracker that another function called.
const CALLED_BY_ANOTHER: &str = "import sys, memray_view
def record():
    with memray_view.Tracker(sys.argv[1]):
        return bytearray(100_000)
def outer():
    record()
outer()
";

/// Says which environment it runs in, and holds a block of a size of its own.
const RECORDED: &str = "import os, sys
def allocate():
    return bytearray(1_234_566)
held = allocate()
print(os.path.realpath(sys.prefix))
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs what must succeed, and returns what it printed.
fn printed(command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn tracer() -> PathBuf {
    if let Some(path) = std::env::var_os("MEMRAY_VIEW_TRACER_LIBRARY") {
        return path.into();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracer");
    let build = ["--quiet", "--profile", "tracer", "--package", "memray-tracer", "--target-dir"];
    printed(Command::new(root().join("scripts/build-portable")).args(build).arg(&target));
    target.join(format!("{}-unknown-linux-gnu/tracer/libmemray_tracer.so", std::env::consts::ARCH))
}

fn command() -> Option<PathBuf> {
    std::env::var_os("MEMRAY_VIEW_BIN").map(PathBuf::from)
}

/// Uses the command that the wheel has put into an environment: it reads what the tracker recorded, and records itself, with
/// the environment's interpreter.
fn use_command(memray_view: &Path, python: &Path, folder: &Path) {
    let command = || {
        let mut command = Command::new(memray_view);
        command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).env("VIRTUAL_ENV", folder);
        command
    };
    let exported =
        |capture: &str| printed(command().args(["export", "--format", "collapsed", "--allocator", "malloc", capture]));
    printed(Command::new(python).args(["-c", CALLED_BY_ANOTHER, "tracked.bin"]).current_dir(folder));
    let stacks = exported("tracked.bin");
    assert!(stacks.lines().any(|line| line.starts_with("record (<string>:4) ")), "{stacks}");
    // What is above the tracker is left out.
    assert!(!stacks.contains("outer"), "{stacks}");

    std::fs::write(folder.join("program.py"), RECORDED).unwrap();
    let said = printed(command().args(["run", "-o", "run.bin", "program.py"]));
    assert_eq!(said.trim_end(), std::fs::canonicalize(folder).unwrap().display().to_string());
    let stacks = exported("run.bin");
    let held = format!(";allocate ({}:3) 1234567", folder.join("program.py").display());
    assert!(stacks.lines().any(|line| line.ends_with(&held)), "{stacks}");
    let stats = printed(command().args(["stats", "run.bin"]));
    assert!(stats.contains("allocate"), "{stats}");
}

/// The wheel, built once.
fn wheel() -> &'static Path {
    static WHEEL: OnceLock<PathBuf> = OnceLock::new();
    WHEEL.get_or_init(|| {
        tools();
        let mut build = Command::new(root().join("scripts/build-wheel"));
        build.arg("--library").arg(tracer());
        if let Some(command) = command() {
            build.arg("--command").arg(command);
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheel");
        let _ = std::fs::remove_dir_all(&folder);
        PathBuf::from(printed(build.arg(folder)).trim())
    })
}

/// The Python that has the tools of the package's build.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let mut make = Command::new(root().join("scripts/python-env"));
        printed(make.arg("capture/python/build-requirements.txt")).trim().into()
    })
}

fn memray_python() -> PathBuf {
    std::env::var_os("MEMRAY_PYTHON").expect("set MEMRAY_PYTHON to a Python that has memray 1.20").into()
}

const INSTALL: [&str; 5] = ["-m", "pip", "install", "--disable-pip-version-check", "--no-index"];

/// Installs the package into a folder that belongs to no interpreter.
fn install_beside(folder: &TempDir) {
    printed(Command::new(memray_python()).args(INSTALL).arg("--target").arg(folder.path()).arg(wheel()));
}

/// Runs the package's tests with an interpreter that finds the package. Returns what they said, which ends with `OK` and how
/// many were skipped.
fn package_tests(python: &Path, package: Option<&Path>) -> String {
    memray_python();
    let mut command = Command::new(python);
    // Python 3.12 and later warn of forks beside any thread.
    command.args(["-W", "ignore::DeprecationWarning", "-m", "unittest", "discover", "--verbose", "--start-directory"]);
    command.arg(root().join("capture/python/tests")).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONHASHSEED", "0");
    command.env("MEMRAY_VIEW_TEST_PYTHON", python);
    if let Some(package) = package {
        command.env("PYTHONPATH", package);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {}\n{said}", python.display(), output.status);
    said
}

#[test]
fn the_wheel_runs_on_systems_as_old_as_glibc_2_28() {
    let name = wheel().file_name().unwrap().to_str().unwrap();
    let platform = format!("manylinux_2_28_{}", std::env::consts::ARCH);
    assert_eq!(name, format!("memray_view-{}-py3-none-{platform}.whl", env!("CARGO_PKG_VERSION")));
    let shown = printed(Command::new(tools()).args(["-m", "auditwheel", "show"]).arg(wheel()));
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(&format!("consistent with the following platform tag: \"{platform}\"")), "{shown}");
}

#[test]
fn the_wheel_holds_the_package_the_tracer_and_the_command() {
    let listed = printed(Command::new(tools()).args(["-m", "zipfile", "--list"]).arg(wheel()));
    let has = |name: &str| listed.lines().any(|line| line.starts_with(name));
    for name in ["memray_view/__init__.py", "memray_view/py.typed", "memray_view/memray-view-tracer.so"] {
        assert!(has(name), "{name} is not in\n{listed}");
    }
    let command_name = concat!("memray_view-", env!("CARGO_PKG_VERSION"), ".data/scripts/memray-view");
    assert_eq!(has(command_name), command().is_some(), "{listed}");
    let metadata = "import sys, zipfile; w = zipfile.ZipFile(sys.argv[1]);\
        print(next(w.read(n).decode() for n in w.namelist() if n.endswith('METADATA')))";
    let metadata = printed(Command::new(tools()).args(["-c", metadata]).arg(wheel()));
    assert!(metadata.contains("\nRequires-Python: >=3.9\n") && !metadata.contains("\nRequires-Dist:"), "{metadata}");
}

#[test]
fn the_package_is_typed() {
    let folder = root().join("capture/python");
    let cache = tempfile::tempdir().unwrap();
    printed(
        Command::new(tools()).args(["-m", "mypy", "--strict", "--cache-dir"]).arg(cache.path()).current_dir(folder),
    );
}

#[test]
fn one_wheel_works_in_a_fresh_environment_of_every_interpreter() {
    let found = interpreters::found();
    for interpreter in &found {
        println!("{}", interpreter.display());
        let folder = tempfile::tempdir().unwrap();
        if std::fs::read(interpreter).unwrap().starts_with(b"#!") {
            // One that a script starts with a loader of its own. In an environment it would be started without.
            install_beside(&folder);
            package_tests(interpreter, Some(folder.path()));
            continue;
        }
        printed(Command::new(interpreter).args(["-m", "venv"]).arg(folder.path()));
        let in_environment = |name: &str| folder.path().join("bin").join(name);
        let python = in_environment("python");
        printed(Command::new(&python).args(INSTALL).arg(wheel()));
        package_tests(&python, None);
        if command().is_some() {
            use_command(&in_environment("memray-view"), &python, folder.path());
        }
    }
    assert!(found.len() >= 3, "only {} interpreters were found: {found:?}", found.len());
}

#[test]
fn beside_memray_the_tracker_does_the_same() {
    let folder = tempfile::tempdir().unwrap();
    install_beside(&folder);
    let said = package_tests(&memray_python(), Some(folder.path()));
    assert!(said.ends_with("\nOK\n"), "tests were skipped:\n{said}");
}
