// SPDX-License-Identifier: Apache-2.0
//! An answer: bytes and allocations by call stack, from which trees and tables are made.

use crate::ids::{NodeId, SiteId, ThreadIndex};
use crate::question::Question;

/// Bytes and allocations. Negative only in answers about growth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes.
    pub bytes: i64,
    /// Allocations; a mapping that was split counts once a piece in answers about a moment.
    pub allocations: i64,
}

/// The answer to a [`Question`]: what every allocation site contributes, and their sum.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// Sum over `sites`.
    pub total: Amount,
    /// One row a site that contributes (bytes or allocations not 0) and passes the filter, by [`SiteId`].
    pub sites: Vec<(SiteId, Amount)>,
    /// The whole heap's bytes at the moment in question (peak, moment, or a range's end); `None` where the mode has no
    /// one moment.
    pub heap_bytes: Option<u64>,
}

/// A stack's share of an answer: sites of one stack (and one thread where threads are split) summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackAmount {
    /// The stack's innermost node in the (filtered) call tree.
    pub node: NodeId,
    /// Its thread where threads are split.
    pub thread: Option<ThreadIndex>,
    /// What it contributes.
    pub amount: Amount,
}
