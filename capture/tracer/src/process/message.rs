// SPDX-License-Identifier: Apache-2.0
//! What the tracer says: to the user, on the program's standard error, and to the command.

use super::settings::{Report, Settings};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where the command reads what would else be said on standard error.
static COMMAND: OnceLock<PathBuf> = OnceLock::new();

/// Has the command say all from now on: whoever started this process may read its standard error.
pub(super) fn leave_to_command(report: PathBuf) {
    COMMAND.get_or_init(|| report);
}

/// Says a sentence, as memray-view.
pub(crate) fn say(sentence: impl Display) {
    match COMMAND.get() {
        None => say_line(&format!("memray-view: {sentence}")),
        Some(file) => {
            let said = Report::Said { pid: std::process::id(), sentence: sentence.to_string() };
            // Where the command is gone, there is nobody to tell.
            let _ = said.append_to(file);
        }
    }
}

/// Says a line as it is, but for what a terminal might obey.
pub(crate) fn say_line(line: &str) {
    let mut line = line.replace(char::is_control, "?");
    line.push('\n');
    // In one write, so that it stays one line among the program's own. Where standard error is closed, there is nobody to
    // tell.
    // SAFETY: the bytes are there to be read.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}

/// Tells the command, if there is one.
pub(super) fn report(settings: &Settings, report: &Report) {
    if let Some(file) = &settings.report {
        // Where it cannot be written, the command says that it knows of no recording, which is the next best.
        let _ = report.append_to(file);
    }
}
