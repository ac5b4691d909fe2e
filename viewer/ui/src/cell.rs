// SPDX-License-Identifier: Apache-2.0
//! What stands in a table's cell: text cut to its width, numbers whose digits line up, bars and arrows.

use crate::theme::Palette;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align, Align2, Color32, FontFamily, FontId, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};

/// Paints `text` in `rect`, cut with `…` where it is too wide. Returns its width.
pub(crate) fn text(painter: &Painter, rect: Rect, align: Align, text: &str, font: FontId, color: Color32) -> f32 {
    let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font, color));
    job.wrap = TextWrapping::truncate_at_width(rect.width().max(0.0));
    job.break_on_newline = false;
    let galley = painter.layout_job(job);
    let width = galley.size().x;
    let anchor = Align2([align, Align::Center]);
    painter.galley(anchor.align_size_within_rect(galley.size(), rect).min, galley, color);
    width
}

/// Width kept for a unit of a kind, so that the digits before it line up.
fn unit_width(unit: &str) -> f32 {
    match unit {
        "%" => 14.0,
        unit if unit.ends_with("/h") => 42.0,
        _ => 27.0,
    }
}

/// Paints a quantity (`1.95 GiB`, `15.9 %`) against the right edge of `rect`: digits in the monospaced face, its unit
/// after them in a column of its own.
pub(crate) fn quantity(painter: &Painter, rect: Rect, quantity: &str, size: f32, color: Color32, unit_color: Color32) {
    let digits = FontId::new(size - 0.5, FontFamily::Monospace);
    let Some((value, unit)) = quantity.rsplit_once(' ') else {
        text(painter, rect, Align::Max, quantity, digits, color);
        return;
    };
    let edge = (rect.right() - unit_width(unit)).max(rect.left());
    text(painter, rect.with_max_x(edge), Align::Max, value, digits, color);
    let unit_font = FontId::new(size, FontFamily::Proportional);
    text(painter, rect.with_min_x(edge + 4.0), Align::Min, unit, unit_font, unit_color);
}

/// Paints a bar that fills `share` (0 to 1) of `rect`, on a track.
pub(crate) fn bar(painter: &Painter, rect: Rect, share: f32, color: Color32, palette: &Palette) {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    painter.rect_filled(rect, 2.0, palette.neutral_frame);
    if share > 0.0 {
        // Something is never shown as nothing.
        let width = (rect.width() * share).max(1.0);
        painter.rect_filled(Rect::from_min_size(rect.min, vec2(width, rect.height())), 2.0, color);
    }
}

/// Paints a small triangle that points up or down, centred on `center`.
pub(crate) fn triangle(painter: &Painter, center: Pos2, points_up: bool, color: Color32) {
    let y = if points_up { -1.0 } else { 1.0 };
    let corner = |dx: f32, dy: f32| pos2(center.x + dx, center.y + dy * y);
    painter.add(Shape::convex_polygon(
        vec![corner(0.0, 3.0), corner(4.0, -3.0), corner(-4.0, -3.0)],
        color,
        Stroke::NONE,
    ));
}
