// SPDX-License-Identifier: Apache-2.0
//! The memory graph's behaviour: what is dragged, clicked and zoomed, and what that means in moments of the capture.

use super::axis::TimeAxis;
use super::high_water_mark::HighWaterMark;
use super::paint::{Plot, paint};
use super::series::Series;
use super::{Events, Source, marks};
use crate::focus;
use crate::landmark::landmark;
use egui::{CursorIcon, EventFilter, Key, Modifiers, PointerButton, Response, Role, Sense, Ui, WidgetInfo};
use memray_compare::Side;
use memray_index::{Moment, TimeRange, Timeline};
use memray_report::size::format_bytes;
use memray_report::time::{format_duration, format_elapsed};

/// An edge of the range is taken hold of from so many points off.
const EDGE_POINTS: f32 = 5.0;
/// No less than this much time fills the graph.
const SHORTEST_VISIBLE_MS: f64 = 20.0;

/// Memory over time, and what of it is on screen.
#[derive(Default)]
pub struct MemoryGraph {
    lines: Lines,
    /// The part of the run that is shown, in elapsed milliseconds; all of it if `None`.
    visible: Option<(f64, f64)>,
    drag: Option<Drag>,
    /// Whether the last click had another moment chosen.
    click_chose: bool,
    /// Where the plot was, for tests.
    #[cfg(test)]
    plot_rect: Option<egui::Rect>,
}

/// The lines, as long as their data stay the same.
#[derive(Default)]
pub(super) struct Lines {
    generation: Option<u64>,
    pub(super) axis: TimeAxis,
    pub(super) heap: Series,
    pub(super) rss: Series,
    pub(super) high_water_mark: Option<HighWaterMark>,
    /// With the generations of the timeline and of the selection.
    selection: Option<((u64, u64), Series)>,
    /// With its generation and shift.
    over: Option<((u64, i64), Series, TimeAxis)>,
}

impl Lines {
    fn update(&mut self, source: &Source<'_>) {
        if self.generation != Some(source.generation) {
            self.generation = Some(source.generation);
            self.axis = TimeAxis::new(source.timeline);
            self.heap = Series::heap(source.timeline, &self.axis);
            self.rss = Series::rss(source.timeline, &self.axis);
            self.high_water_mark = HighWaterMark::of(source.timeline, &self.axis, &self.heap);
        }
        let key = source.selection.map(|selection| (source.generation, selection.generation));
        if self.selection.as_ref().map(|(of, _)| *of) != key {
            self.selection =
                source.selection.zip(key).map(|(selection, key)| (key, Series::selection(selection.bytes, &self.axis)));
        }
        let key = source.over.map(|over| (over.generation, over.shift_ms));
        if self.over.as_ref().map(|(of, ..)| *of) != key {
            self.over = source.over.zip(key).map(|(over, key)| {
                let axis = TimeAxis::new(over.timeline);
                (key, Series::heap(over.timeline, &axis).later_by(over.shift_ms), axis)
            });
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Series> {
        [Some(&self.heap), Some(&self.rss), self.selection(), self.over()].into_iter().flatten()
    }

    pub(super) fn over(&self) -> Option<&Series> {
        self.over.as_ref().map(|(_, series, _)| series)
    }

    /// How long after its capture's start a chosen moment is.
    pub(super) fn elapsed_ms(&self, source: &Source<'_>, moment: Moment) -> i64 {
        self.chosen_axis(source).of(moment)
    }

    /// The axis of what moments are chosen of.
    pub(super) fn chosen_axis(&self, source: &Source<'_>) -> &TimeAxis {
        let over = self.over.as_ref().filter(|_| source.over.is_some_and(|over| over.is_chosen));
        over.map_or(&self.axis, |(.., axis)| axis)
    }

    /// Where a chosen moment is drawn.
    pub(super) fn place_ms(&self, source: &Source<'_>, moment: Moment) -> f64 {
        self.elapsed_ms(source, moment).saturating_add(source.chosen().1) as f64
    }

    /// Where what moments are chosen of ends.
    fn chosen_end_ms(&self, source: &Source<'_>) -> f64 {
        self.place_ms(source, Moment::End)
    }

    pub(super) fn selection(&self) -> Option<&Series> {
        self.selection.as_ref().map(|(_, series)| series)
    }
}

/// A range being dragged out.
#[derive(Clone, Copy, Debug)]
struct Drag {
    /// The end that stays.
    fixed: Fixed,
    /// The end that follows the pointer, in elapsed milliseconds.
    moving_ms: f64,
}

#[derive(Clone, Copy, Debug)]
enum Fixed {
    /// Where the drag began.
    At(f64),
    /// An edge of the range that was there; kept as it is, so that it does not creep.
    Edge(Moment, f64),
}

impl Drag {
    fn range(&self, source: &Source<'_>) -> TimeRange {
        let (timeline, later_ms) = source.chosen();
        let range_at = |from: f64, to: f64| range_at(timeline, from - later_ms as f64, to - later_ms as f64);
        let moving = self.moving_ms;
        let range = match self.fixed {
            Fixed::At(fixed) => range_at(fixed.min(moving), fixed.max(moving)),
            Fixed::Edge(edge, at) if moving >= at => TimeRange { from: edge, to: range_at(at, moving).to },
            Fixed::Edge(edge, at) => TimeRange { from: range_at(moving, at).from, to: edge },
        };
        TimeRange { from: range.from.min(range.to), to: range.to }
    }
}

/// The range between two times; from the left edge on it has everything, also what came before the first snapshot.
pub(crate) fn range_at(timeline: &Timeline, from_ms: f64, to_ms: f64) -> TimeRange {
    let range = timeline.range_at(from_ms.round() as i64, to_ms.round() as i64);
    if from_ms < 1.0 { TimeRange { from: Moment::Start, ..range } } else { range }
}

impl MemoryGraph {
    /// Gives up the range being dragged and shows the whole run. Returns whether there was anything to give up.
    pub fn clear(&mut self) -> bool {
        let had_any = self.drag.is_some() || self.visible.is_some();
        self.drag = None;
        self.visible = None;
        had_any
    }

    /// The part of the run that is shown, in elapsed milliseconds; all of it if `None`.
    pub fn visible_ms(&self) -> Option<(f64, f64)> {
        self.visible
    }

    /// Whether only a part of the run is shown.
    pub fn is_zoomed(&self) -> bool {
        self.visible.is_some()
    }

    /// Draws a timeline into all of the room that is left, and says what the user chose.
    pub fn show(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let mut events = Events::default();
        self.lines.update(source);
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let name = match source.beside.map(|beside| beside.side) {
            _ if source.over.is_some() => "Memory graph of both",
            None => "Memory graph",
            Some(Side::Before) => "Memory graph of A",
            Some(Side::After) => "Memory graph of B",
        };
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Canvas, true, name);
            info.current_text_value = Some(self.in_words(source));
            info
        });
        let end_ms = self.lines.axis.end_ms().max(source.beside.map_or(1, |beside| beside.duration_ms)).max(1) as f64;
        let visible = self.visible.unwrap_or((0.0, end_ms));
        let mut plot = Plot::new(ui, rect, visible, &self.lines, source);
        landmark(ui, &name.to_lowercase(), plot.rect);
        #[cfg(test)]
        {
            self.plot_rect = Some(plot.rect);
        }
        self.wheel(ui, &mut plot, end_ms, &response);
        self.keys(ui, &mut plot, end_ms, &response);
        self.drag(ui, source, &plot, &response, &mut events);
        let range = self.drag.map(|drag| drag.range(source)).or(source.range);
        if response.double_clicked() {
            self.visible = None;
            events.undoes_click = std::mem::take(&mut self.click_chose);
        } else if response.clicked()
            && let Some(pointer) = response.interact_pointer_pos()
        {
            let (timeline, later_ms) = source.chosen();
            let elapsed_ms = plot.ms_at(pointer.x).clamp(0.0, end_ms).round() as i64 - later_ms;
            events.moment = Some(timeline.moment_at(elapsed_ms.max(0)));
            self.click_chose = events.moment != source.moment;
        }
        if ui.is_rect_visible(rect) {
            paint(ui, &plot, &self.lines, source, range);
        }
        focus::ring(ui, &response, rect);
        if response.hovered() && self.drag.is_none() {
            marks::hover(&response, &plot, &self.lines, source);
        }
        events
    }

    /// Ctrl and wheel zoom at the pointer, Shift and wheel pan.
    fn wheel(&mut self, ui: &Ui, plot: &mut Plot, end_ms: f64, response: &Response) {
        if !response.hovered() {
            return;
        }
        let (zoom, scroll, pointer) =
            ui.input(|i| (f64::from(i.zoom_delta()), i.smooth_scroll_delta(), i.pointer.hover_pos()));
        let (from, to) = plot.visible_ms;
        let (from, to) = match pointer {
            Some(pointer) if zoom != 1.0 => {
                let at = plot.ms_at(pointer.x).clamp(from, to);
                let span = ((to - from) / zoom).max(SHORTEST_VISIBLE_MS);
                let from = at - (at - from) / (to - from) * span;
                (from, from + span)
            }
            _ if scroll.x != 0.0 && self.visible.is_some() => {
                let by = -f64::from(scroll.x) * plot.ms_per_point();
                (from + by, to + by)
            }
            _ => return,
        };
        self.show_part(plot, end_ms, (from, to));
    }

    /// Left and right pan, up and down zoom at the middle, while it has the keyboard.
    fn keys(&mut self, ui: &Ui, plot: &mut Plot, end_ms: f64, response: &Response) {
        if !response.has_focus() {
            return;
        }
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let (from, to) = plot.visible_ms;
        let span = to - from;
        let zoomed = |factor: f64| {
            let span = (span * factor).max(SHORTEST_VISIBLE_MS);
            let middle = (from + to) / 2.0;
            (middle - span / 2.0, middle + span / 2.0)
        };
        for (key, part) in [
            (Key::ArrowLeft, (from - span / 10.0, to - span / 10.0)),
            (Key::ArrowRight, (from + span / 10.0, to + span / 10.0)),
            (Key::ArrowUp, zoomed(0.5)),
            (Key::ArrowDown, zoomed(2.0)),
        ] {
            if ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
                self.show_part(plot, end_ms, part);
            }
        }
    }

    /// Shows a part of the run, as far as it goes.
    fn show_part(&mut self, plot: &mut Plot, end_ms: f64, (from, to): (f64, f64)) {
        let span = (to - from).min(end_ms);
        let from = from.clamp(0.0, end_ms - span);
        self.visible = (span < end_ms).then_some((from, from + span));
        plot.visible_ms = self.visible.unwrap_or((0.0, end_ms));
    }

    fn drag(&mut self, ui: &Ui, source: &Source<'_>, plot: &Plot, response: &Response, events: &mut Events) {
        let edge_near = |x: f32| {
            let range = source.range?;
            let distance = |moment: Moment| (plot.x(self.lines.place_ms(source, moment)) - x).abs();
            let (near, far) =
                if distance(range.from) < distance(range.to) { (range.from, range.to) } else { (range.to, range.from) };
            (distance(near) <= EDGE_POINTS).then_some(far)
        };
        if let Some(pointer) = response.hover_pos() {
            let is_edge = self.drag.is_none() && edge_near(pointer.x).is_some();
            ui.ctx().set_cursor_icon(if is_edge { CursorIcon::ResizeHorizontal } else { CursorIcon::Crosshair });
        }
        if response.drag_started_by(PointerButton::Primary)
            && let Some(origin) = ui.input(|i| i.pointer.press_origin())
        {
            let at = plot.ms_at(origin.x);
            let fixed = match edge_near(origin.x) {
                Some(edge) => Fixed::Edge(edge, self.lines.place_ms(source, edge)),
                None => Fixed::At(at),
            };
            self.drag = Some(Drag { fixed, moving_ms: at });
        }
        if let Some(drag) = &mut self.drag {
            if let Some(pointer) = response.interact_pointer_pos() {
                drag.moving_ms = plot.ms_at(pointer.x).clamp(0.0, self.lines.chosen_end_ms(source));
            }
            if response.drag_stopped() {
                events.range = Some(drag.range(source));
                self.drag = None;
            } else if !response.dragged() {
                self.drag = None;
            }
        }
    }

    /// Where the plot was.
    #[cfg(test)]
    pub(super) fn plot_rect(&self) -> egui::Rect {
        self.plot_rect.expect("shown at least once")
    }

    /// What the graph shows, for those who cannot see it.
    fn in_words(&self, source: &Source<'_>) -> String {
        let mut words = Vec::new();
        if source.is_provisional {
            words.push("still reading".to_owned());
        }
        let peak = |name: &str, (elapsed_ms, bytes): (i64, u64)| {
            format!("{name} peaks at {} after {}", format_bytes(bytes, source.units), format_elapsed(elapsed_ms))
        };
        words.extend(self.lines.high_water_mark.map(|mark| match mark {
            HighWaterMark::At(elapsed_ms, bytes) => peak("heap", (elapsed_ms, bytes)),
            HighWaterMark::Sometime(bytes) => {
                format!("heap peaks at {}, at a time not recorded", format_bytes(bytes, source.units))
            }
        }));
        words.extend(self.lines.rss.peak().map(|at| peak("RSS", at)));
        let end = if source.stops_early { "live when the recording stops" } else { "at the end" };
        words.push(format!("{} {end}", format_bytes(source.timeline.end_heap_bytes, source.units)));
        words.push(format!("ran {}", format_duration(self.lines.axis.end_ms())));
        words.extend(source.range.map(|range| {
            let at = |moment| format_elapsed(self.lines.elapsed_ms(source, moment));
            format!("{} to {} selected", at(range.from), at(range.to))
        }));
        words.extend(self.lines.over().and_then(Series::peak).map(|at| peak("the other\u{2019}s heap", at)));
        words.extend(
            source.moment.map(|moment| format!("{} selected", format_elapsed(self.lines.elapsed_ms(source, moment)))),
        );
        words.join(", ")
    }
}
