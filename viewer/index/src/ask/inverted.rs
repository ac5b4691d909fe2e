// SPDX-License-Identifier: Apache-2.0
//! Trees turned around: callees above callers, so that whoever is called from many places stands together.
//!
//! [`callees_first`] leads. Read from the innermost frame outwards, each stack is a word, and a node of the tree is what
//! begins alike. Sorted as words, the stacks of a node are therefore neighbours: a node is a stretch of the sorted stacks,
//! its sums are differences of running sums, and its children are shorter stretches. So no stack is copied or sorted again
//! on any level, and a recursion in which every level allocates costs no more than its nodes.

use super::shown_tree::ShownTree;
use super::tree_layout::{LooseNode, lay_out};
use crate::answer::{Amount, StackAmount};
use crate::call_tree::CallTree;
use crate::ids::{LocationId, NodeId};
use crate::tree::Tree;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// The tree is not taken further where less than this part of the total is left: no screen shows it.
const FINEST_PART: u64 = 1 << 20;

/// Nodes at most: there may be one for each frame of each stack.
const MAX_NODES: usize = 3 << 20;

/// Callees above callers.
pub(crate) fn callees_first(shown: &ShownTree, stacks: &[StackAmount]) -> Tree {
    let (tree, mut stacks) = only_paths(&shown.tree, stacks);
    let tree = &tree;
    let words = Words::new(tree);
    stacks.par_sort_unstable_by_key(|stack| (stack.thread, words.ranks[stack.node.index()]));
    let sums = Sums::new(&stacks);
    let mut loose = vec![sums.node(LocationId::NONE, 0, 0..stacks.len())];
    let finest = loose[0].weight / FINEST_PART;
    // Stretches whose children are not there yet: their row, their depth, and what of their first and last stack is left.
    let mut waiting: Vec<Stretch> = Vec::new();
    // The root's stacks part by thread first, where threads are split.
    let mut begin = 0;
    for threads in stacks.chunk_by(|a, b| a.thread == b.thread) {
        let end = begin + threads.len();
        waiting.push(Stretch { row: 0, depth: 0, begin, end, first: threads[0].node, last: stacks[end - 1].node });
        begin = end;
    }
    let mut next = 0;
    while next < waiting.len() {
        let Stretch { row: parent, depth, mut begin, end, mut first, last } = waiting[next];
        next += 1;
        while begin < end {
            // The stacks from `begin` on whose next frame is the same.
            let (location, is_outermost) = (tree.location(first), first == NodeId::ROOT);
            let is_same = |node: NodeId| tree.location(node) == location && (node == NodeId::ROOT) == is_outermost;
            let rest = |stack: usize| words.caller(stacks[stack].node, depth);
            let after = if is_same(last) { end } else { first_where(begin, end, |stack| !is_same(rest(stack))) };
            if is_outermost {
                if parent != 0 {
                    loose[parent as usize].own = sums.amount(begin..after);
                }
            } else {
                let row = loose.len() as u32;
                let thread = stacks[begin].thread;
                loose.push(LooseNode { thread, ..sums.node(location, parent, begin..after) });
                if loose[row as usize].weight >= finest && loose.len() < MAX_NODES {
                    let last = if after == end { last } else { rest(after - 1) };
                    let (first, last) = (tree.parent(first), tree.parent(last));
                    waiting.push(Stretch { row, depth: depth + 1, begin, end: after, first, last });
                }
            }
            begin = after;
            if begin < end {
                first = rest(begin);
            }
        }
    }
    lay_out(&loose, true)
}

/// The part of a call tree that some stacks are paths of, and the stacks in it: of a large tree they may be few.
fn only_paths(whole: &CallTree, stacks: &[StackAmount]) -> (CallTree, Vec<StackAmount>) {
    let mut places: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    places.insert(NodeId::ROOT, NodeId::ROOT);
    let mut nodes = Vec::new();
    for stack in stacks {
        let mut at = stack.node;
        while !places.contains_key(&at) {
            places.insert(at, NodeId::ROOT);
            nodes.push(at);
            at = whole.parent(at);
        }
    }
    // Parents first.
    nodes.sort_unstable();
    let mut tree = CallTree::default();
    for node in nodes {
        let place = tree.push(places[&whole.parent(node)], whole.location(node));
        places.insert(node, place);
    }
    let stacks = stacks.iter().map(|stack| StackAmount { node: places[&stack.node], ..*stack }).collect();
    (tree, stacks)
}

/// The sorted stacks of a node.
#[derive(Clone, Copy)]
struct Stretch {
    row: u32,
    /// How many innermost frames they have in common.
    depth: u32,
    begin: usize,
    end: usize,
    /// Where the first and the last go on: the frame that follows those.
    first: NodeId,
    last: NodeId,
}

/// The first of a range for which something holds, where it holds for all that follow; looked for near the start first.
fn first_where(begin: usize, end: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (begin, 1);
    while low + step < end && !holds(low + step) {
        low += step;
        step *= 2;
    }
    let mut high = (low + step).min(end);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Running sums over sorted stacks.
struct Sums {
    amounts: Vec<Amount>,
    /// Sizes are whatever a capture says; this many of them cannot overflow.
    weights: Vec<u128>,
}

impl Sums {
    fn new(stacks: &[StackAmount]) -> Self {
        let (mut amount, mut weight) = (Amount::default(), 0);
        let mut sums = Self { amounts: vec![amount], weights: vec![weight] };
        for stack in stacks {
            super::tree_layout::add(&mut amount, stack.amount);
            weight += u128::from(stack.amount.bytes.unsigned_abs());
            sums.amounts.push(amount);
            sums.weights.push(weight);
        }
        sums
    }

    fn amount(&self, stacks: std::ops::Range<usize>) -> Amount {
        let (from, to) = (self.amounts[stacks.start], self.amounts[stacks.end]);
        Amount { bytes: to.bytes.wrapping_sub(from.bytes), allocations: to.allocations.wrapping_sub(from.allocations) }
    }

    fn node(&self, location: LocationId, parent: u32, stacks: std::ops::Range<usize>) -> LooseNode {
        let weight = self.weights[stacks.end] - self.weights[stacks.start];
        LooseNode {
            location,
            thread: None,
            parent,
            amount: self.amount(stacks),
            own: Amount::default(),
            weight: u64::try_from(weight).unwrap_or(u64::MAX),
        }
    }
}

/// The nodes of a call tree as words: their frames from the innermost outwards.
struct Words<'a> {
    tree: &'a CallTree,
    /// By node: its place among all, sorted as words.
    ranks: Vec<u32>,
    depths: Vec<u32>,
    /// By node: a node some way above it, such that any can be reached in few jumps.
    jumps: Vec<NodeId>,
}

impl<'a> Words<'a> {
    fn new(tree: &'a CallTree) -> Self {
        let mut depths = vec![0; tree.len()];
        let mut jumps = vec![NodeId::ROOT; tree.len()];
        for node in (1..tree.len() as u32).map(NodeId) {
            let parent = tree.parent(node);
            depths[node.index()] = depths[parent.index()] + 1;
            let jump = jumps[parent.index()];
            let (length, next) = (depths[parent.index()] - depths[jump.index()], jumps[jump.index()]);
            // Two jumps of a length make the next longer one.
            let is_pair = length == depths[jump.index()] - depths[next.index()];
            jumps[node.index()] = if is_pair { next } else { parent };
        }
        Self { tree, ranks: ranks(tree), depths, jumps }
    }

    /// The node so many frames further out; the root is its own caller.
    fn caller(&self, node: NodeId, frames: u32) -> NodeId {
        let depth = self.depths[node.index()].saturating_sub(frames);
        let mut at = node;
        while self.depths[at.index()] > depth {
            let jump = self.jumps[at.index()];
            at = if self.depths[jump.index()] < depth { self.tree.parent(at) } else { jump };
        }
        at
    }
}

/// Sorts nodes as words, by doubling: by their first frame, then by two, by four and so on, until all are told apart or
/// no more can be.
fn ranks(tree: &CallTree) -> Vec<u32> {
    // The root is before all locations, so that what ends comes first.
    let first = |node: NodeId| if node == NodeId::ROOT { 0 } else { tree.location(node).0.saturating_add(1) };
    let nodes = || (0..tree.len() as u32).map(NodeId);
    let mut ranks: Vec<u32> = nodes().map(first).collect();
    let mut further: Vec<NodeId> = nodes().map(|node| tree.parent(node)).collect();
    let mut keys: Vec<(u32, u32, u32)> = Vec::with_capacity(tree.len());
    let mut told_apart = 0;
    loop {
        keys.clear();
        keys.extend(nodes().map(|node| (ranks[node.index()], ranks[further[node.index()].index()], node.0)));
        keys.par_sort_unstable();
        let mut rank = 0;
        for (i, key) in keys.iter().enumerate() {
            rank += u32::from(i > 0 && (key.0, key.1) != (keys[i - 1].0, keys[i - 1].1));
            ranks[key.2 as usize] = rank;
        }
        let count = rank as usize + 1;
        if count == tree.len() || count == told_apart {
            return ranks;
        }
        told_apart = count;
        further = nodes().map(|node| further[further[node.index()].index()]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::shown_tree::Hiding;
    use crate::ids::ThreadIndex;
    use crate::tree::TreeNodeId;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn shown(tree: &CallTree) -> std::sync::Arc<ShownTree> {
        ShownTree::new(tree, &[], &Hiding::default())
    }

    fn stack(node: u32, thread: Option<u32>, bytes: i64) -> StackAmount {
        StackAmount { node: NodeId(node), thread: thread.map(ThreadIndex), amount: Amount { bytes, allocations: 1 } }
    }

    #[test]
    fn a_recursion_of_100_000_levels_that_all_allocate_is_one_chain() {
        const DEPTH: u32 = 100_000;
        let mut tree = CallTree::default();
        let mut at = NodeId::ROOT;
        for _ in 0..DEPTH {
            at = tree.push(at, LocationId(1));
        }
        let stacks: Vec<StackAmount> = (1..=DEPTH).map(|node| stack(node, None, i64::from(node))).collect();
        let inverted = callees_first(&shown(&tree), &stacks);
        assert_eq!(inverted.nodes.len(), DEPTH as usize + 1);
        for depth in [1, 2, 777, 50_000, 99_999, DEPTH] {
            let node = inverted.node(TreeNodeId(depth));
            // All stacks at least so deep; the one just so deep ends here.
            let (first, count) = (i64::from(depth), i64::from(DEPTH - depth + 1));
            let bytes = (first + i64::from(DEPTH)) * count / 2;
            assert_eq!((node.depth, node.amount), (depth, Amount { bytes, allocations: count }));
            assert_eq!(node.own, Amount { bytes: first, allocations: 1 });
        }
    }

    #[test]
    fn two_functions_that_call_each_other_are_two_chains() {
        const DEPTH: u32 = 20_000;
        let mut tree = CallTree::default();
        let mut at = NodeId::ROOT;
        for i in 0..DEPTH {
            at = tree.push(at, LocationId(1 + i % 2));
        }
        let stacks: Vec<StackAmount> = (1..=DEPTH).map(|node| stack(node, None, 1)).collect();
        let inverted = callees_first(&shown(&tree), &stacks);
        let tops: Vec<(u32, i64)> = inverted
            .children(TreeNodeId(0))
            .map(|id| inverted.node(TreeNodeId(id)))
            .map(|n| (n.location.0, n.amount.bytes))
            .collect();
        assert_eq!(tops, [(1, 10_000), (2, 10_000)]);
        assert_eq!(inverted.nodes.len() as u32, DEPTH * 2, "chains of 19,999 and 20,000 levels, and the root");
    }

    /// What a tree says of each of its nodes: by thread and path, its amount, own amount and weight.
    type Said = BTreeMap<(Option<u32>, Vec<u32>), (Amount, Amount, u64)>;

    /// By definition: each stack counts for each beginning of its frames, the innermost first.
    fn by_definition(tree: &CallTree, stacks: &[StackAmount]) -> Said {
        let mut said = Said::new();
        for stack in stacks {
            let frames: Vec<u32> = tree.frames(stack.node).map(|location| location.0).collect();
            for length in 1..=frames.len() {
                let key = (stack.thread.map(|thread| thread.0), frames[..length].to_vec());
                let (amount, own, weight) = said.entry(key).or_default();
                crate::ask::tree_layout::add(amount, stack.amount);
                *weight += stack.amount.bytes.unsigned_abs();
                if length == frames.len() {
                    crate::ask::tree_layout::add(own, stack.amount);
                }
            }
        }
        said
    }

    fn said_by(inverted: &Tree) -> Said {
        (1..inverted.nodes.len() as u32)
            .map(|id| {
                let node = inverted.node(TreeNodeId(id));
                let path = inverted.path(TreeNodeId(id)).into_iter().skip(1);
                let path = path.map(|id| inverted.node(id).location.0).collect();
                ((node.thread.map(|thread| thread.0), path), (node.amount, node.own, node.weight))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_node_holds_what_it_does_by_definition(
            shape in prop::collection::vec((any::<prop::sample::Index>(), 1u32..4), 1..60),
            amounts in prop::collection::vec((any::<prop::sample::Index>(), 0u32..3, -50i64..1000), 0..60),
            is_split: bool,
        ) {
            let mut tree = CallTree::default();
            let mut known: BTreeMap<(u32, u32), NodeId> = BTreeMap::new();
            for (parent, location) in shape {
                let parent = NodeId(parent.index(tree.len()) as u32);
                known.entry((parent.0, location)).or_insert_with(|| tree.push(parent, LocationId(location)));
            }
            let mut stacks: BTreeMap<(Option<u32>, u32), StackAmount> = BTreeMap::new();
            for (node, thread, bytes) in amounts {
                let (node, thread) = (node.index(tree.len()) as u32, is_split.then_some(thread));
                stacks.insert((thread, node), stack(node, thread, bytes));
            }
            let stacks: Vec<StackAmount> = stacks.into_values().collect();
            let inverted = callees_first(&shown(&tree), &stacks);
            let expected = by_definition(&tree, &stacks);
            prop_assert_eq!(inverted.nodes.len(), expected.len() + 1, "each once");
            prop_assert_eq!(said_by(&inverted), expected);
            let total = stacks.iter().fold(0i64, |sum, stack| sum + stack.amount.bytes);
            prop_assert_eq!((inverted.nodes[0].amount.bytes, inverted.nodes[0].own), (total, Amount::default()));
        }

        #[test]
        fn the_first_of_a_range_is_found(from in 0usize..200, length in 1usize..200, at in 1usize..300) {
            let end = from + length;
            prop_assert_eq!(first_where(from, end, |i| i >= from + at), end.min(from + at));
        }
    }
}
