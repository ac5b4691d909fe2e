// SPDX-License-Identifier: Apache-2.0
//! The statistics that memray's `stats` shows, of the whole run.

use crate::ids::{LocationId, StringId};
use memray_format::Allocator;

/// Statistics of the whole run.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Allocations, frees excluded.
    pub allocations: u64,
    /// Sum of all sizes ever allocated.
    pub bytes: u64,
    /// High-water mark.
    pub peak_bytes: u64,
    /// Exact sizes with their number of allocations, by size. Where a run has more than 262,144 distinct sizes, the
    /// rest is in `size_buckets` only.
    pub allocations_by_size: Vec<(u64, u64)>,
    /// Number of allocations by power of two: row 0 is size 0, row i sizes in `2^(i-1)..2^i`.
    pub size_buckets: Vec<u64>,
    /// Smallest nonzero and largest size.
    pub size_range: (u64, u64),
    /// memray's histogram: ten logarithmic bins between them, as (lower bound, upper bound, allocations).
    pub histogram: Vec<SizeBin>,
    /// Allocations by allocator, the most first.
    pub allocators: Vec<(Allocator, u64)>,
    /// Innermost locations (not trimmed above the tracker, as memray) by bytes, all of them, the most first.
    pub top_locations: Vec<StatisticsRow<LocationId>>,
    /// Modules (memray's rule: the innermost that is not of the standard library) by bytes, the most first.
    pub top_modules: Vec<StatisticsRow<StringId>>,
}

/// A bin of memray's size histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeBin {
    /// Smallest size in it.
    pub min_bytes: u64,
    /// First size beyond it; the last bin includes it.
    pub max_bytes: u64,
    /// Allocations.
    pub allocations: u64,
}

/// A row of a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatisticsRow<Key> {
    /// What it ranks; `LocationId::NONE` where there was no Python stack.
    pub key: Key,
    /// Bytes ever allocated.
    pub bytes: u64,
    /// Allocations.
    pub allocations: u64,
}
