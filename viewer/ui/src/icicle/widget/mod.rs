// SPDX-License-Identifier: Apache-2.0
//! The icicle as a widget: [`Icicle`] keeps what is on screen and draws it. [`gestures`] is what mouse and keyboard do,
//! [`travel`] how it gets from one part of the tree to another.

mod gestures;
mod travel;

use super::label::{frame_name, frame_place};
use super::layout::{FrameBox, Layout};
use super::paint::{Geometry, Paint};
use super::place::{FramePath, Place, view_of};
use super::tooltip;
use super::view::{Motion, View};
use super::{Events, Selection, Shown, Source};
use crate::focus;
use crate::landmark::landmark;
use egui::{Rect, Response, Role, Sense, Ui, WidgetInfo};
use memray_compare::Side;
use memray_index::TreeNodeId;
use travel::Request;

/// What is on screen of a tree, and how it got there.
#[derive(Default)]
pub struct Icicle {
    /// What it is called, where several are shown.
    name: Option<&'static str>,
    /// The tree that all row numbers below are of.
    generation: Option<u64>,
    view: Option<View>,
    /// The level at the icicle's edge, in levels from the root's; not whole while a row is partly visible.
    level: f64,
    motion: Option<Motion>,
    /// The frame that the view shows all or a part of, and that part.
    anchor: TreeNodeId,
    place: Option<Place>,
    /// What was shown before a zoom that was just made.
    left: Option<Place>,
    requests: Vec<Request>,
    /// The last selection and its path, for when the tree is replaced.
    selected: Option<(TreeNodeId, FramePath)>,
    /// The box that the context menu is about.
    menu: Option<TreeNodeId>,
    layout: Layout,
    paint: Paint,
}

impl Icicle {
    /// One of several.
    pub fn named(name: &'static str) -> Self {
        Self { name: Some(name), ..Self::default() }
    }

    /// Makes a frame as wide as the icicle.
    pub fn zoom_to(&mut self, node: TreeNodeId) {
        self.requests.push(Request::ZoomTo(node));
    }

    /// Brings a frame into sight, with no more movement than that takes.
    pub fn reveal(&mut self, node: TreeNodeId) {
        self.requests.push(Request::Reveal(node));
    }

    /// Zooms in at the middle by a factor, or out by one below 1.
    pub fn zoom_by(&mut self, factor: f64) {
        self.requests.push(Request::By(factor));
    }

    /// Shows the whole tree.
    pub fn reset(&mut self) {
        self.requests.push(Request::Reset);
    }

    /// What it shows, or is on its way to; `None` until it was shown.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Goes to what it showed before, as far as the tree has it; also once another tree takes its place.
    pub fn go_to(&mut self, place: Place) {
        self.requests.push(Request::To(place));
    }

    /// Shows at once what another icicle shows that moves with this one, as far as the tree has it.
    pub fn follow(&mut self, place: Place) {
        self.requests.push(Request::Follow(place));
    }

    /// Whether it is on its way to another part of the tree.
    pub fn is_moving(&self) -> bool {
        self.motion.is_some() || !self.requests.is_empty()
    }

    /// Whether less than the whole tree's width is shown.
    pub fn is_zoomed(&self) -> bool {
        self.place.as_ref().is_some_and(Place::is_part)
    }

    /// Draws a tree into all of the room that is left, and says what the user asked for.
    ///
    /// While it has the focus, or nothing has, it takes arrows and Enter where they do something.
    pub fn show(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let mut events = Events::default();
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let geometry = Geometry::new(rect, ui.pixels_per_point(), source.is_flames);
        if source.tree.nodes.is_empty() || geometry.width_px < 1 {
            response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Icicle, empty"));
            return events;
        }
        let mut selected = self.adopt(source, &mut events);
        for request in std::mem::take(&mut self.requests) {
            self.carry_out(ui, source, &geometry, request);
        }
        self.wheel_and_drag(ui, source, &geometry, &response);
        self.keys(ui, source, &geometry, &response, &mut selected, &mut events);
        self.advance(ui);
        self.lay_out(source, &geometry);
        let hovered = if response.hovered() && !response.dragged() { self.hit(ui, &geometry) } else { None };
        self.clicks(ui, source, &geometry, &response, hovered, &mut selected, &mut events);
        if ui.is_rect_visible(rect) {
            let shown = Source { selected, ..*source };
            self.paint.icicle(ui, &shown, &geometry, &self.layout, self.level, hovered);
        }
        focus::ring(ui, &response, rect);
        if let Some(frame) = hovered
            && !response.context_menu_opened()
        {
            tooltip::show(&response, source, &frame);
        }
        if response.secondary_clicked() {
            self.menu = hovered.filter(|frame| !frame.is_merged()).map(|frame| frame.node);
        }
        if let Some(node) = self.menu {
            response.context_menu(|ui| {
                if tooltip::menu(ui, source, node, &mut events) {
                    self.zoom_to(node);
                }
            });
        }
        self.tell(ui, source, &geometry, &response, selected);
        if self.selected.as_ref().map(|(node, _)| *node) != selected {
            self.selected = selected.map(|node| (node, FramePath::of(source.tree, source.labels, node)));
        }
        events.left = self.left.take();
        events
    }

    /// Takes over a new tree: the same place and the same selection where it still has them.
    fn adopt(&mut self, source: &Source<'_>, events: &mut Events) -> Option<TreeNodeId> {
        let tree = source.tree;
        let known = |node: TreeNodeId| (node.0 as usize) < tree.nodes.len();
        if self.generation == Some(source.generation) {
            return source.selected.filter(|&node| known(node));
        }
        self.generation = Some(source.generation);
        self.motion = None;
        self.menu = None;
        self.requests.retain(|request| match request {
            Request::ZoomTo(node) | Request::Reveal(node) => known(*node),
            Request::By(_) | Request::Reset | Request::To(_) | Request::Follow(_) => true,
        });
        self.paint.forget_labels();
        let (anchor, mut view) =
            self.place.as_ref().map_or((TreeNodeId(0), view_of(tree, TreeNodeId(0))), |p| p.find(tree, source.labels));
        view.clamp_to(tree.node(TreeNodeId(0)).weight);
        self.settle(source, anchor, view);
        // A row number of the old tree says nothing in this one, unless the caller has just chosen another.
        match &self.selected {
            Some((old, path)) if source.selected == Some(*old) => {
                let found = path.find(tree, source.labels);
                if found != source.selected {
                    events.selection = Some(found.map_or(Selection::Nothing, Selection::Frame));
                }
                self.selected = found.map(|node| (node, path.clone()));
                found
            }
            _ => source.selected.filter(|&node| known(node)),
        }
    }

    fn lay_out(&mut self, source: &Source<'_>, geometry: &Geometry) {
        let (tree, view) = (source.tree, self.current(source.tree));
        let rows = geometry.rows().ceil() as u32 + 1;
        let first = self.level as u32;
        self.layout.update(tree, source.generation, view, geometry.width_px, first, rows);
        if !self.layout.has_more() && self.level > 0.0 {
            // The deepest level may come up to the far edge, and no further.
            let levels = f64::from(self.layout.first_level()) + self.layout.level_count() as f64;
            let limit = (levels - geometry.rows()).max(0.0);
            if self.level > limit {
                self.level = limit;
                self.layout.update(tree, source.generation, view, geometry.width_px, limit as u32, rows);
            }
        }
    }

    /// The box under the pointer.
    fn hit(&self, ui: &Ui, geometry: &Geometry) -> Option<FrameBox> {
        let pointer = ui.input(|i| i.pointer.hover_pos())?;
        let level = geometry.level_at(pointer.y, self.level)?;
        let level = level.checked_sub(self.layout.first_level())? as usize;
        self.layout.hit(level, geometry.pixel_at(pointer.x)).copied()
    }

    /// Tells assistive technology what is shown and selected.
    fn tell(
        &self,
        ui: &Ui,
        source: &Source<'_>,
        geometry: &Geometry,
        response: &Response,
        selected: Option<TreeNodeId>,
    ) {
        let anchor = frame_name(source.labels, source.tree.node(self.anchor));
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Canvas, true, self.name.unwrap_or_else(|| icicle_name(source)));
            info.current_text_value = Some(format!("{anchor}, {}", tooltip::amount_in_words(source, self.anchor)));
            info
        });
        let Some(node) = selected else { return };
        let frame = source.tree.node(node);
        let rect = self
            .layout
            .find(node, frame.depth)
            .map_or(Rect::from_min_size(response.rect.min, egui::Vec2::ZERO), |(at, found)| {
                geometry.rect(self.layout.first_level() + at as u32, self.level, found.left, found.right)
            });
        let id = response.id.with("selected frame");
        let child = ui.interact(rect.intersect(response.rect), id, Sense::hover());
        landmark(ui, "selected frame", child.rect);
        child.widget_info(|| {
            let name = frame_name(source.labels, frame);
            let label = match frame_place(source.labels, frame) {
                Some(place) => format!("{name} {place}"),
                None => name,
            };
            let mut info = WidgetInfo::labeled(Role::TreeItem, true, label);
            info.current_text_value = Some(tooltip::amount_in_words(source, node));
            info
        });
    }

    /// The view and the level at the edge, for tests.
    #[cfg(test)]
    pub(super) fn shown(&self) -> (View, f64) {
        (self.view.expect("shown at least once"), self.level)
    }
}

/// What it is called: two stand side by side where captures are compared.
fn icicle_name(source: &Source<'_>) -> &'static str {
    match source.changes.map(|changes| changes.shown) {
        Some(Shown::Amount(Side::Before)) => "Icicle of A",
        Some(Shown::Amount(Side::After)) => "Icicle of B",
        Some(Shown::Change) | None => "Icicle",
    }
}
