// SPDX-License-Identifier: Apache-2.0
//! Headers of all versions, and of those that are refused.

use crate::spelled::{START_TIME_MS, Spelled};
use memray_format::{
    DecodeError, Decoder, FileFormat, Header, HeaderError, ModulePaths, PythonAllocator, StreamEnd, ThreadId,
};

#[test]
fn every_version_gives_the_fields_that_it_has() {
    for version in 8..=13 {
        let bytes = Spelled::version(version).native().header();
        let expected = Header {
            version,
            python_version: (version >= 12).then_some(0x030d_00f0),
            has_native_traces: true,
            file_format: FileFormat::AllAllocations,
            allocation_count: 55,
            frame_count: 66,
            start_time_ms: START_TIME_MS,
            end_time_ms: START_TIME_MS + 1000,
            command_line: b"app.py --fast".to_vec(),
            pid: 4242,
            main_thread: ThreadId(if version >= 9 { 1 } else { 0 }),
            skipped_frames_on_main_thread: if version >= 9 { 7 } else { 0 },
            python_allocator: PythonAllocator::Mimalloc,
            traces_python_allocators: version >= 11,
            tracks_object_lifetimes: version >= 12,
            module_paths: (version >= 13).then(|| ModulePaths {
                standard_library: b"/lib".to_vec(),
                site_packages: vec![b"/site".to_vec(), b"/more".to_vec()],
                sys_path: vec![b"/app".to_vec()],
            }),
        };
        assert_eq!(Header::decode(&bytes), Ok((expected.clone(), bytes.len())));
        // The decoder waits for it, byte by byte.
        let mut decoder = Decoder::new();
        for byte in &bytes {
            assert_eq!(decoder.header(), None);
            assert_eq!(decoder.push(&[*byte], &mut |_| {}), Ok(()));
        }
        assert_eq!(decoder.header(), Some(&expected));
        assert_eq!(decoder.offset(), bytes.len() as u64);
    }
}

#[test]
fn a_header_that_is_cut_anywhere_is_too_short() {
    for version in 8..=13 {
        let bytes = Spelled::version(version).header();
        for length in 0..bytes.len() {
            assert_eq!(
                Header::decode(&bytes[..length]),
                Err(HeaderError::TooShort),
                "version {version}, {length} bytes"
            );
            let mut decoder = Decoder::new();
            assert_eq!(decoder.push(&bytes[..length], &mut |_| {}), Ok(()));
            assert_eq!(decoder.finish(), StreamEnd::Cut { offset: 0 });
        }
    }
}

#[test]
fn captures_of_32_bit_pythons_are_told_by_their_times() {
    for version in 8..=13 {
        for spelled in [Spelled::version(version), Spelled::version(version).native()] {
            let bytes = spelled.with_words_of(4).header();
            assert_eq!(Header::decode(&bytes), Err(HeaderError::ThirtyTwoBit), "version {version}");
        }
    }
}

#[test]
fn captures_of_32_bit_pythons_are_told_even_if_their_clock_was_wrong() {
    for version in 9..=13 {
        let mut bytes = Spelled::version(version).with_words_of(4).header();
        let start = bytes.windows(8).position(|window| window == START_TIME_MS.to_le_bytes()).unwrap();
        bytes[start..start + 8].copy_from_slice(&5000_i64.to_le_bytes());
        bytes[start + 8..start + 16].copy_from_slice(&9000_i64.to_le_bytes());
        // Records follow the header.
        bytes.extend(b"\x0c\x01\0\0\0\x0athread\0\x41\x01\x02\x41\x02\x04\xfe\x90\x20\x40\x81");
        bytes.extend([0xfe; 100]);
        assert_eq!(Header::decode(&bytes), Err(HeaderError::ThirtyTwoBit), "version {version}");
    }
}

#[test]
fn other_versions_are_named_with_what_wrote_them() {
    let sentence = |version| Header::decode(&Spelled::version(version).header()).unwrap_err().to_string();
    assert_eq!(
        sentence(6),
        "the capture has format version 6, written by memray 1.0, older than 1.2; record it again with a newer memray"
    );
    assert_eq!(
        sentence(7),
        "the capture has format version 7, written by memray 1.1, older than 1.2; record it again with a newer memray"
    );
    assert_eq!(
        sentence(14),
        "the capture has format version 14, newer than this program knows (13); update memray-view"
    );
    assert!(sentence(13_i32.swap_bytes()).contains("big-endian"));
}

#[test]
fn damaged_headers_are_refused() {
    let whole = Spelled::version(13).header();
    let mut has_no_magic = whole.clone();
    has_no_magic[3] = b'R';
    assert_eq!(Header::decode(&has_no_magic), Err(HeaderError::NotACapture));
    let mut is_of_no_kind = whole.clone();
    is_of_no_kind[16] = 2;
    assert_eq!(Header::decode(&is_of_no_kind), Err(HeaderError::Damaged("it names no known kind of capture")));
    let mut has_no_end = whole[..49].to_vec();
    has_no_end.resize(9 << 20, b'x');
    assert_eq!(Header::decode(&has_no_end), Err(HeaderError::TooLong));
    let mut decoder = Decoder::new();
    let mut refused_at = None;
    for (number, chunk) in has_no_end.chunks(1 << 20).enumerate() {
        if decoder.push(chunk, &mut |_| {}) == Err(DecodeError::Header(HeaderError::TooLong)) {
            refused_at = Some(number);
            break;
        }
    }
    assert_eq!(refused_at, Some(7));
}
