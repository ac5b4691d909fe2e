// SPDX-License-Identifier: Apache-2.0
//! Memory graph and icicle on made-up data, to look at while working on them:
//! `cargo run -p memray-ui --example graph_and_icicle -- [light] [flames] [growth] [search] [zoom] [provisional] [quiet] [2x]`.

use eframe::egui;
use memray_index::{
    Amount, FrameKind, LocationId, LocationTraits, Moment, Pattern, SnapshotRow, StringId, ThreadIndex, TimeRange,
    Timeline, Tree, TreeNode, TreeNodeId,
};
use memray_report::size::Units;
use memray_report::time::WallClock;
use memray_ui::icicle::{self, Hits, Icicle};
use memray_ui::labels::{Labels, LocationLabel};
use memray_ui::memory_graph::{self, MemoryGraph};
use memray_ui::theme::Palette;
use std::borrow::Cow;
use std::collections::VecDeque;

const MIB: i64 = 1 << 20;

/// A frame: its location's row, its MiB, and what lies below it.
struct Branch(usize, f64, Vec<Branch>);

/// Function, file, line, module, whether it is own code.
type Row = (&'static str, &'static str, u32, &'static str, bool);

const SITE: &str = "/usr/lib/python3/dist-packages/";
const ROWS: [Row; 20] = [
    ("", "", 0, "", false),
    ("<module>", "/srv/svc.py", 214, "svc", true),
    ("main", "/srv/svc.py", 201, "svc", true),
    ("run_batch", "/srv/batch.py", 61, "batch", true),
    ("load_frame", "/srv/loader.py", 88, "loader", true),
    ("read_csv", "pandas/io/parsers/readers.py", 1026, "pandas", false),
    ("_read", "pandas/io/parsers/readers.py", 620, "pandas", false),
    ("read", "pandas/io/parsers/c_parser_wrapper.py", 234, "pandas", false),
    ("_concatenate_chunks", "pandas/io/parsers/c_parser_wrapper.py", 399, "pandas", false),
    ("libarrow.so.1900", "libarrow.so.1900", 0, "pyarrow", false),
    ("Cache.put", "/srv/cache.py", 44, "cache", true),
    ("dumps", "json/__init__.py", 231, "json", false),
    ("iterencode", "json/encoder.py", 258, "json", false),
    ("compress", "/srv/cache.py", 71, "cache", true),
    ("normalise", "/srv/batch.py", 74, "batch", true),
    ("[row for row in rows]", "/srv/batch.py", 75, "batch", true),
    ("load_model", "/srv/model.py", 12, "model", true),
    ("load", "pickle/__init__.py", 1213, "pickle", false),
    ("poll", "/srv/health.py", 9, "health", true),
    ("bootstrap", "threading.py", 1032, "threading", false),
];

struct Names;

impl Labels for Names {
    fn location(&self, location: LocationId) -> LocationLabel<'_> {
        let (function, file, line, module, is_own_code) = ROWS[location.index() % ROWS.len()];
        LocationLabel {
            function: function.into(),
            file: if file.starts_with('/') { file.into() } else { format!("{SITE}{file}").into() },
            line,
            kind: FrameKind::Python,
            module: module.into(),
            traits: LocationTraits { is_own_code, ..LocationTraits::default() },
        }
    }
    fn string(&self, _: StringId) -> Cow<'_, str> {
        "".into()
    }
    fn thread(&self, thread: ThreadIndex) -> String {
        format!("thread {}", thread.0)
    }
}

fn sample(is_growth: bool) -> Branch {
    let sign = if is_growth { -1.0 } else { 1.0 };
    let small = (0..3000).map(|i| Branch(5 + i % 15, 0.11, vec![])).collect();
    let parser = Branch(
        7,
        1500.0,
        vec![
            Branch(8, 1150.0, vec![Branch(8, 680.0, vec![Branch(8, 680.0, vec![])]), Branch(9, 410.0, vec![])]),
            Branch(11, 320.0, vec![Branch(12, 310.0, vec![Branch(17, 290.0, vec![])])]),
        ],
    );
    let load = Branch(
        4,
        1995.0,
        vec![
            Branch(5, 1650.0, vec![Branch(6, 1640.0, vec![parser])]),
            Branch(17, sign * 290.0, vec![Branch(17, sign * 280.0, vec![])]),
        ],
    );
    let batch =
        Branch(3, 2450.0, vec![load, Branch(14, 390.0, vec![Branch(15, 300.0, vec![]), Branch(14, 60.0, vec![])])]);
    let cache = Branch(10, 520.0, vec![Branch(11, 360.0, vec![Branch(12, 350.0, vec![])]), Branch(13, 140.0, vec![])]);
    Branch(
        0,
        3270.0,
        vec![
            Branch(
                1,
                2935.0,
                vec![Branch(2, 3115.0, vec![batch, cache, Branch(16, 150.0, vec![Branch(17, 130.0, vec![])])])],
            ),
            Branch(19, 345.0, vec![Branch(18, 340.0, small)]),
        ],
    )
}

fn tree(root: Branch) -> Tree {
    fn weight(branch: &Branch) -> f64 {
        branch.1.abs().max(branch.2.iter().map(weight).sum())
    }
    let mut nodes: Vec<TreeNode> = Vec::new();
    let mut queue = VecDeque::from([(TreeNodeId(0), 0_u32, 0_u64, root)]);
    while let Some((parent, depth, weight_before, branch)) = queue.pop_front() {
        let id = TreeNodeId(nodes.len() as u32);
        let bytes = |mib: f64| (mib * MIB as f64) as i64;
        let own = bytes(branch.1 - branch.2.iter().map(|child| child.1).sum::<f64>());
        nodes.push(TreeNode {
            location: LocationId(branch.0 as u32),
            thread: None,
            parent,
            first_child: 0,
            child_count: branch.2.len() as u32,
            depth,
            amount: Amount { bytes: bytes(branch.1), allocations: bytes(branch.1) / 4096 },
            own: Amount { bytes: own, allocations: own / 4096 },
            weight: bytes(weight(&branch)) as u64,
            weight_before,
        });
        let mut before = 0;
        let mut children = branch.2;
        children.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
        for child in children {
            let child_weight = bytes(weight(&child)) as u64;
            queue.push_back((id, depth + 1, before, child));
            before += child_weight;
        }
    }
    let mut first = 1;
    for node in &mut nodes {
        node.first_child = first;
        first += node.child_count;
    }
    Tree { nodes, is_inverted: false }
}

fn timeline() -> Timeline {
    let start_time_ms = 1_794_000_000_000;
    let bump = |t: f64, at: f64, width: f64| (-((t - at) / width).powi(2)).exp();
    let mut noise = 7_u64;
    let snapshots: Vec<_> = (1..=4130)
        .map(|i| {
            let t = f64::from(i) / 100.0;
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let jitter = (noise >> 40) as f64 / (1 << 24) as f64;
            let heap = 0.3 + 0.02 * t + 2.1 * bump(t, 14.2, 2.2) + 1.1 * bump(t, 25.0, 2.0) + 1.4 * bump(t, 32.0, 1.5);
            let gib = |size: f64| (size * f64::from(1 << 30)) as u64;
            SnapshotRow {
                time_ms: start_time_ms + i64::from(i) * 10,
                rss_bytes: gib(heap * 1.1 + 0.45 + 0.06 * jitter),
                heap_bytes: gib(heap + 0.05 * jitter),
            }
        })
        .collect();
    let mut interval_peaks: Vec<u64> = snapshots.iter().map(|s| s.heap_bytes + (1 << 22)).collect();
    let end_heap_bytes = snapshots.last().map_or(0, |s| s.heap_bytes);
    interval_peaks.push(end_heap_bytes);
    let (peak_interval, peak_bytes) =
        interval_peaks.iter().copied().enumerate().max_by_key(|(_, peak)| *peak).unwrap_or_default();
    let end_time_ms = start_time_ms + 41_300;
    let heaps = Timeline { end_heap_bytes, peak_bytes, peak_interval, ..Timeline::default() };
    Timeline { start_time_ms, end_time_ms, snapshots, interval_peaks, ..heaps }
}

struct Shown {
    has: Box<dyn Fn(&str) -> bool>,
    tree: Tree,
    timeline: Timeline,
    cache_bytes: Vec<u64>,
    hits: Option<Hits>,
    icicle: Icicle,
    graph: MemoryGraph,
    selected: Option<TreeNodeId>,
    range: Option<TimeRange>,
    moment: Option<Moment>,
}

impl eframe::App for Shown {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let palette = Palette::of(ui.visuals());
        let panel = |margin: i8| {
            let stroke = egui::Stroke::new(1.0, palette.outline);
            egui::Frame::new().fill(palette.panel).stroke(stroke).corner_radius(5).inner_margin(margin)
        };
        egui::Frame::new().fill(palette.background).inner_margin(14).show(ui, |ui| {
            panel(4).show(ui, |ui| {
                ui.set_height(165.0);
                let selection =
                    memory_graph::SelectionLine { name: "Cache.put", bytes: &self.cache_bytes, generation: 0 };
                let events = self.graph.show(
                    ui,
                    &memory_graph::Source {
                        timeline: &self.timeline,
                        generation: 0,
                        selection: self.selected.map(|_| selection),
                        range: self.range,
                        moment: self.moment,
                        stops_early: false,
                        is_provisional: (self.has)("provisional"),
                        units: Units::Binary,
                        clock: WallClock::Utc,
                        has_times_of_day: (self.has)("times-of-day"),
                        beside: None,
                        over: None,
                    },
                );
                if let Some(range) = events.range {
                    (self.range, self.moment) = (Some(range), None);
                }
                if let Some(moment) = events.moment {
                    (self.range, self.moment) = (None, Some(moment));
                }
            });
            panel(4).show(ui, |ui| {
                let total = self.tree.nodes[0].amount;
                let events = self.icicle.show(
                    ui,
                    &icicle::Source {
                        tree: &self.tree,
                        generation: 0,
                        total,
                        labels: &Names,
                        is_signed: (self.has)("growth"),
                        is_flames: (self.has)("flames"),
                        is_coloured: true,
                        hits: self.hits.as_ref(),
                        selected: self.selected,
                        units: Units::Binary,
                        is_of_one_capture: true,
                        changes: None,
                    },
                );
                if let Some(selection) = events.selection {
                    self.selected = selection.frame();
                }
            });
        });
    }
}

fn main() -> eframe::Result {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = move |word: &str| words.iter().any(|given| given == word);
    let tree = tree(sample(has("growth")));
    let timeline = timeline();
    let cache_bytes =
        timeline.snapshots.iter().map(|s| s.heap_bytes / 3).chain([timeline.end_heap_bytes / 3]).collect();
    let hits = has("search").then(|| icicle::search(&tree, &Names, &Pattern::Substring("cache".to_owned())));
    let cache = tree.nodes.iter().position(|node| node.location.0 == 10).map(|row| TreeNodeId(row as u32));
    let mut gallery = Shown {
        icicle: Icicle::default(),
        graph: MemoryGraph::default(),
        selected: cache.filter(|_| !has("quiet")),
        range: (!has("quiet")).then_some(TimeRange { from: Moment::Snapshot(1860), to: Moment::Snapshot(3630) }),
        moment: None,
        hits: hits.and_then(Result::ok),
        tree,
        timeline,
        cache_bytes,
        has: Box::new(has),
    };
    if (gallery.has)("zoom")
        && let Some(cache) = cache
    {
        gallery.icicle.zoom_to(cache);
    }
    let is_light = (gallery.has)("light");
    let is_fine = (gallery.has)("2x");
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([1440.0, 700.0]),
        ..eframe::NativeOptions::default()
    };
    eframe::run_native(
        "memray-view graph and icicle",
        options,
        Box::new(move |context| {
            memray_ui::fonts::install(&context.egui_ctx);
            context.egui_ctx.set_pixels_per_point(if is_fine { 2.0 } else { 1.0 });
            context.egui_ctx.set_theme(if is_light { egui::Theme::Light } else { egui::Theme::Dark });
            Ok(Box::new(gallery))
        }),
    )
}
