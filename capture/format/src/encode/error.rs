// SPDX-License-Identifier: Apache-2.0
//! What cannot be encoded, and why.

use thiserror::Error;

/// Why a record or a header was not encoded. The encoder's state is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// Give a buffer of at least `needed_bytes`.
    #[error("the buffer is too small: {needed_bytes} bytes may be needed")]
    BufferTooSmall {
        /// The record's [`RecordEncoder::bound`](super::RecordEncoder::bound).
        needed_bytes: usize,
    },
    /// This format version, or this kind of capture, has no such record.
    #[error("format version {version} has no such record in this kind of capture")]
    NoSuchRecord {
        /// The header's version.
        version: i32,
    },
    /// Only versions 8 to 13 are written, aggregated captures from 10 on.
    #[error("captures of format version {version} and this kind cannot be written")]
    NoSuchVersion {
        /// The header's version.
        version: i32,
    },
    /// Strings end with a NUL byte, so they cannot hold one. In a header's lists they cannot be empty either.
    #[error("a string holds a NUL byte, or is empty in a list")]
    BadString,
}

impl From<EncodeError> for std::io::Error {
    fn from(error: EncodeError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}
