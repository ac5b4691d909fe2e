// SPDX-License-Identifier: Apache-2.0
//! From one part of the tree to another: zooms that are asked for, moved to and undone, and frames that are brought into
//! sight.

use super::super::paint::Geometry;
use super::super::place::{Place, anchor_of, start_of, view_of};
use super::super::view::{Motion, View};
use super::{Icicle, Source};
use egui::Ui;
use memray_index::{Tree, TreeNodeId};

/// A frame that is brought into sight is at least this wide…
const NARROWEST_SEEN_PX: f64 = 3.0;
/// …or else made so wide.
const REVEALED_POINTS: f32 = 120.0;

/// Where to go, as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    ZoomTo(TreeNodeId),
    Reveal(TreeNodeId),
    By(f64),
    Reset,
    To(Place),
    Follow(Place),
}

impl Icicle {
    /// Shows a view at once.
    pub(super) fn settle(&mut self, source: &Source<'_>, anchor: TreeNodeId, view: View) {
        self.view = Some(view);
        self.anchor = anchor;
        self.place = Some(Place::of(source.tree, source.labels, anchor, &view, self.level));
    }

    /// Moves to a view, and shows its frame's level.
    pub(super) fn travel(&mut self, ui: &Ui, source: &Source<'_>, anchor: TreeNodeId, view: View, level: f64) {
        let from = (self.current(source.tree), self.level);
        self.settle(source, anchor, view);
        if let Some(place) = &mut self.place {
            place.level = level;
        }
        if ui.style().animation_time > 0.0 {
            self.motion = Some(Motion { from, to: (view, level), start_s: ui.input(|i| i.time) });
            self.view = Some(from.0);
        } else {
            self.motion = None;
            self.level = level;
        }
    }

    pub(super) fn current(&self, tree: &Tree) -> View {
        self.view.unwrap_or_else(|| view_of(tree, TreeNodeId(0)))
    }

    /// Moves to a view that one may want to come back from.
    pub(super) fn zoom(&mut self, ui: &Ui, source: &Source<'_>, anchor: TreeNodeId, view: View, level: f64) {
        let before = self.place.clone();
        self.travel(ui, source, anchor, view, level);
        if self.left.is_none() && before != self.place {
            self.left = before;
        }
    }

    pub(super) fn carry_out(&mut self, ui: &Ui, source: &Source<'_>, geometry: &Geometry, request: Request) {
        let tree = source.tree;
        match request {
            Request::ZoomTo(node) => {
                if (node.0 as usize) < tree.nodes.len() && tree.node(node).weight > 0 {
                    let level = self.level_for(tree, geometry, node);
                    self.zoom(ui, source, node, view_of(tree, node), level);
                }
            }
            Request::Reset => self.zoom(ui, source, TreeNodeId(0), view_of(tree, TreeNodeId(0)), 0.0),
            Request::To(place) => {
                let (anchor, view) = place.find(tree, source.labels);
                self.travel(ui, source, anchor, view, place.level);
                // The tree that is to come may have all of it.
                self.place = Some(place);
            }
            Request::Follow(place) => {
                let (anchor, view) = place.find(tree, source.labels);
                (self.motion, self.level) = (None, place.level);
                self.settle(source, anchor, view);
                self.place = Some(place);
            }
            Request::Reveal(node) => self.bring_into_sight(ui, source, geometry, node),
            Request::By(factor) => {
                let mut view = self.motion.map_or_else(|| self.current(tree), |motion| motion.to.0);
                view.zoom_at(0.5, factor);
                view.clamp_to(tree.node(TreeNodeId(0)).weight);
                self.travel(ui, source, anchor_of(tree, &view), view, self.level);
            }
        }
    }

    /// The level at the edge that shows a frame and what is below it: the present one where it does.
    fn level_for(&self, tree: &Tree, geometry: &Geometry, node: TreeNodeId) -> f64 {
        let depth = f64::from(tree.node(node).depth);
        let rows = geometry.rows();
        if depth >= self.level && depth < self.level + rows * 0.6 { self.level } else { (depth - 2.0).max(0.0) }
    }

    pub(super) fn bring_into_sight(&mut self, ui: &Ui, source: &Source<'_>, geometry: &Geometry, node: TreeNodeId) {
        let tree = source.tree;
        if node.0 as usize >= tree.nodes.len() {
            return;
        }
        let frame = tree.node(node);
        if frame.weight == 0 {
            // What is only in the other capture has no width in this one.
            return;
        }
        let view = self.motion.map_or_else(|| self.current(tree), |motion| motion.to.0);
        let level = self.motion.map_or(self.level, |motion| motion.to.1);
        let rows = geometry.rows().floor().max(1.0);
        let depth = f64::from(frame.depth);
        let to_level = level.min(depth).max(depth + 1.0 - rows).max(0.0);
        let start = start_of(tree, node);
        let (left, right) = (view.at(start), view.at(start.saturating_add(frame.weight)));
        let mut to_view = view;
        if (right - left) * f64::from(geometry.width_px) < NARROWEST_SEEN_PX {
            // Among merged frames, or below some: it is wide enough to be seen only in a narrower view.
            let share = f64::from(REVEALED_POINTS) / geometry.width();
            to_view = View::of(start, frame.weight);
            to_view.zoom_at(0.5, share.min(1.0));
            to_view.clamp_to(tree.node(TreeNodeId(0)).weight);
        } else if right <= 0.0 || left >= 1.0 {
            // Out of sight: into the middle, or to the left edge where it is wider than the view.
            to_view.shift(((left + right) / 2.0 - 0.5).min(left) * view.span());
            to_view.clamp_to(tree.node(TreeNodeId(0)).weight);
        }
        if to_view != view || (to_level - level).abs() > f64::EPSILON {
            let anchor = if to_view == view { self.anchor } else { anchor_of(tree, &to_view) };
            self.travel(ui, source, anchor, to_view, to_level);
        }
    }

    pub(super) fn advance(&mut self, ui: &Ui) {
        if let Some(motion) = self.motion {
            let ((view, level), has_arrived) = motion.at(ui.input(|i| i.time));
            self.view = Some(view);
            self.level = level;
            if has_arrived {
                self.motion = None;
            } else {
                ui.ctx().request_repaint();
            }
        }
    }
}
