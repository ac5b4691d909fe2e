// SPDX-License-Identifier: Apache-2.0
//! Statistics as JSON, with the keys of `memray stats --json`.

use super::Report;
use crate::json;
use crate::labels::Labels;
use crate::metadata::python_allocator_name;
use crate::time::format_iso_utc;
use memray_format::FileFormat;
use memray_index::{SizeBin, Statistics};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::io::{self, Write};

impl<L: Labels> Report<'_, L> {
    /// The JSON.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write_pretty(self, out)?;
        out.write_all(b"\n")
    }
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
    use super::super::sample::with_sample;
    use serde_json::{Value, json};

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
}
