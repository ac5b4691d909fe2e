// SPDX-License-Identifier: Apache-2.0
//! What the decoding stage hands to the pairing stage: 24 bytes for each allocation, free and snapshot.

use crate::ids::SiteId;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationKind {
    Allocate,
    Free,
    Map,
    Unmap,
    Snapshot,
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) address: u64,
    pub(crate) size_bytes: u64,
    /// The kind in the top 3 bits; below, the site of what allocates, the thread of what frees.
    tag: u32,
    /// How many allocations the thread has made, this one included. Wraps.
    pub(crate) thread_allocations: u32,
}

/// Sites and threads that an operation can name.
pub(crate) const MAX_TAG: u32 = (1 << 29) - 1;

impl Operation {
    /// An allocation or a mapping by a site, which is at most [`MAX_TAG`].
    #[inline]
    pub(crate) fn allocation(
        is_mapping: bool,
        address: u64,
        size_bytes: u64,
        site: SiteId,
        thread_allocations: u32,
    ) -> Self {
        Self { address, size_bytes, tag: u32::from(is_mapping) << 29 | site.0, thread_allocations }
    }

    /// A free or an unmapping by a thread, which is at most [`MAX_TAG`].
    #[inline]
    pub(crate) fn free(is_mapping: bool, address: u64, size_bytes: u64, thread: u32, thread_allocations: u32) -> Self {
        Self { address, size_bytes, tag: (2 + u32::from(is_mapping)) << 29 | thread, thread_allocations }
    }

    /// A snapshot.
    pub(crate) fn snapshot() -> Self {
        Self { address: 0, size_bytes: 0, tag: 4 << 29, thread_allocations: 0 }
    }

    /// What it does.
    #[inline]
    pub(crate) fn kind(&self) -> OperationKind {
        match self.tag >> 29 {
            0 => OperationKind::Allocate,
            1 => OperationKind::Map,
            2 => OperationKind::Free,
            3 => OperationKind::Unmap,
            _ => OperationKind::Snapshot,
        }
    }

    /// The site of what allocates.
    #[inline]
    pub(crate) fn site(&self) -> SiteId {
        SiteId(self.tag & MAX_TAG)
    }

    /// The thread of what frees.
    #[inline]
    pub(crate) fn thread(&self) -> u32 {
        self.tag & MAX_TAG
    }
}
