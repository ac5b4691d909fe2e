// SPDX-License-Identifier: Apache-2.0
//! What an export says of the capture that it comes from, and of the question it answers.
//!
//! Counts that memray's reports lump together stay apart here: `records` of all kinds, `allocation_records` with their
//! frees, and `allocations` alone.

use crate::moments::{elapsed_ms, format_moment};
use memray_format::{FileFormat, PythonAllocator};
use memray_index::{
    Answer, CaptureInfo, Ending, Filter, Index, Mode, Moment, Pattern, StoppedBy, StringId, ThreadIndex, TimeRange,
    Timeline,
};
use serde::Serialize;

/// Facts of a capture.
#[derive(Clone, Debug, Serialize)]
pub struct CaptureFacts {
    file: String,
    file_size_bytes: u64,
    format_version: i32,
    file_format: &'static str,
    command_line: String,
    pid: i32,
    python_version: Option<String>,
    recorder: Option<String>,
    python_allocator: &'static str,
    trace_python_allocators: bool,
    has_native_traces: bool,
    track_object_lifetimes: bool,
    main_thread_id: u64,
    start_time_ms: i64,
    end_time_ms: i64,
    duration_ms: i64,
    peak_memory_bytes: u64,
    peak_rss_bytes: Option<u64>,
    peak_rss_time_ms: Option<i64>,
    records: u64,
    allocation_records: u64,
    allocations: u64,
    unmatched_frees: u64,
    locations: u64,
    threads: usize,
    snapshots: usize,
    ending: EndingFacts,
}

/// How a capture ended.
#[derive(Clone, Debug, Serialize)]
struct EndingFacts {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Facts of a capture and of the question that was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Metadata {
    generator: &'static str,
    mode: &'static str,
    label: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moment: Option<MomentFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<MomentFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<MomentFacts>,
    heap_bytes: Option<u64>,
    split_threads: bool,
    filter: FilterFacts,
    #[serde(flatten)]
    capture: CaptureFacts,
}

#[derive(Clone, Debug, Serialize)]
struct MomentFacts {
    at: String,
    time_ms: i64,
    elapsed_ms: i64,
}

#[derive(Clone, Debug, Serialize)]
struct FilterFacts {
    thread: Option<String>,
    allocator: Option<&'static str>,
    module: Option<String>,
    file: Option<String>,
    function: Option<String>,
    hide_import_system: bool,
    hide_irrelevant: bool,
    hidden_functions: Vec<String>,
}

impl CaptureFacts {
    /// The facts of an index's capture.
    pub fn of(index: &Index) -> Self {
        Self::new(index.info(), index.timeline(), index.threads().len())
    }

    /// The facts of what was made ready.
    pub fn new(info: &CaptureInfo, timeline: &Timeline, threads: usize) -> Self {
        let header = &info.header;
        Self {
            file: info.file_name.clone(),
            file_size_bytes: info.file_size_bytes,
            format_version: header.version,
            file_format: match header.file_format {
                FileFormat::AllAllocations => "all_allocations",
                FileFormat::Aggregated => "aggregated_allocations",
            },
            command_line: String::from_utf8_lossy(&header.command_line).into_owned(),
            pid: header.pid,
            python_version: header.python_version.map(python_version),
            recorder: info.recorder.as_ref().map(|recorder| recorder.name().to_owned()),
            python_allocator: python_allocator_name(header.python_allocator),
            trace_python_allocators: header.traces_python_allocators,
            has_native_traces: header.has_native_traces,
            track_object_lifetimes: header.tracks_object_lifetimes,
            main_thread_id: header.main_thread.0,
            start_time_ms: header.start_time_ms,
            end_time_ms: timeline.end_time_ms,
            duration_ms: info.duration_ms,
            peak_memory_bytes: timeline.peak_bytes,
            peak_rss_bytes: info.peak_rss.map(|(bytes, _)| bytes),
            peak_rss_time_ms: info.peak_rss.map(|(_, time_ms)| time_ms),
            records: info.counts.records,
            allocation_records: info.counts.allocations_and_frees,
            allocations: info.counts.allocations,
            unmatched_frees: info.counts.unmatched_frees,
            locations: info.counts.locations,
            threads,
            snapshots: timeline.snapshots.len(),
            ending: EndingFacts::of(&info.ending),
        }
    }
}

impl EndingFacts {
    fn of(ending: &Ending) -> Self {
        let (kind, rest) = match ending {
            Ending::Complete => ("complete", None),
            Ending::Stopped(StoppedBy::MaxSize(_)) => ("stopped_by_max_size", None),
            Ending::Stopped(StoppedBy::Duration(_)) => ("stopped_by_duration", None),
            Ending::Stopped(StoppedBy::WriteError(_)) => ("stopped_by_write_error", None),
            Ending::Truncated { offset, reason } => ("truncated", Some((offset, reason))),
            Ending::Damaged { offset, reason } => ("damaged", Some((offset, reason))),
        };
        Self { kind, offset: rest.map(|(offset, _)| *offset), reason: rest.map(|(_, reason)| reason.clone()) }
    }
}

impl Metadata {
    /// The metadata of an answer; `label` is what its mode is called for this capture.
    pub fn of_answer(index: &Index, answer: &Answer, label: &'static str) -> Self {
        let thread = |thread| crate::labels::thread_label(index, thread);
        let filter = FilterFacts::of(&answer.question.filter, thread, |name| index.text(name).into_owned());
        Self::new(CaptureFacts::of(index), index.timeline(), answer, filter, label)
    }

    fn new(
        capture: CaptureFacts,
        timeline: &Timeline,
        answer: &Answer,
        filter: FilterFacts,
        label: &'static str,
    ) -> Self {
        let facts = |moment: Moment| MomentFacts {
            at: format_moment(moment),
            time_ms: timeline.time_ms(moment),
            elapsed_ms: elapsed_ms(timeline, moment),
        };
        let mode = answer.question.mode;
        let range = range_of(&mode);
        Self {
            generator: concat!("memray-view ", env!("CARGO_PKG_VERSION")),
            mode: mode_name(&mode),
            label,
            threshold: if let Mode::Temporary { threshold } = mode { Some(threshold) } else { None },
            moment: if let Mode::LiveAt(moment) = mode { Some(facts(moment)) } else { None },
            from: range.map(|range| facts(range.from)),
            to: range.map(|range| facts(range.to)),
            heap_bytes: answer.heap_bytes,
            split_threads: answer.question.split_threads,
            filter,
            capture,
        }
    }
}

impl FilterFacts {
    fn of(filter: &Filter, thread_label: impl Fn(ThreadIndex) -> String, text: impl Fn(StringId) -> String) -> Self {
        let pattern = |pattern: &Option<Pattern>| {
            pattern.as_ref().map(|pattern| match pattern {
                Pattern::Substring(text) => text.clone(),
                Pattern::Regex(text) => format!("/{text}/"),
            })
        };
        Self {
            thread: filter.thread.map(thread_label),
            allocator: filter.allocator.map(|allocator| allocator.name()),
            module: pattern(&filter.module),
            file: pattern(&filter.file),
            function: pattern(&filter.function),
            hide_import_system: filter.hide_import_system,
            hide_irrelevant: filter.hide_irrelevant,
            hidden_functions: filter.hidden_functions.iter().map(|&name| text(name)).collect(),
        }
    }
}

fn range_of(mode: &Mode) -> Option<TimeRange> {
    match mode {
        Mode::RangeLive(range) | Mode::RangePeak(range) | Mode::RangeGrowth(range) | Mode::RangeChurn(range) => {
            Some(*range)
        }
        _ => None,
    }
}

/// A mode's name on the command line.
pub(crate) fn mode_name(mode: &Mode) -> &'static str {
    match mode {
        Mode::Peak => "peak",
        Mode::Leaked => "leaked",
        Mode::LiveAt(_) => "live",
        Mode::RangeLive(_) => "range-live",
        Mode::RangePeak(_) => "range-peak",
        Mode::RangeGrowth(_) => "range-growth",
        Mode::RangeChurn(_) => "range-churn",
        Mode::Temporary { .. } => "temporary",
        Mode::Total => "total",
    }
}

/// The traced Python's version, from `PY_VERSION_HEX`: `3.12.1`, `3.14.0rc2`.
pub fn python_version(hex: u32) -> String {
    let [major, minor, micro, level] = hex.to_be_bytes();
    let serial = level & 0xf;
    let suffix = match level >> 4 {
        0xa => format!("a{serial}"),
        0xb => format!("b{serial}"),
        0xc => format!("rc{serial}"),
        _ => String::new(),
    };
    format!("{major}.{minor}.{micro}{suffix}")
}

/// Python's allocator, as memray's metadata names it.
pub fn python_allocator_name(allocator: PythonAllocator) -> &'static str {
    match allocator {
        PythonAllocator::Pymalloc => "pymalloc",
        PythonAllocator::PymallocDebug => "pymalloc debug",
        PythonAllocator::Malloc => "malloc",
        PythonAllocator::Other => "unknown",
        PythonAllocator::Mimalloc => "mimalloc",
        PythonAllocator::MimallocDebug => "mimalloc debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{START_MS, info, timeline};
    use memray_index::{Amount, Question};
    use serde_json::{Value, json};

    fn metadata(info: &CaptureInfo, question: Question, label: &'static str) -> Value {
        let answer = Answer { total: Amount::default(), sites: Vec::new(), heap_bytes: Some(9), question };
        let capture = CaptureFacts::new(info, &timeline(), 3);
        let filter = FilterFacts::of(&answer.question.filter, |_| "0x2 (worker)".to_owned(), |_| "wrapper".to_owned());
        serde_json::to_value(Metadata::new(capture, &timeline(), &answer, filter, label)).unwrap()
    }

    #[test]
    fn records_and_allocations_stay_apart() {
        let value = metadata(&info(), Question::default(), "peak");
        assert_eq!(value["records"], 20);
        assert_eq!(value["allocation_records"], 7);
        assert_eq!(value["allocations"], 5);
        assert_eq!(value["ending"], json!({"kind": "complete"}));
        assert_eq!(value["python_version"], "3.12.1");
        assert_eq!(value["command_line"], "svc.py --batch june");
        assert_eq!(value.get("moment"), None);
    }

    #[test]
    fn ranges_and_filters_are_told() {
        let range = TimeRange { from: Moment::Snapshot(2), to: Moment::End };
        let question = Question {
            mode: Mode::RangeChurn(range),
            filter: Filter {
                thread: Some(ThreadIndex(1)),
                function: Some(Pattern::Regex("^a".to_owned())),
                hide_irrelevant: true,
                hidden_functions: vec![StringId(4)],
                ..Filter::default()
            },
            split_threads: true,
        };
        let value = metadata(&info(), question, "allocated in a range");
        assert_eq!(value["mode"], "range-churn");
        assert_eq!(value["from"], json!({"at": "#2", "time_ms": START_MS + 2000, "elapsed_ms": 2000}));
        assert_eq!(value["to"], json!({"at": "end", "time_ms": START_MS + 41_300, "elapsed_ms": 41_300}));
        assert_eq!(value["split_threads"], true);
        assert_eq!(value["filter"]["thread"], "0x2 (worker)");
        assert_eq!(value["filter"]["function"], "/^a/");
        assert_eq!(value["filter"]["allocator"], Value::Null);
        assert_eq!(value["filter"]["hidden_functions"], json!(["wrapper"]));
    }

    #[test]
    fn damage_is_told_with_offset_and_reason() {
        let mut info = info();
        info.ending = Ending::Damaged { offset: 12, reason: "unknown record".to_owned() };
        let question = Question { mode: Mode::Leaked, ..Question::default() };
        let value = metadata(&info, question, "live when the recording stops");
        assert_eq!(value["ending"], json!({"kind": "damaged", "offset": 12, "reason": "unknown record"}));
        assert_eq!((&value["mode"], &value["label"]), (&json!("leaked"), &json!("live when the recording stops")));
    }

    #[test]
    fn python_versions_are_read_from_their_hexadecimal_form() {
        assert_eq!(python_version(0x030c_01f0), "3.12.1");
        assert_eq!(python_version(0x030e_00c2), "3.14.0rc2");
        assert_eq!(python_version(u32::MAX), "255.255.255");
    }
}
