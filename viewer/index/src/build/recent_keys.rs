// SPDX-License-Identifier: Apache-2.0
//! By what the assembler remembers what it [found last](super::recent): calls and sites, as few numbers as possible, since
//! they are compared for nearly every record.

use super::recent::RecentKey;
use crate::ids::NodeId;
use crate::site::SizeClass;
use memray_format::{Allocator, FrameKey};

/// Spreads the bits of what it multiplies.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A frame pushed onto a stack. The same code at the same instruction is the same location, until code objects are
/// defined anew.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct CallKey {
    /// The code, the instruction, whether this is an entry frame.
    frame: u64,
    /// The node above, and how often frames were defined anew.
    place: u64,
}

impl CallKey {
    /// The place of what is not remembered: the call tree has less than half as many nodes.
    const NOWHERE: u64 = u32::MAX as u64 - 1;

    /// A call below a node.
    #[inline(always)]
    pub(crate) fn new(frame: FrameKey, parent: NodeId, definitions: u32) -> Self {
        const CODE_BITS: u32 = 40;
        let FrameKey { code, instruction_offset, is_entry } = frame;
        // Real programs have fewer codes, and shorter ones; others are not remembered.
        let is_whole = (code >> CODE_BITS | instruction_offset as u64 >> (63 - CODE_BITS)) == 0;
        let frame = code | (instruction_offset as u64) << CODE_BITS | u64::from(is_entry) << 63;
        let place = u64::from(definitions) << 32 | u64::from(parent.0);
        Self { frame, place: if is_whole { place } else { Self::NOWHERE } }
    }

    /// Whether it stands for one call only.
    pub(crate) fn is_whole(&self) -> bool {
        self.place != Self::NOWHERE
    }
}

impl RecentKey for CallKey {
    const NEVER: Self = Self { frame: 0, place: u32::MAX as u64 };

    #[inline(always)]
    fn spread(&self) -> u64 {
        (self.frame ^ self.frame >> 32 ^ self.place << 20).wrapping_mul(SPREAD)
    }
}

/// An allocation site.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct SiteKey {
    /// The node, and the thread.
    python: u64,
    /// The native frame, 0 for none; what its addresses refer to; the class of the size; the allocator.
    native: u64,
}

impl SiteKey {
    /// Stands for what is not remembered: the call tree has less than half as many nodes.
    const NOWHERE: u64 = u64::MAX - 1;

    /// The key of a site.
    #[inline(always)]
    pub(crate) fn new(
        node: NodeId,
        thread: u32,
        (allocator, size_class): (Allocator, SizeClass),
        native_frame: u64,
        generation: u32,
    ) -> Self {
        const GENERATION_BITS: u32 = 22;
        const ALLOCATOR_BITS: u32 = 4;
        let python = u64::from(node.0) << 32 | u64::from(thread);
        let called = u64::from(allocator.number()) | u64::from(size_class.number()) << ALLOCATOR_BITS;
        if native_frame == 0 {
            return Self { python, native: called };
        }
        // Real programs have fewer frames, and load fewer libraries.
        let is_whole = (native_frame >> 32 | u64::from(generation) >> GENERATION_BITS) == 0;
        let native = native_frame << 32 | u64::from(generation) << (32 - GENERATION_BITS) | called;
        Self { python: if is_whole { python } else { Self::NOWHERE }, native }
    }

    /// Whether it stands for one site only.
    pub(crate) fn is_whole(&self) -> bool {
        self.python != Self::NOWHERE
    }
}

impl RecentKey for SiteKey {
    const NEVER: Self = Self { python: u64::MAX, native: 0 };

    #[inline(always)]
    fn spread(&self) -> u64 {
        (self.python.rotate_left(32) ^ self.native << 28 ^ self.native >> 32).wrapping_mul(SPREAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_whose_numbers_do_not_fit_are_not_taken_for_others() {
        let key = |code: u64, instruction_offset: i64, is_entry: bool| {
            CallKey::new(FrameKey { code, instruction_offset, is_entry }, NodeId(7), 0)
        };
        let fits = [(1, 0, false), (1, 0, true), (0, 1, false), (1 << 39, 0, false), (0, (1 << 23) - 1, true)];
        let keys = fits.map(|(code, offset, is_entry)| key(code, offset, is_entry));
        for (i, one) in keys.iter().enumerate() {
            assert!(one.is_whole());
            assert_eq!(keys.iter().filter(|other| *other == one).count(), 1, "{:?}", fits[i]);
        }
        for (code, offset) in [(1 << 40, 0), (0, 1 << 23), (0, -1), (u64::MAX, 0), (u64::MAX, i64::MIN)] {
            let key = key(code, offset, true);
            assert!(!key.is_whole());
            assert!(key != CallKey::NEVER);
        }
    }

    #[test]
    fn each_allocator_and_class_of_size_is_a_site_of_its_own() {
        let mut keys = Vec::new();
        for number in 1..=u8::MAX {
            let Some(allocator) = Allocator::from_number(number) else { continue };
            for size_class in SizeClass::all() {
                keys.push(SiteKey::new(NodeId(7), 3, (allocator, size_class), 5, (1 << 22) - 1));
            }
        }
        assert!(keys.len() > 64 && keys.iter().all(SiteKey::is_whole));
        let numbers: std::collections::BTreeSet<u64> = keys.iter().map(|key| key.native).collect();
        assert_eq!(numbers.len(), keys.len());
    }

    #[test]
    fn sites_whose_numbers_do_not_fit_are_not_taken_for_others() {
        let called = (Allocator::Malloc, SizeClass::of(100));
        let key = |native_frame, generation| SiteKey::new(NodeId(7), 3, called, native_frame, generation);
        assert!(key(0, u32::MAX) == key(0, 1), "without a native frame there is nothing that refers to libraries");
        assert!(key(1, (1 << 22) - 1).is_whole() && key(u64::from(u32::MAX), 1).is_whole());
        assert!(key(1, 1) != key(1, 2) && key(1, 1) != key(2, 1));
        for (native_frame, generation) in [(1, 1 << 22), (1 << 32, 1), (u64::MAX, u32::MAX)] {
            let key = key(native_frame, generation);
            assert!(!key.is_whole());
            assert!(key != SiteKey::NEVER);
        }
    }
}
