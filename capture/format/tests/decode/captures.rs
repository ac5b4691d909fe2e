// SPDX-License-Identifier: Apache-2.0
//! Captures that memray wrote, of every version. What they hold they say themselves: the writer counted.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use memray_format::container::{Container, Lz4Frame, sniff};
use memray_format::{Decoder, FileFormat, Header, Record, StreamEnd};

use crate::spelled::decode_in_chunks;

/// Of all captures, by path.
fn paths() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures");
    let mut paths = Vec::new();
    for directory in fs::read_dir(root).unwrap() {
        let directory = directory.unwrap().path();
        if !directory.file_name().unwrap().to_str().unwrap().starts_with('v') {
            continue;
        }
        for file in fs::read_dir(directory).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.contains(".bin") && !name.ends_with(".gz") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    assert!(paths.len() >= 100, "captures are missing: {}", paths.len());
    paths
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(name)
}

/// A capture's bytes without their container.
fn unpack(path: &Path) -> Vec<u8> {
    let file = fs::read(path).unwrap();
    match sniff(&file) {
        Some(Container::Raw) => file,
        Some(Container::Lz4) => {
            let mut bytes = Vec::new();
            let mut frame = Lz4Frame::new(&file).unwrap();
            while frame.next_block(&mut bytes).unwrap() {}
            bytes
        }
        None => panic!("{} is no capture", path.display()),
    }
}

#[test]
fn captures_hold_as_many_allocations_as_their_writers_counted() {
    for path in paths() {
        let bytes = unpack(&path);
        let (mut allocations, mut definitions, mut aggregated) = (0, 0, 0);
        let mut decoder = Decoder::new();
        let mut count = |record: Record<'_>| match record {
            Record::Allocation(_) => allocations += 1,
            Record::FrameDefinition(_) => definitions += 1,
            Record::AggregatedAllocation(_) => aggregated += 1,
            _ => {}
        };
        decoder.push(&bytes, &mut count).unwrap();
        let header = decoder.header().unwrap().clone();
        let end = decoder.finish();
        let path = path.display();
        if path.to_string().ends_with("crash.bin") {
            assert!(matches!(end, StreamEnd::ZeroPadding { .. }), "{path}: {end:?}");
            assert_eq!(header.allocation_count, 0, "{path}");
            assert!(allocations > 800, "{path}: {allocations}");
            continue;
        }
        assert_eq!(end, StreamEnd::Trailer, "{path}");
        if header.file_format == FileFormat::Aggregated {
            assert!(allocations == 0 && aggregated >= 5, "{path}: {allocations}, {aggregated}");
        } else {
            assert_eq!(allocations, header.allocation_count, "{path}");
            if header.version <= 11 {
                assert_eq!(definitions, header.frame_count, "{path}");
            }
        }
    }
}

#[test]
fn records_name_only_what_was_defined_before_them() {
    for path in paths() {
        let bytes = unpack(&path);
        let (header, _) = Header::decode(&bytes).unwrap();
        let mut codes = HashSet::new();
        let (mut native_frames, mut stacks, mut depth) = (0, 0, 0_i64);
        let mut check = |record: Record<'_>| match record {
            Record::CodeObject(code) => assert!(codes.insert(code.id)),
            Record::FrameDefinition(frame) => assert!(codes.insert(frame.id)),
            Record::AggregatedFrame { frame, .. } => assert!(codes.contains(&frame.code)),
            Record::FramePush(frame) => {
                assert!(codes.contains(&frame.code), "{}: {frame:?}", path.display());
                depth += 1;
            }
            Record::FramePop { count } => {
                depth -= i64::from(count);
                assert!(depth >= 0);
            }
            Record::NativeFrame(frame) => {
                assert!(frame.parent <= native_frames);
                native_frames += 1;
            }
            Record::StackEntry { parent, .. } => {
                assert!(parent <= stacks);
                stacks += 1;
            }
            Record::Allocation(allocation) => assert!(allocation.native_frame <= native_frames),
            Record::AggregatedAllocation(allocation) => assert!(allocation.stack <= u64::from(stacks)),
            Record::Snapshot(snapshot) => {
                assert!((header.start_time_ms..header.start_time_ms + 60_000).contains(&snapshot.time_ms));
            }
            _ => {}
        };
        Decoder::new().push(&bytes, &mut check).unwrap();
    }
}

#[test]
fn chunks_of_any_size_give_the_same_records() {
    for version in ["v8-py3.8", "v9-py3.9", "v10-py3.10", "v11-py3.12", "v12-py3.13", "v13-py3.13"] {
        for name in ["threads.bin", "threads_aggregated.bin", "crash.bin", "weird.bin"] {
            let path = path(version).join(name);
            if !path.exists() {
                continue; // Aggregated captures began with version 10.
            }
            let bytes = unpack(&path);
            let whole = decode_in_chunks(&bytes, bytes.len());
            for chunk_bytes in [1, 63, 64, 65, 1000] {
                assert!(decode_in_chunks(&bytes, chunk_bytes) == whole, "{}: {chunk_bytes}", path.display());
            }
        }
    }
}

#[test]
fn a_capture_that_is_cut_anywhere_gives_the_records_before() {
    for name in ["v8-py3.8/nothing.bin", "v11-py3.12/threads_aggregated.bin", "v13-py3.13/nothing.bin"] {
        let mut bytes = unpack(&path(name));
        let (records, _) = decode_in_chunks(&bytes, bytes.len());
        let mut decoder = Decoder::new();
        decoder.push(&bytes, &mut |_| {}).unwrap();
        bytes.truncate(decoder.offset() as usize); // Padding may follow the trailer.
        let header_bytes = Header::decode(&bytes).unwrap().1;
        let mut given = 0;
        for length in 0..bytes.len() {
            let mut decoder = Decoder::new();
            let mut count = 0;
            decoder
                .push(&bytes[..length], &mut |record| {
                    // Those before were held against the records at shorter lengths.
                    if count + 1 >= given {
                        assert_eq!(format!("{record:?}"), records[count]);
                    }
                    count += 1;
                })
                .unwrap();
            assert!(count >= given);
            given = count;
            let offset = decoder.offset();
            match decoder.finish() {
                StreamEnd::Cut { offset: 0 } => assert!(length < header_bytes),
                StreamEnd::Cut { offset: start } => assert!(start == offset && start < length as u64),
                StreamEnd::NoTrailer { offset } => assert_eq!(offset, length as u64),
                end => panic!("{name}: {end:?} of {length} bytes"),
            }
        }
        assert_eq!(given, records.len() - 1);
    }
}

#[test]
fn a_compressed_capture_that_is_cut_anywhere_gives_all_bytes_that_are_known() {
    for name in ["v8-py3.8/nothing.bin", "v13-py3.11/nothing.bin"] {
        let whole = unpack(&path(name));
        let file = fs::read(path(name)).unwrap();
        let mut given = 0;
        for length in 0..file.len() {
            let mut bytes = Vec::new();
            if let Ok(mut frame) = Lz4Frame::new(&file[..length]) {
                let damage = loop {
                    match frame.next_block(&mut bytes) {
                        Ok(true) => {}
                        Ok(false) => panic!("an end at {length} of {} bytes", file.len()),
                        Err(damage) => break damage,
                    }
                };
                assert!(damage.is_cut && damage.offset == length as u64);
            }
            assert!(whole.starts_with(&bytes));
            // A literal, or the least that a match can be, for each further byte.
            assert!(bytes.len() >= given, "{length}: {} after {given}", bytes.len());
            given = bytes.len();
        }
        assert_eq!(given, whole.len());
    }
}
