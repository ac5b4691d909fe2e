// SPDX-License-Identifier: Apache-2.0
//! Stacks of aggregated captures, which define each as a frame below another stack, turned into nodes of the call tree.

use super::tree_builder::TreeBuilder;
use crate::ids::{LocationId, NodeId};
use rustc_hash::FxHashMap;

/// Stacks, by their number in the capture (from 1; 0 is none).
#[derive(Default)]
pub(crate) struct AggregatedStacks {
    frames: FxHashMap<u64, LocationId>,
    stacks: Vec<(LocationId, u32)>,
    depths: Vec<u32>,
    /// Nodes made so far, by stack and number of outermost frames left out.
    nodes: FxHashMap<(u32, u64), NodeId>,
}

impl AggregatedStacks {
    /// Defines a frame.
    pub(crate) fn define_frame(&mut self, frame_id: u64, location: LocationId) {
        self.frames.insert(frame_id, location);
    }

    /// Defines the next stack; `otherwise` gives the location of a frame that was not defined here.
    pub(crate) fn push(&mut self, frame_id: u64, parent: u32, otherwise: impl FnOnce() -> LocationId) {
        let location = self.frames.get(&frame_id).copied().unwrap_or_else(otherwise);
        // Parents come first; anything else would go round in circles.
        let parent = if parent as usize <= self.stacks.len() { parent } else { 0 };
        let above = (parent as usize).checked_sub(1).map_or(0, |row| self.depths[row]);
        self.stacks.push((location, parent));
        self.depths.push(above.saturating_add(1));
    }

    /// The node of a stack without its `skipped` outermost frames.
    pub(crate) fn node(&mut self, stack: u64, skipped: u64, tree: &mut TreeBuilder) -> NodeId {
        let mut at = u32::try_from(stack).unwrap_or(0);
        let mut below = Vec::new();
        let mut node = loop {
            let Some(row) = (at as usize).checked_sub(1).filter(|&row| row < self.stacks.len()) else {
                break NodeId::ROOT;
            };
            if u64::from(self.depths[row]) <= skipped {
                break NodeId::ROOT;
            }
            if let Some(&node) = self.nodes.get(&(at, skipped)) {
                break node;
            }
            below.push(at);
            at = self.stacks[row].1;
        };
        for &stack in below.iter().rev() {
            node = tree.child(node, self.stacks[stack as usize - 1].0);
            self.nodes.insert((stack, skipped), node);
        }
        node
    }
}
