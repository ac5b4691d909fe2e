// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::fonts;
use crate::handmade::Names;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use memray_format::{Allocator, FileFormat, Header, PythonAllocator, ThreadId};
use memray_index::{Ending, RecordCounts, SizeBin, StatisticsRow};

const START_MS: i64 = 1_795_352_600_000;

struct Shown {
    view: StatisticsView,
    statistics: Result<Arc<Statistics>, String>,
    info: CaptureInfo,
    timeline: Timeline,
    names: Names,
    events: Vec<Events>,
}

fn info() -> CaptureInfo {
    CaptureInfo {
        header: Header {
            version: 13,
            python_version: Some(0x030c_04f0),
            has_native_traces: true,
            file_format: FileFormat::AllAllocations,
            allocation_count: 30,
            frame_count: 0,
            start_time_ms: START_MS,
            end_time_ms: START_MS + 41_300,
            command_line: b"svc.py --name \x1b[31m".to_vec(),
            pid: 4242,
            main_thread: ThreadId(1),
            skipped_frames_on_main_thread: 0,
            python_allocator: PythonAllocator::Pymalloc,
            traces_python_allocators: false,
            tracks_object_lifetimes: false,
            module_paths: None,
        },
        file_name: "svc.bin".to_owned(),
        file_size_bytes: 152 << 20,
        counts: RecordCounts {
            records: 243_900_112,
            allocations_and_frees: 58,
            allocations: 30,
            unmatched_frees: 12,
            locations: 4112,
        },
        total_bytes_allocated: 5000,
        peak_rss: Some((4 << 30, START_MS + 15_100)),
        ending: Ending::Complete,
        duration_ms: 41_300,
        recorder: Some(memray_index::Recorder::Memray),
        appendix_problem: None,
    }
}

fn sample() -> (Names, Statistics) {
    let mut names = Names::new();
    let load = names.own("load", "/srv/a.py", 3);
    let often = names.own("often", "/srv/b.py", 4);
    let module = names.intern("pandas");
    let row = |key, bytes, allocations| StatisticsRow { key, bytes, allocations };
    let statistics = Statistics {
        allocations: 30,
        bytes: 5 << 30,
        peak_bytes: 3 << 30,
        size_buckets: [vec![1, 0, 20, 9], vec![0; 61]].concat(),
        size_range: (2, 2048),
        histogram: vec![
            SizeBin { min_bytes: 2, max_bytes: 1024, allocations: 29 },
            SizeBin { min_bytes: 1024, max_bytes: 2048, allocations: 1 },
        ],
        allocators: vec![(Allocator::Malloc, 20), (Allocator::Mmap, 10)],
        top_locations: vec![row(load, 3000, 2), row(often, 1900, 20), row(memray_index::LocationId::NONE, 100, 8)],
        top_modules: vec![StatisticsRow { key: module, bytes: 5000, allocations: 30 }],
        ..Statistics::default()
    };
    (names, statistics)
}

fn harness(statistics: Result<Statistics, String>, names: Names, info: CaptureInfo) -> Harness<'static, Shown> {
    let timeline = Timeline {
        start_time_ms: START_MS,
        end_time_ms: START_MS + 41_300,
        peak_bytes: 3 << 30,
        end_heap_bytes: 1 << 30,
        ..Timeline::default()
    };
    let statistics = statistics.map(Arc::new);
    let shown = Shown { view: StatisticsView::default(), statistics, info, timeline, names, events: Vec::new() };
    Harness::builder().with_size([1000.0, 900.0]).with_context_setup(fonts::install).build_ui_state(
        |ui, shown: &mut Shown| {
            let source = Source {
                statistics: shown.statistics.as_ref().map_err(String::as_str),
                info: &shown.info,
                timeline: &shown.timeline,
                thread_count: 3,
                labels: &shown.names,
                units: Units::Binary,
                clock: WallClock::Utc,
            };
            let events = shown.view.show(ui, &source);
            if events != Events::default() {
                shown.events.push(events);
            }
        },
        shown,
    )
}

#[test]
fn everything_that_memrays_report_shows_is_there() {
    let (names, statistics) = sample();
    let harness = harness(Ok(statistics), names, info());
    for label in [
        "5.00 GiB",
        "3.00 GiB",
        "4.00 GiB at 15.1 s",
        "svc.py --name \\u{1b}[31m",
        "4242",
        "2026-11-22 13:03:20 UTC",
        "2026-11-22 13:04:01 UTC",
        "41.3 s",
        "3.12.4",
        "pymalloc",
        "version 13, all allocations",
        "243,900,112",
        "complete",
        "2 B – 1.00 KiB  29",
        "malloc  20",
        "load a.py:3 2.93 KiB",
        "no Python stack  100 B",
        "pandas  4.88 KiB",
    ] {
        harness.get_by_label(label);
    }
}

#[test]
fn rankings_and_sizes_have_two_forms() {
    let (names, statistics) = sample();
    let mut harness = harness(Ok(statistics), names, info());
    harness.get_by_label("Largest locations by allocations").click();
    harness.get_by_label("Sizes of allocations powers of two").click();
    harness.run();
    let top = |label: &str| harness.get_by_label(label).rect().top();
    assert!(top("often b.py:4 20") < top("no Python stack  8"));
    assert!(top("no Python stack  8") < top("load a.py:3 2"));
    harness.get_by_label("0 B  1");
    harness.get_by_label("from 2 B  20");
    harness.get_by_label("from 4 B  9");
}

#[test]
fn a_click_on_a_location_selects_it() {
    let (names, statistics) = sample();
    let load = statistics.top_locations[0].key;
    let mut harness = harness(Ok(statistics), names, info());
    harness.get_by_label("load a.py:3 2.93 KiB").click();
    harness.run();
    assert_eq!(harness.state().events, [Events { selected: Some(RowKey::Location(load)), copied: false }]);
}

#[test]
fn an_aggregated_capture_says_why_and_shows_what_is_known() {
    let mut info = info();
    info.header.file_format = FileFormat::Aggregated;
    let refusal = "This capture holds only sums by location, so it has no statistics of single allocations.";
    let harness = harness(Err(refusal.to_owned()), Names::new(), info);
    harness.get_by_label(refusal);
    harness.get_by_label("version 13, sums by location");
    assert!(harness.query_by_label("Allocators").is_none());
}

#[test]
fn all_of_it_is_copied_with_exact_bytes() {
    let (names, statistics) = sample();
    let mut harness = harness(Ok(statistics), names, info());
    harness.get_by_label("Copy").click();
    harness.run_ok();
    assert!(harness.state().events.last().unwrap().copied);
    let shown = harness.state();
    let text = shown.view.page.as_ref().unwrap().text(&shown.view.chosen);
    assert!(text.starts_with("Memory\n  Allocated in all: 5,368,709,120 B\n  Allocations: 30\n"), "{text}");
    assert!(
        text.contains("Largest locations, by bytes\n  load a.py:3: 2.93 KiB in 2 allocations, <0.1 % of all\n"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
}
