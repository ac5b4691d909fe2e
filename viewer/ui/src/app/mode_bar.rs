// SPDX-License-Identifier: Apache-2.0
//! The mode bar: which memory is shown, joined buttons in one frame; and the field in which a moment or range is typed.

use super::document::Document;
use super::view::ModeChoice;
use crate::landmark::landmark;
use crate::settings::Settings;
use crate::style::{self, RADIUS};
use crate::theme::Palette;
use egui::{
    Align2, Color32, CornerRadius, DragValue, FontSelection, Id, Key, Modifiers, Popup, PopupCloseBehavior, Rect,
    Response, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, WidgetText, vec2,
};
use memray_report::moments::{parse_moment, parse_range};

const HEIGHT: f32 = 24.0;
const PADDING: f32 = 11.0;

/// Draws the bar, and opens the field where a moment is wanted.
pub(super) fn show(ui: &mut Ui, document: &mut Document, settings: &Settings) {
    let palette = Palette::of(ui.visuals());
    // A handle: what it holds of the capture's header may be megabytes.
    let index = document.index.clone();
    let info = index.info();
    let labels: Vec<_> = ModeChoice::ALL
        .iter()
        .map(|mode| WidgetText::from(mode.label(info)).into_galley(ui, None, f32::INFINITY, FontSelection::Default))
        .collect();
    let width = labels.iter().map(|galley| galley.size().x + 2.0 * PADDING).sum::<f32>();
    let (bar, _) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::hover());
    ui.painter().rect_filled(bar, CornerRadius::same(RADIUS), palette.panel);
    let mut left = bar.left();
    let mut live_at = None;
    for (i, (mode, galley)) in ModeChoice::ALL.into_iter().zip(labels).enumerate() {
        let rect = Rect::from_min_size(egui::pos2(left, bar.top()), vec2(galley.size().x + 2.0 * PADDING, HEIGHT));
        left = rect.right();
        let refusal = mode.refusal(info);
        let is_chosen = document.view.mode == mode;
        let sense = if refusal.is_none() { Sense::click() } else { Sense::hover() };
        let response = ui.interact(rect, ui.scope_id().with(("mode", i)), sense);
        let is_enabled = refusal.is_none();
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, is_enabled, is_chosen, mode.label(info)));
        landmark(ui, mode.label(info), rect);
        paint(ui, &palette, rect, &response, i, is_chosen, is_enabled, galley);
        let response = response.on_hover_text(refusal.unwrap_or(mode.help()));
        if response.clicked() {
            document.view.mode = mode;
            if mode == ModeChoice::LiveAt {
                document.typed_time.open();
            }
        }
        if mode == ModeChoice::LiveAt {
            live_at = Some(response);
        }
    }
    ui.painter().rect_stroke(bar, CornerRadius::same(RADIUS), Stroke::new(1.0, palette.outline), StrokeKind::Inside);
    if document.view.mode == ModeChoice::Temporary {
        threshold(ui, &mut document.view.temporary_threshold);
    }
    if let Some(response) = live_at {
        time_field(&response, document, settings);
    }
}

/// How many further allocations still count as few.
fn threshold(ui: &mut Ui, threshold: &mut u64) {
    let label = ui.label("threshold");
    let field = DragValue::new(threshold).range(1..=1_000_000_000).speed(0.2);
    ui.add(field).labelled_by(label.id).on_hover_text("Drag it, or click and type");
}

#[allow(clippy::too_many_arguments)] // one button's looks
fn paint(
    ui: &Ui,
    palette: &Palette,
    rect: Rect,
    response: &Response,
    position: usize,
    is_chosen: bool,
    is_enabled: bool,
    galley: std::sync::Arc<egui::Galley>,
) {
    let mut corners = CornerRadius::ZERO;
    if position == 0 {
        (corners.nw, corners.sw) = (RADIUS, RADIUS);
    }
    if position + 1 == ModeChoice::ALL.len() {
        (corners.ne, corners.se) = (RADIUS, RADIUS);
    }
    let painter = ui.painter();
    let text = if is_chosen {
        painter.rect_filled(rect, corners, palette.accent);
        palette.on_accent
    } else if !is_enabled {
        palette.text_weak.gamma_multiply(0.6)
    } else if response.hovered() {
        painter.rect_filled(rect, corners, palette.neutral_frame);
        palette.text_strong
    } else {
        palette.text
    };
    if position != 0 && !is_chosen {
        painter.vline(rect.left(), rect.y_range(), Stroke::new(1.0, palette.outline));
    }
    if response.has_focus() {
        painter.rect_stroke(rect.shrink(1.0), corners, Stroke::new(1.0, palette.text_strong), StrokeKind::Inside);
    }
    let at = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min;
    painter.galley_with_override_text_color(at, galley, text);
}

/// A moment or range being typed.
#[derive(Clone, Debug, Default)]
pub(super) struct TypedTime {
    text: String,
    is_open: bool,
    wants_focus: bool,
    problem: Option<String>,
}

impl TypedTime {
    /// Opens the field.
    pub(super) fn open(&mut self) {
        *self = Self { is_open: true, wants_focus: true, ..Self::default() };
    }
}

fn time_field(anchor: &Response, document: &mut Document, settings: &Settings) {
    let mut typed = std::mem::take(&mut document.typed_time);
    let mut is_open = typed.is_open;
    Popup::from_response(anchor)
        .open_bool(&mut is_open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| field(ui, &mut typed, document, settings));
    typed.is_open &= is_open;
    document.typed_time = typed;
}

fn field(ui: &mut Ui, typed: &mut TypedTime, document: &mut Document, settings: &Settings) {
    let palette = Palette::of(ui.visuals());
    ui.set_width(330.0);
    let label = ui.label("Moment or range");
    let field = style::text_field(ui, &mut typed.text, Id::unique("typed time"))
        .hint_text("14.2s   0:20:00   14:03:20   #12   2s..5s")
        .desired_width(f32::INFINITY);
    let response = ui.add(field).labelled_by(label.id);
    if std::mem::take(&mut typed.wants_focus) {
        response.request_focus();
    }
    if response.changed() {
        typed.problem = None;
    }
    // Taken, else the icicle would zoom by it.
    if response.lost_focus() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter)) {
        match choose(document, &typed.text, settings) {
            Ok(()) => typed.is_open = false,
            Err(problem) => {
                typed.problem = Some(problem);
                response.request_focus();
            }
        }
    }
    let (words, colour): (&str, Color32) = match &typed.problem {
        Some(problem) => (problem, palette.more),
        None => ("Enter shows it. Times count from the start, or are times of day.", palette.text_weak),
    };
    ui.label(RichText::new(words).color(colour).small());
}

fn choose(document: &mut Document, text: &str, settings: &Settings) -> Result<(), String> {
    let (timeline, clock) = (document.index.timeline(), settings.clock.wall_clock());
    let moment = match parse_moment(text, timeline, clock) {
        Ok(moment) => moment,
        Err(not_a_moment) => {
            let range = parse_range(text, timeline, clock);
            let looks_like_range = text.contains(['-', '\u{2013}']) || text.contains("..");
            let range = range.map_err(|error| if looks_like_range { error } else { not_a_moment }.to_string())?;
            document.view.choose_range(range);
            return Ok(());
        }
    };
    document.view.choose_moment(moment);
    Ok(())
}
