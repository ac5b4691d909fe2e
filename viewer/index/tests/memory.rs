// SPDX-License-Identifier: Apache-2.0
//! How much memory an index takes to build: no more than a few times the capture, whatever that says, and what the stages
//! always take.

#![allow(clippy::unwrap_used)]

use memray_format::synth::Synthesis;
use memray_format::{Encoder, Header};
use memray_index::{Index, OpenOptions, Progress};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts what the program holds and the most that it held. What SQLite takes is bounded by its own settings.
struct Counting;

static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all requests are passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD_BYTES.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK_BYTES.fetch_max(held, Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD_BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above; the pointer came from `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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
    let mut state = 20_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
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
        let before = HELD_BYTES.load(Relaxed);
        PEAK_BYTES.store(before, Relaxed);
        opened += usize::from(Index::open(&path, &options, &Progress::default()).is_ok());
        let peak = PEAK_BYTES.load(Relaxed) - before;
        assert!(peak <= ALWAYS_BYTES + 20 * bytes.len(), "{turn}: {peak} bytes for {}", bytes.len());
    }
    assert!(opened > 40, "{opened}");
}
