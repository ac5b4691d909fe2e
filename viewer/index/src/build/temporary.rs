// SPDX-License-Identifier: Apache-2.0
//! Temporary allocations: for every site, how many allocations its thread made before it freed a block.

use crate::ids::SiteId;
use rustc_hash::FxHashMap;

/// The largest distance that is kept exactly. Beyond, the capture is read again.
pub(crate) const MAX_DISTANCE: u32 = 1024;

/// Bytes and allocations by site and distance.
pub(crate) struct TemporaryHistogram {
    max_distance: u32,
    sums: FxHashMap<u64, (u64, u64)>,
    /// The nearest distances, which are most of all, without hashing: `NEAR` rows a site.
    near: Vec<(u64, u64)>,
}

const NEAR: usize = 4;

impl Default for TemporaryHistogram {
    fn default() -> Self {
        Self { max_distance: MAX_DISTANCE, sums: FxHashMap::default(), near: Vec::new() }
    }
}

impl TemporaryHistogram {
    /// One that only sums what is freed within a distance, all as distance 0.
    pub(crate) fn within(threshold: u64) -> Self {
        Self { max_distance: u32::try_from(threshold).unwrap_or(u32::MAX), ..Self::default() }
    }

    /// A block was freed by the thread that allocated it, `distance` allocations later.
    #[inline]
    pub(crate) fn add(&mut self, site: SiteId, distance: u32, size_bytes: u64) {
        if distance > self.max_distance {
            return;
        }
        let distance = if self.max_distance > MAX_DISTANCE { 0 } else { distance };
        let sum = if (distance as usize) < NEAR {
            let row = site.index() * NEAR + distance as usize;
            if row >= self.near.len() {
                self.near.resize((site.index() + 1) * NEAR, (0, 0));
            }
            &mut self.near[row]
        } else {
            self.sums.entry(u64::from(site.0) << 16 | u64::from(distance)).or_default()
        };
        sum.0 = sum.0.wrapping_add(size_bytes);
        sum.1 += 1;
    }

    /// Rows (site, distance, bytes, allocations), by site and distance.
    pub(crate) fn rows(&self) -> Vec<(SiteId, u32, u64, u64)> {
        let near = self.near.iter().enumerate().filter(|(_, sum)| sum.1 > 0).map(|(row, &(bytes, allocations))| {
            (SiteId((row / NEAR) as u32), (row % NEAR) as u32, bytes, allocations)
        });
        let far = self.sums.iter().map(|(&key, &(bytes, allocations))| {
            (SiteId((key >> 16) as u32), (key & 0xffff) as u32, bytes, allocations)
        });
        let mut rows: Vec<_> = near.chain(far).collect();
        rows.sort_unstable_by_key(|row| (row.0, row.1));
        rows
    }
}
