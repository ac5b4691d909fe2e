// SPDX-License-Identifier: Apache-2.0
//! Answers as trees. [`Tree`] leads.

use super::{Amounts, FrameId, add};
use memray_format::ThreadId;
use memray_index::Amount;
use std::collections::BTreeMap;

/// A node, with all that lies below it.
#[derive(Debug, Default)]
pub struct Tree {
    /// Of all stacks that pass through it.
    pub amount: Amount,
    /// Of those that end at it.
    pub own: Amount,
    /// The bytes of all that pass through it, each stack's taken as positive.
    pub weight: u64,
    /// By thread, where split, and frame; threads themselves have none.
    pub children: BTreeMap<(Option<ThreadId>, Option<FrameId>), Tree>,
}

impl Tree {
    /// Callers above callees, below a node for each thread where these are split; or callees above callers.
    pub fn new(amounts: &Amounts, is_inverted: bool) -> Self {
        let mut root = Self::default();
        for ((thread, stack), amount) in amounts {
            let mut path: Vec<_> = stack.iter().map(|frame| (*thread, Some(*frame))).collect();
            if !is_inverted {
                path.extend(thread.map(|thread| (Some(thread), None)));
                path.reverse();
            }
            let mut at = &mut root;
            at.pass(*amount);
            for step in path {
                at = at.children.entry(step).or_default();
                at.pass(*amount);
            }
            add(&mut at.own, *amount);
        }
        root
    }

    fn pass(&mut self, amount: Amount) {
        add(&mut self.amount, amount);
        self.weight += amount.bytes.unsigned_abs();
    }
}
