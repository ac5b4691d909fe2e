// SPDX-License-Identifier: Apache-2.0
//! Bytes made up at random: nothing may panic, and how they arrive may make no difference.

use memray_format::container::{Lz4Frame, describe_non_capture, sniff};
use memray_format::{Decoder, Header, line_number};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::spelled::{Spelled, decode_in_chunks};

fn any_header() -> impl Strategy<Value = Vec<u8>> {
    (8..=13, any::<bool>(), any::<bool>()).prop_map(|(version, has_native_traces, is_aggregated)| {
        let spelled = Spelled::version(version);
        Spelled { has_native_traces, is_aggregated: is_aggregated && version >= 10, ..spelled }.header()
    })
}

/// Bytes that look like records more often than chance would have it: small numbers and bytes that begin records.
fn any_records() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => 0_u8..16, 2 => any::<u8>(), 1 => 0x80_u8..=0xff, 1 => Just(b'a'), 1 => Just(0)];
    vec(byte, 0..400)
}

proptest! {
    #[test]
    fn records_do_not_depend_on_how_they_are_cut(header in any_header(), records in any_records(), chunk in 1..150_usize) {
        let capture = [header, records].concat();
        let whole = decode_in_chunks(&capture, capture.len());
        prop_assert_eq!(decode_in_chunks(&capture, chunk), whole);
    }

    #[test]
    fn headers_may_be_anything(version in 8..=13_i32, mut bytes in vec(any::<u8>(), 0..200), text in any::<bool>()) {
        if text {
            bytes.iter_mut().for_each(|byte| *byte = byte.saturating_sub(200));
        }
        let capture = [b"memray\0".to_vec(), version.to_le_bytes().to_vec(), bytes].concat();
        if let Ok((_, length)) = Header::decode(&capture) {
            prop_assert!(length <= capture.len());
        }
        let _ = Decoder::new().push(&capture, &mut |_| {});
    }

    #[test]
    fn files_may_be_anything(bytes in vec(any::<u8>(), 0..600)) {
        let clause = describe_non_capture(&bytes);
        prop_assert!(clause.starts_with("th") && !clause.ends_with('.'));
        let _ = sniff(&bytes);
        let frame = [&[0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0], bytes.as_slice()].concat();
        let mut out = Vec::new();
        let mut frame = Lz4Frame::new(&frame).unwrap();
        while frame.next_block(&mut out) == Ok(true) {}
    }

    #[test]
    fn damaged_lz4_blocks_give_no_more_than_they_may(bytes in vec(any::<u8>(), 1..600), cut in any::<bool>()) {
        let length = (bytes.len() + usize::from(cut)) as u32;
        let frame = [&[0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0], length.to_le_bytes().as_slice(), &bytes].concat();
        let mut out = Vec::new();
        let result = Lz4Frame::new(&frame).unwrap().next_block(&mut out);
        prop_assert!(out.len() <= 64 << 10);
        prop_assert!(!cut || result.is_err());
    }

    #[test]
    fn line_tables_may_be_anything(version in any::<u32>(), first in any::<i64>(), table in vec(any::<u8>(), 0..100), offset in any::<i64>()) {
        for version in [version, 0x0309_0000, 0x030a_0000, 0x030b_0000] {
            let _ = line_number(version, first, &table, offset);
            let _ = line_number(version, first, &table, offset & 0xff);
        }
    }
}
