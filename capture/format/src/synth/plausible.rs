// SPDX-License-Identifier: Apache-2.0
//! A program as real ones are: most blocks die young and are handed out again at once; some live on, each for a time of
//! its own; the stack wanders.

use super::Synthesis;
use super::call_tree::CallTree;
use super::heap::Heap;
use super::native::{NativeStacks, emit_mappings};
use super::output::{Clock, Output};
use super::program::{Oddities, Program};
use super::random::Random;
use crate::allocator::Allocator;
use crate::record::{Allocation, Record, ThreadId};

const HEAP_START: u64 = 0x5600_0000_0000;
const MAPPINGS_START: u64 = 0x7e00_0000_0000;
const PAGE_BYTES: u64 = 4096;
/// More short-lived blocks than this at once, and the next event frees one.
const MAX_SHORT_LIVED: usize = 10;
/// So many frees at most follow each other where the live set shrinks.
const MAX_FREES_A_STEP: usize = 6;

struct Block {
    address: u64,
    size_bytes: u64,
}

struct Plausible<'a> {
    plan: &'a Synthesis,
    random: Random,
    heap: Heap,
    program: Program,
    tree: CallTree,
    native: Option<NativeStacks>,
    /// Each thread's node in the call tree.
    positions: Vec<u32>,
    thread: usize,
    short_lived: Vec<Block>,
    long_lived: Vec<Block>,
    long_lived_born: u64,
    mappings: Vec<Block>,
    heap_bytes: u64,
}

pub(super) fn generate(plan: &Synthesis, out: &mut Output<'_>) {
    let mut random = Random::new(plan.seed);
    let oddities = Oddities { bad_names: false, bad_lines: false };
    let mut program = Program::new(&mut random, plan.functions.max(1), plan.version, plan.python_version, oddities);
    let tree = CallTree::new(&mut random, &program, plan.distinct_stacks, plan.depth.max(1), plan.native);
    let native = plan.native.then(|| NativeStacks::new(&mut random));
    if plan.native {
        emit_mappings(out);
    }
    out.emit(Record::ContextSwitch(ThreadId(1)));
    for _ in 0..Synthesis::SKIPPED_FRAMES {
        let frame = program.frame(&mut random);
        program.push(frame, out);
    }
    let mut run = Plausible {
        plan,
        random,
        heap: Heap::new(HEAP_START),
        program,
        tree,
        native,
        positions: vec![0],
        thread: 0,
        short_lived: Vec::new(),
        long_lived: Vec::new(),
        long_lived_born: 0,
        mappings: Vec::new(),
        heap_bytes: 0,
    };
    let mut clock = Clock::new(Synthesis::START_TIME_MS, plan.snapshot_interval_ms, plan.snapshots);
    loop {
        let (done, total) = run.progress(out);
        clock.tick(done, total, run.heap_bytes, out);
        if done >= total {
            break;
        }
        run.step(done, total, out);
    }
}

impl Plausible<'_> {
    /// How much is done, of how much: records, or where no short-lived blocks fill them up, long-lived blocks.
    fn progress(&self, out: &Output<'_>) -> (u64, u64) {
        if self.plan.short_lived {
            (out.records(), self.plan.records)
        } else {
            (self.long_lived_born, self.plan.distinct_lifetimes)
        }
    }

    fn step(&mut self, done: u64, total: u64, out: &mut Output<'_>) {
        if self.plan.threads > 1 && self.random.chance(1, 64) {
            self.switch_thread(out);
        }
        let from = self.positions[self.thread];
        let to = self.tree.next(&mut self.random, from);
        self.tree.go(from, to, &mut self.program, out);
        self.positions[self.thread] = to;

        let due = u128::from(self.plan.distinct_lifetimes) * u128::from(done) / u128::from(total.max(1));
        for _ in 0..=self.random.below(4) {
            if u128::from(self.long_lived_born) <= due && self.long_lived_born < self.plan.distinct_lifetimes {
                let block = self.allocate(out);
                self.long_lived.push(block);
                self.long_lived_born += 1;
            } else if self.plan.short_lived {
                self.short_lived_event(out);
            }
        }
        let target = self.plan.profile.live_target(self.plan.live_target, done, total);
        for _ in 0..MAX_FREES_A_STEP {
            if self.long_lived.len() as u64 <= target {
                break;
            }
            let index = self.random.index(self.long_lived.len());
            let block = self.long_lived.swap_remove(index);
            self.free(block, out);
        }
        if self.plan.steps_a_mapping > 0 && self.random.chance(1, self.plan.steps_a_mapping) {
            self.mapping_event(out);
        }
        if self.plan.native && self.random.chance(1, 200_000) {
            emit_mappings(out);
        }
    }

    fn switch_thread(&mut self, out: &mut Output<'_>) {
        let next = self.random.index(self.plan.threads as usize).min(self.positions.len());
        if next == self.thread {
            return;
        }
        self.thread = next;
        let number = next as u64 + 1;
        out.emit(Record::ContextSwitch(ThreadId(number)));
        if next == self.positions.len() {
            self.positions.push(0);
            out.emit(Record::ThreadName(format!("worker-{number}").as_bytes()));
        }
    }

    #[inline]
    fn short_lived_event(&mut self, out: &mut Output<'_>) {
        let count = self.short_lived.len();
        if count > 0 && (count >= MAX_SHORT_LIVED || self.random.chance(1, 2)) {
            // The youngest first, as in nested calls; now and then any.
            let index = if self.random.chance(1, 8) { self.random.index(count) } else { count - 1 };
            let block = self.short_lived.remove(index);
            self.free(block, out);
        } else {
            let block = self.allocate(out);
            self.short_lived.push(block);
        }
    }

    #[inline]
    fn allocate(&mut self, out: &mut Output<'_>) -> Block {
        let size_bytes = match self.plan.block_bytes {
            Some(size_bytes) => size_bytes,
            None => self.size(),
        };
        let mut address = self.heap.allocate(size_bytes);
        let offset = self.random.below(16);
        if self.plan.unaligned {
            address += offset;
        }
        let allocator = self.allocator(size_bytes);
        let native_frame = match &mut self.native {
            Some(native) => native.any(&mut self.random, out),
            None => 0,
        };
        out.emit(Record::Allocation(Allocation { address, size_bytes, allocator, native_frame }));
        self.heap_bytes += size_bytes;
        Block { address, size_bytes }
    }

    /// A line of code asks for one size, or for sizes about as large: of real captures' stacks, threads and allocators each has
    /// 1.0 to 1.9 powers of two.
    #[inline]
    fn size(&mut self) -> u64 {
        let node = u64::from(self.positions[self.thread]);
        let usual = usual_size(&mut Random::new(self.plan.seed ^ node << 32));
        if node % 4 == 0 { usual + self.random.below(4 * usual) } else { usual }
    }

    /// A line of code calls one allocator, for small blocks and for large ones.
    fn allocator(&self, size_bytes: u64) -> Allocator {
        const PYTHON: [Allocator; 2] = [Allocator::PymallocCalloc, Allocator::PymallocRealloc];
        const SYSTEM: [Allocator; 3] = [Allocator::Calloc, Allocator::Realloc, Allocator::PosixMemalign];
        let node = self.positions[self.thread] as usize;
        match (node % 4, self.is_pymalloc(size_bytes)) {
            (0, true) => PYTHON[node / 4 % PYTHON.len()],
            (0, false) => SYSTEM[node / 4 % SYSTEM.len()],
            (_, true) => Allocator::PymallocMalloc,
            (_, false) => Allocator::Malloc,
        }
    }

    #[inline]
    fn free(&mut self, block: Block, out: &mut Output<'_>) {
        let allocator = if self.is_pymalloc(block.size_bytes) { Allocator::PymallocFree } else { Allocator::Free };
        let address = block.address;
        out.emit(Record::Allocation(Allocation { address, size_bytes: 0, allocator, native_frame: 0 }));
        self.heap_bytes -= block.size_bytes;
        self.heap.free(address & !15, block.size_bytes);
    }

    /// Python's own allocator serves small blocks.
    fn is_pymalloc(&self, size_bytes: u64) -> bool {
        self.plan.python_allocators && size_bytes <= 512
    }

    /// Maps a range, or unmaps one: all of it, its head, its tail or its middle.
    fn mapping_event(&mut self, out: &mut Output<'_>) {
        let count = self.mappings.len();
        if count == 0 || (count < 256 && self.random.chance(1, 2)) {
            let size_bytes = PAGE_BYTES * (16 + self.random.below(256));
            // Each slot is longer than the longest mapping; it is taken again only when it is surely empty.
            let address = MAPPINGS_START + self.mapping_slot() * PAGE_BYTES * 512;
            let block = Block { address, size_bytes };
            self.map(Allocator::Mmap, &block, out);
            self.heap_bytes += size_bytes;
            self.mappings.push(block);
            return;
        }
        let index = self.random.index(count);
        let whole = self.mappings.swap_remove(index);
        let part_bytes = PAGE_BYTES * (1 + self.random.below(7));
        let (skipped, cut) = match self.random.below(6) {
            0 => (0, part_bytes),
            1 => (whole.size_bytes.saturating_sub(part_bytes), part_bytes),
            2 => (part_bytes.min(whole.size_bytes), part_bytes),
            _ => (0, whole.size_bytes),
        };
        let cut = cut.min(whole.size_bytes - skipped);
        self.map(Allocator::Munmap, &Block { address: whole.address + skipped, size_bytes: cut }, out);
        self.heap_bytes -= cut;
        let behind = whole.size_bytes - skipped - cut;
        for (address, size_bytes) in [(whole.address, skipped), (whole.address + skipped + cut, behind)] {
            if size_bytes > 0 {
                self.mappings.push(Block { address, size_bytes });
            }
        }
    }

    /// A number of a slot for a mapping that no live mapping touches.
    fn mapping_slot(&mut self) -> u64 {
        loop {
            let slot = self.random.below(4096);
            let start = MAPPINGS_START + slot * PAGE_BYTES * 512;
            let is_taken =
                self.mappings.iter().any(|each| each.address >= start && each.address < start + PAGE_BYTES * 512);
            if !is_taken {
                return slot;
            }
        }
    }

    fn map(&mut self, allocator: Allocator, block: &Block, out: &mut Output<'_>) {
        let native_frame = match &mut self.native {
            Some(native) if allocator == Allocator::Mmap => native.any(&mut self.random, out),
            _ => 0,
        };
        let Block { address, size_bytes } = *block;
        out.emit(Record::Allocation(Allocation { address, size_bytes, allocator, native_frame }));
    }
}

/// What a line of code asks for. Most blocks are small.
#[inline]
fn usual_size(random: &mut Random) -> u64 {
    let (least, most) = match random.below(500) {
        0 => (16_384, 524_288),
        1..=25 => (1024, 16_384),
        26..=125 => (128, 1024),
        _ => (1, 128),
    };
    least + random.below(most - least)
}
