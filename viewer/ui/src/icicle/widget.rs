// SPDX-License-Identifier: Apache-2.0
//! The icicle's behaviour: zoom, pan, depth, selection and history, by mouse and by keyboard.

use super::label::{frame_name, frame_place};
use super::layout::{FrameBox, Layout};
use super::paint::{Geometry, Paint};
use super::place::{FramePath, Place, anchor_of, start_of, view_of};
use super::tooltip;
use super::view::{Motion, View};
use super::{Events, Selection, Source};
use egui::{EventFilter, Key, Modifiers, PointerButton, Rect, Response, Role, Sense, Ui, WidgetInfo};
use memray_index::{Tree, TreeNodeId};

/// So many zooms are remembered.
const LONGEST_HISTORY: usize = 100;

/// A frame that is brought into sight is at least this wide…
const NARROWEST_SEEN_PX: f64 = 3.0;
/// …or else made so wide.
const REVEALED_POINTS: f32 = 120.0;

/// What is on screen of a tree, and how it got there.
#[derive(Default)]
pub struct Icicle {
    /// The tree that all row numbers below are of.
    generation: Option<u64>,
    view: Option<View>,
    /// The level at the icicle's edge, in levels from the root's; not whole while a row is partly visible.
    level: f64,
    motion: Option<Motion>,
    /// The frame that the view shows all or a part of, and that part.
    anchor: TreeNodeId,
    place: Option<Place>,
    back: Vec<Place>,
    forward: Vec<Place>,
    requests: Vec<Request>,
    /// The last selection and its path, for when the tree is replaced.
    selected: Option<(TreeNodeId, FramePath)>,
    /// The box that the context menu is about.
    menu: Option<TreeNodeId>,
    layout: Layout,
    paint: Paint,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Request {
    ZoomTo(TreeNodeId),
    Reveal(TreeNodeId),
    By(f64),
    Reset,
    Back,
    Forward,
}

impl Icicle {
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

    /// Undoes the last zoom to a frame.
    pub fn back(&mut self) {
        self.requests.push(Request::Back);
    }

    /// Redoes it.
    pub fn forward(&mut self) {
        self.requests.push(Request::Forward);
    }

    /// Whether there is a zoom to undo.
    pub fn can_go_back(&self) -> bool {
        !self.back.is_empty()
    }

    /// Whether there is a zoom to redo.
    pub fn can_go_forward(&self) -> bool {
        !self.forward.is_empty()
    }

    /// Whether less than the whole tree's width is shown.
    pub fn is_zoomed(&self) -> bool {
        self.place.as_ref().is_some_and(Place::is_part)
    }

    /// Draws a tree into all of the room that is left, and says what the user asked for.
    ///
    /// While it has the focus, or nothing has, it takes these keys where they do something: arrows, Enter, Escape.
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
            self.carry_out(ui, source.tree, &geometry, request);
        }
        self.wheel_and_drag(ui, source.tree, &geometry, &response);
        self.keys(ui, source, &geometry, &response, &mut selected, &mut events);
        self.advance(ui);
        self.lay_out(source, &geometry);
        let hovered = if response.hovered() && !response.dragged() { self.hit(ui, &geometry) } else { None };
        self.clicks(ui, source, &geometry, &response, hovered, &mut selected, &mut events);
        if ui.is_rect_visible(rect) {
            let shown = Source { selected, ..*source };
            self.paint.icicle(ui, &shown, &geometry, &self.layout, self.level, hovered);
        }
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
            self.selected = selected.map(|node| (node, FramePath::of(source.tree, node)));
        }
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
            Request::By(_) | Request::Reset | Request::Back | Request::Forward => true,
        });
        self.paint.forget_labels();
        let (anchor, mut view) =
            self.place.as_ref().map_or((TreeNodeId(0), view_of(tree, TreeNodeId(0))), |p| p.find(tree));
        view.clamp_to(tree.node(TreeNodeId(0)).weight);
        self.settle(tree, anchor, view);
        // A row number of the old tree says nothing in this one, unless the caller has just chosen another.
        match &self.selected {
            Some((old, path)) if source.selected == Some(*old) => {
                let found = path.find(tree);
                if found != source.selected {
                    events.selection = Some(found.map_or(Selection::Nothing, Selection::Frame));
                }
                self.selected = found.map(|node| (node, path.clone()));
                found
            }
            _ => source.selected.filter(|&node| known(node)),
        }
    }

    /// Shows a view at once.
    fn settle(&mut self, tree: &Tree, anchor: TreeNodeId, view: View) {
        self.view = Some(view);
        self.anchor = anchor;
        self.place = Some(Place::of(tree, anchor, &view, self.level));
    }

    /// Moves to a view, and shows its frame's level.
    fn travel(&mut self, ui: &Ui, tree: &Tree, anchor: TreeNodeId, view: View, level: f64) {
        let from = (self.current(tree), self.level);
        self.settle(tree, anchor, view);
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

    fn current(&self, tree: &Tree) -> View {
        self.view.unwrap_or_else(|| view_of(tree, TreeNodeId(0)))
    }

    fn remember(&mut self) {
        if let Some(place) = self.place.clone()
            && self.back.last() != Some(&place)
        {
            self.back.push(place);
            if self.back.len() > LONGEST_HISTORY {
                self.back.remove(0);
            }
        }
        self.forward.clear();
    }

    fn carry_out(&mut self, ui: &Ui, tree: &Tree, geometry: &Geometry, request: Request) {
        match request {
            Request::ZoomTo(node) => {
                if (node.0 as usize) < tree.nodes.len() && tree.node(node).weight > 0 {
                    self.remember();
                    let level = self.level_for(tree, geometry, node);
                    self.travel(ui, tree, node, view_of(tree, node), level);
                }
            }
            Request::Reset => {
                self.remember();
                self.travel(ui, tree, TreeNodeId(0), view_of(tree, TreeNodeId(0)), 0.0);
            }
            Request::Back => {
                if let (Some(to), Some(here)) = (self.back.pop(), self.place.clone()) {
                    self.forward.push(here);
                    self.travel_to_place(ui, tree, &to);
                }
            }
            Request::Forward => {
                if let (Some(to), Some(here)) = (self.forward.pop(), self.place.clone()) {
                    self.back.push(here);
                    self.travel_to_place(ui, tree, &to);
                }
            }
            Request::Reveal(node) => self.bring_into_sight(ui, tree, geometry, node),
            Request::By(factor) => {
                let mut view = self.motion.map_or_else(|| self.current(tree), |motion| motion.to.0);
                view.zoom_at(0.5, factor);
                view.clamp_to(tree.node(TreeNodeId(0)).weight);
                self.travel(ui, tree, anchor_of(tree, &view), view, self.level);
            }
        }
    }

    fn travel_to_place(&mut self, ui: &Ui, tree: &Tree, place: &Place) {
        let (anchor, view) = place.find(tree);
        self.travel(ui, tree, anchor, view, place.level);
    }

    /// The level at the edge that shows a frame and what is below it: the present one where it does.
    fn level_for(&self, tree: &Tree, geometry: &Geometry, node: TreeNodeId) -> f64 {
        let depth = f64::from(tree.node(node).depth);
        let rows = geometry.rows();
        if depth >= self.level && depth < self.level + rows * 0.6 { self.level } else { (depth - 2.0).max(0.0) }
    }

    fn bring_into_sight(&mut self, ui: &Ui, tree: &Tree, geometry: &Geometry, node: TreeNodeId) {
        if node.0 as usize >= tree.nodes.len() {
            return;
        }
        let frame = tree.node(node);
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
            self.travel(ui, tree, anchor, to_view, to_level);
        }
    }

    fn wheel_and_drag(&mut self, ui: &Ui, tree: &Tree, geometry: &Geometry, response: &Response) {
        let mut view = self.current(tree);
        let before = (view, self.level);
        let down = if geometry.is_flames { -1.0 } else { 1.0 };
        let row = f64::from(geometry.row_height());
        if response.hovered() {
            let (zoom, scroll, pointer) =
                ui.input(|i| (f64::from(i.zoom_delta()), i.smooth_scroll_delta(), i.pointer.hover_pos()));
            if let Some(pointer) = pointer
                && zoom != 1.0
            {
                view.zoom_at(geometry.share_at(pointer.x), zoom);
            } else if zoom == 1.0 {
                view.shift(-f64::from(scroll.x) / geometry.width() * view.span());
                self.level -= down * f64::from(scroll.y) / row;
            }
        }
        if response.dragged_by(PointerButton::Primary) {
            let delta = response.drag_delta();
            view.shift(-f64::from(delta.x) / geometry.width() * view.span());
            self.level -= down * f64::from(delta.y) / row;
            ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
        }
        self.level = self.level.max(0.0);
        if (view, self.level) != before {
            view.clamp_to(tree.node(TreeNodeId(0)).weight);
            self.motion = None;
            let anchor = if view == before.0 { self.anchor } else { anchor_of(tree, &view) };
            self.settle(tree, anchor, view);
        }
    }

    fn keys(
        &mut self,
        ui: &Ui,
        source: &Source<'_>,
        geometry: &Geometry,
        response: &Response,
        selected: &mut Option<TreeNodeId>,
        events: &mut Events,
    ) {
        let has_focus = response.has_focus();
        if has_focus {
            let filter =
                EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        }
        let is_covered = egui::Popup::is_any_open(ui.ctx()) || ui.memory(|memory| memory.top_modal_layer().is_some());
        let is_free = ui.memory(|memory| memory.focused().is_none());
        if is_covered || !ui.is_enabled() || !(has_focus || is_free) {
            return;
        }
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let tree = source.tree;
        let (inwards, outwards) =
            if source.is_flames { (Key::ArrowUp, Key::ArrowDown) } else { (Key::ArrowDown, Key::ArrowUp) };
        for (key, direction) in [
            (inwards, Direction::Inwards),
            (outwards, Direction::Outwards),
            (Key::ArrowLeft, Direction::Left),
            (Key::ArrowRight, Direction::Right),
        ] {
            if pressed(key) {
                let next = selected.map_or(Some(self.anchor), |from| direction.neighbour(tree, from));
                if let Some(next) = next {
                    *selected = Some(next);
                    events.selection = Some(Selection::Frame(next));
                    self.bring_into_sight(ui, tree, geometry, next);
                }
            }
        }
        if let Some(node) = *selected
            && pressed(Key::Enter)
        {
            self.carry_out(ui, tree, geometry, Request::ZoomTo(node));
        }
        if (self.is_zoomed() || self.level > 0.0) && pressed(Key::Escape) {
            self.carry_out(ui, tree, geometry, Request::Reset);
        }
    }

    fn advance(&mut self, ui: &Ui) {
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

    #[expect(clippy::too_many_arguments, reason = "what a click needs to know")]
    fn clicks(
        &mut self,
        ui: &Ui,
        source: &Source<'_>,
        geometry: &Geometry,
        response: &Response,
        hovered: Option<FrameBox>,
        selected: &mut Option<TreeNodeId>,
        events: &mut Events,
    ) {
        if response.clicked() || response.secondary_clicked() || response.drag_started() {
            response.request_focus();
        }
        if response.clicked() || response.secondary_clicked() {
            let frame = hovered.filter(|frame| !frame.is_merged()).map(|frame| frame.node);
            if *selected != frame && (frame.is_some() || response.clicked()) {
                *selected = frame;
                events.selection = Some(frame.map_or(Selection::Nothing, Selection::Frame));
            }
        }
        if response.double_clicked() {
            match hovered {
                Some(frame) if frame.is_merged() => {
                    self.remember();
                    let first = source.tree.node(frame.node);
                    let view = View::of(start_of(source.tree, frame.node), frame.weight(source.tree));
                    self.travel(ui, source.tree, first.parent, view, self.level);
                }
                Some(frame) => self.carry_out(ui, source.tree, geometry, Request::ZoomTo(frame.node)),
                None => self.carry_out(ui, source.tree, geometry, Request::Reset),
            }
            ui.ctx().request_repaint();
        }
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
            let mut info = WidgetInfo::labeled(Role::Canvas, true, "Icicle");
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

/// Where an arrow key goes.
#[derive(Clone, Copy)]
enum Direction {
    Inwards,
    Outwards,
    Left,
    Right,
}

impl Direction {
    fn neighbour(self, tree: &Tree, from: TreeNodeId) -> Option<TreeNodeId> {
        let siblings = tree.children(tree.node(from).parent);
        let is_root = from.0 == 0;
        match self {
            Self::Outwards => (!is_root).then(|| tree.node(from).parent),
            Self::Inwards => tree.children(from).next().map(TreeNodeId),
            Self::Left => (!is_root && from.0 > siblings.start).then(|| TreeNodeId(from.0 - 1)),
            Self::Right => (!is_root && from.0 + 1 < siblings.end).then(|| TreeNodeId(from.0 + 1)),
        }
    }
}
