// SPDX-License-Identifier: Apache-2.0
//! Columns of [sites](crate::site), as stored: a capture may have millions of them, and all are read when it is opened, so they
//! are [packed](crate::packed) and not rows of SQLite's.

use crate::answer::Amount;
use crate::columns::CHUNK_ROWS;
use crate::error::Error;
use crate::ids::{NodeId, ThreadIndex};
use crate::packed::{self, Packed};
use crate::site::{NativeStack, Site, SizeClass};
use bincode::{Decode, Encode};
use memray_format::Allocator;

/// A site and what it contributes to the answers that are kept ready.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SiteRow {
    pub(crate) site: Site,
    pub(crate) peak: Amount,
    pub(crate) leaked: Amount,
    pub(crate) total: Amount,
}

/// Sites of one stored chunk, at most.
pub(crate) const CHUNK_SITES: usize = CHUNK_ROWS;

/// Sites with their sums, as columns.
#[derive(Encode, Decode)]
pub(crate) struct SiteColumns {
    rows: u32,
    nodes: Packed,
    threads: Packed,
    allocators: Packed,
    size_classes: Packed,
    native_frames: Packed,
    generations: Packed,
    peak: AmountColumns,
    leaked: AmountColumns,
    total: AmountColumns,
}

/// Bytes and allocations. Signed ones are stored by their bits.
#[derive(Encode, Decode)]
struct AmountColumns {
    bytes: Packed,
    allocations: Packed,
}

impl AmountColumns {
    fn new(amounts: impl Iterator<Item = Amount> + Clone) -> Self {
        Self {
            bytes: Packed::new(amounts.clone().map(|amount| amount.bytes as u64)),
            allocations: Packed::new(amounts.map(|amount| amount.allocations as u64)),
        }
    }

    fn has(&self, rows: usize) -> bool {
        self.bytes.has(rows) && self.allocations.has(rows)
    }

    fn amounts(&self) -> impl Fn(usize) -> Amount {
        let (bytes, allocations) = (self.bytes.numbers(), self.allocations.numbers());
        move |row| Amount { bytes: bytes.get(row) as i64, allocations: allocations.get(row) as i64 }
    }
}

impl SiteColumns {
    /// Packs sites.
    pub(crate) fn new(rows: &[SiteRow]) -> Self {
        let sites = rows.iter().map(|row| row.site);
        let native = sites.clone().map(|site| site.native.map_or((0, 0), |native| (native.frame, native.generation)));
        Self {
            rows: rows.len() as u32,
            nodes: Packed::new(sites.clone().map(|site| u64::from(site.node.0))),
            threads: Packed::new(sites.clone().map(|site| u64::from(site.thread.0))),
            allocators: Packed::new(sites.clone().map(|site| u64::from(site.allocator.number()))),
            size_classes: Packed::new(sites.map(|site| u64::from(site.size_class.number()))),
            native_frames: Packed::new(native.clone().map(|(frame, _)| u64::from(frame))),
            generations: Packed::new(native.map(|(_, generation)| u64::from(generation))),
            peak: AmountColumns::new(rows.iter().map(|row| row.peak)),
            leaked: AmountColumns::new(rows.iter().map(|row| row.leaked)),
            total: AmountColumns::new(rows.iter().map(|row| row.total)),
        }
    }

    /// As stored.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        packed::encode(self)
    }

    /// From what was stored; `None` if it is not of one piece.
    pub(crate) fn decode(data: &[u8]) -> Option<Self> {
        let columns: Self = packed::decode(data)?;
        let rows = columns.rows as usize;
        let places = [&columns.nodes, &columns.threads, &columns.allocators, &columns.size_classes];
        let native = [&columns.native_frames, &columns.generations];
        let amounts = [&columns.peak, &columns.leaked, &columns.total];
        let is_whole = rows <= CHUNK_SITES
            && places.into_iter().chain(native).all(|column| column.has(rows))
            && amounts.iter().all(|column| column.has(rows));
        is_whole.then_some(columns)
    }

    /// The sites, of so many nodes and threads; each `None` if it is of a node, thread, allocator or class that does not exist.
    pub(crate) fn rows(&self, nodes: usize, threads: usize) -> impl ExactSizeIterator<Item = Option<SiteRow>> {
        let [node, thread, allocator, size_class, frame, generation] =
            [&self.nodes, &self.threads, &self.allocators, &self.size_classes, &self.native_frames, &self.generations]
                .map(Packed::numbers);
        let [peak, leaked, total] = [&self.peak, &self.leaked, &self.total].map(AmountColumns::amounts);
        (0..self.rows as usize).map(move |row| {
            let below = |number: u64, count: usize| u32::try_from(number).ok().filter(|it| (*it as usize) < count);
            let native_frame = u32::try_from(frame.get(row)).ok()?;
            let generation = u32::try_from(generation.get(row)).ok()?;
            let site = Site {
                node: NodeId(below(node.get(row), nodes)?),
                thread: ThreadIndex(below(thread.get(row), threads)?),
                allocator: Allocator::from_number(u8::try_from(allocator.get(row)).ok()?)?,
                size_class: SizeClass::from_number(u8::try_from(size_class.get(row)).ok()?)?,
                native: (native_frame != 0).then_some(NativeStack { frame: native_frame, generation }),
            };
            Some(SiteRow { site, peak: peak(row), leaked: leaked(row), total: total(row) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(node: u32, thread: u32, number: u8, native: (u32, u32), amount: i64) -> SiteRow {
        let amounts = [amount, amount.wrapping_neg(), amount / 2];
        let [peak, leaked, total] = amounts.map(|bytes| Amount { bytes, allocations: bytes.wrapping_mul(7) });
        let site = Site {
            node: NodeId(node),
            thread: ThreadIndex(thread),
            allocator: Allocator::Malloc,
            size_class: SizeClass::from_number(number % 64).unwrap(),
            native: (native.0 != 0).then_some(NativeStack { frame: native.0, generation: native.1 }),
        };
        SiteRow { site, peak, leaked, total }
    }

    fn stored(rows: &[SiteRow]) -> SiteColumns {
        SiteColumns::decode(&SiteColumns::new(rows).encode().unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn stored_sites_come_back_as_they_were(
            rows in prop::collection::vec(
                (0u32..900, 0u32..9, any::<u8>(), any::<(u32, u32)>(), any::<i64>(), 0u32..64), 0..300),
        ) {
            // Amounts of all magnitudes.
            let rows: Vec<SiteRow> =
                rows.into_iter().map(|(node, thread, class, native, amount, by)| row(node, thread, class, native, amount >> by)).collect();
            prop_assert!(stored(&rows).rows(900, 9).eq(rows.iter().copied().map(Some)));
            let data = SiteColumns::new(&rows).encode().unwrap();
            prop_assert!(SiteColumns::decode(&data[..data.len() - 1]).is_none());
        }
    }

    #[test]
    fn a_site_that_points_nowhere_is_none() {
        let good = row(5, 2, 9, (0, 0), i64::MIN);
        let is_there = |columns: &SiteColumns, nodes, threads| columns.rows(nodes, threads).all(|row| row.is_some());
        let columns = stored(&[good]);
        assert!(is_there(&columns, 6, 3));
        assert!(!is_there(&columns, 5, 3) && !is_there(&columns, 6, 2));
        let number = |number: u64| Packed::new([number].into_iter());
        assert!(!is_there(&SiteColumns { allocators: number(200), ..stored(&[good]) }, 6, 3));
        assert!(!is_there(&SiteColumns { allocators: number(1 << 8 | 1), ..stored(&[good]) }, 6, 3));
        assert!(!is_there(&SiteColumns { size_classes: number(64), ..stored(&[good]) }, 6, 3));
        assert!(!is_there(&SiteColumns { nodes: number(1 << 32), ..stored(&[good]) }, 6, 3));
        assert!(!is_there(&SiteColumns { native_frames: number(1 << 32), ..stored(&[good]) }, 6, 3));
    }

    #[test]
    fn columns_of_other_lengths_are_no_sites() {
        let rows = [row(1, 2, 3, (4, 5), 6), row(700, 8, 9, (10, 11), 12)];
        let mut columns = SiteColumns::new(&rows);
        columns.rows = 1;
        assert!(SiteColumns::decode(&columns.encode().unwrap()).is_none());
        columns.rows = u32::MAX;
        assert!(SiteColumns::decode(&columns.encode().unwrap()).is_none());
    }
}
