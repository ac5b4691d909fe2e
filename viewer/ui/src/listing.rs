// SPDX-License-Identifier: Apache-2.0
//! A list in columns: [`Listing`]. Rows are laid out only where they are visible, so a million cost what forty do. It
//! gives the table and the growth ranking one look, one keyboard and one way to be sorted.

use crate::cell;
use crate::focus;
use crate::theme::Palette;
use egui::{Align, EventFilter, Id, Key, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_table::{CellInfo, HeaderCellInfo, HeaderRow, Table, TableDelegate};

/// Even, so that the offsets of the first 1.5 million rows are exact in the scroll area's 32-bit floats.
const ROW_HEIGHT: f32 = 22.0;
const HEADER_HEIGHT: f32 = 26.0;
/// Between a cell's edge and what is in it.
const CELL_MARGIN: f32 = 8.0;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) name: &'static str,
    /// What it shows, on hover.
    pub(crate) hint: &'static str,
    /// How wide.
    pub(crate) width: Width,
    /// Where its heading stands.
    pub(crate) align: Align,
    /// Whether a click on its heading is of any use.
    pub(crate) is_sortable: bool,
}

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Width {
    /// In points.
    Fixed(f32),
    /// A share of what the fixed columns leave, at least so many points.
    Share(f32, f32),
}

/// What fills a listing.
pub(crate) trait Rows {
    /// What a screen reader says of a row.
    fn spoken(&self, row: usize) -> String;
    /// Paints one cell into `rect`.
    fn cell(&self, ui: &Ui, row: usize, column: usize, rect: Rect);
    /// Fills the tooltip.
    fn hover(&self, ui: &mut Ui, row: usize);
    /// Fills the menu of the secondary button; returns whether something was copied.
    fn menu(&self, ui: &mut Ui, row: usize) -> bool;
}

/// What the user did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ListingEvents {
    /// The row that was chosen by mouse or keyboard.
    pub(crate) chosen: Option<usize>,
    /// The column whose heading was clicked.
    pub(crate) sorted: Option<usize>,
    /// Whether something was copied to the clipboard.
    pub(crate) copied: bool,
}

/// A list in columns.
pub(crate) struct Listing<'a> {
    /// Tells it from others, and names it to screen readers.
    pub(crate) name: &'a str,
    /// From left to right.
    pub(crate) columns: &'a [Column],
    /// How many rows.
    pub(crate) row_count: usize,
    /// Sorted by this column; whether the largest comes first.
    pub(crate) sorted_by: Option<(usize, bool)>,
    /// Where the selected row is: it is lit, and the keyboard goes on from it.
    pub(crate) selected_row: Option<usize>,
    /// Brings this row into view.
    pub(crate) scroll_to: Option<usize>,
}

impl Listing<'_> {
    /// Fills the rest of `ui`.
    pub(crate) fn show(self, ui: &mut Ui, rows: &dyn Rows) -> ListingEvents {
        let palette = Palette::of(ui.visuals());
        let rect = ui.available_rect_before_wrap();
        let id = ui.scope_id().with(self.name);
        let body = ui.interact(rect, id, Sense::focusable_noninteractive());
        body.widget_info(|| WidgetInfo::labeled(Role::Table, true, self.name));
        let page = ((rect.height() - HEADER_HEIGHT) / ROW_HEIGHT).floor().max(1.0) as usize;
        let moved = self.moved_by_keyboard(ui, id, page);

        let columns: Vec<_> = widths(self.columns, rect.width())
            .into_iter()
            .map(|width| egui_table::Column::new(width).resizable(false))
            .collect();
        let mut table = Table::new()
            .id_salt(self.name)
            .num_rows(self.row_count as u64)
            .columns(columns)
            .headers([HeaderRow::new(HEADER_HEIGHT)])
            .auto_size_mode(egui_table::AutoSizeMode::Never);
        if let Some(row) = moved.or(self.scroll_to) {
            table = table.scroll_to_row(row as u64, None);
        }
        let mut delegate = Delegate {
            listing: &self,
            rows,
            palette,
            id,
            events: ListingEvents { chosen: moved, ..ListingEvents::default() },
        };
        table.show(ui, &mut delegate);
        let events = delegate.events;
        focus::ring(ui, &body, rect);
        if events.chosen.is_some() {
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        events
    }

    /// Where the arrow and page keys lead from the selected row.
    fn moved_by_keyboard(&self, ui: &Ui, id: Id, page: usize) -> Option<usize> {
        let focused = ui.memory(|memory| memory.focused());
        if focused.is_some_and(|focused| focused != id) || self.row_count == 0 {
            return None;
        }
        if focused.is_some() {
            let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        }
        let last = self.row_count - 1;
        let key = ui.input(|input| {
            [Key::ArrowUp, Key::ArrowDown, Key::PageUp, Key::PageDown, Key::Home, Key::End]
                .into_iter()
                .find(|key| input.key_pressed(*key) && input.modifiers.is_none())
        })?;
        let from = self.selected_row;
        Some(match (key, from) {
            (Key::Home, _) => 0,
            (Key::End, _) => last,
            (_, None) => 0,
            (Key::ArrowUp, Some(row)) => row.saturating_sub(1),
            (Key::ArrowDown, Some(row)) => (row + 1).min(last),
            (Key::PageUp, Some(row)) => row.saturating_sub(page),
            (_, Some(row)) => row.saturating_add(page).min(last),
        })
    }
}

/// The columns' widths in points: the fixed ones first, the rest shared.
fn widths(columns: &[Column], available: f32) -> Vec<f32> {
    let (mut fixed, mut shares) = (0.0, 0.0);
    for column in columns {
        match column.width {
            Width::Fixed(width) => fixed += width,
            Width::Share(share, _) => shares += share,
        }
    }
    let rest = (available - fixed).max(0.0);
    columns
        .iter()
        .map(|column| match column.width {
            Width::Fixed(width) => width,
            Width::Share(share, least) => (rest * share / shares).floor().max(least),
        })
        .collect()
}

struct Delegate<'a> {
    listing: &'a Listing<'a>,
    rows: &'a dyn Rows,
    palette: Palette,
    id: Id,
    events: ListingEvents,
}

impl TableDelegate for Delegate<'_> {
    fn default_row_height(&self) -> f32 {
        ROW_HEIGHT
    }

    fn header_cell_ui(&mut self, ui: &mut Ui, cell: &HeaderCellInfo) {
        let nr = cell.col_range.start;
        let Some(column) = self.listing.columns.get(nr) else { return };
        let rect = ui.max_rect();
        let sense = if column.is_sortable { Sense::click() } else { Sense::hover() };
        let response = ui.interact(rect, self.id.with(("heading", nr)), sense);
        let direction = self.listing.sorted_by.filter(|(by, _)| *by == nr).map(|(_, descending)| descending);
        response.widget_info(|| {
            let suffix = match direction {
                None => "",
                Some(true) => ", sorted, the largest first",
                Some(false) => ", sorted, the smallest first",
            };
            WidgetInfo::labeled(Role::ColumnHeader, true, format!("{}{suffix}", column.name))
        });
        let palette = &self.palette;
        focus::ring(ui, &response, rect);
        let is_lit = direction.is_some() || (column.is_sortable && response.hovered());
        let color = if is_lit { palette.text_strong } else { palette.text_weak };
        let inner = rect.shrink2(vec2(CELL_MARGIN, 0.0));
        let font = egui::TextStyle::Body.resolve(ui.style());
        let width = cell::text(ui.painter(), inner, column.align, column.name, font, color);
        if let Some(descending) = direction {
            // On the side where there is room, so that the heading stays above its cells.
            let x = if column.align == Align::Max { inner.right() - width - 9.0 } else { inner.left() + width + 9.0 };
            cell::triangle(ui.painter(), pos2(x, inner.center().y), !descending, palette.accent);
        }
        ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, egui::Stroke::new(1.0, palette.outline));
        if response.on_hover_text(column.hint).clicked() {
            self.events.sorted = Some(nr);
        }
    }

    fn row_ui(&mut self, ui: &mut Ui, row_nr: u64) {
        let row = row_nr as usize;
        // Called once more for the columns that do not scroll, of which there are none.
        if row >= self.listing.row_count || !ui.clip_rect().is_positive() {
            return;
        }
        let rect = ui.max_rect();
        let is_selected = self.listing.selected_row == Some(row);
        let response = ui.interact(rect, self.id.with(("row", row)), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Row, true, is_selected, self.rows.spoken(row)));
        self.paint_row(ui, rect, &response, is_selected);
        if response.clicked() {
            self.events.chosen = Some(row);
        }
        response.context_menu(|ui| self.events.copied |= self.rows.menu(ui, row));
        response.on_hover_ui_at_pointer(|ui| self.rows.hover(ui, row));
    }

    fn cell_ui(&mut self, ui: &mut Ui, cell: &CellInfo) {
        let row = cell.row_nr as usize;
        if row < self.listing.row_count {
            self.rows.cell(ui, row, cell.col_nr, ui.max_rect().shrink2(vec2(CELL_MARGIN, 0.0)));
        }
    }
}

impl Delegate<'_> {
    fn paint_row(&self, ui: &Ui, rect: Rect, response: &Response, is_selected: bool) {
        let selection = self.palette.selection;
        if is_selected {
            ui.painter().rect_filled(rect, 0.0, selection.gamma_multiply(0.22));
            ui.painter().rect_filled(rect.with_max_x(rect.left() + 2.0), 0.0, selection);
        } else if response.hovered() {
            ui.painter().rect_filled(rect, 0.0, self.palette.text.gamma_multiply(0.07));
        }
        focus::ring(ui, response, rect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width_and_none_is_squeezed_below_its_least() {
        let column = |width| Column { name: "", hint: "", width, align: Align::Min, is_sortable: true };
        let columns = [column(Width::Share(2.0, 100.0)), column(Width::Share(1.0, 80.0)), column(Width::Fixed(90.0))];
        assert_eq!(widths(&columns, 690.0), [400.0, 200.0, 90.0]);
        assert_eq!(widths(&columns, 120.0), [100.0, 80.0, 90.0]);
    }
}
