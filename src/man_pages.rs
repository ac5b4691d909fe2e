// SPDX-License-Identifier: Apache-2.0
//! `memray-view man-pages`: the command line's definition as man pages, one for each subcommand.

use crate::arguments::{CommandLine, ManPagesArguments};
use crate::failure::Failure;
use clap::CommandFactory;
use clap_mangen::Man;
use std::io;
use std::path::Path;

pub(crate) fn run(arguments: &ManPagesArguments) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let cannot = |error: io::Error| Failure::Unreadable(format!("{} cannot be written to: {error}", folder.display()));
    let mut command = CommandLine::command();
    command.build();
    write(&command, folder).map_err(cannot)?;
    for subcommand in command.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help") {
        write(subcommand, folder).map_err(cannot)?;
    }
    Ok(())
}

fn write(command: &clap::Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    // A page's date would make each build another one.
    let mut page = Vec::new();
    Man::new(command.clone()).title(&name).date("").render(&mut page)?;
    std::fs::write(folder.join(format!("{name}.1")), page)
}
