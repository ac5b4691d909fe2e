// SPDX-License-Identifier: Apache-2.0
//! The indexes that are kept, as a list.

use crate::columns::table;
use crate::escape;
use crate::size::{Units, format_bytes, format_count};
use crate::time::{WallClock, format_date_time};
use memray_index::cache::Entry;
use std::io::{self, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What stands for the capture of an index that this version cannot read.
const UNUSABLE: &str = "(of another version)";

/// Writes the kept indexes, the last used first.
pub fn write_entries(folder: &Path, entries: &[Entry], units: Units, out: &mut dyn Write) -> io::Result<()> {
    let size_bytes: u64 = entries.iter().map(|entry| entry.size_bytes).sum();
    writeln!(
        out,
        "{} of {} in {}",
        indexes(entries.len()),
        format_bytes(size_bytes, units),
        escape::visible(&folder.to_string_lossy())
    )?;
    let rows: Vec<[String; 4]> = entries
        .iter()
        .map(|entry| {
            let since_epoch = entry.last_used.duration_since(UNIX_EPOCH).unwrap_or_default();
            let last_used_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
            let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
            [
                format_bytes(entry.size_bytes, units),
                format_date_time(last_used_ms, WallClock::Local),
                escape::visible(entry.capture_name.as_deref().unwrap_or(UNUSABLE)).into_owned(),
                escape::visible(&name).into_owned(),
            ]
        })
        .collect();
    out.write_all(table(&rows).as_bytes())
}

/// Writes what was thrown out.
pub fn write_cleared(count: usize, size_bytes: u64, units: Units, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} of {} thrown out", indexes(count), format_bytes(size_bytes, units))
}

fn indexes(count: usize) -> String {
    match count {
        1 => "1 index".to_owned(),
        n => format!("{} indexes", format_count(n as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn entries_are_listed_below_their_sum() {
        let entry = |name: &str, capture: Option<&str>, size_bytes| Entry {
            path: PathBuf::from(name),
            capture_name: capture.map(str::to_owned),
            size_bytes,
            last_used: UNIX_EPOCH,
        };
        let mut out = Vec::new();
        let entries =
            [entry("/c/7-ab-v1.mvidx", Some("\u{1b}out.bin"), 1024), entry("/c/9-\u{1b}cd-v1.mvidx", None, 3072)];
        write_entries(Path::new("/c"), &entries, Units::Binary, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "2 indexes of 4.00 KiB in /c");
        assert!(
            lines[1].starts_with("  1.00 KiB  1970-01-01 ") && lines[1].ends_with("  \\u{1b}out.bin  7-ab-v1.mvidx"),
            "{text}"
        );
        assert!(lines[2].ends_with("  (of another version)  9-\\u{1b}cd-v1.mvidx"), "{text}");
    }

    #[test]
    fn what_was_thrown_out_is_counted() {
        let mut out = Vec::new();
        write_cleared(1, 2048, Units::Binary, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "1 index of 2.00 KiB thrown out\n");
    }
}
