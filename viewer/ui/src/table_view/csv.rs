// SPDX-License-Identifier: Apache-2.0
//! A table as CSV (RFC 4180), safe to open in a spreadsheet: no cell is taken for a formula, and no control character
//! is left in it.

use crate::labels::Labels;
use crate::row_name::RowName;
use memray_index::{GroupBy, Row};
use memray_report::escape::{csv_cell, visible};
use std::fmt::Write as _;

/// All rows in `order`, with a heading. Sizes are exact bytes.
pub(super) fn table(rows: &[Row], order: &[u32], group_by: GroupBy, labels: &dyn Labels) -> String {
    let first = match group_by {
        GroupBy::Location | GroupBy::Function | GroupBy::OwnCodeLine => "function",
        GroupBy::File => "name",
        GroupBy::Module => "module",
        GroupBy::Thread => "thread",
        GroupBy::Allocator => "allocator",
        GroupBy::NativeLibrary => "library",
    };
    let has_path = !matches!(group_by, GroupBy::Module | GroupBy::Thread | GroupBy::Allocator);
    let has_line = matches!(group_by, GroupBy::Location | GroupBy::OwnCodeLine);
    let has_own = !group_by.parts_stacks();

    let mut out = String::from(first);
    for (heading, is_there) in [
        (",file", has_path),
        (",line", has_line),
        (",bytes,allocations", true),
        (",own_bytes,own_allocations", has_own),
    ] {
        if is_there {
            out.push_str(heading);
        }
    }
    out.push_str("\r\n");
    for row in order.iter().filter_map(|at| rows.get(*at as usize)) {
        let name = RowName::of(row.key, group_by, labels);
        out.push_str(&text(&name.name));
        if has_path {
            out.push(',');
            out.push_str(&text(&name.path));
        }
        // Writing to a string cannot fail.
        if has_line {
            out.push(',');
            if name.line != 0 {
                let _ = write!(out, "{}", name.line);
            }
        }
        let _ = write!(out, ",{},{}", row.inclusive.bytes, row.inclusive.allocations);
        if has_own {
            let _ = write!(out, ",{},{}", row.own.bytes, row.own.allocations);
        }
        out.push_str("\r\n");
    }
    out
}

/// A name as a cell. Its control characters are made visible first, so none can hide what a spreadsheet would run.
fn text(name: &str) -> String {
    csv_cell(&visible(name)).into_owned()
}
