// SPDX-License-Identifier: Apache-2.0
//! A table as CSV (RFC 4180), safe to open in a spreadsheet: no cell is taken for a formula, and no control character
//! is left in it.

use super::columns::parts_stacks;
use crate::labels::Labels;
use crate::row_name::RowName;
use crate::shown::escaped;
use memray_index::{GroupBy, Row};
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
    let has_own = !parts_stacks(group_by);

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
        push_text(&mut out, &name.name);
        if has_path {
            out.push(',');
            push_text(&mut out, &name.path);
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

/// A cell of text, always in quotes. What a spreadsheet could take for a formula gets an apostrophe before it.
fn push_text(out: &mut String, text: &str) {
    let text = escaped(text);
    out.push('"');
    if text.trim_start().starts_with(['=', '+', '-', '@']) {
        out.push('\'');
    }
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut out = String::new();
        push_text(&mut out, text);
        out
    }

    #[test]
    fn formulas_are_defused_and_quotes_doubled() {
        assert_eq!(cell("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        assert_eq!(cell("-1"), "\"'-1\"");
        assert_eq!(cell(" +1"), "\"' +1\"");
        assert_eq!(cell("@SUM"), "\"'@SUM\"");
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("\t=1\r\n"), "\"\\u{9}=1\\u{d}\\u{a}\"");
    }
}
