// SPDX-License-Identifier: Apache-2.0
//! Allocation sites: who allocated, and about how much at a time.
//!
//! That sizes are told apart up to powers of two ([`SizeClass`]) makes every answer one by size too, at the cost of a
//! site for each class that a stack asks for.

use crate::ids::{NodeId, ThreadIndex};
use memray_format::Allocator;

/// An allocation site: a stack, the thread that ran it, the allocator it called and about how much it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// The stack's innermost node in the call tree.
    pub node: NodeId,
    /// The thread.
    pub thread: ThreadIndex,
    /// The allocator.
    pub allocator: Allocator,
    /// The class of the sizes that it asked for. Of aggregated captures, which do not hold sizes, that of 0.
    pub size_class: SizeClass,
    /// Its native stack, where one was recorded.
    pub native: Option<NativeStack>,
}

/// Sizes from a power of two up to the next; 0 is a class of its own, and the last has no end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SizeClass(u8);

impl SizeClass {
    /// The class of the largest sizes.
    pub const LAST: Self = Self(63);

    /// The class of a size.
    #[inline(always)]
    pub fn of(size_bytes: u64) -> Self {
        Self((u64::BITS - size_bytes.leading_zeros()).min(u32::from(Self::LAST.0)) as u8)
    }

    /// All of them, the smallest sizes first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=Self::LAST.0).map(Self)
    }

    /// Its smallest size.
    pub fn min_bytes(self) -> u64 {
        if self.0 == 0 { 0 } else { 1 << (self.0 - 1) }
    }

    /// Its largest size.
    pub fn max_bytes(self) -> u64 {
        if self == Self::LAST { u64::MAX } else { (1 << self.0) - 1 }
    }

    /// How many classes lie below it: its number in index files.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// By its number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        (number <= Self::LAST.0).then_some(Self(number))
    }
}

/// A native stack: its innermost frame, and the list of mapped segments that its addresses refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NativeStack {
    /// Row of the native frame table, from 1.
    pub frame: u32,
    /// Segment generation, from 1.
    pub generation: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_in_one_class() {
        let classes: Vec<SizeClass> = SizeClass::all().collect();
        assert_eq!((classes[0].max_bytes(), classes[1].min_bytes(), SizeClass::LAST.max_bytes()), (0, 1, u64::MAX));
        for pair in classes.windows(2) {
            assert_eq!(pair[0].max_bytes() + 1, pair[1].min_bytes());
        }
        for class in classes {
            assert_eq!([class.min_bytes(), class.max_bytes()].map(SizeClass::of), [class; 2]);
            assert_eq!(SizeClass::from_number(class.number()), Some(class));
        }
        assert_eq!(SizeClass::from_number(64), None);
    }
}
