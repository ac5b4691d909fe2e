// SPDX-License-Identifier: Apache-2.0
//! The naive model: every question about a capture, answered by replaying its records from the first one.
//!
//! It is slow and obviously right; the index is held against it. [`Model`] leads: it is the list of a capture's records
//! ([`Step`]) with each allocation's call stack, and every answer is a replay of a [`Heap`] up to a record.

#![allow(clippy::type_complexity, reason = "a model is plain data; a name for each type would hide it")]
#![allow(dead_code, unused_imports, missing_docs, unreachable_pub)] // each test program uses a part of it

mod frames;
mod heap;
mod lives;
mod matching;
pub mod modules;
mod native;
mod reader;
mod sites;
mod table;
mod tree;

pub use frames::{Frame, FrameId, Stack};
pub use lives::Life;
pub use sites::{Part, Site};
pub use table::{Key, Table};
pub use tree::Tree;

use heap::Heap;
use memray_format::{AggregatedAllocation, Allocation, AllocatorKind, Header, Snapshot, ThreadId};
use memray_index::{Amount, Mode, Moment, NamedFunction, Question, StringId, TimeRange};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

/// What is asked about, by thread (where split) and stack.
pub type Amounts = HashMap<(Option<ThreadId>, Stack), Amount>;

/// What the numbers in a filter stand for.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    pub threads: Vec<ThreadId>,
    /// Names of functions.
    pub functions: BTreeMap<StringId, Vec<u8>>,
    /// Functions with the names of their files.
    pub named: HashMap<NamedFunction, (Vec<u8>, Vec<u8>)>,
}

/// What is live: each piece's allocation, by its record, and its bytes.
type Pieces = Rc<[(usize, u64)]>;

/// A record that matters to memory.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An allocation or a free, by a thread in a stack (a row of [`Model::stacks`]).
    Allocation(Allocation, ThreadId, usize),
    /// A sample.
    Snapshot(Snapshot),
}

/// A capture's records.
#[derive(Debug)]
pub struct Model {
    pub header: Header,
    /// Records of any kind.
    pub records: u64,
    pub steps: Vec<Step>,
    /// Whole stacks, those frames included that lie above the tracker.
    pub stacks: Vec<Stack>,
    /// All frames of these, and those of the program's own code.
    pub frames: HashSet<FrameId>,
    own_code: HashSet<FrameId>,
    /// Threads' last names.
    pub thread_names: BTreeMap<ThreadId, Vec<u8>>,
    /// Whether a thread was named, or named anew, after its first allocation.
    pub has_late_names: bool,
    /// Of aggregated captures, with rows of [`Model::stacks`].
    pub aggregated: Vec<(AggregatedAllocation, usize)>,
    /// Who allocates.
    pub sites: Vec<Site>,
    site_of_step: Vec<Option<usize>>,
    site_of_row: Vec<usize>,
    /// Whether a trailer ended it.
    pub has_trailer: bool,
    /// The heap before the first record, and after each.
    pub heap_bytes: Vec<u64>,
    /// Frees that freed nothing.
    pub unmatched_frees: u64,
    /// Whether some `munmap` removed two pieces of one mapping.
    pub unmapped_at_once: bool,
    states: RefCell<HashMap<usize, Pieces>>,
    /// At each snapshot and at the end.
    lives: OnceCell<Vec<Life>>,
    live_by_site: OnceCell<Vec<BTreeMap<usize, u64>>>,
}

impl Model {
    /// Reads a capture's file.
    pub fn read(path: &std::path::Path) -> Self {
        let mut model = reader::read(path);
        model.frames = model.stacks.iter().flatten().copied().collect();
        let own_code = model.frames.iter().filter(|id| modules::is_own_code(&model.header, &id.frame()));
        model.own_code = own_code.copied().collect();
        let (mut heap, mut bytes) = (Heap::default(), vec![0]);
        for (i, step) in model.steps.iter().enumerate() {
            if let Step::Allocation(a, ..) = step {
                let is_free = matches!(a.allocator.kind(), AllocatorKind::SimpleFree | AllocatorKind::RangedFree);
                let freed = heap.apply(i, a).freed;
                model.unmatched_frees += u64::from(is_free && freed.is_empty());
                model.unmapped_at_once |= freed.iter().map(|f| f.0).collect::<BTreeSet<_>>().len() < freed.len();
            }
            bytes.push(heap.bytes);
            if matches!(step, Step::Snapshot(_)) {
                let pieces: Pieces = heap.pieces().collect();
                assert_eq!(heap.bytes, pieces.iter().map(|(_, bytes)| bytes).sum::<u64>());
                model.states.borrow_mut().insert(i, pieces);
            }
        }
        model.heap_bytes = bytes;
        model
    }

    pub fn is_aggregated(&self) -> bool {
        self.header.file_format == memray_format::FileFormat::Aggregated
    }

    /// The snapshots, with the heap just before each.
    pub fn snapshots(&self) -> Vec<(Snapshot, u64)> {
        let steps = self.steps.iter().enumerate();
        steps
            .filter_map(|(i, step)| match step {
                Step::Snapshot(s) => Some((*s, s.heap_bytes.unwrap_or(self.heap_bytes[i]))),
                Step::Allocation(..) => None,
            })
            .collect()
    }

    /// How many steps lie before a moment.
    fn steps_before(&self, moment: Moment) -> usize {
        let mut snapshots = (0..self.steps.len()).filter(|i| matches!(self.steps[*i], Step::Snapshot(_)));
        match moment {
            Moment::Start => 0,
            Moment::Snapshot(n) => snapshots.nth(n as usize).unwrap_or(self.steps.len()),
            Moment::End => self.steps.len(),
        }
    }

    pub fn between(&self, range: TimeRange) -> Range<usize> {
        self.steps_before(range.from)..self.steps_before(range.to)
    }

    /// The last of the states from one to another (both included) in which the heap is largest.
    fn peak_in(&self, steps: Range<usize>) -> usize {
        (steps.start..=steps.end).max_by_key(|state| self.heap_bytes[*state]).unwrap_or(0)
    }

    /// The site of an allocation's step.
    pub fn site_of(&self, step: usize) -> usize {
        self.site_of_step[step].unwrap()
    }

    /// The largest heap of each interval between snapshots.
    pub fn interval_peaks(&self) -> Vec<u64> {
        let count = self.snapshots().len() as u32;
        let ends = (0..count).map(Moment::Snapshot).chain([Moment::End]);
        let mut from = Moment::Start;
        ends.map(|to| {
            let range = self.between(TimeRange { from: std::mem::replace(&mut from, to), to });
            self.heap_bytes[self.peak_in(range)]
        })
        .collect()
    }

    /// The largest heap.
    pub fn peak_bytes(&self) -> u64 {
        match self.is_aggregated() {
            true => self.aggregated.iter().map(|(a, _)| a.peak_bytes).sum(),
            false => self.heap_bytes[self.peak_in(0..self.steps.len())],
        }
    }

    /// The interval with the last allocation or free after which the heap was largest.
    pub fn peak_interval(&self) -> usize {
        let peak = self.peak_bytes();
        let is_peak = |i: &usize| matches!(self.steps[*i], Step::Allocation(..)) && self.heap_bytes[i + 1] == peak;
        let last = (0..self.steps.len()).rfind(is_peak).unwrap_or(0);
        self.steps[..last].iter().filter(|step| matches!(step, Step::Snapshot(_))).count()
    }

    /// Every allocation, frees left out: its step, record, thread and whole stack (a row of [`Model::stacks`]).
    pub fn allocations(&self) -> impl Iterator<Item = (usize, &Allocation, ThreadId, usize)> {
        self.steps.iter().enumerate().filter_map(|(i, step)| match step {
            Step::Allocation(a, thread, stack)
                if matches!(a.allocator.kind(), AllocatorKind::Simple | AllocatorKind::Ranged) =>
            {
                Some((i, a, *thread, *stack))
            }
            _ => None,
        })
    }

    /// Threads in the order in which they did something.
    pub fn threads(&self) -> Vec<ThreadId> {
        let mut seen = BTreeSet::new();
        let threads = self.allocations().map(|(_, _, thread, _)| thread);
        threads.filter(|thread| seen.insert(*thread)).collect()
    }

    /// What is live after that many steps, piece by piece. Kept, as tests ask about few states again and again.
    fn live_after(&self, steps: usize) -> Pieces {
        let replay = || {
            let mut heap = Heap::default();
            for (i, step) in self.steps[..steps].iter().enumerate() {
                if let Step::Allocation(a, ..) = step {
                    heap.apply(i, a);
                }
            }
            heap.pieces().collect()
        };
        self.states.borrow_mut().entry(steps).or_insert_with(replay).clone()
    }

    /// Contributions to a mode, by the allocation's record.
    fn contributions(&self, mode: Mode) -> Vec<(usize, Amount)> {
        let live = |state: usize, sign: i64| -> Vec<(usize, Amount)> {
            let amount = |bytes| Amount { bytes: sign * bytes as i64, allocations: sign };
            self.live_after(state).iter().map(|(record, bytes)| (*record, amount(*bytes))).collect()
        };
        match mode {
            Mode::Peak => live(self.peak_in(0..self.steps.len()), 1),
            Mode::Leaked => live(self.steps.len(), 1),
            Mode::LiveAt(moment) => live(self.steps_before(moment), 1),
            Mode::RangePeak(range) => live(self.peak_in(self.between(range)), 1),
            Mode::RangeGrowth(range) => {
                let range = self.between(range);
                [live(range.end, 1), live(range.start, -1)].concat()
            }
            Mode::RangeLive(range) => {
                let range = self.between(range);
                let mut pieces = live(range.end, 1);
                pieces.retain(|(record, _)| range.contains(record));
                // An allocation counts once, in however many pieces it is.
                let mut counted = BTreeSet::new();
                pieces.iter_mut().for_each(|(record, a)| a.allocations = i64::from(counted.insert(*record)));
                pieces
            }
            Mode::RangeChurn(range) => self.allocated_in(self.between(range)),
            Mode::Total => self.allocated_in(0..self.steps.len()),
            Mode::Temporary { threshold } => self.temporary(threshold),
        }
    }

    fn allocated_in(&self, steps: Range<usize>) -> Vec<(usize, Amount)> {
        let allocations = self.allocations().filter(|(i, ..)| steps.contains(i));
        allocations.map(|(i, a, ..)| (i, Amount { bytes: a.size_bytes as i64, allocations: 1 })).collect()
    }

    /// Allocations that their own thread freed after at most `threshold` further allocations of its own.
    fn temporary(&self, threshold: u64) -> Vec<(usize, Amount)> {
        let mut heap = Heap::default();
        let mut allocations_by_thread = HashMap::<ThreadId, u64>::new();
        // By record: the thread, its address and size, and the how manieth allocation of its thread it was.
        let mut made = HashMap::<usize, (ThreadId, Allocation, u64)>::new();
        let mut temporary = BTreeMap::new();
        for (i, step) in self.steps.iter().enumerate() {
            let Step::Allocation(a, thread, _) = step else { continue };
            let count = allocations_by_thread.entry(*thread).or_default();
            if matches!(a.allocator.kind(), AllocatorKind::Simple | AllocatorKind::Ranged) {
                *count += 1;
                made.insert(i, (*thread, *a, *count));
            }
            for (freed, _) in heap.apply(i, a).freed {
                let (owner, allocation, number) = made[&freed];
                let is_whole = a.allocator.kind() == AllocatorKind::SimpleFree
                    || (a.address, a.size_bytes) == (allocation.address, allocation.size_bytes);
                if owner == *thread && is_whole && *count - number <= threshold {
                    temporary.insert(freed, Amount { bytes: allocation.size_bytes as i64, allocations: 1 });
                }
            }
        }
        temporary.into_iter().collect()
    }

    /// Bytes and allocations of the whole run by the module that each allocation is charged to, frames above the tracker
    /// included or not.
    pub fn by_module(&self, is_trimmed: bool) -> BTreeMap<Vec<u8>, (u64, u64)> {
        let mut by_stack = BTreeMap::<(ThreadId, usize), (u64, u64)>::new();
        for (_, a, thread, stack) in self.allocations() {
            let sum = by_stack.entry((thread, stack)).or_default();
            *sum = (sum.0 + a.size_bytes, sum.1 + 1);
        }
        let mut by_module = BTreeMap::<Vec<u8>, (u64, u64)>::new();
        for ((thread, stack), (bytes, allocations)) in by_stack {
            let whole = &self.stacks[stack];
            let stack = if is_trimmed { self.trimmed(whole, thread) } else { whole.clone() };
            let sum = by_module.entry(modules::module_of_stack(&self.header, &stack)).or_default();
            *sum = (sum.0 + bytes, sum.1 + allocations);
        }
        by_module
    }

    /// A stack without the frames above the tracker.
    pub fn trimmed(&self, stack: &Stack, thread: ThreadId) -> Stack {
        let is_main = thread == self.header.main_thread;
        let skipped = if is_main { self.header.skipped_frames_on_main_thread as usize } else { 0 };
        stack[..stack.len().saturating_sub(skipped)].to_vec()
    }

    /// Answers a question.
    pub fn ask(&self, question: &Question, numbers: &Numbers) -> Result<Amounts, String> {
        Ok(self.by_stack(&self.parts(question, numbers)?, question.split_threads, &|_| true))
    }
}

fn add(sum: &mut Amount, amount: Amount) {
    sum.bytes += amount.bytes;
    sum.allocations += amount.allocations;
}
