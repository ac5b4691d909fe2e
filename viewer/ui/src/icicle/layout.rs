// SPDX-License-Identifier: Apache-2.0
//! Which boxes an icicle shows, and where.
//!
//! [`Layout`] leads. It goes down level by level, finds the visible children of each visible frame by bisection, and
//! never looks at what is narrower than a pixel: siblings come heaviest first, so those are a tail of their list, and
//! one box stands for all of it. Its cost depends on the pixels, not on the tree.

use super::view::View;
use memray_index::{Tree, TreeNode, TreeNodeId};
use std::ops::Range;

/// A box on the screen: a frame, or a tail of siblings that are each narrower than a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameBox {
    /// The frame, or the first of those merged.
    pub node: TreeNodeId,
    /// How many frames it stands for; 1 for an ordinary box.
    pub count: u32,
    /// From this pixel, counted from the view's left edge…
    pub left: i32,
    /// …to this one, not included.
    pub right: i32,
}

impl FrameBox {
    /// Whether it stands for several frames.
    pub fn is_merged(&self) -> bool {
        self.count != 1
    }

    /// Whether a frame is among those it stands for.
    pub fn holds(&self, node: TreeNodeId) -> bool {
        node.0.wrapping_sub(self.node.0) < self.count
    }

    /// The weight of all it stands for.
    pub fn weight(&self, tree: &Tree) -> u64 {
        let first = tree.node(self.node);
        let last = tree.node(TreeNodeId(self.node.0 + self.count - 1));
        last.weight_before.saturating_add(last.weight).saturating_sub(first.weight_before)
    }
}

/// A frame that is at least a pixel wide and where its weight starts.
#[derive(Clone, Copy, Debug)]
struct Visible {
    node: TreeNodeId,
    start: u64,
}

/// What a layout was made from.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    view: View,
    width_px: i32,
    generation: u64,
}

/// The boxes of some levels. Kept from frame to frame, so that nothing is allocated anew.
#[derive(Debug, Default)]
pub struct Layout {
    /// The first level that is laid out.
    first_level: u32,
    boxes: Vec<FrameBox>,
    /// Ends of the levels in `boxes`; the last level is not empty.
    level_ends: Vec<usize>,
    has_more: bool,
    key: Option<Key>,
    /// The visible frames of the level above the first; none where that is the root's.
    entry: Vec<Visible>,
    level: Vec<Visible>,
    next_level: Vec<Visible>,
}

impl Layout {
    /// Lays out at most `level_count` levels from `first_level` on (or from the deepest that there is), `width_px`
    /// pixels wide. `generation` tells trees apart.
    pub fn update(
        &mut self,
        tree: &Tree,
        generation: u64,
        view: View,
        width_px: i32,
        first_level: u32,
        level_count: u32,
    ) {
        self.boxes.clear();
        self.level_ends.clear();
        self.level.clear();
        self.has_more = false;
        let Some(root_node) = tree.nodes.first() else { return };
        let root = Visible { node: TreeNodeId(0), start: 0 };
        // What is visible on a level stays so while only the depth is scrolled: go on from there.
        let key = Key { view, width_px, generation };
        if self.key != Some(key) || first_level < self.first_level {
            let is_same_tree = self.key.is_some_and(|key| key.generation == generation);
            self.key = Some(key);
            self.restart(tree, is_same_tree, view, first_level);
        }
        if self.first_level == 0 && first_level > 0 {
            self.first_level = 1;
            self.entry.push(root);
        }
        while self.first_level < first_level {
            self.next_level.clear();
            for at in 0..self.entry.len() {
                self.children(tree, self.entry[at], view, width_px, false);
            }
            if self.next_level.is_empty() {
                break;
            }
            std::mem::swap(&mut self.entry, &mut self.next_level);
            self.first_level += 1;
        }
        let mut levels_left = level_count;
        if self.first_level == 0 {
            let right = (view.at(root_node.weight) * f64::from(width_px)).round() as i32;
            let right = if root_node.weight == 0 { width_px } else { right.clamp(1, width_px.max(1)) };
            self.boxes.push(FrameBox { node: root.node, count: 1, left: 0, right });
            self.level_ends.push(1);
            self.level.push(root);
            levels_left = levels_left.saturating_sub(1);
        } else {
            self.level.extend_from_slice(&self.entry);
        }
        while levels_left > 0 && !self.level.is_empty() {
            let boxes_above = self.boxes.len();
            self.next_level.clear();
            for at in 0..self.level.len() {
                self.children(tree, self.level[at], view, width_px, true);
            }
            std::mem::swap(&mut self.level, &mut self.next_level);
            if self.boxes.len() > boxes_above {
                self.level_ends.push(self.boxes.len());
            }
            levels_left -= 1;
        }
        self.has_more = self.level.iter().any(|visible| tree.node(visible.node).child_count > 0);
    }

    /// Leaves the innermost known frame above `first_level` that covers the whole view as the entry, or nothing: what is
    /// visible below the former lies within it, however deep that is.
    fn restart(&mut self, tree: &Tree, is_same_tree: bool, view: View, first_level: u32) {
        let cover = self.entry.first().copied().filter(|_| is_same_tree);
        self.entry.clear();
        self.first_level = 0;
        let Some(mut cover) = cover else { return };
        loop {
            let node = tree.node(cover.node);
            if node.depth == 0 {
                return;
            }
            let left = view.units_left_of_view(cover.start);
            let covers = left >= 0.0 && left + view.span() <= node.weight as f64;
            if covers && node.depth < first_level {
                self.first_level = node.depth + 1;
                self.entry.push(cover);
                return;
            }
            cover = Visible { node: node.parent, start: cover.start.saturating_sub(node.weight_before) };
        }
    }

    /// The first level that is laid out: the one asked for, or the deepest that there is.
    pub fn first_level(&self) -> u32 {
        self.first_level
    }

    /// How many levels, from the first on, have boxes.
    pub fn level_count(&self) -> usize {
        self.level_ends.len()
    }

    /// Whether deeper levels have visible frames.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// The boxes of a level, counted from [`Self::first_level`], left to right.
    pub fn level(&self, level: usize) -> &[FrameBox] {
        &self.boxes[self.range(level)]
    }

    /// The box at a pixel.
    pub fn hit(&self, level: usize, x: i32) -> Option<&FrameBox> {
        let boxes = self.level(level);
        let at = boxes.partition_point(|b| b.right <= x);
        boxes.get(at).filter(|b| b.left <= x)
    }

    /// The box that shows a frame, and its level; `depth` is the frame's.
    pub fn find(&self, node: TreeNodeId, depth: u32) -> Option<(usize, &FrameBox)> {
        let level = depth.checked_sub(self.first_level)? as usize;
        let found = self.level(level).iter().find(|b| b.holds(node))?;
        Some((level, found))
    }

    fn range(&self, level: usize) -> Range<usize> {
        let Some(&end) = self.level_ends.get(level) else { return 0..0 };
        let start = if level == 0 { 0 } else { self.level_ends[level - 1] };
        start..end
    }

    /// Adds the children of a frame that are visible and wide enough to `next_level`, and their boxes if asked to.
    fn children(&mut self, tree: &Tree, parent: Visible, view: View, width_px: i32, with_boxes: bool) {
        let rows = tree.children(parent.node);
        let Some(children) = tree.nodes.get(rows.start as usize..rows.end as usize) else { return };
        if children.is_empty() {
            return;
        }
        let width = f64::from(width_px.max(1));
        let unit_per_px = view.span() / width;
        let left_units = view.units_left_of_view(parent.start);
        let right_units = left_units + view.span();
        // The heaviest come first: from here on all are narrower than a pixel.
        let tail = partition(children, |c| c.weight as f64 >= unit_per_px);
        let wide = &children[..tail];
        let first = partition(wide, |c| (c.weight_before.saturating_add(c.weight)) as f64 <= left_units);
        let px = |unit: u64| {
            let at = view.at(parent.start.saturating_add(unit)) * width;
            at.clamp(0.0, width).round() as i32
        };
        for (at, child) in wide.iter().enumerate().skip(first) {
            if child.weight_before as f64 >= right_units {
                return;
            }
            let node = TreeNodeId(rows.start + at as u32);
            self.next_level.push(Visible { node, start: parent.start.saturating_add(child.weight_before) });
            if with_boxes {
                let (left, right) = (px(child.weight_before), px(child.weight_before.saturating_add(child.weight)));
                self.boxes.push(FrameBox { node, count: 1, left, right });
            }
        }
        let (Some(head), Some(last), true) = (children.get(tail), children.last(), with_boxes) else { return };
        let (left, right) = (px(head.weight_before), px(last.weight_before.saturating_add(last.weight)));
        if right > left {
            let node = TreeNodeId(rows.start + tail as u32);
            self.boxes.push(FrameBox { node, count: (children.len() - tail) as u32, left, right });
        }
    }
}

/// As `partition_point`, quicker where there is but one: deep stacks are made of those.
#[inline]
fn partition(nodes: &[TreeNode], holds: impl Fn(&TreeNode) -> bool) -> usize {
    match nodes {
        [only] => usize::from(holds(only)),
        _ => nodes.partition_point(holds),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Branch, tree};
    use super::*;

    fn lay_out(tree: &Tree, view: View, width_px: i32, first_level: u32, level_count: u32) -> Layout {
        let mut layout = Layout::default();
        layout.update(tree, 0, view, width_px, first_level, level_count);
        layout
    }

    fn edges(layout: &Layout, level: usize) -> Vec<(i32, i32, u32)> {
        layout.level(level).iter().map(|b| (b.left, b.right, b.count)).collect()
    }

    #[test]
    fn siblings_share_their_edges_and_keep_their_share_of_the_width() {
        let tree = tree(&Branch::new(1, 1000).over([Branch::new(2, 500), Branch::new(3, 333), Branch::new(4, 100)]));
        let layout = lay_out(&tree, View::of(0, 1000), 100, 0, 9);
        assert_eq!(edges(&layout, 0), [(0, 100, 1)]);
        assert_eq!(edges(&layout, 1), [(0, 50, 1), (50, 83, 1), (83, 93, 1)]);
        assert_eq!(layout.level_count(), 2);
        assert!(!layout.has_more());
    }

    #[test]
    fn siblings_below_a_pixel_become_one_box_that_knows_how_many_and_how_much() {
        let small = (0..1234).map(|i| Branch::new(10 + i, 3));
        let tree = tree(&Branch::new(1, 100_000).over(std::iter::once(Branch::new(2, 50_000)).chain(small)));
        let layout = lay_out(&tree, View::of(0, 100_000), 1000, 0, 2);
        assert_eq!(edges(&layout, 1), [(0, 500, 1), (500, 537, 1234)]);
        let merged = layout.level(1)[1];
        assert!(merged.is_merged());
        assert_eq!(merged.weight(&tree), 3702);
        assert!(merged.holds(TreeNodeId(2)) && merged.holds(TreeNodeId(1235)) && !merged.holds(TreeNodeId(1)));
        // Zoomed to a few of them they stand alone.
        let layout = lay_out(&tree, View::of(50_000, 30), 1000, 0, 2);
        assert_eq!(edges(&layout, 1)[..2], [(0, 100, 1), (100, 200, 1)]);
    }

    #[test]
    fn only_what_is_in_view_is_laid_out() {
        let tree = tree(&Branch::new(1, 1000).over((0..100).map(|i| Branch::new(2 + i, 10))));
        let layout = lay_out(&tree, View::of(500, 20), 200, 0, 2);
        assert_eq!(layout.level(0), [FrameBox { node: TreeNodeId(0), count: 1, left: 0, right: 200 }]);
        let shown: Vec<_> = layout.level(1).iter().map(|b| b.node.0).collect();
        assert_eq!(shown, [51, 52]);
    }

    #[test]
    fn a_tower_of_a_million_frames_is_laid_out_from_any_depth() {
        let tree = super::super::sample::tower(1_000_000, 4096);
        let mut layout = Layout::default();
        layout.update(&tree, 0, View::of(0, 4096), 800, 999_990, 40);
        assert_eq!((layout.first_level(), layout.level_count()), (999_990, 11));
        // Deeper than there is: nothing to show, and the depth that there is.
        layout.update(&tree, 0, View::of(0, 4096), 800, 2_000_000, 40);
        assert_eq!((layout.first_level(), layout.level_count()), (1_000_001, 0));
        layout.update(&tree, 0, View::of(0, 4096), 800, 5, 3);
        assert_eq!((layout.first_level(), layout.level_count(), layout.has_more()), (5, 3, true));
    }

    #[test]
    fn zooming_far_down_gives_what_a_fresh_layout_gives() {
        let tree = tree(&Branch::new(1, 1000).over((0..10).map(|i| {
            let chain = (0..40).fold(Branch::new(99, 90), |below, level| Branch::new(100 + level, 90).over([below]));
            Branch::new(2 + i, 100).over([chain])
        })));
        let mut kept = Layout::default();
        let views = [(0, 1000), (100, 90), (110, 20), (150, 100), (110, 60), (0, 1000), (905, 10)];
        for (view, first_level) in views.iter().flat_map(|view| [30, 33, 20].map(|level| (view, level))) {
            let view = View::of(view.0, view.1);
            kept.update(&tree, 0, view, 300, first_level, 8);
            let fresh = lay_out(&tree, view, 300, first_level, 8);
            assert_eq!(
                (&kept.boxes, &kept.level_ends),
                (&fresh.boxes, &fresh.level_ends),
                "{view:?} from {first_level}"
            );
            assert_eq!(kept.first_level(), fresh.first_level());
        }
    }

    #[test]
    fn merged_siblings_show_on_the_first_level_too() {
        let small = (0..50).map(|i| Branch::new(10 + i, 1));
        let tree = tree(&Branch::new(1, 100_000).over([Branch::new(2, 60_000).over(small)]));
        let mut layout = Layout::default();
        layout.update(&tree, 0, View::of(0, 2_000), 100, 2, 3);
        assert_eq!(edges(&layout, 0), [(0, 3, 50)]);
    }

    #[test]
    fn a_pixel_finds_its_box() {
        let tree = tree(&Branch::new(1, 1000).over([Branch::new(2, 500), Branch::new(3, 300)]));
        let layout = lay_out(&tree, View::of(0, 1000), 100, 0, 9);
        let hit = |x| layout.hit(1, x).map(|b| b.node.0);
        assert_eq!([hit(0), hit(49), hit(50), hit(79), hit(80)], [Some(1), Some(1), Some(2), Some(2), None]);
        assert_eq!(layout.hit(7, 3), None);
    }
}
