// SPDX-License-Identifier: Apache-2.0
//! Why a capture cannot be opened, or a question not answered. Each message is one sentence that says what to do.

use std::path::PathBuf;

/// Why a capture or an index cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("{message}: {}", path.display())]
    Unreadable {
        /// What the system said.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// The file is no capture that can be read; the message says what it is.
    #[error("{message}: {}", path.display())]
    NotACapture {
        /// What it is.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// The file is an index that cannot be used.
    #[error("{message}: {}", path.display())]
    BadIndex {
        /// What is wrong.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// The user asked to stop.
    #[error("indexing was cancelled")]
    Cancelled,
    /// The index cannot be written.
    #[error("the index cannot be written ({0}); free some disk space or use --no-cache")]
    Write(String),
    /// The index database failed.
    #[error("the index database failed: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Why a question has no answer. The message is a whole sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);
