// SPDX-License-Identifier: Apache-2.0
//! Pairs every free with its allocation and sums lifetimes, in one pass over the operations of a capture.
//!
//! Time is cut into *slices*: one for each interval between snapshots, more where an interval is so busy that its
//! deaths would not fit in memory. A slice is parted at its peak, the last instant at which its heap is largest, so that
//! what lives at any peak is known exactly ([`Half`]). The peak may still move while the slice runs; but a block born
//! after the peak so far dies in the same half wherever the peak moves (before it if it moves, after it if not), so it is
//! churn at once. Other deaths of the slice's own blocks are undecided, but by site all at once ([`SiteSums`]). Only deaths
//! of blocks from slices before wait for the slice's end.

use super::deaths::Deaths;
use super::live_blocks::{LiveBlock, LiveBlocks};
use super::live_mappings::{LiveMappings, Mapping};
use super::operation::{Operation, OperationKind};
use super::site_sums::{SiteSums, SliceSum};
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
    waiting: Deaths,
    /// Sites of what was born and died in the running slice.
    churning: Vec<SiteId>,
    sites: Vec<SiteSums>,
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
            heap_bytes: 0,
            interval: 0,
            position: 0,
            peak_bytes: 0,
            peak_position: 0,
            peak_positions: Vec::new(),
            slices: Vec::new(),
            waiting: Deaths::default(),
            churning: Vec::new(),
            sites: Vec::new(),
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
        self.sites.extend(threads.iter().map(|&thread| SiteSums::new(thread)));
        self.temporary.resize(self.sites.len());
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
            OperationKind::Snapshot => return self.snapshot(sink),
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

    #[cold]
    fn snapshot(&mut self, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        self.snapshot_heaps.push(self.heap_bytes);
        self.end_slice(sink)?;
        self.interval += 1;
        Ok(())
    }

    #[inline]
    fn slice(&self) -> u32 {
        self.slices.len() as u32
    }

    #[inline(always)]
    fn count_allocation(&mut self, site: SiteId, size_bytes: u64) {
        self.sites[site.index()].allocate(size_bytes);
        match self.small_sizes.get_mut(size_bytes as usize) {
            Some(count) => *count += 1,
            None => self.count_large(size_bytes),
        }
    }

    #[cold]
    fn count_large(&mut self, size_bytes: u64) {
        self.size_buckets[64 - size_bytes.leading_zeros() as usize] += 1;
        let is_exact = self.large_sizes.len() < MAX_DISTINCT_SIZES || self.large_sizes.contains_key(&size_bytes);
        let counted_as = if is_exact { size_bytes } else { rounded(size_bytes) };
        *self.large_sizes.entry(counted_as).or_default() += 1;
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
        if self.sites[block.site.index()].thread() == operation.thread() {
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

    #[cold]
    fn map(&mut self, operation: &Operation) {
        let site = operation.site();
        self.count_allocation(site, operation.size_bytes);
        let size_bytes = operation.address.saturating_add(operation.size_bytes) - operation.address;
        if size_bytes == 0 {
            // Nothing is mapped, so nothing lives.
            self.die(site, true, 0, 1);
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

    #[cold]
    fn unmap(&mut self, operation: &Operation) {
        let mut mappings = std::mem::take(&mut self.mappings);
        let now = (self.slice(), self.position);
        let mut is_matched = false;
        mappings.remove(operation.address, operation.size_bytes, now, |unmapped| {
            let mapping = unmapped.mapping;
            let is_exact = mapping.address == operation.address && mapping.size_bytes == operation.size_bytes;
            if is_exact && unmapped.is_last && self.sites[mapping.site.index()].thread() == operation.thread() {
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
        let is_after_peak = position > self.peak_position;
        if slice != self.slice() || (kind == RowKind::Piece && !is_after_peak) {
            self.wait(kind, site, (slice, position), bytes, allocations);
        } else if kind == RowKind::Lifetime {
            self.die(site, is_after_peak, bytes, allocations);
        }
    }

    #[inline(never)]
    fn wait(&mut self, kind: RowKind, site: SiteId, (slice, position): (u32, u32), bytes: u64, allocations: u32) {
        let birth = self.half(slice, position);
        self.waiting.push(kind, site, birth, self.position, (bytes, allocations));
    }

    /// What was born in the running slice dies.
    #[inline(always)]
    fn die(&mut self, site: SiteId, is_born_after_peak: bool, bytes: u64, allocations: u32) {
        if self.sites[site.index()].die(is_born_after_peak, self.peak_position, bytes, allocations) {
            self.churning.push(site);
        }
    }

    /// The half in which a position lies; of the running slice by its peak so far.
    #[inline]
    fn half(&self, slice: u32, position: u32) -> Half {
        let peak_position = self.peak_positions.get(slice as usize).copied().unwrap_or(self.peak_position);
        Half::of(slice, position > peak_position)
    }

    fn end_slice(&mut self, sink: &mut impl RowSink) -> Result<(), crate::error::Error> {
        let slice = self.slice();
        let halves = [false, true].map(|is_after_peak| Half::of(slice, is_after_peak));
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sum(self.peak_position, |sum| {
            let (site, birth, death) = (sum.site, sum.birth, halves[usize::from(sum.is_after_peak)]);
            let row = LifetimeRow { site, birth, death, bytes: sum.bytes, allocations: sum.allocations };
            // A piece that was split off and ended in one half is nothing.
            if birth == death { Ok(()) } else { sink.row(sum.kind, row) }
        })?;
        self.waiting = waiting;
        self.churning.sort_unstable();
        let [birth, late] = halves;
        for site in self.churning.drain(..) {
            let sums = self.sites[site.index()].end_slice(self.peak_position);
            for (kind, death, sum) in [(RowKind::Churn, birth, sums[0]), (RowKind::Lifetime, late, sums[1])] {
                if sum != SliceSum::default() {
                    let row = LifetimeRow { site, birth, death, bytes: sum.bytes, allocations: sum.allocations };
                    sink.row(kind, row)?;
                }
            }
        }

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
            sites: self.sites,
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

/// A size to twelve bits, which few are: as what further sizes are counted where there are too many to count each.
fn rounded(size_bytes: u64) -> u64 {
    size_bytes & (u64::MAX << (64 - 12)) >> size_bytes.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down_to_twelve_bits() {
        assert_eq!([4096, 4097, 0x1_0000, 0x1_003f].map(rounded), [4096, 4096, 0x1_0000, 0x1_0020]);
        assert_eq!(rounded(u64::MAX), 0xfff << 52);
    }
}
