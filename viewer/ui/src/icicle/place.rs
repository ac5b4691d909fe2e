// SPDX-License-Identifier: Apache-2.0
//! Places in a tree that outlive it: frames known by their path of locations, so that zoom, selection and history
//! survive when another answer's tree takes its place.

use super::view::View;
use crate::labels::Labels;
use memray_index::{LocationId, ThreadIndex, Tree, TreeNodeId};

/// A frame as a path: of each frame below the root what stands for its location, and its thread; outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FramePath(Vec<(LocationId, Option<ThreadIndex>)>);

impl FramePath {
    /// The path of a frame.
    pub fn of(tree: &Tree, labels: &dyn Labels, node: TreeNodeId) -> Self {
        let frames = tree.path(node).into_iter().skip(1).map(|id| tree.node(id));
        Self(frames.map(|frame| (labels.representative(frame.location), frame.thread)).collect())
    }

    /// Its frame in another tree.
    pub fn find(&self, tree: &Tree, labels: &dyn Labels) -> Option<TreeNodeId> {
        let (node, is_whole) = self.follow(tree, labels);
        is_whole.then_some(node)
    }

    /// The innermost frame of the path that a tree has, and whether that is the path's end.
    fn follow(&self, tree: &Tree, labels: &dyn Labels) -> (TreeNodeId, bool) {
        let mut at = TreeNodeId(0);
        if tree.nodes.is_empty() {
            return (at, false);
        }
        for &(location, thread) in &self.0 {
            let found = tree.children(at).map(TreeNodeId).find(|&child| {
                let node = tree.node(child);
                node.thread == thread && labels.representative(node.location) == location
            });
            let Some(found) = found else { return (at, false) };
            at = found;
        }
        (at, true)
    }
}

/// What an icicle shows: a frame, or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    path: FramePath,
    /// The view's left edge and its width as shares of the frame's.
    left: f64,
    width: f64,
    /// The level at the view's edge.
    pub(super) level: f64,
}

impl Place {
    /// What a view shows, as a part of `anchor`.
    pub(super) fn of(tree: &Tree, labels: &dyn Labels, anchor: TreeNodeId, view: &View, level: f64) -> Self {
        let weight = tree.nodes.get(anchor.0 as usize).map_or(0, |node| node.weight) as f64;
        if weight == 0.0 {
            // Of nothing there is no part.
            return Self { path: FramePath::default(), left: 0.0, width: 1.0, level };
        }
        let left = view.units_left_of_view(start_of(tree, anchor)) / weight;
        Self { path: FramePath::of(tree, labels, anchor), left, width: view.span() / weight, level }
    }

    /// Whether it is less than the whole tree.
    pub(super) fn is_part(&self) -> bool {
        !self.path.0.is_empty() || self.width < 1.0 - 1e-9
    }

    /// The same place in a tree: the frame and the view. Where the frame is not there any more, all of the innermost
    /// one around it that is.
    pub(super) fn find(&self, tree: &Tree, labels: &dyn Labels) -> (TreeNodeId, View) {
        let (mut node, mut is_whole) = self.path.follow(tree, labels);
        // What has no width, as a new frame among those of before, cannot be zoomed to.
        while node.0 != 0 && tree.node(node).weight == 0 {
            (node, is_whole) = (tree.node(node).parent, false);
        }
        if is_whole && !tree.nodes.is_empty() {
            let view = View::part_of(start_of(tree, node), tree.node(node).weight, self.left, self.width);
            (node, view)
        } else {
            (node, view_of(tree, node))
        }
    }
}

/// Where a frame's weight starts, counted from the root's start.
pub(super) fn start_of(tree: &Tree, node: TreeNodeId) -> u64 {
    let mut start = 0_u64;
    let mut at = node;
    while at.0 != 0 {
        let node = tree.node(at);
        start = start.saturating_add(node.weight_before);
        at = node.parent;
    }
    start
}

/// All of a frame.
pub(super) fn view_of(tree: &Tree, node: TreeNodeId) -> View {
    let weight = tree.nodes.get(node.0 as usize).map_or(0, |node| node.weight);
    View::of(if tree.nodes.is_empty() { 0 } else { start_of(tree, node) }, weight)
}

/// No frame deeper than this anchors a view: beyond, a look at each wheel turn would take long.
const DEEPEST_ANCHOR: u32 = 4096;

/// The narrowest frame that covers a view; of those equally wide the outermost.
pub(super) fn anchor_of(tree: &Tree, view: &View) -> TreeNodeId {
    let mut anchor = TreeNodeId(0);
    let (mut at, mut start) = (TreeNodeId(0), 0_u64);
    for _ in 0..DEEPEST_ANCHOR {
        let rows = tree.children(at);
        let Some(children) = tree.nodes.get(rows.start as usize..rows.end as usize) else { break };
        let left = view.units_left_of_view(start);
        let row = children.partition_point(|child| child.weight_before.saturating_add(child.weight) as f64 <= left);
        let Some(child) = children.get(row) else { break };
        let is_covered = child.weight_before as f64 <= left
            && left + view.span() <= child.weight_before.saturating_add(child.weight) as f64;
        if !is_covered {
            break;
        }
        start = start.saturating_add(child.weight_before);
        at = TreeNodeId(rows.start + row as u32);
        if child.weight < tree.node(anchor).weight {
            anchor = at;
        }
    }
    anchor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LocationLabel;
    use memray_index::{Amount, FrameKind, LooseNode, StringId, lay_out_in_order};
    use std::borrow::Cow;

    /// Odd locations are other lines of the even ones before them.
    struct Lines;

    impl Labels for Lines {
        fn location(&self, _: LocationId) -> LocationLabel<'_> {
            let nothing = Cow::Borrowed("");
            LocationLabel {
                function: nothing.clone(),
                file: nothing.clone(),
                line: 0,
                kind: FrameKind::Python,
                module: nothing,
                traits: Default::default(),
            }
        }

        fn string(&self, _: StringId) -> Cow<'_, str> {
            Cow::Borrowed("")
        }

        fn thread(&self, _: ThreadIndex) -> String {
            String::new()
        }

        fn representative(&self, location: LocationId) -> LocationId {
            LocationId(location.0 / 2 * 2)
        }
    }

    /// A stack of these locations.
    fn stack(locations: &[u32]) -> Tree {
        let frames = (0..).zip([0].iter().chain(locations)).map(|(row, &location): (u32, &u32)| LooseNode {
            location: LocationId(location),
            thread: None,
            parent: row.saturating_sub(1),
            amount: Amount::default(),
            own: Amount::default(),
            weight: 10,
        });
        lay_out_in_order(&frames.collect::<Vec<_>>(), false).0
    }

    #[test]
    fn a_frame_is_found_in_a_tree_that_shows_it_at_another_line() {
        let (peak, leaked, other) = (stack(&[2, 4, 6]), stack(&[3, 5, 7]), stack(&[2, 8]));
        let path = FramePath::of(&peak, &Lines, TreeNodeId(3));
        assert_eq!(path.find(&leaked, &Lines), Some(TreeNodeId(3)));
        assert_eq!(path.find(&other, &Lines), None);
        let view = view_of(&peak, TreeNodeId(2));
        let place = Place::of(&peak, &Lines, TreeNodeId(2), &view, 1.0);
        assert_eq!(place.find(&leaked, &Lines).0, TreeNodeId(2));
        assert_eq!(place.find(&other, &Lines).0, TreeNodeId(1), "the innermost that is there");
    }
}
