// SPDX-License-Identifier: Apache-2.0
//! Memory over time in bands, by module, function, line, thread, allocator or native library: [`BandsView`] draws them on
//! top of each other, so that they add up to the heap, and lists them beside. A band that is clicked becomes a filter, a
//! stretch that is dragged the range.

mod legend;
mod paint;
mod stack;
#[cfg(test)]
mod tests;

use crate::joined_buttons::{self, JoinedButton};
use crate::labels::Labels;
use crate::memory_graph::{TimeAxis, range_at};
use crate::row_name::RowName;
use crate::table_view::grouping_name;
use crate::theme::Palette;
use egui::{CursorIcon, PointerButton, Rect, Response, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};
use memray_index::{Bands, Charge, ChargedTo, Moment, RowKey, TimeRange, Timeline};
use memray_report::escape::{csv_cell, visible};
use memray_report::size::{Units, format_bytes};
use memray_report::time::{WallClock, format_elapsed};
use paint::{BandsPlot, Colours, Drawn, Marks};
use stack::Stack;
use std::fmt::Write as _;
use std::sync::Arc;

/// Bands at most: more colours are not told apart.
pub const MOST_BANDS: usize = 12;

/// Of the list beside the graph: at least and at most, and its share in between.
const LEGEND_WIDTH: (f32, f32) = (250.0, 360.0);
const LEGEND_SHARE: f32 = 0.3;
/// A view narrower than this leaves the list half of it.
const NARROW: f32 = 560.0;

/// Memory over time, in bands.
#[derive(Default)]
pub struct BandsView {
    stack: Option<(Arc<Bands>, Stack)>,
    /// The samples that are drawn, as long as that is the same part of the run in the same pixels.
    drawn: Option<Drawn>,
    colours: Colours,
    /// A range being dragged, in elapsed milliseconds: where it began and where it is.
    drag: Option<(f64, f64)>,
    /// The band under the pointer in the list.
    hovered_in_list: Option<usize>,
}

/// What is shown.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The bands.
    pub bands: &'a Arc<Bands>,
    /// What they are bands of.
    pub charge: Charge,
    /// The capture's times.
    pub timeline: &'a Timeline,
    /// Whether native stacks were recorded.
    pub has_native_stacks: bool,
    /// The part of the run that the memory graph shows, in elapsed milliseconds; all of it if `None`.
    pub visible_ms: Option<(f64, f64)>,
    /// The chosen range.
    pub range: Option<TimeRange>,
    /// The moment that was picked, where clicks into the graph pick moments and not bands.
    pub picked: Option<Moment>,
    /// The clock whose times the axis has; those since the start if `None`.
    pub times_of_day: Option<WallClock>,
    /// Names.
    pub labels: &'a dyn Labels,
    /// What a click on a band does, for its tooltip.
    pub click_words: &'a str,
    /// How sizes are written.
    pub units: Units,
}

/// What the user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Asked for other bands.
    pub charge: Option<Charge>,
    /// Clicked a band.
    pub only: Option<ChargedTo>,
    /// Dragged a range.
    pub range: Option<TimeRange>,
    /// Picked a moment.
    pub moment: Option<Moment>,
}

const CHOICES: [(Charge, &str); 6] = [
    (Charge::Module, "By the module of the innermost frame outside the standard library"),
    (Charge::Function, "By the innermost Python function"),
    (Charge::OwnCodeLine, "By the innermost line of your own code"),
    (Charge::Thread, "By the thread that allocated"),
    (Charge::Allocator, "By the allocator that was called"),
    (Charge::NativeLibrary, "By the innermost native library"),
];

/// Draws the choice of bands; the one that was chosen.
pub fn choose(ui: &mut Ui, charge: Charge, has_native_stacks: bool) -> Option<Charge> {
    let buttons = CHOICES.map(|(choice, help)| JoinedButton {
        label: grouping_name(choice.group_by()),
        help,
        refusal: (choice == Charge::NativeLibrary && !has_native_stacks)
            .then(|| "This capture has no native stacks. Record with --native to see libraries.".to_owned()),
        is_chosen: choice == charge,
    });
    let responses = joined_buttons::show(ui, "bands", &buttons);
    let clicked = responses.iter().position(egui::Response::clicked);
    clicked.map(|at| CHOICES[at].0).filter(|chosen| *chosen != charge)
}

/// Bands as CSV: a row for each sample and the end, a column for each band. Bytes are exact.
pub fn csv_of(bands: &Bands, charge: Charge, timeline: &Timeline, labels: &dyn Labels) -> String {
    let mut out = String::from("elapsed_ms");
    for band in &bands.bands {
        out.push(',');
        let name = RowName::of(band.key, charge.group_by(), labels);
        out.push_str(&csv_cell(&visible(&name.spoken())));
    }
    let others = &bands.others.1;
    out.push_str(if others.is_empty() { "\r\n" } else { ",others\r\n" });
    let axis = TimeAxis::new(timeline);
    for (at, elapsed_ms) in axis.elapsed_ms().iter().chain([&axis.end_ms()]).enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(out, "{elapsed_ms}");
        let columns = bands.bands.iter().map(|band| &band.live_bytes).chain([others]);
        for bytes in columns.filter_map(|bytes| bytes.get(at)) {
            let _ = write!(out, ",{bytes}");
        }
        out.push_str("\r\n");
    }
    out
}

impl BandsView {
    /// Fills `ui` with a choice of bands, the bands and a list of them.
    pub fn show(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let charge = choose(ui, source.charge, source.has_native_stacks);
        ui.add_space(6.0);
        Events { charge, ..self.show_bands(ui, source) }
    }

    /// Fills `ui` with the bands and a list of them.
    pub fn show_bands(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let mut events = Events::default();
        if self.stack.as_ref().is_none_or(|(bands, _)| !Arc::ptr_eq(bands, source.bands)) {
            let stack = Stack::new(source.bands, source.timeline);
            self.stack = Some((Arc::clone(source.bands), stack));
            self.drawn = None;
            self.colours.assign(source.charge, source.bands);
        }
        let Some((bands, stack)) = self.stack.take() else { return events };
        if stack.peak_bytes() == 0 {
            ui.add_space(24.0);
            let words = RichText::new("Nothing of this was live at any sample.");
            ui.vertical_centered(|ui| ui.label(words.color(Palette::of(ui.visuals()).text_weak)));
        } else {
            let room = ui.available_rect_before_wrap();
            let (least, most) = LEGEND_WIDTH;
            let width = (room.width() * LEGEND_SHARE).clamp(least, most);
            let legend_width = if room.width() < NARROW { room.width() / 2.0 } else { width };
            let (graph, list) = room.split_left_right_at_x(room.right() - legend_width);
            let (at, hovered) = self.graph(ui, graph, source, &stack, &mut events);
            let mut ui = ui.new_child(UiBuilder::new().max_rect(list.with_min_x(list.left() + 8.0)));
            let picked = source.picked.map(|moment| stack.sample_of(moment));
            let listed = legend::show(&mut ui, source, &stack, &self.colours, at.or(picked), hovered);
            if listed.hovered != self.hovered_in_list {
                self.hovered_in_list = listed.hovered;
                ui.ctx().request_repaint();
            }
            events.only = listed.only.or(events.only);
        }
        self.stack = Some((bands, stack));
        events
    }

    /// Draws the bands and takes what is done to them; the sample and the band under the pointer.
    fn graph(
        &mut self,
        ui: &Ui,
        rect: Rect,
        source: &Source<'_>,
        stack: &Stack,
        events: &mut Events,
    ) -> (Option<usize>, Option<usize>) {
        let response = ui.interact(rect, ui.scope_id().with("bands graph"), Sense::click_and_drag());
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::Canvas, true, "Bands");
            info.current_text_value = Some(in_words(source, stack));
            info
        });
        let end_ms = stack.end_ms().max(1) as f64;
        let visible_ms = source.visible_ms.unwrap_or((0.0, end_ms));
        let plot = BandsPlot::new(ui, rect, visible_ms, stack, source, &mut self.drawn);
        if let Some((from_ms, to_ms)) = self.drag(ui, &plot, end_ms, &response) {
            events.range = Some(range_at(source.timeline, from_ms, to_ms));
        }
        let pointer = response.hover_pos().filter(|pointer| plot.rect().contains(*pointer));
        let at = pointer.and_then(|pointer| plot.sample_at(pointer.x));
        let hovered = pointer.zip(at).and_then(|(pointer, at)| stack.band_at(at, plot.bytes_at(pointer.y)));
        let band = hovered.and_then(|band| source.bands.bands.get(band));
        let picked = source.picked.map(|moment| stack.sample_of(moment));
        if let Some(picked) = picked {
            let sample = at.filter(|_| response.clicked()).or_else(|| plot.stepped(ui, &response, picked));
            events.moment = sample.map(|sample| stack.moment_of(sample));
        }
        let takes_band = picked.is_none() && band.is_some();
        if pointer.is_some() {
            ui.ctx().set_cursor_icon(if takes_band { CursorIcon::PointingHand } else { CursorIcon::Crosshair });
        }
        if response.clicked()
            && takes_band
            && let Some(band) = band
        {
            events.only = Some(ChargedTo { charge: source.charge, key: band.key });
        }
        let of_range = |range: TimeRange| (stack.ms_of(range.from), stack.ms_of(range.to));
        let range_ms = self.drag.map(in_order).or_else(|| source.range.map(of_range));
        let marks = Marks { hovered: hovered.or(self.hovered_in_list), range_ms, sample: at, picked };
        plot.paint(ui, stack, source, &self.colours, marks);
        (at, hovered)
    }

    /// Goes on with a range being dragged; the range, once it is.
    fn drag(&mut self, ui: &Ui, plot: &BandsPlot, end_ms: f64, response: &Response) -> Option<(f64, f64)> {
        if response.drag_started_by(PointerButton::Primary)
            && let Some(origin) = ui.input(|input| input.pointer.press_origin())
        {
            let at = plot.ms_at(origin.x);
            self.drag = Some((at, at));
        }
        let (_, to) = self.drag.as_mut()?;
        if let Some(pointer) = response.interact_pointer_pos() {
            *to = plot.ms_at(pointer.x).clamp(0.0, end_ms);
        }
        let dragged = self.drag.filter(|_| response.drag_stopped()).map(in_order);
        if !response.dragged() {
            self.drag = None;
        }
        dragged
    }
}

fn in_order((one, other): (f64, f64)) -> (f64, f64) {
    (one.min(other), one.max(other))
}

/// The name of a band; `None` stands for the others.
fn band_name(source: &Source<'_>, key: Option<RowKey>) -> String {
    match key {
        Some(key) => RowName::of(key, source.charge.group_by(), source.labels).shown().into_owned(),
        None if source.bands.others.0 == 1 => "1 other".to_owned(),
        None => format!("{} others", source.bands.others.0),
    }
}

/// What the bands are, for those who cannot see them.
fn in_words(source: &Source<'_>, stack: &Stack) -> String {
    let largest = |band: usize| {
        let key = source.bands.bands.get(band).map(|band| band.key);
        let (elapsed_ms, bytes) = stack.largest(band);
        let (bytes, at) = (format_bytes(bytes, source.units), format_elapsed(elapsed_ms));
        format!("{} up to {bytes} after {at}", band_name(source, key))
    };
    (0..stack.band_count()).map(largest).collect::<Vec<_>>().join(", ")
}

/// A square of a band's colour.
fn swatch(ui: &Ui, rect: Rect, colour: egui::Color32) {
    ui.painter().rect_filled(Rect::from_center_size(rect.center(), vec2(10.0, 10.0)), 2.0, colour);
}
