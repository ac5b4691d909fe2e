// SPDX-License-Identifier: Apache-2.0
//! Why a program was not run. The sentences are memray's where it has them.

use memray_settings::VERSION;
use std::ffi::{CStr, OsString};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a program was not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// `-c` with what is a file.
    #[error("remove the option -c to run a file")]
    CommandIsFile,
    /// A quote in `--python` that does not end.
    #[error("a quote does not end in --python {}", .0.display())]
    Unquoted(OsString),
    /// `--python` names nothing.
    #[error("--python names no interpreter")]
    NoInterpreter,
    /// The script is not there.
    #[error("[Errno {}] {}: '{}'", .source.raw_os_error().unwrap_or(0), system_text(.source), .path.display())]
    NoScript {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The capture is there already.
    #[error("Output file {} already exists. Use --force to overwrite it.", .0.display())]
    OutputExists(PathBuf),
    /// The capture cannot be written.
    #[error("Could not create output file {}: {}", .path.display(), system_text(.source))]
    Output {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The interpreter cannot be started.
    #[error("{} cannot be started: {}", .program.display(), system_text(.source))]
    Spawn {
        /// As it was named.
        program: OsString,
        /// The system's reason.
        source: io::Error,
    },
    /// A byte of zero in an argument.
    #[error("an argument holds a zero byte")]
    ZeroByte,
    /// There is no tracer.
    #[error("the tracer cannot be had: {0}")]
    Tracer(String),
    /// The tracer beside the command does not belong to it.
    #[error(
        "{} is {}, and memray-view is of version {VERSION}: install both anew from one package",
        .path.display(),
        .version.as_ref().map_or("not its tracer".to_owned(), |version| format!("the tracer of version {version}"))
    )]
    OtherTracer {
        /// The file.
        path: PathBuf,
        /// Its version, if it is a tracer at all.
        version: Option<String>,
    },
    /// A file of a moment cannot be made.
    #[error("no temporary folder can be made: {0}")]
    Scratch(io::Error),
    /// The system's refusal of what it does not refuse.
    #[error("the program cannot be waited for: {0}")]
    Wait(io::Error),
}

impl RunError {
    /// Whether the command line is wrong, rather than something that it names.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::CommandIsFile | Self::Unquoted(_) | Self::NoInterpreter)
    }
}

/// What the C library says of an error, as Python does: without its number.
fn system_text(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else { return error.to_string() };
    let mut text = [0; 256];
    // SAFETY: the text is there to be written to, of that size.
    if unsafe { libc::strerror_r(code, text.as_mut_ptr(), text.len()) } != 0 {
        return error.to_string();
    }
    // SAFETY: a text that was written ends.
    unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_memrays() {
        let source = || io::Error::from_raw_os_error(libc::EACCES);
        let error = RunError::Output { path: "/x/y.bin".into(), source: source() };
        assert_eq!(error.to_string(), "Could not create output file /x/y.bin: Permission denied");
        let error = RunError::NoScript { path: "y.py".into(), source: source() };
        assert_eq!(error.to_string(), "[Errno 13] Permission denied: 'y.py'");
    }
}
