// SPDX-License-Identifier: Apache-2.0
//! Which table holds the live blocks of a page: a hash map of pages, open and probed in line, and parted, so that it
//! never doubles all at once. Its own, because a standard map does.

use super::block_pool::TableId;

/// A page with live blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Address over 4096; [`FREE`] where there is none.
    number: u64,
    /// Its table.
    pub(crate) table: TableId,
    /// Blocks in it.
    pub(crate) count: u16,
    /// The table holds up to `2^class`.
    pub(crate) class: u8,
    /// Whether there ever was a block that an index cannot hold.
    pub(crate) has_odd: bool,
}

/// No page has this number: addresses have 64 bits.
const FREE: u64 = u64::MAX;

const EMPTY: Page = Page { number: FREE, table: 0, count: 0, class: 0, has_odd: false };

/// Parts of the map: they grow at different times, so that growing never doubles all of it at once.
const SHARDS: usize = 64;

/// The pages with live blocks.
pub(crate) struct PageMap {
    shards: Vec<Shard>,
}

#[derive(Default)]
struct Shard {
    /// A power of two of places, at least a quarter of them free; or none.
    places: Vec<Page>,
    count: usize,
}

/// The top 6 bits choose the shard, those below the place.
#[inline]
fn hash(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl PageMap {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }

    /// A page, to change.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Page> {
        let shard = &mut self.shards[(hash(number) >> 58) as usize];
        shard.find(number).map(|at| &mut shard.places[at])
    }

    /// A page, to change; a new one gets the table that `table` makes.
    #[inline]
    pub(crate) fn get_or_insert(&mut self, number: u64, table: impl FnOnce() -> TableId) -> &mut Page {
        let shard = &mut self.shards[(hash(number) >> 58) as usize];
        let at = match shard.find(number) {
            Some(at) => at,
            None => shard.insert(Page { number, table: table(), ..EMPTY }),
        };
        &mut shard.places[at]
    }

    /// Forgets a page.
    pub(crate) fn remove(&mut self, number: u64) {
        let shard = &mut self.shards[(hash(number) >> 58) as usize];
        if let Some(at) = shard.find(number) {
            shard.remove(at);
        }
    }

    /// All pages with their numbers, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Page)> {
        self.shards
            .iter()
            .flat_map(|shard| &shard.places)
            .filter(|page| page.number != FREE)
            .map(|page| (page.number, page))
    }
}

impl Shard {
    #[inline]
    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    /// Where a page is looked for first.
    #[inline]
    fn home(&self, number: u64) -> usize {
        (hash(number) >> 20) as usize & self.mask()
    }

    #[inline]
    fn find(&self, number: u64) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mask = self.mask();
        let mut at = self.home(number);
        loop {
            match self.places[at].number {
                found if found == number => return Some(at),
                FREE => return None,
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn insert(&mut self, page: Page) -> usize {
        if (self.count + 1) * 4 > self.places.len() * 3 {
            let old = std::mem::take(&mut self.places);
            self.places = vec![EMPTY; (old.len() * 2).max(8)];
            for page in old.into_iter().filter(|page| page.number != FREE) {
                self.put(page);
            }
        }
        self.count += 1;
        self.put(page)
    }

    fn put(&mut self, page: Page) -> usize {
        let mask = self.mask();
        let mut at = self.home(page.number);
        while self.places[at].number != FREE {
            at = (at + 1) & mask;
        }
        self.places[at] = page;
        at
    }

    /// Frees a place, and moves up those behind it that would no longer be found.
    fn remove(&mut self, at: usize) {
        let mask = self.mask();
        self.count -= 1;
        let mut hole = at;
        let mut next = (at + 1) & mask;
        while self.places[next].number != FREE {
            let home = self.home(self.places[next].number);
            // Whether the hole lies on the way from its home to where it is.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                self.places[hole] = self.places[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.places[hole] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in prop::collection::vec((any::<bool>(), 0u64..400), 0..3000)) {
            let mut map = PageMap::new();
            let mut model = BTreeMap::new();
            for (step, (is_insert, number)) in steps.into_iter().enumerate() {
                if is_insert {
                    map.get_or_insert(number, || step as u32);
                    model.entry(number).or_insert(step as u32);
                } else {
                    map.remove(number);
                    model.remove(&number);
                }
                prop_assert_eq!(map.get_mut(number).map(|page| page.table), model.get(&number).copied());
            }
            let found: BTreeMap<u64, u32> = map.iter().map(|(number, page)| (number, page.table)).collect();
            prop_assert_eq!(found, model);
        }
    }
}
