// SPDX-License-Identifier: Apache-2.0
//! What mouse and keyboard do to an icicle: pan, zoom, depth and selection.

use super::super::layout::FrameBox;
use super::super::paint::Geometry;
use super::super::place::{anchor_of, start_of};
use super::super::view::View;
use super::super::{Events, Selection, Source};
use super::Icicle;
use super::travel::Request;
use egui::{EventFilter, Key, Modifiers, PointerButton, Response, Ui};
use memray_index::{Tree, TreeNodeId};

impl Icicle {
    pub(super) fn wheel_and_drag(&mut self, ui: &Ui, source: &Source<'_>, geometry: &Geometry, response: &Response) {
        let tree = source.tree;
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
            self.settle(source, anchor, view);
        }
    }

    pub(super) fn keys(
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
                let next = match *selected {
                    Some(from) => direction.neighbour(tree, from),
                    // The root stands for everything, and so for nothing that could be selected.
                    None if self.anchor.0 == 0 => Direction::Inwards.neighbour(tree, self.anchor),
                    None => Some(self.anchor),
                };
                if let Some(next) = next {
                    *selected = Some(next);
                    events.selection = Some(Selection::Frame(next));
                    self.bring_into_sight(ui, source, geometry, next);
                }
            }
        }
        if let Some(node) = *selected
            && pressed(Key::Enter)
        {
            events.activated = Some(node);
            self.carry_out(ui, source, geometry, Request::ZoomTo(node));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a click needs to know")]
    pub(super) fn clicks(
        &mut self,
        ui: &Ui,
        source: &Source<'_>,
        geometry: &Geometry,
        response: &Response,
        hovered: Option<FrameBox>,
        selected: &mut Option<TreeNodeId>,
        events: &mut Events,
    ) {
        // Not `clicked`, which a key is too: the pointer may be anywhere then.
        let is_clicked = response.clicked_by(PointerButton::Primary);
        if is_clicked || response.secondary_clicked() || response.drag_started() {
            response.request_focus();
        }
        // One that is selected is zoomed to by a click more, however much later it comes.
        let again = is_clicked && !response.double_clicked();
        let again = hovered.filter(|frame| again && !frame.is_merged() && *selected == Some(frame.node));
        if is_clicked || response.secondary_clicked() {
            let frame = hovered.filter(|frame| !frame.is_merged()).map(|frame| frame.node);
            events.activated = frame.filter(|_| is_clicked);
            if *selected != frame && (frame.is_some() || is_clicked) {
                *selected = frame;
                events.selection = Some(frame.map_or(Selection::Nothing, Selection::Frame));
            }
        }
        if response.double_clicked() {
            match hovered {
                Some(frame) if frame.is_merged() => {
                    let first = source.tree.node(frame.node);
                    let view = View::of(start_of(source.tree, frame.node), frame.weight(source.tree));
                    self.zoom(ui, source, first.parent, view, self.level);
                }
                Some(frame) => self.carry_out(ui, source, geometry, Request::ZoomTo(frame.node)),
                None => self.carry_out(ui, source, geometry, Request::Reset),
            }
            ui.ctx().request_repaint();
        }
        if let Some(frame) = again {
            self.carry_out(ui, source, geometry, Request::ZoomTo(frame.node));
            ui.ctx().request_repaint();
        }
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
