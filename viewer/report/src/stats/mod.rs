// SPDX-License-Identifier: Apache-2.0
//! memray's statistics, the headline before them: as text, and as JSON with memray's keys.
//!
//! [`Report`] leads: it holds what both forms show, in the order of `memray stats`. The JSON can be read by what reads
//! memray's; it has a `headline`, `facts` and `notes` besides.

mod json;
mod text;

use crate::headline::Headline;
use crate::labels::Labels;
use crate::notes::{Note, notes};
use crate::size::Units;
use memray_index::{CaptureInfo, Index, LocationId, Refusal, Statistics, StatisticsRow, StringId, Timeline};
use std::io::{self, Write};

/// Everything that the statistics say.
pub struct Report<'a, L> {
    /// The headline.
    pub headline: &'a Headline,
    /// What to bear in mind.
    pub notes: &'a [Note],
    /// The statistics.
    pub statistics: &'a Statistics,
    /// The capture.
    pub info: &'a CaptureInfo,
    /// Its times.
    pub timeline: &'a Timeline,
    /// Where names come from.
    pub names: &'a L,
    /// How many rows a ranking has.
    pub largest: usize,
}

/// Writes a capture's statistics as text.
pub fn write_text(index: &Index, largest: usize, units: Units, out: &mut dyn Write) -> Result<(), Failure> {
    with_report(index, largest, units, |report| report.write_text(units, out))
}

/// Writes a capture's statistics as JSON, with a newline at its end.
pub fn write_json(index: &Index, largest: usize, units: Units, out: &mut dyn Write) -> Result<(), Failure> {
    with_report(index, largest, units, |report| report.write_json(out))
}

/// Why statistics were not written.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The capture has none.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// They cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

fn with_report(
    index: &Index,
    largest: usize,
    units: Units,
    write: impl FnOnce(&Report<'_, Index>) -> io::Result<()>,
) -> Result<(), Failure> {
    let statistics = index.statistics()?;
    let report = Report {
        headline: &Headline::of(index, units)?,
        notes: &notes(index),
        statistics: &statistics,
        info: index.info(),
        timeline: index.timeline(),
        names: index,
        largest,
    };
    Ok(write(&report)?)
}

impl<L: Labels> Report<'_, L> {
    fn locations_by_size(&self) -> Vec<(String, u64, u64)> {
        largest(&self.statistics.top_locations, self.largest, |row| (row.bytes, row.allocations))
            .map(|row| (self.location_name(row.key), row.bytes, row.allocations))
            .collect()
    }

    fn locations_by_count(&self) -> Vec<(String, u64, u64)> {
        largest(&self.statistics.top_locations, self.largest, |row| (row.allocations, row.bytes))
            .map(|row| (self.location_name(row.key), row.bytes, row.allocations))
            .collect()
    }

    fn modules_by_size(&self) -> Vec<(String, u64, u64)> {
        largest(&self.statistics.top_modules, self.largest, |row| (row.bytes, row.allocations))
            .map(|row| (self.string(row.key), row.bytes, row.allocations))
            .collect()
    }

    fn modules_by_count(&self) -> Vec<(String, u64, u64)> {
        largest(&self.statistics.top_modules, self.largest, |row| (row.allocations, row.bytes))
            .map(|row| (self.string(row.key), row.bytes, row.allocations))
            .collect()
    }

    /// A location as memray's statistics name it: `load_frame:/srv/loader.py:88`.
    fn location_name(&self, location: LocationId) -> String {
        if location == LocationId::NONE {
            return "<stack trace unavailable>".to_owned();
        }
        let location = self.names.location(location);
        format!("{}:{}:{}", self.string(location.function), self.string(location.file), location.line)
    }

    fn string(&self, string: StringId) -> String {
        String::from_utf8_lossy(self.names.bytes(string)).into_owned()
    }
}

/// The first rows by a key, the largest first; rows of equal keys stay in their order.
fn largest<Key: Copy>(
    rows: &[StatisticsRow<Key>],
    count: usize,
    by: impl Fn(&StatisticsRow<Key>) -> (u64, u64),
) -> impl Iterator<Item = StatisticsRow<Key>> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| std::cmp::Reverse(by(row)));
    rows.into_iter().take(count)
}

#[cfg(test)]
mod sample {
    //! Statistics of two locations, made by hand.

    use super::*;
    use crate::handmade::{Names, info, timeline};
    use crate::headline::Segment;
    use crate::notes::NoteKind;
    use memray_format::Allocator;
    use memray_index::SizeBin;

    fn sample(names: &mut Names) -> Statistics {
        let a = names.own("load", "/srv/a.py", 3);
        let b = names.own("evil\u{1b}", "/srv/b.py", 4);
        let module = names.location(a).module;
        let row = |key, bytes, allocations| StatisticsRow { key, bytes, allocations };
        Statistics {
            allocations: 30,
            bytes: 5000,
            peak_bytes: 4000,
            size_range: (1, 2048),
            histogram: vec![
                SizeBin { min_bytes: 1, max_bytes: 1024, allocations: 29 },
                SizeBin { min_bytes: 1024, max_bytes: 2048, allocations: 1 },
            ],
            allocators: vec![(Allocator::Malloc, 20), (Allocator::Mmap, 10)],
            top_locations: vec![row(a, 3000, 2), row(b, 1900, 20), row(LocationId::NONE, 100, 8)],
            top_modules: vec![StatisticsRow { key: module, bytes: 5000, allocations: 30 }],
            ..Statistics::default()
        }
    }

    pub(super) fn with_sample<T>(largest: usize, run: impl FnOnce(&Report<'_, Names>) -> T) -> T {
        let mut names = Names::default();
        let statistics = sample(&mut names);
        let segments = vec![Segment::plain("Peak 3.91 KiB; all of it in load")];
        run(&Report {
            headline: &Headline { segments, facts: vec!["ran 41.3 s".to_owned(), "3 threads".to_owned()] },
            notes: &[Note { kind: NoteKind::Aggregated, text: "A note.".to_owned(), detail: None }],
            statistics: &statistics,
            info: &info(),
            timeline: &timeline(),
            names: &names,
            largest,
        })
    }
}
