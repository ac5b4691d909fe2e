// SPDX-License-Identifier: Apache-2.0
//! How much memory decoding takes: what a capture claims must not be allocated before it is there.

#![allow(clippy::unwrap_used)] // a test may fail so

mod counting;

use counting::{Random, peak_bytes};
use memray_format::container::Lz4Frame;
use memray_format::synth::Synthesis;
use memray_format::{Decoder, Encoder, Header, lz4_frame};
use std::io::Write;

fn header() -> Vec<u8> {
    let mut bytes = b"memray\0\x0d\0\0\0\xf0\0\x0d\x03\0\0".to_vec();
    bytes.extend([0; 32]);
    bytes.extend(b"app.py\0\0\0\0\0");
    bytes.extend([0; 16]);
    bytes.extend(b"\x01\0\0/lib\0\0\0");
    bytes
}

/// One test, so that no other runs beside it and is counted too.
#[test]
fn decoding_takes_no_more_memory_than_a_few_times_its_input() {
    what_claims_to_be_large_takes_no_more();
    arbitrary_bytes_take_no_more();
}

/// Some bytes of a capture are others, or all behind its header are.
fn arbitrary_bytes_take_no_more() {
    let synthesis = Synthesis::large(3, 3_000);
    let mut encoder = Encoder::new(Vec::new(), &synthesis.header()).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    let sound = encoder.finish().unwrap();
    let mut packed = lz4_frame(Vec::new());
    packed.write_all(&sound).unwrap();
    let packed = packed.finish().unwrap();
    let header_bytes = Header::decode(&sound).unwrap().1;
    let mut random = Random(20);
    for turn in 0..2_000 {
        let mut bytes = sound.clone();
        if turn % 2 == 0 {
            for _ in 0..=random.below(8) {
                let place = header_bytes + random.below(bytes.len() - header_bytes);
                bytes[place] = random.below(256) as u8;
            }
        } else {
            bytes[header_bytes..].fill_with(|| random.below(256) as u8);
        }
        let peak = peak_bytes(|| {
            let mut decoder = Decoder::new();
            let _ = decoder.push(&bytes, &mut |_| {});
            decoder.finish();
        });
        assert!(peak <= 40 * bytes.len() + 4096, "{turn}: {peak} bytes for {}", bytes.len());

        let mut bytes = packed.clone();
        for _ in 0..=random.below(8) {
            // Not the magic number.
            let place = 4 + random.below(bytes.len() - 4);
            bytes[place] = random.below(256) as u8;
        }
        let peak = peak_bytes(|| {
            let Ok(mut frame) = Lz4Frame::new(&bytes) else { return };
            let mut out = Vec::new();
            while frame.next_block(&mut out) == Ok(true) {
                out.clear();
            }
        });
        // A byte of a block is 255 at most; and no block is larger than 4 MiB.
        let most = (255 * bytes.len()).min(4 << 20);
        assert!(peak <= 3 * most + (1 << 20), "{turn}: {peak} bytes for {}", bytes.len());
    }
}

fn what_claims_to_be_large_takes_no_more() {
    let claims_a_line_table = [header(), b"\x0e\x01f\0f.py\0\x02\x80\x80\x80\x10some".to_vec()].concat();
    let claims_segments =
        [header(), b"\x07lib.so\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(), vec![0; 8]].concat();
    let name_without_end = [header(), vec![10], vec![b'x'; 300_000]].concat();
    let many_paths = [&header()[..header().len() - 2], b"/\0".repeat(150_000).as_slice()].concat();
    for capture in [&claims_a_line_table, &claims_segments, &name_without_end, &many_paths] {
        for chunk_bytes in [capture.len(), 4096] {
            let peak = peak_bytes(|| {
                let mut decoder = Decoder::new();
                for chunk in capture.chunks(chunk_bytes) {
                    decoder.push(chunk, &mut |_| {}).unwrap();
                }
                decoder.finish();
            });
            assert!(peak <= 40 * capture.len() + 4096, "{peak} bytes for {}", capture.len());
        }
    }
    // A block that claims to be large, and one whose matches repeat a byte without end.
    let mut block = vec![0x1f, b'x', 1, 0];
    block.extend([255; 5000]);
    for claimed in [65_536, block.len() as u32] {
        let frame = [&[0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0], claimed.to_le_bytes().as_slice(), &block].concat();
        let peak = peak_bytes(|| {
            let mut out = Vec::new();
            assert!(Lz4Frame::new(&frame).unwrap().next_block(&mut out).is_err());
        });
        assert!(peak <= 4 * 65_536, "{peak}");
    }
}
