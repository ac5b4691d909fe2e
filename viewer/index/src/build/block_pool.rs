// SPDX-License-Identifier: Apache-2.0
//! Memory for the live blocks of one page: small tables that double as they fill.
//!
//! A page of the traced heap holds from one block (of 4 KiB) to some hundreds (of 16 bytes), and there may be millions
//! of pages. A general allocator would spend more on bookkeeping than on blocks; here a table of capacity `2^class` is
//! a run of 32-bit words in an arena of its class: first the offsets (two a word), then the blocks.

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

/// Words that a table of a class takes.
const fn table_words(class: u8) -> usize {
    let capacity = 1usize << class;
    capacity.div_ceil(2) + capacity * BLOCK_WORDS
}

/// Tables in one segment of a class.
const fn tables_per_segment(class: u8) -> usize {
    let tables = SEGMENT_WORDS / table_words(class);
    if tables == 0 { 1 } else { tables }
}

impl BlockPool {
    /// A table of `2^class` places; what is in it is arbitrary.
    pub(crate) fn take(&mut self, class: u8) -> TableId {
        while self.arenas.len() <= usize::from(class) {
            self.arenas.push(Arena::default());
        }
        let arena = &mut self.arenas[usize::from(class)];
        if let Some(id) = arena.free.pop() {
            return id;
        }
        let per_segment = tables_per_segment(class);
        let id = arena.tables;
        if id as usize / per_segment == arena.segments.len() {
            arena.segments.push(vec![0; per_segment * table_words(class)].into_boxed_slice());
        }
        arena.tables += 1;
        id
    }

    /// Gives a table back.
    pub(crate) fn give_back(&mut self, class: u8, id: TableId) {
        self.arenas[usize::from(class)].free.push(id);
    }

    /// A table's words: offsets, then blocks.
    #[inline]
    pub(crate) fn table(&self, class: u8, id: TableId) -> (&[u32], &[u32]) {
        let (segment, start) = place(class, id);
        let words = &self.arenas[usize::from(class)].segments[segment][start..start + table_words(class)];
        words.split_at((1usize << class).div_ceil(2))
    }

    /// A table's words, to change.
    #[inline]
    pub(crate) fn table_mut(&mut self, class: u8, id: TableId) -> (&mut [u32], &mut [u32]) {
        let (segment, start) = place(class, id);
        let words = &mut self.arenas[usize::from(class)].segments[segment][start..start + table_words(class)];
        words.split_at_mut((1usize << class).div_ceil(2))
    }

    /// Moves a table's first `count` entries to a new one of another class and gives the old one back.
    pub(crate) fn resize(&mut self, class: u8, id: TableId, count: usize, new_class: u8) -> TableId {
        let new_id = self.take(new_class);
        let (old_segment, old_start) = place(class, id);
        let (new_segment, new_start) = place(new_class, new_id);
        let (low, high) = (class.min(new_class), class.max(new_class));
        let (below, above) = self.arenas.split_at_mut(usize::from(high));
        let (low_arena, high_arena) = (&mut below[usize::from(low)], &mut above[0]);
        let (old_arena, new_arena) = if class < new_class { (low_arena, high_arena) } else { (high_arena, low_arena) };
        let old = &old_arena.segments[old_segment][old_start..];
        let new = &mut new_arena.segments[new_segment][new_start..];
        let offset_words = count.div_ceil(2);
        new[..offset_words].copy_from_slice(&old[..offset_words]);
        let (old_blocks, new_blocks) = ((1usize << class).div_ceil(2), (1usize << new_class).div_ceil(2));
        let block_words = count * BLOCK_WORDS;
        new[new_blocks..new_blocks + block_words].copy_from_slice(&old[old_blocks..old_blocks + block_words]);
        self.give_back(class, id);
        new_id
    }
}

/// Segment and first word of a table.
#[inline]
fn place(class: u8, id: TableId) -> (usize, usize) {
    let per_segment = tables_per_segment(class);
    (id as usize / per_segment, id as usize % per_segment * table_words(class))
}
