// SPDX-License-Identifier: Apache-2.0
//! The tabs of the main view, and the icicle's switches beside them; a menu of them where there is no room.

use super::command::Command;
use super::document::Document;
use super::view::Tab;
use crate::theme::Palette;
use egui::{
    Align, Button, FontSelection, Galley, Layout, Response, RichText, Role, Sense, Stroke, Ui, WidgetInfo, WidgetText,
    pos2, vec2,
};
use std::sync::Arc;

/// Draws tabs and switches.
pub(super) fn show(ui: &mut Ui, document: &Document, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 18.0;
        for (tab, command) in Tab::ALL.into_iter().zip(TAB_COMMANDS) {
            if show_tab(ui, tab.label(), document.view.tab == tab).on_hover_text(command.help()).clicked() {
                commands.push(command);
            }
        }
        if document.view.tab != Tab::Icicle {
            return;
        }
        switches(ui, &ICICLE_SWITCHES, |command| document.is_on(command), commands);
    });
}

/// Draws commands as switches against the right edge; where there is no room for them, as a menu.
pub(super) fn switches(ui: &mut Ui, all: &[Command], is_on: impl Fn(Command) -> bool, commands: &mut Vec<Command>) {
    let is_wide = ui.available_width() >= switches_width(ui, all);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = SWITCH_GAP;
        if !is_wide {
            ui.menu_button("Show as…", |ui| {
                for &command in all {
                    let button = Button::selectable(is_on(command), command.label());
                    if ui.add(button).on_hover_text(command.help()).clicked() {
                        commands.push(command);
                    }
                }
            });
            return;
        }
        for &command in all.iter().rev() {
            let response = switch(ui, &command.label().to_lowercase(), is_on(command));
            if response.on_hover_text(command.help()).clicked() {
                commands.push(command);
            }
        }
    });
}

const TAB_COMMANDS: [Command; 6] = [
    Command::ShowIcicle,
    Command::ShowTable,
    Command::ShowGrowth,
    Command::ShowBands,
    Command::ShowStatistics,
    Command::ShowCallers,
];

const ICICLE_SWITCHES: [Command; 5] = [
    Command::ToggleOwnCodeColour,
    Command::ToggleFoldLibraries,
    Command::ToggleInverted,
    Command::ToggleFlames,
    Command::ToggleSplitThreads,
];

/// Between two switches.
const SWITCH_GAP: f32 = 4.0;
/// Left and right of a switch's word.
const SWITCH_ROOM: f32 = 24.0;

fn switch_galley(ui: &Ui, label: &str) -> Arc<Galley> {
    let text = WidgetText::from(RichText::new(label).size(12.0));
    text.into_galley(ui, None, f32::INFINITY, FontSelection::Default)
}

/// The room that all switches need.
fn switches_width(ui: &Ui, all: &[Command]) -> f32 {
    let width = |command: Command| switch_galley(ui, &command.label().to_lowercase()).size().x + SWITCH_ROOM;
    all.iter().map(|&command| width(command) + SWITCH_GAP).sum()
}

pub(super) fn show_tab(ui: &mut Ui, label: &str, is_chosen: bool) -> Response {
    let palette = Palette::of(ui.visuals());
    let text = WidgetText::from(label);
    let galley = text.into_galley(ui, None, f32::INFINITY, FontSelection::Default);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x, 26.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, ui.is_enabled(), is_chosen, label));
    let colour = if is_chosen || response.hovered() { palette.text_strong } else { palette.text_weak };
    let at = pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley_with_override_text_color(at, galley, colour);
    if is_chosen {
        ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(2.0, palette.accent));
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect.expand(3.0), 3.0, Stroke::new(1.0, palette.accent), egui::StrokeKind::Inside);
    }
    response
}

/// A small switch: a word with a dot before it that is filled when it is on.
pub(super) fn switch(ui: &mut Ui, label: &str, is_on: bool) -> Response {
    let palette = Palette::of(ui.visuals());
    let galley = switch_galley(ui, label);
    let size = vec2(galley.size().x + SWITCH_ROOM, 22.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), is_on, label));
    let visuals = ui.style().interact(&response);
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, visuals.corner_radius, palette.neutral_frame);
    }
    let colour = if is_on || response.hovered() { palette.text } else { palette.text_weak };
    let dot = pos2(rect.left() + 9.0, rect.center().y);
    if is_on {
        ui.painter().circle_filled(dot, 3.5, palette.accent);
    } else {
        ui.painter().circle_stroke(dot, 3.0, Stroke::new(1.0, palette.text_weak));
    }
    let at = pos2(rect.left() + 18.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley_with_override_text_color(at, galley, colour);
    response
}
