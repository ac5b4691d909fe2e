// SPDX-License-Identifier: Apache-2.0
//! Captures that no memray wrote: whatever they say, the index is built or refused, and every question is answered or
//! refused. Nothing panics, and nothing takes long.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;

use asking::{Random, ask_all, open};
use memray_format::synth::Synthesis;
use memray_format::{
    Allocation, Allocator, CodeObject, Encoder, FrameKey, Header, Record, Snapshot, ThreadId, container::Lz4Frame,
    lz4_frame,
};
use memray_index::{
    Ending, Error, Filter, GroupBy, Mode, Moment, NamedFunction, Question, ThreadIndex, TimeRange, TreeOptions,
};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Captures of the tests that are at most this large are damaged.
const SMALL_BYTES: u64 = 20_000;

fn small_captures() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures");
    let mut captures: Vec<PathBuf> = std::fs::read_dir(all)
        .unwrap()
        .filter_map(|folder| std::fs::read_dir(folder.unwrap().path()).ok())
        .flatten()
        .map(|file| file.unwrap())
        .filter(|file| {
            file.file_name().to_string_lossy().contains(".bin") && file.metadata().unwrap().len() < SMALL_BYTES
        })
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "gz"))
        .collect();
    captures.sort();
    captures
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let Ok(mut frame) = Lz4Frame::new(bytes) else { return bytes.to_vec() };
    let mut out = Vec::new();
    while frame.next_block(&mut out) == Ok(true) {}
    out
}

/// Damages a capture within its records and asks everything; tells whether it opened.
fn survives(bytes: &[u8], what: &str, path: &Path) -> bool {
    std::fs::write(path, bytes).unwrap();
    match open(path) {
        Ok(index) => {
            let _ = ask_all(&index);
            true
        }
        Err(Error::NotACapture { message, .. }) => {
            assert!(!message.is_empty(), "{what}");
            false
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

/// Hands records to whom it is given.
type Recording<'a> = &'a mut dyn FnMut(&mut dyn FnMut(Record<'_>));

fn encoded(header: &Header, records: Recording<'_>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), header).unwrap();
    records(&mut |record| encoder.record(&record).unwrap());
    encoder.finish().unwrap()
}

fn synthetic(synthesis: &Synthesis) -> Vec<u8> {
    encoded(&synthesis.header(), &mut |sink| synthesis.generate(&mut |record| sink(record)))
}

#[test]
fn captures_of_memray_damaged_in_their_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.bin");
    let captures = small_captures();
    assert!(captures.len() > 60, "{}", captures.len());
    let mut opened = 0;
    for (number, capture) in captures.iter().enumerate() {
        let whole = unpacked(&std::fs::read(capture).unwrap());
        let header_bytes = Header::decode(&whole).unwrap().1;
        for round in 0..2 {
            let mut bytes = whole.clone();
            let mut random = Random(number as u64 * 1000 + round);
            // Mostly the records, now and then the header.
            random.damage(&mut bytes, if round == 0 { header_bytes } else { 30 });
            opened += usize::from(survives(&bytes, &format!("{} round {round}", capture.display()), &path));
        }
    }
    assert!(opened > captures.len(), "{opened}");
}

#[test]
fn packed_captures_damaged_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.bin");
    for (number, capture) in small_captures().iter().enumerate().step_by(3) {
        let mut bytes = std::fs::read(capture).unwrap();
        Random(77 + number as u64).damage(&mut bytes, 7);
        survives(&bytes, &capture.display().to_string(), &path);
    }
}

#[test]
fn synthetic_captures_of_every_version_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.bin");
    for seed in 0..60 {
        let version = 8 + (seed % 6) as i32;
        let mut bytes = synthetic(&Synthesis { version, native: seed % 2 == 0, ..Synthesis::small(seed) });
        let header_bytes = Header::decode(&bytes).unwrap().1;
        Random(seed).damage(&mut bytes, header_bytes);
        assert!(survives(&bytes, &format!("seed {seed}"), &path));
    }
}

#[test]
fn a_capture_cut_anywhere_is_exact_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.bin");
    let bytes = synthetic(&Synthesis { threads: 2, snapshots: 5, reused_live_addresses: false, ..Synthesis::small(4) });
    let header_bytes = Header::decode(&bytes).unwrap().1;
    for end in (header_bytes..bytes.len()).step_by(97) {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let index = open(&path).unwrap();
        let Ending::Truncated { offset, reason } = &index.info().ending else { panic!("{:?}", index.info().ending) };
        assert!(*offset as usize <= end && !reason.is_empty(), "{offset} of {end}: {reason}");
        let (heap_bytes, peak_bytes) = heap_up_to(&bytes[..end]);
        let leaked = index.ask(&Question { mode: Mode::Leaked, ..Question::default() }).unwrap();
        assert_eq!((leaked.total.bytes as u64, leaked.heap_bytes), (heap_bytes, Some(heap_bytes)), "cut at {end}");
        let peak = index.ask(&Question::default()).unwrap();
        assert_eq!((peak.total.bytes as u64, peak.heap_bytes), (peak_bytes, Some(peak_bytes)), "cut at {end}");
    }
}

/// The heap after the last whole record, and the largest it was: by counting every byte of every mapping.
fn heap_up_to(bytes: &[u8]) -> (u64, u64) {
    use memray_format::{AllocatorKind, Decoder};
    use std::collections::HashMap;
    let (mut blocks, mut mapped) = (HashMap::<u64, u64>::new(), Vec::<(u64, u64)>::new());
    let (mut heap, mut peak) = (0u64, 0u64);
    let mut decoder = Decoder::new();
    decoder
        .push(bytes, &mut |record| {
            let Record::Allocation(a) = record else { return };
            let end = a.address.saturating_add(a.size_bytes);
            match a.allocator.kind() {
                AllocatorKind::Simple => {
                    let lost = blocks.insert(a.address, a.size_bytes);
                    heap = heap + a.size_bytes - lost.unwrap_or(0);
                }
                AllocatorKind::SimpleFree => heap -= blocks.remove(&a.address).unwrap_or(0),
                AllocatorKind::Ranged => {
                    mapped.push((a.address, end));
                    heap += end - a.address;
                }
                AllocatorKind::RangedFree => {
                    let mut left = Vec::new();
                    for &(from, to) in &mapped {
                        let pieces = [(from, to.min(a.address)), (from.max(end), to)];
                        left.extend(pieces.into_iter().filter(|(from, to)| from < to));
                    }
                    let length = |pieces: &[(u64, u64)]| pieces.iter().map(|(from, to)| to - from).sum::<u64>();
                    heap = heap - length(&mapped) + length(&left);
                    mapped = left;
                }
            }
            peak = peak.max(heap);
        })
        .unwrap();
    (heap, peak)
}

fn allocation(address: u64, size_bytes: u64, allocator: Allocator) -> Record<'static> {
    Record::Allocation(Allocation { address, size_bytes, allocator, native_frame: 0 })
}

fn header() -> Header {
    Header { skipped_frames_on_main_thread: 0, ..Synthesis::small(0).header() }
}

fn code(id: u64, function: &[u8]) -> Record<'_> {
    let line_table = b"";
    Record::CodeObject(CodeObject { id, function, file: b"/srv/app/main.py", line_table, first_line: 1 })
}

fn push(code: u64) -> Record<'static> {
    Record::FramePush(FrameKey { code, instruction_offset: 0, is_entry: true })
}

/// Indexes a capture of these records and asks everything.
fn index_of(is_packed: bool, records: Recording<'_>) -> memray_index::Index {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.bin");
    let mut bytes = encoded(&header(), records);
    if is_packed {
        let mut packed = lz4_frame(Vec::new());
        packed.write_all(&bytes).unwrap();
        bytes = packed.finish().unwrap();
    }
    std::fs::write(&path, bytes).unwrap();
    let index = open(&path).unwrap();
    assert_eq!(index.info().ending, Ending::Complete);
    index
}

#[test]
fn sizes_and_addresses_at_the_end_of_all_numbers() {
    let top = !7u64;
    let index = index_of(false, &mut |sink| {
        sink(code(1, b"huge"));
        sink(Record::ContextSwitch(ThreadId(1)));
        sink(push(1));
        for i in 0..4u64 {
            sink(allocation(top - 8 * i, u64::MAX, Allocator::Malloc));
            sink(allocation(top - 4096 * i, u64::MAX - i, Allocator::Mmap));
            sink(Record::Snapshot(Snapshot { time_ms: i64::MAX - i as i64, rss_bytes: u64::MAX, heap_bytes: None }));
        }
        sink(allocation(0, u64::MAX, Allocator::Munmap));
        sink(allocation(top, 0, Allocator::Free));
        sink(allocation(0, u64::MAX, Allocator::Malloc));
    });
    ask_all(&index).unwrap_err(); // a range that ends before it begins
    let total = index.ask(&Question { mode: Mode::Total, ..Question::default() }).unwrap();
    assert_eq!(total.total.allocations, 9);
    assert_eq!(index.info().total_bytes_allocated, u64::MAX, "which tells that no sum is right");
    // Sums are taken modulo 2^64: four blocks and one more of u64::MAX, less the one that was freed.
    let leaked = index.ask(&Question { mode: Mode::Leaked, ..Question::default() }).unwrap();
    assert_eq!((leaked.total.bytes, leaked.total.allocations), (-4, 4));
}

#[test]
fn clocks_that_step_back_and_leave_all_bounds() {
    let times = [i64::MAX, i64::MIN, 0, -1, Synthesis::START_TIME_MS, i64::MIN + 1];
    let index = index_of(true, &mut |sink| {
        sink(Record::ContextSwitch(ThreadId(1)));
        for (i, time_ms) in times.into_iter().enumerate() {
            sink(allocation(0x1000 + 16 * i as u64, 10, Allocator::Malloc));
            sink(Record::Snapshot(Snapshot { time_ms, rss_bytes: 1, heap_bytes: None }));
        }
    });
    let _ = ask_all(&index);
    assert_eq!(index.timeline().snapshots.len(), times.len());
    assert_eq!(index.timeline().moment_at(0), Moment::Snapshot(0));
    let range = TimeRange { from: Moment::Snapshot(1), to: Moment::Snapshot(4) };
    let live = index.ask(&Question { mode: Mode::RangeLive(range), ..Question::default() }).unwrap();
    assert_eq!((live.total.bytes, live.total.allocations), (30, 3));
}

#[test]
fn a_hundred_thousand_threads() {
    const THREADS: u64 = 100_000;
    let index = index_of(true, &mut |sink| {
        sink(code(1, b"work"));
        for thread in 1..=THREADS {
            sink(Record::ContextSwitch(ThreadId(thread)));
            sink(push(1));
            sink(allocation(thread * 64, thread, Allocator::Malloc));
        }
    });
    assert_eq!(index.threads().len() as u64, THREADS);
    let question = Question { split_threads: true, ..Question::default() };
    let answer = index.ask(&question).unwrap();
    assert_eq!(answer.total.bytes as u64, THREADS * (THREADS + 1) / 2);
    for is_inverted in [false, true] {
        let tree = index.tree(&answer, TreeOptions { is_inverted, ..TreeOptions::default() });
        assert!(tree.node(memray_index::TreeNodeId(0)).child_count as u64 <= THREADS);
        assert_eq!(tree.node(memray_index::TreeNodeId(1)).amount.bytes as u64, THREADS, "the largest comes first");
    }
    assert_eq!(index.table(&answer, GroupBy::Thread).len() as u64, THREADS);
    let one = Filter { thread: Some(ThreadIndex(41)), ..Filter::default() };
    assert_eq!(index.ask(&Question { filter: one, ..question }).unwrap().total.bytes, 42);
}

#[test]
fn a_stack_of_a_million_frames() {
    const DEPTH: usize = 1_000_000;
    let index = index_of(true, &mut |sink| {
        sink(code(1, b"down"));
        sink(code(2, b"deeper"));
        sink(Record::ContextSwitch(ThreadId(1)));
        for frame in 0..DEPTH as u64 {
            sink(push(1 + frame % 2));
        }
        sink(allocation(0x1000, 7, Allocator::Malloc));
        for _ in 0..DEPTH / 1000 {
            sink(Record::FramePop { count: 1000 });
        }
        sink(allocation(0x2000, 5, Allocator::Malloc));
    });
    let answer = index.ask(&Question::default()).unwrap();
    assert_eq!(answer.total.bytes, 12);
    let stacks = index.stacks(&answer);
    assert_eq!(index.frames(&answer, &stacks[0]).len(), DEPTH);
    assert_eq!(index.frames(&answer, &stacks[1]).len(), 0);
    let tree = index.tree(&answer, TreeOptions::default());
    assert_eq!(tree.nodes.len(), DEPTH + 1);
    let deepest = memray_index::TreeNodeId(DEPTH as u32);
    assert_eq!((tree.node(deepest).depth as usize, tree.path(deepest).len()), (DEPTH, DEPTH + 1));
    let functions = index.table(&answer, GroupBy::Function);
    assert_eq!(functions[0].inclusive.bytes, 7, "once a row, however often it is on the stack");
    let all = TimeRange { from: Moment::Start, to: Moment::End };
    assert_eq!(index.growth(all, memray_index::GrowthBy::Inclusive, &Filter::default(), 5).unwrap()[0].after.bytes, 7);
    let inverted = index.tree(&answer, TreeOptions { is_inverted: true, ..TreeOptions::default() });
    assert_eq!(inverted.node(memray_index::TreeNodeId(0)).amount.bytes, 12);
}

#[test]
fn names_of_a_megabyte() {
    let name = vec![b'n'; 1 << 20];
    let mut other = name.clone();
    other[1 << 19] = 0xff;
    let index = index_of(true, &mut |sink| {
        sink(code(1, &name));
        sink(code(2, &other));
        sink(Record::ContextSwitch(ThreadId(1)));
        sink(Record::ThreadName(&name));
        for (code, size_bytes) in [(1, 20), (2, 10)] {
            sink(push(code));
            sink(allocation(code * 64, size_bytes, Allocator::Malloc));
            sink(Record::FramePop { count: 1 });
        }
    });
    let answer = index.ask(&Question::default()).unwrap();
    let functions: Vec<Vec<u8>> = index
        .stacks(&answer)
        .iter()
        .map(|stack| index.bytes(index.location(index.frames(&answer, stack)[0]).function).to_vec())
        .collect();
    assert!(functions == [name.clone(), other], "names are whole, and stay apart");
    assert_eq!(index.thread_label(ThreadIndex(0)).len(), name.len());
}

#[test]
fn a_million_context_switches() {
    let index = index_of(true, &mut |sink| {
        for switch in 0..1_000_000u64 {
            sink(Record::ContextSwitch(ThreadId(1 + switch % 3)));
        }
        sink(allocation(64, 3, Allocator::Malloc));
    });
    assert_eq!(index.info().counts.allocations, 1);
    let answer = index.ask(&Question { split_threads: true, ..Question::default() }).unwrap();
    assert_eq!((answer.total.bytes, index.stacks(&answer)[0].thread), (3, Some(ThreadIndex(0))));
}

#[test]
fn a_recursion_in_which_every_level_allocates_is_turned_around() {
    const DEPTH: usize = 100_000;
    let index = index_of(true, &mut |sink| {
        sink(code(1, b"down"));
        sink(Record::ContextSwitch(ThreadId(1)));
        for level in 0..DEPTH as u64 {
            sink(push(1));
            sink(allocation(0x1000 + level * 16, 3, Allocator::Malloc));
        }
    });
    let answer = index.ask(&Question::default()).unwrap();
    let options = TreeOptions { is_inverted: true, ..TreeOptions::default() };
    let tree = index.tree(&answer, options);
    assert_eq!(tree.nodes.len(), DEPTH + 1);
    let node = memray_index::TreeNodeId(DEPTH as u32 / 4);
    let below = 3 * (DEPTH - DEPTH / 4 + 1) as i64;
    assert_eq!((tree.node(node).amount.bytes, tree.node(node).own.bytes), (below, 3));
    assert_eq!(index.sites_below(&answer, options, &tree, node).len(), DEPTH - DEPTH / 4 + 1);
    let all = TimeRange { from: Moment::Start, to: Moment::End };
    let growth = index.growth(all, memray_index::GrowthBy::Inclusive, &Filter::default(), 500).unwrap();
    assert_eq!((growth.len(), growth[0].after.bytes), (1, 3 * DEPTH as i64));
}

#[test]
fn functions_whose_names_look_alike_are_told_apart() {
    // Neither is UTF-8, and both are shown as the same.
    let index = index_of(true, &mut |sink| {
        sink(code(1, b"caf\xe9"));
        sink(code(2, b"caf\xe8"));
        sink(Record::ContextSwitch(ThreadId(1)));
        for (number, bytes) in [(1, 7), (2, 30)] {
            sink(push(number));
            sink(allocation(number << 12, bytes, Allocator::Malloc));
            sink(Record::FramePop { count: 1 });
        }
    });
    let bytes_of = |filter: Filter| index.ask(&Question { filter, ..Question::default() }).unwrap().total.bytes;
    let alike = memray_index::Pattern::Regex("^caf\u{fffd}$".to_owned());
    assert_eq!(bytes_of(Filter { function: Some(alike), ..Filter::default() }), 37);
    let locations = (1..index.location_count() as u32).map(|id| *index.location(memray_index::LocationId(id)));
    let functions = locations.map(|location| NamedFunction { name: location.function, file: location.file });
    let mut found: Vec<(Vec<u8>, i64)> = functions
        .map(|function| {
            let filter = Filter { function_named: Some(function), ..Filter::default() };
            (index.bytes(function.name).to_vec(), bytes_of(filter))
        })
        .collect();
    found.sort();
    assert_eq!(found, [(b"caf\xe8".to_vec(), 30), (b"caf\xe9".to_vec(), 7)]);
}
