// SPDX-License-Identifier: Apache-2.0
//! How a memory graph is painted: axes, the filled heap, the lines of the resident set and of the selection, the range.

use super::axis::{TimesOfDay, byte_ticks, time_ticks};
use super::series::{Point, Series};
use super::widget::Lines;
use super::{Source, marks};
use crate::theme::Palette;
use egui::{Align2, Color32, FontId, Mesh, Painter, Pos2, Rect, Shape, Stroke, Ui, pos2, vec2};
use memray_compare::Side;
use memray_index::TimeRange;
use memray_report::size::Units;

pub(super) const LABEL_POINTS: f32 = 11.0;
/// Room below the plot for the labels of time.
const BELOW_POINTS: f32 = 20.0;
const ABOVE_POINTS: f32 = 8.0;
const RIGHT_POINTS: f32 = 14.0;
/// Between the labels of bytes and the plot.
const GAP_POINTS: f32 = 8.0;
/// How much higher than its highest line the graph is at most.
const HEAD_ROOM: f64 = 1.2;
/// Room for one label of bytes, and one of time.
const BYTES_TICK_POINTS: f32 = 26.0;
const TIME_TICK_POINTS: f32 = 90.0;

/// Where the graph's values lie on the screen.
pub(crate) struct Plot {
    pub(crate) rect: Rect,
    pub(super) visible_ms: (f64, f64),
    byte_ticks: Vec<(u64, String)>,
    /// What lies at the upper edge.
    top_bytes: f64,
    pixels_per_point: f32,
    pub(super) palette: Palette,
    /// The heap's line: each of two graphs side by side has its own.
    pub(super) heap: Color32,
    /// The heap's of another capture, drawn over it.
    pub(super) over: Color32,
    /// Where the time is 0 of which the axis speaks.
    zero_ms: f64,
    /// Where the axis has times of day.
    times_of_day: Option<TimesOfDay>,
}

impl Plot {
    pub(super) fn new(ui: &Ui, outer: Rect, visible_ms: (f64, f64), lines: &Lines, source: &Source<'_>) -> Self {
        let largest = lines
            .all()
            .filter_map(|series| series.peak().map(|(_, bytes)| bytes))
            .chain(source.beside.map(|beside| beside.largest_bytes))
            .fold(source.timeline.peak_bytes, u64::max);
        let plot = Self::up_to(ui, outer, visible_ms, largest, source.units);
        let palette = plot.palette;
        let (heap, over) = match source.beside.map(|beside| beside.side) {
            None => (palette.heap, palette.selection),
            Some(Side::Before) => (palette.before, palette.after),
            Some(Side::After) => (palette.after, palette.before),
        };
        let is_alone = source.beside.is_none() && source.over.is_none();
        let times_of_day = if source.has_times_of_day && is_alone {
            lines.axis.times_of_day(source.timeline.start_time_ms, source.clock)
        } else {
            None
        };
        Self { heap, over, zero_ms: source.chosen().1 as f64, ..plot }.with_times_of_day(times_of_day)
    }

    /// A plot of values up to the largest.
    pub(crate) fn up_to(ui: &Ui, outer: Rect, visible_ms: (f64, f64), largest: u64, units: Units) -> Self {
        let height = (outer.height() - ABOVE_POINTS - BELOW_POINTS).max(1.0);
        let most = ((height / BYTES_TICK_POINTS) as usize).clamp(1, 5);
        let mut byte_ticks = byte_ticks(largest, most, units);
        // Up to the next tick where that is near; no more than a little head-room where it is not.
        let top = byte_ticks.last().map_or(1.0, |(bytes, _)| *bytes as f64).min(largest as f64 * HEAD_ROOM).max(1.0);
        byte_ticks.retain(|(bytes, _)| *bytes as f64 <= top);
        let font = FontId::proportional(LABEL_POINTS);
        let widest = byte_ticks
            .iter()
            .map(|(_, label)| ui.painter().layout_no_wrap(label.clone(), font.clone(), Color32::PLACEHOLDER).size().x)
            .fold(0.0, f32::max);
        let pixels_per_point = ui.pixels_per_point();
        let snap = |points: f32| (points * pixels_per_point).round() / pixels_per_point;
        let left = snap(outer.left() + GAP_POINTS + widest + GAP_POINTS);
        let rect = Rect::from_min_max(
            pos2(left, snap(outer.top() + ABOVE_POINTS)),
            pos2(snap(outer.right() - RIGHT_POINTS).max(left + 1.0), snap(outer.bottom() - BELOW_POINTS)),
        );
        let palette = Palette::of(ui.visuals());
        let (heap, over) = (palette.heap, palette.selection);
        let (top_bytes, zero_ms, times_of_day) = (top, 0.0, None);
        Self { rect, visible_ms, byte_ticks, top_bytes, pixels_per_point, palette, heap, over, zero_ms, times_of_day }
    }

    /// The same with times of day on the axis of time.
    pub(crate) fn with_times_of_day(self, times_of_day: Option<TimesOfDay>) -> Self {
        Self { times_of_day, ..self }
    }

    /// Ticks of time, where on the axis, and what they say.
    fn time_ticks(&self) -> Vec<(f64, String)> {
        let most = (self.rect.width() / TIME_TICK_POINTS) as usize;
        let (from_ms, to_ms) = (self.visible_ms.0 - self.zero_ms, self.visible_ms.1 - self.zero_ms);
        let ticks = match self.times_of_day {
            Some(times) => times.ticks(from_ms, to_ms, most),
            None => time_ticks(from_ms, to_ms, most),
        };
        ticks.into_iter().map(|(ms, label)| (ms as f64 + self.zero_ms, label)).collect()
    }

    pub(super) fn ms_per_point(&self) -> f64 {
        (self.visible_ms.1 - self.visible_ms.0) / f64::from(self.rect.width())
    }

    pub(crate) fn ms_at(&self, x: f32) -> f64 {
        self.visible_ms.0 + f64::from(x - self.rect.left()) * self.ms_per_point()
    }

    pub(crate) fn x(&self, elapsed_ms: f64) -> f32 {
        self.rect.left() + ((elapsed_ms - self.visible_ms.0) / self.ms_per_point()) as f32
    }

    pub(crate) fn y(&self, bytes: u64) -> f32 {
        self.rect.bottom() - (bytes as f64 / self.top_bytes) as f32 * self.rect.height()
    }

    /// How many bytes up a point lies.
    pub(crate) fn bytes_at(&self, y: f32) -> u64 {
        let share = f64::from((self.rect.bottom() - y) / self.rect.height());
        (share * self.top_bytes).max(0.0) as u64
    }

    /// Whether times that are told apart here differ by milliseconds.
    pub(super) fn tells_milliseconds(&self) -> bool {
        self.ms_per_point() < 2.0
    }

    pub(super) fn is_visible(&self, elapsed_ms: f64) -> bool {
        self.visible_ms.0 <= elapsed_ms && elapsed_ms <= self.visible_ms.1
    }

    /// The middle of a pixel, for hairlines that are not blurred.
    pub(crate) fn hairline(&self, position: f32) -> f32 {
        ((position * self.pixels_per_point).floor() + 0.5) / self.pixels_per_point
    }

    /// Paints ticks and their labels.
    pub(crate) fn paint_axes(&self, painter: &Painter) {
        let Self { rect, palette, .. } = self;
        let font = FontId::proportional(LABEL_POINTS);
        for (i, (bytes, label)) in self.byte_ticks.iter().enumerate() {
            let y = self.hairline(self.y(*bytes));
            let colour = if i == 0 { palette.outline } else { palette.outline.gamma_multiply(0.6) };
            painter.hline(rect.x_range(), y, Stroke::new(1.0 / self.pixels_per_point, colour));
            painter.text(
                pos2(rect.left() - GAP_POINTS, y),
                Align2::RIGHT_CENTER,
                label,
                font.clone(),
                palette.text_weak,
            );
        }
        if let Some(times) = self.times_of_day {
            let place = pos2(rect.left() - GAP_POINTS - GAP_POINTS, rect.bottom() + 5.0);
            painter.text(place, Align2::RIGHT_TOP, times.zone(self.visible_ms.0), font.clone(), palette.text_weak);
        }
        let mut taken = f32::NEG_INFINITY;
        for (ms, label) in self.time_ticks() {
            let x = self.hairline(self.x(ms));
            painter.vline(
                x,
                rect.bottom()..=rect.bottom() + 3.0,
                Stroke::new(1.0 / self.pixels_per_point, palette.outline),
            );
            let galley = painter.layout_no_wrap(label, font.clone(), palette.text_weak);
            // The outermost labels stay within the graph, where there is room beside the label before.
            let half = galley.size().x / 2.0;
            let (least, most) = (rect.left() - GAP_POINTS + half, rect.right() + RIGHT_POINTS - 2.0 - half);
            let centre = x.min(most).max(least);
            if centre - half >= taken {
                taken = centre + half + GAP_POINTS / 2.0;
                painter.galley(pos2(centre - half, rect.bottom() + 5.0), galley, palette.text_weak);
            }
        }
    }

    fn line(&self, series: &Series) -> Vec<Pos2> {
        let columns = (self.rect.width() * self.pixels_per_point) as usize;
        let at = |point: Point| pos2(self.x(point.elapsed_ms), self.y(point.value));
        series.line(self.visible_ms.0, self.visible_ms.1, columns).into_iter().map(at).collect()
    }
}

pub(super) fn paint(ui: &Ui, plot: &Plot, lines: &Lines, source: &Source<'_>, range: Option<TimeRange>) {
    let palette = &plot.palette;
    let painter = ui.painter();
    plot.paint_axes(painter);
    let inside = painter.with_clip_rect(plot.rect.expand2(vec2(0.0, 1.0)).intersect(ui.clip_rect()));
    // While the index is being built the lines are still a guess: paler.
    let strength = if source.is_provisional { 0.55 } else { 1.0 };
    let heap = plot.line(&lines.heap);
    fill(&inside, plot, &heap, plot.heap.gamma_multiply(0.22 * strength));
    if let Some(range) = range {
        marks::range(&inside, plot, lines, source, range);
    }
    let stroke = |width: f32, colour: Color32| Stroke::new(width, colour.gamma_multiply(strength));
    inside.add(Shape::line(plot.line(&lines.rss), stroke(1.0, palette.rss)));
    inside.add(Shape::line(heap, stroke(1.6, plot.heap)));
    if let Some(over) = lines.over() {
        let line = plot.line(over);
        fill(&inside, plot, &line, plot.over.gamma_multiply(0.12 * strength));
        inside.add(Shape::line(line, stroke(1.6, plot.over)));
    }
    if let Some(selection) = lines.selection() {
        inside.add(Shape::line(plot.line(selection), stroke(1.6, palette.selection)));
    }
    marks::marks(painter, &inside, plot, lines, source, range);
}

/// The surface below a line.
fn fill(painter: &Painter, plot: &Plot, line: &[Pos2], colour: Color32) {
    let mut mesh = Mesh::default();
    for (i, point) in (0_u32..).zip(line) {
        mesh.colored_vertex(*point, colour);
        mesh.colored_vertex(pos2(point.x, plot.rect.bottom()), colour);
        if i > 0 {
            let at = 2 * i;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    painter.add(Shape::mesh(mesh));
}
