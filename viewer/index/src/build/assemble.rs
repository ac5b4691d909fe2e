// SPDX-License-Identifier: Apache-2.0
//! Turns records into operations: keeps each thread's stack as a node of the one call tree, and names by a small number
//! who allocates.
//!
//! This is the serial part of a build (stacks, deltas and caches make every record depend on those before), so it does
//! nothing that can be done elsewhere.

use super::code::CodeTable;
use super::operation::{MAX_TAG, Operation};
use super::recent::{Recent, RecentKey};
use super::tree_builder::TreeBuilder;
use crate::answer::Amount;
use crate::ids::{LocationId, NodeId, SiteId, ThreadIndex};
use crate::index::Thread;
use crate::location_table::LocationTable;
use crate::names::Names;
use crate::native::frames::NativeFrames;
use crate::native::place::mark;
use crate::site::{NativeStack, Site};
use hashbrown::HashTable;
use memray_format::{Allocation, Allocator, AllocatorKind, FrameKey, Header, Record, Snapshot, ThreadId};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::BuildHasher;

/// Operations in a batch: enough to make the hand-over cheap, few enough to stay in the second-level cache.
const BATCH: usize = 1 << 14;

/// What the pairing stage needs of a stretch of records.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) operations: Vec<Operation>,
    /// Threads of the sites that occur here for the first time.
    pub(crate) new_site_threads: Vec<u32>,
    pub(crate) new_snapshots: Vec<Snapshot>,
}

/// What a thread is doing.
struct ThreadState {
    node: NodeId,
    depth: u64,
    allocations: u32,
    /// Frames above the tracker, on the thread that started it: not part of the tree.
    above_tracker: Vec<LocationId>,
    skipped: u64,
}

/// A frame pushed onto a stack. The same code at the same instruction is the same location, until code objects are
/// defined anew.
#[derive(Clone, Copy, PartialEq)]
struct CallKey {
    code: u64,
    instruction_offset: i64,
    /// How often frames were defined anew, whether this is an entry frame, and the node above: as one number, because
    /// it is compared for every call.
    place: u64,
}

impl CallKey {
    #[inline(always)]
    fn new(frame: FrameKey, parent: NodeId, definitions: u32) -> Self {
        let FrameKey { code, instruction_offset, is_entry } = frame;
        let place = u64::from(definitions) << 33 | u64::from(is_entry) << 32 | u64::from(parent.0);
        Self { code, instruction_offset, place }
    }
}

impl RecentKey for CallKey {
    // The call tree has less than half as many nodes.
    const NEVER: Self = Self { code: 0, instruction_offset: 0, place: u32::MAX as u64 };

    #[inline(always)]
    fn spread(&self) -> u64 {
        let frame = self.code.rotate_left(20) ^ self.instruction_offset as u64;
        (frame ^ self.place << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl RecentKey for Site {
    // The call tree has less than half as many nodes.
    const NEVER: Self =
        Self { node: NodeId(u32::MAX), thread: ThreadIndex(0), allocator: Allocator::Malloc, native: None };

    #[inline(always)]
    fn spread(&self) -> u64 {
        let stack = u64::from(self.node.0) << 8 ^ u64::from(self.thread.0) << 4 ^ u64::from(self.allocator.number());
        let native = self.native.map_or(0, |native| u64::from(native.frame) << 32);
        (stack ^ native).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// What one site contributed to an aggregated capture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AggregatedSum {
    pub(crate) site: SiteId,
    pub(crate) peak: Amount,
    pub(crate) leaked: Amount,
}

/// Turns records into operations.
pub(crate) struct Assembler {
    python_version: u32,
    /// Then nodes hold whole Python stacks, with what hybrid stacks are made from; see [`crate::native::place`].
    has_native_traces: bool,
    main_thread: ThreadId,
    skipped_on_main: u64,
    pub(crate) names: Names,
    pub(crate) locations: LocationTable,
    code: CodeTable,
    tree: TreeBuilder,
    pub(crate) native: NativeFrames,
    pub(crate) threads: Vec<Thread>,
    states: Vec<ThreadState>,
    thread_ids: FxHashMap<ThreadId, u32>,
    current: u32,
    pub(crate) sites: Vec<Site>,
    /// By what they are, which stands in `sites` only: there may be millions.
    site_ids: HashTable<SiteId>,
    recent_sites: Recent<Site, SiteId>,
    recent_calls: Recent<CallKey, NodeId>,
    batch: Batch,
    pub(crate) last_snapshot_time_ms: Option<i64>,
    pub(crate) aggregated: Vec<AggregatedSum>,
    aggregated_stacks: super::aggregated_stacks::AggregatedStacks,
    pub(crate) allocations_and_frees: u64,
    pub(crate) allocations: u64,
    /// Bytes and allocations made in frames above the tracker, by innermost frame: memray's statistics show them.
    pub(crate) above_tracker: FxHashMap<LocationId, (u64, u64)>,
    /// Why the rest cannot be used.
    pub(crate) overflow: Option<String>,
}

impl Assembler {
    /// Nothing read yet.
    pub(crate) fn new(header: &Header) -> Self {
        let mut assembler = Self {
            python_version: header.python_version.unwrap_or(0),
            has_native_traces: header.has_native_traces,
            main_thread: header.main_thread,
            skipped_on_main: header.skipped_frames_on_main_thread,
            names: Names::default(),
            locations: LocationTable::new(header.module_paths.clone()),
            code: CodeTable::default(),
            tree: TreeBuilder::default(),
            native: NativeFrames::default(),
            threads: Vec::new(),
            states: Vec::new(),
            thread_ids: FxHashMap::default(),
            current: 0,
            sites: Vec::new(),
            site_ids: HashTable::new(),
            recent_sites: Recent::new(),
            recent_calls: Recent::new(),
            batch: Batch::default(),
            last_snapshot_time_ms: None,
            aggregated: Vec::new(),
            aggregated_stacks: super::aggregated_stacks::AggregatedStacks::default(),
            allocations_and_frees: 0,
            allocations: 0,
            above_tracker: FxHashMap::default(),
            overflow: None,
        };
        assembler.current = assembler.thread(ThreadId(0));
        // The module of stacks that belong to none.
        assembler.names.intern(b"<root>");
        assembler
    }

    /// Whether a batch is full.
    #[inline]
    pub(crate) fn is_batch_full(&self) -> bool {
        self.batch.operations.len() >= BATCH
    }

    /// The batch so far; `empty` is filled next.
    pub(crate) fn take_batch(&mut self, empty: Batch) -> Batch {
        std::mem::replace(&mut self.batch, empty)
    }

    /// The call tree, when all is read.
    pub(crate) fn take_tree(&mut self) -> crate::call_tree::CallTree {
        std::mem::take(&mut self.tree).finish()
    }

    /// Takes a record of another kind than those that have a method of their own.
    pub(crate) fn record(&mut self, record: Record<'_>) {
        match record {
            Record::ContextSwitch(thread) => {
                if self.threads[self.current as usize].id != thread {
                    self.current = self.thread(thread);
                }
            }
            other => self.rare_record(other),
        }
    }

    #[cold]
    fn rare_record(&mut self, record: Record<'_>) {
        match record {
            Record::Snapshot(snapshot) => {
                self.last_snapshot_time_ms = Some(snapshot.time_ms);
                self.batch.new_snapshots.push(snapshot);
                self.batch.operations.push(Operation::snapshot());
            }
            Record::ThreadName(name) => {
                let name = self.names.intern(name);
                self.threads[self.current as usize].name = Some(name);
            }
            Record::CodeObject(code) => self.code.define(&code, &mut self.names),
            Record::FrameDefinition(frame) => {
                self.code.define_frame(&frame, &mut self.names, &mut self.locations);
            }
            Record::NativeFrame(frame) => self.native.push(frame),
            Record::MappingsStart => self.native.start_generation(),
            Record::Library(library) => self.native.library(&library, &mut self.names),
            Record::Segment(segment) => self.native.segment(segment),
            Record::AggregatedFrame { frame_id, frame } => {
                let location = self.code.location(frame, self.python_version, &mut self.names, &mut self.locations);
                let marked = self.marked(location, &frame);
                self.aggregated_stacks.define_frame(frame_id, marked);
            }
            Record::StackEntry { frame_id, parent } => {
                let code = &mut self.code;
                let (names, locations, version) = (&mut self.names, &mut self.locations, self.python_version);
                let has_native_traces = self.has_native_traces;
                self.aggregated_stacks.push(frame_id, parent, || {
                    // Versions 10 and 11 define aggregated frames as streaming ones.
                    let frame = memray_format::FrameKey { code: frame_id, instruction_offset: 0, is_entry: true };
                    let location = code.location(frame, version, names, locations);
                    let is_entry = !has_native_traces || code.is_entry(&frame);
                    mark(location, is_entry)
                });
            }
            Record::AggregatedAllocation(sum) => self.aggregated_allocation(&sum),
            _ => {}
        }
    }

    fn thread(&mut self, id: ThreadId) -> u32 {
        if let Some(&index) = self.thread_ids.get(&id) {
            return index;
        }
        self.forget_unused_first();
        let index = self.threads.len() as u32;
        let is_main = id == self.main_thread && id.0 != 0;
        self.threads.push(Thread { id, name: None });
        self.states.push(ThreadState {
            node: NodeId::ROOT,
            depth: 0,
            allocations: 0,
            above_tracker: Vec::new(),
            skipped: if is_main { self.skipped_on_main } else { 0 },
        });
        self.thread_ids.insert(id, index);
        index
    }

    /// A capture begins in thread 0, which names none; if nothing happened in it, it is not listed.
    fn forget_unused_first(&mut self) {
        let is_unused = |state: &ThreadState| state.depth == 0 && state.allocations == 0;
        if self.allocations_and_frees == 0
            && self.states.len() == 1
            && self.states.first().is_some_and(is_unused)
            && self.threads[0] == (Thread { id: ThreadId(0), name: None })
        {
            self.states.clear();
            self.threads.clear();
            self.thread_ids.clear();
        }
    }

    /// What a node shows that a frame is pushed as.
    #[inline]
    fn marked(&self, location: LocationId, frame: &FrameKey) -> LocationId {
        if self.has_native_traces { mark(location, self.code.is_entry(frame)) } else { location }
    }

    /// A function is called.
    #[inline(always)]
    pub(crate) fn frame_push(&mut self, frame: FrameKey) {
        let state = &mut self.states[self.current as usize];
        let key = CallKey::new(frame, state.node, self.code.definitions());
        match self.recent_calls.get(&key) {
            Some(node) if state.depth >= state.skipped => {
                state.node = node;
                state.depth += 1;
            }
            _ => self.push(frame, key),
        }
    }

    fn push(&mut self, frame: FrameKey, key: CallKey) {
        let location = self.code.location(frame, self.python_version, &mut self.names, &mut self.locations);
        let marked = self.marked(location, &frame);
        let state = &mut self.states[self.current as usize];
        let is_above = state.depth < state.skipped;
        if is_above {
            state.above_tracker.push(location);
        }
        if !is_above || self.has_native_traces {
            state.node = self.tree.child(state.node, marked);
            self.recent_calls.put(key, state.node);
        }
        state.depth += 1;
    }

    /// Functions return.
    #[inline(always)]
    pub(crate) fn frame_pop(&mut self, count: u32) {
        let state = &mut self.states[self.current as usize];
        if state.depth < state.skipped.saturating_add(u64::from(count)) {
            return self.pop_above_tracker(count);
        }
        state.depth -= u64::from(count);
        for _ in 0..count {
            state.node = self.tree.parent(state.node);
        }
    }

    /// The same where the stack ends, or frames above the tracker are among them.
    #[cold]
    fn pop_above_tracker(&mut self, count: u32) {
        let state = &mut self.states[self.current as usize];
        for _ in 0..u64::from(count).min(state.depth) {
            state.depth -= 1;
            let is_above = state.depth < state.skipped;
            if is_above {
                state.above_tracker.pop();
            }
            if !is_above || self.has_native_traces {
                state.node = self.tree.parent(state.node);
            }
        }
    }

    /// Memory is allocated or freed.
    #[inline(always)]
    pub(crate) fn allocation(&mut self, allocation: &Allocation) {
        self.allocations_and_frees += 1;
        let kind = allocation.allocator.kind();
        let operation = match kind {
            AllocatorKind::Simple | AllocatorKind::Ranged => {
                self.allocations += 1;
                let site = self.site(allocation);
                let state = &mut self.states[self.current as usize];
                state.allocations = state.allocations.wrapping_add(1);
                if !state.above_tracker.is_empty() && state.depth <= state.skipped {
                    let leaf = state.above_tracker[state.above_tracker.len() - 1];
                    let sum = self.above_tracker.entry(leaf).or_default();
                    *sum = (sum.0.wrapping_add(allocation.size_bytes), sum.1 + 1);
                }
                let is_mapping = kind == AllocatorKind::Ranged;
                let (address, size) = (allocation.address, allocation.size_bytes);
                Operation::allocation(is_mapping, address, size, site, state.allocations)
            }
            AllocatorKind::SimpleFree | AllocatorKind::RangedFree => {
                let allocations = self.states[self.current as usize].allocations;
                let is_mapping = kind == AllocatorKind::RangedFree;
                let thread = self.current.min(MAX_TAG);
                Operation::free(is_mapping, allocation.address, allocation.size_bytes, thread, allocations)
            }
        };
        self.batch.operations.push(operation);
    }

    #[inline(always)]
    fn site(&mut self, allocation: &Allocation) -> SiteId {
        let native = self.native_stack(allocation.native_frame, self.native.generation());
        let node = self.states[self.current as usize].node;
        let site = Site { node, thread: ThreadIndex(self.current), allocator: allocation.allocator, native };
        match self.recent_sites.get(&site) {
            Some(id) => id,
            None => self.find_site(site),
        }
    }

    #[inline(always)]
    fn native_stack(&self, frame: u64, generation: u32) -> Option<NativeStack> {
        if frame == 0 {
            return None;
        }
        let frame = u32::try_from(frame).unwrap_or(0);
        (frame != 0).then_some(NativeStack { frame, generation })
    }

    fn find_site(&mut self, site: Site) -> SiteId {
        let sites = &self.sites;
        let found = self.site_ids.find(hash(&site), |id| sites[id.index()] == site).copied();
        let id = found.unwrap_or_else(|| self.new_site(site));
        self.recent_sites.put(site, id);
        id
    }

    #[cold]
    fn new_site(&mut self, site: Site) -> SiteId {
        if self.sites.len() as u32 >= MAX_TAG || self.tree.len() >= u32::MAX as usize / 2 {
            self.overflow.get_or_insert_with(|| "more call stacks than can be indexed".to_owned());
            return SiteId(0);
        }
        let id = SiteId(self.sites.len() as u32);
        self.sites.push(site);
        self.batch.new_site_threads.push(site.thread.0);
        let sites = &self.sites;
        self.site_ids.insert_unique(hash(&site), id, |id| hash(&sites[id.index()]));
        id
    }

    fn aggregated_allocation(&mut self, sum: &memray_format::AggregatedAllocation) {
        self.allocations_and_frees += 1;
        let thread = self.thread(sum.thread);
        let skipped = if self.has_native_traces { 0 } else { self.states[thread as usize].skipped };
        let node = self.aggregated_stacks.node(sum.stack, skipped, &mut self.tree);
        let generation = u32::try_from(sum.segment_generation).unwrap_or(0);
        let native = self.native_stack(sum.native_frame, generation);
        let site = self.find_site(Site { node, thread: ThreadIndex(thread), allocator: sum.allocator, native });
        let amount = |bytes: u64, allocations: u64| Amount {
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            allocations: i64::try_from(allocations).unwrap_or(i64::MAX),
        };
        self.aggregated.push(AggregatedSum {
            site,
            peak: amount(sum.peak_bytes, sum.peak_allocations),
            leaked: amount(sum.leaked_bytes, sum.leaked_allocations),
        });
    }
}

fn hash(site: &Site) -> u64 {
    FxBuildHasher.hash_one(site)
}
