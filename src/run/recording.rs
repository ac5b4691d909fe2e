// SPDX-License-Identifier: Apache-2.0
//! A program's run, recorded: from the options to the last line on standard error.

use crate::arguments::{RunArguments, WindowArguments};
use crate::failure::Failure;
use crate::{opening, window};
use memray_index::{OpenOptions, Progress};
use memray_report::escape;
use memray_report::recorded::{children_line, children_said, opening_command, summary_line};
use memray_report::size::Units;
use memray_run::{Embedded, Interpreter, Output, Plan, Program, Recording, RunError, Settings, Signals, TracerLibrary};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The tracer that was built with this command.
const TRACER: Embedded = Embedded {
    bytes: include_bytes!(concat!(env!("OUT_DIR"), "/memray-view-tracer.so")),
    id: env!("MEMRAY_VIEW_TRACER_ID"),
};

/// Set to 0, the walk of Python's stack takes no shortcut: for tests, and should it ever be wrong.
const SHORTCUT_VARIABLE: &str = "MEMRAY_VIEW_SHORTCUT";

pub(crate) fn run(arguments: &RunArguments, open: &OpenOptions) -> Result<ExitCode, Failure> {
    let plan = plan(arguments)?;
    let tracer = TracerLibrary::find(Some(TRACER))?;
    if plan.is_without_tracer() {
        say("this Python does not run on glibc, and cannot be traced; it runs untraced");
    }
    let signals = Signals::hold()?;
    let outcome = memray_run::record(&plan, &tracer, &signals)?;
    let recorded = match &outcome.recording {
        Some(Recording::Begun { path, shown_path }) => {
            if !arguments.quiet {
                summarize(path, shown_path, outcome.children.len(), open, &signals);
            }
            Some(path)
        }
        // The tracer has said why.
        Some(Recording::Refused) => None,
        None if plan.is_without_tracer() => None,
        None => {
            let name = plan.interpreter.name().display();
            say(format_args!(
                "nothing was recorded: `{name}` ran no Python program that the tracer could be loaded into"
            ));
            None
        }
    };
    for sentence in children_said(&outcome.sentences) {
        say(sentence);
    }
    drop(signals);
    if let Some(path) = recorded.filter(|_| arguments.open) {
        let shown = WindowArguments { files: vec![path.clone()], ..WindowArguments::default() };
        if let Err(failure) = window::run(&shown, open) {
            // The program's end is what the exit code tells.
            failure.report();
        }
    }
    Ok(outcome.ended.exit_code())
}

fn plan(arguments: &RunArguments) -> Result<Plan, Failure> {
    let Some((program, rest)) = arguments.program.split_first() else {
        return Err(Failure::Unanswerable("there is no program to run".to_owned()));
    };
    let program = match (arguments.module, arguments.command) {
        (true, _) => Program::Module(program.clone()),
        (_, true) => Program::Command(program.clone()),
        _ => Program::Script(program.into()),
    };
    program.check()?;
    let output = Output::new(arguments.output.as_deref(), &program)?;
    output.check(arguments.force)?;
    Ok(Plan {
        interpreter: Interpreter::choose(arguments.python.as_deref())?,
        program,
        arguments: rest.to_vec(),
        settings: Settings {
            path: output.path,
            shown_path: output.shown_path,
            overwrites: arguments.force,
            compresses: !arguments.no_compress,
            traces_native: arguments.native,
            traces_python_allocators: arguments.trace_python_allocators,
            aggregates: arguments.aggregate,
            follows_forks: arguments.follow_fork || arguments.follow_children,
            follows_children: arguments.follow_children,
            is_child: false,
            uses_shortcut: std::env::var_os(SHORTCUT_VARIABLE).is_none_or(|uses| uses != "0"),
            memory_interval: Duration::from_millis(arguments.memory_interval),
            duration: arguments.duration,
            max_size_bytes: arguments.max_size,
            is_quiet: arguments.quiet,
            command_line: Vec::new(),
            skipped_frames: 0,
            report: None,
        },
    })
}

/// Indexes what was recorded, so that it opens at once, and says what it holds. Whoever asks this process to end meanwhile
/// does without.
fn summarize(path: &Path, shown_path: &Path, children: usize, open: &OpenOptions, signals: &Signals) {
    let progress = Progress::default();
    let name = shown_path.to_string_lossy();
    let mut opens = true;
    match signals.cancellable(|| progress.cancel(), || opening::open(path, open, &progress)) {
        Ok(index) => say(summary_line(index.info(), index.timeline(), &name, Units::Binary)),
        Err(_) if progress.is_cancelled() => {}
        Err(Failure::Unreadable(why) | Failure::Unanswerable(why)) => {
            opens = false;
            say(why);
        }
        Err(Failure::ReaderLeft | Failure::Interrupted) => {}
    }
    if let Some(line) = children_line(children, &name) {
        say(line);
    }
    if opens {
        say(format_args!("Open it with: {}", opening_command(&name)));
    }
}

/// Says something on standard error; standard output is the program's.
fn say(text: impl Display) {
    // Where standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "memray-view: {}", escape::visible(&text.to_string()));
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        if error.is_usage() { Self::Unanswerable(error.to_string()) } else { Self::Unreadable(error.to_string()) }
    }
}
