// SPDX-License-Identifier: Apache-2.0
//! What the tracer says: to the user, on the program's standard error, and to the command.
//!
//! A program may have closed it, and have a file of its own under its number: then nothing is said.

use super::settings::{Report, Settings};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the command reads what would else be said on standard error.
static COMMAND: OnceLock<PathBuf> = OnceLock::new();

/// Has the command say all from now on: whoever started this process may read its standard error.
pub(super) fn leave_to_command(report: PathBuf) {
    COMMAND.get_or_init(|| report);
}

/// Device and number of what standard error was; zeros if it was closed.
static STANDARD_ERROR: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// What standard error is now is what it is taken for from here on. To be called before the program goes on.
pub(crate) fn remember_standard_error() {
    let [device, number] = standard_error();
    STANDARD_ERROR[0].store(device, Ordering::Relaxed);
    STANDARD_ERROR[1].store(number, Ordering::Relaxed);
}

fn standard_error() -> [u64; 2] {
    // SAFETY: all zeros are a value of this type, which is there to be written to.
    unsafe {
        let mut found: libc::stat = std::mem::zeroed();
        if libc::fstat(libc::STDERR_FILENO, &raw mut found) == 0 { [found.st_dev, found.st_ino] } else { [0, 0] }
    }
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
    let now = standard_error();
    if now == [0, 0] || now != [0, 1].map(|i: usize| STANDARD_ERROR[i].load(Ordering::Relaxed)) {
        return;
    }
    // In one write, so that it stays one line among the program's own.
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
