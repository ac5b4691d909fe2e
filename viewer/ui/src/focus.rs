// SPDX-License-Identifier: Apache-2.0
//! Where the keyboard is, shown on what draws itself: egui's own widgets show it by themselves. A click gives the focus too,
//! and shows by what it does where that went; a ring is drawn only for those who came by keyboard.

use crate::style::RADIUS;
use crate::theme::Palette;
use egui::{Context, CornerRadius, Event, Id, Key, Rect, Response, Stroke, StrokeKind, Ui};

/// Notes how the user goes about, once a pass.
pub(crate) fn note_input(context: &Context) {
    let by_keyboard = context.input(|input| {
        input.events.iter().rev().find_map(|event| match event {
            Event::Key { key: Key::Tab | Key::ArrowUp | Key::ArrowDown | Key::ArrowLeft | Key::ArrowRight, .. } => {
                Some(true)
            }
            Event::PointerButton { .. } => Some(false),
            _ => None,
        })
    });
    if let Some(by_keyboard) = by_keyboard {
        context.data_mut(|data| data.insert_temp(key(), by_keyboard));
    }
}

/// Draws a ring within `rect` if the keyboard is on a widget.
pub(crate) fn ring(ui: &Ui, response: &Response, rect: Rect) {
    if is_shown(ui, response) {
        let stroke = Stroke::new(1.5, Palette::of(ui.visuals()).accent);
        ui.painter().rect_stroke(rect, CornerRadius::same(RADIUS.saturating_sub(2)), stroke, StrokeKind::Inside);
    }
}

/// Whether the keyboard is on a widget, and was used to go there.
fn is_shown(ui: &Ui, response: &Response) -> bool {
    response.has_focus() && ui.ctx().data(|data| data.get_temp(key()).unwrap_or(false))
}

fn key() -> Id {
    Id::unique("the keyboard is used")
}
