// SPDX-License-Identifier: Apache-2.0
//! A function with those who call it above and those whom it calls below: [`Sandwich`]. Each stack is cut at the outermost
//! of the function's frames, so that what a recursion allocates counts once.

use super::inverted::callees_first;
use super::shown_tree::{Hiding, ShownTree};
use super::tree_layout::{add, callers_first};
use crate::answer::{Amount, StackAmount};
use crate::call_tree::CallTree;
use crate::ids::{LocationId, NodeId};
use crate::tree::{Tree, TreeNodeId};
use rustc_hash::FxHashMap;

/// A function with its callers and callees.
#[derive(Clone, Debug)]
pub struct Sandwich {
    /// What all stacks with the function hold.
    pub amount: Amount,
    /// Who calls it: inverted, so that a node's children are its callers. The root is the function, at its heaviest line.
    pub callers: Tree,
    /// The function as the root, then whom it calls; between them its lines, where it was at several.
    pub callees: Tree,
}

const ROOT: TreeNodeId = TreeNodeId(0);

/// Cuts the stacks of an answer at the outermost frame of a function; `is_of` says which locations are its own.
pub(crate) fn sandwich(shown: &ShownTree, stacks: &[StackAmount], is_of: impl Fn(LocationId) -> bool) -> Sandwich {
    let tree = &shown.tree;
    // By node: the outermost frame of the function on its path; the root stands for none.
    let mut outermost = vec![NodeId::ROOT; tree.len()];
    for node in (1..tree.len() as u32).map(NodeId) {
        let above = outermost[tree.parent(node).index()];
        let is_first = above == NodeId::ROOT && is_of(tree.location(node));
        outermost[node.index()] = if is_first { node } else { above };
    }
    let passing: Vec<&StackAmount> =
        stacks.iter().filter(|stack| outermost[stack.node.index()] != NodeId::ROOT).collect();
    let mut amount = Amount::default();
    passing.iter().for_each(|stack| add(&mut amount, stack.amount));

    let above: Vec<StackAmount> = passing
        .iter()
        .map(|stack| StackAmount { node: tree.parent(outermost[stack.node.index()]), ..**stack })
        .collect();
    let lines = || passing.iter().map(|stack| tree.location(outermost[stack.node.index()]));
    let only_line = lines().next().filter(|line| lines().all(|other| other == *line));
    let (below, stacks_below) = cut_below(tree, &outermost, &passing, only_line.is_some());
    let below = ShownTree::new(&below, &[], &Hiding::default());
    let (mut callers, mut callees) = (callees_first(shown, &above), callers_first(&below, &stacks_below));
    // The heaviest comes first.
    let heaviest = || callees.children(ROOT).next().map(|line| callees.node(TreeNodeId(line)).location);
    let line = only_line.or_else(heaviest);
    for tree in [&mut callers, &mut callees] {
        tree.nodes[0].location = line.unwrap_or(LocationId::NONE);
    }
    Sandwich { amount, callers, callees }
}

/// The part of a call tree below the function, and the stacks in it. The function is the root if it was at one line only.
fn cut_below(
    tree: &CallTree,
    outermost: &[NodeId],
    passing: &[&StackAmount],
    is_at_one_line: bool,
) -> (CallTree, Vec<StackAmount>) {
    let mut below = CallTree::default();
    // By node of the whole tree: its place below; and by place and location, so that equal paths become one.
    let mut places: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    let mut children: FxHashMap<(NodeId, LocationId), NodeId> = FxHashMap::default();
    let mut path = Vec::new();
    let mut place_of = |node: NodeId| {
        let mut at = node;
        let mut place = loop {
            if let Some(&place) = places.get(&at) {
                break place;
            }
            let is_outermost = outermost[at.index()] == at;
            if !(is_outermost && is_at_one_line) {
                path.push(at);
            }
            if is_outermost {
                break NodeId::ROOT;
            }
            at = tree.parent(at);
        };
        while let Some(node) = path.pop() {
            let location = tree.location(node);
            place = *children.entry((place, location)).or_insert_with(|| below.push(place, location));
            places.insert(node, place);
        }
        place
    };
    let stacks = passing.iter().map(|stack| StackAmount { node: place_of(stack.node), ..**stack }).collect();
    (below, stacks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The function that is asked about has locations 1 and 2.
    fn is_of(location: LocationId) -> bool {
        matches!(location.0, 1 | 2)
    }

    /// What a tree says: by path of locations, bytes.
    fn said(tree: &Tree) -> BTreeMap<Vec<u32>, i64> {
        (1..tree.nodes.len() as u32)
            .map(|id| {
                let path = tree.path(TreeNodeId(id)).into_iter().skip(1).map(|id| tree.node(id).location.0);
                (path.collect(), tree.node(TreeNodeId(id)).amount.bytes)
            })
            .collect()
    }

    /// By definition: of each stack with the function, what lies outside its outermost frame, read outwards, and from
    /// that frame on inwards.
    fn by_definition(stacks: &[(Vec<u32>, i64)]) -> [BTreeMap<Vec<u32>, i64>; 2] {
        let mut all: [BTreeMap<Vec<u32>, i64>; 2] = Default::default();
        for (frames, bytes) in stacks {
            let Some(at) = frames.iter().position(|&frame| is_of(LocationId(frame))) else { continue };
            let outwards: Vec<u32> = frames[..at].iter().rev().copied().collect();
            for (said, path) in all.iter_mut().zip([outwards, frames[at..].to_vec()]) {
                for length in 1..=path.len() {
                    *said.entry(path[..length].to_vec()).or_default() += bytes;
                }
            }
        }
        let lines: std::collections::BTreeSet<u32> = all[1].keys().map(|path| path[0]).collect();
        if lines.len() == 1 {
            let callees = std::mem::take(&mut all[1]);
            let below = callees.into_iter().filter(|(path, _)| path.len() > 1);
            all[1] = below.map(|(path, bytes)| (path[1..].to_vec(), bytes)).collect();
        }
        all
    }

    proptest! {
        #[test]
        fn callers_and_callees_are_those_by_definition(
            stacks in prop::collection::btree_map(prop::collection::vec(1u32..5, 1..7), 1i64..1000, 0..40),
        ) {
            let stacks: Vec<(Vec<u32>, i64)> = stacks.into_iter().collect();
            let mut tree = CallTree::default();
            let mut known: FxHashMap<(NodeId, u32), NodeId> = FxHashMap::default();
            let amounts: Vec<StackAmount> = stacks
                .iter()
                .map(|(frames, bytes)| {
                    let node = frames.iter().fold(NodeId::ROOT, |at, &frame| {
                        *known.entry((at, frame)).or_insert_with(|| tree.push(at, LocationId(frame)))
                    });
                    StackAmount { node, thread: None, amount: Amount { bytes: *bytes, allocations: 1 } }
                })
                .collect();
            let shown = ShownTree::new(&tree, &[], &Hiding::default());
            let found = sandwich(&shown, &amounts, is_of);
            let [callers, callees] = by_definition(&stacks);
            prop_assert_eq!(said(&found.callers), callers);
            prop_assert_eq!(said(&found.callees), callees);
            let has_it = |frames: &[u32]| frames.iter().any(|&frame| is_of(LocationId(frame)));
            let total: i64 = stacks.iter().filter(|(frames, _)| has_it(frames)).map(|(_, bytes)| bytes).sum();
            let roots = [&found.callers, &found.callees].map(|tree| tree.nodes[0].amount.bytes);
            prop_assert_eq!((found.amount.bytes, roots), (total, [total; 2]));
        }
    }
}
