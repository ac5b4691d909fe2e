// SPDX-License-Identifier: Apache-2.0
//! The capture's file, written so that nothing is lost when the process dies. [`CaptureFile`] leads.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// How a capture's file is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileOptions {
    /// Replace a file that is there.
    pub(crate) overwrites: bool,
    /// LZ4, or records as they are.
    pub(crate) compresses: bool,
    /// Where to stop.
    pub(crate) max_size_bytes: Option<u64>,
}

/// Why a capture's file cannot be written, or not further. Each is a sentence for the user.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// It is there, and may not be replaced.
    #[error("Output file {} already exists. Use --force to overwrite it.", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("Could not create output file {}: {source}", .path.display())]
    Create { path: PathBuf, source: std::io::Error },
    /// The disk is full, or the file may not grow.
    #[error("cannot write more of the capture: {0}")]
    Write(std::io::Error),
    /// As large as was allowed.
    #[error("the capture has reached the size that --max-size allows")]
    MaxSize,
}

/// A capture's file while it is written.
pub(crate) struct CaptureFile {}

impl CaptureFile {
    /// Creates the file and writes the capture's header, so that it can be written over when all is known.
    pub(crate) fn create(path: &Path, _options: FileOptions, _header: &[u8]) -> Result<Self, FileError> {
        Err(FileError::Exists(path.to_owned()))
    }

    /// Room for at least `bytes`, which is at most 4 KiB. What is written there is in the file once [`Self::advance`]
    /// says so; the process may die at any instruction in between.
    #[inline]
    pub(crate) fn room(&mut self, _bytes: usize) -> Result<&mut [u8], FileError> {
        Err(FileError::MaxSize)
    }

    /// Keeps the first `bytes` of the room.
    #[inline]
    pub(crate) fn advance(&mut self, _bytes: usize) {}

    /// Writes a record of any length.
    pub(crate) fn write(&mut self, _record: &[u8]) -> Result<(), FileError> {
        Err(FileError::MaxSize)
    }

    /// Completes the file: the header as it is now, then an appendix for readers that know of it (none if empty), no
    /// reserve behind the end. Returns the file's size in bytes.
    pub(crate) fn finish(self, _header: &[u8], _appendix: &[u8]) -> Result<u64, FileError> {
        Err(FileError::MaxSize)
    }

    /// Lets go of the file without touching it: it belongs to the parent process.
    pub(crate) fn abandon(self) {}
}
