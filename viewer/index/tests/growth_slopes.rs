// SPDX-License-Identifier: Apache-2.0
//! How fast something grows, by value: a program of 64 seconds of which every byte is known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use memray_format::{Allocation, Allocator, CodeObject, Encoder, FrameKey, Header, Record, Snapshot, ThreadId};
use memray_index::{Filter, GrowthBy, GrowthShape, Index, Moment, OpenOptions, Progress, RowKey, TimeRange};
use std::collections::BTreeMap;

const SECONDS: u64 = 64;
const FUNCTIONS: [&[u8]; 3] = [b"leak", b"constant", b"melt"];
const LEAK: u64 = 0;
const CONSTANT: u64 = 1;
const MELT: u64 = 2;

fn allocation(address: u64, size_bytes: u64, allocator: Allocator) -> Record<'static> {
    Record::Allocation(Allocation { address, size_bytes, allocator, native_frame: 0 })
}

/// `leak` keeps 1,000 bytes a second; `constant` takes 13,000 in second 33; `melt` takes 64 blocks of 100 bytes at first and
/// gives one back each further second. A snapshot ends each second but the last.
fn records(sink: &mut dyn FnMut(Record<'_>)) {
    for (id, &function) in (0..).zip(&FUNCTIONS) {
        let file = b"/srv/app/main.py";
        sink(Record::CodeObject(CodeObject { id, function, file, line_table: b"", first_line: 1 }));
    }
    sink(Record::ContextSwitch(ThreadId(1)));
    let mut call = |function: u64, records: Vec<Record<'_>>| {
        sink(Record::FramePush(FrameKey { code: function, instruction_offset: 0, is_entry: true }));
        records.into_iter().for_each(&mut *sink);
        sink(Record::FramePop { count: 1 });
    };
    for second in 1..=SECONDS {
        call(LEAK, vec![allocation(0x10_0000 * second, 1000, Allocator::Malloc)]);
        if second == 33 {
            call(CONSTANT, vec![allocation(0x8, 13_000, Allocator::Malloc)]);
        }
        let block = |i: u64, size_bytes, allocator| allocation(0x1000 + 16 * i, size_bytes, allocator);
        let mut last = match second {
            1 => (0..64).map(|i| block(i, 100, Allocator::Malloc)).collect(),
            _ => vec![block(second - 2, 0, Allocator::Free)],
        };
        if second < SECONDS {
            let time_ms = second as i64 * 1000;
            last.push(Record::Snapshot(Snapshot { time_ms, rss_bytes: 0, heap_bytes: None }));
        }
        call(MELT, last);
    }
}

fn index() -> Index {
    let header = Header {
        start_time_ms: 0,
        end_time_ms: SECONDS as i64 * 1000,
        skipped_frames_on_main_thread: 0,
        ..memray_format::synth::Synthesis::small(0).header()
    };
    let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
    records(&mut |record| encoder.record(&record).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    Index::open(&path, &OpenOptions { no_cache: true, ..OpenOptions::default() }, &Progress::default()).unwrap()
}

/// By function: bytes an hour, rounded, and how it grew.
fn slopes(index: &Index, from: Moment, to: Moment) -> BTreeMap<Vec<u8>, (i64, GrowthShape)> {
    let rows = index.growth(TimeRange { from, to }, GrowthBy::Own, &Filter::default(), 10).unwrap();
    let row = |row: &memray_index::GrowthRow| {
        let RowKey::Location(location) = row.key else { panic!("{row:?}") };
        let name = index.bytes(index.location(location).function).to_vec();
        (name, (row.slope_bytes_per_hour.round() as i64, row.shape))
    };
    rows.iter().map(row).collect()
}

#[test]
fn each_slope_is_the_line_that_fits_best() {
    let index = index();
    let leak = |slope| (b"leak".to_vec(), (slope, GrowthShape::Steady));
    // 65 points a second apart. The best line through 32 zeros, one more, and 32 times 13,000 rises by
    // 13,000 * (1 + … + 32) / (2 * (1² + … + 32²)) = 300 a second.
    let whole = slopes(&index, Moment::Start, Moment::End);
    assert_eq!(whole[&b"leak"[..]], (1000 * 3600, GrowthShape::Steady));
    assert_eq!(whole[&b"constant"[..]], (300 * 3600, GrowthShape::Step));

    let melting = slopes(&index, Moment::Snapshot(0), Moment::End);
    assert_eq!(melting[&b"leak"[..]], (1000 * 3600, GrowthShape::Steady));
    assert_eq!(melting[&b"melt"[..]], (-100 * 3600, GrowthShape::NotGrowing));

    // Seconds 11 to 21: nothing of the constant is there.
    let early = slopes(&index, Moment::Snapshot(10), Moment::Snapshot(20));
    let melt = (b"melt".to_vec(), (-100 * 3600, GrowthShape::NotGrowing));
    assert_eq!(early, BTreeMap::from([leak(1000 * 3600), melt]));
}
