// SPDX-License-Identifier: Apache-2.0
//! [`Aggregation`]: what a program holds at its peak and at its end, summed while it runs, for captures that hold sums only.
//!
//! It grows with what is live at once and with the number of distinct sites, and not with how much is allocated. A *site* is
//! one who allocates: a stack, thread and allocator.

mod live_blocks;
mod live_mappings;
mod numbering;
mod sums;
#[cfg(test)]
mod tests;

use live_blocks::{Block, LiveBlocks};
use live_mappings::LiveMappings;
use memray_format::{AggregatedAllocation, Allocation, Allocator, AllocatorKind, FrameKey, ThreadId};
use numbering::Numbering;
use sums::Sums;
use thiserror::Error;

/// Who allocates. Numbers are kept in half the size that captures give them, as none gets so high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Site {
    stack: u32,
    thread: u32,
    native_frame: u32,
    segment_generation: u32,
    allocator: Allocator,
}

/// The system gave no memory for what is live.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("there is no memory left to keep what is live")]
pub(crate) struct NoMemory;

/// Sums of what is live.
pub(crate) struct Aggregation {
    frames: Numbering<FrameKey>,
    /// A frame and the stack that called it.
    stacks: Numbering<(u32, u32)>,
    sites: Numbering<Site>,
    sums: Sums,
    blocks: LiveBlocks,
    mappings: LiveMappings,
    /// Allocations and frees.
    count: u64,
}

impl Site {
    /// A stack is one that [`Aggregation::stack`] numbered, or 0 for none.
    #[inline]
    pub(crate) fn new(stack: u32, thread: ThreadId, allocation: &Allocation, segment_generation: u32) -> Self {
        let half = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let (thread, native_frame) = (half(thread.0), half(allocation.native_frame));
        Self { stack, thread, native_frame, segment_generation, allocator: allocation.allocator }
    }
}

impl Aggregation {
    /// Nothing is live.
    pub(crate) fn new() -> Self {
        Self {
            frames: Numbering::default(),
            stacks: Numbering::default(),
            sites: Numbering::default(),
            sums: Sums::default(),
            blocks: LiveBlocks::new(),
            mappings: LiveMappings::default(),
            count: 0,
        }
    }

    /// A frame's number, from 0; and whether it is new.
    pub(crate) fn frame(&mut self, frame: FrameKey) -> (u32, bool) {
        self.frames.number(frame)
    }

    /// The number, from 1, of the stack in which `parent` called a frame; and whether it is new.
    pub(crate) fn stack(&mut self, parent: u32, frame: u32) -> (u32, bool) {
        let (number, is_new) = self.stacks.number((parent, frame));
        (number.saturating_add(1), is_new)
    }

    /// How many sites there are.
    pub(crate) fn site_count(&self) -> usize {
        self.sites.keys().len()
    }

    /// How many allocations and frees there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// What is live.
    pub(crate) fn heap_bytes(&self) -> u64 {
        self.sums.heap_bytes()
    }

    /// A site allocated. Whether the site is new.
    #[inline]
    pub(crate) fn allocate(&mut self, site: Site, allocation: &Allocation) -> Result<bool, NoMemory> {
        self.count += 1;
        let Allocation { address, size_bytes, allocator, .. } = *allocation;
        let (site, is_new) = self.sites.number(site);
        let sums = &mut self.sums;
        // What is there already went away without a word: it does before the new comes.
        if allocator.kind() == AllocatorKind::Ranged {
            self.mappings.insert(address, size_bytes, site, |it| unmap(sums, it));
        } else if let Some(lost) = self.blocks.insert(address, Block { size_bytes, site })? {
            sums.shrink(lost.site, 1, lost.size_bytes);
        }
        sums.grow(site, size_bytes);
        Ok(is_new)
    }

    /// Memory is freed. What nobody has seen allocated is of no account.
    #[inline]
    pub(crate) fn free(&mut self, free: &Allocation) {
        self.count += 1;
        let sums = &mut self.sums;
        if free.allocator.kind() == AllocatorKind::RangedFree {
            self.mappings.remove(free.address, free.size_bytes, |it| unmap(sums, it));
        } else if let Some(block) = self.blocks.remove(free.address) {
            sums.shrink(block.site, 1, block.size_bytes);
        }
    }

    /// Each site that held something at the peak or holds something now, which is the end.
    pub(crate) fn finish(&mut self) -> impl Iterator<Item = AggregatedAllocation> + '_ {
        let sites = self.sites.keys().iter().zip(self.sums.at_peak_and_end());
        let sums = sites.map(|(site, (peak, leaked))| AggregatedAllocation {
            thread: ThreadId(u64::from(site.thread)),
            allocator: site.allocator,
            native_frame: u64::from(site.native_frame),
            stack: u64::from(site.stack),
            segment_generation: u64::from(site.segment_generation),
            peak_allocations: peak.allocations,
            leaked_allocations: leaked.allocations,
            peak_bytes: peak.bytes,
            leaked_bytes: leaked.bytes,
        });
        sums.filter(|sum| sum.peak_allocations > 0 || sum.leaked_allocations > 0)
    }
}

/// A part of a mapping went away.
fn unmap(sums: &mut Sums, unmapped: live_mappings::Unmapped) {
    sums.shrink(unmapped.site, 1 - i64::from(unmapped.parts), unmapped.bytes);
}
