// SPDX-License-Identifier: Apache-2.0
//! One tree of two answers: [`UnionTree`].
//!
//! What each stack contributes is brought to the node that it has in common with the other capture's stacks, and summed
//! upwards from there: so the sums hold whatever was folded or moved. The result is a [`Tree`] as any other, drawn and
//! searched by the same code, with a [`Delta`] beside each node.

use crate::change::{Change, Delta};
use crate::comparison::Side;
use crate::joint::{Joint, MatchId};
use memray_index::{Amount, Location, LocationId, LooseNode, Tree, TreeNodeId, lay_out_in_order};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::cmp::Reverse;

/// What a node is drawn as wide as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Width {
    /// The larger of both, stack by stack: nothing is too narrow to be seen because it is new or vanished.
    #[default]
    Larger,
    /// What it was before: what is new has no width.
    Before,
    /// What it is after.
    After,
}

impl Width {
    /// Whose lines and names a tree of that width has, where both have a frame.
    pub fn named_by(self) -> Side {
        match self {
            Self::Before => Side::Before,
            Self::Larger | Self::After => Side::After,
        }
    }
}

/// One tree of two answers.
#[derive(Clone, Debug)]
pub struct UnionTree {
    /// Its shape. Locations are those of the [`Comparison`](crate::Comparison); amounts are the second answer's.
    pub tree: Tree,
    /// Itself and all below, by [`TreeNodeId`].
    pub total: Vec<Delta>,
    /// Itself alone.
    pub own: Vec<Delta>,
}

impl UnionTree {
    /// A node's change, with all below.
    pub fn total(&self, node: TreeNodeId) -> Delta {
        self.total[node.0 as usize]
    }

    /// A node's own change.
    pub fn own(&self, node: TreeNodeId) -> Delta {
        self.own[node.0 as usize]
    }

    /// What kind of change a node's is.
    pub fn change(&self, node: TreeNodeId) -> Change {
        Change::of(self.total(node), self.total[0].larger_bytes())
    }

    /// What vanished, and the frames that it lay below; as wide as what vanished was. Each node's change stays the same.
    #[must_use]
    pub fn only_vanished(&self) -> Self {
        let rows = self.tree.nodes.len();
        let mut weights = vec![0_u64; rows];
        let mut is_kept = vec![false; rows];
        for row in (0..rows).rev() {
            let node = TreeNodeId(row as u32);
            if row == 0 || self.change(node) == Change::Vanished {
                is_kept[row] = true;
            }
            if row != 0 && is_kept[row] {
                if self.change(node) == Change::Vanished {
                    weights[row] = weights[row].saturating_add(self.own(node).before.bytes.unsigned_abs());
                }
                let parent = self.tree.node(node).parent.0 as usize;
                is_kept[parent] = true;
                weights[parent] = weights[parent].saturating_add(weights[row]);
            }
        }
        let mut moved = vec![0_u32; rows];
        let mut kept = Vec::new();
        let mut loose = Vec::new();
        for row in (0..rows).filter(|&row| is_kept[row]) {
            let node = self.tree.nodes[row];
            moved[row] = loose.len() as u32;
            kept.push(row);
            loose.push(LooseNode {
                location: node.location,
                thread: node.thread,
                parent: moved[node.parent.0 as usize],
                amount: node.amount,
                own: node.own,
                weight: weights[row],
            });
        }
        let (tree, order) = lay_out_in_order(&loose, self.tree.is_inverted);
        let row_of = |at: &u32| kept[*at as usize];
        let total = order.iter().map(|at| self.total[row_of(at)]).collect();
        let own = order.iter().map(|at| self.own[row_of(at)]).collect();
        Self { tree, total, own }
    }
}

/// The nodes of one of the two answers.
pub(crate) enum SideNodes {
    /// Callers before callees.
    CallersFirst(Vec<LooseNode>),
    /// Callees above callers.
    Inverted(Tree),
}

impl SideNodes {
    fn len(&self) -> usize {
        match self {
            Self::CallersFirst(nodes) => nodes.len(),
            Self::Inverted(tree) => tree.nodes.len(),
        }
    }
}

/// One of the two answers, as its own capture's tree.
pub(crate) struct SideTree<'a> {
    pub(crate) nodes: &'a SideNodes,
    pub(crate) to_joint: &'a dyn Fn(LocationId) -> LocationId,
    pub(crate) side: Side,
}

impl SideTree<'_> {
    fn frame(&self, location: LocationId, weight: u64) -> Frame {
        Frame { location: (self.to_joint)(location), side: self.side, weight }
    }
}

/// Nodes in common, in order of creation: parents come first.
struct Common<'a> {
    joint: &'a Joint,
    nodes: Vec<CommonNode>,
    children: FxHashMap<(u32, MatchId), u32>,
}

struct CommonNode {
    parent: u32,
    own: Delta,
    /// Of each capture's frames that it stands for the heaviest, with its weight; [`LocationId::NONE`] if it has none.
    shown: [(LocationId, u64); 2],
}

impl CommonNode {
    fn new(parent: u32) -> Self {
        Self { parent, own: Delta::default(), shown: [(LocationId::NONE, 0); 2] }
    }

    /// The frame that it is shown as: one of this side, if there is any.
    fn shown(&self, side: Side) -> LocationId {
        let [(shown, _), (other, _)] = [side, side.other()].map(|side| self.shown[side as usize]);
        if shown == LocationId::NONE { other } else { shown }
    }
}

/// A frame of one side's tree, on its way to the common node.
#[derive(Clone, Copy)]
struct Frame {
    location: LocationId,
    side: Side,
    weight: u64,
}

impl Common<'_> {
    fn child(&mut self, parent: u32, Frame { location, side, weight }: Frame) -> u32 {
        let next = self.nodes.len() as u32;
        let at = *self.children.entry((parent, self.joint.match_id(location))).or_insert(next);
        if at == next {
            self.nodes.push(CommonNode::new(parent));
        }
        let (shown, shown_weight) = &mut self.nodes[at as usize].shown[side as usize];
        if *shown == LocationId::NONE || (weight, Reverse(location)) > (*shown_weight, Reverse(*shown)) {
            (*shown, *shown_weight) = (location, weight);
        }
        at
    }

    fn add(&mut self, side: &SideTree<'_>) {
        match side.nodes {
            SideNodes::CallersFirst(nodes) => self.add_callers_first(side, nodes),
            SideNodes::Inverted(tree) => self.add_inverted(side, tree),
        }
    }

    fn add_callers_first(&mut self, side: &SideTree<'_>, nodes: &[LooseNode]) {
        // Where each node of the side's tree went.
        let mut went: Vec<u32> = Vec::with_capacity(nodes.len());
        for (row, node) in nodes.iter().enumerate() {
            let place = if row == 0 {
                0
            } else {
                self.below(went[node.parent as usize], side.frame(node.location, node.weight))
            };
            went.push(place);
            self.charge(side, place, node.own);
        }
    }

    fn add_inverted(&mut self, side: &SideTree<'_>, tree: &Tree) {
        // Where each node of the side's tree went, and the line at which its caller is, where that is not its own.
        let mut went: Vec<(u32, Option<u32>)> = Vec::with_capacity(tree.nodes.len());
        for (row, node) in tree.nodes.iter().enumerate() {
            let place = if row == 0 {
                (0, None)
            } else {
                let (parent, line) = went[node.parent.0 as usize];
                let frame = side.frame(node.location, node.weight);
                self.inverted(side, tree, TreeNodeId(row as u32), frame, (parent, line))
            };
            went.push(place);
            let children = tree.children(TreeNodeId(row as u32));
            let own = children.fold(node.amount, |left, child| {
                let child = tree.node(TreeNodeId(child)).amount;
                Amount {
                    bytes: left.bytes.wrapping_sub(child.bytes),
                    allocations: left.allocations.wrapping_sub(child.allocations),
                }
            });
            self.charge(side, place.0, own);
        }
    }

    /// Adds what is a node's own.
    fn charge(&mut self, side: &SideTree<'_>, place: u32, own: Amount) {
        let own = Delta { before: own, after: Amount::default() };
        self.nodes[place as usize].own.add(match side.side {
            Side::Before => own,
            Side::After => own.swapped(),
        });
    }

    /// The node of a callee. A comprehension's is its caller's, at the comprehension's line.
    fn below(&mut self, parent: u32, frame: Frame) -> u32 {
        if parent == 0 && self.joint.is_left_out(frame.location) {
            return parent;
        }
        let caller = &self.nodes[parent as usize];
        let shown = caller.shown(frame.side);
        if parent == 0 || !self.joint.is_part_of(frame.location, shown) {
            return self.child(parent, frame);
        }
        let (above, location) = (caller.parent, self.at_line_of(shown, frame.location));
        self.child(above, Frame { location, ..frame })
    }

    /// The node of a caller, below that of its callee. A comprehension has none: its caller follows, at its line.
    fn inverted(
        &mut self,
        side: &SideTree<'_>,
        tree: &Tree,
        node: TreeNodeId,
        frame: Frame,
        (parent, line): (u32, Option<u32>),
    ) -> (u32, Option<u32>) {
        let location = frame.location;
        let mut callers = tree.children(node).map(|it| (side.to_joint)(tree.node(TreeNodeId(it)).location));
        if self.joint.is_left_out(location) && callers.clone().all(|caller| self.joint.is_left_out(caller)) {
            return (parent, line);
        }
        let is_folded = callers.len() > 0 && callers.all(|caller| self.joint.is_part_of(location, caller));
        if is_folded {
            return (parent, line.or(Some(self.joint.location(location).line)));
        }
        let location = line.map_or(location, |line| self.joint.at_line(location, line));
        (self.child(parent, Frame { location, ..frame }), None)
    }

    fn at_line_of(&self, function: LocationId, other: LocationId) -> LocationId {
        let Location { line, .. } = self.joint.location(other);
        self.joint.at_line(function, line)
    }
}

/// What two trees have in common. Threads are merged in both.
pub(crate) fn unite(joint: &Joint, sides: [SideTree<'_>; 2]) -> United {
    let is_inverted = matches!(sides[0].nodes, SideNodes::Inverted(_));
    // At most so many; most often half of it.
    let count = sides.iter().map(|side| side.nodes.len()).sum();
    let mut common = Common {
        joint,
        nodes: Vec::with_capacity(count),
        children: FxHashMap::with_capacity_and_hasher(count, FxBuildHasher),
    };
    common.nodes.push(CommonNode::new(0));
    sides.iter().for_each(|side| common.add(side));
    let nodes = common.nodes;
    let mut totals: Vec<Delta> = nodes.iter().map(|node| node.own).collect();
    for row in (1..nodes.len()).rev() {
        let total = totals[row];
        totals[nodes[row].parent as usize].add(total);
    }
    United { nodes, totals, is_inverted }
}

/// Two trees as one whose widths are not chosen yet.
pub(crate) struct United {
    nodes: Vec<CommonNode>,
    totals: Vec<Delta>,
    is_inverted: bool,
}

impl United {
    pub(crate) fn laid_out(&self, width: Width) -> UnionTree {
        let Self { nodes, totals, is_inverted } = self;
        let mut weights: Vec<u64> = nodes.iter().map(|node| own_width(node.own, width)).collect();
        for row in (1..nodes.len()).rev() {
            let (parent, weight) = (nodes[row].parent as usize, weights[row]);
            weights[parent] = weights[parent].saturating_add(weight);
        }
        let loose: Vec<LooseNode> = nodes
            .iter()
            .zip(totals.iter().zip(&weights))
            .map(|(node, (total, &weight))| LooseNode {
                location: node.shown(width.named_by()),
                thread: None,
                parent: node.parent,
                amount: total.after,
                own: node.own.after,
                weight,
            })
            .collect();
        let (tree, order) = lay_out_in_order(&loose, *is_inverted);
        let total = order.iter().map(|&row| totals[row as usize]).collect();
        let own = order.iter().map(|&row| nodes[row as usize].own).collect();
        UnionTree { tree, total, own }
    }
}

fn own_width(own: Delta, width: Width) -> u64 {
    match width {
        Width::Larger => own.larger_bytes(),
        Width::Before => own.before.bytes.unsigned_abs(),
        Width::After => own.after.bytes.unsigned_abs(),
    }
}
