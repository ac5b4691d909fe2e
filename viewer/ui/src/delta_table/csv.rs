// SPDX-License-Identifier: Apache-2.0
//! A table of two captures as CSV (RFC 4180), safe to open in a spreadsheet.

use crate::labels::Labels;
use crate::row_name::RowName;
use memray_compare::DeltaRow;
use memray_index::GroupBy;
use memray_report::escape::{csv_cell, visible};
use std::fmt::Write as _;

/// All rows, with a heading; the largest change first. Sizes are exact bytes.
pub(crate) fn csv_of(rows: &[DeltaRow], group_by: GroupBy, labels: &dyn Labels) -> String {
    let mut out = String::from(
        "name,file,line,before_bytes,after_bytes,change_bytes,before_allocations,after_allocations,change_allocations\r\n",
    );
    let text = |name: &str| csv_cell(&visible(name)).into_owned();
    for row in rows {
        let name = RowName::of_delta(&row.key, group_by, labels);
        let line = if name.line == 0 { String::new() } else { name.line.to_string() };
        let delta = row.inclusive;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{},{},{line},{},{},{},{},{},{}\r\n",
            text(&name.name),
            text(&name.path),
            delta.before.bytes,
            delta.after.bytes,
            delta.bytes(),
            delta.before.allocations,
            delta.after.allocations,
            delta.allocations()
        );
    }
    out
}
