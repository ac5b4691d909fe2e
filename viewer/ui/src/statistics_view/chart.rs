// SPDX-License-Identifier: Apache-2.0
//! Bars under a heading: [`Chart`], such as the sizes of allocations or the largest locations. Some have two forms.

use crate::cell;
use crate::labels::Labels;
use crate::row_name::RowName;
use crate::shown::shown;
use crate::theme::Palette;
use egui::{Align, Rect, RichText, Role, Sense, TextStyle, Ui, WidgetInfo, vec2};
use memray_index::{GroupBy, LocationId, RowKey, Statistics, StatisticsRow, StringId};
use memray_report::size::{Units, format_bytes, format_count, format_counted, format_share_precise};
use std::cmp::Reverse;

/// How many charts there are.
pub(super) const CHARTS: usize = 4;

/// So many locations and modules are shown.
const LARGEST: usize = 10;

/// Bars under a heading.
pub(super) struct Chart {
    pub(super) title: &'static str,
    forms: Vec<Form>,
}

struct Form {
    name: &'static str,
    bars: Vec<Bar>,
}

struct Bar {
    name: String,
    /// Beside the name, weaker.
    place: String,
    value: String,
    hint: String,
    length: u64,
    key: Option<RowKey>,
}

/// Every chart, in the order shown.
pub(super) fn charts(statistics: &Statistics, labels: &dyn Labels, units: Units) -> [Chart; CHARTS] {
    let location = |location: LocationId| {
        let key = if location == LocationId::NONE { RowKey::None } else { RowKey::Location(location) };
        let name = RowName::of(key, GroupBy::Location, labels);
        (name.shown().into_owned(), name.short_place(), key)
    };
    let module = |key: StringId| (shown(&labels.string(key)).into_owned(), String::new(), RowKey::Module(key));
    [
        Chart {
            title: "Sizes of allocations",
            forms: vec![
                Form { name: "ten bins", bars: ten_bins(statistics, units) },
                Form { name: "powers of two", bars: powers_of_two(statistics, units) },
            ],
        },
        Chart { title: "Allocators", forms: vec![Form { name: "", bars: allocators(statistics) }] },
        Chart { title: "Largest locations", forms: ranked(&statistics.top_locations, location, statistics, units) },
        Chart { title: "Largest modules", forms: ranked(&statistics.top_modules, module, statistics, units) },
    ]
}

fn count_bar(name: String, allocations: u64, statistics: &Statistics) -> Bar {
    let share = format_share_precise(allocations, statistics.allocations);
    Bar {
        name,
        place: String::new(),
        value: format_count(allocations),
        hint: format!("{}, {share} of all", format_counted(allocations, "allocation")),
        length: allocations,
        key: None,
    }
}

fn ten_bins(statistics: &Statistics, units: Units) -> Vec<Bar> {
    let size = |bytes| format_bytes(bytes, units);
    let bin = |bin: &memray_index::SizeBin| {
        count_bar(format!("{} – {}", size(bin.min_bytes), size(bin.max_bytes)), bin.allocations, statistics)
    };
    statistics.histogram.iter().map(bin).collect()
}

/// From the first power that occurs to the last.
fn powers_of_two(statistics: &Statistics, units: Units) -> Vec<Bar> {
    let buckets = &statistics.size_buckets;
    let Some(first) = buckets.iter().position(|count| *count > 0) else { return Vec::new() };
    let last = buckets.iter().rposition(|count| *count > 0).unwrap_or(first);
    let bar = |(row, count): (usize, &u64)| {
        let name = match row {
            0 => "0 B".to_owned(),
            // A size has 64 bits, so there are no rows beyond.
            _ => format!("from {}", format_bytes(1_u128.checked_shl(row as u32 - 1).unwrap_or(0) as i128, units)),
        };
        count_bar(name, *count, statistics)
    };
    buckets.iter().enumerate().take(last + 1).skip(first).map(bar).collect()
}

fn allocators(statistics: &Statistics) -> Vec<Bar> {
    let bar = |(allocator, count): &(memray_format::Allocator, u64)| {
        let bar = count_bar(allocator.name().to_owned(), *count, statistics);
        Bar { key: Some(RowKey::Allocator(*allocator)), ..bar }
    };
    statistics.allocators.iter().map(bar).collect()
}

/// The largest by bytes and by allocations.
fn ranked<Key: Copy>(
    rows: &[StatisticsRow<Key>],
    name: impl Fn(Key) -> (String, String, RowKey),
    statistics: &Statistics,
    units: Units,
) -> Vec<Form> {
    let bar = |row: &StatisticsRow<Key>, by_bytes: bool| {
        let (name, place, key) = name(row.key);
        let (bytes, allocations) = (format_bytes(row.bytes, units), format_counted(row.allocations, "allocation"));
        let share = if by_bytes {
            format_share_precise(row.bytes, statistics.bytes)
        } else {
            format_share_precise(row.allocations, statistics.allocations)
        };
        Bar {
            name,
            place,
            value: if by_bytes { bytes.clone() } else { format_count(row.allocations) },
            hint: format!("{bytes} in {allocations}, {share} of all"),
            length: if by_bytes { row.bytes } else { row.allocations },
            key: Some(key),
        }
    };
    let largest = |by_bytes: bool| -> Vec<Bar> {
        let mut order: Vec<&StatisticsRow<Key>> = rows.iter().collect();
        order.sort_by_key(|row| Reverse(if by_bytes { row.bytes } else { row.allocations }));
        order.into_iter().take(LARGEST).map(|row| bar(row, by_bytes)).collect()
    };
    vec![Form { name: "by bytes", bars: largest(true) }, Form { name: "by allocations", bars: largest(false) }]
}

impl Chart {
    fn form(&self, chosen: usize) -> Option<&Form> {
        self.forms.get(chosen).or(self.forms.first())
    }

    /// The choice of forms, from right to left.
    pub(super) fn choice(&self, ui: &mut Ui, chosen: &mut usize) {
        if self.forms.len() < 2 {
            return;
        }
        for (at, form) in self.forms.iter().enumerate().rev() {
            let is_chosen = at == *chosen;
            let response = ui.selectable_label(is_chosen, form.name);
            // Several charts have forms of one name.
            let spoken =
                || WidgetInfo::selected(Role::Button, true, is_chosen, format!("{} {}", self.title, form.name));
            response.widget_info(spoken);
            if response.clicked() {
                *chosen = at;
            }
        }
    }

    /// The bars; returns what was clicked.
    pub(super) fn bars(&self, ui: &mut Ui, chosen: usize) -> Option<RowKey> {
        let palette = Palette::of(ui.visuals());
        let form = self.form(chosen)?;
        if form.bars.is_empty() {
            ui.label(RichText::new("No allocations.").color(palette.text_weak));
        }
        let longest = form.bars.iter().map(|bar| bar.length).max().unwrap_or(0).max(1);
        let mut clicked = None;
        for bar in &form.bars {
            if bar.show(ui, longest, &palette) {
                clicked = bar.key;
            }
        }
        clicked
    }

    pub(super) fn push_text(&self, out: &mut String, chosen: usize) {
        let Some(form) = self.form(chosen) else { return };
        out.push_str(self.title);
        if !form.name.is_empty() {
            out.push_str(", ");
            out.push_str(form.name);
        }
        out.push('\n');
        for bar in &form.bars {
            out.push_str("  ");
            out.push_str(&bar.name);
            if !bar.place.is_empty() {
                out.push(' ');
                out.push_str(&bar.place);
            }
            out.push_str(": ");
            out.push_str(&bar.hint);
            out.push('\n');
        }
        out.push('\n');
    }
}

const ROW_HEIGHT: f32 = 20.0;
const VALUE_WIDTH: f32 = 92.0;
/// Room for a range of sizes.
const NAME_WIDTH: f32 = 146.0;

impl Bar {
    /// Returns whether it was clicked.
    fn show(&self, ui: &mut Ui, longest: u64, palette: &Palette) -> bool {
        let font = TextStyle::Body.resolve(ui.style());
        let sense = if self.key.is_some() { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), sense);
        let role = if self.key.is_some() { Role::Button } else { Role::Label };
        response
            .widget_info(|| WidgetInfo::labeled(role, true, format!("{} {} {}", self.name, self.place, self.value)));
        if self.key.is_some() && (response.hovered() || response.has_focus()) {
            ui.painter().rect_filled(rect.expand2(vec2(4.0, 0.0)), 2.0, palette.text.gamma_multiply(0.07));
        }
        // A name with a place needs more room than a range of sizes, of which none is cut.
        let name_width = if self.place.is_empty() { (rect.width() * 0.36).max(NAME_WIDTH) } else { rect.width() * 0.5 };
        let (name, rest) = rect.split_left_right_at_x(rect.left() + name_width.floor());
        let (track, value) = rest.split_left_right_at_x((rest.right() - VALUE_WIDTH).max(rest.left()));
        let name = name.with_max_x(name.right() - 8.0);
        let width = cell::text(ui.painter(), name, Align::Min, &self.name, font.clone(), palette.text);
        let place = name.with_min_x((name.left() + width + 6.0).min(name.right()));
        cell::text(ui.painter(), place, Align::Min, &self.place, font.clone(), palette.text_weak);
        let track = Rect::from_center_size(track.center(), vec2(track.width(), 8.0));
        cell::bar(ui.painter(), track, self.length as f32 / longest as f32, palette.heap, palette);
        cell::quantity(ui.painter(), value, &self.value, font.size, palette.text, palette.text_weak);
        response.on_hover_text(format!("{} {}\n{}", self.name, self.place, self.hint)).clicked()
    }
}
