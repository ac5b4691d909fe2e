// SPDX-License-Identifier: Apache-2.0
//! The command `memray-view`: a window on a capture; without one, its exports, its statistics and its index.
//!
//! Nothing is computed here. Each subcommand is a file that opens an index, asks it, and has `memray-report` or
//! `memray-ui` show the answer; [`failure::Failure`] decides what is said and with which code the command ends.

mod arguments;
mod cache;
mod completions;
mod diff;
mod export;
mod failure;
mod files;
mod index;
mod man_pages;
mod opening;
mod output;
mod run;
mod signals;
mod sql;
mod stats;
mod summary;
mod window;

use arguments::{CommandLine, Subcommand};
use clap::{CommandFactory, Parser};
use failure::Failure;
use memray_index::OpenOptions;
use std::process::ExitCode;

fn main() -> ExitCode {
    signals::ignore_size_limit();
    match run(CommandLine::parse()) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(command_line: CommandLine) -> Result<ExitCode, Failure> {
    let CommandLine { subcommand, window, no_cache } = command_line;
    let open = OpenOptions { no_cache, ..OpenOptions::default() };
    match subcommand {
        Some(_) if !window.is_empty() => {
            let message = "options of the window do not go with a subcommand; a file of that name is opened as ./NAME";
            conflict(message)
        }
        Some(Subcommand::Cache(_)) if no_cache => {
            conflict("--no-cache does not go with cache, which is about nothing else")
        }
        Some(Subcommand::Run(arguments)) => return run::run(&arguments, &open),
        Some(Subcommand::Export(arguments)) => export::run(&arguments, &open),
        Some(Subcommand::Stats(arguments)) => stats::run(&arguments, &open),
        Some(Subcommand::Diff(arguments)) => diff::run(&arguments, &open),
        Some(Subcommand::Index(arguments)) => index::run(&arguments, &open),
        Some(Subcommand::Sql(arguments)) => sql::run(&arguments, &open),
        Some(Subcommand::Cache(arguments)) => cache::run(&arguments),
        Some(Subcommand::Completions(arguments)) => completions::run(&arguments),
        Some(Subcommand::ManPages(arguments)) => man_pages::run(&arguments),
        None => match window.report_of_memray() {
            Some(name) => no_such_command(name),
            None => window::run(&window, &open),
        },
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Ends the command as one that is memray's.
fn no_such_command(name: &str) -> ! {
    let message = format!(
        "there is no command {name}: `memray-view FILE` opens a capture and has its graph, table and statistics; stats, \
         export and diff print them"
    );
    CommandLine::command().error(clap::error::ErrorKind::InvalidSubcommand, message).exit()
}

/// Ends the command as one that was written wrongly.
fn conflict(message: &str) -> ! {
    CommandLine::command().error(clap::error::ErrorKind::ArgumentConflict, message).exit()
}
