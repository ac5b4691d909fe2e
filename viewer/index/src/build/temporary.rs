// SPDX-License-Identifier: Apache-2.0
//! Temporary allocations: for every site, how many allocations its thread made before it freed a block.

use crate::ids::SiteId;
use rustc_hash::FxHashMap;

/// The largest distance that is kept exactly. Beyond, the capture is read again.
pub(crate) const MAX_DISTANCE: u32 = 1024;

/// The nearest distances, which are most of all, are kept in a row for each site.
const NEAR: usize = 4;

/// A site with this many far distances is given a table of all of them.
const FAR_ENOUGH: u32 = 64;

/// Tables at most, 16 KiB each; further sites share a hash map.
const MAX_TABLES: usize = 4096;

/// Bytes and allocations.
type Sum = (u64, u64);

/// Bytes and allocations by site and distance.
pub(crate) struct TemporaryHistogram {
    max_distance: u32,
    /// What of a distance is kept: all, or none where distances are not told apart.
    kept_bits: u32,
    near: Vec<[Sum; NEAR]>,
    far: Vec<Far>,
    tables: Vec<Box<[Sum]>>,
    shared: FxHashMap<u64, Sum>,
}

/// Where a site's far distances are.
#[derive(Clone, Copy)]
enum Far {
    /// In the shared map, so many so far.
    Shared(u32),
    /// In a table.
    Table(u32),
}

impl Default for TemporaryHistogram {
    fn default() -> Self {
        Self {
            max_distance: MAX_DISTANCE,
            kept_bits: u32::MAX,
            near: Vec::new(),
            far: Vec::new(),
            tables: Vec::new(),
            shared: FxHashMap::default(),
        }
    }
}

impl TemporaryHistogram {
    /// One that only sums what is freed within a distance, all as distance 0.
    pub(crate) fn within(threshold: u64) -> Self {
        let max_distance = u32::try_from(threshold).unwrap_or(u32::MAX);
        let kept_bits = if max_distance > MAX_DISTANCE { 0 } else { u32::MAX };
        Self { max_distance, kept_bits, ..Self::default() }
    }

    /// Tells how many sites there are from now on.
    pub(crate) fn resize(&mut self, sites: usize) {
        self.near.resize(sites, [(0, 0); NEAR]);
        self.far.resize(sites, Far::Shared(0));
    }

    /// A block was freed by the thread that allocated it, `distance` allocations later.
    #[inline(always)]
    pub(crate) fn add(&mut self, site: SiteId, distance: u32, size_bytes: u64) {
        if distance > self.max_distance {
            return;
        }
        let distance = (distance & self.kept_bits) as usize;
        let sum = match self.near[site.index()].get_mut(distance) {
            Some(sum) => sum,
            None => self.far_sum(site, distance),
        };
        sum.0 = sum.0.wrapping_add(size_bytes);
        sum.1 += 1;
    }

    #[inline(never)]
    fn far_sum(&mut self, site: SiteId, distance: usize) -> &mut Sum {
        let far = &mut self.far[site.index()];
        if let Far::Shared(count) = far {
            *count += 1;
            if *count >= FAR_ENOUGH && self.tables.len() < MAX_TABLES {
                *far = Far::Table(self.tables.len() as u32);
                self.tables.push(vec![(0, 0); MAX_DISTANCE as usize + 1].into_boxed_slice());
            }
        }
        match *far {
            Far::Table(table) => &mut self.tables[table as usize][distance],
            Far::Shared(_) => self.shared.entry(u64::from(site.0) << 16 | distance as u64).or_default(),
        }
    }

    /// Rows (site, distance, bytes, allocations), by distance and site. The near ones are not copied: they are most of all.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (SiteId, u32, u64, u64)> + '_ {
        let near = (0..NEAR).flat_map(|distance| {
            let of_distance = move |(site, sums): (usize, &[Sum; NEAR])| row(site, distance, sums[distance]);
            self.near.iter().enumerate().filter_map(of_distance)
        });
        near.chain(self.far_rows())
    }

    fn far_rows(&self) -> Vec<(SiteId, u32, u64, u64)> {
        let mut rows = Vec::new();
        for (site, far) in self.far.iter().enumerate() {
            if let Far::Table(table) = far {
                let sums = self.tables[*table as usize].iter().enumerate();
                rows.extend(sums.filter_map(|(distance, &sum)| row(site, distance, sum)));
            }
        }
        let shared = self.shared.iter();
        rows.extend(shared.filter_map(|(key, &sum)| row((key >> 16) as usize, (key & 0xffff) as usize, sum)));
        rows.sort_unstable_by_key(|row| (row.1, row.0));
        // A site's first far distances are in the shared map, the others in its table.
        rows.dedup_by(|next, kept| {
            let is_same = (next.0, next.1) == (kept.0, kept.1);
            if is_same {
                kept.2 = kept.2.wrapping_add(next.2);
                kept.3 += next.3;
            }
            is_same
        });
        rows
    }
}

fn row(site: usize, distance: usize, (bytes, allocations): Sum) -> Option<(SiteId, u32, u64, u64)> {
    (allocations > 0).then_some((SiteId(site as u32), distance as u32, bytes, allocations))
}
