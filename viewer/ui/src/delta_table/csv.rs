// SPDX-License-Identifier: Apache-2.0
//! A table of two captures as CSV (RFC 4180), safe to open in a spreadsheet.

use crate::labels::Labels;
use crate::row_name::RowName;
use memray_compare::DeltaRow;
use memray_index::GroupBy;
use memray_report::escape::{csv_cell, visible};
use std::fmt::Write as _;

/// All rows in `order`, with a heading. Sizes are exact bytes.
pub(super) fn table(rows: &[DeltaRow], order: &[u32], group_by: GroupBy, labels: &dyn Labels) -> String {
    let mut out = String::from(
        "name,file,line,before_bytes,after_bytes,change_bytes,before_allocations,after_allocations,change_allocations,\
         own_change_bytes\r\n",
    );
    let text = |name: &str| csv_cell(&visible(name)).into_owned();
    for row in order.iter().filter_map(|at| rows.get(*at as usize)) {
        let name = RowName::of_delta(&row.key, group_by, labels);
        let line = if name.line == 0 { String::new() } else { name.line.to_string() };
        let delta = row.inclusive;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{},{},{line},{},{},{},{},{},{},{}\r\n",
            text(&name.name),
            text(&name.path),
            delta.before.bytes,
            delta.after.bytes,
            delta.bytes(),
            delta.before.allocations,
            delta.after.allocations,
            delta.allocations(),
            row.own.bytes()
        );
    }
    out
}
