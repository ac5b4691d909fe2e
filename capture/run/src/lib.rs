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
pub use memray_settings::{Report, Settings};
pub use output::Output;
pub use program::Program;
pub use signals::{Ended, Signals};
pub use tracer_library::{Embedded, TracerLibrary};

use scratch::Scratch;
use spawn::spawn;
use std::ffi::OsString;

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
    /// What the tracer reported; `None` if no interpreter began in which it could.
    pub report: Option<Report>,
}

impl Plan {
    /// Whether the interpreter is made for a C library that cannot load the tracer. It then runs without.
    pub fn is_without_tracer(&self) -> bool {
        c_library::is_musl(self.interpreter.name())
    }
}

/// Runs a program with the tracer in it, until it ends.
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
    Ok(Outcome { ended, report: Report::read_from(&report) })
}
