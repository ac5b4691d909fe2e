// SPDX-License-Identifier: Apache-2.0
//! Columns of lifetimes, and how a chunk of them is stored.
//!
//! A lifetime is bytes and allocations of one site that were born in one half interval of time and died in another. Columns
//! stay [packed](crate::packed) in memory, and a question takes from them only what it looks at. Rows come in order of
//! their sites, so that a few sites' rows are side by side.

use crate::error::Error;
use crate::ids::SiteId;
use crate::packed::{self, Numbers, Packed};
use bincode::{Decode, Encode};
use std::ops::Range;

/// A half interval of time: two a slice, parted at the instant of the slice's peak. `Half(2 * slice)` lies before and
/// at it, `Half(2 * slice + 1)` after it. As an instant it names its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Half(pub(crate) u32);

impl Half {
    /// Death of what is live at the end.
    pub(crate) const NEVER: Self = Self(u32::MAX);

    /// A slice's first half (until its peak) or second.
    #[inline]
    pub(crate) fn of(slice: u32, is_after_peak: bool) -> Self {
        Self(slice << 1 | u32::from(is_after_peak))
    }
}

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum RowKind {
    /// Bytes and allocations, alive from birth to death.
    Lifetime = 0,
    /// Additional pieces of mappings that were split: they count as allocations in questions about a moment.
    Piece = 1,
    /// Born and died within one half interval; `birth` and `death` name a half of its slice.
    Churn = 2,
    /// All of a site that was born until an instant, which `birth` and `death` name: sums of the other rows (pieces left
    /// out), at a few instants, so that a question about all births in a range needs no more than the rows near its ends.
    Born = 3,
}

impl RowKind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Lifetime, Self::Piece, Self::Churn, Self::Born];

    /// By its number in the index file.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LifetimeRow {
    pub(crate) site: SiteId,
    pub(crate) birth: Half,
    pub(crate) death: Half,
    pub(crate) bytes: u64,
    pub(crate) allocations: u32,
}

/// Rows of one stored chunk, at most.
pub(crate) const CHUNK_ROWS: usize = 1 << 14;

/// What is known of a chunk's times: the first and last half in which any of its rows was born, and in which any died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) births: (Half, Half),
    pub(crate) deaths: (Half, Half),
}

impl Bounds {
    /// Those of some rows; `None` without rows.
    pub(crate) fn of(rows: &[LifetimeRow]) -> Option<Self> {
        let births = rows.iter().map(|row| row.birth);
        let deaths = rows.iter().map(|row| row.death);
        Some(Self { births: (births.clone().min()?, births.max()?), deaths: (deaths.clone().min()?, deaths.max()?) })
    }
}

/// Rows, as columns.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Columns {
    rows: u32,
    sites: Packed,
    /// From birth to death: these need fewer bits than births.
    ages: Packed,
    deaths: Packed,
    bytes: Packed,
    allocations: Packed,
}

impl Columns {
    /// Packs rows, and leaves them in order of their sites.
    pub(crate) fn new(rows: &mut [LifetimeRow]) -> Self {
        rows.sort_by_key(|row| row.site);
        let rows = &*rows;
        Self {
            rows: rows.len() as u32,
            sites: Packed::new(rows.iter().map(|row| u64::from(row.site.0))),
            ages: Packed::new(rows.iter().map(|row| u64::from(row.death.0.wrapping_sub(row.birth.0)))),
            deaths: Packed::new(rows.iter().map(|row| u64::from(row.death.0))),
            bytes: Packed::new(rows.iter().map(|row| row.bytes)),
            allocations: Packed::new(rows.iter().map(|row| u64::from(row.allocations))),
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows as usize
    }

    /// Memory that it takes.
    pub(crate) fn size_bytes(&self) -> usize {
        let columns = [&self.sites, &self.ages, &self.deaths, &self.bytes, &self.allocations];
        size_of::<Self>() + columns.iter().map(|column| column.size_bytes()).sum::<usize>()
    }

    /// The rows, about to be read.
    #[inline]
    pub(crate) fn rows(&self) -> Rows<'_> {
        let [sites, ages, deaths, bytes, allocations] =
            [&self.sites, &self.ages, &self.deaths, &self.bytes, &self.allocations].map(Packed::numbers);
        Rows { sites, ages, deaths, bytes, allocations }
    }

    /// As stored.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        packed::encode(self)
    }

    /// From what was stored; `None` if it is not of one piece. What its rows say is still to be [checked](Self::check).
    pub(crate) fn decode(data: &[u8]) -> Option<Self> {
        let columns: Self = packed::decode(data)?;
        let rows = columns.len();
        let parts = [&columns.sites, &columns.ages, &columns.deaths, &columns.bytes, &columns.allocations];
        let is_whole = rows <= CHUNK_ROWS && parts.iter().all(|part| part.has(rows));
        is_whole.then_some(columns)
    }

    /// Whether all rows are of sites that exist, in their order, and were born and died within bounds.
    pub(crate) fn check(&self, bounds: &Bounds, site_count: usize) -> bool {
        let is_within = |value: u64, (low, high): (Half, Half)| value >= u64::from(low.0) && value <= u64::from(high.0);
        let rows = self.rows();
        let mut last_site = 0;
        (0..self.len()).fold(true, |is_right, row| {
            let (site, death) = (rows.sites.get(row), rows.deaths.get(row));
            let birth = death.wrapping_sub(rows.ages.get(row));
            let is_in_order = site >= last_site;
            last_site = site;
            is_right
                & is_in_order
                & (site < site_count as u64)
                & is_within(birth, bounds.births)
                & is_within(death, bounds.deaths)
                & (birth <= death)
        })
    }

    /// The rows of some sites.
    pub(crate) fn rows_of(&self, sites: Range<usize>) -> Range<usize> {
        let rows = self.rows();
        let first_from = |site: usize| {
            let (mut low, mut high) = (0, self.len());
            while low < high {
                let middle = low.midpoint(high);
                if rows.site(middle).index() < site { low = middle + 1 } else { high = middle }
            }
            low
        };
        first_from(sites.start)..first_from(sites.end)
    }
}

/// Rows of [`Columns`], about to be read.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    sites: Numbers<'a>,
    ages: Numbers<'a>,
    deaths: Numbers<'a>,
    bytes: Numbers<'a>,
    allocations: Numbers<'a>,
}

impl Rows<'_> {
    /// A row's site.
    #[inline(always)]
    pub(crate) fn site(&self, row: usize) -> SiteId {
        SiteId(self.sites.get(row) as u32)
    }

    /// A row's bytes.
    #[inline(always)]
    pub(crate) fn bytes(&self, row: usize) -> u64 {
        self.bytes.get(row)
    }

    /// A row's allocations.
    #[inline(always)]
    pub(crate) fn allocations(&self, row: usize) -> u64 {
        self.allocations.get(row)
    }

    /// The halves in which a row was born and died.
    #[inline(always)]
    pub(crate) fn times(&self, row: usize) -> (Half, Half) {
        let death = self.deaths.get(row);
        (Half(death.wrapping_sub(self.ages.get(row)) as u32), Half(death as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(site: u32, birth: u32, death: u32, bytes: u64, allocations: u32) -> LifetimeRow {
        LifetimeRow { site: SiteId(site), birth: Half(birth), death: Half(death), bytes, allocations }
    }

    fn rows_of(columns: &Columns) -> Vec<LifetimeRow> {
        let rows = columns.rows();
        let row_at = |at| {
            let (birth, death) = rows.times(at);
            let (bytes, allocations) = (rows.bytes(at), rows.allocations(at) as u32);
            LifetimeRow { site: rows.site(at), birth, death, bytes, allocations }
        };
        (0..columns.len()).map(row_at).collect()
    }

    proptest! {
        #[test]
        fn stored_rows_come_back_as_they_were(
            rows in prop::collection::vec(
                (0u32..50, any::<u32>(), any::<u32>(), any::<u64>(), 0u32..64, any::<u32>()), 0..300)
        ) {
            // Sizes of all magnitudes, so that all counts of bits occur.
            let rows: Vec<LifetimeRow> =
                rows.into_iter().map(|(s, a, b, size, by, n)| row(s, a.min(b), a.max(b), size >> by, n >> (by / 2))).collect();
            let mut rows = rows;
            let data = Columns::new(&mut rows).encode().unwrap();
            let columns = Columns::decode(&data).unwrap();
            prop_assert!(rows.is_sorted_by_key(|row| row.site));
            prop_assert_eq!(rows_of(&columns), rows.clone());
            let some = columns.rows_of(10..30);
            prop_assert!(rows.iter().enumerate().all(|(at, row)| some.contains(&at) == (10..30).contains(&row.site.0)));
            prop_assert!(Bounds::of(&rows).is_none_or(|bounds| columns.check(&bounds, 50)));
            prop_assert!(Columns::decode(&data[..data.len() - 1]).is_none());
        }
    }

    #[test]
    fn rows_of_sites_that_do_not_exist_or_beyond_their_bounds_are_found_out() {
        let mut rows = [row(5, 3, 9, 1, 1), row(2, 4, 4, 1, 1)];
        let columns = Columns::new(&mut rows);
        let bounds = Bounds::of(&rows).unwrap();
        assert_eq!(bounds, Bounds { births: (Half(3), Half(4)), deaths: (Half(4), Half(9)) });
        assert!(columns.check(&bounds, 6));
        assert!(!columns.check(&bounds, 5));
        assert!(!columns.check(&Bounds { births: (Half(4), Half(4)), ..bounds }, 6));
        assert!(!columns.check(&Bounds { births: (Half(3), Half(3)), ..bounds }, 6));
        assert!(!columns.check(&Bounds { deaths: (Half(5), Half(9)), ..bounds }, 6));
        assert!(!columns.check(&Bounds { deaths: (Half(4), Half(8)), ..bounds }, 6));
        // Who dies before being born.
        let columns = Columns::new(&mut [row(0, 9, 3, 1, 1)]);
        assert!(!columns.check(&Bounds { births: (Half(0), Half(9)), deaths: (Half(0), Half(9)) }, 6));
    }
}
