// SPDX-License-Identifier: Apache-2.0
//! What is encoded decodes to itself: any records, of every version and kind of capture, in chunks of any size.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write as _;

use memray_format::{
    AggregatedAllocation, Allocation, Allocator, AllocatorKind, CodeObject, Decoder, EncodeError, Encoder, FileFormat,
    FrameDefinition, FrameKey, Header, Library, ModulePaths, NativeFrame, Object, PythonAllocator, Record,
    RecordEncoder, Segment, Snapshot, StreamEnd, ThreadId, encode_header, lz4_frame, rewrite_header,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

type Records = BoxedStrategy<Record<'static>>;

/// Bytes without NUL, borrowed for as long as the tests run.
fn text() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![
        8 => vec(1u8.., 0..20),
        1 => (1u8.., 60_000usize..70_000).prop_map(|(byte, length)| vec![byte; length]),
    ]
    .prop_map(|bytes| &*bytes.leak())
}

/// Small numbers, which encodings favour, and all others.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..300, any::<u64>(), Just(u64::MAX), Just(1 << 63)]
}

fn signed() -> impl Strategy<Value = i64> {
    number().prop_map(|number| number as i64)
}

/// Few addresses, so that they meet again in the pointer cache.
fn address(alignment: u64) -> impl Strategy<Value = u64> {
    prop_oneof![4 => (0u64..24).prop_map(|n| n * 16), 1 => any::<u64>()].prop_map(move |n| n & !(alignment - 1))
}

fn shared() -> Records {
    prop_oneof![
        any::<u64>().prop_map(|id| Record::ContextSwitch(ThreadId(id))),
        text().prop_map(Record::ThreadName),
        (number(), number())
            .prop_map(|(instruction_pointer, parent)| Record::NativeFrame(NativeFrame { instruction_pointer, parent })),
        Just(Record::MappingsStart),
        (text(), number(), number()).prop_map(|(path, segment_count, address)| Record::Library(Library {
            path,
            segment_count,
            address
        })),
        (number(), number())
            .prop_map(|(virtual_address, size_bytes)| Record::Segment(Segment { virtual_address, size_bytes })),
    ]
    .boxed()
}

fn allocation(version: i32, has_native_traces: bool) -> Records {
    let alignment = if version >= 12 { 8 } else { 1 };
    (address(alignment), number(), select(&Allocator::ALL), number())
        .prop_map(move |(address, size_bytes, allocator, native_frame)| {
            let kind = allocator.kind();
            let has_native_frame = match kind {
                AllocatorKind::SimpleFree => false,
                AllocatorKind::RangedFree => version >= 12,
                _ => true,
            };
            Record::Allocation(Allocation {
                address,
                size_bytes: if kind == AllocatorKind::SimpleFree { 0 } else { size_bytes },
                allocator,
                native_frame: if has_native_traces && has_native_frame { native_frame } else { 0 },
            })
        })
        .boxed()
}

fn code_object() -> Records {
    (number(), text(), text(), signed(), vec(any::<u8>(), 0..50))
        .prop_map(|(id, function, file, first_line, line_table)| {
            Record::CodeObject(CodeObject { id, function, file, first_line, line_table: line_table.leak() })
        })
        .boxed()
}

fn frame_definition(line: impl Strategy<Value = i64> + 'static) -> Records {
    (number(), text(), text(), line, any::<bool>())
        .prop_map(|(id, function, file, line, is_entry)| {
            Record::FrameDefinition(FrameDefinition { id, function, file, line, is_entry })
        })
        .boxed()
}

fn frame_key() -> impl Strategy<Value = FrameKey> {
    (number(), signed(), any::<bool>()).prop_map(|(code, instruction_offset, is_entry)| FrameKey {
        code,
        instruction_offset,
        is_entry,
    })
}

fn snapshot(heap_bytes: bool) -> Records {
    (signed(), number(), number())
        .prop_map(move |(time_ms, rss_bytes, heap)| {
            Record::Snapshot(Snapshot { time_ms, rss_bytes, heap_bytes: heap_bytes.then_some(heap) })
        })
        .boxed()
}

fn streaming(version: i32, has_native_traces: bool) -> Records {
    let pop = (1u32..=16).prop_map(|count| Record::FramePop { count });
    let usual = prop_oneof![4 => allocation(version, has_native_traces), 1 => pop, 1 => snapshot(false), 2 => shared()];
    if version < 12 {
        let push =
            number().prop_map(|code| Record::FramePush(FrameKey { code, instruction_offset: 0, is_entry: true }));
        return prop_oneof![3 => usual, 1 => push, 1 => frame_definition(signed())].boxed();
    }
    let object = (address(8), any::<bool>(), number()).prop_map(move |(address, is_created, native_frame)| {
        let native_frame = if has_native_traces && is_created { native_frame } else { 0 };
        Record::Object(Object { address, is_created, native_frame })
    });
    prop_oneof![4 => usual, 1 => frame_key().prop_map(Record::FramePush), 1 => object, 1 => code_object()].boxed()
}

fn aggregated(version: i32, has_native_traces: bool) -> Records {
    let allocation = (select(&Allocator::ALL), vec(any::<u64>(), 8)).prop_map(|(allocator, numbers)| {
        Record::AggregatedAllocation(AggregatedAllocation {
            thread: ThreadId(numbers[0]),
            allocator,
            native_frame: numbers[1],
            stack: numbers[2],
            segment_generation: numbers[3],
            peak_allocations: numbers[4],
            leaked_allocations: numbers[5],
            peak_bytes: numbers[6],
            leaked_bytes: numbers[7],
        })
    });
    let stack = (number(), any::<u32>()).prop_map(|(frame_id, parent)| Record::StackEntry { frame_id, parent });
    let usual = prop_oneof![allocation, stack, snapshot(true), shared()];
    if version < 12 {
        return prop_oneof![3 => usual, 1 => frame_definition(any::<i32>().prop_map(i64::from))].boxed();
    }
    let frame = (number(), frame_key()).prop_map(|(frame_id, frame)| Record::AggregatedFrame { frame_id, frame });
    let object = (address(8), number()).prop_map(move |(address, native_frame)| Record::SurvivingObject {
        address,
        native_frame: if has_native_traces { native_frame } else { 0 },
    });
    prop_oneof![3 => usual, 1 => frame, 1 => object, 1 => code_object()].boxed()
}

fn header() -> impl Strategy<Value = Header> {
    let names = || vec(text().prop_filter("ends the list", |name| !name.is_empty()).prop_map(<[u8]>::to_vec), 0..3);
    let paths = (text(), names(), names()).prop_map(|(standard_library, site_packages, sys_path)| ModulePaths {
        standard_library: standard_library.to_vec(),
        site_packages,
        sys_path,
    });
    let allocators = [
        PythonAllocator::Pymalloc,
        PythonAllocator::PymallocDebug,
        PythonAllocator::Malloc,
        PythonAllocator::Other,
        PythonAllocator::Mimalloc,
        PythonAllocator::MimallocDebug,
    ];
    let numbers = (any::<u32>(), any::<u64>(), any::<u64>(), any::<i64>(), any::<i64>(), any::<i32>(), any::<u64>());
    (8..=13i32, any::<[bool; 4]>(), numbers, text(), select(allocators.to_vec()), paths, option::of(0..5u64)).prop_map(
        |(version, flags, numbers, command_line, python_allocator, paths, skipped)| Header {
            version,
            python_version: (version >= 12).then_some(numbers.0),
            has_native_traces: flags[0],
            file_format: if flags[1] && version >= 10 { FileFormat::Aggregated } else { FileFormat::AllAllocations },
            allocation_count: numbers.1,
            frame_count: numbers.2,
            start_time_ms: numbers.3,
            end_time_ms: numbers.4,
            command_line: command_line.to_vec(),
            pid: numbers.5,
            main_thread: ThreadId(if version >= 9 { numbers.6 } else { 0 }),
            skipped_frames_on_main_thread: if version >= 9 { skipped.unwrap_or(u64::MAX) } else { 0 },
            python_allocator,
            traces_python_allocators: version >= 11 && flags[2],
            tracks_object_lifetimes: version >= 12 && flags[3],
            module_paths: (version >= 13).then_some(paths),
        },
    )
}

fn capture() -> impl Strategy<Value = (Header, Vec<Record<'static>>)> {
    header().prop_flat_map(|header| {
        let record = match header.file_format {
            FileFormat::Aggregated => aggregated(header.version, header.has_native_traces),
            FileFormat::AllAllocations => streaming(header.version, header.has_native_traces),
        };
        (Just(header), vec(record, 0..200))
    })
}

fn encode(header: &Header, records: &[Record<'_>]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), header).unwrap();
    for record in records {
        encoder.record(record).unwrap();
    }
    encoder.finish().unwrap()
}

/// Any header of version 13 will do where records matter.
fn plain_header() -> Header {
    memray_format::synth::Synthesis::small(1).header()
}

proptest! {
    #[test]
    fn records_decode_to_what_was_encoded((header, records) in capture(), chunk_bytes in 1usize..5000) {
        let bytes = encode(&header, &records);
        let mut decoder = Decoder::new();
        let mut expected = records.iter().copied().chain([Record::Trailer]);
        for chunk in bytes.chunks(chunk_bytes) {
            decoder.push(chunk, &mut |record| assert_eq!(Some(record), expected.next())).unwrap();
        }
        prop_assert_eq!(expected.next(), None);
        prop_assert_eq!(decoder.header(), Some(&header));
        prop_assert_eq!(decoder.finish(), StreamEnd::Trailer);
    }

    #[test]
    fn no_record_is_longer_than_its_bound((header, records) in capture()) {
        let mut encoder = RecordEncoder::new(&header).unwrap();
        for record in &records {
            let mut exact = vec![0; RecordEncoder::bound(record)];
            prop_assert!(encoder.encode(record, &mut exact).unwrap() <= exact.len());
        }
    }
}

#[test]
fn a_buffer_too_small_changes_nothing() {
    let record = Record::Allocation(Allocation {
        address: 0x1000,
        size_bytes: 10,
        allocator: Allocator::Malloc,
        native_frame: 0,
    });
    let mut encoder = RecordEncoder::new(&plain_header()).unwrap();
    let needed_bytes = RecordEncoder::bound(&record);
    let mut buffer = vec![0; needed_bytes];
    let refused = encoder.encode(&record, &mut buffer[..needed_bytes - 1]);
    assert_eq!(refused, Err(EncodeError::BufferTooSmall { needed_bytes }));
    // Not in the pointer cache: 0x80 | 15 << 3 | malloc, then 0x1000 >> 3 zig-zagged, then the size.
    assert_eq!(encoder.encode(&record, &mut buffer), Ok(4));
    assert_eq!(buffer[..4], [0xfe, 0x80, 0x08, 10]);
    // Now it is, at index 0.
    assert_eq!(encoder.encode(&record, &mut buffer), Ok(2));
    assert_eq!(buffer[..2], [0x86, 10]);
}

#[test]
fn more_frames_than_a_record_can_pop_become_several_records() {
    let bytes = encode(&plain_header(), &[Record::FramePop { count: 35 }]);
    let mut counts = Vec::new();
    let mut decoder = Decoder::new();
    decoder
        .push(&bytes, &mut |record| {
            if let Record::FramePop { count } = record {
                counts.push(count);
            }
        })
        .unwrap();
    assert_eq!(counts, [16, 16, 3]);
}

#[test]
fn strings_with_nul_and_records_of_other_versions_are_refused() {
    let mut encoder = RecordEncoder::new(&plain_header()).unwrap();
    let mut buffer = [0; 200];
    assert_eq!(encoder.encode(&Record::ThreadName(b"a\0b"), &mut buffer), Err(EncodeError::BadString));
    let definition =
        Record::FrameDefinition(FrameDefinition { id: 0, function: b"f", file: b"f", line: 1, is_entry: true });
    assert_eq!(encoder.encode(&definition, &mut buffer), Err(EncodeError::NoSuchRecord { version: 13 }));
    let aggregated = Header { file_format: FileFormat::Aggregated, version: 9, ..plain_header() };
    assert_eq!(encode_header(&aggregated), Err(EncodeError::NoSuchVersion { version: 9 }));
}

#[test]
fn counts_are_written_over_a_header() {
    let header = plain_header();
    let mut capture = std::io::Cursor::new(encode(&header, &[Record::MappingsStart]));
    let counted = Header { allocation_count: 1234, end_time_ms: header.end_time_ms + 7, ..header };
    rewrite_header(&mut capture, &counted).unwrap();
    let mut decoder = Decoder::new();
    decoder.push(&capture.into_inner(), &mut |_record| {}).unwrap();
    assert_eq!(decoder.header(), Some(&counted));
    assert_eq!((decoder.record_count(), decoder.finish()), (2, StreamEnd::Trailer));
}

#[test]
fn lz4_frames_look_like_memrays() {
    let mut writer = lz4_frame(Vec::new());
    writer.write_all(&[7; 200_000]).unwrap();
    let bytes = writer.finish().unwrap();
    assert_eq!(bytes[..7], [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0]);
    assert_eq!(bytes[bytes.len() - 4..], [0; 4]); // the end mark, and no checksum
    let mut frame = memray_format::container::Lz4Frame::new(&bytes).unwrap();
    let mut content = Vec::new();
    while frame.next_block(&mut content).unwrap() {}
    assert_eq!(content, [7; 200_000]);
}
