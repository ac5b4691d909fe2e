// SPDX-License-Identifier: Apache-2.0
//! One record to bytes.
//!
//! [`RecordEncoder`] holds what the stream's deltas refer to and nothing that grows; it never allocates, so that a
//! traced process can afford it on each of its allocations.

use super::EncodeError;
use super::buffer::Buffer;
use super::since_12::PointerCache;
use crate::header::{FileFormat, Header, VERSIONS};
use crate::record::Record;
use crate::shared_records::{CONTEXT_SWITCH, LIBRARY, MAPPINGS_START, NATIVE_FRAME, SEGMENT, THREAD_NAME};

/// More than the longest record takes without its strings (an aggregated allocation: 73 bytes).
const MAX_BYTES_WITHOUT_STRINGS: usize = 80;

/// Encodes the records that follow one header, in order.
///
/// What a version cannot say is left out: native frames of captures without native traces, instruction offsets before
/// version 12, the low three bits of addresses since version 12.
#[derive(Clone, Debug)]
pub struct RecordEncoder {
    pub(super) version: i32,
    pub(super) has_native_traces: bool,
    pub(super) start_time_ms: i64,
    pub(super) last: LastValues,
    pub(super) pointer_cache: PointerCache,
    encoding: Encoding,
}

/// What the next value of each field is written relative to.
#[derive(Clone, Debug, Default)]
pub(super) struct LastValues {
    pub(super) pointer: u64,
    pub(super) native_frame: u64,
    pub(super) instruction_pointer: u64,
    pub(super) first_line: u64,
    pub(super) frame: u64,
    pub(super) line: u64,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Before12,
    Since12,
    Aggregated,
}

impl RecordEncoder {
    /// An encoder for the records after this header.
    ///
    /// # Errors
    /// [`EncodeError::NoSuchVersion`].
    pub fn new(header: &Header) -> Result<Self, EncodeError> {
        let encoding = match (header.file_format, header.version) {
            (FileFormat::Aggregated, 10..) => Encoding::Aggregated,
            (FileFormat::AllAllocations, 12..) => Encoding::Since12,
            (FileFormat::AllAllocations, _) => Encoding::Before12,
            (FileFormat::Aggregated, version) => return Err(EncodeError::NoSuchVersion { version }),
        };
        if !VERSIONS.contains(&header.version) {
            return Err(EncodeError::NoSuchVersion { version: header.version });
        }
        Ok(Self {
            version: header.version,
            has_native_traces: header.has_native_traces,
            start_time_ms: header.start_time_ms,
            last: LastValues::default(),
            pointer_cache: PointerCache::default(),
            encoding,
        })
    }

    /// How many bytes a record takes at most.
    #[inline]
    pub fn bound(record: &Record<'_>) -> usize {
        MAX_BYTES_WITHOUT_STRINGS
            + match record {
                Record::CodeObject(code) => code.function.len() + code.file.len() + code.line_table.len(),
                Record::FrameDefinition(frame) => frame.function.len() + frame.file.len(),
                Record::ThreadName(name) => name.len(),
                Record::Library(library) => library.path.len(),
                Record::FramePop { count } => *count as usize / 16,
                _ => 0,
            }
    }

    /// Writes a record to the start of `out` and returns its length. More than 16 popped frames become several records.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] unless `out` holds [`bound`](Self::bound) bytes, [`EncodeError::NoSuchRecord`],
    /// [`EncodeError::BadString`]; the state is then unchanged, so the call may be repeated with more room.
    #[inline]
    pub fn encode(&mut self, record: &Record<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
        let needed_bytes = Self::bound(record);
        if out.len() < needed_bytes {
            return Err(EncodeError::BufferTooSmall { needed_bytes });
        }
        if holds_nul(record) {
            return Err(EncodeError::BadString);
        }
        let mut buffer = Buffer::new(out);
        match self.encoding {
            Encoding::Since12 => self.encode_since_12(record, &mut buffer)?,
            Encoding::Before12 => self.encode_before_12(record, &mut buffer)?,
            Encoding::Aggregated => self.encode_aggregated(record, &mut buffer)?,
        }
        Ok(buffer.len())
    }

    /// Whether these are records of a streaming capture of version 12 or 13.
    #[inline]
    pub(super) fn is_streaming_since_12(&self) -> bool {
        matches!(self.encoding, Encoding::Since12)
    }

    /// The records that all versions and kinds of captures spell alike.
    pub(super) fn encode_shared(&mut self, record: &Record<'_>, out: &mut Buffer<'_>) -> Result<(), EncodeError> {
        match *record {
            Record::NativeFrame(frame) => {
                out.byte(NATIVE_FRAME);
                out.delta(&mut self.last.instruction_pointer, frame.instruction_pointer);
                out.delta(&mut self.last.native_frame, frame.parent);
            }
            Record::MappingsStart => out.byte(MAPPINGS_START),
            Record::Library(library) => {
                out.byte(LIBRARY);
                out.string(library.path);
                out.varint(library.segment_count);
                out.u64(library.address);
            }
            Record::Segment(segment) => {
                out.byte(SEGMENT);
                out.u64(segment.virtual_address);
                out.varint(segment.size_bytes);
            }
            Record::ThreadName(name) => {
                out.byte(THREAD_NAME);
                out.string(name);
            }
            Record::ContextSwitch(thread) => {
                out.byte(CONTEXT_SWITCH);
                out.u64(thread.0);
            }
            _ => return Err(EncodeError::NoSuchRecord { version: self.version }),
        }
        Ok(())
    }
}

fn holds_nul(record: &Record<'_>) -> bool {
    match record {
        Record::CodeObject(code) => code.function.contains(&0) || code.file.contains(&0),
        Record::FrameDefinition(frame) => frame.function.contains(&0) || frame.file.contains(&0),
        Record::ThreadName(name) => name.contains(&0),
        Record::Library(library) => library.path.contains(&0),
        _ => false,
    }
}
