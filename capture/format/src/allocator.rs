// SPDX-License-Identifier: Apache-2.0
//! The functions that allocate and free, in the numbering of format versions 12 and 13.

/// A function that allocates or frees memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // each is named as the C function it stands for
pub enum Allocator {
    PymallocFree = 1,
    PymallocMalloc = 2,
    PymallocCalloc = 3,
    PymallocRealloc = 4,
    Free = 5,
    Malloc = 6,
    Realloc = 7,
    Calloc = 8,
    PosixMemalign = 9,
    AlignedAlloc = 10,
    Memalign = 11,
    Valloc = 12,
    Pvalloc = 13,
    Mmap = 14,
    Munmap = 15,
}

/// How an allocator's records are paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocatorKind {
    /// Returns one block, freed by its address.
    Simple,
    /// Frees the block at an address.
    SimpleFree,
    /// Maps a range of addresses.
    Ranged,
    /// Unmaps a range of addresses, whatever was mapped in it.
    RangedFree,
}

impl Allocator {
    /// All of them, by number.
    pub const ALL: [Self; 15] = [
        Self::PymallocFree,
        Self::PymallocMalloc,
        Self::PymallocCalloc,
        Self::PymallocRealloc,
        Self::Free,
        Self::Malloc,
        Self::Realloc,
        Self::Calloc,
        Self::PosixMemalign,
        Self::AlignedAlloc,
        Self::Memalign,
        Self::Valloc,
        Self::Pvalloc,
        Self::Mmap,
        Self::Munmap,
    ];

    /// By its number in format versions 12 and 13.
    #[inline]
    pub const fn from_number(number: u8) -> Option<Self> {
        // Nothing is looked up in memory: most decisions about a record wait for this.
        Some(match number {
            1 => Self::PymallocFree,
            2 => Self::PymallocMalloc,
            3 => Self::PymallocCalloc,
            4 => Self::PymallocRealloc,
            5 => Self::Free,
            6 => Self::Malloc,
            7 => Self::Realloc,
            8 => Self::Calloc,
            9 => Self::PosixMemalign,
            10 => Self::AlignedAlloc,
            11 => Self::Memalign,
            12 => Self::Valloc,
            13 => Self::Pvalloc,
            14 => Self::Mmap,
            15 => Self::Munmap,
            _ => return None,
        })
    }

    /// By its number in format versions 8 to 11.
    #[inline]
    pub fn from_number_before_12(number: u8) -> Option<Self> {
        const OLD: [Allocator; 15] = [
            Allocator::Malloc,
            Allocator::Free,
            Allocator::Calloc,
            Allocator::Realloc,
            Allocator::PosixMemalign,
            Allocator::AlignedAlloc,
            Allocator::Memalign,
            Allocator::Valloc,
            Allocator::Pvalloc,
            Allocator::Mmap,
            Allocator::Munmap,
            Allocator::PymallocMalloc,
            Allocator::PymallocCalloc,
            Allocator::PymallocRealloc,
            Allocator::PymallocFree,
        ];
        OLD.get(usize::from(number).wrapping_sub(1)).copied()
    }

    /// Its number in format versions 12 and 13.
    #[inline]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// How its records are paired.
    #[inline(always)]
    pub const fn kind(self) -> AllocatorKind {
        match self {
            Self::Free | Self::PymallocFree => AllocatorKind::SimpleFree,
            Self::Mmap => AllocatorKind::Ranged,
            Self::Munmap => AllocatorKind::RangedFree,
            _ => AllocatorKind::Simple,
        }
    }

    /// Its name as C programmers and memray's tables write it: `malloc`, `pymalloc_free`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PymallocFree => "pymalloc_free",
            Self::PymallocMalloc => "pymalloc_malloc",
            Self::PymallocCalloc => "pymalloc_calloc",
            Self::PymallocRealloc => "pymalloc_realloc",
            Self::Free => "free",
            Self::Malloc => "malloc",
            Self::Realloc => "realloc",
            Self::Calloc => "calloc",
            Self::PosixMemalign => "posix_memalign",
            Self::AlignedAlloc => "aligned_alloc",
            Self::Memalign => "memalign",
            Self::Valloc => "valloc",
            Self::Pvalloc => "pvalloc",
            Self::Mmap => "mmap",
            Self::Munmap => "munmap",
        }
    }
}
