// SPDX-License-Identifier: Apache-2.0
//! Columns of lifetimes, and how a chunk of them is stored.
//!
//! A lifetime is bytes and allocations of one site that were born in one half interval of time and died in another.
//! Rows come in order of their death, so neighbours differ little: columns hold differences, which `bincode` writes in
//! one byte mostly. This module is the only one that knows `bincode`.

use crate::ids::SiteId;
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{Decode, Encode};

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
}

impl RowKind {
    /// By its number in the index file.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Lifetime, Self::Piece, Self::Churn].into_iter().find(|kind| *kind as i64 == number)
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

/// Rows, as columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) sites: Vec<u32>,
    pub(crate) births: Vec<u32>,
    pub(crate) deaths: Vec<u32>,
    pub(crate) bytes: Vec<u64>,
    pub(crate) allocations: Vec<u32>,
}

/// Rows of one stored chunk.
pub(crate) const CHUNK_ROWS: usize = 1 << 16;

#[derive(Encode, Decode)]
struct Stored {
    site_steps: Vec<i32>,
    death_steps: Vec<i32>,
    ages: Vec<u32>,
    bytes: Vec<u64>,
    allocations: Vec<u32>,
}

/// No chunk is larger; a hostile index cannot make us allocate more.
const CODEC: Configuration<LittleEndian, Varint, Limit<{ CHUNK_ROWS * 64 }>> =
    bincode::config::standard().with_limit::<{ CHUNK_ROWS * 64 }>();

impl Columns {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.sites.len()
    }

    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, row: LifetimeRow) {
        self.sites.push(row.site.0);
        self.births.push(row.birth.0);
        self.deaths.push(row.death.0);
        self.bytes.push(row.bytes);
        self.allocations.push(row.allocations);
    }

    /// Empties the columns, keeping their memory.
    pub(crate) fn clear(&mut self) {
        self.sites.clear();
        self.births.clear();
        self.deaths.clear();
        self.bytes.clear();
        self.allocations.clear();
    }

    /// As stored.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, bincode::error::EncodeError> {
        let stored = Stored {
            site_steps: steps(&self.sites),
            death_steps: steps(&self.deaths),
            ages: self.deaths.iter().zip(&self.births).map(|(death, birth)| death.wrapping_sub(*birth)).collect(),
            bytes: self.bytes.clone(),
            allocations: self.allocations.clone(),
        };
        bincode::encode_to_vec(stored, CODEC)
    }

    /// From what was stored; `None` if it is not what [`Self::encode`] made.
    pub(crate) fn decode(data: &[u8], site_count: usize) -> Option<Self> {
        let (stored, used): (Stored, usize) = bincode::decode_from_slice(data, CODEC).ok()?;
        let rows = stored.site_steps.len();
        let lengths = [stored.death_steps.len(), stored.ages.len(), stored.bytes.len(), stored.allocations.len()];
        if used != data.len() || rows > CHUNK_ROWS || lengths != [rows; 4] {
            return None;
        }
        let sites = sums(&stored.site_steps);
        let deaths = sums(&stored.death_steps);
        if sites.iter().any(|&site| site as usize >= site_count) {
            return None;
        }
        let births = deaths.iter().zip(&stored.ages).map(|(death, age)| death.wrapping_sub(*age)).collect();
        Some(Self { sites, births, deaths, bytes: stored.bytes, allocations: stored.allocations })
    }
}

fn steps(column: &[u32]) -> Vec<i32> {
    let mut last = 0u32;
    column
        .iter()
        .map(|&value| {
            let step = value.wrapping_sub(last) as i32;
            last = value;
            step
        })
        .collect()
}

fn sums(steps: &[i32]) -> Vec<u32> {
    let mut last = 0u32;
    steps
        .iter()
        .map(|&step| {
            last = last.wrapping_add(step as u32);
            last
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stored_columns_come_back_as_they_were(
            rows in prop::collection::vec((0u32..50, any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>()), 0..300)
        ) {
            let mut columns = Columns::default();
            for (site, birth, death, bytes, allocations) in rows {
                let (site, birth, death) = (SiteId(site), Half(birth), Half(death));
                columns.push(LifetimeRow { site, birth, death, bytes, allocations });
            }
            let data = columns.encode().unwrap();
            prop_assert_eq!(Columns::decode(&data, 50), Some(columns.clone()));
            prop_assert!(data.is_empty() || Columns::decode(&data[1..], 50).is_none() || columns.len() < 2);
        }
    }

    #[test]
    fn a_site_that_does_not_exist_is_refused() {
        let mut columns = Columns::default();
        let row = LifetimeRow { site: SiteId(5), birth: Half(0), death: Half::NEVER, bytes: 1, allocations: 1 };
        columns.push(row);
        let data = columns.encode().unwrap();
        assert!(Columns::decode(&data, 6).is_some());
        assert!(Columns::decode(&data, 5).is_none());
    }
}
