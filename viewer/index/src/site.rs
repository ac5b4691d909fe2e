// SPDX-License-Identifier: Apache-2.0
//! Allocation sites: who allocated.

use crate::ids::{NodeId, ThreadIndex};
use memray_format::Allocator;

/// An allocation site: a stack, the thread that ran it and the allocator it called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// The stack's innermost node in the call tree.
    pub node: NodeId,
    /// The thread.
    pub thread: ThreadIndex,
    /// The allocator.
    pub allocator: Allocator,
    /// Its native stack, where one was recorded.
    pub native: Option<NativeStack>,
}

/// A native stack: its innermost frame, and the list of mapped segments that its addresses refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NativeStack {
    /// Row of the native frame table, from 1.
    pub frame: u32,
    /// Segment generation, from 1.
    pub generation: u32,
}
