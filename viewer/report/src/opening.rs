// SPDX-License-Identifier: Apache-2.0
//! What every text report begins with: headline, facts, notes.

use crate::columns::{fill, wrap};
use crate::headline::{FACT_SEPARATOR, Headline};
use crate::notes::Note;
use std::io::{self, Write};

/// Writes headline, facts and notes, in lines that fit a terminal.
pub(crate) fn write_opening(headline: &Headline, notes: &[Note], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", wrap(&headline.text()))?;
    writeln!(out, "{}", fill(headline.facts.iter().map(String::as_str), FACT_SEPARATOR))?;
    for note in notes {
        writeln!(out, "\n{}", wrap(&note.text))?;
    }
    Ok(())
}
