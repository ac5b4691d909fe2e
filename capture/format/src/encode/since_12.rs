// SPDX-License-Identifier: Apache-2.0
//! Streaming records of versions 12 and 13.

use super::buffer::Buffer;
use super::youngest_bytes::YoungestBytes;
use super::{EncodeError, RecordEncoder};
use crate::allocator::{Allocator, AllocatorKind};
use crate::record::{Allocation, CodeObject, Object, Record};
use crate::shared_records::CODE_OBJECT;

const POINTER_CACHE_LEN: usize = 15;
/// What stands for the cache's index where the pointer is not in it.
pub(super) const POINTER_NOT_CACHED: u8 = POINTER_CACHE_LEN as u8;

/// The last 15 pointers that were not in it when they came. A hit moves nothing: reader and writer need only agree.
///
/// A traced process looks here for each of its allocations and frees, so all places are compared at once, by a byte of
/// each pointer.
#[derive(Clone, Debug, Default)]
pub(super) struct PointerCache {
    /// A ring: from `newest` on, around its end. The sixteenth place is what was dropped last.
    ring: [u64; 16],
    newest: usize,
    bytes: YoungestBytes,
}

impl PointerCache {
    /// The pointer's index, the newest being 0; or [`POINTER_NOT_CACHED`] after inserting it.
    #[inline]
    fn index(&mut self, pointer: u64) -> u8 {
        let index = self.find(pointer);
        if index == POINTER_NOT_CACHED {
            self.insert(pointer);
        }
        index
    }

    /// Blocks that lie near each other differ in it; the lowest bit is one that is the same of all.
    #[inline(always)]
    fn byte(pointer: u64) -> u8 {
        (pointer >> 1) as u8
    }

    /// The same, without inserting it.
    #[inline(always)]
    pub(super) fn find(&self, pointer: u64) -> u8 {
        let mut equal = self.bytes.equal_to(Self::byte(pointer)) & ((1 << POINTER_CACHE_LEN) - 1);
        while equal != 0 {
            let index = equal.trailing_zeros();
            if self.ring[(self.newest + index as usize) & 15] == pointer {
                return index as u8;
            }
            equal &= equal - 1;
        }
        POINTER_NOT_CACHED
    }

    /// Makes it the newest. It must not be there.
    #[inline(always)]
    pub(super) fn insert(&mut self, pointer: u64) {
        self.newest = self.newest.wrapping_sub(1) & 15;
        self.ring[self.newest] = pointer;
        self.bytes.push(Self::byte(pointer));
    }
}

impl RecordEncoder {
    #[inline]
    pub(super) fn encode_since_12(&mut self, record: &Record<'_>, out: &mut Buffer<'_>) -> Result<(), EncodeError> {
        match *record {
            Record::Allocation(allocation) => self.allocation(allocation, out),
            Record::FramePush(frame) => {
                out.byte(0x40 | u8::from(frame.is_entry));
                out.varint(frame.code);
                out.signed_varint(frame.instruction_offset);
            }
            Record::FramePop { mut count } => {
                while count > 0 {
                    let popped = count.min(16);
                    out.byte(0x10 | (popped - 1) as u8);
                    count -= popped;
                }
            }
            Record::Object(object) => self.object(object, out),
            Record::Snapshot(snapshot) => {
                out.byte(2);
                out.varint(snapshot.rss_bytes);
                out.varint(snapshot.time_ms.wrapping_sub(self.start_time_ms) as u64);
            }
            Record::CodeObject(code) => self.code_object(&code, out),
            Record::Trailer => out.byte(1),
            _ => return self.encode_shared(record, out),
        }
        Ok(())
    }

    fn allocation(&mut self, allocation: Allocation, out: &mut Buffer<'_>) {
        let number = allocation.allocator.number();
        // Three bits hold the seven usual allocators; the others follow in a byte of their own.
        let short_number = if number < 8 { number } else { 0 };
        let pointer = allocation.address >> 3;
        let index = self.pointer_cache.index(pointer);
        out.byte(0x80 | index << 3 | short_number);
        if index == POINTER_NOT_CACHED {
            out.delta(&mut self.last.pointer, pointer);
        }
        if short_number == 0 {
            out.byte(number);
        }
        if allocation.allocator.kind() != AllocatorKind::SimpleFree {
            if self.has_native_traces {
                out.delta(&mut self.last.native_frame, allocation.native_frame);
            }
            out.varint(allocation.size_bytes);
        }
    }

    fn object(&mut self, object: Object, out: &mut Buffer<'_>) {
        let pointer = object.address >> 3;
        let index = self.pointer_cache.index(pointer);
        out.byte(0x20 | index << 1 | u8::from(object.is_created));
        if index == POINTER_NOT_CACHED {
            out.delta(&mut self.last.pointer, pointer);
        }
        if self.has_native_traces && object.is_created {
            out.delta(&mut self.last.native_frame, object.native_frame);
        }
    }

    pub(super) fn code_object(&mut self, code: &CodeObject<'_>, out: &mut Buffer<'_>) {
        out.byte(CODE_OBJECT);
        out.varint(code.id);
        out.string(code.function);
        out.string(code.file);
        out.delta(&mut self.last.first_line, code.first_line as u64);
        out.varint(code.line_table.len() as u64);
        out.bytes(code.line_table);
    }
}

// The free functions must stay below 8, or a free would cost a byte more.
const _: () = assert!(Allocator::Free.number() < 8 && Allocator::PymallocFree.number() < 8);
