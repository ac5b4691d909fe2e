// SPDX-License-Identifier: Apache-2.0
//! What a capture's records lie in: nothing, or an LZ4 frame. [`sniff`] tells which; [`Lz4Frame`] leads out of the frame.

mod lz4_block;
mod lz4_frame;
mod other_files;

pub use lz4_frame::Lz4Frame;
pub use other_files::describe_non_capture;

use thiserror::Error;

use crate::header::MAGIC;

/// What a capture's records lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Nothing: the file is the capture.
    Raw,
    /// LZ4 frames, as [`Lz4Frame`] reads.
    Lz4,
}

/// Where a compressed file can be read no further. What came before is good.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the file is {} at byte {offset}: {reason}", if *is_cut { "cut" } else { "damaged" })]
pub struct Damage {
    /// Place in the file on disk, in bytes.
    pub offset: u64,
    /// Whether the file merely ends there too early.
    pub is_cut: bool,
    /// What is wrong there.
    pub reason: String,
}

/// Tells the container by a file's first bytes (7 suffice); `None` if this is no capture.
pub fn sniff(first_bytes: &[u8]) -> Option<Container> {
    if first_bytes.starts_with(MAGIC) {
        return Some(Container::Raw);
    }
    match u32::from_le_bytes(*first_bytes.first_chunk()?) {
        lz4_frame::MAGIC_NUMBER => Some(Container::Lz4),
        number if lz4_frame::is_skippable(number) => Some(Container::Lz4),
        _ => None,
    }
}
