// SPDX-License-Identifier: Apache-2.0
//! Turns records into operations: keeps each thread's stack as a node of the one call tree, and names by a small number
//! who allocates.
//!
//! This is the serial part of a build (stacks, deltas and caches make every record depend on those before), so it does
//! nothing that can be done elsewhere.

use super::code::CodeTable;
use super::operation::{MAX_TAG, Operation};
use super::recent::Recent;
use super::recent_keys::{CallKey, SiteKey};
use super::tree_builder::TreeBuilder;
use crate::answer::Amount;
use crate::ids::{LocationId, NodeId, SiteId, ThreadIndex};
use crate::index::Thread;
use crate::location_table::LocationTable;
use crate::names::Names;
use crate::native::frames::NativeFrames;
use crate::native::place::mark;
use crate::site::{NativeStack, Site, SizeClass};
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
    /// Of its innermost frame.
    node: NodeId,
    /// Where it returns to: the node that each of its frames was called from, innermost last.
    callers: Vec<NodeId>,
    allocations: u32,
    /// Frames above the tracker, on the thread that started it: not part of the tree.
    above_tracker: Vec<LocationId>,
    skipped: usize,
}

impl ThreadState {
    fn new(skipped: u64) -> Self {
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Self { node: NodeId::ROOT, callers: Vec::new(), allocations: 0, above_tracker: Vec::new(), skipped }
    }

    /// How many frames there are.
    #[inline(always)]
    fn depth(&self) -> usize {
        self.callers.len()
    }

    /// A frame is pushed, which is shown by a node.
    #[inline(always)]
    fn push(&mut self, node: NodeId) {
        self.callers.push(self.node);
        self.node = node;
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
    /// Of the current thread; what stands at its place in `states` is void.
    state: ThreadState,
    pub(crate) sites: Vec<Site>,
    /// By what they are, which stands in `sites` only: there may be millions.
    site_ids: HashTable<SiteId>,
    recent_sites: Recent<SiteKey, SiteId>,
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
            state: ThreadState::new(0),
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
                    self.switch_to(thread);
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

    #[cold]
    fn switch_to(&mut self, id: ThreadId) {
        std::mem::swap(&mut self.state, &mut self.states[self.current as usize]);
        self.current = self.thread(id);
        std::mem::swap(&mut self.state, &mut self.states[self.current as usize]);
    }

    fn thread(&mut self, id: ThreadId) -> u32 {
        if let Some(&index) = self.thread_ids.get(&id) {
            return index;
        }
        self.forget_unused_first();
        let index = self.threads.len() as u32;
        self.threads.push(Thread { id, name: None });
        self.states.push(ThreadState::new(self.skipped(id)));
        self.thread_ids.insert(id, index);
        index
    }

    /// How many frames of a thread are above the tracker.
    fn skipped(&self, thread: ThreadId) -> u64 {
        if thread == self.main_thread && thread.0 != 0 { self.skipped_on_main } else { 0 }
    }

    /// A capture begins in thread 0, which names none; if nothing happened in it, it is not listed.
    fn forget_unused_first(&mut self) {
        let is_unused = |state: &ThreadState| state.depth() == 0 && state.allocations == 0;
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
        let key = CallKey::new(frame, self.state.node, self.code.definitions());
        match self.recent_calls.get(&key) {
            Some(node) if self.state.depth() >= self.state.skipped => self.state.push(node),
            _ => self.push(frame, key),
        }
    }

    #[inline(never)]
    fn push(&mut self, frame: FrameKey, key: CallKey) {
        let location = self.code.location(frame, self.python_version, &mut self.names, &mut self.locations);
        let marked = self.marked(location, &frame);
        let state = &mut self.state;
        let mut node = state.node;
        let is_above = state.depth() < state.skipped;
        if is_above {
            state.above_tracker.push(location);
        }
        if !is_above || self.has_native_traces {
            node = self.tree.child(node, marked);
            if key.is_whole() {
                self.recent_calls.put(key, node);
            }
        }
        state.push(node);
    }

    /// Functions return.
    #[inline(always)]
    pub(crate) fn frame_pop(&mut self, count: u32) {
        let state = &mut self.state;
        let left = state.depth().wrapping_sub(count as usize);
        match state.callers.get(left) {
            Some(&caller) if left >= state.skipped => {
                state.node = caller;
                state.callers.truncate(left);
            }
            _ => self.pop_above_tracker(count),
        }
    }

    /// The same where the stack ends, or frames above the tracker are among them.
    #[cold]
    fn pop_above_tracker(&mut self, count: u32) {
        let state = &mut self.state;
        for _ in 0..count {
            let Some(caller) = state.callers.pop() else { return };
            state.node = caller;
            if state.depth() < state.skipped {
                state.above_tracker.pop();
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
                let site =
                    self.site((allocation.allocator, SizeClass::of(allocation.size_bytes)), allocation.native_frame);
                let state = &mut self.state;
                state.allocations = state.allocations.wrapping_add(1);
                if !state.above_tracker.is_empty() && state.depth() <= state.skipped {
                    let leaf = state.above_tracker[state.above_tracker.len() - 1];
                    let sum = self.above_tracker.entry(leaf).or_default();
                    *sum = (sum.0.wrapping_add(allocation.size_bytes), sum.1 + 1);
                }
                let is_mapping = kind == AllocatorKind::Ranged;
                let (address, size) = (allocation.address, allocation.size_bytes);
                Operation::allocation(is_mapping, address, size, site, state.allocations)
            }
            AllocatorKind::SimpleFree | AllocatorKind::RangedFree => {
                let is_mapping = kind == AllocatorKind::RangedFree;
                let thread = self.current.min(MAX_TAG);
                Operation::free(is_mapping, allocation.address, allocation.size_bytes, thread, self.state.allocations)
            }
        };
        self.batch.operations.push(operation);
    }

    #[inline(always)]
    fn site(&mut self, called: (Allocator, SizeClass), native_frame: u64) -> SiteId {
        let key = SiteKey::new(self.state.node, self.current, called, native_frame, self.native.generation());
        match self.recent_sites.get(&key) {
            Some(id) => id,
            None => self.look_up_site(called, native_frame, key),
        }
    }

    #[inline(never)]
    fn look_up_site(
        &mut self,
        (allocator, size_class): (Allocator, SizeClass),
        native_frame: u64,
        key: SiteKey,
    ) -> SiteId {
        let native = native_stack(native_frame, self.native.generation());
        let (node, thread) = (self.state.node, ThreadIndex(self.current));
        let id = self.find_site(Site { node, thread, allocator, size_class, native });
        if key.is_whole() {
            self.recent_sites.put(key, id);
        }
        id
    }

    fn find_site(&mut self, site: Site) -> SiteId {
        let sites = &self.sites;
        let found = self.site_ids.find(hash(&site), |id| sites[id.index()] == site).copied();
        found.unwrap_or_else(|| self.new_site(site))
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
        let skipped = if self.has_native_traces { 0 } else { self.skipped(sum.thread) };
        let node = self.aggregated_stacks.node(sum.stack, skipped, &mut self.tree);
        let generation = u32::try_from(sum.segment_generation).unwrap_or(0);
        let native = native_stack(sum.native_frame, generation);
        let (thread, allocator) = (ThreadIndex(thread), sum.allocator);
        // Its sums do not say how large each allocation was.
        let site = self.find_site(Site { node, thread, allocator, size_class: SizeClass::default(), native });
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

fn native_stack(frame: u64, generation: u32) -> Option<NativeStack> {
    let frame = u32::try_from(frame).unwrap_or(0);
    (frame != 0).then_some(NativeStack { frame, generation })
}

fn hash(site: &Site) -> u64 {
    FxBuildHasher.hash_one(site)
}
