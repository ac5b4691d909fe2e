// SPDX-License-Identifier: Apache-2.0
//! Pairs every free with its allocation and sums lifetimes, in one pass over the operations of a capture.
//!
//! Time is cut into *slices*: one for each interval between snapshots, more where an interval is so busy that its
//! deaths would not fit in memory. A slice is parted at its peak, the last instant at which its heap is largest, so that
//! what lives at any peak is known exactly ([`Half`]). The peak may still move while the slice runs; but a block born
//! after the peak so far dies in the same half wherever the peak moves (before it if it moves, after it if not), so it is
//! churn at once. Only deaths of older blocks wait for the slice's end.

use super::live_blocks::{LiveBlock, LiveBlocks};
use super::live_mappings::{LiveMappings, Mapping};
use super::operation::{Operation, OperationKind};
use super::temporary::TemporaryHistogram;
use crate::columns::{Half, LifetimeRow, RowKind};
use crate::ids::SiteId;
use rustc_hash::FxHashMap;

/// Deaths that wait for a slice's end, before the slice is cut.
const MAX_WAITING: usize = 1 << 20;

/// Sizes below are counted in a plain array.
const SMALL_SIZES: usize = 4096;

/// Distinct larger sizes that are counted exactly.
const MAX_DISTINCT_SIZES: usize = 1 << 18;

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

/// What a site ever allocated, and in which thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiteTotal {
    pub(crate) bytes: u64,
    pub(crate) allocations: u64,
    churn_bytes: u64,
    churn_allocations: u32,
    thread: u32,
}

/// A death that waits for its slice's peak.
#[derive(Clone, Copy)]
struct Waiting {
    site: SiteId,
    birth: Half,
    position: u32,
    bytes: u64,
    allocations: u32,
    kind: RowKind,
}

/// Pairs and sums.
pub(crate) struct Aggregator {
    blocks: LiveBlocks,
    mappings: LiveMappings,
    heap_bytes: u64,
    interval: u32,
    position: u32,
    peak_bytes: u64,
    peak_position: u32,
    /// Position of each ended slice's peak.
    peak_positions: Vec<u32>,
    slices: Vec<Slice>,
    waiting: Vec<Waiting>,
    churning: Vec<SiteId>,
    site_totals: Vec<SiteTotal>,
    temporary: TemporaryHistogram,
    small_sizes: Vec<u64>,
    large_sizes: FxHashMap<u64, u64>,
    size_buckets: Vec<u64>,
    high_water_mark: (u64, Half),
    unmatched_frees: u64,
    snapshot_heaps: Vec<u64>,
    max_waiting: usize,
}

/// What is known when all is summed; the rows went to the sink.
pub(crate) struct Summary {
    pub(crate) slices: Vec<Slice>,
    pub(crate) site_totals: Vec<SiteTotal>,
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
            heap_bytes: 0,
            interval: 0,
            position: 0,
            peak_bytes: 0,
            peak_position: 0,
            peak_positions: Vec::new(),
            slices: Vec::new(),
            waiting: Vec::new(),
            churning: Vec::new(),
            site_totals: Vec::new(),
            temporary,
            small_sizes: vec![0; SMALL_SIZES],
            large_sizes: FxHashMap::default(),
            size_buckets: vec![0; 65],
            high_water_mark: (0, Half(0)),
            unmatched_frees: 0,
            snapshot_heaps: Vec::new(),
            max_waiting: MAX_WAITING,
        }
    }

    /// Tells the threads of sites that operations will name from now on.
    pub(crate) fn add_sites(&mut self, threads: &[u32]) {
        self.site_totals.extend(threads.iter().map(|&thread| SiteTotal { thread, ..SiteTotal::default() }));
        self.temporary.resize(self.site_totals.len());
    }

    /// Records and bytes of the heap, and the high-water mark, so far.
    pub(crate) fn peak_so_far(&self) -> u64 {
        self.high_water_mark.0.max(self.peak_bytes)
    }

    /// The interval of the high-water mark so far.
    pub(crate) fn peak_interval_so_far(&self) -> u32 {
        if self.peak_bytes >= self.high_water_mark.0 {
            return self.interval;
        }
        self.slices.get(self.high_water_mark.1.0 as usize / 2).map_or(0, |slice| slice.interval)
    }

    /// The heap just before each snapshot, so far.
    pub(crate) fn snapshot_heaps(&self) -> &[u64] {
        &self.snapshot_heaps
    }

    /// Takes a stretch of operations.
    pub(crate) fn operations(
        &mut self,
        operations: &[Operation],
        sink: &mut impl RowSink,
    ) -> Result<(), crate::error::Error> {
        operations.iter().try_for_each(|operation| self.operation(operation, sink))
    }

    /// Takes one operation.
    #[inline(always)]
    fn operation(&mut self, operation: &Operation, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        self.position += 1;
        match operation.kind() {
            OperationKind::Allocate => self.allocate(operation),
            OperationKind::Free => self.free(operation),
            OperationKind::Map => self.map(operation),
            OperationKind::Unmap => self.unmap(operation),
            OperationKind::Snapshot => {
                self.snapshot_heaps.push(self.heap_bytes);
                self.end_slice(sink)?;
                self.interval += 1;
                return Ok(());
            }
        }
        if self.heap_bytes >= self.peak_bytes {
            self.peak_bytes = self.heap_bytes;
            self.peak_position = self.position;
        }
        if self.waiting.len() >= self.max_waiting || self.position == u32::MAX {
            self.end_slice(sink)?;
        }
        Ok(())
    }

    #[inline]
    fn slice(&self) -> u32 {
        self.slices.len() as u32
    }

    #[inline(always)]
    fn count_allocation(&mut self, site: SiteId, size_bytes: u64) {
        let total = &mut self.site_totals[site.index()];
        // Not modulo 2^64, as other sums are: it tells whether those are right.
        total.bytes = total.bytes.saturating_add(size_bytes);
        total.allocations += 1;
        match self.small_sizes.get_mut(size_bytes as usize) {
            Some(count) => *count += 1,
            None => self.count_large(size_bytes),
        }
    }

    #[cold]
    fn count_large(&mut self, size_bytes: u64) {
        self.size_buckets[64 - size_bytes.leading_zeros() as usize] += 1;
        if self.large_sizes.len() < MAX_DISTINCT_SIZES || self.large_sizes.contains_key(&size_bytes) {
            *self.large_sizes.entry(size_bytes).or_default() += 1;
        }
    }

    #[inline(always)]
    fn allocate(&mut self, operation: &Operation) {
        let site = operation.site();
        self.count_allocation(site, operation.size_bytes);
        let block = LiveBlock {
            size_bytes: operation.size_bytes,
            site,
            slice: self.slice(),
            position: self.position,
            thread_allocations: operation.thread_allocations,
        };
        if let Some(lost) = self.blocks.insert(operation.address, block) {
            self.end_lost(&lost);
        }
        self.heap_bytes = self.heap_bytes.wrapping_add(operation.size_bytes);
    }

    /// A block ends whose free was not recorded.
    #[cold]
    fn end_lost(&mut self, block: &LiveBlock) {
        self.end_block(block);
    }

    #[inline(always)]
    fn free(&mut self, operation: &Operation) {
        let Some(block) = self.blocks.remove(operation.address) else {
            self.unmatched_frees += 1;
            return;
        };
        if self.site_totals[block.site.index()].thread == operation.thread() {
            let distance = operation.thread_allocations.wrapping_sub(block.thread_allocations);
            self.temporary.add(block.site, distance, block.size_bytes);
        }
        self.end_block(&block);
    }

    #[inline(always)]
    fn end_block(&mut self, block: &LiveBlock) {
        self.heap_bytes = self.heap_bytes.wrapping_sub(block.size_bytes);
        self.end(RowKind::Lifetime, block.site, (block.slice, block.position), block.size_bytes, 1);
    }

    #[inline(never)]
    fn map(&mut self, operation: &Operation) {
        let site = operation.site();
        self.count_allocation(site, operation.size_bytes);
        let size_bytes = operation.address.saturating_add(operation.size_bytes) - operation.address;
        if size_bytes == 0 {
            // Nothing is mapped, so nothing lives.
            self.churn(site, 0, 1);
            return;
        }
        self.mappings.insert(Mapping {
            address: operation.address,
            size_bytes,
            site,
            slice: self.slice(),
            position: self.position,
            thread_allocations: operation.thread_allocations,
        });
        self.heap_bytes = self.heap_bytes.wrapping_add(size_bytes);
    }

    #[inline(never)]
    fn unmap(&mut self, operation: &Operation) {
        let mut mappings = std::mem::take(&mut self.mappings);
        let now = (self.slice(), self.position);
        let mut is_matched = false;
        mappings.remove(operation.address, operation.size_bytes, now, |unmapped| {
            let mapping = unmapped.mapping;
            let is_exact = mapping.address == operation.address && mapping.size_bytes == operation.size_bytes;
            if is_exact && unmapped.is_last && self.site_totals[mapping.site.index()].thread == operation.thread() {
                let distance = operation.thread_allocations.wrapping_sub(mapping.thread_allocations);
                self.temporary.add(mapping.site, distance, mapping.size_bytes);
            }
            is_matched = true;
            self.heap_bytes = self.heap_bytes.wrapping_sub(unmapped.bytes);
            let born = (mapping.slice, mapping.position);
            self.end(RowKind::Lifetime, mapping.site, born, unmapped.bytes, u32::from(unmapped.is_last));
            if let Some(born) = unmapped.closed_piece {
                self.end(RowKind::Piece, mapping.site, born, 0, 1);
            }
        });
        self.mappings = mappings;
        self.unmatched_frees += u64::from(!is_matched);
    }

    /// Something born at a slice and position ends now.
    #[inline(always)]
    fn end(&mut self, kind: RowKind, site: SiteId, (slice, position): (u32, u32), bytes: u64, allocations: u32) {
        if slice == self.slice() && position > self.peak_position {
            if kind == RowKind::Lifetime {
                self.churn(site, bytes, allocations);
            }
        } else {
            self.wait(kind, site, (slice, position), bytes, allocations);
        }
    }

    #[inline(never)]
    fn wait(&mut self, kind: RowKind, site: SiteId, (slice, position): (u32, u32), bytes: u64, allocations: u32) {
        let birth = self.half(slice, position);
        self.waiting.push(Waiting { site, birth, position: self.position, bytes, allocations, kind });
    }

    #[inline(always)]
    fn churn(&mut self, site: SiteId, bytes: u64, allocations: u32) {
        let total = &mut self.site_totals[site.index()];
        if total.churn_allocations == 0 && total.churn_bytes == 0 {
            self.churning.push(site);
        }
        total.churn_bytes = total.churn_bytes.wrapping_add(bytes);
        total.churn_allocations += allocations;
    }

    /// The half in which a position lies; of the running slice by its peak so far.
    #[inline]
    fn half(&self, slice: u32, position: u32) -> Half {
        let peak_position = self.peak_positions.get(slice as usize).copied().unwrap_or(self.peak_position);
        Half::of(slice, position > peak_position)
    }

    fn end_slice(&mut self, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        let slice = self.slice();
        let mut rows: Vec<(RowKind, LifetimeRow)> = Vec::with_capacity(self.waiting.len());
        for waiting in std::mem::take(&mut self.waiting) {
            let death = Half::of(slice, waiting.position > self.peak_position);
            let Waiting { site, birth, bytes, allocations, kind, .. } = waiting;
            if birth != death {
                rows.push((kind, LifetimeRow { site, birth, death, bytes, allocations }));
            } else if kind == RowKind::Lifetime {
                self.churn(site, bytes, allocations);
            }
        }
        write_summed(&mut rows, sink)?;
        let mut churning = std::mem::take(&mut self.churning);
        churning.sort_unstable();
        churning.dedup();
        let half = Half::of(slice, false);
        for site in churning.drain(..) {
            let total = &mut self.site_totals[site.index()];
            let (bytes, allocations) = (total.churn_bytes, total.churn_allocations);
            (total.churn_bytes, total.churn_allocations) = (0, 0);
            sink.row(RowKind::Churn, LifetimeRow { site, birth: half, death: half, bytes, allocations })?;
        }
        self.churning = churning;

        // A slice that only falls has its peak where the one before it ended: that one keeps the high-water mark.
        let is_own_peak = self.peak_position > 0 || slice == 0;
        if self.peak_bytes > self.high_water_mark.0 || (self.peak_bytes == self.high_water_mark.0 && is_own_peak) {
            self.high_water_mark = (self.peak_bytes, Half::of(slice, false));
        }
        self.slices.push(Slice { interval: self.interval, peak_bytes: self.peak_bytes, end_bytes: self.heap_bytes });
        self.peak_positions.push(self.peak_position);
        self.position = 0;
        self.peak_position = 0;
        self.peak_bytes = self.heap_bytes;
        Ok(())
    }

    /// Ends the last slice and writes what is still live.
    pub(crate) fn finish(mut self, sink: &mut impl RowSink) -> Result<Summary, crate::error::Error> {
        self.end_slice(sink)?;
        self.write_live(sink)?;
        let mut sizes: Vec<(u64, u64)> = Vec::new();
        for (size, &count) in self.small_sizes.iter().enumerate() {
            if count > 0 {
                sizes.push((size as u64, count));
                self.size_buckets[64 - (size as u64).leading_zeros() as usize] += count;
            }
        }
        let mut large: Vec<(u64, u64)> = self.large_sizes.into_iter().collect();
        large.sort_unstable();
        sizes.extend(large);
        Ok(Summary {
            slices: self.slices,
            site_totals: self.site_totals,
            temporary: self.temporary,
            sizes,
            size_buckets: self.size_buckets,
            high_water_mark: self.high_water_mark,
            unmatched_frees: self.unmatched_frees,
            snapshot_heaps: self.snapshot_heaps,
            end_heap_bytes: self.heap_bytes,
        })
    }

    /// Rows that never die, summed batch by batch: sums of few rows need little memory, and a key may occur in more
    /// than one batch.
    fn write_live(&self, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        let mut rows: Vec<(RowKind, LifetimeRow)> = Vec::new();
        let mut result = Ok(());
        let mut add = |kind, site, birth, bytes, allocations| {
            rows.push((kind, LifetimeRow { site, birth, death: Half::NEVER, bytes, allocations }));
            if rows.len() >= 1 << 18 && result.is_ok() {
                result = write_summed(&mut rows, sink);
                rows.clear();
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
        write_summed(&mut rows, sink)
    }
}

/// Sums rows of equal keys and hands them on.
fn write_summed(rows: &mut [(RowKind, LifetimeRow)], sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
    rows.sort_unstable_by_key(|(kind, row)| (*kind, row.site, row.birth, row.death));
    let mut sum: Option<(RowKind, LifetimeRow)> = None;
    for &mut (kind, row) in rows {
        match &mut sum {
            Some((k, s)) if *k == kind && (s.site, s.birth, s.death) == (row.site, row.birth, row.death) => {
                s.bytes = s.bytes.wrapping_add(row.bytes);
                s.allocations += row.allocations;
            }
            other => {
                if let Some((kind, row)) = other.replace((kind, row)) {
                    sink.row(kind, row)?;
                }
            }
        }
    }
    if let Some((kind, row)) = sum {
        sink.row(kind, row)?;
    }
    Ok(())
}
