// SPDX-License-Identifier: Apache-2.0
//! Captures spelled by hand, byte by byte, and what they decode to.

use memray_format::{DecodeError, Decoder, Record, StreamEnd};

/// The fields of a header that matter to how what follows is read.
#[derive(Clone, Copy)]
pub(crate) struct Spelled {
    pub(crate) version: i32,
    pub(crate) has_native_traces: bool,
    pub(crate) is_aggregated: bool,
    /// Of the writer's `size_t`: 8, or 4.
    pub(crate) word_bytes: usize,
}

pub(crate) const START_TIME_MS: i64 = 1_700_000_000_000;

impl Spelled {
    pub(crate) fn version(version: i32) -> Self {
        Self { version, has_native_traces: false, is_aggregated: false, word_bytes: 8 }
    }

    pub(crate) fn native(self) -> Self {
        Self { has_native_traces: true, ..self }
    }

    pub(crate) fn aggregated(self) -> Self {
        Self { is_aggregated: true, ..self }
    }

    pub(crate) fn with_words_of(self, word_bytes: usize) -> Self {
        Self { word_bytes, ..self }
    }

    /// Main thread 1, 7 frames skipped, process 4242, `app.py --fast`.
    pub(crate) fn header(self) -> Vec<u8> {
        let word = |number: u64| number.to_le_bytes()[..self.word_bytes].to_vec();
        let mut bytes = b"memray\0".to_vec();
        bytes.extend(self.version.to_le_bytes());
        if self.version >= 12 {
            bytes.extend(0x030d_00f0_u32.to_le_bytes());
        }
        bytes.push(u8::from(self.has_native_traces));
        if self.version >= 10 {
            bytes.push(u8::from(self.is_aggregated));
        }
        bytes.extend(word(55));
        bytes.extend(word(66));
        bytes.extend(START_TIME_MS.to_le_bytes());
        bytes.extend((START_TIME_MS + 1000).to_le_bytes());
        bytes.extend(b"app.py --fast\0");
        bytes.extend(4242_i32.to_le_bytes());
        if self.version >= 9 {
            bytes.extend(word(1));
            bytes.extend(word(7));
        }
        bytes.push(5);
        if self.version >= 11 {
            bytes.push(1);
        }
        if self.version >= 12 {
            bytes.push(1);
        }
        if self.version >= 13 {
            bytes.extend(b"/lib\0/site\0/more\0\0/app\0\0");
        }
        bytes
    }

    /// Header and records.
    pub(crate) fn capture(self, records: &[&[u8]]) -> Vec<u8> {
        [self.header(), records.concat()].concat()
    }
}

/// An unsigned number as the format writes it.
pub(crate) fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A signed number, or a difference, as the format writes it.
pub(crate) fn signed(number: i64) -> Vec<u8> {
    varint(((number << 1) ^ (number >> 63)) as u64)
}

/// Decodes a capture in chunks of that size; gives its records as text.
pub(crate) fn decode_in_chunks(capture: &[u8], chunk_bytes: usize) -> (Vec<String>, Result<StreamEnd, DecodeError>) {
    let mut decoder = Decoder::new();
    let mut records = Vec::new();
    let mut result = Ok(());
    for chunk in capture.chunks(chunk_bytes.max(1)) {
        result = decoder.push(chunk, &mut |record: Record<'_>| records.push(format!("{record:?}")));
        if result.is_err() {
            break;
        }
    }
    assert_eq!(decoder.record_count(), records.len() as u64);
    (records, result.map(|()| decoder.finish()))
}

/// Holds that a capture decodes to these records and ends so, in one piece, byte by byte, and far from its end (where
/// records are read another way).
#[track_caller]
pub(crate) fn assert_decodes(capture: &[u8], expected: &[Record<'_>], end: Result<StreamEnd, DecodeError>) {
    let expected: Vec<String> = expected.iter().map(|record| format!("{record:?}")).collect();
    assert_eq!(decode_in_chunks(capture, capture.len()), (expected.clone(), end.clone()));
    assert_eq!(decode_in_chunks(capture, 1), (expected.clone(), end.clone()));
    if end == Ok(StreamEnd::Trailer) {
        let far_from_its_end = [capture, &[0xaa; 200]].concat();
        assert_eq!(decode_in_chunks(&far_from_its_end, usize::MAX), (expected, end));
    }
}
