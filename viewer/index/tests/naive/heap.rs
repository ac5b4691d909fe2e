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

impl Heap {
    /// Applies a record; the numbers of the allocations that it freed, whole or in part.
    pub(super) fn apply(&mut self, record: usize, a: &Allocation) -> Vec<usize> {
        match a.allocator.kind() {
            AllocatorKind::Simple => {
                // A block that was still live there has ended, though nothing says so; it was not freed by anyone.
                let replaced = self.blocks.insert(a.address, (record, a.size_bytes));
                self.bytes = self.bytes + a.size_bytes - replaced.map_or(0, |(_, bytes)| bytes);
                Vec::new()
            }
            AllocatorKind::SimpleFree => {
                let freed = self.blocks.remove(&a.address);
                self.bytes -= freed.map_or(0, |(_, bytes)| bytes);
                freed.map(|(record, _)| record).into_iter().collect()
            }
            AllocatorKind::Ranged => {
                let range = a.address..a.address.saturating_add(a.size_bytes);
                self.bytes += range.end - range.start;
                self.mappings.extend((!range.is_empty()).then_some((range, record)));
                Vec::new()
            }
            AllocatorKind::RangedFree => {
                let hole = a.address..a.address.saturating_add(a.size_bytes);
                let (mut left, mut freed) = (Vec::new(), Vec::new());
                for (range, mapping) in self.mappings.drain(..) {
                    if hole.is_empty() || range.end <= hole.start || hole.end <= range.start {
                        left.push((range, mapping));
                        continue;
                    }
                    freed.push(mapping);
                    self.bytes -= range.end.min(hole.end) - range.start.max(hole.start);
                    let (head, tail) = (range.start..hole.start, hole.end..range.end);
                    left.extend([head, tail].into_iter().filter(|piece| !piece.is_empty()).map(|p| (p, mapping)));
                }
                self.mappings = left;
                freed
            }
        }
    }

    /// What is live, piece by piece: the allocation's record and the piece's bytes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let mappings = self.mappings.iter().map(|(range, record)| (*record, range.end - range.start));
        self.blocks.values().copied().chain(mappings)
    }
}
