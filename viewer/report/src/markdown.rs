// SPDX-License-Identifier: Apache-2.0
//! A view of one capture as Markdown, for an issue or a review: headline, figures, and the stacks that hold most. It holds
//! names of functions and files and no more: no source lines, no command line, no folders.

use crate::caption::caption;
use crate::escape;
use crate::headline::Headline;
use crate::labels;
use crate::size::{Units, format_bytes, format_bytes_signed, format_counted, format_share};
use memray_index::{Answer, Index, LocationId, Mode, Refusal};
use std::io::{self, Write};

/// So many stacks are written.
const STACKS: usize = 5;

/// Writes what an answer shows of a capture.
///
/// # Errors
/// Those of the writer.
pub fn write_markdown(index: &Index, answer: &Answer, units: Units, out: &mut dyn Write) -> io::Result<()> {
    let headline = Headline::of(index, units);
    writeln!(out, "**{}**\n", plain(&headline.as_ref().map_or_else(Refusal::sentence, Headline::text)))?;
    let name = escape::visible_bytes(escape::file_name(index.info().file_name.as_bytes()));
    writeln!(out, "{}\n", plain(&name))?;
    for fact in headline.iter().flat_map(|headline| &headline.facts) {
        writeln!(out, "- {}", plain(fact))?;
    }
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
