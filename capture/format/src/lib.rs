// SPDX-License-Identifier: Apache-2.0
//! The records of a memory capture (`.bin`), decoded and encoded.
//!
//! The one contract between those who write captures and those who read them; it knows neither. [`Decoder`] leads: it
//! is fed chunks of a capture's bytes, as [`container`] hands them out (raw or LZ4), and calls back with one
//! [`Record`] after the other, the same for all format versions from 8 (memray 1.2) to 13 (memray 1.20).
//!
//! Facts about the format were read from memray's own sources and proved on captures of every version.

mod aggregated;
mod allocator;
pub mod appendix;
pub mod container;
mod decoder;
mod encode;
mod header;
mod input;
mod line_table;
mod record;
mod shared_records;
mod streaming_12;
mod streaming_8_to_11;
pub mod synth;
mod visit;

pub use allocator::{Allocator, AllocatorKind};
pub use decoder::{DecodeError, Decoder, StreamEnd};
pub use encode::{EncodeError, Encoder, RecordEncoder, ShortRecord, encode_header, lz4_frame, rewrite_header};
pub use header::{FileFormat, Header, HeaderError, MAGIC, ModulePaths, PythonAllocator, VERSIONS};
pub use line_table::line_number;
pub use record::{
    AggregatedAllocation, Allocation, CodeObject, FrameDefinition, FrameKey, Library, NativeFrame, Object, Record,
    Segment, Snapshot, ThreadId,
};
pub use visit::Visit;
