// SPDX-License-Identifier: Apache-2.0
//! The one tracing that a process can have.

use super::settings::Settings;
use thiserror::Error;

/// Why tracing did not start; a sentence for the user.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The interpreter cannot be traced.
    #[error(transparent)]
    Refused(#[from] crate::python::Refusal),
    /// The capture cannot be written.
    #[error(transparent)]
    File(#[from] crate::file::FileError),
    /// There is one already.
    #[error("this process is traced already")]
    IsTraced,
}

/// Starts tracing. To be called with the GIL held.
pub(crate) fn start(_settings: Settings) -> Result<(), StartError> {
    Err(StartError::IsTraced)
}

/// Stops tracing and completes the capture; nothing if there is none. May be called by any thread, at any time.
pub(crate) fn stop() {}
