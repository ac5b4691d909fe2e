// SPDX-License-Identifier: Apache-2.0
//! memray's statistics, the headline before them: as text, and as JSON with memray's keys.
//!
//! [`Report`] leads: it holds what both forms show, in the order of `memray stats`. The JSON can be read by what reads
//! memray's; it has a `headline`, `facts` and `notes` besides.

use crate::columns::{table, wrap};
use crate::headline::Headline;
use crate::labels::Labels;
use crate::metadata::python_allocator_name;
use crate::notes::{Note, notes};
use crate::size::{Units, format_bytes, format_count, format_counted, format_share};
use crate::time::format_iso_utc;
use memray_format::FileFormat;
use memray_index::{CaptureInfo, Index, LocationId, Refusal, SizeBin, Statistics, StatisticsRow, StringId, Timeline};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::io::{self, Write};

/// How wide the longest bar of the histogram is, in characters.
const BAR_CHARS: u64 = 25;

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
                [
                    format_bytes(bytes, units),
                    format_counted(count, "allocation"),
                    crate::escape::visible(&name).into_owned(),
                ]
            })
            .collect();
        out.write_all(table(&rows).as_bytes())
    }

    /// The JSON.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        out.write_all(b"\n")
    }

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

/// What every text report begins with: headline, facts, notes.
pub(crate) fn write_opening(headline: &Headline, notes: &[Note], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n{}", wrap(&headline.text()), wrap(&headline.facts_line()))?;
    for note in notes {
        writeln!(out, "\n{}", wrap(&note.text))?;
    }
    Ok(())
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

impl<L: Labels> Serialize for Report<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let statistics = self.statistics;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("headline", &self.headline.text())?;
        object.serialize_entry("facts", &self.headline.facts)?;
        object.serialize_entry("notes", &self.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>())?;
        object.serialize_entry("total_num_allocations", &statistics.allocations)?;
        object.serialize_entry("total_bytes_allocated", &statistics.bytes)?;
        object.serialize_entry("allocation_size_histogram", &bins(&statistics.histogram))?;
        object.serialize_entry("allocator_type_distribution", &AllocatorCounts(statistics))?;
        let by_size = self.locations_by_size().into_iter().map(|(location, size, _)| LocationSize { location, size });
        object.serialize_entry("top_allocations_by_size", &by_size.collect::<Vec<_>>())?;
        let by_count =
            self.locations_by_count().into_iter().map(|(location, _, count)| LocationCount { location, count });
        object.serialize_entry("top_allocations_by_count", &by_count.collect::<Vec<_>>())?;
        object.serialize_entry("top_modules_by_allocation_size", &modules(self.modules_by_size()))?;
        object.serialize_entry("top_modules_by_allocation_count", &modules(self.modules_by_count()))?;
        object.serialize_entry("metadata", &Metadata::of(self))?;
        object.end()
    }
}

#[derive(Serialize)]
struct Bin {
    min_bytes: u64,
    max_bytes: u64,
    count: u64,
}

/// memray's bins name the first and the last size in them.
fn bins(histogram: &[SizeBin]) -> Vec<Bin> {
    let last = histogram.len().saturating_sub(1);
    histogram
        .iter()
        .enumerate()
        .map(|(i, bin)| Bin {
            min_bytes: if i == 0 { 0 } else { bin.min_bytes },
            max_bytes: if i == last { bin.max_bytes } else { bin.max_bytes.saturating_sub(1) },
            count: bin.allocations,
        })
        .collect()
}

struct AllocatorCounts<'a>(&'a Statistics);

impl Serialize for AllocatorCounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.allocators.iter().map(|(allocator, n)| (allocator.name().to_uppercase(), n)))
    }
}

#[derive(Serialize)]
struct LocationSize {
    location: String,
    size: u64,
}

#[derive(Serialize)]
struct LocationCount {
    location: String,
    count: u64,
}

#[derive(Serialize)]
struct Module {
    module: String,
    num_allocations: u64,
    total_bytes: u64,
}

fn modules(rows: Vec<(String, u64, u64)>) -> Vec<Module> {
    rows.into_iter()
        .map(|(module, total_bytes, num_allocations)| Module { module, num_allocations, total_bytes })
        .collect()
}

/// memray's metadata, by its names.
#[derive(Serialize)]
struct Metadata {
    start_time: String,
    end_time: String,
    /// Frees included, as in memray.
    total_allocations: u64,
    /// Distinct locations; memray 1.19 and later always says 0.
    total_frames: u64,
    peak_memory: u64,
    command_line: String,
    pid: i32,
    main_thread_id: u64,
    python_allocator: &'static str,
    has_native_traces: bool,
    trace_python_allocators: bool,
    file_format: u8,
}

impl Metadata {
    fn of<L>(report: &Report<'_, L>) -> Self {
        let header = &report.info.header;
        Self {
            start_time: format_iso_utc(header.start_time_ms),
            end_time: format_iso_utc(report.timeline.end_time_ms),
            total_allocations: report.info.counts.allocations_and_frees,
            total_frames: report.info.counts.locations,
            peak_memory: report.statistics.peak_bytes,
            command_line: String::from_utf8_lossy(&header.command_line).into_owned(),
            pid: header.pid,
            main_thread_id: header.main_thread.0,
            python_allocator: python_allocator_name(header.python_allocator),
            has_native_traces: header.has_native_traces,
            trace_python_allocators: header.traces_python_allocators,
            file_format: match header.file_format {
                FileFormat::AllAllocations => 0,
                FileFormat::Aggregated => 1,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{Names, info, timeline};
    use crate::headline::Segment;
    use crate::notes::NoteKind;
    use memray_format::Allocator;
    use serde_json::{Value, json};

    fn sample<'a>(names: &mut Names) -> Statistics {
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

    fn with_sample<T>(largest: usize, run: impl FnOnce(&Report<'_, Names>) -> T) -> T {
        let mut names = Names::default();
        let statistics = sample(&mut names);
        let segments = vec![Segment { text: "Peak 3.91 KiB; all of it in load".to_owned(), location: None }];
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
    fn json_has_memrays_keys() {
        let mut out = Vec::new();
        with_sample(1, |report| report.write_json(&mut out)).unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["headline"], "Peak 3.91 KiB; all of it in load");
        assert_eq!(value["total_num_allocations"], 30);
        assert_eq!(value["total_bytes_allocated"], 5000);
        assert_eq!(
            value["allocation_size_histogram"],
            json!([
                {"min_bytes": 0, "max_bytes": 1023, "count": 29},
                {"min_bytes": 1024, "max_bytes": 2048, "count": 1},
            ])
        );
        assert_eq!(value["allocator_type_distribution"], json!({"MALLOC": 20, "MMAP": 10}));
        assert_eq!(value["top_allocations_by_size"], json!([{"location": "load:/srv/a.py:3", "size": 3000}]));
        assert_eq!(value["top_allocations_by_count"], json!([{"location": "evil\u{1b}:/srv/b.py:4", "count": 20}]));
        let modules = json!([{"module": "module", "num_allocations": 30, "total_bytes": 5000}]);
        assert_eq!(value["top_modules_by_allocation_size"], modules);
        assert_eq!(value["top_modules_by_allocation_count"], modules);
        assert_eq!(
            value["metadata"],
            json!({
                "start_time": "2026-11-22 13:03:20+00:00",
                "end_time": "2026-11-22 13:04:01.300000+00:00",
                "total_allocations": 7,
                "total_frames": 3,
                "peak_memory": 4000,
                "command_line": "svc.py --batch june",
                "pid": 4242,
                "main_thread_id": 1,
                "python_allocator": "pymalloc",
                "has_native_traces": false,
                "trace_python_allocators": true,
                "file_format": 0,
            })
        );
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
