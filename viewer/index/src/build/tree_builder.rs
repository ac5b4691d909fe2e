// SPDX-License-Identifier: Apache-2.0
//! Grows the call tree while frames are pushed.

use crate::call_tree::CallTree;
use crate::ids::{LocationId, NodeId};
use rustc_hash::FxHashMap;

/// A call tree that can find a node's children.
#[derive(Default)]
pub(crate) struct TreeBuilder {
    tree: CallTree,
    children: FxHashMap<u64, NodeId>,
    /// The child that each node was last asked for: programs call the same function again and again.
    last_child: Vec<NodeId>,
}

impl TreeBuilder {
    /// The child of a node that shows a location, new or not.
    #[inline]
    pub(crate) fn child(&mut self, parent: NodeId, location: LocationId) -> NodeId {
        if let Some(&child) = self.last_child.get(parent.index())
            && child != NodeId::ROOT
            && self.tree.location(child) == location
        {
            return child;
        }
        self.find_child(parent, location)
    }

    fn find_child(&mut self, parent: NodeId, location: LocationId) -> NodeId {
        let key = u64::from(parent.0) << 32 | u64::from(location.0);
        let tree = &mut self.tree;
        let child = *self.children.entry(key).or_insert_with(|| tree.push(parent, location));
        if self.last_child.len() < self.tree.len() {
            self.last_child.resize(self.tree.len(), NodeId::ROOT);
        }
        self.last_child[parent.index()] = child;
        child
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.tree.len()
    }

    /// The tree as it has grown.
    pub(crate) fn finish(self) -> CallTree {
        self.tree
    }
}
