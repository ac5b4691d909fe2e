// SPDX-License-Identifier: Apache-2.0
//! What grew within a range, ranked: [`GrowthView`]. Each row shows its live bytes over the range as a sparkline, how
//! fast it grew, and its shape in a word, so that a leak is told from a cache that has filled.

mod order;
mod sparkline;

use crate::cell;
use crate::labels::Labels;
use crate::listing::{Column, Listing, Rows, Width};
use crate::row_name::RowName;
use crate::row_order::{RowOrder, Sort};
use crate::shown::shown;
use crate::theme::Palette;
use egui::{Align, Label, Rect, RichText, TextStyle, Ui, vec2};
use memray_index::{GrowthBy, GrowthRow, GrowthShape, RowKey};
use memray_report::escape::{csv_cell, visible};
use memray_report::size::{Units, format_bytes, format_bytes_exact, format_bytes_signed, format_count};
use order::{Arrangement, SortBy};
use sparkline::sparkline;
use std::fmt::Write as _;
use std::sync::Arc;

/// A ranking by growth, and how the user arranged it.
#[derive(Default)]
pub struct GrowthView {
    sort: Sort<SortBy>,
    order: RowOrder<GrowthRow, SortBy>,
    selected: Option<RowKey>,
}

/// What the ranking shows.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The rows, the largest growth first; or the sentence that says why there are none. Given anew only when they
    /// change, as the ranking tells by their address.
    pub rows: Result<&'a Arc<Vec<GrowthRow>>, &'a str>,
    /// By what they are ranked.
    pub by: GrowthBy,
    /// The range in words: `from 4.1 s to 41.3 s`.
    pub range: &'a str,
    /// Names of the rows.
    pub labels: &'a Arc<dyn Labels>,
    /// The selected row, which need not be among `rows`.
    pub selected: Option<RowKey>,
    /// How sizes are written.
    pub units: Units,
}

/// What the user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Selected a row.
    pub selected: Option<RowKey>,
    /// Asked for another ranking.
    pub by: Option<GrowthBy>,
    /// Copied something to the clipboard.
    pub copied: bool,
}

const RANKINGS: [(GrowthBy, &str, &str); 3] = [
    (GrowthBy::Inclusive, "Inclusive", "Functions with all that they called"),
    (GrowthBy::Own, "Own", "The lines that allocated, alone"),
    (GrowthBy::OwnCodeLine, "Own-code line", "The innermost line of the program's own code"),
];

/// A shape in a word.
pub fn shape_word(shape: GrowthShape) -> &'static str {
    match shape {
        GrowthShape::Steady => "steady",
        GrowthShape::Step => "step",
        GrowthShape::LevelledOff => "levelled off",
        GrowthShape::NotGrowing => "not growing",
    }
}

/// A slope: `+1.38 GiB/h`.
pub fn slope_words(bytes_per_hour: f64, units: Units) -> String {
    // `as` saturates, and makes 0 of what is not a number.
    format!("{}/h", format_bytes_signed(bytes_per_hour.round() as i64, units))
}

fn shape_hint(shape: GrowthShape) -> &'static str {
    match shape {
        GrowthShape::Steady => "Grew ever further, about evenly: what a leak looks like.",
        GrowthShape::Step => "Grew mostly at once.",
        GrowthShape::LevelledOff => "Grew at first, then no longer: what a cache that fills looks like.",
        GrowthShape::NotGrowing => "Did not grow, or shrank.",
    }
}

/// The ranking as CSV. Sizes are exact bytes.
pub fn csv_of(rows: &[GrowthRow], by: GrowthBy, labels: &dyn Labels) -> String {
    let mut out = String::from("function,file,line,bytes_before,bytes_after,slope_bytes_per_hour,shape\r\n");
    let cell = |text: &str| csv_cell(&visible(text)).into_owned();
    for row in rows {
        let name = RowName::of(row.key, by.group_by(), labels);
        let line = if name.line == 0 { String::new() } else { name.line.to_string() };
        let (before, after, slope) = (row.before.bytes, row.after.bytes, row.slope_bytes_per_hour);
        let shape = shape_word(row.shape);
        let (name, path) = (cell(&name.name), cell(&name.path));
        // Writing to a string cannot fail.
        let _ = write!(out, "{name},{path},{line},{before},{after},{slope:.0},{shape}\r\n");
    }
    out
}

impl GrowthView {
    /// Fills `ui` with a choice of rankings and the ranking.
    pub fn show(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let palette = Palette::of(ui.visuals());
        let mut events = Events::default();
        ui.horizontal(|ui| {
            ui.label(RichText::new("Rank").color(palette.text_weak));
            for (by, name, hint) in RANKINGS {
                if ui.selectable_label(by == source.by, name).on_hover_text(hint).clicked() {
                    events.by = Some(by).filter(|by| *by != source.by);
                }
            }
            let words = format!("Live bytes {}", shown(source.range));
            ui.add(Label::new(RichText::new(&words).color(palette.text_weak)).truncate()).on_hover_text(words);
        });
        ui.add_space(4.0);
        let rows = match source.rows {
            Ok(rows) if !rows.is_empty() => rows,
            Ok(_) => {
                message(ui, "Nothing grew in this range.");
                return events;
            }
            Err(refusal) => {
                message(ui, refusal);
                return events;
            }
        };
        let arrangement = Arrangement { rows: rows.clone(), sort: self.sort, hits: None };
        let (by, labels) = (source.by, source.labels);
        self.order.update(ui.ctx(), &arrangement, || {
            let (arrangement, labels) = (arrangement.clone(), labels.clone());
            move || order::order(&arrangement, by.group_by(), &*labels)
        });
        let visible = Ranked { source, rows, order: self.order.rows() };
        // A ranking has hundreds of rows, so a search of them is nothing.
        let selected_row = source
            .selected
            .and_then(|key| (0..visible.order.len()).find(|at| visible.row(*at).is_some_and(|row| row.key == key)));
        let is_new = source.selected != self.selected;
        self.selected = source.selected;
        let listing = Listing {
            name: "Growth",
            columns: &columns(ui.available_width()),
            row_count: visible.order.len(),
            sorted_by: COLUMNS.iter().position(|by| *by == Some(self.sort.by)).map(|at| (at, self.sort.is_descending)),
            selected_row,
            scroll_to: selected_row.filter(|_| is_new),
        };
        let listed = listing.show(ui, &visible);
        events.copied = listed.copied;
        events.selected = listed.chosen.and_then(|row| visible.row(row)).map(|row| row.key);
        if events.selected.is_some() {
            self.selected = events.selected;
        }
        if let Some(by) = listed.sorted.and_then(|column| *COLUMNS.get(column)?) {
            self.sort = self.sort.clicked(by);
        }
        events
    }
}

fn message(ui: &mut Ui, words: &str) {
    let palette = Palette::of(ui.visuals());
    ui.add_space(24.0);
    ui.vertical_centered(|ui| ui.label(RichText::new(words).color(palette.text_weak)));
}

const fn column(name: &'static str, hint: &'static str, width: Width, align: Align) -> Column {
    Column { name, hint, width, align, is_sortable: true }
}

/// A ranking narrower than this has narrower columns, so that names keep some room and none is cut off.
const NARROW: f32 = 880.0;
/// And one narrower than this, beside details that were made for a wider window, yet narrower ones.
const NARROWEST: f32 = 662.0;

const COLUMNS: [Option<SortBy>; 6] =
    [Some(SortBy::Name), None, Some(SortBy::Shape), Some(SortBy::Delta), Some(SortBy::Slope), Some(SortBy::After)];

/// What [`COLUMNS`] look like in a ranking of a width.
fn columns(width: f32) -> [Column; 6] {
    let is_narrowest = width < NARROWEST;
    let fixed = |wide, narrow, narrowest| {
        Width::Fixed(match width {
            _ if is_narrowest => narrowest,
            _ if width < NARROW => narrow,
            _ => wide,
        })
    };
    let curve_width = fixed(176.0, 96.0, 80.0);
    let curve = Column { is_sortable: false, ..column("Live bytes", "From zero to the most", curve_width, Align::Min) };
    [
        column("Function", "", Width::Share(1.0, if is_narrowest { 120.0 } else { 150.0 }), Align::Min),
        curve,
        column("Shape", "Steady is what a leak looks like; a cache levels off", fixed(104.0, 96.0, 96.0), Align::Min),
        column("Growth", "Live bytes at the end less those at the start", fixed(116.0, 110.0, 100.0), Align::Max),
        column("Slope", "Least-squares slope of the live bytes", fixed(128.0, 118.0, 108.0), Align::Max),
        column("At the end", "Live bytes at the end of the range", fixed(104.0, 92.0, 86.0), Align::Max),
    ]
}

struct Ranked<'a> {
    source: &'a Source<'a>,
    rows: &'a [GrowthRow],
    order: &'a [u32],
}

impl Ranked<'_> {
    fn row(&self, row: usize) -> Option<&GrowthRow> {
        self.rows.get(*self.order.get(row)? as usize)
    }

    fn name(&self, row: &GrowthRow) -> RowName<'_> {
        RowName::of(row.key, self.source.by.group_by(), &**self.source.labels)
    }
}

impl Rows for Ranked<'_> {
    fn spoken(&self, row: usize) -> String {
        self.row(row).map_or_else(String::new, |row| {
            let grown = format_bytes_signed(delta(row), self.source.units);
            format!("{} {grown}, {}", self.name(row).spoken(), shape_word(row.shape))
        })
    }

    fn cell(&self, ui: &Ui, row: usize, column: usize, rect: Rect) {
        let Some(row) = self.row(row) else { return };
        let palette = Palette::of(ui.visuals());
        let painter = ui.painter();
        let font = TextStyle::Body.resolve(ui.style());
        let size = font.size;
        let units = self.source.units;
        let delta = delta(row);
        let color = match delta.signum() {
            0 => palette.text_weak,
            1 => palette.more,
            _ => palette.less,
        };
        match COLUMNS.get(column).copied().flatten() {
            Some(SortBy::Name) => {
                let name = self.name(row);
                let width = cell::text(painter, rect, Align::Min, &name.shown(), font.clone(), palette.text_strong);
                let place = name.short_place();
                let rest = rect.with_min_x((rect.left() + width + 8.0).min(rect.right()));
                cell::text(painter, rest, Align::Min, &place, font, palette.text_weak);
            }
            None => {
                let rect = Rect::from_center_size(rect.center(), vec2(rect.width(), rect.height() - 6.0));
                let color = if row.shape == GrowthShape::Steady { palette.more } else { palette.rss };
                // What stays as it is needs no weight.
                sparkline(painter, rect, &row.live_bytes, color, delta != 0);
            }
            Some(SortBy::Shape) => {
                let color = if row.shape == GrowthShape::Steady { palette.more } else { palette.text_weak };
                cell::text(painter, rect, Align::Min, shape_word(row.shape), font, color);
            }
            Some(SortBy::Delta) => {
                if delta != 0 {
                    cell::triangle(painter, rect.left_center() + vec2(4.0, 0.0), delta > 0, color);
                }
                let rect = rect.with_min_x(rect.left() + 12.0);
                cell::quantity(painter, rect, &format_bytes_signed(delta, units), size, color, palette.text_weak);
            }
            Some(SortBy::Slope) => {
                // What fell again has a slope too, that would say the contrary.
                if row.shape != GrowthShape::NotGrowing {
                    let words = slope_words(row.slope_bytes_per_hour, units);
                    cell::quantity(painter, rect, &words, size, palette.text, palette.text_weak);
                }
            }
            Some(SortBy::After) => cell::quantity(
                painter,
                rect,
                &format_bytes(row.after.bytes, units),
                size,
                palette.text,
                palette.text_weak,
            ),
        }
    }

    fn hover(&self, ui: &mut Ui, row: usize) {
        let Some(row) = self.row(row) else { return };
        self.name(row).hover(ui);
        ui.label(format!("{} → {}", format_bytes_exact(row.before.bytes), format_bytes_exact(row.after.bytes)));
        ui.label(format!(
            "{} → {} allocations",
            format_count(row.before.allocations),
            format_count(row.after.allocations)
        ));
        ui.label(shape_hint(row.shape));
    }

    fn menu(&self, ui: &mut Ui, row: usize) -> bool {
        self.row(row).is_some_and(|row| self.name(row).copy_menu(ui, None))
    }
}

fn delta(row: &GrowthRow) -> i64 {
    row.after.bytes.saturating_sub(row.before.bytes)
}

#[cfg(test)]
mod tests;
