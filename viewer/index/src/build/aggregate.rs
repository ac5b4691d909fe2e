// SPDX-License-Identifier: Apache-2.0
//! Pairs every free with its allocation and sums lifetimes, in one pass over the operations of a capture.
//!
//! Time is cut into *slices*: one for each interval between snapshots, more where an interval is so busy that its
//! deaths would not fit in memory. A slice is parted at its peak, the last instant at which its heap is largest, so that
//! what lives at any peak is known exactly ([`Half`]). The peak may still move while the slice runs; but a block born
//! after the peak so far dies in the same half wherever the peak moves (before it if it moves, after it if not), so it is
//! churn at once. Other deaths of the slice's own blocks are undecided, but by site all at once ([`SiteSums`]). Only deaths
//! of blocks from slices before wait for the slice's end.
//!
//! What costs time here is what a processor guesses wrong: whether an operation allocates or frees, when its block was born,
//! whether the peak moves. So a stretch of operations is paired first, all alike, and the blocks that died are summed
//! afterwards, when it is known where the peak was at the stretch's end.

use super::deaths::Deaths;
use super::live_blocks::{LiveBlock, LiveBlocks};
use super::live_mappings::{LiveMappings, Mapping};
use super::operation::{Operation, OperationKind};
use super::site_sums::{SiteSums, SliceSum};
use super::size_counts::SizeCounts;
use super::temporary::TemporaryHistogram;
use crate::columns::{Half, LifetimeRow, RowKind};
use crate::ids::SiteId;

/// Deaths that wait for a slice's end, before the slice is cut.
const MAX_WAITING: usize = 1 << 20;

/// Operations of a slice, before it is cut.
const MAX_POSITION: u32 = 1 << 31;

/// Operations that are paired before those that died are summed.
const STRETCH: usize = 1024;

/// Where the rows go.
pub(crate) trait RowSink {
    /// Takes a row.
    fn row(&mut self, kind: RowKind, row: LifetimeRow) -> Result<(), crate::error::Error>;
}

/// A slice that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    /// The interval between snapshots that it is part of.
    pub(crate) interval: u32,
    /// Its largest heap, its start included.
    pub(crate) peak_bytes: u64,
    /// The heap at its end.
    pub(crate) end_bytes: u64,
}

/// Where the running slice is.
#[derive(Clone, Copy, Default)]
struct Now {
    heap_bytes: u64,
    /// Which of the slice's operations this is, from 1.
    position: u32,
    peak_bytes: u64,
    /// The last position at which the heap was as large.
    peak_position: u32,
    /// Blocks that died and are not summed.
    died: usize,
    slice: u32,
}

/// A block that died.
#[derive(Clone, Copy, Default)]
struct Died {
    block: LiveBlock,
    /// When.
    position: u32,
    /// The thread that freed it, and how many allocations that had made.
    thread: u32,
    thread_allocations: u32,
}

impl Died {
    #[inline(always)]
    fn new(block: LiveBlock, position: u32, freed_by: &Operation) -> Self {
        Self { block, position, thread: freed_by.thread(), thread_allocations: freed_by.thread_allocations }
    }
}

/// Pairs and sums.
pub(crate) struct Aggregator {
    blocks: LiveBlocks,
    mappings: LiveMappings,
    now: Now,
    died: Box<[Died; STRETCH + 1]>,
    interval: u32,
    /// Position of each ended slice's peak.
    peak_positions: Vec<u32>,
    slices: Vec<Slice>,
    waiting: Deaths,
    /// Sites of what was born and died in the running slice.
    churning: Vec<SiteId>,
    sites: Vec<SiteSums>,
    temporary: TemporaryHistogram,
    sizes: SizeCounts,
    high_water_mark: (u64, Half),
    unmatched_frees: u64,
    snapshot_heaps: Vec<u64>,
}

/// What is known when all is summed; the rows went to the sink.
pub(crate) struct Summary {
    pub(crate) slices: Vec<Slice>,
    pub(crate) sites: Vec<SiteSums>,
    pub(crate) temporary: TemporaryHistogram,
    /// Exact sizes with their number of allocations, by size.
    pub(crate) sizes: Vec<(u64, u64)>,
    /// By power of two.
    pub(crate) size_buckets: Vec<u64>,
    /// The heap's largest value, and the half at whose end it was reached.
    pub(crate) high_water_mark: (u64, Half),
    pub(crate) unmatched_frees: u64,
    /// The heap just before each snapshot.
    pub(crate) snapshot_heaps: Vec<u64>,
    pub(crate) end_heap_bytes: u64,
}

impl Aggregator {
    /// Nothing read yet.
    pub(crate) fn new(temporary: TemporaryHistogram) -> Self {
        Self {
            blocks: LiveBlocks::new(),
            mappings: LiveMappings::default(),
            now: Now::default(),
            died: Box::new([Died::default(); STRETCH + 1]),
            interval: 0,
            peak_positions: Vec::new(),
            slices: Vec::new(),
            waiting: Deaths::default(),
            churning: Vec::new(),
            sites: Vec::new(),
            temporary,
            sizes: SizeCounts::new(),
            high_water_mark: (0, Half(0)),
            unmatched_frees: 0,
            snapshot_heaps: Vec::new(),
        }
    }

    /// Tells the threads of sites that operations will name from now on.
    pub(crate) fn add_sites(&mut self, threads: &[u32]) {
        self.sites.extend(threads.iter().map(|&thread| SiteSums::new(thread)));
        self.temporary.resize(self.sites.len());
    }

    /// Records and bytes of the heap, and the high-water mark, so far.
    pub(crate) fn peak_so_far(&self) -> u64 {
        self.high_water_mark.0.max(self.now.peak_bytes)
    }

    /// The interval of the high-water mark so far.
    pub(crate) fn peak_interval_so_far(&self) -> u32 {
        if self.now.peak_bytes >= self.high_water_mark.0 {
            return self.interval;
        }
        self.slices.get(self.high_water_mark.1.0 as usize / 2).map_or(0, |slice| slice.interval)
    }

    /// The heap just before each snapshot, so far.
    pub(crate) fn snapshot_heaps(&self) -> &[u64] {
        &self.snapshot_heaps
    }

    /// Takes operations.
    pub(crate) fn operations(
        &mut self,
        operations: &[Operation],
        sink: &mut impl RowSink,
    ) -> Result<(), crate::error::Error> {
        for stretch in operations.chunks(STRETCH) {
            self.pair(stretch, sink)?;
            self.sum_died();
            if self.waiting.len() >= MAX_WAITING || self.now.position >= MAX_POSITION {
                self.end_slice(sink)?;
            }
        }
        Ok(())
    }

    /// Takes at most [`STRETCH`] operations; the blocks that die with them are summed later.
    fn pair(&mut self, operations: &[Operation], sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        let mut now = self.now;
        for operation in operations {
            now.position += 1;
            if !self.pair_simple(operation, &mut now) {
                self.now = now;
                self.pair_any(operation, sink)?;
                now = self.now;
            }
            let is_peak = now.heap_bytes >= now.peak_bytes;
            now.peak_bytes = now.peak_bytes.max(now.heap_bytes);
            now.peak_position = if is_peak { now.position } else { now.peak_position };
        }
        self.now = now;
        Ok(())
    }

    /// Takes an operation that is as nearly all are, without a branch on whether it allocates or frees (see
    /// [`LiveBlocks::exchange`]). Says whether it was.
    #[inline(always)]
    fn pair_simple(&mut self, operation: &Operation, now: &mut Now) -> bool {
        let size_bytes = operation.size_bytes;
        if !operation.is_of_block() | !SizeCounts::is_small(size_bytes) {
            return false;
        }
        let is_free = operation.is_free();
        let block = LiveBlock {
            size_bytes,
            site: operation.site(),
            slice: now.slice,
            position: now.position,
            thread_allocations: operation.thread_allocations,
        };
        let Some(freed) = self.blocks.exchange(operation.address, is_free, &block) else { return false };
        let if_free = 0u64.wrapping_sub(u64::from(is_free));
        self.died[now.died] = Died::new(freed, now.position, operation);
        now.died += usize::from(is_free);
        self.sizes.add_small(size_bytes, is_free);
        let change = size_bytes & !if_free | freed.size_bytes.wrapping_neg() & if_free;
        now.heap_bytes = now.heap_bytes.wrapping_add(change);
        true
    }

    /// Takes any operation.
    #[inline(never)]
    fn pair_any(&mut self, operation: &Operation, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        match operation.kind() {
            OperationKind::Allocate => self.allocate(operation),
            OperationKind::Free => self.free(operation),
            OperationKind::Map => self.map(operation),
            OperationKind::Unmap => self.unmap(operation),
            OperationKind::Snapshot => return self.snapshot(sink),
        }
        Ok(())
    }

    #[cold]
    fn snapshot(&mut self, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        self.snapshot_heaps.push(self.now.heap_bytes);
        self.end_slice(sink)?;
        self.interval += 1;
        Ok(())
    }

    #[inline]
    fn slice(&self) -> u32 {
        self.now.slice
    }

    fn allocate(&mut self, operation: &Operation) {
        self.sizes.add(operation.size_bytes);
        let block = LiveBlock {
            size_bytes: operation.size_bytes,
            site: operation.site(),
            slice: self.slice(),
            position: self.now.position,
            thread_allocations: operation.thread_allocations,
        };
        if let Some(lost) = self.blocks.insert(operation.address, block) {
            self.end_lost(&lost);
        }
        self.now.heap_bytes = self.now.heap_bytes.wrapping_add(operation.size_bytes);
    }

    /// A block ends whose free was not recorded.
    #[cold]
    fn end_lost(&mut self, block: &LiveBlock) {
        self.now.heap_bytes = self.now.heap_bytes.wrapping_sub(block.size_bytes);
        self.sites[block.site.index()].allocated(block.size_bytes);
        self.end(RowKind::Lifetime, block.site, (block.slice, block.position), block.size_bytes, 1);
    }

    fn free(&mut self, operation: &Operation) {
        let Some(block) = self.blocks.remove(operation.address) else {
            self.unmatched_frees += 1;
            return;
        };
        self.died[self.now.died] = Died::new(block, self.now.position, operation);
        self.now.died += 1;
        self.now.heap_bytes = self.now.heap_bytes.wrapping_sub(block.size_bytes);
    }

    /// Sums the blocks that died. Only their births may still wait for where the peak comes to be: those that died before
    /// the peak so far were born before it too.
    fn sum_died(&mut self) {
        let (slice, peak_position) = (self.slice(), self.now.peak_position);
        for died in &self.died[..self.now.died] {
            let LiveBlock { size_bytes, site, position: born, .. } = died.block;
            let distance = died.thread_allocations.wrapping_sub(died.block.thread_allocations);
            let sums = &mut self.sites[site.index()];
            sums.allocated(size_bytes);
            self.temporary.add(site, sums.thread() == died.thread, distance, size_bytes);
            if died.block.slice != slice {
                let birth = Half::of(died.block.slice, born > self.peak_positions[died.block.slice as usize]);
                self.waiting.push(RowKind::Lifetime, site, birth, died.position, (size_bytes, 1));
                continue;
            }
            let is_undecided = (born <= peak_position) & (died.position > peak_position);
            if sums.died(is_undecided, peak_position, size_bytes, 1) {
                self.churning.push(site);
            }
        }
        self.now.died = 0;
    }

    #[cold]
    fn map(&mut self, operation: &Operation) {
        let site = operation.site();
        self.sizes.add(operation.size_bytes);
        self.sites[site.index()].allocated(operation.size_bytes);
        let size_bytes = operation.address.saturating_add(operation.size_bytes) - operation.address;
        if size_bytes == 0 {
            // Nothing is mapped, so nothing lives.
            self.die(site, false, 0, 1);
            return;
        }
        self.mappings.insert(Mapping {
            address: operation.address,
            size_bytes,
            site,
            slice: self.slice(),
            position: self.now.position,
            thread_allocations: operation.thread_allocations,
        });
        self.now.heap_bytes = self.now.heap_bytes.wrapping_add(size_bytes);
    }

    #[cold]
    fn unmap(&mut self, operation: &Operation) {
        let mut mappings = std::mem::take(&mut self.mappings);
        let now = (self.slice(), self.now.position);
        let mut is_matched = false;
        mappings.remove(operation.address, operation.size_bytes, now, |unmapped| {
            let mapping = unmapped.mapping;
            let is_exact = mapping.address == operation.address && mapping.size_bytes == operation.size_bytes;
            if is_exact && unmapped.is_last && self.sites[mapping.site.index()].thread() == operation.thread() {
                let distance = operation.thread_allocations.wrapping_sub(mapping.thread_allocations);
                self.temporary.add(mapping.site, true, distance, mapping.size_bytes);
            }
            is_matched = true;
            self.now.heap_bytes = self.now.heap_bytes.wrapping_sub(unmapped.bytes);
            let born = (mapping.slice, mapping.position);
            self.end(RowKind::Lifetime, mapping.site, born, unmapped.bytes, u32::from(unmapped.is_last));
            if let Some(born) = unmapped.closed_piece {
                self.end(RowKind::Piece, mapping.site, born, 0, 1);
            }
        });
        self.mappings = mappings;
        self.unmatched_frees += u64::from(!is_matched);
    }

    /// Something born at a slice and position ends now, which is after the peak so far.
    fn end(&mut self, kind: RowKind, site: SiteId, (slice, position): (u32, u32), bytes: u64, allocations: u32) {
        let is_undecided = position <= self.now.peak_position;
        if slice != self.slice() || (kind == RowKind::Piece && is_undecided) {
            let birth = self.half(slice, position);
            self.waiting.push(kind, site, birth, self.now.position, (bytes, allocations));
        } else if kind == RowKind::Lifetime {
            self.die(site, is_undecided, bytes, allocations);
        }
    }

    /// What was born in the running slice dies.
    fn die(&mut self, site: SiteId, is_undecided: bool, bytes: u64, allocations: u32) {
        if self.sites[site.index()].died(is_undecided, self.now.peak_position, bytes, allocations) {
            self.churning.push(site);
        }
    }

    /// The half in which a position lies; of the running slice by its peak so far.
    fn half(&self, slice: u32, position: u32) -> Half {
        let peak_position = self.peak_positions.get(slice as usize).copied().unwrap_or(self.now.peak_position);
        Half::of(slice, position > peak_position)
    }

    fn end_slice(&mut self, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        self.sum_died();
        let slice = self.slice();
        let halves = [false, true].map(|is_after_peak| Half::of(slice, is_after_peak));
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sum(self.now.peak_position, |sum| {
            let (site, birth, death) = (sum.site, sum.birth, halves[usize::from(sum.is_after_peak)]);
            let row = LifetimeRow { site, birth, death, bytes: sum.bytes, allocations: sum.allocations };
            // A piece that was split off and ended in one half is nothing.
            if birth == death { Ok(()) } else { sink.row(sum.kind, row) }
        })?;
        self.waiting = waiting;
        self.churning.sort_unstable();
        let [birth, late] = halves;
        for site in self.churning.drain(..) {
            let sums = self.sites[site.index()].end_slice(self.now.peak_position);
            for (kind, death, sum) in [(RowKind::Churn, birth, sums[0]), (RowKind::Lifetime, late, sums[1])] {
                if sum != SliceSum::default() {
                    let row = LifetimeRow { site, birth, death, bytes: sum.bytes, allocations: sum.allocations };
                    sink.row(kind, row)?;
                }
            }
        }

        // A slice that only falls has its peak where the one before it ended: that one keeps the high-water mark.
        let is_own_peak = self.now.peak_position > 0 || slice == 0;
        if self.now.peak_bytes > self.high_water_mark.0
            || (self.now.peak_bytes == self.high_water_mark.0 && is_own_peak)
        {
            self.high_water_mark = (self.now.peak_bytes, Half::of(slice, false));
        }
        self.slices.push(Slice {
            interval: self.interval,
            peak_bytes: self.now.peak_bytes,
            end_bytes: self.now.heap_bytes,
        });
        self.peak_positions.push(self.now.peak_position);
        self.now.slice += 1;
        self.now.position = 0;
        self.now.peak_position = 0;
        self.now.peak_bytes = self.now.heap_bytes;
        Ok(())
    }

    /// Ends the last slice and writes what is still live.
    pub(crate) fn finish(mut self, sink: &mut impl RowSink) -> Result<Summary, crate::error::Error> {
        self.end_slice(sink)?;
        self.blocks.for_each(|block| self.sites[block.site.index()].allocated(block.size_bytes));
        self.write_live(sink)?;
        let (sizes, size_buckets) = self.sizes.finish();
        Ok(Summary {
            slices: self.slices,
            sites: self.sites,
            temporary: self.temporary,
            sizes,
            size_buckets,
            high_water_mark: self.high_water_mark,
            unmatched_frees: self.unmatched_frees,
            snapshot_heaps: self.snapshot_heaps,
            end_heap_bytes: self.now.heap_bytes,
        })
    }

    /// Rows that never die, summed batch by batch: sums of few rows need little memory, and a key may occur in more
    /// than one batch.
    fn write_live(&self, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        let mut rows = Deaths::default();
        let mut write = |rows: &mut Deaths| {
            rows.sum(0, |sum| {
                let (site, birth, death) = (sum.site, sum.birth, Half::NEVER);
                let row = LifetimeRow { site, birth, death, bytes: sum.bytes, allocations: sum.allocations };
                sink.row(sum.kind, row)
            })
        };
        let mut result = Ok(());
        let mut add = |kind, site, birth, bytes, allocations| {
            rows.push(kind, site, birth, 0, (bytes, allocations));
            if rows.len() >= 1 << 18 && result.is_ok() {
                result = write(&mut rows);
            }
        };
        self.blocks.for_each(|block| {
            add(RowKind::Lifetime, block.site, self.half(block.slice, block.position), block.size_bytes, 1);
        });
        self.mappings.for_each(|mapping, bytes, splits| {
            add(RowKind::Lifetime, mapping.site, self.half(mapping.slice, mapping.position), bytes, 1);
            for &(slice, position) in splits {
                add(RowKind::Piece, mapping.site, self.half(slice, position), 0, 1);
            }
        });
        result?;
        write(&mut rows)
    }
}
