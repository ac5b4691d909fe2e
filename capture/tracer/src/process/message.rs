// SPDX-License-Identifier: Apache-2.0
//! What the tracer says to the user, on the program's standard error.

use std::fmt::Display;

/// Says a sentence, as memray-view.
pub(crate) fn say(sentence: impl Display) {
    say_line(&format!("memray-view: {sentence}"));
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
