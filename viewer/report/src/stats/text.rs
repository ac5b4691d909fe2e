// SPDX-License-Identifier: Apache-2.0
//! Statistics as text, in the order of `memray stats`.

use super::Report;
use crate::columns::table;
use crate::escape;
use crate::labels::Labels;
use crate::opening::write_opening;
use crate::size::{Units, format_bytes, format_count, format_counted, format_share};
use memray_index::Statistics;
use std::io::{self, Write};

/// How wide the longest bar of the histogram is, in characters.
const BAR_CHARS: u64 = 25;

impl<L: Labels> Report<'_, L> {
    /// The text.
    pub fn write_text(&self, units: Units, out: &mut dyn Write) -> io::Result<()> {
        let statistics = self.statistics;
        write_opening(self.headline, self.notes, out)?;
        writeln!(out, "\nTotal allocations: {}", format_count(statistics.allocations))?;
        writeln!(out, "Total memory allocated: {}", format_bytes(statistics.bytes, units))?;
        writeln!(out, "Peak memory usage: {}", format_bytes(statistics.peak_bytes, units))?;
        self.write_histogram(units, out)?;
        writeln!(out, "\nAllocator type distribution:")?;
        let rows: Vec<[String; 3]> = statistics
            .allocators
            .iter()
            .map(|(allocator, count)| {
                [format_count(*count), format_share(*count, statistics.allocations), allocator.name().to_owned()]
            })
            .collect();
        out.write_all(table(&rows).as_bytes())?;
        let n = self.largest;
        self.write_ranking(
            &format!("Top {n} largest allocating locations (by size)"),
            self.locations_by_size(),
            units,
            out,
        )?;
        self.write_ranking(
            &format!("Top {n} largest allocating locations (by number of allocations)"),
            self.locations_by_count(),
            units,
            out,
        )?;
        self.write_ranking(&format!("Top {n} allocating modules (by size)"), self.modules_by_size(), units, out)?;
        self.write_ranking(
            &format!("Top {n} allocating modules (by number of allocations)"),
            self.modules_by_count(),
            units,
            out,
        )
    }

    fn write_histogram(&self, units: Units, out: &mut dyn Write) -> io::Result<()> {
        let Statistics { histogram, size_range, .. } = self.statistics;
        writeln!(out, "\nHistogram of allocation size:")?;
        let most = histogram.iter().map(|bin| bin.allocations).max().unwrap_or(0);
        if most == 0 {
            return writeln!(out, "  no allocations");
        }
        writeln!(out, "  min: {}", format_bytes(size_range.0, units))?;
        let last = histogram.len() - 1;
        let rows: Vec<[String; 3]> = histogram
            .iter()
            .enumerate()
            .map(|(i, bin)| {
                let bound = if i == last { "\u{2264}" } else { "<" };
                let length = (u128::from(bin.allocations) * u128::from(BAR_CHARS)).div_ceil(u128::from(most));
                let bar = "\u{2587}".repeat(length as usize);
                [format!("{bound} {}", format_bytes(bin.max_bytes, units)), format_count(bin.allocations), bar]
            })
            .collect();
        out.write_all(table(&rows).as_bytes())?;
        writeln!(out, "  max: {}", format_bytes(size_range.1, units))
    }

    fn write_ranking(
        &self,
        title: &str,
        rows: Vec<(String, u64, u64)>,
        units: Units,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out, "\n{title}:")?;
        let rows: Vec<[String; 3]> = rows
            .into_iter()
            .map(|(name, bytes, count)| {
                [format_bytes(bytes, units), format_counted(count, "allocation"), escape::visible(&name).into_owned()]
            })
            .collect();
        out.write_all(table(&rows).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::with_sample;
    use super::*;
    use crate::handmade::{Names, info, timeline};
    use crate::headline::Headline;

    #[test]
    fn text_begins_with_the_headline_and_follows_memrays_order() {
        let mut out = Vec::new();
        with_sample(2, |report| report.write_text(Units::Binary, &mut out)).unwrap();
        let bar = "\u{2587}".repeat(25);
        let expected = format!(
            "Peak 3.91 KiB; all of it in load\nran 41.3 s \u{b7} 3 threads\n\nA note.\n\n\
             Total allocations: 30\nTotal memory allocated: 4.88 KiB\nPeak memory usage: 3.91 KiB\n\n\
             Histogram of allocation size:\n  min: 1 B\n  < 1.00 KiB  29  {bar}\n  \u{2264} 2.00 KiB   1  \u{2587}\n  \
             max: 2.00 KiB\n\n\
             Allocator type distribution:\n  20  67 %  malloc\n  10  33 %  mmap\n\n\
             Top 2 largest allocating locations (by size):\n  \
             2.93 KiB   2 allocations  load:/srv/a.py:3\n  1.86 KiB  20 allocations  evil\\u{{1b}}:/srv/b.py:4\n\n\
             Top 2 largest allocating locations (by number of allocations):\n  \
             1.86 KiB  20 allocations  evil\\u{{1b}}:/srv/b.py:4\n     100 B   8 allocations  <stack trace unavailable>\n\n\
             Top 2 allocating modules (by size):\n  4.88 KiB  30 allocations  module\n\n\
             Top 2 allocating modules (by number of allocations):\n  4.88 KiB  30 allocations  module\n"
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_capture_of_nothing_has_no_histogram() {
        let mut out = Vec::new();
        let names = Names::default();
        let report = Report {
            headline: &Headline::default(),
            notes: &[],
            statistics: &Statistics::default(),
            info: &info(),
            timeline: &timeline(),
            names: &names,
            largest: 5,
        };
        report.write_text(Units::Binary, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("Histogram of allocation size:\n  no allocations\n"));
    }
}
