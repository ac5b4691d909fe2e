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
    #[error("the index cannot be written ({0})")]
    Write(String),
    /// The index cannot be written even to a temporary file.
    #[error(
        "the index cannot be written to {} ({message}); free some disk space there, or name another folder in TMPDIR",
        folder.display()
    )]
    WriteTemporary {
        /// What the system said.
        message: String,
        /// Where temporary files are.
        folder: PathBuf,
    },
    /// The index database failed.
    #[error("the index database failed: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Why a question has no answer. The message is a clause, as those of errors are; [`Refusal::sentence`] is for where it
/// stands alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Refusal {
    /// The message as a sentence: with a capital letter, and a full stop.
    pub fn sentence(&self) -> String {
        let mut letters = self.0.chars();
        letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_alone_is_a_sentence() {
        assert_eq!(Refusal("this capture has none".to_owned()).sentence(), "This capture has none.");
        assert_eq!(Refusal("état inconnu".to_owned()).sentence(), "État inconnu.");
        assert_eq!(Refusal(String::new()).sentence(), "");
    }
}
