// SPDX-License-Identifier: Apache-2.0
//! Any number of live blocks, kept tightly: those that did not die young.
//!
//! Neighbours in time are neighbours in memory, so blocks are kept by the 4 KiB page they begin in: one small table a
//! page. A hash map keyed by address would scatter them.
//! Allocators align blocks to 16 bytes, so a table of many has an index by 16 bytes. But any address may occur, two of them
//! one byte apart: a table holds offsets of 12 bits, and what its index cannot hold is searched for. A page with one block
//! costs a map entry and 24 bytes, and a page that empties costs nothing.

use super::block_pool::{BLOCK_WORDS, BlockPool, FIRST_INDEXED_CLASS, Table};
use super::live_blocks::LiveBlock;
use super::page_map::{Page, PageMap};
use crate::ids::SiteId;
use rustc_hash::FxHashMap;

/// Sizes from here on are kept beside the tables.
const LARGE: u32 = u32::MAX;

/// Live blocks.
pub(crate) struct PagedBlocks {
    pages: PageMap,
    pool: BlockPool,
    large: FxHashMap<u64, u64>,
}

impl PagedBlocks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { pages: PageMap::new(), pool: BlockPool::default(), large: FxHashMap::default() }
    }

    /// Adds a block at an address at which none is: [`super::live_blocks`] sees to that.
    #[inline]
    pub(crate) fn insert(&mut self, address: u64, block: LiveBlock) {
        let offset = (address & 0xfff) as u16;
        let number = address >> 12;
        let page = self.pages.get_or_insert(number, || self.pool.take(0));
        debug_assert_eq!(find(&self.pool.table(page.class, page.table), *page, offset), None, "one block an address");
        if usize::from(page.count) == 1usize << page.class {
            page.table = self.pool.resize(page.class, page.table, usize::from(page.count), page.class + 1);
            page.class += 1;
            fill_index(&mut self.pool.table_mut(page.class, page.table), usize::from(page.count));
        }
        let at = usize::from(page.count);
        page.count += 1;
        page.has_odd |= !is_indexable(offset, at);
        let table = self.pool.table_mut(page.class, page.table);
        set_offset(table.offsets, at, offset);
        set_index(table.index, offset, at, true);
        write(&mut self.pool, *page, at, address, block, &mut self.large);
    }

    /// Takes the block at an address.
    #[inline]
    pub(crate) fn remove(&mut self, address: u64) -> Option<LiveBlock> {
        let offset = (address & 0xfff) as u16;
        let number = address >> 12;
        let page = self.pages.get_mut(number)?;
        let at = find(&self.pool.table(page.class, page.table), *page, offset)?;
        let block = read(&self.pool, *page, at, address, &mut self.large);
        page.count -= 1;
        let last = usize::from(page.count);
        if last == 0 {
            self.pool.give_back(page.class, page.table);
            self.pages.remove(number);
            return Some(block);
        }
        let table = self.pool.table_mut(page.class, page.table);
        let moved = get_offset(table.offsets, last);
        set_offset(table.offsets, at, moved);
        table.blocks.copy_within(last * BLOCK_WORDS..(last + 1) * BLOCK_WORDS, at * BLOCK_WORDS);
        set_index(table.index, offset, at, false);
        if at != last {
            set_index(table.index, moved, at, true);
        }
        // Down at a quarter, so that a page at the border does not move back and forth.
        if page.class >= 2 && last <= (1usize << page.class) / 4 {
            page.table = self.pool.resize(page.class, page.table, last, page.class - 1);
            page.class -= 1;
            fill_index(&mut self.pool.table_mut(page.class, page.table), last);
        }
        Some(block)
    }

    /// All live blocks, in no order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(LiveBlock)) {
        for (number, page) in self.pages.iter() {
            let Table { offsets, blocks, .. } = self.pool.table(page.class, page.table);
            for at in 0..usize::from(page.count) {
                let mut block = unpack(&blocks[at * BLOCK_WORDS..(at + 1) * BLOCK_WORDS]);
                if block.size_bytes == u64::from(LARGE) {
                    let address = number << 12 | u64::from(get_offset(offsets, at));
                    block.size_bytes = self.large.get(&address).copied().unwrap_or(u64::from(LARGE));
                }
                visit(block);
            }
        }
    }
}

#[inline]
fn get_offset(offsets: &[u32], at: usize) -> u16 {
    (offsets[at / 2] >> (at % 2 * 16)) as u16
}

#[inline]
fn set_offset(offsets: &mut [u32], at: usize, offset: u16) {
    let shift = at % 2 * 16;
    let word = &mut offsets[at / 2];
    *word = *word & !(0xffff << shift) | u32::from(offset) << shift;
}

/// Whether an index can say that the block at an offset stands at a place: it has a byte for each 16 bytes.
#[inline]
fn is_indexable(offset: u16, at: usize) -> bool {
    offset & 15 == 0 && at < 255
}

/// Notes in a table's index, if it has one, where the block at an offset stands: its place and 1, or 0 for none.
#[inline]
fn set_index(index: &mut [u32], offset: u16, at: usize, is_there: bool) {
    if offset & 15 != 0 {
        return;
    }
    let slot = usize::from(offset >> 4);
    if let Some(word) = index.get_mut(slot / 4) {
        let shift = slot % 4 * 8;
        let entry = if is_there && at < 255 { at as u32 + 1 } else { 0 };
        *word = *word & !(0xff << shift) | entry << shift;
    }
}

/// Fills a table's index anew.
fn fill_index(table: &mut Table<&mut [u32]>, count: usize) {
    table.index.fill(0);
    if !table.index.is_empty() {
        for at in 0..count {
            set_index(table.index, get_offset(table.offsets, at), at, true);
        }
    }
}

/// Where the block at an offset stands, by the table's index.
#[inline]
fn find_indexed(table: &Table<&[u32]>, offset: u16) -> Option<usize> {
    let slot = usize::from(offset >> 4);
    let word = table.index.get(slot / 4)?;
    let entry = word >> (slot % 4 * 8) & 0xff;
    (entry != 0 && offset & 15 == 0).then(|| entry as usize - 1)
}

/// Where the block at an offset stands in its page's table.
#[inline]
fn find(table: &Table<&[u32]>, page: Page, offset: u16) -> Option<usize> {
    if let Some(at) = find_indexed(table, offset) {
        return Some(at);
    }
    if page.class >= FIRST_INDEXED_CLASS && !page.has_odd {
        return None;
    }
    search(table.offsets, usize::from(page.count), offset)
}

/// Where an offset stands among the first `count`.
fn search(offsets: &[u32], count: usize, offset: u16) -> Option<usize> {
    (0..count).find(|&at| get_offset(offsets, at) == offset)
}

#[inline]
fn unpack(words: &[u32]) -> LiveBlock {
    LiveBlock {
        size_bytes: u64::from(words[0]),
        site: SiteId(words[1]),
        slice: words[2],
        position: words[3],
        thread_allocations: words[4],
    }
}

#[inline]
fn read(pool: &BlockPool, page: Page, at: usize, address: u64, large: &mut FxHashMap<u64, u64>) -> LiveBlock {
    let blocks = pool.table(page.class, page.table).blocks;
    let mut block = unpack(&blocks[at * BLOCK_WORDS..(at + 1) * BLOCK_WORDS]);
    if block.size_bytes == u64::from(LARGE) {
        block.size_bytes = large.remove(&address).unwrap_or(u64::from(LARGE));
    }
    block
}

#[inline]
fn write(pool: &mut BlockPool, page: Page, at: usize, address: u64, block: LiveBlock, large: &mut FxHashMap<u64, u64>) {
    let size = u32::try_from(block.size_bytes).unwrap_or(LARGE);
    if size == LARGE {
        large.insert(address, block.size_bytes);
    }
    let blocks = pool.table_mut(page.class, page.table).blocks;
    blocks[at * BLOCK_WORDS..(at + 1) * BLOCK_WORDS].copy_from_slice(&[
        size,
        block.site.0,
        block.slice,
        block.position,
        block.thread_allocations,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(size_bytes: u64, site: u32) -> LiveBlock {
        LiveBlock { size_bytes, site: SiteId(site), slice: 7, position: 9, thread_allocations: 11 }
    }

    #[test]
    fn a_block_of_more_than_4_gib_keeps_its_size() {
        let mut blocks = PagedBlocks::new();
        for size in [u64::from(u32::MAX) - 1, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX] {
            blocks.insert(0x1000, block(size, 1));
            assert_eq!(blocks.remove(0x1000), Some(block(size, 1)));
        }
        assert_eq!(blocks.remove(0x1000), None);
    }

    #[test]
    fn a_last_word_half_filled_does_not_show_what_was_there_before() {
        let mut blocks = PagedBlocks::new();
        for offset in 0..9 {
            blocks.insert(offset, block(offset, 0));
        }
        blocks.remove(8);
        assert_eq!(blocks.remove(8), None);
        blocks.insert(8, block(80, 0));
        assert_eq!(blocks.remove(8), Some(block(80, 0)));
    }

    proptest! {
        #[test]
        fn behaves_as_a_hash_map_keyed_by_address(
            steps in prop::collection::vec((any::<bool>(), 0u64..3, 0u64..300, 0u64..5_000_000_000), 0..3000),
            spacing in prop::sample::select(vec![1u64, 8, 13, 16]),
        ) {
            let mut blocks = PagedBlocks::new();
            let mut model = FxHashMap::default();
            for (is_insert, page, offset, size) in steps {
                let address = page << 12 | ((offset * spacing) & 0xfff);
                if is_insert {
                    // As with a new block where one is: that one goes first.
                    prop_assert_eq!(blocks.remove(address), model.insert(address, block(size, 3)));
                    blocks.insert(address, block(size, 3));
                } else {
                    prop_assert_eq!(blocks.remove(address), model.remove(&address));
                }
                let mut count = 0;
                blocks.for_each(|_| count += 1);
                prop_assert_eq!(count, model.len());
            }
            let mut sizes: Vec<u64> = model.values().map(|b| b.size_bytes).collect();
            let mut found = Vec::new();
            blocks.for_each(|b| found.push(b.size_bytes));
            sizes.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, sizes);
        }
    }
}
