// SPDX-License-Identifier: Apache-2.0
//! What indexing a capture found, and how fast it was.

use crate::headline::Headline;
use crate::metadata::python_version;
use crate::notes::{Note, notes};
use crate::size::{Units, format_bytes, format_bytes_exact, format_count, format_counted};
use crate::stats::{Failure, write_opening};
use crate::time::{format_duration, format_elapsed};
use memray_index::{CaptureInfo, Index, Timeline};
use std::io::{self, Write};
use std::time::Duration;

/// How a capture was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Records that were read from the capture; 0 where its index was there already.
    pub records: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Writes what was found.
pub fn write_findings(index: &Index, reading: Reading, units: Units, out: &mut dyn Write) -> Result<(), Failure> {
    let findings = Findings {
        headline: &Headline::of(index, units)?,
        notes: &notes(index),
        info: index.info(),
        timeline: index.timeline(),
        threads: index.threads().len(),
        reading,
    };
    Ok(findings.write(units, out)?)
}

struct Findings<'a> {
    headline: &'a Headline,
    notes: &'a [Note],
    info: &'a CaptureInfo,
    timeline: &'a Timeline,
    threads: usize,
    reading: Reading,
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
                "Allocations: {}, {} in all; frees: {} ({} of what was not recorded)",
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
        writeln!(out, "{}", self.speed())
    }

    fn speed(&self) -> String {
        let elapsed = format_elapsed(i64::try_from(self.reading.elapsed.as_millis()).unwrap_or(i64::MAX));
        if self.reading.records == 0 {
            return format!("Opened from its index in {elapsed}");
        }
        let rate = self.reading.records as f64 / self.reading.elapsed.as_secs_f64().max(1e-6);
        format!("Indexed in {elapsed}: {:.1} million records a second", rate / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{info, timeline};
    use memray_format::FileFormat;

    fn text_of(info: &CaptureInfo, reading: Reading) -> String {
        let findings =
            Findings { headline: &Headline::default(), notes: &[], info, timeline: &timeline(), threads: 3, reading };
        let mut out = Vec::new();
        findings.write(Units::Binary, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn records_allocations_and_frees_are_counted_apart() {
        let reading = Reading { records: 3_000_000, elapsed: Duration::from_millis(1500) };
        assert_eq!(
            text_of(&info(), reading).trim_start(),
            "Capture: 977 KiB (1,000,000 B), format 13, Python 3.12.1\n\
             Records: 20\n\
             Allocations: 5, 4.66 GiB in all; frees: 2 (0 of what was not recorded)\n\
             Found: 3 locations, 3 threads, 42 snapshots over 41.3 s\n\
             Indexed in 1.50 s: 2.0 million records a second\n"
        );
    }

    #[test]
    fn sums_are_not_called_allocations() {
        let mut info = info();
        info.header.file_format = FileFormat::Aggregated;
        let text = text_of(&info, Reading { records: 0, elapsed: Duration::from_millis(3) });
        assert!(text.contains("\nAllocations: summed by 7 locations\n"), "{text}");
        assert!(text.ends_with("\nOpened from its index in 3 ms\n"), "{text}");
    }
}
