// SPDX-License-Identifier: Apache-2.0
//! A tree without some functions: their frames are left out, and what they called hangs on their callers.
//!
//! [`without_functions`] is a pure function, linear in the tree but for the sorting of siblings, for a worker to run.
//! No byte is lost: what a hidden frame allocated itself counts as its caller's own.

use crate::labels::Labels;
use memray_index::{Amount, LocationId, Tree, TreeNode, TreeNodeId};
use rustc_hash::FxHashMap;

/// A tree in which no frame has one of these functions.
pub fn without_functions(tree: &Tree, labels: &dyn Labels, functions: &[String]) -> Tree {
    if tree.nodes.is_empty() || functions.is_empty() {
        return tree.clone();
    }
    let mut hidden: FxHashMap<LocationId, bool> = FxHashMap::default();
    let mut is_hidden = |location: LocationId| {
        location != LocationId::NONE
            && *hidden.entry(location).or_insert_with(|| {
                let name = labels.location(location).function;
                functions.iter().any(|function| *function == name)
            })
    };
    // What each frame becomes part of. Parents come before children, in both trees.
    let mut becomes: Vec<u32> = Vec::with_capacity(tree.nodes.len());
    let mut kept: Vec<TreeNode> = Vec::new();
    let mut known = FxHashMap::default();
    for (row, node) in tree.nodes.iter().enumerate() {
        let target = if row == 0 {
            kept.push(emptied(node, TreeNodeId(0), 0));
            0
        } else {
            let parent = becomes[node.parent.0 as usize];
            if is_hidden(node.location) {
                parent
            } else {
                *known.entry((parent, node.location, node.thread)).or_insert_with(|| {
                    let depth = kept[parent as usize].depth + 1;
                    kept.push(emptied(node, TreeNodeId(parent), depth));
                    kept.len() as u32 - 1
                })
            }
        };
        becomes.push(target);
        let below: u64 = tree.nodes[children(node)].iter().map(|child| child.weight).sum();
        let frame = &mut kept[target as usize];
        add(&mut frame.own, node.own);
        frame.weight = frame.weight.saturating_add(node.weight.saturating_sub(below));
    }
    for row in (0..kept.len()).rev() {
        let TreeNode { parent, own, weight, .. } = kept[row];
        add(&mut kept[row].amount, own);
        if row > 0 {
            let amount = kept[row].amount;
            let parent = &mut kept[parent.0 as usize];
            add(&mut parent.amount, amount);
            parent.weight = parent.weight.saturating_add(weight);
        }
    }
    Tree { nodes: side_by_side(kept), is_inverted: tree.is_inverted }
}

fn children(node: &TreeNode) -> std::ops::Range<usize> {
    let first = node.first_child as usize;
    first..first + node.child_count as usize
}

fn add(to: &mut Amount, more: Amount) {
    to.bytes = to.bytes.saturating_add(more.bytes);
    to.allocations = to.allocations.saturating_add(more.allocations);
}

/// A frame as it is, without amounts and children.
fn emptied(node: &TreeNode, parent: TreeNodeId, depth: u32) -> TreeNode {
    TreeNode {
        parent,
        depth,
        first_child: 0,
        child_count: 0,
        amount: Amount::default(),
        own: Amount::default(),
        weight: 0,
        weight_before: 0,
        ..*node
    }
}

/// Lays siblings side by side, the heaviest first.
fn side_by_side(frames: Vec<TreeNode>) -> Vec<TreeNode> {
    let mut order: Vec<u32> = (1..frames.len() as u32).collect();
    order.sort_by_key(|&row| {
        let frame = &frames[row as usize];
        (frame.depth, frame.parent, std::cmp::Reverse(frame.weight))
    });
    // Level by level; within a level, parents in the order in which they themselves now stand.
    let mut place = vec![0_u32; frames.len()];
    let mut nodes: Vec<TreeNode> = Vec::with_capacity(frames.len());
    nodes.push(frames[0]);
    let mut at = 0;
    while at < order.len() {
        let depth = frames[order[at] as usize].depth;
        let end = at + order[at..].partition_point(|&row| frames[row as usize].depth == depth);
        order[at..end].sort_by_key(|&row| place[frames[row as usize].parent.0 as usize]);
        for &row in &order[at..end] {
            let frame = frames[row as usize];
            let parent = place[frame.parent.0 as usize];
            let (id, before) =
                (nodes.len() as u32, nodes.last().filter(|last| last.parent.0 == parent && last.depth == depth));
            let weight_before = before.map_or(0, |sibling| sibling.weight_before.saturating_add(sibling.weight));
            place[row as usize] = id;
            nodes.push(TreeNode { parent: TreeNodeId(parent), weight_before, ..frame });
            let parent = &mut nodes[parent as usize];
            if parent.child_count == 0 {
                parent.first_child = id;
            }
            parent.child_count += 1;
        }
        at = end;
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Branch, Numbered, tower, tree};
    use super::*;

    fn hide(tree: &Tree, functions: &[&str]) -> Tree {
        let functions: Vec<_> = functions.iter().map(|&function| function.to_owned()).collect();
        without_functions(tree, &Numbered, &functions)
    }

    fn frames(tree: &Tree) -> Vec<(u32, u32, i64, i64, u64)> {
        tree.nodes.iter().map(|n| (n.depth, n.location.0, n.amount.bytes, n.own.bytes, n.weight_before)).collect()
    }

    #[test]
    fn what_a_hidden_function_called_hangs_on_its_caller_and_joins_its_like() {
        let tree = tree(&Branch::new(0, 1000).over([
            Branch::new(12, 600).over([Branch::new(14, 400).over([Branch::new(16, 300)]), Branch::new(16, 150)]),
            Branch::new(18, 300).over([Branch::new(14, 100)]),
        ]));
        let shown = hide(&tree, &["function_14"]);
        assert_eq!(
            frames(&shown),
            [(0, 0, 1000, 100, 0), (1, 12, 600, 150, 0), (1, 18, 300, 300, 600), (2, 16, 450, 450, 0)]
        );
        assert_eq!(shown.children(TreeNodeId(1)), 3..4);
        assert_eq!(shown.children(TreeNodeId(2)).len(), 0);
        // Its callees may be heavier than its siblings.
        let shown = hide(&tree, &["function_12", "function_14"]);
        assert_eq!(frames(&shown), [(0, 0, 1000, 250, 0), (1, 16, 450, 450, 0), (1, 18, 300, 300, 450)]);
    }

    #[test]
    fn hiding_nothing_changes_nothing() {
        let tree = tree(&Branch::new(0, 90).over((0..9).map(|i| Branch::new(20 - i, 9).over([Branch::new(3, 9)]))));
        assert_eq!(frames(&hide(&tree, &["another"])), frames(&tree));
        assert_eq!(frames(&hide(&tree, &[])), frames(&tree));
    }

    #[test]
    fn a_stack_of_a_million_frames_loses_some() {
        let shown = hide(&tower(1_000_000, 4096), &["function_1"]);
        assert_eq!((shown.nodes.len(), shown.nodes[0].amount.bytes), (1_000_001 - 142_857, 4096));
    }
}
