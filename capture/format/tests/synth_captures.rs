// SPDX-License-Identifier: Apache-2.0
//! Synthetic captures are what their presets promise, and the same in every version.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use memray_format::synth::Synthesis;
use memray_format::{
    Allocation, Allocator, AllocatorKind, CodeObject, Decoder, Encoder, FrameDefinition, FrameKey, Record, Snapshot,
    StreamEnd, ThreadId, line_number,
};

fn encode(synthesis: &Synthesis) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), &synthesis.header()).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    encoder.finish().unwrap()
}

/// Who allocated: thread, and stack, root first.
type Location = (ThreadId, Vec<Rc<Line>>);
/// Function, file, line.
type Line = (Vec<u8>, Vec<u8>, i64);

/// The meaning of a capture's records, whatever its version.
#[derive(Default)]
struct Reader {
    python_version: u32,
    thread: ThreadId,
    stacks: HashMap<ThreadId, Vec<FrameKey>>,
    /// With the first line, and the line table.
    code: HashMap<u64, (Line, Vec<u8>)>,
    definitions: HashMap<u64, Line>,
    lines: HashMap<FrameKey, Rc<Line>>,
    allocations: Vec<(Allocation, Location)>,
    /// Each after that many allocations.
    snapshots: Vec<(usize, Snapshot)>,
    names: Vec<Vec<u8>>,
}

impl Reader {
    fn read(synthesis: &Synthesis) -> Self {
        let mut reader = Self { python_version: synthesis.python_version, ..Self::default() };
        synthesis.generate(&mut |record| reader.record(&record));
        reader
    }

    fn record(&mut self, record: &Record<'_>) {
        let stack = self.stacks.entry(self.thread).or_default();
        match *record {
            Record::ContextSwitch(thread) => self.thread = thread,
            Record::ThreadName(name) => self.names.push(name.to_vec()),
            Record::CodeObject(CodeObject { id, function, file, first_line, line_table }) => {
                let code = ((function.to_vec(), file.to_vec(), first_line), line_table.to_vec());
                assert_eq!(self.code.insert(id, code), None);
            }
            Record::FrameDefinition(FrameDefinition { id, function, file, line, .. }) => {
                assert_eq!(self.definitions.insert(id, (function.to_vec(), file.to_vec(), line)), None);
            }
            Record::FramePush(frame) => {
                stack.push(frame);
                if !self.lines.contains_key(&frame) {
                    self.lines.insert(frame, Rc::new(self.line(&frame)));
                }
            }
            Record::FramePop { count } => stack.truncate(stack.len().checked_sub(count as usize).unwrap()),
            Record::Allocation(allocation) => {
                let lines = self.stacks[&self.thread].iter().map(|frame| Rc::clone(&self.lines[frame])).collect();
                self.allocations.push((allocation, (self.thread, lines)));
            }
            Record::Snapshot(snapshot) => self.snapshots.push((self.allocations.len(), snapshot)),
            _ => {}
        }
    }

    fn line(&self, frame: &FrameKey) -> Line {
        if let Some(line) = self.definitions.get(&frame.code) {
            return line.clone();
        }
        let ((function, file, first_line), table) = &self.code[&frame.code];
        let line = line_number(self.python_version, *first_line, table, frame.instruction_offset);
        (function.clone(), file.clone(), line)
    }
}

#[test]
fn the_same_seed_makes_the_same_capture() {
    for make in [Synthesis::small, |seed| Synthesis::large(seed, 5000)] {
        assert!(encode(&make(1)) == encode(&make(1)));
        assert!(encode(&make(1)) != encode(&make(2)));
    }
}

#[test]
fn all_versions_decode_to_the_same_allocations_by_the_same_lines() {
    let plans = [Synthesis::small(13), Synthesis { native: true, ..Synthesis::small(19) }, Synthesis::large(1, 5000)];
    for plan in plans {
        let expected = Reader::read(&plan);
        assert!(expected.allocations.len() > 50);
        for version in 8..=13 {
            let synthesis = Synthesis { version, ..plan.clone() };
            let mut reader = Reader { python_version: plan.python_version, ..Reader::default() };
            let mut decoder = Decoder::new();
            decoder.push(&encode(&synthesis), &mut |record| reader.record(&record)).unwrap();
            assert_eq!(decoder.header(), Some(&synthesis.header()));
            assert_eq!(decoder.finish(), StreamEnd::Trailer);
            assert!(reader.allocations == expected.allocations, "version {version}");
            assert_eq!(reader.snapshots, expected.snapshots);
            assert_eq!(reader.names, expected.names);
        }
    }
}

#[test]
fn unaligned_addresses_pair_all_the_same() {
    for plan in [Synthesis::large(1, 5000), Synthesis::small(1)] {
        let reader = Reader::read(&Synthesis { version: 11, unaligned: true, ..plan });
        let addresses: HashSet<u64> = reader.allocations.iter().map(|(allocation, _)| allocation.address).collect();
        assert!(addresses.iter().any(|address| address % 8 != 0));
        let last = reader.allocations.iter().filter(|(a, _)| a.allocator.kind() == AllocatorKind::SimpleFree);
        assert!(last.filter(|(free, _)| addresses.contains(&free.address)).count() > 20);
    }
    let nasty = Reader::read(&Synthesis { version: 11, unaligned: true, ..Synthesis::small(1) });
    let addresses: HashSet<u64> = nasty.allocations.iter().map(|(allocation, _)| allocation.address).collect();
    assert!(addresses.iter().any(|address| addresses.contains(&(address + 1))), "two blocks a byte apart");
}

#[test]
fn small_captures_meet_every_odd_case() {
    let mut met: HashSet<&str> = HashSet::new();
    for seed in 0..20 {
        let reader = Reader::read(&Synthesis::small(seed));
        met.insert(match reader.snapshots.len() {
            0 => "no snapshot",
            1 => "one snapshot",
            _ => "many snapshots",
        });
        if reader.snapshots.windows(2).any(|pair| pair[1].1.time_ms < pair[0].1.time_ms) {
            met.insert("clock steps back");
        }
        let mut live: HashMap<u64, ThreadId> = HashMap::new();
        let mut mapped: Vec<(u64, u64)> = Vec::new();
        for (allocation, (thread, stack)) in &reader.allocations {
            let Allocation { address, size_bytes, .. } = *allocation;
            let end = address + size_bytes;
            let overlapped = mapped.iter().filter(|range| range.0 < end && address < range.1).collect::<Vec<_>>();
            match allocation.allocator.kind() {
                AllocatorKind::Simple => {
                    if live.insert(address, *thread).is_some() {
                        met.insert("address reused while live");
                    }
                    if size_bytes == 0 {
                        met.insert("size of 0");
                    }
                    if address == 0 {
                        met.insert("address 0");
                    }
                }
                AllocatorKind::SimpleFree => match live.remove(&address) {
                    None => _ = met.insert("free of an unknown address"),
                    Some(allocated_by) if allocated_by != *thread => _ = met.insert("free by another thread"),
                    Some(_) => {}
                },
                AllocatorKind::Ranged => {
                    if !overlapped.is_empty() {
                        met.insert("mapping over another");
                    }
                    mapped.push((address, end));
                }
                AllocatorKind::RangedFree => {
                    met.insert(match overlapped[..] {
                        _ if size_bytes == 0 => "munmap of no bytes",
                        [] => "munmap of an unknown range",
                        [_, _, ..] => "munmap of several mappings",
                        [range] if range.0 < address && end < range.1 => "mapping split",
                        [range] if range.0 < address || end < range.1 => "mapping trimmed",
                        [_] => "mapping unmapped",
                    });
                    let cut = |range: &(u64, u64)| {
                        let parts = [(range.0, range.1.min(address)), (range.0.max(end), range.1)];
                        let overlaps = range.0 < end && address < range.1;
                        if overlaps { parts.to_vec() } else { vec![*range] }
                    };
                    mapped = mapped.iter().flat_map(cut).filter(|range| range.0 < range.1).collect();
                }
            }
            if stack.is_empty() {
                met.insert("empty stack");
            }
            if stack.iter().any(|frame| frame.2 < 0) {
                met.insert("line below 0");
            }
            if stack.iter().any(|frame| std::str::from_utf8(&frame.0).is_err()) {
                met.insert("function not UTF-8");
            }
        }
        if reader.names.iter().any(|name| std::str::from_utf8(name).is_err()) {
            met.insert("thread name not UTF-8");
        }
    }
    let expected = [
        "address 0",
        "address reused while live",
        "clock steps back",
        "empty stack",
        "free by another thread",
        "free of an unknown address",
        "function not UTF-8",
        "line below 0",
        "many snapshots",
        "mapping over another",
        "mapping split",
        "mapping trimmed",
        "mapping unmapped",
        "munmap of an unknown range",
        "munmap of no bytes",
        "munmap of several mappings",
        "no snapshot",
        "one snapshot",
        "size of 0",
        "thread name not UTF-8",
    ];
    let mut met: Vec<&str> = met.into_iter().collect();
    met.sort_unstable();
    assert_eq!(met, expected);
}

/// What a capture's simple blocks amount to. Every free must free something.
struct Lifetimes {
    most_live: usize,
    live_at_the_end: usize,
    /// Those that outlive the snapshot interval they were born in, by location, allocator, and intervals of birth and
    /// death.
    distinct: HashSet<(usize, Allocator, usize, usize)>,
}

fn lifetimes(reader: &Reader) -> Lifetimes {
    let mut live = HashMap::new();
    let mut locations = HashMap::new();
    let mut lifetimes = Lifetimes { most_live: 0, live_at_the_end: 0, distinct: HashSet::new() };
    let mut interval = 0;
    for (number, (allocation, location)) in reader.allocations.iter().enumerate() {
        while reader.snapshots.get(interval).is_some_and(|(after, _)| *after <= number) {
            interval += 1;
        }
        match allocation.allocator.kind() {
            AllocatorKind::Simple => {
                let next = locations.len();
                let location = *locations.entry(location).or_insert(next);
                let born = (location, allocation.allocator, interval);
                assert_eq!(live.insert(allocation.address, born), None, "allocated where another block lives");
            }
            AllocatorKind::SimpleFree => {
                let (location, allocator, born) = live.remove(&allocation.address).unwrap();
                if born < interval {
                    lifetimes.distinct.insert((location, allocator, born, interval));
                }
            }
            _ => {}
        }
        lifetimes.most_live = lifetimes.most_live.max(live.len());
    }
    lifetimes.live_at_the_end = live.len();
    lifetimes
        .distinct
        .extend(live.into_values().map(|(location, allocator, born)| (location, allocator, born, usize::MAX)));
    lifetimes
}

#[test]
fn large_captures_are_plausible() {
    let plan = Synthesis { snapshots: 1000, ..Synthesis::large(1, 100_000) };
    let mut records = 0;
    plan.generate(&mut |record| {
        records += u64::from(!matches!(record, Record::CodeObject(_)));
    });
    assert!((100_000..100_200).contains(&records), "{records}");
    let reader = Reader::read(&plan);
    assert_eq!(reader.snapshots.len() as u64, plan.snapshots);
    let lifetimes = lifetimes(&reader);
    let target = plan.live_target as usize;
    assert!((target..target + 100).contains(&lifetimes.most_live), "{}", lifetimes.most_live);
    assert!(lifetimes.live_at_the_end < target / 3, "{}", lifetimes.live_at_the_end);
    // Besides those asked for, each snapshot divides the lives of some short-lived blocks.
    let asked = plan.distinct_lifetimes as usize;
    let divided = 11 * plan.snapshots as usize;
    assert!((asked * 9 / 10..asked + divided).contains(&lifetimes.distinct.len()), "{}", lifetimes.distinct.len());
    let stacks: HashSet<&Location> = reader.allocations.iter().map(|(_, location)| location).collect();
    let deepest = stacks.iter().map(|(_, stack)| stack.len()).max().unwrap();
    assert_eq!(deepest, (plan.depth as usize) + Synthesis::SKIPPED_FRAMES as usize);
    assert!(stacks.len() > 1000, "{}", stacks.len());
    assert_eq!(stacks.iter().map(|(thread, _)| thread).collect::<HashSet<_>>().len(), 4);
    let unmapped = reader.allocations.iter().filter(|(each, _)| each.allocator == Allocator::Munmap).count();
    assert!(unmapped > 5, "{unmapped}");
    assert!(reader.allocations.iter().all(|(allocation, _)| allocation.address % 16 == 0));
}

#[test]
fn large_captures_take_about_four_bytes_a_record() {
    let bytes = encode(&Synthesis::large(1, 200_000)).len();
    assert!((600_000..900_000).contains(&bytes), "{bytes}");
}

#[test]
fn lifetimes_are_as_many_and_as_distinct_as_asked() {
    let reader = Reader::read(&Synthesis::lifetimes(1, 3600, 20_000));
    assert_eq!(reader.snapshots.len(), 3600);
    let lifetimes = lifetimes(&reader);
    assert!((19_000..=20_000).contains(&lifetimes.distinct.len()), "{}", lifetimes.distinct.len());
}

#[test]
fn blocks_all_live_to_the_end() {
    let reader = Reader::read(&Synthesis::blocks(1, 5000, 4096));
    assert!(reader.allocations.iter().all(|(allocation, _)| allocation.size_bytes == 4096));
    assert_eq!(lifetimes(&reader).live_at_the_end, 5000);
    assert_eq!(reader.allocations.len(), 5000);
}
