// SPDX-License-Identifier: Apache-2.0
//! Streaming records of versions 8 to 11.

use super::buffer::Buffer;
use super::{EncodeError, RecordEncoder};
use crate::allocator::{Allocator, AllocatorKind};
use crate::record::{Allocation, Record};

/// The low four bits of a token; the high four are flags.
mod token {
    pub(super) const TRAILER: u8 = 0x10;
    pub(super) const ALLOCATION: u8 = 1;
    pub(super) const ALLOCATION_WITH_NATIVE: u8 = 2;
    pub(super) const FRAME_INDEX: u8 = 3;
    pub(super) const FRAME_PUSH: u8 = 4;
    pub(super) const FRAME_POP: u8 = 9;
    pub(super) const MEMORY_RECORD: u8 = 11;
}

impl RecordEncoder {
    pub(super) fn encode_before_12(&mut self, record: &Record<'_>, out: &mut Buffer<'_>) -> Result<(), EncodeError> {
        match *record {
            Record::Allocation(allocation) => self.allocation_before_12(allocation, out),
            Record::FrameDefinition(frame) => {
                out.byte(token::FRAME_INDEX | u8::from(!frame.is_entry) << 4);
                out.delta(&mut self.last.frame, frame.id);
                out.string(frame.function);
                out.string(frame.file);
                out.delta(&mut self.last.line, frame.line as u64);
            }
            Record::FramePush(frame) => {
                out.byte(token::FRAME_PUSH);
                out.delta(&mut self.last.frame, frame.code);
            }
            Record::FramePop { mut count } => {
                while count > 0 {
                    let popped = count.min(16);
                    out.byte(token::FRAME_POP | ((popped - 1) as u8) << 4);
                    count -= popped;
                }
            }
            Record::Snapshot(snapshot) => {
                out.byte(token::MEMORY_RECORD);
                out.varint(snapshot.rss_bytes);
                out.varint(snapshot.time_ms.wrapping_sub(self.start_time_ms) as u64);
            }
            Record::Trailer => out.byte(token::TRAILER),
            _ => return self.encode_shared(record, out),
        }
        Ok(())
    }

    /// Addresses keep all their bits here. Frees never carry a native frame, not even a `munmap`.
    fn allocation_before_12(&mut self, allocation: Allocation, out: &mut Buffer<'_>) {
        let kind = allocation.allocator.kind();
        let is_free = matches!(kind, AllocatorKind::SimpleFree | AllocatorKind::RangedFree);
        let is_with_native = self.has_native_traces && !is_free;
        let token = if is_with_native { token::ALLOCATION_WITH_NATIVE } else { token::ALLOCATION };
        out.byte(token | number_before_12(allocation.allocator) << 4);
        out.delta(&mut self.last.pointer, allocation.address);
        if kind != AllocatorKind::SimpleFree {
            out.varint(allocation.size_bytes);
        }
        if is_with_native {
            out.delta(&mut self.last.native_frame, allocation.native_frame);
        }
    }
}

/// An allocator's number in versions 8 to 11.
pub(super) const fn number_before_12(allocator: Allocator) -> u8 {
    match allocator {
        Allocator::Malloc => 1,
        Allocator::Free => 2,
        Allocator::Calloc => 3,
        Allocator::Realloc => 4,
        Allocator::PosixMemalign => 5,
        Allocator::AlignedAlloc => 6,
        Allocator::Memalign => 7,
        Allocator::Valloc => 8,
        Allocator::Pvalloc => 9,
        Allocator::Mmap => 10,
        Allocator::Munmap => 11,
        Allocator::PymallocMalloc => 12,
        Allocator::PymallocCalloc => 13,
        Allocator::PymallocRealloc => 14,
        Allocator::PymallocFree => 15,
    }
}
