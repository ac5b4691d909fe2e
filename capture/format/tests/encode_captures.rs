// SPDX-License-Identifier: Apache-2.0
//! memray's own captures, decoded and encoded again, are the same bytes: every version, streaming and aggregated.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use memray_format::container::{Container, Lz4Frame, sniff};
use memray_format::{Decoder, Record, RecordEncoder, encode_header};

fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures");
    let folders = root.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| folder.read_dir().unwrap()).map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> = files
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.contains(".bin") && !name.ends_with(".gz")
        })
        .collect();
    captures.sort();
    captures
}

fn content(capture: &Path) -> Vec<u8> {
    let bytes = std::fs::read(capture).unwrap();
    if sniff(&bytes) != Some(Container::Lz4) {
        return bytes;
    }
    let mut content = Vec::new();
    let mut frame = Lz4Frame::new(&bytes).unwrap();
    while frame.next_block(&mut content).unwrap() {}
    content
}

#[test]
fn captures_of_memray_encode_to_their_own_bytes() {
    let captures = captures();
    let mut compared = 0;
    for capture in &captures {
        let mut content = content(capture);
        let mut decoder = Decoder::new();
        let mut header_bytes = 0;
        // The header alone first: the encoder needs it before the first record.
        while decoder.header().is_none() && header_bytes < content.len() {
            decoder.push(&content[header_bytes..=header_bytes], &mut |_record| {}).unwrap();
            header_bytes += 1;
        }
        let header = decoder.header().unwrap().clone();
        assert!(encode_header(&header).unwrap() == content[..header_bytes], "{}: header", capture.display());

        let mut encoder = RecordEncoder::new(&header).unwrap();
        let mut encoded = Vec::new();
        let mut place = vec![0; 1 << 20];
        let mut aggregated = Vec::new();
        decoder
            .push(&content[header_bytes..], &mut |record| {
                if matches!(record, Record::AggregatedAllocation(_)) {
                    aggregated.push(header_bytes + encoded.len());
                }
                let length = encoder.encode(&record, &mut place).unwrap();
                encoded.extend_from_slice(&place[..length]);
            })
            .unwrap();
        // After token, thread and allocator memray writes seven bytes of padding, whatever its memory held.
        for start in aggregated {
            content[start + 10..start + 17].fill(0);
        }
        let end = decoder.offset() as usize;
        assert!(encoded == content[header_bytes..end], "{}: records", capture.display());
        compared += encoded.len();
    }
    assert!(captures.len() > 100 && compared > 8_000_000, "{} captures, {compared} bytes", captures.len());
}
