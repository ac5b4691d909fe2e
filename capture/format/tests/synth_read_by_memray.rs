// SPDX-License-Identifier: Apache-2.0
//! memray 1.20 reads what we write, and finds in it what a naive model finds in the records themselves.
//!
//! The model sees the same synthesis in version 11, whose frames come with their lines; memray sees version 13 and must
//! work the lines out of the line tables. So it is memray that checks those, and the encoder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use memray_format::synth::Synthesis;
use memray_format::{Allocation, AllocatorKind, Encoder, Header, Record, ThreadId, lz4_frame, rewrite_header};

/// What one record did to the heap, and where.
struct Event {
    allocation: Allocation,
    /// `<thread> <function>|<file>|<line>;…`, leaf first.
    location: String,
}

#[derive(Default)]
struct Heap {
    blocks: HashMap<u64, (u64, usize)>,
    /// Begin, end, event.
    mappings: Vec<(u64, u64, usize)>,
}

impl Heap {
    fn apply(&mut self, number: usize, allocation: &Allocation) {
        let (begin, end) = (allocation.address, allocation.address.saturating_add(allocation.size_bytes));
        match allocation.allocator.kind() {
            AllocatorKind::Simple => _ = self.blocks.insert(begin, (allocation.size_bytes, number)),
            AllocatorKind::SimpleFree => _ = self.blocks.remove(&begin),
            AllocatorKind::Ranged => self.mappings.push((begin, end, number)),
            AllocatorKind::RangedFree => {
                let cut = |&(from, to, event): &(u64, u64, usize)| {
                    if begin >= to || end <= from || begin == end {
                        return vec![(from, to, event)];
                    }
                    [(from, begin, event), (end, to, event)].into_iter().filter(|part| part.0 < part.1).collect()
                };
                self.mappings = self.mappings.iter().flat_map(cut).collect();
            }
        }
    }

    fn bytes(&self) -> u64 {
        self.blocks.values().map(|(size, _)| size).sum::<u64>()
            + self.mappings.iter().map(|(from, to, _)| to - from).sum::<u64>()
    }

    /// `<kind> <bytes> <allocations> <location>`, one line a location.
    fn lines(&self, kind: &str, events: &[Event]) -> Vec<String> {
        let blocks = self.blocks.values().copied();
        let mappings = self.mappings.iter().map(|&(from, to, event)| (to - from, event));
        let mut sums = BTreeMap::<&str, (u64, u64)>::new();
        for (bytes, event) in blocks.chain(mappings) {
            let sum = sums.entry(&events[event].location).or_default();
            sum.0 += bytes;
            sum.1 += 1;
        }
        sums.iter().map(|(location, (bytes, count))| format!("{kind} {bytes} {count} {location}")).collect()
    }
}

/// What memray should print.
fn expected(synthesis: &Synthesis) -> Vec<String> {
    let mut events = Vec::new();
    let mut snapshots = Vec::new();
    let mut frames = HashMap::new();
    let mut stacks: HashMap<ThreadId, Vec<u64>> = HashMap::new();
    let mut thread = ThreadId(0);
    let with_lines = Synthesis { version: 11, ..synthesis.clone() };
    with_lines.generate(&mut |record| match record {
        Record::ContextSwitch(next) => thread = next,
        Record::FrameDefinition(frame) => {
            let [function, file] = [frame.function, frame.file].map(|name| String::from_utf8_lossy(name).into_owned());
            frames.insert(frame.id, format!("{function}|{file}|{}", frame.line));
        }
        Record::FramePush(frame) => stacks.entry(thread).or_default().push(frame.code),
        Record::FramePop { count } => {
            let stack = stacks.entry(thread).or_default();
            stack.truncate(stack.len() - count as usize);
        }
        Record::Allocation(allocation) => {
            // On the main thread memray leaves out what lies above the tracker.
            let above = if thread == ThreadId(1) { Synthesis::SKIPPED_FRAMES } else { 0 };
            let stack = stacks.entry(thread).or_default().iter().skip(above as usize).rev();
            let stack: Vec<&str> = stack.map(|id| frames[id].as_str()).collect();
            events.push(Event { allocation, location: format!("{} {}", thread.0, stack.join(";")) });
        }
        Record::Snapshot(snapshot) => snapshots.push((events.len(), snapshot)),
        _ => {}
    });

    let mut heap = Heap::default();
    let mut sizes = vec![0];
    for (number, event) in events.iter().enumerate() {
        heap.apply(number, &event.allocation);
        sizes.push(heap.bytes());
    }
    // The last moment at which the heap was largest.
    let peak_bytes = *sizes.iter().max().unwrap();
    let peak_event = sizes.iter().rposition(|&size| size == peak_bytes).unwrap();
    let mut peak = Heap::default();
    for (number, event) in events[..peak_event].iter().enumerate() {
        peak.apply(number, &event.allocation);
    }

    let header = synthesis.header();
    let mut lines = vec![
        format!("records {}", events.len()),
        format!("peak_bytes {peak_bytes}"),
        format!("duration_ms {}", header.end_time_ms - header.start_time_ms),
        format!("command {}", String::from_utf8_lossy(&header.command_line)),
        format!("pid {}", header.pid),
    ];
    lines.extend(peak.lines("peak", &events));
    lines.extend(heap.lines("leaked", &events));
    for (number, (done, snapshot)) in snapshots.iter().enumerate() {
        let time_ms = snapshot.time_ms - header.start_time_ms;
        lines.push(format!("snapshot {number:06} {time_ms} {} {}", snapshot.rss_bytes, sizes[*done]));
    }
    lines
}

fn write(synthesis: &Synthesis, path: &Path, is_lz4: bool) {
    let header = synthesis.header();
    let file = std::fs::File::create(path).unwrap();
    if is_lz4 {
        fill(synthesis, Encoder::new(lz4_frame(file), &header).unwrap()).0.finish().unwrap();
    } else {
        let (file, allocation_count) = fill(synthesis, Encoder::new(file, &header).unwrap());
        rewrite_header(file, &Header { allocation_count, ..header }).unwrap();
    }
}

/// Hands the writer back, and how many allocations were written.
fn fill<W: std::io::Write>(synthesis: &Synthesis, mut encoder: Encoder<W>) -> (W, u64) {
    let mut allocations = 0;
    synthesis.generate(&mut |record| {
        encoder.record(&record).unwrap();
        allocations += u64::from(matches!(record, Record::Allocation(_)));
    });
    (encoder.finish().unwrap(), allocations)
}

/// Has memray read captures of all these, every other one compressed.
fn memray_finds_what_the_model_finds(name: &str, captures: &[Synthesis]) {
    let python =
        std::env::var_os("MEMRAY_PYTHON").expect("run .ci/run or set MEMRAY_PYTHON to a Python with memray 1.20.0");
    let mut paths = Vec::new();
    for (number, synthesis) in captures.iter().enumerate() {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}.bin"));
        write(synthesis, &path, number % 2 == 1);
        paths.push(path);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/synth_read_by_memray.py");
    let output = Command::new(python).arg(script).args(&paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<&str> = text.split("\n== ").skip(1).collect();
    assert_eq!(parts.len(), captures.len());
    for ((synthesis, path), part) in captures.iter().zip(&paths).zip(parts) {
        let (found_path, lines) = part.split_once('\n').unwrap();
        assert_eq!(Path::new(found_path), path);
        let found: BTreeSet<&str> = lines.lines().collect();
        let expected = expected(synthesis);
        let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
        let only =
            |reader, lines: &[&&str]| -> String { lines.iter().map(|line| format!("{reader}: {line}\n")).collect() };
        let by_model = only("model", &expected.difference(&found).collect::<Vec<_>>());
        let by_memray = only("memray", &found.difference(&expected).collect::<Vec<_>>());
        assert!(found == expected, "{}\n{by_model}{by_memray}", path.display());
    }
}

/// Without what memray itself stumbles over: names that are not UTF-8, and blocks allocated where others live (it keeps
/// counting the bytes of both).
fn nasty(seed: u64) -> Synthesis {
    Synthesis { bad_names: false, reused_live_addresses: false, ..Synthesis::small(seed) }
}

#[test]
fn nasty_captures() {
    memray_finds_what_the_model_finds("nasty", &(0..20).map(nasty).collect::<Vec<_>>());
}

#[test]
fn nasty_native_captures_with_objects() {
    let captures = (20..26).map(|seed| Synthesis { native: true, object_lifetimes: true, ..nasty(seed) });
    memray_finds_what_the_model_finds("native", &captures.collect::<Vec<_>>());
}

#[test]
fn lines_of_each_generation_of_cpython() {
    let captures =
        [0x0309_00f0, 0x030a_00f0, 0x030b_00f0].map(|python_version| Synthesis { python_version, ..nasty(7) });
    memray_finds_what_the_model_finds("lines", &captures);
}

#[test]
fn plausible_captures() {
    let captures = [Synthesis::blocks(5, 2000, 4096), Synthesis::large(3, 20_000), Synthesis::lifetimes(4, 300, 2000)];
    memray_finds_what_the_model_finds("plausible", &captures);
}
