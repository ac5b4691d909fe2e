// SPDX-License-Identifier: Apache-2.0
//! What is live after some records. [`Heap`] leads.

use memray_format::{Allocation, AllocatorKind};
use std::collections::BTreeMap;
use std::ops::Range;

/// What is live: the number of the allocation's record, and how many bytes of it.
#[derive(Default)]
pub(super) struct Heap {
    blocks: BTreeMap<u64, (usize, u64)>,
    mappings: Vec<(Range<u64>, usize)>,
    /// Sum over both.
    pub(super) bytes: u64,
}

/// What a record ended: the numbers of allocations, and how many bytes of each.
#[derive(Default)]
pub(super) struct Ended {
    /// What was freed, whole or in part.
    pub(super) freed: Vec<(usize, u64)>,
    /// A block that was still live where another came: it has ended, though nothing says so, and nobody freed it.
    pub(super) lost: Option<(usize, u64)>,
}

impl Heap {
    /// Applies a record.
    pub(super) fn apply(&mut self, record: usize, a: &Allocation) -> Ended {
        match a.allocator.kind() {
            AllocatorKind::Simple => {
                let lost = self.blocks.insert(a.address, (record, a.size_bytes));
                self.bytes = self.bytes + a.size_bytes - lost.map_or(0, |(_, bytes)| bytes);
                Ended { lost, ..Ended::default() }
            }
            AllocatorKind::SimpleFree => {
                let freed = self.blocks.remove(&a.address);
                self.bytes -= freed.map_or(0, |(_, bytes)| bytes);
                Ended { freed: freed.into_iter().collect(), ..Ended::default() }
            }
            AllocatorKind::Ranged => {
                let range = a.address..a.address.saturating_add(a.size_bytes);
                self.bytes += range.end - range.start;
                self.mappings.extend((!range.is_empty()).then_some((range, record)));
                Ended::default()
            }
            AllocatorKind::RangedFree => {
                let hole = a.address..a.address.saturating_add(a.size_bytes);
                let (mut left, mut freed) = (Vec::new(), Vec::new());
                for (range, mapping) in self.mappings.drain(..) {
                    if hole.is_empty() || range.end <= hole.start || hole.end <= range.start {
                        left.push((range, mapping));
                        continue;
                    }
                    let bytes = range.end.min(hole.end) - range.start.max(hole.start);
                    freed.push((mapping, bytes));
                    self.bytes -= bytes;
                    let (head, tail) = (range.start..hole.start, hole.end..range.end);
                    left.extend([head, tail].into_iter().filter(|piece| !piece.is_empty()).map(|p| (p, mapping)));
                }
                self.mappings = left;
                Ended { freed, ..Ended::default() }
            }
        }
    }

    /// What is live, piece by piece: the allocation's record and the piece's bytes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let mappings = self.mappings.iter().map(|(range, record)| (*record, range.end - range.start));
        self.blocks.values().copied().chain(mappings)
    }
}
