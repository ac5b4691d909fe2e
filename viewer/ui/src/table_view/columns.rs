// SPDX-License-Identifier: Apache-2.0
//! Which columns a table has: [`Columns`]. Rows that part the stacks have no own bytes beside the inclusive ones, and
//! threads lie in no file.

use super::order::SortBy;
use crate::listing::{Column, Width};
use egui::Align;
use memray_index::GroupBy;

/// Of a size within the column of inclusive bytes.
pub(super) const BYTES_WIDTH: f32 = 84.0;
/// A table narrower than this keeps the room for names.
const NARROW: f32 = 800.0;
/// Of a share within it.
pub(super) const PERCENT_WIDTH: f32 = 58.0;

/// A table's columns, from left to right.
pub(super) struct Columns {
    meanings: Vec<SortBy>,
    listed: Vec<Column>,
}

impl Columns {
    /// Those of a grouping, in a table of a width: a narrow one has no bars.
    pub(super) fn of(group_by: GroupBy, width: f32) -> Self {
        let parts_stacks = group_by.parts_stacks();
        let mut columns = Self { meanings: Vec::new(), listed: Vec::new() };
        let name = match group_by {
            GroupBy::Location | GroupBy::Function | GroupBy::OwnCodeLine => "Function",
            GroupBy::File => "File",
            GroupBy::Module => "Module",
            GroupBy::Thread => "Thread",
            GroupBy::Allocator => "Allocator",
            GroupBy::NativeLibrary => "Library",
        };
        columns.add(SortBy::Name, name, "", Width::Share(2.0, 110.0), Align::Min);
        if let Some((place, hint)) = match group_by {
            GroupBy::Location | GroupBy::OwnCodeLine => Some(("File and line", "Where it is in the source")),
            GroupBy::Function => Some(("File", "The file that defines it")),
            GroupBy::File | GroupBy::NativeLibrary => Some(("Path", "As the program named it")),
            GroupBy::Module | GroupBy::Thread | GroupBy::Allocator => None,
        } {
            columns.add(SortBy::Place, place, hint, Width::Share(3.0, 120.0), Align::Min);
        }
        let (inclusive, hint) = if parts_stacks {
            ("Bytes", "Bytes, and their share of the total")
        } else {
            ("Inclusive", "Bytes allocated by it and by all that it called, and their share of the total")
        };
        columns.add(
            SortBy::Inclusive,
            inclusive,
            hint,
            Width::Fixed(if width < NARROW { 162.0 } else { 236.0 }),
            Align::Min,
        );
        if !parts_stacks {
            columns.add(SortBy::Own, "Own", "Bytes allocated by it alone", Width::Fixed(104.0), Align::Max);
        }
        let hint = if parts_stacks { "Allocations" } else { "Allocations by it and by all that it called" };
        columns.add(SortBy::Allocations, "Allocations", hint, Width::Fixed(116.0), Align::Max);
        columns
    }

    fn add(&mut self, by: SortBy, name: &'static str, hint: &'static str, width: Width, align: Align) {
        self.meanings.push(by);
        self.listed.push(Column { name, hint, width, align, is_sortable: true });
    }

    pub(super) fn listed(&self) -> &[Column] {
        &self.listed
    }

    pub(super) fn sort_by(&self, column: usize) -> Option<SortBy> {
        self.meanings.get(column).copied()
    }

    pub(super) fn position(&self, by: SortBy) -> Option<usize> {
        self.meanings.iter().position(|meaning| *meaning == by)
    }
}
