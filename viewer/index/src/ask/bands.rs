// SPDX-License-Identifier: Apache-2.0
//! Live memory over time in bands: [`Bands`], one for each of the largest things that memory is charged to, and one for all
//! others, which add up to the heap.

use super::charged::key_of_site;
use super::{AGGREGATED, AGGREGATED_FILTER};
use crate::answer::Amount;
use crate::charge::Charge;
use crate::columns::Half;
use crate::error::Refusal;
use crate::filter::Filter;
use crate::ids::SiteId;
use crate::store::Store;
use crate::store::ages::Lived;
use crate::table::RowKey;
use rustc_hash::FxHashMap;

/// Moments at which bands are ranked, where that takes no more memory than [`MAX_RANKED`] numbers.
const RANKED_AT: usize = 64;

/// Numbers that ranking may hold.
const MAX_RANKED: usize = 8 << 20;

/// Stands for no band.
const NO_BAND: u32 = u32::MAX;

/// Live memory over time, parted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bands {
    /// The bands, the largest first: by their most live bytes at the peak, at the end, or at some moments spread over the run.
    pub bands: Vec<Band>,
    /// How many things share the last band, those among them that were never live at a moment, and their live bytes; empty where
    /// there are none.
    pub others: (usize, Vec<u64>),
    /// What is live of those when the whole heap is largest.
    pub others_peak_bytes: u64,
}

/// What is live of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// What it is charged to.
    pub key: RowKey,
    /// Live bytes at each snapshot and at the end: one value longer than the timeline's snapshots.
    pub live_bytes: Vec<u64>,
    /// Live bytes when the whole heap is largest, which may be between snapshots.
    pub peak_bytes: u64,
}

impl Store {
    /// What is live of a filter's stacks over time, by what it is charged to: at most so many bands.
    pub(crate) fn bands(&self, charge: Charge, filter: &Filter, most: usize) -> Result<Bands, Refusal> {
        if self.info.is_aggregated() {
            let is_by_sum = filter.size.is_none() && filter.lifetime.is_none();
            return Err(Refusal(if is_by_sum { AGGREGATED } else { AGGREGATED_FILTER }.to_owned()));
        }
        let mut sites: Vec<_> = (0..self.sites.len() as u32).map(|id| (SiteId(id), Amount::default())).collect();
        self.keep_matching(&mut sites, filter)?;
        let key_of = key_of_site(self, charge);
        let mut row_of_site = vec![NO_BAND; self.sites.len()];
        let mut keys: Vec<RowKey> = Vec::new();
        let mut rows: FxHashMap<RowKey, u32> = FxHashMap::default();
        for (site, _) in sites {
            row_of_site[site.index()] = *rows.entry(key_of(site)).or_insert_with_key(|key| {
                keys.push(*key);
                keys.len() as u32 - 1
            });
        }
        let lived = self.lived(filter);
        let mut ranked: Vec<(u64, RowKey, usize)> = self
            .series_of_rows(&self.moments_to_rank(keys.len()), &row_of_site, keys.len(), lived)
            .iter()
            .enumerate()
            .map(|(row, live_bytes)| (live_bytes.iter().copied().max().unwrap_or(0), keys[row], row))
            .collect();
        ranked.sort_unstable_by_key(|&(bytes, key, _)| (std::cmp::Reverse(bytes), key));
        let shown = ranked.len().min(most);
        let mut band_of_row = vec![shown as u32; keys.len()];
        for (band, (_, _, row)) in ranked[..shown].iter().enumerate() {
            band_of_row[*row] = band as u32;
        }
        let band_of_site: Vec<u32> =
            row_of_site.iter().map(|&row| if row == NO_BAND { NO_BAND } else { band_of_row[row as usize] }).collect();
        let mut instants: Vec<Half> = self.last_slices.iter().map(|&slice| Half::of(slice, true)).collect();
        let peak = instants.partition_point(|&at| at < self.peak_half);
        instants.insert(peak, self.peak_half);
        let series = self.series_of_rows(&instants, &band_of_site, shown + 1, lived);
        self.lifetimes.check()?;
        let mut series = series.into_iter().map(|mut live_bytes| {
            let peak_bytes = live_bytes.remove(peak);
            (live_bytes, peak_bytes)
        });
        let bands = ranked[..shown].iter().zip(&mut series);
        let bands = bands.map(|(&(_, key, _), (live_bytes, peak_bytes))| Band { key, live_bytes, peak_bytes });
        // What was never live at a moment that is known has no band to be seen.
        let is_seen = |band: &Band| band.peak_bytes > 0 || band.live_bytes.iter().any(|&bytes| bytes > 0);
        let bands = bands.filter(is_seen).collect();
        let others = series.next().filter(|_| ranked.len() > shown);
        let (others, others_peak_bytes) = others.unwrap_or_default();
        Ok(Bands { bands, others: (ranked.len() - shown, others), others_peak_bytes })
    }

    /// Live bytes of rows at some instants, by the row of each site.
    fn series_of_rows(
        &self,
        instants: &[Half],
        row_of_site: &[u32],
        rows: usize,
        lived: Option<Lived<'_>>,
    ) -> Vec<Vec<u64>> {
        let row_of = |site: SiteId| -> &[u32] {
            let row = &row_of_site[site.index()..=site.index()];
            if row == [NO_BAND] { &[] } else { row }
        };
        self.lifetimes.series(instants, rows, lived, row_of)
    }

    /// Moments spread over the run, its peak and its end among them.
    fn moments_to_rank(&self, rows: usize) -> Vec<Half> {
        let intervals = self.last_slices.len();
        let count = (MAX_RANKED / rows.max(1)).clamp(2, RANKED_AT).min(intervals);
        let mut moments: Vec<Half> = (1..=count)
            .filter_map(|i| self.last_slices.get((intervals * i / count).saturating_sub(1)))
            .map(|&slice| Half::of(slice, true))
            .chain([self.peak_half])
            .collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}
