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

/// A site that freed so many blocks at far distances is given a sum for each of them.
const FAR_ENOUGH: u32 = 1024;

/// Sites that are given those at most, 16 KiB each; further ones share a hash map a distance.
const MAX_TABLES: usize = 1024;

/// Sums of such a site: one for each distance.
const TABLE_SUMS: usize = MAX_DISTANCE as usize + 1;

/// Frees that are added to the sums at a time. The sums lie beyond a processor's second-level cache; a plain loop over many
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
    /// The last distance that every site has a sum for, from the start.
    near_distance: u32,
    by_site: Vec<OfSite>,
    /// The sites that have a sum for each distance.
    table_sites: Vec<SiteId>,
    sums: Vec<Sum>,
    /// Places in the sums and sizes that are not added yet, and how many: what stands behind them is void.
    pending: Box<[(u32, u64); MAX_PENDING]>,
    pending_count: usize,
    /// By distance, from [`NEAR`] on.
    shared: Vec<FxHashMap<SiteId, Sum>>,
    /// Sums in all of them, and how many there may be.
    shared_sums: usize,
    max_shared: usize,
}

/// Where a site's sums are.
#[derive(Clone, Copy)]
struct OfSite {
    /// The first of its sums, by distance.
    first: u32,
    /// The distance of the last. Farther ones are in the shared maps.
    last_distance: u32,
    /// Frees at those so far.
    shared_frees: u32,
}

impl Default for TemporaryHistogram {
    fn default() -> Self {
        Self {
            known_distance: MAX_DISTANCE,
            kept_bits: u32::MAX,
            near_distance: NEAR as u32 - 1,
            by_site: Vec::new(),
            table_sites: Vec::new(),
            sums: Vec::new(),
            pending: Box::new([(0, 0); MAX_PENDING]),
            pending_count: 0,
            shared: vec![FxHashMap::default(); MAX_DISTANCE as usize + 1 - NEAR],
            shared_sums: 0,
            max_shared: MAX_SHARED,
        }
    }
}

impl TemporaryHistogram {
    /// One that only sums what is freed within a distance, all as distance 0.
    pub(crate) fn within(threshold: u64) -> Self {
        let threshold = u32::try_from(threshold).unwrap_or(u32::MAX);
        Self { known_distance: threshold, kept_bits: 0, near_distance: threshold, ..Self::default() }
    }

    /// The largest distance of which all is kept.
    pub(crate) fn known_distance(&self) -> u32 {
        self.known_distance
    }

    /// Tells how many sites there are from now on.
    pub(crate) fn resize(&mut self, sites: usize) {
        for _ in self.by_site.len()..sites {
            let first = self.sums.len() as u32;
            self.by_site.push(OfSite { first, last_distance: self.near_distance, shared_frees: 0 });
            self.sums.resize(self.sums.len() + NEAR, (0, 0));
        }
    }

    /// A block was freed, by the thread that allocated it or another, `distance` allocations of its own later.
    ///
    /// Which distance it will be nobody can guess, least of all a processor, so nothing is decided by it: what is not to
    /// be kept is written too, and then over.
    #[inline(always)]
    pub(crate) fn add(&mut self, site: SiteId, is_same_thread: bool, distance: u32, size_bytes: u64) {
        let of_site = self.by_site[site.index()];
        let is_summed = is_same_thread & (distance <= of_site.last_distance);
        self.pending[self.pending_count] = (of_site.first.wrapping_add(distance & self.kept_bits), size_bytes);
        self.pending_count += usize::from(is_summed);
        if self.pending_count == MAX_PENDING {
            self.add_pending();
        }
        if is_same_thread & !is_summed & (distance <= self.known_distance) {
            self.add_shared(site, distance as usize, size_bytes);
        }
    }

    #[inline(never)]
    fn add_shared(&mut self, site: SiteId, distance: usize, size_bytes: u64) {
        let sums = &mut self.shared[distance - NEAR];
        let before = sums.len();
        add(sums.entry(site).or_default(), (size_bytes, 1));
        self.shared_sums += sums.len() - before;
        if self.shared_sums > self.max_shared {
            self.forget_farthest();
        }
        let of_site = &mut self.by_site[site.index()];
        of_site.shared_frees += 1;
        if of_site.shared_frees >= FAR_ENOUGH && self.table_sites.len() < MAX_TABLES {
            self.give_table(site);
        }
    }

    fn give_table(&mut self, site: SiteId) {
        self.add_pending();
        self.table_sites.push(site);
        let of_site = &mut self.by_site[site.index()];
        let (near, first) = (of_site.first as usize, self.sums.len());
        (of_site.first, of_site.last_distance) = (first as u32, MAX_DISTANCE);
        self.sums.resize(first + TABLE_SUMS, (0, 0));
        self.sums.copy_within(near..near + NEAR, first);
    }

    #[inline(never)]
    fn add_pending(&mut self) {
        for &(place, size_bytes) in &self.pending[..self.pending_count] {
            add(&mut self.sums[place as usize], (size_bytes, 1));
        }
        self.pending_count = 0;
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
        let near = (0..NEAR).flat_map(move |distance| {
            let of_distance = move |(site, of_site): (usize, &OfSite)| self.row(SiteId(site as u32), of_site, distance);
            self.by_site.iter().enumerate().filter_map(of_distance)
        });
        near.chain((NEAR..).zip(&self.shared).flat_map(|(distance, shared)| self.far_rows(distance, shared)))
    }

    fn row(&self, site: SiteId, of_site: &OfSite, distance: usize) -> Option<TemporaryRow> {
        row(site, distance, self.sums[of_site.first as usize + distance])
    }

    fn far_rows(&self, distance: usize, shared: &FxHashMap<SiteId, Sum>) -> Vec<TemporaryRow> {
        let tables = self.table_sites.iter();
        let tables = tables.filter_map(|&site| self.row(site, &self.by_site[site.index()], distance));
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
        frees.iter().for_each(|&(site, distance, size)| histogram.add(SiteId(site), true, distance, size));
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
        frees.iter().for_each(|&(site, distance, size)| histogram.add(SiteId(site), true, distance, size));
        assert!(histogram.rows().eq([(SiteId(3), 0, 11, 2), (SiteId(5), 0, 1000, 1)]));
    }
}
