// SPDX-License-Identifier: Apache-2.0
//! How much memory an index takes to build: no more than a few times the capture, whatever that says, and what the stages
//! always take.

#![allow(clippy::unwrap_used)]

#[path = "../../../capture/format/tests/counting/mod.rs"]
mod counting;

use counting::{Random, peak_bytes};
use memray_format::synth::Synthesis;
use memray_format::{Encoder, Header};
use memray_index::{Index, OpenOptions, Progress};

/// What the stages take of a capture with nothing in it, with room for a machine's differences.
const ALWAYS_BYTES: usize = 16 << 20;

/// One test, so that no other runs beside it and is counted too.
#[test]
fn building_an_index_takes_no_more_memory_than_a_few_times_the_capture() {
    let synthesis = Synthesis::large(3, 300_000);
    let mut encoder = Encoder::new(Vec::new(), &synthesis.header()).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    let sound = encoder.finish().unwrap();
    let header_bytes = Header::decode(&sound).unwrap().1;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    let mut random = Random(20);
    let mut below = |limit: usize| random.below(limit);
    let mut opened = 0;
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    for turn in 0..60 {
        let mut bytes = sound.clone();
        match turn % 3 {
            0 => {
                for _ in 0..=below(4) {
                    let place = header_bytes + below(bytes.len() - header_bytes);
                    bytes[place] = below(256) as u8;
                }
            }
            1 => bytes[header_bytes..].fill_with(|| below(256) as u8),
            // The same few records again and again.
            _ => {
                let length = 1 + below(60);
                let start = header_bytes + below(bytes.len() - header_bytes - length);
                let records = bytes[start..start + length].to_vec();
                let place = header_bytes + below(bytes.len() - header_bytes);
                (place..bytes.len()).for_each(|at| bytes[at] = records[(at - place) % length]);
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let peak = peak_bytes(|| opened += usize::from(Index::open(&path, &options, &Progress::default()).is_ok()));
        assert!(peak <= ALWAYS_BYTES + 20 * bytes.len(), "{turn}: {peak} bytes for {}", bytes.len());
    }
    assert!(opened > 40, "{opened}");
}
