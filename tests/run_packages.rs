// SPDX-License-Identifier: Apache-2.0
//! Real packages under `memray-view run`: a test runner, an ORM, data frames, web frameworks, event loops. Programs that use
//! them print what they print without us, end as they end, and our capture has what memray's has.
//!
//! Both captures are made under memray's own runner, ours with its tracker left out (`tools/memrays_runner`), so that all
//! above the program is the same. `tools/same_allocations.py` says what is compared.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::Place;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The Python of an environment with the packages.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut environment = Command::new(root().join("scripts/python-env"));
    let path = succeeded(environment.arg("tests/package_requirements.txt").output().unwrap());
    path.trim_end().into()
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Hashes, and so the sizes of tables, are the same in all runs, and no bytecode is written that a later run would find.
fn is_always_the_same(command: &mut Command) -> &mut Command {
    let runner = root().join("tests/tools/memrays_runner");
    command.env("PYTHONHASHSEED", "0").env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", runner)
}

/// What the program is run with.
struct Run<'a> {
    place: &'a Place,
    program: PathBuf,
    options: &'a [&'a str],
}

impl Run<'_> {
    fn memrays_runner(&self, command: &mut Command, capture: &Path, options: &[&str]) -> Output {
        command.args(["-m", "memray", "run", "--quiet", "--force", "--output"]).arg(capture).args(options);
        is_always_the_same(command).arg(&self.program).current_dir(self.place.path("")).output().unwrap()
    }

    /// The interpreter itself, in the environment that the command has.
    fn python(&self) -> Command {
        let mut command = Command::new(&*PYTHON);
        for (name, value) in self.place.command().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn plain(&self) -> Output {
        let mut command = self.python();
        command.env("WITHOUT_MEMRAY", "1");
        self.memrays_runner(&mut command, &self.place.path("none.bin"), &[])
    }

    fn ours(&self) -> (Output, PathBuf) {
        let capture = self.place.path("ours.bin");
        let mut command = self.place.command();
        command.args(["run", "--quiet", "--force", "--output"]).arg(&capture).args(self.options);
        command.arg("--python").arg(&*PYTHON).env("WITHOUT_MEMRAY", "1");
        (self.memrays_runner(&mut command, &self.place.path("none.bin"), &[]), capture)
    }

    fn theirs(&self) -> (Output, PathBuf) {
        let capture = self.place.path("theirs.bin");
        (self.memrays_runner(&mut self.python(), &capture, self.options), capture)
    }
}

fn run<'a>(place: &'a Place, name: &str, options: &'a [&'a str]) -> Run<'a> {
    Run { place, program: root().join("tests/packages").join(name), options }
}

/// The program prints the same and ends the same with and without us; returns the capture.
#[track_caller]
fn assert_unharmed(run: &Run<'_>) -> PathBuf {
    let plain = run.plain();
    assert!(plain.status.success(), "{}: {plain:?}", run.program.display());
    let (output, ours) = run.ours();
    let texts = |output: &Output| {
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(texts(&output), texts(&plain), "{}", run.program.display());
    assert_eq!(output.status.code(), plain.status.code());
    ours
}

/// As above; and at least 999 in 1,000 of our allocations are in memray's capture, and of memray's in ours, memray's own
/// objects left out.
#[track_caller]
fn assert_same(name: &str) {
    let place = Place::new();
    let run = run(&place, name, &[]);
    let ours = assert_unharmed(&run);
    let (output, theirs) = run.theirs();
    assert!(output.status.success(), "{name}: {output:?}");
    let mut tool = Command::new(&*PYTHON);
    tool.arg(root().join("tests/tools/same_allocations.py")).args([&ours, &theirs]).arg("--program").arg(&run.program);
    let compared: Value = serde_json::from_str(&succeeded(tool.output().unwrap())).unwrap();
    let number = |key: &str| compared[key].as_u64().unwrap();
    let own = number("memrays_own");
    let (ours, theirs) = (number("ours") - number("made_while_loading"), number("theirs") - own);
    let both = number("in_both");
    let differing = (ours - both).max(theirs - both);
    assert!(differing * 1000 <= ours.max(theirs), "{name}: {differing} of {theirs} differ: {compared:#}");
    // Only frames too large for Python's own allocators, and tables of lines.
    assert!(own * 16 <= theirs, "{name}: {compared:#}");
}

#[test]
fn test_runners_allocate_what_memray_sees() {
    assert_same("test_runners.py");
}

#[test]
fn an_orm_allocates_what_memray_sees() {
    assert_same("orm.py");
}

#[test]
fn data_frames_allocate_what_memray_sees() {
    assert_same("frames.py");
}

#[test]
fn web_frameworks_allocate_what_memray_sees() {
    assert_same("web.py");
}

/// Threads, greenlets and processes take turns as they like, so that no two runs allocate the same.
#[test]
fn what_runs_side_by_side_prints_what_it_prints_without_us() {
    for (name, options) in [
        ("arrays_in_threads.py", &[][..]),
        ("event_loops.py", &["--native"]),
        ("green_server.py", &["--trace-python-allocators"]),
        ("process_pool.py", &["--follow-fork"]),
    ] {
        let place = Place::new();
        let capture = assert_unharmed(&run(&place, name, options));
        let stats = place.run(&["stats", "--json", capture.to_str().unwrap()]);
        assert_eq!((stats.code, stats.err.as_str()), (0, ""), "{name}");
        let stats: Value = serde_json::from_str(&stats.out).unwrap();
        assert!(stats["total_num_allocations"].as_u64().unwrap() > 1000, "{name}: {stats:#}");
    }
}
