// SPDX-License-Identifier: Apache-2.0
//! What is marked on a memory graph: peaks, the chosen range and moment, the names of the lines, what the pointer is on.

use super::Source;
use super::axis::TimeAxis;
use super::high_water_mark::HighWaterMark;
use super::labels::{Labels, around, strong, text};
use super::paint::Plot;
use super::series::Series;
use super::widget::Lines;
use crate::fonts::STRONG;
use egui::{
    Color32, FontFamily, Label, Painter, PopupAnchor, Pos2, Rect, Response, RichText, Shape, Stroke, StrokeKind,
    Tooltip, pos2, vec2,
};
use memray_compare::Side;
use memray_index::{TimeRange, Timeline};
use memray_report::escape::{shorten, visible};
use memray_report::size::{format_bytes, format_bytes_signed};
use memray_report::time::{
    format_date_time, format_duration, format_elapsed, format_elapsed_exact, format_time_of_day, told_apart,
};

/// No name of a line is longer.
const LONGEST_NAME_CHARS: usize = 32;

/// The chosen range: a tint between two edges.
pub(super) fn range(painter: &Painter, plot: &Plot, lines: &Lines, source: &Source<'_>, range: TimeRange) {
    let accent = plot.palette.accent;
    let [left, right] = [range.from, range.to].map(|moment| plot.x(lines.place_ms(source, moment)));
    let inside = Rect::from_x_y_ranges(left..=right, plot.rect.y_range()).intersect(plot.rect);
    if inside.is_positive() {
        painter.rect_filled(inside, 0.0, accent.gamma_multiply(0.13));
    }
    for x in [left, right] {
        painter.vline(x, plot.rect.y_range(), Stroke::new(1.5, accent));
    }
}

/// Everything that stands over the lines.
pub(super) fn marks(
    painter: &Painter,
    inside: &Painter,
    plot: &Plot,
    lines: &Lines,
    source: &Source<'_>,
    range: Option<TimeRange>,
) {
    let mut labels = Labels::new(plot, lines);
    if let Some(moment) = source.moment {
        let place_ms = lines.place_ms(source, moment);
        let x = plot.hairline(plot.x(place_ms));
        inside.vline(x, plot.rect.y_range(), Stroke::new(1.5, plot.palette.accent));
        if plot.is_visible(place_ms) {
            let words = format_elapsed(lines.elapsed_ms(source, moment));
            let text = strong(painter, &words, plot.palette.accent);
            labels.put(painter, text, &[pos2(x + 5.0, plot.rect.top()), pos2(x - 5.0, plot.rect.top())]);
        }
    }
    if let Some(range) = range {
        delta_box(painter, plot, lines, source, range, &mut labels);
    }
    let largest_rss = peak_rss(painter, plot, lines, &mut labels);
    peak(painter, inside, plot, lines, source, &mut labels);
    if let Some((at, bytes)) = largest_rss {
        peak_rss_words(painter, plot, source, &mut labels, at, bytes);
    }
    line_names(painter, plot, lines, source, &mut labels);
    note(painter, plot, lines, source, &mut labels);
}

/// The high-water mark: a dot where the heap is largest, between snapshots too; a level where the capture does not say
/// when that was.
fn peak(painter: &Painter, inside: &Painter, plot: &Plot, lines: &Lines, source: &Source<'_>, labels: &mut Labels<'_>) {
    let palette = &plot.palette;
    let name = if source.is_provisional { "peak so far" } else { "peak" };
    let words = |bytes| format!("{name} {}", format_bytes(bytes, source.units));
    let dashed = |from, to| {
        let stroke = Stroke::new(1.0, palette.text_weak.gamma_multiply(0.7));
        inside.extend(Shape::dashed_line(&[from, to], stroke, 3.0, 3.0));
    };
    match lines.high_water_mark {
        Some(HighWaterMark::At(elapsed_ms, bytes)) if plot.is_visible(elapsed_ms as f64) => {
            let at = pos2(plot.x(elapsed_ms as f64), plot.y(bytes));
            dashed(at, pos2(at.x, plot.rect.bottom()));
            painter.circle(at, 3.5, palette.text_strong, Stroke::new(1.5, palette.panel));
            let galley = strong(painter, &words(bytes), palette.text_strong);
            let places = around(at, galley.size());
            labels.take(Rect::from_center_size(at, vec2(8.0, 8.0)));
            labels.put(painter, galley, &places);
        }
        Some(HighWaterMark::Sometime(bytes)) => {
            let y = plot.hairline(plot.y(bytes));
            dashed(pos2(plot.rect.left(), y), pos2(plot.rect.right(), y));
            let words = format!("{}, at a time not recorded", words(bytes));
            let galley = strong(painter, &words, palette.text_strong);
            let left = plot.rect.left() + 8.0;
            let (above, below) = (pos2(left, y - galley.size().y - 3.0), pos2(left, y + 3.0));
            labels.put(painter, galley, &[above, below]);
        }
        Some(HighWaterMark::At(..)) | None => {}
    }
}

/// The largest resident set: a ring. Where it is, and how large.
fn peak_rss(painter: &Painter, plot: &Plot, lines: &Lines, labels: &mut Labels<'_>) -> Option<(Pos2, u64)> {
    let (elapsed_ms, bytes) = lines.rss.peak().filter(|(_, bytes)| *bytes > 0)?;
    if !plot.is_visible(elapsed_ms as f64) {
        return None;
    }
    let at = pos2(plot.x(elapsed_ms as f64), plot.y(bytes));
    painter.circle(at, 3.0, plot.palette.panel, Stroke::new(1.5, plot.palette.rss));
    labels.take(Rect::from_center_size(at, vec2(8.0, 8.0)));
    Some((at, bytes))
}

/// How large the largest resident set is, which stands among the facts below the headline as well.
fn peak_rss_words(painter: &Painter, plot: &Plot, source: &Source<'_>, labels: &mut Labels<'_>, at: Pos2, bytes: u64) {
    let words = format!("peak RSS {}", format_bytes(bytes, source.units));
    let galley = text(painter, &words, plot.palette.text_weak);
    let [right, left, above, below, above_left, below_left] = around(at, galley.size());
    let places = [above, below, above_left, below_left, right, left];
    labels.put_where_free(painter, galley, &places);
}

/// The lines' names, near their right ends.
fn line_names(painter: &Painter, plot: &Plot, lines: &Lines, source: &Source<'_>, labels: &mut Labels<'_>) {
    let palette = &plot.palette;
    let selection =
        source.selection.map(|selection| format!("{}, live", shorten(&visible(selection.name), LONGEST_NAME_CHARS)));
    let [heap, rss, over] = names(source);
    let names: [(Option<&Series>, &str, Color32); 4] = [
        (lines.selection(), selection.as_deref().unwrap_or_default(), palette.selection),
        (Some(&lines.heap), heap, plot.heap),
        (lines.over(), over, plot.over),
        (Some(&lines.rss), rss, palette.text_weak),
    ];
    for (series, name, colour) in names {
        let galley = text(painter, name, colour);
        let size = galley.size();
        let right = plot.rect.right() - 6.0;
        // Above the highest line, below the others; further left where that is taken or another line passes.
        let mut places = Vec::new();
        for step in 0..6 {
            let x = right - size.x - step as f32 * (size.x + 24.0);
            let reach_of = |series: &Series| series.reach(plot.ms_at(x), plot.ms_at(x + size.x));
            if let Some((least, largest)) = series.and_then(reach_of) {
                let above = pos2(x, plot.y(largest) - size.y - 3.0);
                let below = pos2(x, plot.y(least) + 3.0);
                let is_highest = lines.all().filter_map(reach_of).all(|(_, other)| other <= largest);
                places.extend(if is_highest { [above, below] } else { [below, above] });
            }
        }
        labels.put_beside_others(painter, galley, &places);
    }
}

/// What heap, resident set and the other capture's heap are called.
fn names(source: &Source<'_>) -> [&'static str; 3] {
    match (source.over, source.beside.map(|beside| beside.side)) {
        (Some(_), Some(Side::Before)) => ["heap of A", "RSS of A", "heap of B"],
        (Some(_), Some(Side::After)) => ["heap of B", "RSS of B", "heap of A"],
        _ => ["heap", "RSS", "the other heap"],
    }
}

/// What is wrong with the time axis, or that the graph is not final.
fn note(painter: &Painter, plot: &Plot, lines: &Lines, source: &Source<'_>, labels: &mut Labels<'_>) {
    let mut words = Vec::new();
    if source.is_provisional {
        words.push("still reading the capture".to_owned());
    }
    if let Some(step) = lines.axis.step_back() {
        let (by, at) = (format_duration(step.by_ms), format_elapsed(step.elapsed_ms));
        words.push(format!("the machine’s clock stepped back {by} at {at}"));
    }
    if words.is_empty() {
        return;
    }
    let galley = text(painter, &words.join(" · "), plot.palette.note);
    let size = galley.size();
    let places = [pos2(plot.rect.left() + 8.0, plot.rect.top()), pos2(plot.rect.right() - size.x, plot.rect.top())];
    labels.put(painter, galley, &places);
}

/// A range in words: from, to, how long, by how much the heap differs, and when that was.
fn delta_box(
    painter: &Painter,
    plot: &Plot,
    lines: &Lines,
    source: &Source<'_>,
    range: TimeRange,
    labels: &mut Labels<'_>,
) {
    let palette = &plot.palette;
    let [from_ms, to_ms] = [range.from, range.to].map(|moment| lines.elapsed_ms(source, moment));
    let x = |moment| plot.x(lines.place_ms(source, moment)).clamp(plot.rect.left(), plot.rect.right());
    let (from_x, to_x) = (x(range.from), x(range.to));
    let (timeline, _) = source.chosen();
    let heap = |moment| i128::from(timeline.heap_bytes(moment));
    let delta = format_bytes_signed(heap(range.to) - heap(range.from), source.units);
    let at = |moment| format_time_of_day(timeline.time_ms(moment), source.clock);
    let duration = format_duration(to_ms.saturating_sub(from_ms));
    let [from, to] = told_apart([from_ms, to_ms], format_elapsed);
    let first = format!("{from} → {to} ({duration})");
    let first = strong(painter, &first, palette.text_strong);
    let second = text(painter, &format!("{delta}   {} → {}", at(range.from), at(range.to)), palette.text_weak);
    let room = vec2(9.0, 5.0);
    let size = vec2(first.size().x.max(second.size().x), first.size().y + second.size().y + 1.0) + 2.0 * room;
    let left =
        ((from_x + to_x - size.x) / 2.0).clamp(plot.rect.left(), (plot.rect.right() - size.x).max(plot.rect.left()));
    let rect = Rect::from_min_size(pos2(left.round(), plot.rect.top() + 4.0), size);
    painter.rect(rect, 4.0, palette.background, Stroke::new(1.0, palette.outline), StrokeKind::Inside);
    let top = rect.min + room;
    let below = pos2(top.x, top.y + first.size().y + 1.0);
    painter.galley(top, first, palette.text_strong);
    painter.galley(below, second, palette.text_weak);
    labels.take(rect);
}

/// What the graph shows at the pointer.
pub(super) fn hover(response: &Response, plot: &Plot, lines: &Lines, source: &Source<'_>) {
    let Some(pointer) = response.hover_pos().filter(|pointer| plot.rect.x_range().contains(pointer.x)) else { return };
    let palette = &plot.palette;
    let painter = response.ctx.layer_painter(response.layer_id).with_clip_rect(plot.rect);
    let x = plot.hairline(pointer.x);
    painter.vline(x, plot.rect.y_range(), Stroke::new(1.0, palette.text_weak.gamma_multiply(0.6)));
    let end_ms = lines.axis.end_ms().max(lines.over().map_or(0, Series::end_ms));
    let elapsed_ms = (plot.ms_at(pointer.x).round() as i64).clamp(0, end_ms);
    let mut rows = Vec::new();
    let [heap, rss, over] = names(source);
    for (name, series, colour) in [
        (heap, Some(&lines.heap), plot.heap),
        (over, lines.over(), plot.over),
        (rss, Some(&lines.rss), palette.rss),
        ("selection", lines.selection(), palette.selection),
    ] {
        // The resident set's last sample holds to the end; beyond it there is nothing.
        let end_ms = if name == over { lines.over().map_or(0, Series::end_ms) } else { lines.axis.end_ms() };
        let Some(bytes) = series.filter(|_| elapsed_ms <= end_ms).and_then(|series| series.value_at(elapsed_ms)) else {
            continue;
        };
        painter.circle_filled(pos2(x, plot.y(bytes)), 2.5, colour);
        rows.push((name, format_bytes(bytes, source.units)));
    }
    // Of what is chosen by a click here.
    let (timeline, later_ms) = source.chosen();
    let chosen_ms = elapsed_ms.saturating_sub(later_ms);
    let axis = lines.chosen_axis(source);
    let wall_clock = format_date_time(wall_time_ms(axis, timeline, chosen_ms), source.clock);
    Tooltip::always_open(response.ctx.clone(), response.layer_id, response.id, PopupAnchor::Pointer).gap(14.0).show(
        |ui| {
            ui.label(
                RichText::new(if plot.tells_milliseconds() {
                    format_elapsed_exact(chosen_ms)
                } else {
                    format_elapsed(chosen_ms)
                })
                .family(FontFamily::Name(STRONG.into()))
                .color(palette.text_strong),
            );
            ui.add(Label::new(RichText::new(wall_clock).color(palette.text_weak)).extend());
            egui::Grid::new("memory graph tooltip").num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
                for (name, value) in rows {
                    ui.label(RichText::new(name).color(palette.text_weak));
                    ui.label(RichText::new(value).color(palette.text));
                    ui.end_row();
                }
            });
        },
    );
}

/// Wall-clock time at a place on the axis: from the snapshot before it, as the clock may have been set since the start.
fn wall_time_ms(axis: &TimeAxis, timeline: &Timeline, elapsed_ms: i64) -> i64 {
    let elapsed = axis.elapsed_ms();
    let before = elapsed.partition_point(|&at| at <= elapsed_ms).checked_sub(1);
    match before.and_then(|i| Some((elapsed.get(i)?, timeline.snapshots.get(i)?))) {
        Some((at, snapshot)) => snapshot.time_ms.saturating_add(elapsed_ms - at),
        None => timeline.start_time_ms.saturating_add(elapsed_ms),
    }
}
