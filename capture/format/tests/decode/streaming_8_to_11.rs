// SPDX-License-Identifier: Apache-2.0
//! Streaming captures of versions 8 to 11, spelled by hand.

use crate::spelled::{START_TIME_MS, Spelled, assert_decodes, signed, varint};
use memray_format::{
    Allocation, Allocator, FrameDefinition, FrameKey, Library, NativeFrame, Record, Segment, Snapshot, StreamEnd,
    ThreadId,
};

const TRAILER: &[u8] = &[0x10];

#[test]
fn allocations_keep_all_bits_of_their_addresses_and_only_plain_frees_lack_a_size() {
    for version in 8..=11 {
        let records = [
            [vec![0x11], signed(0x1003), varint(77)].concat(),         // malloc
            [vec![0x21], signed(-3)].concat(),                         // free
            [vec![0xf1], signed(1)].concat(),                          // pymalloc_free
            [vec![0xb1], signed(-1), varint(8)].concat(),              // munmap
            [vec![0xa2], signed(0), varint(4096), signed(5)].concat(), // mmap at native frame 5
            [vec![5], signed(0x100), signed(-1)].concat(),             // native frame, parent 4
            TRAILER.to_vec(),
        ];
        let allocation = |address, size_bytes, allocator, native_frame| {
            Record::Allocation(Allocation { address, size_bytes, allocator, native_frame })
        };
        let expected = [
            allocation(0x1003, 77, Allocator::Malloc, 0),
            allocation(0x1000, 0, Allocator::Free, 0),
            allocation(0x1001, 0, Allocator::PymallocFree, 0),
            allocation(0x1000, 8, Allocator::Munmap, 0),
            allocation(0x1000, 4096, Allocator::Mmap, 5),
            Record::NativeFrame(NativeFrame { instruction_pointer: 0x100, parent: 4 }),
            Record::Trailer,
        ];
        let capture = Spelled::version(version).native().capture(&[&records.concat()]);
        assert_decodes(&capture, &expected, Ok(StreamEnd::Trailer));
    }
}

#[test]
fn definitions_and_pushes_of_frames_are_differences_from_each_other() {
    let records = [
        [vec![0x03], signed(0), b"main\0a.py\0".to_vec(), signed(12)].concat(),
        vec![4, 0],
        [vec![0x13], signed(1), b"g\0b.py\0".to_vec(), signed(-2)].concat(),
        [vec![4], signed(-1)].concat(),
        vec![0x29],
        TRAILER.to_vec(),
    ];
    let push = |code| Record::FramePush(FrameKey { code, instruction_offset: 0, is_entry: true });
    let expected = [
        Record::FrameDefinition(FrameDefinition { id: 0, function: b"main", file: b"a.py", line: 12, is_entry: true }),
        push(0),
        Record::FrameDefinition(FrameDefinition { id: 1, function: b"g", file: b"b.py", line: 10, is_entry: false }),
        push(0),
        Record::FramePop { count: 3 },
        Record::Trailer,
    ];
    assert_decodes(&Spelled::version(11).capture(&[&records.concat()]), &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn threads_snapshots_and_mappings() {
    let records = [
        [vec![12], 2_u64.to_le_bytes().to_vec()].concat(),
        b"\x0apool\0".to_vec(),
        [vec![11], varint(1 << 40), varint(9)].concat(),
        vec![6],
        [b"\x07/bin/x\0".to_vec(), varint(1), u64::MAX.to_le_bytes().to_vec()].concat(),
        [vec![8], 1_u64.to_le_bytes().to_vec(), varint(2)].concat(),
        TRAILER.to_vec(),
    ];
    let expected = [
        Record::ContextSwitch(ThreadId(2)),
        Record::ThreadName(b"pool"),
        Record::Snapshot(Snapshot { time_ms: START_TIME_MS + 9, rss_bytes: 1 << 40, heap_bytes: None }),
        Record::MappingsStart,
        Record::Library(Library { path: b"/bin/x", segment_count: 1, address: u64::MAX }),
        Record::Segment(Segment { virtual_address: 1, size_bytes: 2 }),
        Record::Trailer,
    ];
    assert_decodes(&Spelled::version(8).capture(&[&records.concat()]), &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn zero_bytes_up_to_the_end_are_the_padding_of_a_killed_program() {
    let capture = Spelled::version(9).capture(&[&[0x09], &[0; 70]]);
    let offset = capture.len() as u64 - 70;
    assert_decodes(&capture, &[Record::FramePop { count: 1 }], Ok(StreamEnd::ZeroPadding { offset }));
}
