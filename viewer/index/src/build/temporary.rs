// SPDX-License-Identifier: Apache-2.0
//! Temporary allocations: for every site, how many allocations its thread made before it freed a block.
//!
//! [`TemporaryHistogram`] leads. There may be as many pairs of site and distance as frees, so only so many are kept: when
//! there are more, the farthest distance is forgotten, of all sites at once, until the others fit. What is kept is exact,
//! and how far that goes is told ([`TemporaryHistogram::known_distance`]); the capture is read again for more.

use crate::ids::SiteId;
use rustc_hash::FxHashMap;

/// The largest distance that is ever kept.
pub(crate) const MAX_DISTANCE: u32 = 1024;

/// The nearest distances, which are most of all, are kept in a row for each site, and never forgotten.
const NEAR: usize = 4;

/// A site that freed so many blocks at far distances is given a table of all of them.
const FAR_ENOUGH: u32 = 1024;

/// Tables at most, 16 KiB each; further sites share a hash map a distance.
const MAX_TABLES: usize = 1024;

/// Sums of a table: one for each distance.
const TABLE_SUMS: usize = MAX_DISTANCE as usize + 1;

/// Frees that are added to tables at a time. The tables lie beyond a processor's second-level cache; a plain loop over many
/// of their places waits for several at once, while among other work each would be waited for alone.
const MAX_PENDING: usize = 1024;

/// Sums in those maps, about 45 bytes each.
const MAX_SHARED: usize = 1 << 20;

/// Bytes and allocations.
type Sum = (u64, u64);

/// A row: site, distance, bytes, allocations.
pub(crate) type TemporaryRow = (SiteId, u32, u64, u64);

/// Bytes and allocations by site and distance.
pub(crate) struct TemporaryHistogram {
    /// The largest distance that is kept.
    known_distance: u32,
    /// What of a distance is kept: all, or none where distances are not told apart.
    kept_bits: u32,
    near: Vec<[Sum; NEAR]>,
    far: Vec<Far>,
    /// The site of each table.
    table_sites: Vec<SiteId>,
    /// The tables, one after the other, by distance.
    table_sums: Vec<Sum>,
    /// Places in them and sizes that are not added yet.
    pending: Vec<(u32, u64)>,
    /// By distance, from [`NEAR`] on.
    shared: Vec<FxHashMap<SiteId, Sum>>,
    /// Sums in all of them, and how many there may be.
    shared_sums: usize,
    max_shared: usize,
}

/// Where a site's far distances are.
#[derive(Clone, Copy)]
enum Far {
    /// In the shared maps, so many frees so far.
    Shared(u32),
    /// In a table.
    Table(u32),
}

impl Default for TemporaryHistogram {
    fn default() -> Self {
        Self {
            known_distance: MAX_DISTANCE,
            kept_bits: u32::MAX,
            near: Vec::new(),
            far: Vec::new(),
            table_sites: Vec::new(),
            table_sums: Vec::new(),
            pending: Vec::new(),
            shared: vec![FxHashMap::default(); MAX_DISTANCE as usize + 1 - NEAR],
            shared_sums: 0,
            max_shared: MAX_SHARED,
        }
    }
}

impl TemporaryHistogram {
    /// One that only sums what is freed within a distance, all as distance 0.
    pub(crate) fn within(threshold: u64) -> Self {
        Self { known_distance: u32::try_from(threshold).unwrap_or(u32::MAX), kept_bits: 0, ..Self::default() }
    }

    /// The largest distance of which all is kept.
    pub(crate) fn known_distance(&self) -> u32 {
        self.known_distance
    }

    /// Tells how many sites there are from now on.
    pub(crate) fn resize(&mut self, sites: usize) {
        self.near.resize(sites, [(0, 0); NEAR]);
        self.far.resize(sites, Far::Shared(0));
    }

    /// A block was freed by the thread that allocated it, `distance` allocations later.
    #[inline(always)]
    pub(crate) fn add(&mut self, site: SiteId, distance: u32, size_bytes: u64) {
        if distance > self.known_distance {
            return;
        }
        let distance = (distance & self.kept_bits) as usize;
        match self.near[site.index()].get_mut(distance) {
            Some(sum) => add(sum, (size_bytes, 1)),
            None => self.add_far(site, distance, size_bytes),
        }
    }

    #[inline(never)]
    fn add_far(&mut self, site: SiteId, distance: usize, size_bytes: u64) {
        let far = &mut self.far[site.index()];
        if let Far::Shared(frees) = far {
            *frees += 1;
            if *frees >= FAR_ENOUGH && self.table_sites.len() < MAX_TABLES {
                *far = Far::Table(self.table_sites.len() as u32);
                self.table_sites.push(site);
                self.table_sums.resize(self.table_sites.len() * TABLE_SUMS, (0, 0));
            }
        }
        match *far {
            Far::Table(table) => {
                self.pending.push(((table as usize * TABLE_SUMS + distance) as u32, size_bytes));
                if self.pending.len() >= MAX_PENDING {
                    self.add_pending();
                }
            }
            Far::Shared(_) => {
                let sums = &mut self.shared[distance - NEAR];
                let before = sums.len();
                add(sums.entry(site).or_default(), (size_bytes, 1));
                self.shared_sums += sums.len() - before;
                if self.shared_sums > self.max_shared {
                    self.forget_farthest();
                }
            }
        }
    }

    #[inline(never)]
    fn add_pending(&mut self) {
        for (place, size_bytes) in self.pending.drain(..) {
            add(&mut self.table_sums[place as usize], (size_bytes, 1));
        }
    }

    #[cold]
    fn forget_farthest(&mut self) {
        while self.shared_sums > self.max_shared
            && let Some(farthest) = self.shared.pop()
        {
            self.shared_sums -= farthest.len();
            self.known_distance = (NEAR + self.shared.len()) as u32 - 1;
        }
    }

    /// All rows, by distance and site. None but those of one far distance are copied: they may be many.
    pub(crate) fn rows(&mut self) -> impl Iterator<Item = TemporaryRow> + '_ {
        self.add_pending();
        self.sorted_rows()
    }

    fn sorted_rows(&self) -> impl Iterator<Item = TemporaryRow> + '_ {
        let near = (0..NEAR).flat_map(|distance| {
            let of_distance =
                move |(site, sums): (usize, &[Sum; NEAR])| row(SiteId(site as u32), distance, sums[distance]);
            self.near.iter().enumerate().filter_map(of_distance)
        });
        near.chain((NEAR..).zip(&self.shared).flat_map(|(distance, shared)| self.far_rows(distance, shared)))
    }

    fn far_rows(&self, distance: usize, shared: &FxHashMap<SiteId, Sum>) -> Vec<TemporaryRow> {
        let tables = self.table_sites.iter().zip(self.table_sums.chunks_exact(TABLE_SUMS));
        let tables = tables.filter_map(|(&site, sums)| row(site, distance, sums[distance]));
        let shared = shared.iter().filter_map(|(&site, &sum)| row(site, distance, sum));
        let mut rows: Vec<TemporaryRow> = tables.chain(shared).collect();
        rows.sort_unstable_by_key(|row| row.0);
        // A site's first far distances are in the shared maps, the others in its table.
        rows.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                (kept.2, kept.3) = (kept.2.wrapping_add(next.2), kept.3 + next.3);
            }
            is_same
        });
        rows
    }
}

#[inline(always)]
fn add(sum: &mut Sum, (bytes, allocations): Sum) {
    *sum = (sum.0.wrapping_add(bytes), sum.1 + allocations);
}

fn row(site: SiteId, distance: usize, (bytes, allocations): Sum) -> Option<TemporaryRow> {
    (allocations > 0).then_some((site, distance as u32, bytes, allocations))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const SITES: u32 = 40;

    /// Frees of some sites: site, distance, size.
    type Frees = Vec<(u32, u32, u64)>;

    fn histogram(frees: &Frees, max_shared: usize) -> TemporaryHistogram {
        let mut histogram = TemporaryHistogram { max_shared, ..TemporaryHistogram::default() };
        histogram.resize(SITES as usize);
        frees.iter().for_each(|&(site, distance, size)| histogram.add(SiteId(site), distance, size));
        histogram
    }

    /// The rows by definition, up to a distance.
    fn rows_within(frees: &Frees, threshold: u32) -> Vec<TemporaryRow> {
        let mut sums = BTreeMap::<(u32, u32), Sum>::new();
        for &(site, distance, size) in frees.iter().filter(|(_, distance, _)| *distance <= threshold) {
            add(sums.entry((distance, site)).or_default(), (size, 1));
        }
        sums.into_iter().map(|((distance, site), (bytes, count))| (SiteId(site), distance, bytes, count)).collect()
    }

    proptest! {
        #[test]
        fn all_is_right_up_to_the_distance_that_is_known(
            frees in prop::collection::vec((0..SITES, 0u32..1200, 1u64..100), 0..2000),
            nearer in 0u32..9,
            max_shared in 0usize..300,
        ) {
            let frees: Frees = frees.into_iter().map(|(site, distance, size)| (site, distance >> nearer, size)).collect();
            let mut histogram = histogram(&frees, max_shared);
            let known = histogram.known_distance();
            prop_assert!(histogram.rows().eq(rows_within(&frees, known)));
            prop_assert!((NEAR as u32 - 1..=MAX_DISTANCE).contains(&known));
            // No more is forgotten than must be.
            let far_sums = |known| rows_within(&frees, known).iter().filter(|row| row.1 as usize >= NEAR).count();
            prop_assert!(far_sums(known) <= max_shared);
            prop_assert!(known == MAX_DISTANCE || far_sums(known + 1) > max_shared);
        }
    }

    #[test]
    fn a_site_that_is_given_a_table_keeps_what_it_had_before() {
        let frees: Frees = (0..5 * FAR_ENOUGH).map(|i| (i % 2, i % 700, u64::from(i))).collect();
        let mut histogram = histogram(&frees, MAX_SHARED);
        assert_eq!(histogram.table_sites.len(), 2);
        assert!(histogram.rows().eq(rows_within(&frees, MAX_DISTANCE)));
    }

    #[test]
    fn of_a_threshold_only_the_sums_are_kept() {
        let frees: Frees = vec![(3, 0, 1), (3, 5000, 10), (4, 5001, 100), (5, 9, 1000)];
        let mut histogram = TemporaryHistogram::within(5000);
        histogram.resize(SITES as usize);
        frees.iter().for_each(|&(site, distance, size)| histogram.add(SiteId(site), distance, size));
        assert!(histogram.rows().eq([(SiteId(3), 0, 11, 2), (SiteId(5), 0, 1000, 1)]));
    }
}
