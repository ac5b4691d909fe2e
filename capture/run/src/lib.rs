// SPDX-License-Identifier: Apache-2.0
//! Starts a Python program with the tracer in it, and waits for it: command line in, process out.
//!
//! [`record`] leads. The interpreter gets exactly the command line that a user would type, and an environment in which
//! `LD_PRELOAD` and one variable of ours are added; the tracer takes both away before Python looks. Until the program ends
//! this process stands by, in the same process group and at the same terminal: it passes signals on ([`Signals`]), and then
//! ends as the program did ([`Ended`]).

#![cfg(target_os = "linux")]

mod c_library;
mod closed;
mod error;
mod interpreter;
mod output;
mod program;
mod scratch;
mod signals;
mod spawn;
mod tracer_library;
mod words;

pub use error::RunError;
pub use interpreter::Interpreter;
use memray_settings::Report;
pub use memray_settings::Settings;
pub use output::Output;
pub use program::Program;
pub use signals::{Ended, Signals};
pub use tracer_library::{Embedded, TracerLibrary};

use scratch::Scratch;
use spawn::spawn;
use std::ffi::OsString;
use std::path::PathBuf;

/// What is to be run and recorded.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The interpreter, and its own flags.
    pub interpreter: Interpreter,
    /// What it runs.
    pub program: Program,
    /// What the program is given.
    pub arguments: Vec<OsString>,
    /// What is recorded. Where the tracer reports to is filled in.
    pub settings: Settings,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How the program ended.
    pub ended: Ended,
    /// What the tracer reported of the program; `None` if no interpreter began in which it could.
    pub recording: Option<Recording>,
    /// The captures of its children until then: those that it forked, or started as programs of their own.
    pub children: Vec<PathBuf>,
    /// What the tracer had to say in those, and in which.
    pub sentences: Vec<(u32, String)>,
}

impl Plan {
    /// Whether the interpreter is made for a C library that cannot load the tracer. It then runs without.
    pub fn is_without_tracer(&self) -> bool {
        c_library::is_musl(self.interpreter.name())
    }
}

/// What became of a program's recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// There is a capture.
    Begun {
        /// Its path.
        path: PathBuf,
        /// Its path as the user wrote it.
        shown_path: PathBuf,
    },
    /// The interpreter cannot be recorded. The tracer has said why.
    Refused,
}

impl Outcome {
    fn new(ended: Ended, reports: Vec<Report>) -> Self {
        let mut outcome = Self { ended, recording: None, children: Vec::new(), sentences: Vec::new() };
        for report in reports {
            match report {
                // Where a shim ran more than one, the last is the program.
                Report::Recording { path, shown_path } => {
                    outcome.recording = Some(Recording::Begun { path, shown_path });
                }
                Report::Refused => outcome.recording = Some(Recording::Refused),
                Report::Child { path } => outcome.children.push(path),
                Report::Said { pid, sentence } => outcome.sentences.push((pid, sentence)),
            }
        }
        outcome
    }
}

/// Runs a program with the tracer in it, until it ends. Its children are not waited for; those that are recorded then go on
/// to be.
///
/// # Errors
/// [`RunError`], if it could not be started.
pub fn record(plan: &Plan, tracer: &TracerLibrary, signals: &Signals) -> Result<Outcome, RunError> {
    let scratch = Scratch::new()?;
    let report = scratch.path("report");
    let settings = Settings { report: Some(report.clone()), ..plan.settings.clone() };
    let preload = tracer.preloadable(&scratch)?;
    let command_line = plan.interpreter.command_line(&plan.program, &plan.arguments);
    let variables = std::env::vars_os();
    let environment = if plan.is_without_tracer() {
        spawn::unchanged(variables)
    } else {
        spawn::environment(variables, preload.as_os_str(), &settings.encode())
    };
    let child = spawn(&command_line, &environment, signals)?;
    let ended = signals.wait_for(child)?;
    Ok(Outcome::new(ended, Report::read_all(&report)))
}
