// SPDX-License-Identifier: Apache-2.0
//! Lays answers out as trees: breadth first, siblings side by side, the heaviest first. Callers lie above callees here;
//! `inverted` turns them around.

use super::shown_tree::ShownTree;
use crate::answer::{Amount, StackAmount};
use crate::ids::{LocationId, NodeId, ThreadIndex};
use crate::tree::{Tree, TreeNode, TreeNodeId};

/// A node before it has its place.
#[derive(Clone, Copy, Debug)]
pub struct LooseNode {
    /// Where, as in a [`TreeNode`].
    pub location: LocationId,
    /// Its thread where threads are split.
    pub thread: Option<ThreadIndex>,
    /// The row of its parent, which comes before it; the root, row 0, is its own.
    pub parent: u32,
    /// Itself and all below.
    pub amount: Amount,
    /// Itself alone.
    pub own: Amount,
    /// How wide it is drawn: at least the sum of its children's.
    pub weight: u64,
}

impl LooseNode {
    /// Nowhere, with nothing.
    pub(crate) const EMPTY: Self = Self {
        location: LocationId::NONE,
        thread: None,
        parent: 0,
        amount: Amount { bytes: 0, allocations: 0 },
        own: Amount { bytes: 0, allocations: 0 },
        weight: 0,
    };
}

pub(crate) fn add(to: &mut Amount, amount: Amount) {
    to.bytes = to.bytes.wrapping_add(amount.bytes);
    to.allocations = to.allocations.wrapping_add(amount.allocations);
}

/// Callers above callees.
pub(crate) fn callers_first(shown: &ShownTree, stacks: &[StackAmount]) -> Tree {
    lay_out(&loose_callers_first(shown, stacks), false)
}

/// Callers before callees, without places.
pub(crate) fn loose_callers_first(shown: &ShownTree, stacks: &[StackAmount]) -> Vec<LooseNode> {
    let mut loose = vec![root(stacks)];
    // For each thread's stacks: the nodes on their paths, in order of creation, so that parents come first.
    let mut rows = vec![NO_ROW; shown.tree.len()];
    let mut begin = 0;
    while begin < stacks.len() {
        let thread = stacks[begin].thread;
        let end = begin + stacks[begin..].iter().take_while(|stack| stack.thread == thread).count();
        let group = &stacks[begin..end];
        let mut top = 0;
        if thread.is_some() {
            top = loose.len() as u32;
            loose.push(LooseNode { location: LocationId::NONE, thread, parent: 0, ..root(group) });
        }
        rows[NodeId::ROOT.index()] = top;
        let mut nodes = Vec::new();
        for stack in group {
            let mut at = stack.node;
            while rows[at.index()] == NO_ROW {
                rows[at.index()] = top;
                nodes.push(at);
                at = shown.tree.parent(at);
            }
        }
        nodes.sort_unstable();
        for &node in &nodes {
            let parent = rows[shown.tree.parent(node).index()];
            rows[node.index()] = loose.len() as u32;
            let location = shown.tree.location(node);
            loose.push(LooseNode { location, thread, parent, ..LooseNode::EMPTY });
        }
        for stack in group {
            let row = rows[stack.node.index()] as usize;
            add(&mut loose[row].own, stack.amount);
            if row as u32 != top {
                add(&mut loose[row].amount, stack.amount);
                loose[row].weight = loose[row].weight.saturating_add(stack.amount.bytes.unsigned_abs());
            }
        }
        for row in (top as usize + 1..loose.len()).rev() {
            let node = loose[row];
            if node.parent != top {
                let parent = &mut loose[node.parent as usize];
                add(&mut parent.amount, node.amount);
                parent.weight = parent.weight.saturating_add(node.weight);
            }
        }
        nodes.iter().for_each(|node| rows[node.index()] = NO_ROW);
        begin = end;
    }
    loose
}

/// Of nodes that no stack passes through.
const NO_ROW: u32 = u32::MAX;

/// A node that holds all of some stacks.
fn root(stacks: &[StackAmount]) -> LooseNode {
    let mut sum = LooseNode::EMPTY;
    for stack in stacks {
        add(&mut sum.amount, stack.amount);
        // Sizes are whatever a capture says: sums of them may be beyond any number.
        sum.weight = sum.weight.saturating_add(stack.amount.bytes.unsigned_abs());
    }
    sum
}

/// Gives loose nodes, parents first, their places. There is one at least: the root.
pub(crate) fn lay_out(loose: &[LooseNode], is_inverted: bool) -> Tree {
    lay_out_in_order(loose, is_inverted).0
}

/// As a tree, and of each of its nodes the row that it was loose in.
pub fn lay_out_in_order(loose: &[LooseNode], is_inverted: bool) -> (Tree, Vec<u32>) {
    let mut counts = vec![0u32; loose.len() + 1];
    for node in &loose[1..] {
        counts[node.parent as usize + 1] += 1;
    }
    for row in 1..counts.len() {
        counts[row] += counts[row - 1];
    }
    let first = counts;
    let mut filled = first.clone();
    let mut children = vec![0u32; loose.len() - 1];
    for (row, node) in loose.iter().enumerate().skip(1) {
        children[filled[node.parent as usize] as usize] = row as u32;
        filled[node.parent as usize] += 1;
    }
    let mut nodes: Vec<TreeNode> = Vec::with_capacity(loose.len());
    let mut order: Vec<u32> = Vec::with_capacity(loose.len());
    nodes.push(placed(&loose[0], 0, 0, 0));
    order.push(0);
    let mut next = 0;
    while next < order.len() {
        let row = order[next] as usize;
        let children = &mut children[first[row] as usize..first[row + 1] as usize];
        children.sort_unstable_by_key(|&child| {
            let child = &loose[child as usize];
            (std::cmp::Reverse(child.weight), std::cmp::Reverse(child.amount.allocations), child.thread, child.location)
        });
        nodes[next].first_child = nodes.len() as u32;
        nodes[next].child_count = children.len() as u32;
        let depth = nodes[next].depth + 1;
        let mut weight_before = 0;
        for &child in children.iter() {
            nodes.push(placed(&loose[child as usize], next as u32, depth, weight_before));
            weight_before = loose[child as usize].weight.saturating_add(weight_before);
            order.push(child);
        }
        next += 1;
    }
    (Tree { nodes, is_inverted }, order)
}

fn placed(loose: &LooseNode, parent: u32, depth: u32, weight_before: u64) -> TreeNode {
    TreeNode {
        location: loose.location,
        thread: loose.thread,
        parent: TreeNodeId(parent),
        first_child: 0,
        child_count: 0,
        depth,
        amount: loose.amount,
        own: loose.own,
        weight: loose.weight,
        weight_before,
    }
}
