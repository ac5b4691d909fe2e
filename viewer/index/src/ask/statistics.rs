// SPDX-License-Identifier: Apache-2.0
//! The whole run's statistics, as memray's `stats` counts them.

use super::charged::{modules_of_stacks, nearest};
use super::{AGGREGATED, unreadable};
use crate::error::Refusal;
use crate::ids::LocationId;
use crate::location::FrameKind;
use crate::statistics::{SizeBin, Statistics, StatisticsRow};
use crate::store::Store;
use memray_format::Allocator;
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// Bins of memray's histogram.
const BINS: usize = 10;

impl Store {
    /// The whole run's statistics.
    pub(crate) fn statistics(&self) -> Result<Statistics, Refusal> {
        if self.info.is_aggregated() {
            return Err(Refusal(AGGREGATED.to_owned()));
        }
        let (sizes, buckets, above_tracker) = self.lifetimes.with_connection(stored).map_err(unreadable)?;
        let mut allocators: FxHashMap<Allocator, u64> = FxHashMap::default();
        let mut locations = Ranking::default();
        let mut modules = Ranking::default();
        let leaves = nearest(self, |location| location.kind == FrameKind::Python);
        let stack_modules = modules_of_stacks(self);
        for &(id, amount) in &self.sums.total {
            let site = &self.sites[id.index()];
            let (bytes, allocations) = (amount.bytes as u64, amount.allocations as u64);
            let count = allocators.entry(site.allocator).or_default();
            *count = count.wrapping_add(allocations);
            locations.add(leaves[site.node.index()], bytes, allocations);
            modules.add(stack_modules[site.node.index()], bytes, allocations);
        }
        // memray does not trim frames above the tracker here; such allocations have no stack otherwise.
        for (location, bytes, allocations) in above_tracker {
            if location.index() < self.locations.len() {
                locations.add(location, bytes, allocations);
                locations.remove(LocationId::NONE, bytes, allocations);
            }
        }
        let mut allocators: Vec<_> = allocators.into_iter().collect();
        allocators.sort_unstable_by_key(|&(allocator, count)| (std::cmp::Reverse(count), allocator));
        let smallest = sizes.iter().map(|&(size, _)| size).find(|&size| size > 0).unwrap_or(0);
        let largest = sizes.last().map_or(0, |&(size, _)| size);
        Ok(Statistics {
            allocations: self.info.counts.allocations,
            bytes: self.info.total_bytes_allocated,
            peak_bytes: self.timeline.peak_bytes,
            histogram: histogram(&sizes),
            allocations_by_size: sizes,
            size_buckets: buckets,
            size_range: (smallest, largest),
            allocators,
            top_locations: locations.rows(),
            top_modules: modules.rows(),
        })
    }
}

type Stored = (Vec<(u64, u64)>, Vec<u64>, Vec<(LocationId, u64, u64)>);

fn stored(connection: &Connection) -> rusqlite::Result<Stored> {
    let sizes = connection
        .prepare("SELECT size_bytes, allocations FROM sizes")?
        .query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let buckets = connection
        .prepare("SELECT allocations FROM size_buckets ORDER BY bucket")?
        .query_map([], |row| Ok(row.get::<_, i64>(0)? as u64))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let above_tracker = connection
        .prepare("SELECT location, bytes, allocations FROM above_tracker")?
        .query_map([], |row| Ok((LocationId(row.get(0)?), row.get::<_, i64>(1)? as u64, row.get::<_, i64>(2)? as u64)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut sizes = sizes;
    sizes.sort_unstable();
    Ok((sizes, buckets, above_tracker))
}

/// Sums by key.
struct Ranking<Key>(FxHashMap<Key, (u64, u64)>);

impl<Key> Default for Ranking<Key> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<Key: Copy + Eq + Hash + Ord> Ranking<Key> {
    fn add(&mut self, key: Key, bytes: u64, allocations: u64) {
        let sum = self.0.entry(key).or_default();
        *sum = (sum.0.wrapping_add(bytes), sum.1.wrapping_add(allocations));
    }

    fn remove(&mut self, key: Key, bytes: u64, allocations: u64) {
        if let Some(sum) = self.0.get_mut(&key) {
            *sum = (sum.0.wrapping_sub(bytes), sum.1.saturating_sub(allocations));
        }
    }

    fn rows(self) -> Vec<StatisticsRow<Key>> {
        let mut rows: Vec<_> = self
            .0
            .into_iter()
            .filter(|(_, sum)| *sum != (0, 0))
            .map(|(key, (bytes, allocations))| StatisticsRow { key, bytes, allocations })
            .collect();
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.bytes), std::cmp::Reverse(row.allocations), row.key));
        rows
    }
}

/// memray's histogram: ten bins of equal width in logarithm between the smallest nonzero size and the largest; sizes of 0
/// are in the first, the largest is in the last.
fn histogram(sizes: &[(u64, u64)]) -> Vec<SizeBin> {
    let Some(smallest) = sizes.iter().map(|&(size, _)| size).find(|&size| size > 0) else { return Vec::new() };
    let high = (sizes.last().map_or(smallest, |&(size, _)| size) as f64).ln();
    let mut low = (smallest as f64).ln();
    if low == high {
        low /= 2.0;
    }
    let step = (high - low) / BINS as f64;
    let upper: Vec<u64> = (0..BINS).map(|bin| (low + step * (bin + 1) as f64).exp() as u64).collect();
    let mut bins: Vec<SizeBin> = (0..BINS)
        .map(|bin| SizeBin {
            min_bytes: if bin == 0 { 0 } else { upper[bin - 1] },
            max_bytes: upper[bin],
            allocations: 0,
        })
        .collect();
    for &(size, allocations) in sizes {
        let bin = if size == 0 || step == 0.0 { 0 } else { floor_division((size as f64).ln() - low, step) as usize };
        let count = &mut bins[bin.min(BINS - 1)].allocations;
        *count = count.wrapping_add(allocations);
    }
    bins
}

/// Python's `//` of two positive numbers, which differs from the floor of the quotient by how it rounds.
fn floor_division(a: f64, b: f64) -> f64 {
    let quotient = (a - a % b) / b;
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor.max(0.0) }
}
