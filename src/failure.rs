// SPDX-License-Identifier: Apache-2.0
//! Why the command ends before it is done: one sentence, and an exit code.

use memray_index::{Error, Refusal};
use memray_report::asking::AskingError;
use memray_report::{escape, stats};
use memray_ui::UiError;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why the command ends before it is done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something cannot be read or written: exit code 1.
    Unreadable(String),
    /// The question is no question, or one that this capture cannot answer: exit code 2.
    Unanswerable(String),
    /// Whoever read our output has left: no failure of ours.
    ReaderLeft,
    /// The user ended it by Ctrl+C.
    Interrupted,
}

impl Failure {
    /// Says why on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::ReaderLeft => return ExitCode::SUCCESS,
            Self::Interrupted => {
                crate::signals::end_by_interrupt();
                return ExitCode::from(130);
            }
            Self::Unreadable(message) => (message, 1),
            Self::Unanswerable(message) => (message, 2),
        };
        // Paths are part of the message, and may hold what a terminal obeys. If standard error is closed, the code is
        // all that can be told.
        let _ = writeln!(io::stderr(), "memray-view: {}", escape::visible(message));
        ExitCode::from(code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Unanswerable(refusal.to_string())
    }
}

impl From<AskingError> for Failure {
    fn from(error: AskingError) -> Self {
        Self::Unanswerable(error.to_string())
    }
}

impl From<UiError> for Failure {
    fn from(error: UiError) -> Self {
        match error {
            UiError::PictureTooLarge(..) => Self::Unanswerable(error.to_string()),
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<stats::Failure> for Failure {
    fn from(failure: stats::Failure) -> Self {
        match failure {
            stats::Failure::Refused(refusal) => refusal.into(),
            stats::Failure::Output(error) => error.into(),
        }
    }
}

/// Of output only: what is read goes through the index, which has errors of its own.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderLeft,
            _ => Self::Unreadable(format!("the output cannot be written: {error}")),
        }
    }
}
