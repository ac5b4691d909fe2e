// SPDX-License-Identifier: Apache-2.0
//! Memory for the live blocks of one page: small tables that double as they fill.
//!
//! A page of the traced heap holds from one block (of 4 KiB) to some hundreds (of 16 bytes), and there may be millions
//! of pages. A general allocator would spend more on bookkeeping than on blocks; here a table of capacity `2^class` is
//! a run of 32-bit words in an arena of its class: first the offsets (two a word), then the blocks. Large tables begin
//! with an index: for each 16 bytes of the page one byte, which says where the block that begins there stands.

/// What is remembered of a live block, as 32-bit words.
pub(crate) const BLOCK_WORDS: usize = 5;

/// Words of one arena segment, at least; segments never move, so growing copies nothing.
const SEGMENT_WORDS: usize = 1 << 15;

/// A table's handle within the arena of its class.
pub(crate) type TableId = u32;

/// The arenas, by class.
#[derive(Default)]
pub(crate) struct BlockPool {
    arenas: Vec<Arena>,
}

#[derive(Default)]
struct Arena {
    segments: Vec<Box<[u32]>>,
    tables: u32,
    free: Vec<TableId>,
}

/// Words of a large table's index: a byte for each 16 bytes of the page.
const INDEX_WORDS: usize = 64;

/// Tables of this class and above have an index.
pub(crate) const FIRST_INDEXED_CLASS: u8 = 4;

/// Classes: a page has at most 4096 places.
const CLASSES: usize = 13;

/// What follows from a class, worked out once: this is looked up several times for every operation of a capture.
#[derive(Clone, Copy)]
struct Layout {
    /// Words of the index.
    index: usize,
    /// Words before the blocks.
    head: usize,
    /// All words.
    words: usize,
    /// Tables in one segment, as a power of two.
    segment_shift: u32,
}

const LAYOUTS: [Layout; CLASSES] = {
    let mut layouts = [Layout { index: 0, head: 0, words: 0, segment_shift: 0 }; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let index = if class >= FIRST_INDEXED_CLASS as usize { INDEX_WORDS } else { 0 };
        let head = index + (1usize << class).div_ceil(2);
        let words = head + (BLOCK_WORDS << class);
        let tables = SEGMENT_WORDS / words;
        let segment_shift = if tables == 0 { 0 } else { tables.ilog2() };
        layouts[class] = Layout { index, head, words, segment_shift };
        class += 1;
    }
    layouts
};

/// Index, offsets and blocks of a table.
pub(crate) struct Table<Words> {
    /// Empty where the class has none.
    pub(crate) index: Words,
    pub(crate) offsets: Words,
    pub(crate) blocks: Words,
}

impl BlockPool {
    /// A table of `2^class` places; what is in it is arbitrary.
    pub(crate) fn take(&mut self, class: u8) -> TableId {
        while self.arenas.len() <= usize::from(class) {
            self.arenas.push(Arena::default());
        }
        let layout = &LAYOUTS[usize::from(class)];
        let arena = &mut self.arenas[usize::from(class)];
        if let Some(id) = arena.free.pop() {
            return id;
        }
        let id = arena.tables;
        if (id >> layout.segment_shift) as usize == arena.segments.len() {
            arena.segments.push(vec![0; layout.words << layout.segment_shift].into_boxed_slice());
        }
        arena.tables += 1;
        id
    }

    /// Gives a table back.
    pub(crate) fn give_back(&mut self, class: u8, id: TableId) {
        self.arenas[usize::from(class)].free.push(id);
    }

    /// A table's words.
    #[inline(always)]
    pub(crate) fn table(&self, class: u8, id: TableId) -> Table<&[u32]> {
        let layout = &LAYOUTS[usize::from(class)];
        let (segment, start) = layout.place(id);
        let words = &self.arenas[usize::from(class)].segments[segment][start..start + layout.words];
        let (head, blocks) = words.split_at(layout.head);
        let (index, offsets) = head.split_at(layout.index);
        Table { index, offsets, blocks }
    }

    /// A table's words, to change.
    #[inline(always)]
    pub(crate) fn table_mut(&mut self, class: u8, id: TableId) -> Table<&mut [u32]> {
        let layout = &LAYOUTS[usize::from(class)];
        let (segment, start) = layout.place(id);
        let words = &mut self.arenas[usize::from(class)].segments[segment][start..start + layout.words];
        let (head, blocks) = words.split_at_mut(layout.head);
        let (index, offsets) = head.split_at_mut(layout.index);
        Table { index, offsets, blocks }
    }

    /// Moves a table's first `count` entries to a new one of another class and gives the old one back. The new one's index
    /// is not filled.
    pub(crate) fn resize(&mut self, class: u8, id: TableId, count: usize, new_class: u8) -> TableId {
        let new_id = self.take(new_class);
        let old = self.table(class, id);
        let (mut offsets, mut blocks) = (old.offsets.to_vec(), old.blocks.to_vec());
        offsets.truncate(count.div_ceil(2));
        blocks.truncate(count * BLOCK_WORDS);
        let new = self.table_mut(new_class, new_id);
        new.offsets[..offsets.len()].copy_from_slice(&offsets);
        new.blocks[..blocks.len()].copy_from_slice(&blocks);
        self.give_back(class, id);
        new_id
    }
}

impl Layout {
    /// Segment and first word of a table.
    #[inline(always)]
    fn place(&self, id: TableId) -> (usize, usize) {
        let within = id as usize & ((1 << self.segment_shift) - 1);
        ((id >> self.segment_shift) as usize, within * self.words)
    }
}
