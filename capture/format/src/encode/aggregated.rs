// SPDX-License-Identifier: Apache-2.0
//! Records of aggregated captures, versions 10 to 13.

use super::before_12::number_before_12;
use super::buffer::Buffer;
use super::{EncodeError, RecordEncoder};
use crate::record::{AggregatedAllocation, Record};

impl RecordEncoder {
    pub(super) fn encode_aggregated(&mut self, record: &Record<'_>, out: &mut Buffer<'_>) -> Result<(), EncodeError> {
        let is_before_12 = self.version < 12;
        match *record {
            Record::Snapshot(snapshot) => {
                out.byte(1);
                out.u64(snapshot.time_ms as u64);
                out.u64(snapshot.rss_bytes);
                out.u64(snapshot.heap_bytes.unwrap_or(0));
            }
            Record::AggregatedAllocation(allocation) => self.aggregated_allocation(&allocation, out),
            Record::StackEntry { frame_id, parent } => {
                out.byte(3);
                if is_before_12 {
                    out.u64(frame_id);
                    out.bytes(&parent.to_le_bytes());
                } else {
                    out.varint(frame_id);
                    out.varint(u64::from(parent));
                }
            }
            Record::FrameDefinition(frame) if is_before_12 => {
                out.byte(4);
                out.u64(frame.id);
                out.string(frame.function);
                out.string(frame.file);
                out.bytes(&(frame.line as i32).to_le_bytes());
                out.byte(u8::from(frame.is_entry));
            }
            Record::AggregatedFrame { frame_id, frame } if !is_before_12 => {
                out.byte(4);
                out.varint(frame_id);
                out.varint(frame.code);
                out.signed_varint(frame.instruction_offset);
                out.byte(u8::from(frame.is_entry));
            }
            Record::CodeObject(code) if !is_before_12 => self.code_object(&code, out),
            Record::SurvivingObject { address, native_frame } if !is_before_12 => {
                out.byte(13);
                out.varint(address >> 3);
                if self.has_native_traces {
                    out.varint(native_frame);
                }
            }
            Record::Trailer => out.byte(15),
            _ => return self.encode_shared(record, out),
        }
        Ok(())
    }

    fn aggregated_allocation(&self, allocation: &AggregatedAllocation, out: &mut Buffer<'_>) {
        out.byte(2);
        out.u64(allocation.thread.0);
        let number =
            if self.version < 12 { number_before_12(allocation.allocator) } else { allocation.allocator.number() };
        out.u64(u64::from(number)); // one byte and seven of padding
        out.u64(allocation.native_frame);
        out.u64(allocation.stack);
        out.u64(allocation.segment_generation);
        out.u64(allocation.peak_allocations);
        out.u64(allocation.leaked_allocations);
        out.u64(allocation.peak_bytes);
        out.u64(allocation.leaked_bytes);
    }
}
