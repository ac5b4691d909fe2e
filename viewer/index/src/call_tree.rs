// SPDX-License-Identifier: Apache-2.0
//! The call tree of a whole capture: every stack that ever allocated, as a path from the root.
//!
//! Parents come before children, so a sum over subtrees is one pass backwards; a stack is the path from its innermost
//! node to the root. Columns, not structs: a pass over parents touches nothing else.

use crate::ids::{LocationId, NodeId};

/// The call tree.
#[derive(Clone, Debug)]
pub struct CallTree {
    parents: Vec<NodeId>,
    locations: Vec<LocationId>,
}

impl Default for CallTree {
    fn default() -> Self {
        Self { parents: vec![NodeId::ROOT], locations: vec![LocationId::NONE] }
    }
}

impl CallTree {
    /// Number of nodes, the root included.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }

    /// A node's parent; the root is its own.
    #[inline]
    pub fn parent(&self, node: NodeId) -> NodeId {
        self.parents[node.index()]
    }

    /// What a node shows.
    #[inline]
    pub fn location(&self, node: NodeId) -> LocationId {
        self.locations[node.index()]
    }

    /// The frames of a stack, innermost first.
    pub fn frames(&self, node: NodeId) -> impl Iterator<Item = LocationId> + '_ {
        let mut at = node;
        std::iter::from_fn(move || {
            if at == NodeId::ROOT {
                return None;
            }
            let location = self.location(at);
            at = self.parent(at);
            Some(location)
        })
    }

    /// Adds a node below one that is already there.
    pub(crate) fn push(&mut self, parent: NodeId, location: LocationId) -> NodeId {
        debug_assert!(parent.index() < self.len());
        let id = NodeId(self.parents.len() as u32);
        self.parents.push(parent);
        self.locations.push(location);
        id
    }
}
