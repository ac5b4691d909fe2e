// SPDX-License-Identifier: Apache-2.0
//! [`ShortRecord`]: a record of up to 16 bytes, made in registers.
//!
//! A traced process makes one for each of its allocations and frees. Made byte by byte in memory and copied from there,
//! each would wait for its own bytes to be stored; so it is a number, ready to be stored at once.

use super::RecordEncoder;
use crate::allocator::AllocatorKind;
use crate::encode::since_12::POINTER_NOT_CACHED;
use crate::record::Allocation;

/// A record as a number: its first byte is the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortRecord {
    /// The bytes; zeros behind them.
    pub bits: u128,
    /// How many bytes.
    pub length: usize,
}

impl ShortRecord {
    const MAX_LENGTH: usize = 16;
    const EMPTY: Self = Self { bits: 0, length: 0 };

    /// Puts a byte before it.
    #[inline(always)]
    fn after_byte(self, byte: u8) -> Self {
        Self { bits: self.bits << 8 | u128::from(byte), length: self.length + 1 }
    }

    /// Puts a LEB128 number of up to 56 bits before it. The record may become too long: what does not fit is lost.
    #[inline(always)]
    fn after_varint(self, (bits, length): (u64, usize)) -> Self {
        Self { bits: self.bits << (8 * length) | u128::from(bits), length: self.length + length }
    }
}

/// The largest number of eight bytes.
const MAX_OF_EIGHT_BYTES: u64 = (1 << 56) - 1;

/// A number below 2^56 as LEB128: its bytes, and how many.
#[inline(always)]
fn leb128(value: u64) -> (u64, usize) {
    // Seven bits a byte, moved apart in halves: by four bits, then two, then one.
    let halves = (value & 0x00ff_ffff_f000_0000) << 4 | value & 0x0fff_ffff;
    let quarters = (halves & 0x0fff_c000_0fff_c000) << 2 | halves & 0x0000_3fff_0000_3fff;
    let bytes = (quarters & 0x3f80_3f80_3f80_3f80) << 1 | quarters & 0x007f_007f_007f_007f;
    let last = last_byte(value);
    // All bytes but the last say that more follow.
    let more = 0x0080_8080_8080_8080 & ((1 << (8 * last)) - 1);
    (bytes | more, last as usize + 1)
}

/// The same of a number that is most often below 2^28.
#[inline(always)]
fn leb128_of_small(value: u64) -> (u64, usize) {
    if value >= 1 << 28 {
        return leb128(value);
    }
    let quarters = (value as u32 & 0x0fff_c000) << 2 | value as u32 & 0x3fff;
    let bytes = (quarters & 0x3f80_3f80) << 1 | quarters & 0x007f_007f;
    let last = last_byte(value);
    let more = 0x0080_8080 & ((1 << (8 * last)) - 1);
    (u64::from(bytes | more), last as usize + 1)
}

/// Which byte of a number's LEB128 is its last.
#[inline(always)]
fn last_byte(value: u64) -> u32 {
    (63 - (value | 1).leading_zeros()) / 7
}

#[inline(always)]
fn zigzag(value: u64) -> u64 {
    value << 1 ^ ((value as i64) >> 63) as u64
}

impl RecordEncoder {
    /// An allocation or a free, if it takes up to 16 bytes, as nearly all do, in captures of version 12 or 13; else `None`,
    /// and the encoder is as before.
    #[inline(always)]
    pub fn encode_short(&mut self, allocation: Allocation) -> Option<ShortRecord> {
        if !self.is_streaming_since_12() {
            return None;
        }
        let number = allocation.allocator.number();
        let short_number = if number < 8 { number } else { 0 };
        let pointer = allocation.address >> 3;
        let index = self.pointer_cache.find(pointer);
        let is_simple_free = allocation.allocator.kind() == AllocatorKind::SimpleFree;
        // From its end to its start, as in most records but the end is of a length that is known.
        let mut record = ShortRecord::EMPTY;
        if !is_simple_free {
            if allocation.size_bytes > MAX_OF_EIGHT_BYTES {
                return None;
            }
            record = record.after_varint(leb128_of_small(allocation.size_bytes));
            if self.has_native_traces {
                let delta = zigzag(allocation.native_frame.wrapping_sub(self.last.native_frame));
                if delta > MAX_OF_EIGHT_BYTES {
                    return None;
                }
                record = record.after_varint(leb128(delta));
            }
        }
        if short_number == 0 {
            record = record.after_byte(number);
        }
        if index == POINTER_NOT_CACHED {
            let delta = zigzag(pointer.wrapping_sub(self.last.pointer));
            if delta > MAX_OF_EIGHT_BYTES {
                return None;
            }
            record = record.after_varint(leb128(delta));
        }
        record = record.after_byte(0x80 | index << 3 | short_number);
        if record.length > ShortRecord::MAX_LENGTH {
            return None;
        }
        if index == POINTER_NOT_CACHED {
            self.pointer_cache.insert(pointer);
            self.last.pointer = pointer;
        }
        if self.has_native_traces && !is_simple_free {
            self.last.native_frame = allocation.native_frame;
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Allocator, FileFormat, Header, PythonAllocator, Record, ThreadId};
    use proptest::prelude::*;

    fn header(has_native_traces: bool) -> Header {
        Header {
            version: 13,
            python_version: Some(0x030b_07f0),
            has_native_traces,
            file_format: FileFormat::AllAllocations,
            allocation_count: 0,
            frame_count: 0,
            start_time_ms: 0,
            end_time_ms: 0,
            command_line: Vec::new(),
            pid: 1,
            main_thread: ThreadId(1),
            skipped_frames_on_main_thread: 0,
            python_allocator: PythonAllocator::Pymalloc,
            traces_python_allocators: false,
            tracks_object_lifetimes: false,
            module_paths: None,
        }
    }

    /// Numbers of all lengths.
    fn number() -> impl Strategy<Value = u64> {
        (0u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
    }

    proptest! {
        #[test]
        fn a_short_record_has_the_bytes_of_the_long_way(
            has_native_traces: bool,
            allocations in prop::collection::vec((number(), 0u64..40, any::<bool>(), number(), number(), 1u8..16), 1..200),
        ) {
            let mut short = RecordEncoder::new(&header(has_native_traces)).unwrap();
            let mut long = short.clone();
            for (far, near, is_near, size_bytes, native_frame, number) in allocations {
                let address = if is_near { 0x7f00_0000_0000 + near * 16 } else { far };
                let allocator = Allocator::from_number(number).unwrap();
                let allocation = Allocation { address, size_bytes, allocator, native_frame };
                let mut expected = [0; 80];
                let length = long.encode(&Record::Allocation(allocation), &mut expected).unwrap();
                match short.encode_short(allocation) {
                    Some(record) => {
                        prop_assert_eq!(record.length, length);
                        prop_assert_eq!(&record.bits.to_le_bytes()[..], &expected[..16]);
                    }
                    None => {
                        let mut bytes = [0; 80];
                        prop_assert_eq!(short.encode(&Record::Allocation(allocation), &mut bytes).unwrap(), length);
                        prop_assert_eq!(bytes, expected);
                    }
                }
            }
        }
    }

    #[test]
    fn what_programs_do_is_short() {
        let mut encoder = RecordEncoder::new(&header(false)).unwrap();
        let (address, native_frame) = (0x7fff_1234_5670, 0);
        let malloc = Allocation { address, size_bytes: 1 << 40, allocator: Allocator::Malloc, native_frame };
        assert_eq!(encoder.encode_short(malloc).map(|record| record.length), Some(1 + 7 + 6));
        let free = Allocation { size_bytes: 0, allocator: Allocator::Free, ..malloc };
        assert_eq!(encoder.encode_short(free), Some(ShortRecord { bits: 0x85, length: 1 }));
    }
}
