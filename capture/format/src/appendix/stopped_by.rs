// SPDX-License-Identifier: Apache-2.0
//! Why a recording ended before its program, in the appendix: [`StoppedBy`]. Such a capture is complete as a file, and says
//! nothing of what the program did afterwards.
//!
//! A section of this kind is a byte for the cause and an argument of 8 bytes.

use super::AppendixError;

/// What ended a recording while its program ran on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppedBy {
    /// The capture had reached the size that it was allowed, in bytes.
    MaxSize(u64),
    /// The time to record was over: so many milliseconds.
    Duration(u64),
    /// The file took no more: the system's error number.
    WriteError(i32),
}

/// A section's bytes.
pub(super) fn encode(stopped: StoppedBy) -> Vec<u8> {
    let (cause, argument) = match stopped {
        StoppedBy::MaxSize(bytes) => (1, bytes),
        StoppedBy::Duration(ms) => (2, ms),
        StoppedBy::WriteError(errno) => (3, u64::from(errno.unsigned_abs())),
    };
    let mut section = vec![cause];
    section.extend_from_slice(&argument.to_le_bytes());
    section
}

/// From a section's bytes; `None` if it is a cause that came later.
pub(super) fn decode(section: &[u8]) -> Result<Option<StoppedBy>, AppendixError> {
    let (&cause, argument) = section.split_first().ok_or(AppendixError::Damaged)?;
    let argument = u64::from_le_bytes(argument.try_into().map_err(|_| AppendixError::Damaged)?);
    Ok(match cause {
        1 => Some(StoppedBy::MaxSize(argument)),
        2 => Some(StoppedBy::Duration(argument)),
        3 => Some(StoppedBy::WriteError(i32::try_from(argument).map_err(|_| AppendixError::Damaged)?)),
        _ => None,
    })
}
