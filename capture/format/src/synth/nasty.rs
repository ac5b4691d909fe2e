// SPDX-License-Identifier: Apache-2.0
//! A short program that does everything at once that readers get wrong.

use super::Synthesis;
use super::call_tree::pop;
use super::native::{NativeStacks, emit_mappings};
use super::output::Output;
use super::program::{Oddities, Program};
use super::random::Random;
use crate::allocator::Allocator;
use crate::record::{Allocation, Object, Record, Snapshot, ThreadId};

const PAGE_BYTES: u64 = 4096;
/// Few pages and few addresses, so that everything meets everything.
const PAGES: u64 = 48;
const MAPPINGS_START: u64 = 0x7e00_0000_0000;
const ADDRESSES: u64 = 40;
const HEAP_START: u64 = 0x5600_0000_0000;

const SIMPLE: [Allocator; 11] = [
    Allocator::Malloc,
    Allocator::Malloc,
    Allocator::Calloc,
    Allocator::Realloc,
    Allocator::PosixMemalign,
    Allocator::AlignedAlloc,
    Allocator::Memalign,
    Allocator::Valloc,
    Allocator::Pvalloc,
    Allocator::PymallocMalloc,
    Allocator::PymallocRealloc,
];
const NAMES: [&[u8]; 5] =
    [b"MainThread", b"worker <1> & \"co\"", b"", b"Thread-1 (run)", "nit\u{e9} \u{202e}".as_bytes()];
const BAD_NAME: &[u8] = b"\xff\xfe broken";

struct Nasty<'a> {
    plan: &'a Synthesis,
    random: Random,
    program: Program,
    native: Option<NativeStacks>,
    /// How many frames each thread has.
    depths: Vec<u32>,
    thread: usize,
    live: Vec<u64>,
    time_ms: i64,
    snapshots: u64,
}

pub(super) fn generate(plan: &Synthesis, out: &mut Output<'_>) {
    let mut random = Random::new(plan.seed);
    let oddities = Oddities { bad_names: plan.bad_names, bad_lines: true };
    let program = Program::new(&mut random, plan.functions.max(1), plan.version, plan.python_version, oddities);
    let native = plan.native.then(|| NativeStacks::new(&mut random));
    let mut run = Nasty {
        plan,
        random,
        program,
        native,
        depths: vec![0; plan.threads.max(1) as usize],
        thread: 0,
        live: Vec::new(),
        time_ms: Synthesis::START_TIME_MS,
        snapshots: 0,
    };
    if plan.native {
        emit_mappings(out);
    }
    out.emit(Record::ContextSwitch(ThreadId(1)));
    for _ in 0..=Synthesis::SKIPPED_FRAMES {
        run.push(out);
    }
    while out.records() < plan.records {
        run.snapshots_due(out);
        run.step(out);
    }
    run.snapshots_due(out);
}

impl Nasty<'_> {
    fn step(&mut self, out: &mut Output<'_>) {
        match self.random.below(100) {
            0..32 => self.allocate(out),
            32..54 => self.free(out),
            54..62 => self.map(out),
            62..70 => self.unmap(out),
            70..82 => self.push(out),
            82..90 => {
                let depth = self.depths[self.thread];
                let all = self.random.chance(1, 6);
                let count = if all { depth } else { self.random.below(u64::from(depth.min(4)) + 1) as u32 };
                self.depths[self.thread] -= count;
                pop(count, out);
            }
            90..95 => {
                self.thread = self.random.index(self.depths.len());
                out.emit(Record::ContextSwitch(ThreadId(self.thread as u64 + 1)));
            }
            95..97 => {
                let is_bad = self.random.chance(1, 4) && self.plan.bad_names;
                let name = self.random.pick(&NAMES);
                out.emit(Record::ThreadName(if is_bad { BAD_NAME } else { name }));
            }
            97 if self.plan.native => emit_mappings(out),
            _ => self.object(out),
        }
    }

    fn push(&mut self, out: &mut Output<'_>) {
        let mut frame = self.program.frame(&mut self.random);
        let is_entry = self.random.chance(1, 3);
        frame.is_entry = is_entry || !self.plan.native;
        if self.random.chance(1, 12) {
            frame.instruction = -1;
        }
        self.program.push(frame, out);
        self.depths[self.thread] += 1;
    }

    fn allocate(&mut self, out: &mut Output<'_>) {
        let address = self.address();
        if !self.plan.reused_live_addresses && self.live.contains(&address) {
            return;
        }
        let size_bytes = match self.random.below(20) {
            0 | 1 => 0,
            2 => 1 << 33,
            3..10 => self.random.below(100_000),
            _ => self.random.below(512),
        };
        let allocator = self.random.pick(&SIMPLE);
        self.live.push(address);
        let native_frame = self.native_frame(out);
        out.emit(Record::Allocation(Allocation { address, size_bytes, allocator, native_frame }));
    }

    /// Mostly frees what lives, by whatever thread runs; else any address, often nobody's.
    fn free(&mut self, out: &mut Output<'_>) {
        let any = self.address();
        let address = if self.live.is_empty() || self.random.chance(1, 5) {
            any
        } else {
            let index = self.random.index(self.live.len());
            self.live[index]
        };
        self.live.retain(|&live| live != address);
        let allocator = self.random.pick(&[Allocator::Free, Allocator::Free, Allocator::PymallocFree]);
        out.emit(Record::Allocation(Allocation { address, size_bytes: 0, allocator, native_frame: 0 }));
    }

    /// One of a few addresses, some of them 0 or within mappings; any byte where versions 8 to 11 allow it.
    fn address(&mut self) -> u64 {
        let number = self.random.below(ADDRESSES);
        match number {
            0 => 0,
            1 => MAPPINGS_START + 3 * PAGE_BYTES,
            _ if self.plan.unaligned => HEAP_START + number,
            _ => HEAP_START + number * 8,
        }
    }

    fn map(&mut self, out: &mut Output<'_>) {
        let (address, size_bytes) = self.range(1);
        let native_frame = self.native_frame(out);
        let allocator = Allocator::Mmap;
        out.emit(Record::Allocation(Allocation { address, size_bytes, allocator, native_frame }));
    }

    fn unmap(&mut self, out: &mut Output<'_>) {
        let (address, size_bytes) = self.range(0);
        let allocator = Allocator::Munmap;
        out.emit(Record::Allocation(Allocation { address, size_bytes, allocator, native_frame: 0 }));
    }

    /// A range of pages; now and then it ends within one.
    fn range(&mut self, least_pages: u64) -> (u64, u64) {
        let address = MAPPINGS_START + self.random.below(PAGES) * PAGE_BYTES;
        let pages = least_pages + self.random.below(10);
        let rest = if self.random.chance(1, 8) { 1000 } else { 0 };
        (address, pages * PAGE_BYTES + rest)
    }

    fn native_frame(&mut self, out: &mut Output<'_>) -> u64 {
        match &mut self.native {
            Some(native) if self.random.chance(7, 8) => native.any(&mut self.random, out),
            _ => 0,
        }
    }

    fn object(&mut self, out: &mut Output<'_>) {
        let address = self.address();
        let is_created = self.random.chance(1, 2);
        if !self.plan.object_lifetimes {
            return;
        }
        let native_frame = if is_created { self.native_frame(out) } else { 0 };
        if self.plan.version >= 12 {
            out.emit(Record::Object(Object { address, is_created, native_frame }));
        } else {
            out.omit();
        }
    }

    fn snapshots_due(&mut self, out: &mut Output<'_>) {
        while self.snapshots < self.plan.snapshots
            && out.records() * self.plan.snapshots >= self.snapshots * self.plan.records
        {
            let rss_bytes = 10_000_000 + self.random.below(5_000_000);
            out.emit(Record::Snapshot(Snapshot { time_ms: self.time_ms, rss_bytes, heap_bytes: None }));
            self.snapshots += 1;
            // Clocks stand still and step back.
            self.time_ms += self.random.pick(&[10, 10, 10, 10, 11, 250, 0, -25]);
        }
    }
}
