// SPDX-License-Identifier: Apache-2.0
//! The table of two captures: [`DeltaTable`]. What each row had before, what it has after, and by how much it changed; the
//! largest change comes first, whichever way it goes. The cost of a frame depends on the visible rows alone.

mod csv;
mod order;
#[cfg(test)]
mod tests;

use crate::cell;
use crate::icicle::change_share;
use crate::labels::Labels;
use crate::listing::{Column, Listing, Rows, Width};
use crate::row_name::RowName;
use crate::row_order::{Found, Hits, RowOrder, Sort};
use crate::shown::shown_path;
use crate::table_view::choose_grouping;
use crate::theme::Palette;
use egui::{Align, Rect, RichText, TextStyle, Ui};
use memray_compare::{Change, Delta, DeltaKey, DeltaRow};
use memray_index::GroupBy;
use memray_report::comparison::glyph;
use memray_report::size::{
    Units, format_bytes, format_bytes_exact, format_bytes_signed, format_count_signed, format_counted,
};
use order::{Arrangement, SortBy};
use std::sync::Arc;

/// A table of two captures, and how the user arranged it.
#[derive(Default)]
pub(crate) struct DeltaTable {
    sort: Sort<SortBy>,
    order: RowOrder<DeltaRow, SortBy>,
    /// Where the selected row was found last.
    selected: Option<Found<DeltaKey>>,
}

/// What the table shows.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The rows; given anew only when they change, as the table tells by their address.
    pub(crate) rows: &'a Arc<Vec<DeltaRow>>,
    /// Of both answers.
    pub(crate) total: Delta,
    /// What rows stand for.
    pub(crate) group_by: GroupBy,
    /// Names of the rows.
    pub(crate) labels: &'a Arc<dyn Labels>,
    /// Only rows that match; all if `None`.
    pub(crate) hits: Option<&'a Hits>,
    /// The selected row, which need not be among `rows`.
    pub(crate) selected: Option<&'a DeltaKey>,
    /// How sizes are written.
    pub(crate) units: Units,
}

/// What the user did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Events {
    /// Selected a row.
    pub(crate) selected: Option<DeltaKey>,
    /// Asked for another grouping.
    pub(crate) group_by: Option<GroupBy>,
    /// Whether something was copied.
    pub(crate) copied: bool,
}

impl DeltaTable {
    /// What writes the rows that are shown as CSV, in their order, with exact bytes; `None` while that is not known.
    pub(crate) fn csv(
        &self,
        rows: &Arc<Vec<DeltaRow>>,
        group_by: GroupBy,
        labels: &Arc<dyn Labels>,
    ) -> Option<impl FnOnce() -> String + Send + 'static> {
        let (rows, order, labels) = (Arc::clone(rows), self.order.of(rows)?.to_vec(), Arc::clone(labels));
        Some(move || csv::table(&rows, &order, group_by, &*labels))
    }

    /// Fills `ui` with a bar of controls and the table.
    pub(crate) fn show(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let palette = Palette::of(ui.visuals());
        let mut events = Events::default();
        self.update_order(ui, source);
        ui.horizontal(|ui| {
            events.group_by = choose_grouping(ui, source.group_by);
            ui.label(RichText::new(self.order.in_words()).color(palette.text_weak));
        });
        ui.add_space(4.0);
        if self.order.rows().is_empty() {
            let words = if source.rows.is_empty() { "Nothing on either side." } else { "No row matches the search." };
            ui.add_space(24.0);
            ui.vertical_centered(|ui| ui.label(RichText::new(words).color(palette.text_weak)));
            return events;
        }
        let (selected_row, scroll_to) =
            self.order.find(&mut self.selected, source.selected, source.rows, |row, key| row.key == *key);
        let visible = VisibleRows { source, order: self.order.rows() };
        let columns = columns(source.group_by);
        let listing = Listing {
            name: "Changes",
            columns: &columns,
            row_count: visible.order.len(),
            sorted_by: SortBy::ALL.iter().position(|by| *by == self.sort.by).map(|at| (at, self.sort.is_descending)),
            selected_row,
            scroll_to,
        };
        let listed = listing.show(ui, &visible);
        if let Some(row) = listed.chosen
            && let Some(key) = visible.row(row).map(|row| row.key.clone())
        {
            self.selected = Some(self.order.found(key.clone(), Some(row)));
            events.selected = Some(key);
        }
        events.copied = listed.copied;
        if let Some(by) = listed.sorted.and_then(|column| SortBy::ALL.get(column)) {
            self.sort = self.sort.clicked(*by);
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
}

/// The columns, in the order of [`SortBy::ALL`].
fn columns(group_by: GroupBy) -> [Column; 7] {
    let name = match group_by {
        GroupBy::Location | GroupBy::Function | GroupBy::OwnCodeLine => "Function",
        GroupBy::File => "File",
        GroupBy::Module => "Module",
        GroupBy::Thread => "Thread",
        GroupBy::Allocator => "Allocator",
        GroupBy::NativeLibrary => "Library",
    };
    let column = |name, hint, width, align| Column { name, hint, width, align, is_sortable: true };
    let number = |name, hint, width| column(name, hint, Width::Fixed(width), Align::Max);
    [
        column(name, "", Width::Share(3.0, 130.0), Align::Min),
        column("Place", "Where it is in the source", Width::Share(3.0, 100.0), Align::Min),
        number("Before", "Bytes in A, with all that it called", 100.0),
        number("After", "Bytes in B, with all that it called", 100.0),
        number("\u{394}", "By how many bytes it changed; sorted whichever way it goes", 128.0),
        number("\u{394} %", "The change as a share of what was before", 96.0),
        number("\u{394} allocations", "By how many allocations it changed", 126.0),
    ]
}

/// The rows as the listing asks for them.
struct VisibleRows<'a> {
    source: &'a Source<'a>,
    order: &'a [u32],
}

impl VisibleRows<'_> {
    fn row(&self, row: usize) -> Option<&DeltaRow> {
        self.source.rows.get(*self.order.get(row)? as usize)
    }

    fn name<'a>(&'a self, row: &'a DeltaRow) -> RowName<'a> {
        RowName::of_delta(&row.key, self.source.group_by, &**self.source.labels)
    }

    fn change(&self, row: &DeltaRow) -> Change {
        row.change(self.source.total)
    }
}

impl Rows for VisibleRows<'_> {
    fn spoken(&self, row: usize) -> String {
        self.row(row).map_or_else(String::new, |row| {
            let bytes = format_bytes_signed(row.inclusive.bytes(), self.source.units);
            let share = change_share(self.change(row), row.inclusive);
            format!("{} {bytes}, {share}", self.name(row).spoken())
        })
    }

    fn cell(&self, ui: &Ui, row: usize, column: usize, rect: Rect) {
        let (Some(row), Some(by)) = (self.row(row), SortBy::ALL.get(column)) else { return };
        let palette = Palette::of(ui.visuals());
        let painter = ui.painter();
        let font = TextStyle::Body.resolve(ui.style());
        let size = font.size;
        let (change, delta) = (self.change(row), row.inclusive);
        let quantity = |words: &str, color| cell::quantity(painter, rect, words, size, color, palette.text_weak);
        let side = |bytes: i64| match bytes {
            0 => cell::quantity(painter, rect, "\u{2013}", size, palette.text_weak, palette.text_weak),
            bytes => quantity(&format_bytes(bytes, self.source.units), palette.text),
        };
        match by {
            SortBy::Name => {
                let color = if row.key == DeltaKey::None { palette.text_weak } else { palette.text_strong };
                let mut rest = rect;
                if change != Change::Neutral {
                    let sign = rect.with_max_x(rect.left() + SIGN_WIDTH);
                    let color = palette.change_text(change);
                    cell::text(painter, sign, Align::Min, &glyph(change).to_string(), font.clone(), color);
                }
                rest.min.x += SIGN_WIDTH;
                cell::text(painter, rest, Align::Min, &self.name(row).shown(), font, color);
            }
            SortBy::Place => {
                let name = self.name(row);
                // About how many characters of this face fit.
                let room = (rect.width() / (size * 0.53)) as usize;
                let line = name.line.checked_ilog10().map_or(0, |digits| digits as usize + 2);
                let path = shown_path(&name.path, room.saturating_sub(line));
                cell::text(painter, rect, Align::Min, &name.with_line(&path), font, palette.text_weak);
            }
            SortBy::Before => side(delta.before.bytes),
            SortBy::After => side(delta.after.bytes),
            SortBy::Change => {
                quantity(&format_bytes_signed(delta.bytes(), self.source.units), palette.change_text(change));
            }
            SortBy::Share => match change {
                Change::New | Change::Vanished => {
                    let words = change_share(change, delta);
                    cell::text(painter, rect, Align::Max, &words, font, palette.change_text(change));
                }
                _ => quantity(&change_share(change, delta), palette.text),
            },
            SortBy::Allocations => quantity(&format_count_signed(delta.allocations()), palette.text),
        }
    }

    fn hover(&self, ui: &mut Ui, row: usize) {
        let Some(row) = self.row(row) else { return };
        self.name(row).hover(ui);
        ui.label(exact("Before", row.inclusive.before));
        ui.label(exact("After", row.inclusive.after));
        ui.label(format!("Own change: {}", format_bytes_signed(row.own.bytes(), self.source.units)));
    }

    fn menu(&self, ui: &mut Ui, row: usize) -> bool {
        let Some(row) = self.row(row) else { return false };
        let name = self.name(row);
        let words = || {
            let delta = row.inclusive;
            format!("{}: {}; {}", name.spoken(), exact("before", delta.before), exact("after", delta.after))
        };
        name.copy_menu(ui, Some(&words))
    }
}

/// Of the sign before a name.
const SIGN_WIDTH: f32 = 16.0;

/// All digits: `Before: 4,311,220,992 B in 1,204,311 allocations`.
fn exact(side: &str, amount: memray_index::Amount) -> String {
    let allocations = format_counted(amount.allocations, "allocation");
    format!("{side}: {} in {allocations}", format_bytes_exact(amount.bytes))
}
