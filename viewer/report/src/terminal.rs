// SPDX-License-Identifier: Apache-2.0
//! What is said of a capture where no window can open: the headline, the largest lines of the program's own code, and
//! how to see more.

use crate::columns::table;
use crate::headline::Headline;
use crate::labels::{self, Labels};
use crate::notes::{Note, notes};
use crate::opening::write_opening;
use crate::size::{Units, format_bytes, format_count, format_counted, format_share};
use crate::stats::Failure;
use memray_index::{Amount, GroupBy, Index, Question, Row, RowKey};
use std::io::{self, Write};

/// How many lines of code are listed.
const LINES: usize = 10;

/// Writes a capture's summary; `path` is how the user named it.
pub fn write_summary(index: &Index, path: &str, units: Units, out: &mut dyn Write) -> Result<(), Failure> {
    let peak = index.ask(&Question::default())?;
    let rows = index.table(&peak, GroupBy::OwnCodeLine);
    let summary = Summary {
        headline: &Headline::of(index, units)?,
        notes: &notes(index),
        rows: &rows,
        total: peak.total,
        path,
        has_statistics: !index.info().is_aggregated(),
    };
    Ok(summary.write(index, units, out)?)
}

/// What a summary says.
struct Summary<'a> {
    headline: &'a Headline,
    notes: &'a [Note],
    /// The peak by own-code line, the largest first.
    rows: &'a [Row],
    total: Amount,
    path: &'a str,
    has_statistics: bool,
}

impl Summary<'_> {
    fn write(&self, names: &impl Labels, units: Units, out: &mut dyn Write) -> io::Result<()> {
        write_opening(self.headline, self.notes, out)?;
        if self.total.bytes > 0 {
            writeln!(out, "\nLive at the peak, by line of the program\u{2019}s own code:")?;
            let lines: Vec<[String; 4]> =
                self.rows.iter().take(LINES).map(|row| self.line(row, names, units)).collect();
            out.write_all(table(&lines).as_bytes())?;
            if let Some(more) = self.rows.len().checked_sub(LINES).filter(|&more| more > 0) {
                writeln!(out, "  and {}", format_counted(more as u64, "smaller line"))?;
            }
        }
        self.write_more(out)
    }

    fn line(&self, row: &Row, names: &impl Labels, units: Units) -> [String; 4] {
        let name = match row.key {
            RowKey::Location(location) => labels::label(names, location),
            _ => "outside the program\u{2019}s own code".to_owned(),
        };
        [
            format_bytes(row.inclusive.bytes, units),
            format_share(row.inclusive.bytes, self.total.bytes),
            format!("{} alloc.", format_count(row.inclusive.allocations)),
            name,
        ]
    }

    fn write_more(&self, out: &mut dyn Write) -> io::Result<()> {
        let file = shell_word(self.path);
        writeln!(out, "\nMore:")?;
        if self.has_statistics {
            writeln!(out, "  memray-view stats {file}")?;
        }
        writeln!(out, "  memray-view export {file} --mode leaked --format collapsed")?;
        writeln!(out, "  memray-view {file} --screenshot shot.png")?;
        writeln!(out, "  memray-view {file}    where there is a display: a window")
    }
}

/// A word as a shell reads it back. One that no terminal should be shown is left for the reader to fill in.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if crate::escape::visible(word) != word {
        "FILE".to_owned()
    } else if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        let dashed = if word.starts_with('-') { "./" } else { "" };
        format!("'{dashed}{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::Names;
    use crate::headline::Segment;

    fn summary_of(rows: &[Row], total_bytes: i64, names: &Names) -> String {
        let segments = vec![Segment::plain("Peak 3.20 GiB")];
        let summary = Summary {
            headline: &Headline { segments, facts: vec!["ran 41.3 s".to_owned()] },
            notes: &[],
            rows,
            total: Amount { bytes: total_bytes, allocations: 1 },
            path: "out.bin",
            has_statistics: true,
        };
        let mut out = Vec::new();
        summary.write(names, Units::Binary, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn row(key: RowKey, bytes: i64, allocations: i64) -> Row {
        let amount = Amount { bytes, allocations };
        Row { key, inclusive: amount, own: amount }
    }

    #[test]
    fn lists_the_largest_lines_and_counts_the_rest() {
        let mut names = Names::default();
        let load = names.own("load_frame", "/srv/loader.py", 88);
        let mut rows = vec![row(RowKey::Location(load), 2048, 1234), row(RowKey::None, 1024, 1)];
        rows.extend((0..9).map(|_| row(RowKey::Location(load), 1, 1)));
        let text = summary_of(&rows, 3081, &names);
        let start = "Peak 3.20 GiB\nran 41.3 s\n\nLive at the peak, by line of the program’s own code:\n  \
                     2.00 KiB    66 %  1,234 alloc.  load_frame (loader.py:88)\n  \
                     1.00 KiB    33 %      1 alloc.  outside the program’s own code\n       \
                     1 B  <0.1 %      1 alloc.  load_frame (loader.py:88)\n";
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains("\n  and 1 smaller line\n\nMore:\n  memray-view stats out.bin\n"), "{text}");
    }

    #[test]
    fn a_capture_of_nothing_lists_nothing() {
        assert!(summary_of(&[], 0, &Names::default()).starts_with("Peak 3.20 GiB\nran 41.3 s\n\nMore:\n"));
    }

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(shell_word("/tmp/out.bin"), "/tmp/out.bin");
        assert_eq!(shell_word("my file.bin"), "'my file.bin'");
        assert_eq!(shell_word("it's; rm -rf ~"), "'it'\\''s; rm -rf ~'");
        assert_eq!(shell_word("-v"), "'./-v'");
        assert_eq!(shell_word("x\u{1b}[2J"), "FILE");
    }
}
