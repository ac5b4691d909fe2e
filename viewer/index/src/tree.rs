// SPDX-License-Identifier: Apache-2.0
//! A tree of an answer, laid out to be drawn: children lie side by side, the heaviest first, so that a view finds the
//! visible ones by bisection and never touches the others.

use crate::answer::Amount;
use crate::ids::{LocationId, ThreadIndex};

/// A node's row in a [`Tree`]; 0 is the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeNodeId(pub u32);

/// A tree of an answer. Parents come before children; siblings are neighbours.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// By [`TreeNodeId`].
    pub nodes: Vec<TreeNode>,
    /// Whether callers lie below callees.
    pub is_inverted: bool,
}

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug)]
pub struct TreeNode {
    /// Where; `LocationId::NONE` for the root and for thread towers.
    pub location: LocationId,
    /// Its thread where threads are split.
    pub thread: Option<ThreadIndex>,
    /// Its parent; the root is its own.
    pub parent: TreeNodeId,
    /// Its first child's row; the others follow.
    pub first_child: u32,
    /// How many children it has.
    pub child_count: u32,
    /// Levels below the root, which is 0.
    pub depth: u32,
    /// Itself and all below.
    pub amount: Amount,
    /// Itself alone.
    pub own: Amount,
    /// What it is drawn as wide as: the bytes below it, taken as positive stack by stack, so that growth and shrinkage
    /// do not cancel in width. Equal to `amount.bytes` except in answers about growth.
    pub weight: u64,
    /// Sum of the weights of its earlier siblings.
    pub weight_before: u64,
}

impl Tree {
    /// A node.
    #[inline]
    pub fn node(&self, id: TreeNodeId) -> &TreeNode {
        &self.nodes[id.0 as usize]
    }

    /// The rows of a node's children, the heaviest first.
    #[inline]
    pub fn children(&self, id: TreeNodeId) -> std::ops::Range<u32> {
        let node = self.node(id);
        node.first_child..node.first_child + node.child_count
    }

    /// Whether it is a function that allocates, in an inverted tree: its callers lie below it.
    pub fn is_inverted_leaf(&self, id: TreeNodeId) -> bool {
        let parent = self.node(self.node(id).parent);
        self.is_inverted
            && id.0 != 0
            && parent.location == LocationId::NONE
            && self.node(id).location != LocationId::NONE
    }

    /// What a frame's function allocates itself. In an inverted tree that is all of a frame on top, and nothing of its callers.
    pub fn own(&self, id: TreeNodeId) -> Amount {
        let node = self.node(id);
        match self.is_inverted {
            false => node.own,
            true if self.is_inverted_leaf(id) => node.amount,
            true => Amount::default(),
        }
    }

    /// From the root to a node, both included.
    pub fn path(&self, id: TreeNodeId) -> Vec<TreeNodeId> {
        let mut path = vec![id];
        let mut at = id;
        while at.0 != 0 {
            at = self.node(at).parent;
            path.push(at);
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LooseNode, lay_out_in_order};

    #[test]
    fn in_an_inverted_tree_the_function_on_top_allocates_and_its_callers_do_not() {
        let bytes = |bytes| Amount { bytes, allocations: 1 };
        // The root, an allocating function, its caller; as trees have it, what is a stack's end is the caller's own.
        let node = |location, parent, own| LooseNode {
            location: LocationId(location),
            thread: None,
            parent,
            amount: bytes(8),
            own,
            weight: 8,
        };
        let nodes = [node(0, 0, Amount::default()), node(1, 0, Amount::default()), node(2, 1, bytes(8))];
        let own = |is_inverted| {
            let tree = lay_out_in_order(&nodes, is_inverted).0;
            [0, 1, 2].map(|row| tree.own(TreeNodeId(row)).bytes)
        };
        assert_eq!((own(true), own(false)), ([0, 8, 0], [0, 0, 8]));
    }
}
