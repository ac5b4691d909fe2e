// SPDX-License-Identifier: Apache-2.0
//! The mappings that are live while a capture is read. An unmapping may trim, split or remove any number of them, and
//! mappings may overlap where an unmapping was not recorded.
//!
//! Pieces are kept by size class, and there by start and by end, so that those overlapping a range are found without
//! looking at any other: a piece of class `c` has at least `2^c` bytes, so what starts less than that before the range's
//! first byte reaches it, and what ends at most that after its first byte started before; a piece that does neither is
//! longer than its class has.
//!
//! Where mappings do not overlap an unmapping trims or splits two pieces at most. Of a capture that no program made it could
//! trim or split all there are, again and again. So it leaves only so many of them, in all, as there were operations times
//! [`LEFT_AN_OPERATION`]; beyond, the oldest are taken as unmapped whole, as in truth a new mapping replaces what it lies on.

use crate::ids::SiteId;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A mapping, whole as it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// First address.
    pub(crate) address: u64,
    /// Length in bytes.
    pub(crate) size_bytes: u64,
    /// Who made it.
    pub(crate) site: SiteId,
    /// The slice of time in which it was made.
    pub(crate) slice: u32,
    /// Which of the slice's records it was.
    pub(crate) position: u32,
    /// How many allocations its thread had made with it.
    pub(crate) thread_allocations: u32,
}

/// What an unmapping did to one piece of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unmapped {
    /// The mapping.
    pub(crate) mapping: Mapping,
    /// Bytes that it lost.
    pub(crate) bytes: u64,
    /// Whether nothing of the mapping is left.
    pub(crate) is_last: bool,
    /// Slice and position at which an additional piece came to be that is now gone.
    pub(crate) closed_piece: Option<(u32, u32)>,
}

/// Pieces that an operation may leave trimmed or split, on average. Programs that map over what they mapped before, and then
/// unmap parts of it, need a few.
const LEFT_AN_OPERATION: u64 = 16;

struct Live {
    mapping: Mapping,
    pieces: u32,
    /// When each piece beyond the first came to be.
    splits: Vec<(u32, u32)>,
}

/// The live mappings.
#[derive(Default)]
pub(crate) struct LiveMappings {
    classes: Vec<Class>,
    mappings: FxHashMap<u64, Live>,
    next_serial: u64,
    /// How many pieces may still be left trimmed or split.
    may_be_left: u64,
}

/// The pieces of `2^class` to `2^(class+1)` bytes.
#[derive(Default)]
struct Class {
    /// (start, serial number) → (end, mapping).
    by_start: BTreeMap<(u64, u64), (u64, u64)>,
    /// (end, serial number, start).
    by_end: BTreeSet<(u64, u64, u64)>,
}

/// A piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    /// The older, the lower.
    serial: u64,
    start: u64,
    end: u64,
    mapping: u64,
}

impl Class {
    fn insert(&mut self, piece: Piece) {
        self.by_start.insert((piece.start, piece.serial), (piece.end, piece.mapping));
        self.by_end.insert((piece.end, piece.serial, piece.start));
    }

    fn remove(&mut self, piece: &Piece) {
        self.by_start.remove(&(piece.start, piece.serial));
        self.by_end.remove(&(piece.end, piece.serial, piece.start));
    }

    /// The pieces with a byte in a range, given the length that all pieces of this class have at least.
    fn overlapping(&self, range: &Range<u64>, least: u64) -> impl Iterator<Item = Piece> {
        // The first bytes that reach the range's first one, however short the piece is.
        let first = range.start.saturating_sub(least - 1);
        let by_start = self.by_start.range((first, 0)..(range.end, 0));
        let by_start = by_start.map(|(&(start, serial), &(end, mapping))| Piece { serial, start, end, mapping });
        let by_end = self
            .by_end
            .range((range.start.saturating_add(1), 0, 0)..=(range.start.saturating_add(least), u64::MAX, u64::MAX));
        let by_end = by_end.filter(move |(_, _, start)| *start < first).filter_map(|&(end, serial, start)| {
            let (_, mapping) = *self.by_start.get(&(start, serial))?;
            Some(Piece { serial, start, end, mapping })
        });
        by_start.chain(by_end)
    }
}

impl LiveMappings {
    /// Adds a mapping of at least one byte.
    pub(crate) fn insert(&mut self, mapping: Mapping) {
        self.may_be_left += LEFT_AN_OPERATION;
        let id = self.next_serial;
        self.mappings.insert(id, Live { mapping, pieces: 1, splits: Vec::new() });
        // An end beyond the address space: cut there, lest it wrap to the bottom.
        self.insert_piece(mapping.address, mapping.address.saturating_add(mapping.size_bytes), id);
    }

    fn insert_piece(&mut self, start: u64, end: u64, mapping: u64) {
        let class = class_of(end - start);
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Class::default);
        }
        self.classes[class].insert(Piece { serial: self.next_serial, start, end, mapping });
        self.next_serial += 1;
    }

    /// The pieces with a byte in a range, the oldest first.
    fn overlapping(&self, range: &Range<u64>) -> Vec<Piece> {
        let classes = self.classes.iter().enumerate();
        let mut pieces: Vec<Piece> =
            classes.flat_map(|(class, pieces)| pieces.overlapping(range, 1 << class)).collect();
        pieces.sort_unstable();
        pieces
    }

    /// The youngest mapping of those that are not left, given whose pieces would be.
    fn last_gone(&self, mut left: Vec<u64>) -> Option<u64> {
        let may_be_left = usize::try_from(self.may_be_left).unwrap_or(usize::MAX);
        let gone = left.len().checked_sub(may_be_left)?.checked_sub(1)?;
        Some(*left.select_nth_unstable(gone).1)
    }

    /// Unmaps a range, at a slice and position; tells what each piece in it lost.
    pub(crate) fn remove(&mut self, address: u64, size_bytes: u64, now: (u32, u32), mut visit: impl FnMut(Unmapped)) {
        self.may_be_left += LEFT_AN_OPERATION;
        let range = address..address.saturating_add(size_bytes);
        if range.is_empty() {
            return;
        }
        let pieces = self.overlapping(&range);
        let is_left = |piece: &Piece| piece.start < range.start || range.end < piece.end;
        let left = pieces.iter().filter(|piece| is_left(piece)).map(|piece| piece.mapping);
        let last_gone = self.last_gone(left.collect());
        for piece in pieces {
            let Piece { start, end, mapping: id, .. } = piece;
            self.classes[class_of(end - start)].remove(&piece);
            let (mut cut_start, mut cut_end) = (start.max(range.start), end.min(range.end));
            if is_left(&piece) {
                if Some(id) <= last_gone {
                    (cut_start, cut_end) = (start, end);
                } else {
                    self.may_be_left = self.may_be_left.saturating_sub(1);
                }
            }
            let mut remaining = 0;
            if start < cut_start {
                self.insert_piece(start, cut_start, id);
                remaining += 1;
            }
            if cut_end < end {
                self.insert_piece(cut_end, end, id);
                remaining += 1;
            }
            let Some(live) = self.mappings.get_mut(&id) else { continue };
            let mut closed_piece = None;
            match remaining {
                0 => {
                    live.pieces -= 1;
                    closed_piece = live.splits.pop();
                }
                2 => {
                    live.pieces += 1;
                    live.splits.push(now);
                }
                _ => {}
            }
            let is_last = live.pieces == 0;
            let unmapped = Unmapped { mapping: live.mapping, bytes: cut_end - cut_start, is_last, closed_piece };
            if is_last {
                self.mappings.remove(&id);
            }
            visit(unmapped);
        }
    }

    /// All live mappings: each with the bytes that are left of it, and when its additional pieces came to be.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Mapping, u64, &[(u32, u32)])) {
        let mut bytes: FxHashMap<u64, u64> = FxHashMap::default();
        for (&(start, _), &(end, id)) in self.classes.iter().flat_map(|class| &class.by_start) {
            *bytes.entry(id).or_default() += end - start;
        }
        for (id, live) in &self.mappings {
            visit(&live.mapping, bytes.get(id).copied().unwrap_or(0), &live.splits);
        }
    }
}

/// The class of a length: `2^class <= length < 2^(class+1)`; 0 for no length.
fn class_of(length: u64) -> usize {
    (63 - (length | 1).leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mapping(address: u64, size_bytes: u64) -> Mapping {
        Mapping { address, size_bytes, site: SiteId(1), slice: 0, position: 1, thread_allocations: 1 }
    }

    /// Bytes lost, whether it was the mapping's last piece, when a piece that is gone came to be.
    type Seen = (u64, bool, Option<(u32, u32)>);

    fn remove(live: &mut LiveMappings, address: u64, size: u64) -> Vec<Seen> {
        let mut seen = Vec::new();
        live.remove(address, size, (5, 6), |u| seen.push((u.bytes, u.is_last, u.closed_piece)));
        seen
    }

    #[test]
    fn a_mapping_split_in_the_middle_ends_with_its_last_piece() {
        let mut live = LiveMappings::default();
        live.insert(mapping(0x1000, 0x3000));
        assert_eq!(remove(&mut live, 0x2000, 0x1000), [(0x1000, false, None)]);
        live.for_each(|_, bytes, splits| assert_eq!((bytes, splits), (0x2000, &[(5, 6)][..])));
        assert_eq!(remove(&mut live, 0x0, 0x1800), [(0x800, false, None)]);
        assert_eq!(remove(&mut live, 0x0, 0x2000), [(0x800, false, Some((5, 6)))]);
        assert_eq!(remove(&mut live, 0x0, u64::MAX), [(0x1000, true, None)]);
        live.for_each(|_, _, _| unreachable!());
    }

    #[test]
    fn overlapping_mappings_all_lose_what_is_unmapped() {
        let mut live = LiveMappings::default();
        live.insert(mapping(0x1000, 0x1000));
        live.insert(mapping(0x0, 0x10_0000));
        live.insert(mapping(0x1800, 0x10));
        assert_eq!(remove(&mut live, 0x1800, 0x800), [(0x800, false, None), (0x800, false, None), (0x10, true, None)]);
        assert_eq!(remove(&mut live, 0x1800, 0x800), []);
    }

    #[test]
    fn nothing_is_unmapped_by_an_empty_range_nor_beyond_the_address_space() {
        let mut live = LiveMappings::default();
        live.insert(mapping(u64::MAX - 10, 100));
        assert_eq!(remove(&mut live, 0x1000, 0), []);
        assert_eq!(remove(&mut live, 0x0, 0x2000), []);
        assert_eq!(remove(&mut live, u64::MAX - 10, 1000), [(10, true, None)]);
    }

    const MANY: u64 = 2000;

    #[test]
    fn of_many_mappings_on_each_other_the_oldest_go_before_all_are_cut_to_pieces() {
        let mut live = LiveMappings::default();
        for i in 0..MANY {
            live.insert(mapping(0x10_0000 - i, 0x1000_0000 + 2 * i));
        }
        let mut told = 0;
        for hole in 0..MANY {
            told += remove(&mut live, 0x20_0000 + 0x1000 * hole, 0x800).len() as u64;
        }
        let pieces: usize = live.classes.iter().map(|class| class.by_start.len()).sum();
        let operations = 2 * MANY;
        assert!(told <= operations * LEFT_AN_OPERATION + MANY, "{told} instead of {}", MANY * MANY);
        assert!(pieces as u64 <= operations * LEFT_AN_OPERATION + MANY, "{pieces}");
        let mut mapped = Vec::new();
        live.remove(0x20_0000 + 0x1000 * MANY, 1, (5, 6), |u| mapped.push((u.mapping.size_bytes - 0x1000_0000) / 2));
        mapped.sort_unstable();
        assert_eq!(mapped, (MANY - LEFT_AN_OPERATION..MANY).collect::<Vec<_>>(), "the youngest are what is mapped");
    }

    #[test]
    fn mappings_that_end_just_before_a_range_are_not_looked_at() {
        let mut live = LiveMappings::default();
        for _ in 0..MANY {
            live.insert(mapping(0x1000, 0x1000));
        }
        live.insert(mapping(0x1000, 0x1fff));
        let class = &live.classes[class_of(0x1000)];
        assert_eq!(class.overlapping(&(0x2000..0x2001), 0x1000).count(), 1);
        assert_eq!(class.overlapping(&(0x2fff..0x3000), 0x1000).count(), 0);
        assert_eq!(class.overlapping(&(0x1fff..0x2000), 0x1000).count() as u64, MANY + 1);
    }

    proptest! {
        #[test]
        fn behaves_as_a_list_of_ranges(
            steps in prop::collection::vec((any::<bool>(), 0u64..200, 0u32..9, 0u64..256), 0..60)
        ) {
            let mut live = LiveMappings::default();
            // Each mapping's bytes, as many times as it has pieces.
            let mut model: Vec<(u64, Range<u64>)> = Vec::new();
            for (number, (is_insert, start, class, odd)) in (0u64..).zip(steps) {
                let size_bytes = (1 << class) + odd % (1 << class);
                let range = start..start + size_bytes;
                if is_insert {
                    live.insert(Mapping { thread_allocations: number as u32, ..mapping(start, size_bytes) });
                    model.push((number, range));
                    continue;
                }
                let mut lost = Vec::new();
                live.remove(start, size_bytes, (5, 6), |u| lost.push((u64::from(u.mapping.thread_allocations), u.bytes)));
                let mut model_lost = Vec::new();
                for (mapping, piece) in std::mem::take(&mut model) {
                    let cut = piece.start.max(range.start)..piece.end.min(range.end);
                    if cut.is_empty() {
                        model.push((mapping, piece));
                        continue;
                    }
                    model_lost.push((mapping, cut.end - cut.start));
                    let rest = [piece.start..cut.start, cut.end..piece.end];
                    model.extend(rest.into_iter().filter(|rest| !rest.is_empty()).map(|rest| (mapping, rest)));
                }
                lost.sort_unstable();
                model_lost.sort_unstable();
                prop_assert_eq!(lost, model_lost);
            }
            let mut left: Vec<(u64, u64, usize)> = Vec::new();
            live.for_each(|mapping, bytes, splits| left.push((u64::from(mapping.thread_allocations), bytes, splits.len())));
            left.sort_unstable();
            let mut model_left = std::collections::BTreeMap::<u64, (u64, usize)>::new();
            for (mapping, piece) in model {
                let (bytes, pieces) = model_left.entry(mapping).or_default();
                (*bytes, *pieces) = (*bytes + (piece.end - piece.start), *pieces + 1);
            }
            let model_left: Vec<_> = model_left.into_iter().map(|(id, (bytes, pieces))| (id, bytes, pieces - 1)).collect();
            prop_assert_eq!(left, model_left);
        }
    }
}
