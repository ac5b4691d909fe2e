// SPDX-License-Identifier: Apache-2.0
//! A view of one capture as Markdown, for an issue or a review: headline, figures, and the stacks that hold most. It holds
//! names of functions and files and no more: no folders, and no source lines and no command line unless [`MarkdownExtras`]
//! asks for them.

use crate::caption::caption;
use crate::escape;
use crate::headline::Headline;
use crate::labels::{self, Labels};
use crate::size::{Units, format_bytes, format_bytes_signed, format_counted, format_share};
use crate::source_file::Excerpt;
use crate::source_folders::SourceFolders;
use memray_index::{Answer, Index, LocationId, Mode, Refusal};
use std::io::{self, Write};

/// So many stacks are written.
const STACKS: usize = 5;

/// What is only written if it is asked for, as it may be nobody else's business.
#[derive(Clone, Debug, Default)]
pub struct MarkdownExtras {
    /// The traced commands.
    pub command_lines: bool,
    /// With each stack the line of source in which its innermost frame of own code is, found here. What a capture says is
    /// source is read only if it is called so, and only if it is as old as the capture.
    pub sources: Option<SourceFolders>,
}

impl MarkdownExtras {
    /// A traced command, as an item of a list.
    pub(crate) fn write_command(&self, name: &str, index: &Index, out: &mut dyn Write) -> io::Result<()> {
        let command = escape::visible_bytes(&index.info().header.command_line);
        if self.command_lines { writeln!(out, "- {name}: {}", plain(&command)) } else { Ok(()) }
    }

    /// The source of a stack of a capture that ended then, the outermost frame first, below its item of a list; nothing if it
    /// cannot be read, or changed since.
    pub(crate) fn write_source(
        &self,
        labels: &impl Labels,
        frames: &[LocationId],
        end_time_ms: i64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Some(folders) = &self.sources else { return Ok(()) };
        let is_own_code = |frame: &&LocationId| labels.location(**frame).traits.is_own_code;
        let Some(&frame) = frames.iter().rfind(is_own_code).or(frames.last()) else { return Ok(()) };
        let location = labels.location(frame);
        // A name that is no text is no file that could be found by it.
        let file = String::from_utf8_lossy(labels.bytes(location.file));
        let is_source = [".py", ".pyw", ".pyx"].iter().any(|ending| file.ends_with(ending));
        let line = is_source.then(|| Excerpt::line_as_of(&file, location.line, folders, end_time_ms)).flatten();
        match line {
            Some(line) => writeln!(out, "  - {}: {}", plain(&labels::place(labels, frame)), plain(&line)),
            None => Ok(()),
        }
    }
}

/// Writes what an answer shows of a capture.
///
/// # Errors
/// Those of the writer.
pub fn write_markdown(
    index: &Index,
    answer: &Answer,
    units: Units,
    extras: &MarkdownExtras,
    out: &mut dyn Write,
) -> io::Result<()> {
    let headline = Headline::of(index, units);
    writeln!(out, "**{}**\n", plain(&headline.as_ref().map_or_else(Refusal::sentence, Headline::text)))?;
    let name = escape::visible_bytes(escape::file_name(index.info().file_name.as_bytes()));
    writeln!(out, "{}\n", plain(&name))?;
    for fact in headline.iter().flat_map(|headline| &headline.facts) {
        writeln!(out, "- {}", plain(fact))?;
    }
    extras.write_command("Command", index, out)?;
    writeln!(out, "\n{}\n", plain(&caption(index, answer, units)))?;
    let is_signed = matches!(answer.question.mode, Mode::RangeGrowth(_));
    let size = if is_signed { format_bytes_signed } else { format_bytes };
    for stack in index.stacks(answer).iter().take(STACKS) {
        // Of growth and shrinkage no share says anything.
        let share = if is_signed {
            String::new()
        } else {
            format!(" ({})", format_share(stack.amount.bytes, answer.total.bytes))
        };
        let mut frames: Vec<LocationId> = index.frames(answer, stack);
        frames.reverse();
        writeln!(
            out,
            "- {}{share} in {}: {}",
            size(i128::from(stack.amount.bytes), units),
            format_counted(stack.amount.allocations, "allocation"),
            plain(&labels::path(index, &frames))
        )?;
        extras.write_source(index, &frames, index.timeline().end_time_ms, out)?;
    }
    Ok(())
}

/// Text in which Markdown finds nothing to format.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_{}[]<>#|~&!".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_formatted() {
        assert_eq!(plain("<module> (a_b.py:3) | x"), "\\<module\\> (a\\_b.py:3) \\| x");
    }
}
