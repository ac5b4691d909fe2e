// SPDX-License-Identifier: Apache-2.0
//! Buttons joined in one frame, of which one is chosen at most: [`show`] draws a [`JoinedButton`] each.

use crate::landmark::landmark;
use crate::style::RADIUS;
use crate::theme::Palette;
use egui::{
    Align2, CornerRadius, FontSelection, Galley, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    WidgetText, pos2, vec2,
};
use std::sync::Arc;

const HEIGHT: f32 = 24.0;
const PADDING: f32 = 11.0;

/// One of them.
pub(crate) struct JoinedButton<'a> {
    /// What stands on it.
    pub(crate) label: &'a str,
    /// What it does, on hover.
    pub(crate) help: &'a str,
    /// Why it cannot be chosen, if it cannot.
    pub(crate) refusal: Option<String>,
    /// Whether it is chosen.
    pub(crate) is_chosen: bool,
}

/// Draws them; what the pointer did to each.
pub(crate) fn show(ui: &mut Ui, name: &str, buttons: &[JoinedButton<'_>]) -> Vec<Response> {
    let palette = Palette::of(ui.visuals());
    let galley = |button: &JoinedButton<'_>| {
        WidgetText::from(button.label).into_galley(ui, None, f32::INFINITY, FontSelection::Default)
    };
    let galleys: Vec<Arc<Galley>> = buttons.iter().map(galley).collect();
    let width = galleys.iter().map(|galley| galley.size().x + 2.0 * PADDING).sum::<f32>();
    let (bar, _) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::hover());
    ui.painter().rect_filled(bar, CornerRadius::same(RADIUS), palette.panel);
    let mut left = bar.left();
    let mut responses = Vec::with_capacity(buttons.len());
    for (i, (button, galley)) in buttons.iter().zip(galleys).enumerate() {
        let rect = Rect::from_min_size(pos2(left, bar.top()), vec2(galley.size().x + 2.0 * PADDING, HEIGHT));
        left = rect.right();
        let is_enabled = button.refusal.is_none();
        let sense = if is_enabled { Sense::click() } else { Sense::hover() };
        let response = ui.interact(rect, ui.scope_id().with((name, i)), sense);
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, is_enabled, button.is_chosen, button.label));
        landmark(ui, button.label, rect);
        let mut corners = CornerRadius::ZERO;
        if i == 0 {
            (corners.nw, corners.sw) = (RADIUS, RADIUS);
        }
        if i + 1 == buttons.len() {
            (corners.ne, corners.se) = (RADIUS, RADIUS);
        }
        paint(ui, &palette, button, &response, corners, galley);
        responses.push(response.on_hover_text(button.refusal.as_deref().unwrap_or(button.help)));
    }
    ui.painter().rect_stroke(bar, CornerRadius::same(RADIUS), Stroke::new(1.0, palette.outline), StrokeKind::Inside);
    responses
}

fn paint(
    ui: &Ui,
    palette: &Palette,
    button: &JoinedButton<'_>,
    response: &Response,
    corners: CornerRadius,
    galley: Arc<Galley>,
) {
    let (painter, rect) = (ui.painter(), response.rect);
    let text = if button.is_chosen {
        painter.rect_filled(rect, corners, palette.accent);
        palette.on_accent
    } else if button.refusal.is_some() {
        palette.text_weak.gamma_multiply(0.6)
    } else if response.hovered() {
        painter.rect_filled(rect, corners, palette.neutral_frame);
        palette.text_strong
    } else {
        palette.text
    };
    if corners.nw == 0 && !button.is_chosen {
        painter.vline(rect.left(), rect.y_range(), Stroke::new(1.0, palette.outline));
    }
    if response.has_focus() {
        painter.rect_stroke(rect.shrink(1.0), corners, Stroke::new(1.0, palette.text_strong), StrokeKind::Inside);
    }
    let at = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min;
    painter.galley_with_override_text_color(at, galley, text);
}
