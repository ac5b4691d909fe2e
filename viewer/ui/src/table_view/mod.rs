// SPDX-License-Identifier: Apache-2.0
//! The table of an answer: [`TableView`]. It groups by what the user chooses, sorts by any column, shows only rows that
//! match the search, and copies itself as CSV. The cost of a frame depends on the visible rows alone.

mod columns;
mod csv;
mod order;

pub use crate::row_order::Hits;

use crate::background::{Background, Poll};
use crate::cell;
use crate::function_menu::{self, FunctionAction};
use crate::labels::Labels;
use crate::listing::{Listing, Rows};
use crate::row_name::RowName;
use crate::row_order::{Found, RowOrder, Sort};
use crate::shown::shown_path;
use crate::theme::Palette;
use columns::Columns;
use egui::{Align, ComboBox, Rect, RichText, TextStyle, Ui, vec2};
use memray_index::{Amount, GroupBy, LocationId, Row, RowKey};
use memray_report::size::{
    Units, format_bytes, format_bytes_exact, format_count, format_counted, format_share_precise,
};
use order::{Arrangement, SortBy};
use std::cell::Cell;
use std::sync::Arc;

/// A table, and how the user arranged it.
#[derive(Default)]
pub struct TableView {
    sort: Sort<SortBy>,
    order: RowOrder<Row, SortBy>,
    /// Where the selected row was found last.
    selected: Option<Found<RowKey>>,
    copying: Option<Background<String>>,
}

/// What the table shows.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The rows; given anew only when they change, as the table tells by their address.
    pub rows: &'a Arc<Vec<Row>>,
    /// What shares are shares of.
    pub total: Amount,
    /// What rows stand for.
    pub group_by: GroupBy,
    /// Names of the rows.
    pub labels: &'a Arc<dyn Labels>,
    /// Only rows that match; all if `None`.
    pub hits: Option<&'a Hits>,
    /// The selected row, which need not be among `rows`.
    pub selected: Option<RowKey>,
    /// How sizes are written.
    pub units: Units,
}

/// What the user did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// Selected a row.
    pub selected: Option<RowKey>,
    /// Asked for another grouping.
    pub group_by: Option<GroupBy>,
    /// Asked this about the function of a row.
    pub function: Option<(RowKey, FunctionAction)>,
    /// So much was copied to the clipboard, for the window to say so.
    pub copied: Option<Copied>,
}

/// What was copied.
#[derive(Clone, Debug, PartialEq)]
pub enum Copied {
    /// The table, with so many rows.
    Table(usize),
    /// A name or place.
    Text,
}

/// The groupings and their names, in the order offered.
pub const GROUPINGS: [(GroupBy, &str); 8] = [
    (GroupBy::Location, "Location"),
    (GroupBy::Function, "Function"),
    (GroupBy::File, "File"),
    (GroupBy::Module, "Module"),
    (GroupBy::OwnCodeLine, "Own-code line"),
    (GroupBy::Thread, "Thread"),
    (GroupBy::Allocator, "Allocator"),
    (GroupBy::NativeLibrary, "Native library"),
];

/// The name of a grouping.
pub(crate) fn grouping_name(group_by: GroupBy) -> &'static str {
    GROUPINGS.iter().find(|(by, _)| *by == group_by).map_or("", |(_, name)| name)
}

/// Draws the choice of a grouping; another than the present one, if it was chosen.
pub(crate) fn choose_grouping(ui: &mut Ui, present: GroupBy) -> Option<GroupBy> {
    let palette = Palette::of(ui.visuals());
    let label = ui.label(RichText::new("Group by").color(palette.text_weak));
    let mut chosen = present;
    ComboBox::from_id_salt("group by")
        .selected_text(grouping_name(present))
        .width(130.0)
        // All groupings at once, without scrolling.
        .height(400.0)
        .show_ui(ui, |ui| {
            for (group_by, name) in GROUPINGS {
                ui.selectable_value(&mut chosen, group_by, name);
            }
        })
        .response
        .labelled_by(label.id);
    Some(chosen).filter(|chosen| *chosen != present)
}

impl TableView {
    /// What writes the rows that are shown as CSV, in their order, with exact bytes; `None` while that is not known.
    pub fn csv(
        &self,
        rows: &Arc<Vec<Row>>,
        group_by: GroupBy,
        labels: &Arc<dyn Labels>,
    ) -> Option<impl FnOnce() -> String + Send + 'static> {
        let (rows, order, labels) = (Arc::clone(rows), self.order.of(rows)?.to_vec(), Arc::clone(labels));
        Some(move || csv::table(&rows, &order, group_by, &*labels))
    }

    /// Fills `ui` with a bar of controls and the table.
    pub fn show(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let mut events = Events::default();
        self.update_order(ui, source);
        self.controls(ui, source, &mut events);
        ui.add_space(4.0);
        let order = self.order.rows();
        if order.is_empty() {
            let palette = Palette::of(ui.visuals());
            let words =
                if source.rows.is_empty() { "No memory in this selection." } else { "No row matches the search." };
            ui.add_space(24.0);
            ui.vertical_centered(|ui| ui.label(RichText::new(words).color(palette.text_weak)));
            return events;
        }
        let (selected_row, scroll_to) =
            self.order.find(&mut self.selected, source.selected.as_ref(), source.rows, |row, key| row.key == *key);
        let columns = Columns::of(source.group_by, ui.available_width());
        let visible = VisibleRows { source, order: self.order.rows(), columns: &columns, function: Cell::default() };
        let sorted_by = columns.position(self.sort.by).map(|at| (at, self.sort.is_descending));
        let listing = Listing {
            name: "Table",
            columns: columns.listed(),
            row_count: visible.order.len(),
            sorted_by,
            selected_row,
            scroll_to,
        };
        let listed = listing.show(ui, &visible);
        events.function = visible.function.take();
        if let Some(row) = listed.chosen
            && let Some(key) = visible.row(row).map(|row| row.key)
        {
            self.selected = Some(self.order.found(key, Some(row)));
            events.selected = Some(key);
        }
        if listed.copied {
            events.copied = Some(Copied::Text);
        }
        if let Some(by) = listed.sorted.and_then(|column| columns.sort_by(column)) {
            self.sort = self.sort.clicked(by);
        }
        events
    }

    fn update_order(&mut self, ui: &Ui, source: &Source<'_>) {
        let arrangement = Arrangement { rows: source.rows.clone(), sort: self.sort, hits: source.hits.cloned() };
        let (group_by, labels) = (source.group_by, source.labels);
        self.order.update(ui.ctx(), &arrangement, || {
            let (arrangement, labels) = (arrangement.clone(), labels.clone());
            move || order::order(&arrangement, group_by, &*labels)
        });
    }

    fn controls(&mut self, ui: &mut Ui, source: &Source<'_>, events: &mut Events) {
        let palette = Palette::of(ui.visuals());
        ui.horizontal(|ui| {
            events.group_by = choose_grouping(ui, source.group_by);
            ui.label(RichText::new(self.order.in_words()).color(palette.text_weak));
            ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
                self.copy_button(ui, source, events);
            });
        });
    }

    /// A table of a million rows makes 100 MB of CSV, so it is written on another thread.
    fn copy_button(&mut self, ui: &mut Ui, source: &Source<'_>, events: &mut Events) {
        let done = self.copying.as_ref().map(Background::poll);
        match done {
            Some(Poll::Ready(text)) => {
                ui.ctx().copy_text(text);
                events.copied = Some(Copied::Table(self.order.rows().len()));
                self.copying = None;
            }
            Some(Poll::Failed) => self.copying = None,
            _ => {}
        }
        let words = if self.copying.is_some() { "Copying…" } else { "Copy as CSV" };
        let csv = self.csv(source.rows, source.group_by, source.labels);
        let button = ui.add_enabled(self.copying.is_none() && csv.is_some(), egui::Button::new(words));
        if button.on_hover_text("The rows shown, with exact bytes").clicked() {
            self.copying = csv.map(|csv| Background::start(ui.ctx(), "csv", csv));
        }
    }
}

/// The rows as the listing asks for them.
struct VisibleRows<'a> {
    source: &'a Source<'a>,
    order: &'a [u32],
    columns: &'a Columns,
    /// What was asked about the function of a row.
    function: Cell<Option<(RowKey, FunctionAction)>>,
}

impl VisibleRows<'_> {
    fn row(&self, row: usize) -> Option<&Row> {
        self.source.rows.get(*self.order.get(row)? as usize)
    }

    fn name(&self, row: &Row) -> RowName<'_> {
        RowName::of(row.key, self.source.group_by, &**self.source.labels)
    }
}

impl Rows for VisibleRows<'_> {
    fn spoken(&self, row: usize) -> String {
        self.row(row).map_or_else(String::new, |row| {
            format!("{} {}", self.name(row).spoken(), format_bytes(row.inclusive.bytes, self.source.units))
        })
    }

    fn cell(&self, ui: &Ui, row: usize, column: usize, rect: Rect) {
        let (Some(row), Some(by)) = (self.row(row), self.columns.sort_by(column)) else { return };
        let palette = Palette::of(ui.visuals());
        let painter = ui.painter();
        let font = TextStyle::Body.resolve(ui.style());
        let size = font.size;
        let bytes = |rect, bytes: i64| {
            let color = if bytes == 0 { palette.text_weak } else { palette.text };
            cell::quantity(painter, rect, &format_bytes(bytes, self.source.units), size, color, palette.text_weak);
        };
        match by {
            SortBy::Name => {
                let color = if row.key == RowKey::None { palette.text_weak } else { palette.text_strong };
                cell::text(painter, rect, Align::Min, &self.name(row).shown(), font, color);
            }
            SortBy::Place => {
                let name = self.name(row);
                // About how many characters of this face fit.
                let room = (rect.width() / (size * 0.53)) as usize;
                let line = name.line.checked_ilog10().map_or(0, |digits| digits as usize + 2);
                let path = shown_path(&name.path, room.saturating_sub(line));
                cell::text(painter, rect, Align::Min, &name.with_line(&path), font, palette.text_weak);
            }
            SortBy::Inclusive => {
                let (left, right) = rect.split_left_right_at_x(rect.left() + columns::BYTES_WIDTH);
                bytes(left, row.inclusive.bytes);
                let total = self.source.total.bytes;
                let share = row.inclusive.bytes as f32 / total as f32;
                let (track, text) = right.split_left_right_at_x(right.right() - columns::PERCENT_WIDTH);
                if track.width() > 24.0 {
                    let center = track.center() + vec2(6.0, 0.0);
                    let track = Rect::from_center_size(center, vec2(track.width() - 12.0, 6.0));
                    let color = if share < 0.0 { palette.less } else { palette.heap };
                    cell::bar(painter, track, share.abs(), color, &palette);
                }
                let words = format_share_precise(row.inclusive.bytes, total);
                cell::quantity(painter, text, &words, size, palette.text, palette.text_weak);
            }
            SortBy::Own => bytes(rect, row.own.bytes),
            SortBy::Allocations => {
                cell::quantity(
                    painter,
                    rect,
                    &format_count(row.inclusive.allocations),
                    size,
                    palette.text,
                    palette.text_weak,
                );
            }
        }
    }

    fn hover(&self, ui: &mut Ui, row: usize) {
        let Some(row) = self.row(row) else { return };
        self.name(row).hover(ui);
        ui.label(format!(
            "{}, {} of the total",
            exact(row.inclusive),
            format_share_precise(row.inclusive.bytes, self.source.total.bytes)
        ));
        if self.columns.position(SortBy::Own).is_some() {
            ui.label(format!("Own: {}", exact(row.own)));
        }
    }

    fn menu(&self, ui: &mut Ui, row: usize) -> bool {
        let Some(row) = self.row(row) else { return false };
        let name = self.name(row);
        let is_copied = name.copy_menu(ui, Some(&|| format!("{}: {}", name.spoken(), exact(row.inclusive))));
        if let RowKey::Location(LocationId(1..)) | RowKey::Function(..) = row.key {
            ui.separator();
            if let Some(action) = function_menu::show(ui) {
                self.function.set(Some((row.key, action)));
            }
        }
        is_copied
    }
}

/// All digits: `4,311,220,992 B in 1,204,311 allocations`.
fn exact(amount: Amount) -> String {
    format!("{} in {}", format_bytes_exact(amount.bytes), format_counted(amount.allocations, "allocation"))
}

#[cfg(test)]
mod tests;
