// SPDX-License-Identifier: Apache-2.0
//! A [`Diff`] as Markdown, for an issue or a review: verdict, figures, the rows and the stacks that changed most. It holds
//! names of functions and files and no more: no folders, and no source lines and no command line unless [`MarkdownExtras`]
//! asks for them.

use super::text::glyph;
use super::{Diff, caveat_sentence, verdict_facts};
use crate::markdown::{MarkdownExtras, plain};
use crate::size::{format_bytes, format_bytes_signed, format_count_signed};
use crate::{escape, labels};
use memray_compare::DeltaKey;
use memray_index::Amount;
use std::io::{self, Write};

impl Diff<'_> {
    /// Writes it as Markdown, with at most so many rows.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_markdown(&self, row_count: usize, extras: &MarkdownExtras, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "**{}**\n", plain(&self.sentence()))?;
        let [before, after] = self.names.map(|name| plain(&escape::visible_bytes(escape::file_name(name.as_bytes()))));
        writeln!(out, "A (before) {before}, B (after) {after}\n")?;
        for fact in verdict_facts(&self.verdict, &self.caveats, self.units) {
            writeln!(out, "- {}", plain(&fact))?;
        }
        extras.write_command("Command of A", self.comparison.before(), out)?;
        extras.write_command("Command of B", self.comparison.after(), out)?;
        for caveat in &self.caveats {
            writeln!(out, "\n> {}", plain(&caveat_sentence(caveat)))?;
        }
        writeln!(out, "\n{}, {}: {}\n", plain(&self.subject()), self.rows_are(), plain(&self.totals(self.total)))?;
        writeln!(
            out,
            "| | Before | After | \u{394} | \u{394} % | \u{394} allocations |\n|---|---:|---:|---:|---:|---:|"
        )?;
        for row in self.rows.iter().take(row_count) {
            let delta = row.inclusive;
            let [before, after] = [delta.before, delta.after].map(|side| format_bytes(side.bytes, self.units));
            let (bytes, allocations) = (delta.bytes(), delta.allocations());
            writeln!(
                out,
                "| {} {} | {before} | {after} | {} | {} | {} |",
                glyph(row.change(self.total)),
                plain(&self.name_without_folders(&row.key)),
                format_bytes_signed(bytes, self.units),
                self.share(row),
                format_count_signed(allocations)
            )?;
        }
        if !self.stacks.is_empty() {
            writeln!(out, "\nStacks that changed most:\n")?;
        }
        for stack in &self.stacks {
            let bytes = format_bytes_signed(stack.delta.bytes(), self.units);
            writeln!(out, "- {bytes} in {}", plain(&labels::path(self.comparison, &stack.frames)))?;
            // Of what is gone, frames are A's where B has none of the kind.
            let [before, after] =
                [self.comparison.before(), self.comparison.after()].map(|index| index.timeline().end_time_ms);
            let is_gone = stack.delta.after == Amount::default();
            let as_of_ms = if is_gone { before.min(after) } else { after };
            extras.write_source(self.comparison, &stack.frames, as_of_ms, out)?;
        }
        Ok(())
    }

    fn name_without_folders(&self, key: &DeltaKey) -> String {
        match key {
            DeltaKey::File(file) => escape::visible_bytes(escape::file_name(self.comparison.bytes(*file))),
            DeltaKey::Name(path) => escape::visible_bytes(escape::file_name(path)),
            key => self.row_name(key),
        }
    }
}
