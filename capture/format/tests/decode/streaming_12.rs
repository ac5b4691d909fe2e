// SPDX-License-Identifier: Apache-2.0
//! Streaming captures of versions 12 and 13, spelled by hand.

#![allow(clippy::unusual_byte_groupings)] // tokens are grouped by what their bits mean

use crate::spelled::{START_TIME_MS, Spelled, assert_decodes, signed, varint};
use memray_format::{
    Allocation, Allocator, CodeObject, DecodeError, FrameKey, Library, NativeFrame, Object, Record, Segment, Snapshot,
    StreamEnd, ThreadId,
};

const TRAILER: &[u8] = &[1];

fn allocation(allocator: Allocator, address: u64, size_bytes: u64) -> Record<'static> {
    Record::Allocation(Allocation { address, size_bytes, allocator, native_frame: 0 })
}

/// `malloc` (6) of an address that is not in the cache.
fn malloc(delta: i64, size_bytes: u64) -> Vec<u8> {
    [vec![0b1_1111_110], signed(delta), varint(size_bytes)].concat()
}

#[test]
fn addresses_lose_three_bits_and_are_differences() {
    let capture = Spelled::version(13).capture(&[&malloc(0x1000, 300), &malloc(-0x10, 5), TRAILER]);
    let expected =
        [allocation(Allocator::Malloc, 0x8000, 300), allocation(Allocator::Malloc, 0x7f80, 5), Record::Trailer];
    assert_decodes(&capture, &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn the_pointer_cache_holds_fifteen_addresses_and_hits_do_not_reorder_it() {
    let mut records: Vec<u8> = (1..=16).flat_map(|size_bytes| malloc(1, size_bytes)).collect();
    // free (5) of cache places 0, 14 and, unmoved by these, 1.
    records.extend([0b1_0000_101, 0b1_1110_101, 0b1_0001_101]);
    records.extend(TRAILER);
    let mut expected: Vec<_> = (1..=16).map(|n| allocation(Allocator::Malloc, n << 3, n)).collect();
    for address in [16 << 3, 2 << 3, 15 << 3] {
        expected.push(allocation(Allocator::Free, address, 0));
    }
    expected.push(Record::Trailer);
    assert_decodes(&Spelled::version(12).capture(&[&records]), &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn an_untouched_place_of_the_pointer_cache_is_address_zero() {
    let capture = Spelled::version(13).capture(&[&[0b1_0111_101], TRAILER]);
    assert_decodes(&capture, &[allocation(Allocator::Free, 0, 0), Record::Trailer], Ok(StreamEnd::Trailer));
}

#[test]
fn rare_allocators_follow_the_address_and_munmap_has_a_size() {
    let mmap = [vec![0b1_1111_000], signed(2), vec![14], varint(4096)].concat();
    let munmap = [vec![0b1_0000_000, 15], varint(1024)].concat();
    let expected = [allocation(Allocator::Mmap, 16, 4096), allocation(Allocator::Munmap, 16, 1024), Record::Trailer];
    assert_decodes(&Spelled::version(13).capture(&[&mmap, &munmap, TRAILER]), &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn native_frames_of_allocations_munmaps_objects_and_parents_are_differences_from_each_other() {
    let records = [
        [vec![5], signed(0x5000), signed(3)].concat(), // native frame, parent 3
        [vec![0b1_1111_110], signed(1), signed(2), varint(8)].concat(), // malloc at native frame 5
        [vec![0b1_0000_000, 15], signed(-5), varint(8)].concat(), // munmap at 0
        [vec![0b1_0000_001]].concat(),                 // pymalloc_free has none
        [vec![0b001_1111_1], signed(1), signed(9)].concat(), // object created at 9
        vec![0b001_0000_0],                            // and destroyed
        [vec![5], signed(-0x1000), signed(-8)].concat(), // native frame, parent 1
        TRAILER.to_vec(),
    ];
    let expected = [
        Record::NativeFrame(NativeFrame { instruction_pointer: 0x5000, parent: 3 }),
        Record::Allocation(Allocation { address: 8, size_bytes: 8, allocator: Allocator::Malloc, native_frame: 5 }),
        Record::Allocation(Allocation { address: 8, size_bytes: 8, allocator: Allocator::Munmap, native_frame: 0 }),
        allocation(Allocator::PymallocFree, 8, 0),
        Record::Object(Object { address: 16, is_created: true, native_frame: 9 }),
        Record::Object(Object { address: 16, is_created: false, native_frame: 0 }),
        Record::NativeFrame(NativeFrame { instruction_pointer: 0x4000, parent: 1 }),
        Record::Trailer,
    ];
    let capture = Spelled::version(13).native().capture(&[&records.concat()]);
    assert_decodes(&capture, &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn frames_threads_snapshots_and_mappings() {
    let records = [
        [vec![12], 3_u64.to_le_bytes().to_vec()].concat(),
        b"\x0aworker\0".to_vec(),
        [vec![14], varint(1), b"f\0/app/f.py\0".to_vec(), signed(10), varint(3), vec![0, 1, 2]].concat(),
        [vec![14], varint(2), b"\0\0".to_vec(), signed(-4), varint(0)].concat(),
        [vec![0x41], varint(1), signed(-1)].concat(),
        [vec![0x40], varint(2), signed(300)].concat(),
        vec![0x11, 0x1f],
        [vec![2], varint(4096), varint(250)].concat(),
        vec![6],
        [b"\x07/lib/c.so\0".to_vec(), varint(1), 0x7000_u64.to_le_bytes().to_vec()].concat(),
        [vec![8], 0x10_u64.to_le_bytes().to_vec(), varint(999)].concat(),
        TRAILER.to_vec(),
    ];
    let expected = [
        Record::ContextSwitch(ThreadId(3)),
        Record::ThreadName(b"worker"),
        Record::CodeObject(CodeObject {
            id: 1,
            function: b"f",
            file: b"/app/f.py",
            first_line: 10,
            line_table: &[0, 1, 2],
        }),
        Record::CodeObject(CodeObject { id: 2, function: b"", file: b"", first_line: 6, line_table: &[] }),
        Record::FramePush(FrameKey { code: 1, instruction_offset: -1, is_entry: true }),
        Record::FramePush(FrameKey { code: 2, instruction_offset: 300, is_entry: false }),
        Record::FramePop { count: 2 },
        Record::FramePop { count: 16 },
        Record::Snapshot(Snapshot { time_ms: START_TIME_MS + 250, rss_bytes: 4096, heap_bytes: None }),
        Record::MappingsStart,
        Record::Library(Library { path: b"/lib/c.so", segment_count: 1, address: 0x7000 }),
        Record::Segment(Segment { virtual_address: 0x10, size_bytes: 999 }),
        Record::Trailer,
    ];
    assert_decodes(&Spelled::version(12).capture(&[&records.concat()]), &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn nothing_is_read_after_the_trailer() {
    let capture = Spelled::version(13).capture(&[TRAILER, &[0xff; 300]]);
    assert_decodes(&capture, &[Record::Trailer], Ok(StreamEnd::Trailer));
}

#[test]
fn zero_bytes_up_to_the_end_are_the_padding_of_a_killed_program() {
    let capture = Spelled::version(13).capture(&[&[0x10], &[0; 5000]]);
    let offset = capture.len() as u64 - 5000;
    assert_decodes(&capture, &[Record::FramePop { count: 1 }], Ok(StreamEnd::ZeroPadding { offset }));
}

#[test]
fn zero_bytes_before_more_records_are_damage() {
    let capture = Spelled::version(13).capture(&[&[0x10], &[0; 100], &[0x10]]);
    let offset = capture.len() as u64 - 101;
    let damage = DecodeError::Damaged { offset, reason: "zero bytes stand between records".into() };
    assert_decodes(&capture, &[Record::FramePop { count: 1 }], Err(damage));
}

#[test]
fn a_capture_may_end_between_or_within_records() {
    let whole = Spelled::version(13).capture(&[&[0x10]]);
    let offset = whole.len() as u64;
    assert_decodes(&whole, &[Record::FramePop { count: 1 }], Ok(StreamEnd::NoTrailer { offset }));
    let cut = [whole, b"\x0ahalf a na".to_vec()].concat();
    assert_decodes(&cut, &[Record::FramePop { count: 1 }], Ok(StreamEnd::Cut { offset }));
}

#[test]
fn damage_tells_its_place_and_reason() {
    let unknown_record: &[u8] = &[3];
    let unknown_allocator: &[u8] = &[0b1_0000_000, 16];
    let long_number: &[u8] = &[0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
    let long_line_table = [vec![14, 1], b"f\0f.py\0".to_vec(), signed(1), varint((64 << 20) + 1)].concat();
    for (record, reason) in [
        (unknown_record, "no record begins with this byte"),
        (unknown_allocator, "an allocation names no known allocator"),
        (long_number, "a number is longer than 64 bits"),
        (&long_line_table, "a line table is longer than 64 MiB"),
    ] {
        let capture = Spelled::version(13).capture(&[&[0x10], record]);
        let offset = (capture.len() - record.len()) as u64;
        let damage = DecodeError::Damaged { offset, reason: reason.into() };
        assert_decodes(&capture, &[Record::FramePop { count: 1 }], Err(damage.clone()));
        // Far from the capture's end records are read another way.
        let far_from_its_end = [capture, vec![0xaa; 200]].concat();
        assert_decodes(&far_from_its_end, &[Record::FramePop { count: 1 }], Err(damage));
    }
}

#[test]
fn numbers_wrap_at_64_bits() {
    let records = [malloc(i64::MIN, u64::MAX), malloc(i64::MIN, 0), malloc(-1, 1)].concat();
    let expected = [
        allocation(Allocator::Malloc, 0, u64::MAX),
        allocation(Allocator::Malloc, 0, 0),
        allocation(Allocator::Malloc, u64::MAX << 3, 1),
        Record::Trailer,
    ];
    assert_decodes(&Spelled::version(13).capture(&[&records, TRAILER]), &expected, Ok(StreamEnd::Trailer));
}

#[test]
fn an_error_is_repeated() {
    let mut decoder = memray_format::Decoder::new();
    let capture = Spelled::version(13).capture(&[&[3]]);
    let first = decoder.push(&capture, &mut |_| {});
    assert!(first.is_err());
    assert_eq!(decoder.push(TRAILER, &mut |_| panic!("a record after damage")), first);
    assert_eq!(decoder.finish(), StreamEnd::Cut { offset: capture.len() as u64 - 1 });
}

#[test]
fn a_name_that_is_too_long_is_damage_however_it_arrives() {
    let mut capture = Spelled::version(13).capture(&[&[10]]);
    let offset = capture.len() as u64 - 1;
    capture.resize(capture.len() + (64 << 20), b'x');
    for (name_bytes, is_damage) in [(64 << 20, false), ((64 << 20) + 1, true)] {
        capture.resize(offset as usize + 1 + name_bytes, b'x');
        for chunk_bytes in [capture.len(), (1 << 20) + 7] {
            let mut decoder = memray_format::Decoder::new();
            let mut result = Ok(());
            for chunk in capture.chunks(chunk_bytes) {
                result = result.and(decoder.push(chunk, &mut |_| panic!("a name without end")));
            }
            let damage = DecodeError::Damaged { offset, reason: "a name is longer than 64 MiB".into() };
            assert_eq!(result, if is_damage { Err(damage) } else { Ok(()) });
        }
    }
}
