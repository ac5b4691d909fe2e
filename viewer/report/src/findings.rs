// SPDX-License-Identifier: Apache-2.0
//! What indexing a capture found, and how fast it was.

use crate::escape;
use crate::headline::Headline;
use crate::metadata::python_version;
use crate::notes::{Note, notes};
use crate::opening::write_opening;
use crate::size::{Units, format_bytes, format_bytes_exact, format_count, format_counted};
use crate::stats::Failure;
use crate::time::{format_duration, format_elapsed};
use memray_index::{CaptureInfo, Ending, Index, Origin, Timeline};
use std::io::{self, Write};
use std::time::Duration;

/// Writes what was found; `elapsed` is how long it took to open the index.
pub fn write_findings(index: &Index, elapsed: Duration, units: Units, out: &mut dyn Write) -> Result<(), Failure> {
    let findings = Findings {
        headline: &Headline::of(index, units)?,
        notes: &notes(index),
        info: index.info(),
        timeline: index.timeline(),
        threads: index.threads().len(),
        origin: index.origin(),
        index_bytes: index.size_bytes(),
        elapsed,
    };
    Ok(findings.write(units, out)?)
}

struct Findings<'a> {
    headline: &'a Headline,
    notes: &'a [Note],
    info: &'a CaptureInfo,
    timeline: &'a Timeline,
    threads: usize,
    origin: Origin,
    index_bytes: u64,
    elapsed: Duration,
}

impl Findings<'_> {
    fn write(&self, units: Units, out: &mut dyn Write) -> io::Result<()> {
        let Self { info, timeline, .. } = self;
        write_opening(self.headline, self.notes, out)?;
        let python =
            info.header.python_version.map_or(String::new(), |hex| format!(", Python {}", python_version(hex)));
        writeln!(
            out,
            "\nCapture: {} ({}), format {}{python}",
            format_bytes(info.file_size_bytes, units),
            format_bytes_exact(info.file_size_bytes),
            info.header.version,
        )?;
        let counts = info.counts;
        writeln!(out, "Records: {}", format_count(counts.records))?;
        if info.is_aggregated() {
            // Its allocations were summed before they were written.
            writeln!(out, "Allocations: summed by {}", format_counted(counts.allocations_and_frees, "location"))?;
        } else {
            let frees = counts.allocations_and_frees.saturating_sub(counts.allocations);
            writeln!(
                out,
                "Allocations: {}, {} in all; frees: {} ({} of memory not recorded)",
                format_count(counts.allocations),
                format_bytes(info.total_bytes_allocated, units),
                format_count(frees),
                format_count(counts.unmatched_frees),
            )?;
        }
        writeln!(
            out,
            "Found: {}, {}, {} over {}",
            format_counted(counts.locations, "location"),
            format_counted(self.threads as u64, "thread"),
            format_counted(timeline.snapshots.len() as u64, "snapshot"),
            format_duration(info.duration_ms),
        )?;
        writeln!(out, "Ending: {}", ending_words(&info.ending))?;
        writeln!(out, "Index: {}, {}", format_bytes(self.index_bytes, units), self.speed())
    }

    fn speed(&self) -> String {
        let elapsed = format_elapsed(i64::try_from(self.elapsed.as_millis()).unwrap_or(i64::MAX));
        match self.origin {
            Origin::Built => {
                let rate = self.info.counts.records as f64 / self.elapsed.as_secs_f64().max(1e-6);
                format!("built in {elapsed} ({:.1} million records a second)", rate / 1e6)
            }
            Origin::Cached => format!("opened from the cache in {elapsed}"),
            Origin::IndexFile => format!("opened in {elapsed}"),
        }
    }
}

fn ending_words(ending: &Ending) -> String {
    match ending {
        Ending::Complete => "complete".to_owned(),
        Ending::Stopped(_) => "complete; the program ran on".to_owned(),
        Ending::Truncated { offset, reason } => {
            format!("at byte {}: {}", format_count(*offset), escape::visible(reason))
        }
        Ending::Damaged { offset, reason } => {
            format!("damaged at byte {}: {}", format_count(*offset), escape::visible(reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{info, timeline};
    use memray_format::FileFormat;

    fn text_of(info: &CaptureInfo, origin: Origin, elapsed_ms: u64) -> String {
        let findings = Findings {
            headline: &Headline::default(),
            notes: &[],
            info,
            timeline: &timeline(),
            threads: 3,
            origin,
            index_bytes: 2048,
            elapsed: Duration::from_millis(elapsed_ms),
        };
        let mut out = Vec::new();
        findings.write(Units::Binary, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn records_allocations_and_frees_are_counted_apart() {
        let mut info = info();
        info.counts.records = 3_000_000;
        assert_eq!(
            text_of(&info, Origin::Built, 1500).trim_start(),
            "Capture: 977 KiB (1,000,000 B), format 13, Python 3.12.1\n\
             Records: 3,000,000\n\
             Allocations: 5, 4.66 GiB in all; frees: 2 (0 of memory not recorded)\n\
             Found: 3 locations, 3 threads, 42 snapshots over 41.3 s\n\
             Ending: complete\n\
             Index: 2.00 KiB, built in 1.50 s (2.0 million records a second)\n"
        );
    }

    #[test]
    fn sums_are_not_called_allocations() {
        let mut info = info();
        info.header.file_format = FileFormat::Aggregated;
        let text = text_of(&info, Origin::Cached, 3);
        assert!(text.contains("\nAllocations: summed by 7 locations\n"), "{text}");
        assert_eq!(
            ending_words(&Ending::Damaged { offset: 4711, reason: "unknown record\u{1b}".to_owned() }),
            "damaged at byte 4,711: unknown record\\u{1b}"
        );
        assert!(text.ends_with("\nIndex: 2.00 KiB, opened from the cache in 3 ms\n"), "{text}");
    }
}
