// SPDX-License-Identifier: Apache-2.0
//! The mappings that are live while a capture is read. An unmapping may trim, split or remove any number of them, and
//! mappings may overlap where an unmapping was not recorded.
//!
//! Pieces are kept by size class and start, so that those overlapping a range are found without looking at the others:
//! a piece of class `c` is shorter than `2^(c+1)`, so it can only reach into the range if it starts less than that
//! before it.

use crate::ids::SiteId;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

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

struct Live {
    mapping: Mapping,
    pieces: u32,
    /// When each piece beyond the first came to be.
    splits: Vec<(u32, u32)>,
}

/// The live mappings.
#[derive(Default)]
pub(crate) struct LiveMappings {
    /// By class: (start, serial number) → (end, mapping).
    classes: Vec<BTreeMap<(u64, u64), (u64, u64)>>,
    mappings: FxHashMap<u64, Live>,
    next_serial: u64,
}

impl LiveMappings {
    /// Adds a mapping of at least one byte.
    pub(crate) fn insert(&mut self, mapping: Mapping) {
        let id = self.next_serial;
        self.mappings.insert(id, Live { mapping, pieces: 1, splits: Vec::new() });
        // An end beyond the address space: cut there, lest it wrap to the bottom.
        self.insert_piece(mapping.address, mapping.address.saturating_add(mapping.size_bytes), id);
    }

    fn insert_piece(&mut self, start: u64, end: u64, mapping: u64) {
        let class = class_of(end - start);
        while self.classes.len() <= class {
            self.classes.push(BTreeMap::new());
        }
        self.classes[class].insert((start, self.next_serial), (end, mapping));
        self.next_serial += 1;
    }

    /// Unmaps a range, at a slice and position; tells what each piece in it lost.
    pub(crate) fn remove(&mut self, address: u64, size_bytes: u64, now: (u32, u32), mut visit: impl FnMut(Unmapped)) {
        let range_end = address.saturating_add(size_bytes);
        if range_end <= address {
            return;
        }
        let mut hits: Vec<(u64, u64, u64, u64, usize)> = Vec::new();
        for (class, pieces) in self.classes.iter().enumerate() {
            let reach = if class >= 63 { u64::MAX } else { 2u64 << class };
            let from = address.saturating_sub(reach);
            for (&(start, serial), &(end, mapping)) in pieces.range((from, 0)..(range_end, 0)) {
                if end > address && end > start {
                    hits.push((serial, start, end, mapping, class));
                }
            }
        }
        hits.sort_unstable();
        for (serial, start, end, id, class) in hits {
            self.classes[class].remove(&(start, serial));
            let (cut_start, cut_end) = (start.max(address), end.min(range_end));
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
        for (&(start, _), &(end, id)) in self.classes.iter().flatten() {
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
}
