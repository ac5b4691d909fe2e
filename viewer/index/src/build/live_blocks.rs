// SPDX-License-Identifier: Apache-2.0
//! The blocks that are live while a capture is read: each free meets its allocation here.
//!
//! Most blocks die young, while few others were made. So the newest stand in a table in which each address has one place:
//! there an allocation and its free cost a few instructions each. A block whose place is wanted by a newer one moves to
//! the [`PagedBlocks`], which hold any number of them tightly.
//! An address is live at most once, also across the two: before a new block takes its place, an older one of the same
//! address must be found. A count of how many old blocks share a few bits of their address says mostly that there is none.

use super::paged_blocks::PagedBlocks;
use crate::ids::SiteId;

/// A live block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LiveBlock {
    /// Bytes asked for.
    pub(crate) size_bytes: u64,
    /// Who allocated it.
    pub(crate) site: SiteId,
    /// The slice of time in which it was allocated.
    pub(crate) slice: u32,
    /// Which of the slice's records it was.
    pub(crate) position: u32,
    /// How many allocations its thread had made with it.
    pub(crate) thread_allocations: u32,
}

/// Places for young blocks, as a power of two.
const PLACES_LOG2: u32 = 15;
const PLACES: usize = 1 << PLACES_LOG2;

/// Counts of old blocks: one for each 16 bytes of 64 MiB. With fewer, the blocks of a large heap share them all, and each
/// new block is looked for among the old in vain.
const COUNTS: usize = 1 << 22;

/// A young block, or none: as few bytes as possible, so that a processor's second-level cache holds those in use.
#[derive(Clone, Copy)]
struct Place {
    /// What of its address the place does not tell; [`FREE`] for none.
    tag: u32,
    size_bytes: u32,
    site: SiteId,
    slice: u32,
    position: u32,
    thread_allocations: u32,
}

/// The tag of a place that is free.
const FREE: u32 = u32::MAX;

const EMPTY: Place = Place { tag: FREE, size_bytes: 0, site: SiteId(0), slice: 0, position: 0, thread_allocations: 0 };

impl Place {
    #[inline(always)]
    fn block(&self) -> LiveBlock {
        let &Self { size_bytes, site, slice, position, thread_allocations, .. } = self;
        LiveBlock { size_bytes: u64::from(size_bytes), site, slice, position, thread_allocations }
    }
}

/// The live blocks.
pub(crate) struct LiveBlocks {
    young: Box<[Place]>,
    old: PagedBlocks,
    /// Old blocks by a few bits of their address. A count that is full stays so.
    old_counts: Box<[u8]>,
}

/// Neighbours in memory stand beside each other, as they are made and freed together.
#[inline(always)]
fn place(address: u64) -> usize {
    (address >> 4 ^ address >> (4 + PLACES_LOG2)) as usize & (PLACES - 1)
}

/// The rest of an address. It is less than [`FREE`] for all that allocators return: multiples of 16, of 50 bits. Blocks
/// at other addresses are never young.
#[inline(always)]
fn tag(address: u64) -> u64 {
    address >> (4 + PLACES_LOG2) | (address & 15) << 60
}

/// The address of which these are place and tag.
fn address(place: usize, tag: u32) -> u64 {
    let low = (place as u64 ^ u64::from(tag)) & (PLACES as u64 - 1);
    u64::from(tag) << (4 + PLACES_LOG2) | low << 4
}

#[inline(always)]
fn count_place(address: u64) -> usize {
    (address >> 4 ^ address >> 26) as usize & (COUNTS - 1)
}

impl LiveBlocks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            young: vec![EMPTY; PLACES].into_boxed_slice(),
            old: PagedBlocks::new(),
            old_counts: vec![0; COUNTS].into_boxed_slice(),
        }
    }

    /// Adds a block. Returns the block that was live at this address, whose free was not recorded.
    #[inline(always)]
    pub(crate) fn insert(&mut self, address: u64, block: LiveBlock) -> Option<LiveBlock> {
        let LiveBlock { size_bytes, site, slice, position, thread_allocations } = block;
        let tag = tag(address);
        if tag >= u64::from(FREE) || size_bytes > u64::from(u32::MAX) {
            return self.insert_old(address, block);
        }
        let (tag, size_bytes) = (tag as u32, size_bytes as u32);
        let at = place(address);
        let place = &mut self.young[at];
        let before = place.tag;
        if before != FREE {
            return self.replace(at, Place { tag, size_bytes, site, slice, position, thread_allocations });
        }
        *place = Place { tag, size_bytes, site, slice, position, thread_allocations };
        self.take_old(address)
    }

    /// Adds a block that is never young.
    #[cold]
    fn insert_old(&mut self, address: u64, block: LiveBlock) -> Option<LiveBlock> {
        let lost = self.remove(address);
        self.grow_old(address, block);
        lost
    }

    /// Adds a block where a young one stands.
    #[inline(never)]
    fn replace(&mut self, at: usize, new: Place) -> Option<LiveBlock> {
        let before = std::mem::replace(&mut self.young[at], new);
        if before.tag == new.tag {
            return Some(before.block());
        }
        self.grow_old(address(at, before.tag), before.block());
        self.take_old(address(at, new.tag))
    }

    /// Takes the block at an address.
    #[inline(always)]
    pub(crate) fn remove(&mut self, address: u64) -> Option<LiveBlock> {
        let place = &mut self.young[place(address)];
        if u64::from(place.tag) == tag(address) {
            place.tag = FREE;
            return Some(place.block());
        }
        self.take_old(address)
    }

    /// All live blocks, in no order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(LiveBlock)) {
        self.young.iter().filter(|place| place.tag != FREE).for_each(|place| visit(place.block()));
        self.old.for_each(visit);
    }

    fn grow_old(&mut self, address: u64, block: LiveBlock) {
        let count = &mut self.old_counts[count_place(address)];
        *count = count.saturating_add(1);
        self.old.insert(address, block);
    }

    #[inline(always)]
    fn take_old(&mut self, address: u64) -> Option<LiveBlock> {
        if self.old_counts[count_place(address)] == 0 { None } else { self.find_old(address) }
    }

    #[inline(never)]
    fn find_old(&mut self, address: u64) -> Option<LiveBlock> {
        let block = self.old.remove(address)?;
        let count = &mut self.old_counts[count_place(address)];
        if *count < u8::MAX {
            *count -= 1;
        }
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustc_hash::FxHashMap;

    fn block(size_bytes: u64, position: u32) -> LiveBlock {
        LiveBlock { size_bytes, site: SiteId(3), slice: 7, position, thread_allocations: 11 }
    }

    #[test]
    fn a_block_that_became_old_is_lost_to_a_new_one_of_its_address() {
        let mut blocks = LiveBlocks::new();
        let rival = 16 * PLACES as u64;
        assert_eq!((place(0), count_place(0)), (place(rival + 16), count_place(0)));
        assert_eq!(blocks.insert(0, block(1, 1)), None);
        assert_eq!(blocks.insert(rival + 16, block(2, 2)), None);
        assert_eq!(blocks.insert(0, block(3, 3)), Some(block(1, 1)));
        assert_eq!(blocks.remove(rival + 16), Some(block(2, 2)));
        assert_eq!(blocks.remove(rival + 16), None);
        assert_eq!(blocks.remove(0), Some(block(3, 3)));
        assert_eq!(blocks.remove(0), None);
    }

    #[test]
    fn more_old_blocks_than_a_count_can_say_are_all_found() {
        let mut blocks = LiveBlocks::new();
        // Bits that neither a place nor a count is made of: all of them have one of each.
        let rivals: Vec<u64> = (0..700u64).map(|i| i << 50).collect();
        assert!(rivals.iter().all(|&address| (place(address), count_place(address)) == (place(0), count_place(0))));
        for (i, &address) in rivals.iter().enumerate() {
            assert_eq!(blocks.insert(address, block(i as u64, 0)), None);
        }
        for (i, &address) in rivals.iter().enumerate() {
            assert_eq!(blocks.remove(address), Some(block(i as u64, 0)));
            assert_eq!(blocks.remove(address), None);
        }
    }

    #[test]
    fn place_and_tag_tell_the_address() {
        for at in [0, 16, 0x7f12_3456_7890, (1 << 48) - 16, (1 << 51) - (16 << PLACES_LOG2) - 16] {
            assert!(tag(at) < u64::from(FREE));
            assert_eq!(address(place(at), tag(at) as u32), at);
        }
        for at in [1, 8, (1 << 51) - 16, 1 << 51, !15, u64::MAX] {
            assert!(tag(at) >= u64::from(FREE), "{at:x}");
        }
    }

    #[test]
    fn blocks_at_odd_addresses_and_of_odd_sizes_are_found_and_lost_as_others() {
        let mut blocks = LiveBlocks::new();
        for at in [0x1000, 0x1008, u64::MAX, 1 << 51] {
            assert_eq!(blocks.insert(at, block(1, 1)), None);
            assert_eq!(blocks.insert(at, block(u64::MAX, 2)), Some(block(1, 1)));
            assert_eq!(blocks.insert(at, block(u64::from(u32::MAX), 3)), Some(block(u64::MAX, 2)));
            assert_eq!(blocks.remove(at), Some(block(u64::from(u32::MAX), 3)));
            assert_eq!(blocks.remove(at), None);
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_hash_map_keyed_by_address(
            steps in prop::collection::vec((any::<bool>(), 0u64..3, 0u64..300, 0u64..5_000_000_000), 0..3000),
            spacing in prop::sample::select(vec![1u64, 8, 13, 16, 16 * PLACES as u64]),
        ) {
            let mut blocks = LiveBlocks::new();
            let mut model = FxHashMap::default();
            for (step, (is_insert, page, offset, size)) in steps.into_iter().enumerate() {
                let address = (page << 12).wrapping_add(offset * spacing);
                if is_insert {
                    let block = block(size, step as u32);
                    prop_assert_eq!(blocks.insert(address, block), model.insert(address, block));
                } else {
                    prop_assert_eq!(blocks.remove(address), model.remove(&address));
                }
            }
            let mut live: Vec<u32> = model.values().map(|block| block.position).collect();
            let mut found = Vec::new();
            blocks.for_each(|block| found.push(block.position));
            live.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, live);
        }
    }
}
