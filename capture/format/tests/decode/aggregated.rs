// SPDX-License-Identifier: Apache-2.0
//! Aggregated captures, spelled by hand.

use crate::spelled::{Spelled, assert_decodes, signed, varint};
use memray_format::{
    AggregatedAllocation, Allocator, CodeObject, DecodeError, FrameDefinition, FrameKey, Record, Snapshot, StreamEnd,
    ThreadId,
};

const TRAILER: &[u8] = &[15];

fn words(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The record of an allocation by the allocator with that number.
fn allocation(number: u8) -> Vec<u8> {
    // What follows the allocator is padding and may hold anything.
    [vec![2], words(&[1]), vec![number, 9, 9, 9, 9, 9, 9, 9], words(&[2, 3, 4, 5, 6, 7, 8])].concat()
}

fn allocated_by(allocator: Allocator) -> Record<'static> {
    Record::AggregatedAllocation(AggregatedAllocation {
        thread: ThreadId(1),
        allocator,
        native_frame: 2,
        stack: 3,
        segment_generation: 4,
        peak_allocations: 5,
        leaked_allocations: 6,
        peak_bytes: 7,
        leaked_bytes: 8,
    })
}

#[test]
fn versions_10_and_11_define_frames_with_lines() {
    for version in 10..=11 {
        let records = [
            [vec![1], words(&[1_700_000_000_123, 10, 20])].concat(),
            [vec![4], words(&[5]), b"f\0f.py\0".to_vec(), (-3_i32).to_le_bytes().to_vec(), vec![1]].concat(),
            [vec![3], words(&[5]), 0_u32.to_le_bytes().to_vec()].concat(),
            allocation(1),
            TRAILER.to_vec(),
        ];
        let expected = [
            Record::Snapshot(Snapshot { time_ms: 1_700_000_000_123, rss_bytes: 10, heap_bytes: Some(20) }),
            Record::FrameDefinition(FrameDefinition { id: 5, function: b"f", file: b"f.py", line: -3, is_entry: true }),
            Record::StackEntry { frame_id: 5, parent: 0 },
            allocated_by(Allocator::Malloc),
            Record::Trailer,
        ];
        let capture = Spelled::version(version).aggregated().capture(&[&records.concat()]);
        assert_decodes(&capture, &expected, Ok(StreamEnd::Trailer));
    }
}

#[test]
fn versions_12_and_13_define_frames_by_code_objects() {
    for version in 12..=13 {
        let records = [
            [vec![14], varint(1), b"f\0f.py\0".to_vec(), signed(8), varint(1), vec![0x80]].concat(),
            [vec![4], varint(0), varint(1), signed(44), vec![0]].concat(),
            [vec![3], varint(0), varint(300)].concat(),
            [vec![13], varint(0x100), varint(6)].concat(),
            allocation(6),
            TRAILER.to_vec(),
        ];
        let frame = FrameKey { code: 1, instruction_offset: 44, is_entry: false };
        let expected = [
            Record::CodeObject(CodeObject { id: 1, function: b"f", file: b"f.py", first_line: 8, line_table: &[0x80] }),
            Record::AggregatedFrame { frame_id: 0, frame },
            Record::StackEntry { frame_id: 0, parent: 300 },
            Record::SurvivingObject { address: 0x800, native_frame: 6 },
            allocated_by(Allocator::Malloc),
            Record::Trailer,
        ];
        let capture = Spelled::version(version).native().aggregated().capture(&[&records.concat()]);
        assert_decodes(&capture, &expected, Ok(StreamEnd::Trailer));
    }
}

#[test]
fn objects_of_captures_without_native_traces_name_no_native_frame() {
    let capture = Spelled::version(13).aggregated().capture(&[&[13], &varint(2), TRAILER]);
    let expected = [Record::SurvivingObject { address: 16, native_frame: 0 }, Record::Trailer];
    assert_decodes(&capture, &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn a_stack_whose_parent_does_not_fit_is_damage() {
    let capture = Spelled::version(13).aggregated().capture(&[&[3], &varint(0), &varint(1 << 32)]);
    let offset = Spelled::version(13).aggregated().header().len() as u64;
    let damage = DecodeError::Damaged { offset, reason: "a stack has an impossible parent".into() };
    assert_decodes(&capture, &[], Err(damage));
}
