// SPDX-License-Identifier: Apache-2.0
//! `memray-view completions`: the command line's definition as shells want it.

use crate::arguments::{CommandLine, CompletedShell, CompletionsArguments};
use crate::failure::Failure;
use crate::output;
use clap::CommandFactory;
use clap_complete::Shell;

pub(crate) fn run(arguments: &CompletionsArguments) -> Result<(), Failure> {
    let shell = match arguments.shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    // What it is made of panics where a reader leaves, so that gets memory only.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "memray-view", &mut script);
    // clap_complete 4.6 takes the dash in our name for a subcommand in one place and not in the other.
    let script = String::from_utf8_lossy(&script).replace("memray__subcmd__view", "memray__view");
    output::to_stdout(|out| Ok(out.write_all(script.as_bytes())?))
}
