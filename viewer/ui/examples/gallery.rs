// throw-away
#![allow(missing_docs, dead_code, clippy::all)]
#[path = "../src/handmade.rs"]
mod handmade;
mod labels {
    pub use memray_ui::labels::*;
}
use handmade::Names;
use memray_format::*;
use memray_index::*;
use memray_report::size::Units;
use memray_report::time::WallClock;
use memray_ui::{details, fonts, growth_view, labels::Labels, statistics_view, table_view, theme::Palette};
use std::sync::Arc;
#[path = "/work/wt/app/viewer/ui/src/style.rs"]
mod style;
mod theme {
    pub use memray_ui::theme::*;
}

struct App {
    which: String,
    table: table_view::TableView,
    growth: growth_view::GrowthView,
    stats: statistics_view::StatisticsView,
    details: details::Details,
    labels: Arc<dyn Labels>,
    rows: Arc<Vec<Row>>,
    grown: Arc<Vec<GrowthRow>>,
    statistics: Arc<Statistics>,
    info: CaptureInfo,
    timeline: Timeline,
    stack: Vec<LocationId>,
    threads: Vec<(ThreadIndex, Amount)>,
    group_by: GroupBy,
    native: Vec<String>,
    sel: Option<RowKey>,
    by: GrowthBy,
}
fn amount(bytes: i64, allocations: i64) -> Amount {
    Amount { bytes, allocations }
}
fn main() {
    let which = std::env::args().nth(1).unwrap();
    let light = std::env::args().nth(2).as_deref() == Some("light");
    let ppp: f32 = std::env::args().nth(3).map_or(1.0, |s| s.parse().unwrap());
    let mut n = Names::new();
    let m = n.own("<module>", "/srv/app/svc.py", 214);
    let main_ = n.own("main", "/srv/app/svc.py", 201);
    let rb = n.own("run_batch", "/srv/app/batch.py", 61);
    let lf = n.own("load_frame", "/srv/app/loader.py", 88);
    let put = n.own("put", "/work/wt/views/viewer/index/src/site.rs", 20);
    let rc = n.library("read_csv", "/usr/lib/python3.12/site-packages/pandas/io/parsers/readers.py", 1026);
    let du = n.library("dumps", "/usr/lib/python3.12/json/__init__.py", 231);
    let it = n.library("iterencode", "/usr/lib/python3.12/json/encoder.py", 258);
    let evil = n.library("evil\u{202e}name\n", "/tmp/a\u{1b}[31m.py", 1);
    n.threads = vec!["main".into(), "worker-1".into(), "a thread of a rather long name".into()];
    let mut rows = vec![];
    let locs = [m, main_, rb, lf, put, rc, du, it, evil];
    let sizes: [i64; 9] =
        [3350000000, 3307000000, 2576980377, 2093796556, 545259520, 1717986918, 92000000, 41000000, 812];
    for (i, (l, s)) in locs.iter().zip(sizes).enumerate() {
        rows.push(Row {
            key: RowKey::Location(*l),
            inclusive: amount(s, 1204311 / (i as i64 + 1)),
            own: amount(if i < 3 { 0 } else { s / (i as i64 * 3) }, 12),
        });
    }
    for i in 0..60 {
        let l = n.library(
            &format!("helper_{i}"),
            &format!("/usr/lib/python3.12/site-packages/numpy/core/part_{i}.py"),
            i * 7 + 1,
        );
        rows.push(Row { key: RowKey::Location(l), inclusive: amount(800 - i as i64 * 10, 3), own: amount(0, 0) });
    }
    rows.push(Row { key: RowKey::None, inclusive: amount(23, 1), own: amount(23, 1) });
    let spark = |f: &dyn Fn(f64) -> f64| (0..120).map(|i| f(i as f64 / 119.0) as u64).collect::<Vec<_>>();
    let g = |k, b, a, live, slope, shape| GrowthRow {
        key: RowKey::Location(k),
        before: amount(b, 10),
        after: amount(a, 96418),
        live_bytes: live,
        slope_bytes_per_hour: slope,
        shape,
    };
    let grown = vec![
        g(
            put,
            12 << 20,
            532 << 20,
            spark(&|t| 12e6 + 520e6 * t + 6e6 * (t * 40.0).sin()),
            1.38 * 1073741824.0,
            GrowthShape::Steady,
        ),
        g(
            lf,
            2 << 20,
            200 << 20,
            spark(&|t| if t < 0.3 { 2e6 + 660e6 * t } else { 2e8 }),
            300e6,
            GrowthShape::LevelledOff,
        ),
        g(rb, 2 << 20, 60 << 20, spark(&|t| if t < 0.6 { 2e6 } else { 6e7 }), 60e6, GrowthShape::Step),
        g(du, 1 << 20, 1 << 20, spark(&|_| 1e6), 0.0, GrowthShape::NotGrowing),
        g(it, 90 << 20, 12 << 20, spark(&|t| 9e7 - 7.8e7 * t), -2.0e8, GrowthShape::NotGrowing),
    ];
    let st = Statistics {
        allocations: 121_800_311,
        bytes: 98_000_000_000,
        peak_bytes: 3_435_973_837,
        allocations_by_size: vec![],
        size_buckets: (0..65)
            .map(|i| if i > 3 && i < 28 { 2_000_000 / (i as u64) + (if i == 7 { 9_000_000 } else { 0 }) } else { 0 })
            .collect(),
        size_range: (1, 268435456),
        histogram: (0..10)
            .map(|i| SizeBin {
                min_bytes: 7u64.pow(i),
                max_bytes: 7u64.pow(i + 1),
                allocations: if i == 2 {
                    80_000_000
                } else if i == 9 {
                    3
                } else {
                    9_000_000 / (i as u64 + 1)
                },
            })
            .collect(),
        allocators: vec![
            (Allocator::Malloc, 80_000_000),
            (Allocator::PymallocMalloc, 40_000_000),
            (Allocator::Realloc, 1_000_000),
            (Allocator::Mmap, 812),
            (Allocator::PosixMemalign, 1),
        ],
        top_locations: locs
            .iter()
            .zip(sizes)
            .map(|(l, s)| StatisticsRow { key: *l, bytes: s as u64 * 20, allocations: s as u64 / 90 })
            .chain([StatisticsRow { key: LocationId::NONE, bytes: 99, allocations: 3 }])
            .collect(),
        top_modules: ["pandas", "svc", "json", "<root>", "numpy"]
            .iter()
            .enumerate()
            .map(|(i, x)| StatisticsRow {
                key: n.intern(x),
                bytes: 90_000_000_000 >> (i * 2),
                allocations: 12_000 << i,
            })
            .collect(),
    };
    let header = Header { version: 13, python_version: Some(0x030c04f0), has_native_traces: false, file_format: FileFormat::AllAllocations, allocation_count: 0, frame_count: 0, start_time_ms: 1795352600999, end_time_ms: 1795352642299, command_line: b"/usr/bin/python svc.py --batch june --with-a-very-long-option=/srv/data/2026/june/input/frames-000001.parquet --another yes".to_vec(), pid: 4242, main_thread: ThreadId(1), skipped_frames_on_main_thread: 0, python_allocator: PythonAllocator::Pymalloc, traces_python_allocators: false, tracks_object_lifetimes: false, module_paths: None };
    let info = CaptureInfo {
        header,
        file_name: "memray-svc.py.4242.bin".into(),
        file_size_bytes: 152_000_000,
        counts: RecordCounts {
            records: 243_900_112,
            allocations_and_frees: 240_000_000,
            allocations: 121_800_311,
            unmatched_frees: 12,
            locations: 4112,
        },
        total_bytes_allocated: 98_000_000_000,
        peak_rss: Some((4_294_967_296, 1795352616099)),
        ending: Ending::Complete,
        duration_ms: 41300,
    };
    let timeline = Timeline {
        start_time_ms: 1795352600999,
        end_time_ms: 1795352642299,
        snapshots: vec![],
        interval_peaks: vec![],
        end_heap_bytes: 1181116006,
        peak_bytes: 3_435_973_837,
        peak_interval: 0,
    };
    let stack = vec![m, main_, put, du, it];
    let threads = vec![
        (ThreadIndex(0), amount(526385152, 90000)),
        (ThreadIndex(1), amount(18874368, 6418)),
        (ThreadIndex(2), amount(0, 0)),
    ];
    let labels: Arc<dyn Labels> = Arc::new(n);
    let app = App {
        which: which.clone(),
        table: Default::default(),
        growth: Default::default(),
        stats: Default::default(),
        details: Default::default(),
        labels,
        rows: Arc::new(rows),
        grown: Arc::new(grown),
        statistics: Arc::new(st),
        info,
        timeline,
        stack,
        threads,
        group_by: GroupBy::Location,
        native: vec!["libc.so.6+0x9a3b0".into(), "libarrow.so.1900+0x12ab".into()],
        sel: Some(RowKey::Location(put)),
        by: GrowthBy::Inclusive,
    };
    let size = if which == "details" { [330.0, 700.0] } else { [1060.0, 640.0] };
    let size = [size[0] * ppp, size[1] * ppp];
    let opts = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size(size).with_position([0.0, 0.0]),
        ..Default::default()
    };
    eframe::run_native(
        "gallery",
        opts,
        Box::new(move |cc| {
            style::install(&cc.egui_ctx);
            cc.egui_ctx.set_theme(if light { egui::Theme::Light } else { egui::Theme::Dark });
            cc.egui_ctx.set_zoom_factor(ppp);
            Ok(Box::new(app))
        }),
    )
    .unwrap();
}
impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _f: &mut eframe::Frame) {
        let p = Palette::of(ui.visuals());
        let inner = if self.which == "details" { 12 } else { 8 };
        egui::CentralPanel::default().frame(egui::Frame::new().fill(p.panel).inner_margin(inner)).show(ui, |ui| {
            match self.which.as_str() {
                "table" => {
                    let e = self.table.show(
                        ui,
                        &table_view::Source {
                            rows: &self.rows,
                            total: amount(3350000000, 1204311),
                            group_by: self.group_by,
                            labels: &self.labels,
                            hits: None,
                            selected: self.sel,
                            units: Units::Binary,
                        },
                    );
                    if e.selected.is_some() {
                        self.sel = e.selected;
                    }
                    if let Some(g) = e.group_by {
                        self.group_by = g;
                    }
                }
                "growth" => {
                    let e = self.growth.show(
                        ui,
                        &growth_view::Source {
                            rows: Ok(&self.grown),
                            by: self.by,
                            range: "from 4.13 s to the end",
                            labels: &self.labels,
                            selected: self.sel,
                            units: Units::Binary,
                        },
                    );
                    if e.selected.is_some() {
                        self.sel = e.selected;
                    }
                    if let Some(b) = e.by {
                        self.by = b;
                    }
                }
                "statistics" => {
                    self.stats.show(
                        ui,
                        &statistics_view::Source {
                            statistics: Ok(&self.statistics),
                            info: &self.info,
                            timeline: &self.timeline,
                            thread_count: 3,
                            labels: &*self.labels,
                            units: Units::Binary,
                            clock: WallClock::Utc,
                        },
                    );
                }
                _ => {
                    self.details.show(
                        ui,
                        Some(&details::Source {
                            key: RowKey::Location(self.stack[2]),
                            group_by: GroupBy::Location,
                            amount_words: "live in selection",
                            amount: amount(545259520, 96418),
                            own: amount(20971520, 12),
                            total: amount(3435973837, 1204311),
                            caller: Some(amount(3307000000, 1)),
                            growth: Some(details::Growth {
                                slope_bytes_per_hour: 1.38 * 1073741824.0,
                                shape: GrowthShape::Steady,
                            }),
                            threads: &self.threads,
                            stack: &self.stack,
                            selected_frame: Some(2),
                            native: &self.native,
                            source_folders: &[],
                            capture_end_ms: 1,
                            labels: &*self.labels,
                            units: Units::Binary,
                        }),
                    );
                }
            }
        });
    }
}
