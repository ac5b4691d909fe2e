// SPDX-License-Identifier: Apache-2.0
//! A [`Diff`] for the terminal.

use super::{Diff, caveat_sentence, verdict_facts};
use crate::columns::{fill, table, wrap};
use crate::escape;
use crate::headline::FACT_SEPARATOR;
use crate::size::{
    format_bytes, format_bytes_signed, format_count, format_count_signed, format_counted, format_share_signed,
};
use memray_compare::{Change, Delta, DeltaRow};
use std::io::{self, Write};

impl Diff<'_> {
    /// Writes it in lines that fit a terminal, with at most so many rows.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, row_count: usize, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", wrap(&self.sentence()))?;
        let facts = verdict_facts(&self.verdict, &self.caveats, self.units);
        writeln!(out, "{}", fill(facts.iter().map(String::as_str), FACT_SEPARATOR))?;
        writeln!(out, "\nA before  {}\nB after   {}", escape::visible(self.names[0]), escape::visible(self.names[1]))?;
        for caveat in &self.caveats {
            writeln!(out, "\n{}", wrap(&caveat_sentence(caveat)))?;
        }
        for (rule, locations) in self.comparison.root_rules() {
            let [before, after] = [&rule.before, &rule.after].map(|path| escape::visible_bytes(path));
            let matched = format_counted(*locations as u64, "location");
            writeln!(out, "\n{}", wrap(&format!("{before} is taken for {after}: {matched} match.")))?;
        }
        let caption = format!("{}, {}: {}", self.subject(), self.rows_are(), self.totals(self.total));
        writeln!(out, "\n{}", wrap(&caption))?;
        let header = ["Before", "After", "\u{394}", "\u{394} %", "\u{394} allocs", ""].map(str::to_owned);
        let rows = self.rows.iter().take(row_count).map(|row| self.row(row));
        out.write_all(table(&[header].into_iter().chain(rows).collect::<Vec<_>>()).as_bytes())?;
        if let Some(more) = self.rows.len().checked_sub(row_count).filter(|&more| more > 0) {
            writeln!(out, "  and {}", format_counted(more as u64, "smaller change"))?;
        }
        Ok(())
    }

    fn row(&self, row: &DeltaRow) -> [String; 6] {
        let delta = row.inclusive;
        let side = |bytes: i64| if bytes == 0 { "\u{2013}".to_owned() } else { format_bytes(bytes, self.units) };
        let name = format!("{} {}", glyph(row.change(self.total)), self.row_name(&row.key));
        let bytes = format_bytes_signed(delta.bytes(), self.units);
        let allocations = format_count_signed(delta.allocations());
        [side(delta.before.bytes), side(delta.after.bytes), bytes, self.share(row), allocations, name]
    }

    /// By which part of itself a row changed.
    pub(super) fn share(&self, row: &DeltaRow) -> String {
        match row.change(self.total) {
            Change::New => "new".to_owned(),
            Change::Vanished => "gone".to_owned(),
            _ => format_share_signed(row.inclusive.bytes(), row.inclusive.before.bytes),
        }
    }

    /// `2.85 GiB → 3.25 GiB, +412 MiB; 81,204 → 81,300 allocations`.
    pub(super) fn totals(&self, delta: Delta) -> String {
        format!(
            "{} \u{2192} {}, {}; {} \u{2192} {} allocations",
            format_bytes(delta.before.bytes, self.units),
            format_bytes(delta.after.bytes, self.units),
            format_bytes_signed(delta.bytes(), self.units),
            format_count(delta.before.allocations),
            format_count(delta.after.allocations),
        )
    }
}

/// What stands for a change beside its sign and its colour.
pub fn glyph(change: Change) -> char {
    match change {
        Change::Neutral => '=',
        Change::More => '\u{25b2}',
        Change::Less => '\u{25bc}',
        Change::New => '+',
        Change::Vanished => '\u{d7}',
    }
}
