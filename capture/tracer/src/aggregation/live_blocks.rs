// SPDX-License-Identifier: Apache-2.0
//! [`LiveBlocks`]: the blocks that are live now, each with its size and site.
//!
//! There may be many millions, so each is kept in 16 bytes, in tables of which a quarter to three quarters are filled: a
//! block costs 64 bytes at most, less than that on average. There are 256 tables, by a few bits of the address's hash, and
//! each becomes larger or smaller on its own: no thread waits while all blocks are moved. Their memory is mapped, so that
//! what a table was before goes back to the kernel.
//!
//! A table is searched from a block's own place on to the first that is free. When a block is taken out, those behind it
//! that may do so move up, so that all are still found.

use super::NoMemory;
use std::ptr::{NonNull, null_mut};

/// A live block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) size_bytes: u64,
    pub(super) site: u32,
}

/// A block and its address in 16 bytes; all zeros for none.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(16))]
struct Place {
    /// The address divided by eight, as captures have it: 48 bits. Above them the size's high 16.
    key_and_size: u64,
    /// The size's low 32 bits, below the site.
    size_and_site: u64,
}

const FREE: Place = Place { key_and_size: 0, size_and_site: 0 };

const KEY_BITS: u32 = 48;
const KEY_MASK: u64 = (1 << KEY_BITS) - 1;

/// What fits. No block is as large.
const LARGEST_BYTES: u64 = (1 << 48) - 1;

const TABLES_LOG2: u32 = 8;

/// A page full of places.
const FEWEST_PLACES: usize = 4096 / size_of::<Place>();

/// The live blocks.
pub(super) struct LiveBlocks {
    tables: Box<[Table]>,
}

/// The address as it stands in a place, and its hash. `None` for addresses that no block has.
#[inline]
fn key_of(address: u64) -> Option<u64> {
    Some(address >> 3 & KEY_MASK).filter(|&key| key != 0)
}

/// The highest bits are the best: the first eight choose the table, the next the place in it.
#[inline]
fn hash_of(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl LiveBlocks {
    /// None.
    pub(super) fn new() -> Self {
        Self { tables: (0..1 << TABLES_LOG2).map(|_| Table::default()).collect() }
    }

    /// A block was allocated. Returns the one that was live at this address: its free was not told.
    #[inline]
    pub(super) fn insert(&mut self, address: u64, block: Block) -> Result<Option<Block>, NoMemory> {
        let Some(key) = key_of(address) else { return Ok(None) };
        let hash = hash_of(key);
        let table = &mut self.tables[(hash >> (64 - TABLES_LOG2)) as usize];
        if table.count >= table.most() {
            table.resize((table.places_count() * 2).max(FEWEST_PLACES))?;
        }
        Ok(table.insert(hash, Place::new(key, block)))
    }

    /// A block is freed. Returns what was known of it.
    #[inline]
    pub(super) fn remove(&mut self, address: u64) -> Option<Block> {
        let key = key_of(address)?;
        let hash = hash_of(key);
        let table = &mut self.tables[(hash >> (64 - TABLES_LOG2)) as usize];
        let removed = table.remove(hash, key)?;
        if table.count < table.places_count() / 4 && table.places_count() > FEWEST_PLACES {
            // Where there is no memory for a smaller one it stays as it is.
            let _ = table.resize(table.places_count() / 2);
        }
        Some(removed)
    }

    /// How much memory the tables take.
    #[cfg(test)]
    pub(super) fn mapped_bytes(&self) -> usize {
        self.tables.iter().map(|table| table.places_count() * size_of::<Place>()).sum()
    }
}

impl Place {
    #[inline]
    fn new(key: u64, block: Block) -> Self {
        let size_bytes = block.size_bytes.min(LARGEST_BYTES);
        Self {
            key_and_size: key | size_bytes >> 32 << KEY_BITS,
            size_and_site: size_bytes & u64::from(u32::MAX) | u64::from(block.site) << 32,
        }
    }

    #[inline]
    fn key(self) -> u64 {
        self.key_and_size & KEY_MASK
    }

    #[inline]
    fn block(self) -> Block {
        let size_bytes = self.key_and_size >> KEY_BITS << 32 | self.size_and_site & u64::from(u32::MAX);
        Block { size_bytes, site: (self.size_and_site >> 32) as u32 }
    }
}

/// A part of the blocks.
struct Table {
    /// As many as a power of two, mapped; or none.
    places: NonNull<[Place]>,
    count: usize,
    /// By how much a hash is shifted to be a place's number.
    shift: u32,
}

// SAFETY: the mapping belongs to this value.
unsafe impl Send for Table {}

impl Default for Table {
    fn default() -> Self {
        Self { places: NonNull::from(&mut []), count: 0, shift: 63 }
    }
}

impl Table {
    #[inline]
    fn places_count(&self) -> usize {
        self.places.len()
    }

    /// How many blocks it may hold.
    #[inline]
    fn most(&self) -> usize {
        self.places_count() / 4 * 3
    }

    #[inline]
    fn places(&mut self) -> &mut [Place] {
        // SAFETY: the mapping lives as long as `self` and is borrowed with it; zeros are places, as all numbers are.
        unsafe { self.places.as_mut() }
    }

    /// Where the search for a block begins.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash << TABLES_LOG2 >> self.shift) as usize
    }

    /// Puts a block in; there is a free place.
    #[inline]
    fn insert(&mut self, hash: u64, new: Place) -> Option<Block> {
        let (mut at, mask) = (self.home(hash), self.places_count() - 1);
        let places = self.places();
        loop {
            let place = &mut places[at & mask];
            if *place == FREE || place.key() == new.key() {
                break;
            }
            at += 1;
        }
        let before = std::mem::replace(&mut places[at & mask], new);
        self.count += usize::from(before == FREE);
        (before != FREE).then(|| before.block())
    }

    /// Takes a block out.
    #[inline]
    fn remove(&mut self, hash: u64, key: u64) -> Option<Block> {
        let (mut hole, mask) = (self.home(hash), self.places_count().checked_sub(1)?);
        let (shift, places) = (self.shift, self.places());
        while places[hole & mask].key() != key {
            if places[hole & mask] == FREE {
                return None;
            }
            hole += 1;
        }
        let removed = places[hole & mask].block();
        let mut at = hole + 1;
        while places[at & mask] != FREE {
            let home = (hash_of(places[at & mask].key()) << TABLES_LOG2 >> shift) as usize;
            // Whether its search, from its home on, passes the hole before it comes here.
            if at.wrapping_sub(home) & mask >= at - hole {
                places[hole & mask] = places[at & mask];
                hole = at;
            }
            at += 1;
        }
        places[hole & mask] = FREE;
        self.count -= 1;
        Some(removed)
    }

    /// Moves all blocks to a table of other size, which must be enough.
    #[cold]
    fn resize(&mut self, places_count: usize) -> Result<(), NoMemory> {
        let mut resized = Self { places: map(places_count)?, count: 0, shift: 64 - places_count.ilog2() };
        for &place in self.places().iter().filter(|&&place| place != FREE) {
            resized.insert(hash_of(place.key()), place);
        }
        *self = resized;
        Ok(())
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if !self.places.is_empty() {
            // SAFETY: this value made the mapping, with this size, and nobody borrows from it any more.
            unsafe { libc::munmap(self.places.as_ptr().cast(), self.places.len() * size_of::<Place>()) };
        }
    }
}

/// So many places, all free.
fn map(places_count: usize) -> Result<NonNull<[Place]>, NoMemory> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let size_bytes = places_count.checked_mul(size_of::<Place>()).ok_or(NoMemory)?;
    // SAFETY: a new anonymous mapping touches nothing that exists. This library's own calls are not hooked.
    let address = unsafe { libc::mmap(null_mut(), size_bytes, access, kind, -1, 0) };
    let places = NonNull::new(address.cast::<Place>()).filter(|_| address != libc::MAP_FAILED).ok_or(NoMemory)?;
    Ok(NonNull::slice_from_raw_parts(places, places_count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::sync::OnceLock;

    /// What tables take at least.
    const LEAST_BYTES: usize = 4096 << TABLES_LOG2;

    #[test]
    fn blocks_keep_their_size_and_site_up_to_the_largest() {
        let mut live = LiveBlocks::new();
        let blocks = [
            (0x10, Block { size_bytes: 0, site: 0 }),
            (0x7fff_ffff_fff0, Block { size_bytes: 0x7fff_ffff_fff0, site: u32::MAX }),
            (0x5_5555_5555_5558, Block { size_bytes: 1 << 32, site: 1 }),
        ];
        for (address, block) in blocks {
            assert_eq!(live.insert(address, block), Ok(None));
        }
        for (address, block) in blocks {
            assert_eq!((live.remove(address), live.remove(address)), (Some(block), None));
        }
        assert_eq!(live.insert(0, blocks[1].1), Ok(None));
        assert_eq!((live.remove(0), live.remove(0x20)), (None, None));
    }

    #[test]
    fn a_block_takes_64_bytes_at_most_however_many_there_are_and_were() {
        let mut live = LiveBlocks::new();
        let address = |number: u64| 0x7f00_0000_0000 + number * 48;
        let block = Block { size_bytes: 40, site: 3 };
        let most = 600_000;
        let check = |live: &LiveBlocks, count: u64| {
            if !count.is_multiple_of(997) {
                return;
            }
            // Tables are not all filled alike.
            let allowed = 64 * count as usize + LEAST_BYTES + 8192;
            assert!(live.mapped_bytes() <= allowed, "{count} blocks: {} bytes", live.mapped_bytes());
        };
        for number in 0..most {
            live.insert(address(number), block).unwrap();
            check(&live, number + 1);
        }
        assert!(live.mapped_bytes() <= 43 * most as usize, "{}", live.mapped_bytes());
        for number in 0..most {
            assert_eq!(live.remove(address(number)), Some(block));
            check(&live, most - number - 1);
        }
        assert_eq!(live.mapped_bytes(), LEAST_BYTES);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert { address: u64, size_bytes: u64, site: u32 },
        Remove { address: u64 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Few addresses, so that they meet; or many, so that tables grow.
        let address = prop_oneof![(1u64..200).prop_map(|it| it * 8), (1u64..1 << 30).prop_map(|it| it * 16)];
        let step =
            (address, any::<bool>(), 0u64..1 << 40, any::<u32>()).prop_map(|(address, inserts, size_bytes, site)| {
                if inserts { Step::Insert { address, size_bytes, site } } else { Step::Remove { address } }
            });
        prop::collection::vec(step, 0..3000)
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in steps()) {
            let mut live = LiveBlocks::new();
            let mut model: HashMap<u64, Block> = HashMap::new();
            for step in steps {
                match step {
                    Step::Insert { address, size_bytes, site } => {
                        let block = Block { size_bytes, site };
                        prop_assert_eq!(live.insert(address, block), Ok(model.insert(address, block)));
                    }
                    Step::Remove { address } => prop_assert_eq!(live.remove(address), model.remove(&address)),
                }
            }
            for (address, block) in model {
                prop_assert_eq!(live.remove(address), Some(block));
            }
            prop_assert_eq!(live.tables.iter().map(|table| table.count).sum::<usize>(), 0);
        }

        /// All begin their search near the end of one small table.
        #[test]
        fn blocks_in_each_others_way_are_all_found(steps in prop::collection::vec((any::<bool>(), 0usize..180), 0..3000)) {
            let mut live = LiveBlocks::new();
            let mut model: HashMap<u64, Block> = HashMap::new();
            for (number, (inserts, which)) in (0u32..).zip(steps) {
                let (address, block) = (crowd()[which], Block { size_bytes: 8, site: number });
                if inserts {
                    prop_assert_eq!(live.insert(address, block), Ok(model.insert(address, block)));
                } else {
                    prop_assert_eq!(live.remove(address), model.remove(&address));
                }
            }
            for (address, block) in model {
                prop_assert_eq!(live.remove(address), Some(block));
            }
        }
    }

    /// Addresses whose blocks want the last 16 of the first table's first 256 places.
    fn crowd() -> &'static [u64] {
        static CROWD: OnceLock<Vec<u64>> = OnceLock::new();
        let wants_them = |key: &u64| hash_of(*key) >> (64 - TABLES_LOG2 - 4) == 0xf;
        CROWD.get_or_init(|| (1..).filter(wants_them).take(180).map(|key| key << 3).collect())
    }
}
