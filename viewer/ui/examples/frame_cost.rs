// SPDX-License-Identifier: Apache-2.0
//! What a frame costs: the UI pass and tessellation of an icicle over a tree of a million nodes, at several zooms and
//! depths, and of a memory graph over 360,000 snapshots. No window, no graphics; the median and the worst of 31 frames,
//! the view moving in each. `cargo run --release -p memray-ui --example frame_cost`; fails if a frame takes over 8 ms.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use egui::{Context, Event, RawInput, Rect, pos2, vec2};
use memray_index::{
    Amount, FrameKind, LocationId, LocationTraits, SnapshotRow, StringId, ThreadIndex, Timeline, Tree, TreeNode,
    TreeNodeId,
};
use memray_report::size::Units;
use memray_report::time::WallClock;
use memray_ui::icicle::{self, Icicle};
use memray_ui::labels::{Labels, LocationLabel};
use memray_ui::memory_graph::{self, MemoryGraph};
use std::borrow::Cow;
use std::collections::BinaryHeap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const FRAMES: usize = 31;
const LIMIT: Duration = Duration::from_millis(8);
const SIZE: egui::Vec2 = vec2(1920.0, 800.0);

struct Names;

impl Labels for Names {
    fn location(&self, location: LocationId) -> LocationLabel<'_> {
        let number = location.0;
        LocationLabel {
            function: format!("function_{number}").into(),
            file: format!("/srv/app/package_{}/module_{}.py", number % 40, number % 700).into(),
            line: number % 900,
            kind: FrameKind::Python,
            module: format!("package_{}", number % 40).into(),
            traits: LocationTraits { is_own_code: !number.is_multiple_of(3), ..LocationTraits::default() },
        }
    }
    fn string(&self, _: StringId) -> Cow<'_, str> {
        "".into()
    }
    fn thread(&self, _: ThreadIndex) -> String {
        "main".to_owned()
    }
}

/// Numbers without luck: the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

fn node(location: u32, parent: u32, depth: u32, weight: u64, weight_before: u64) -> TreeNode {
    let amount = Amount { bytes: weight as i64, allocations: 1 + weight as i64 / 4096 };
    TreeNode {
        location: LocationId(location),
        thread: None,
        parent: TreeNodeId(parent),
        first_child: 0,
        child_count: 0,
        depth,
        amount,
        own: Amount::default(),
        weight,
        weight_before,
    }
}

/// As programs are: functions that call one other, and now and then several; the heaviest frames opened first, so that
/// there is as much to see as can be.
fn plausible(count: usize) -> Tree {
    let mut numbers = Numbers(1);
    let mut nodes = vec![node(0, 0, 0, 64 << 30, 0)];
    let mut heaviest = BinaryHeap::from([(64_u64 << 30, 0_usize)]);
    while nodes.len() < count
        && let Some((weight, at)) = heaviest.pop()
    {
        let (mut left, depth, first) = (weight, nodes[at].depth, nodes.len() as u32);
        let most = if numbers.below(10) < 8 { 1 } else { 2 + numbers.below(6) };
        let mut weights = Vec::new();
        while left > 64 && (weights.len() as u64) < most {
            let share = if most == 1 { 97 + numbers.below(4) } else { 30 + numbers.below(40) };
            weights.push(left * share / 100);
            left -= left * share / 100;
        }
        weights.sort_unstable_by(|a, b| b.cmp(a));
        let mut before = 0;
        for weight in &weights {
            heaviest.push((*weight, nodes.len()));
            nodes.push(node(1 + numbers.below(20_000) as u32, at as u32, depth + 1, *weight, before));
            before += weight;
        }
        nodes[at].first_child = first;
        nodes[at].child_count = weights.len() as u32;
    }
    Tree { nodes, is_inverted: false }
}

/// The worst for the eye and for us: every frame as wide as one pixel, on every level.
fn towers(towers: u32, depth: u32) -> Tree {
    let mut nodes = vec![node(0, 0, 0, u64::from(towers) << 20, 0)];
    nodes[0].first_child = 1;
    nodes[0].child_count = towers;
    for level in 1..=depth {
        for tower in 0..towers {
            let row = nodes.len() as u32;
            let parent = if level == 1 { 0 } else { row - towers };
            let before = if level == 1 { u64::from(tower) << 20 } else { 0 };
            let mut frame = node(1 + (row * 7) % 20_000, parent, level, 1 << 20, before);
            frame.first_child = row + towers;
            frame.child_count = u32::from(level < depth);
            nodes.push(frame);
        }
    }
    Tree { nodes, is_inverted: false }
}

/// Runs frames and prints what they cost; whether each stayed below the limit.
fn measure(name: &str, zoom: f32, mut draw: impl FnMut(&mut egui::Ui)) -> bool {
    let context = Context::default();
    memray_ui::fonts::install(&context);
    context.global_style_mut(|style| style.animation_time = 0.0);
    let mut frame = |events: Vec<Event>| {
        let input =
            RawInput { screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), SIZE)), events, ..RawInput::default() };
        let start = Instant::now();
        let output = context.run_ui(input, |ui| draw(ui));
        let pass = start.elapsed();
        let primitives = context.tessellate(output.shapes.clone(), output.pixels_per_point);
        let total = start.elapsed();
        let vertices: usize = primitives
            .iter()
            .map(|primitive| match &primitive.primitive {
                egui::epaint::Primitive::Mesh(mesh) => mesh.vertices.len(),
                egui::epaint::Primitive::Callback(_) => 0,
            })
            .sum();
        output.drop_without_applying_deltas();
        (pass, total, vertices)
    };
    frame(vec![Event::PointerMoved(pos2(700.0, 300.0))]);
    // To the zoom, by steps that keep the pointer's place.
    let mut left = zoom;
    while left > 1.001 {
        frame(vec![Event::Zoom(left.min(8.0))]);
        left /= 8.0;
    }
    let (mut passes, mut totals, mut vertices) = (Vec::new(), Vec::new(), 0);
    for i in 0..FRAMES {
        let factor = if i % 2 == 0 { 1.01 } else { 1.0 / 1.01 };
        let (pass, total, count) = frame(vec![Event::Zoom(factor)]);
        passes.push(pass);
        totals.push(total);
        vertices = vertices.max(count);
    }
    passes.sort_unstable();
    totals.sort_unstable();
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let (pass, total, worst) = (passes[FRAMES / 2], totals[FRAMES / 2], totals[FRAMES - 1]);
    println!("{name:<42} {:>7.2} {:>7.2} {:>7.2} {vertices:>9}", ms(pass), ms(total), ms(worst));
    total <= LIMIT
}

fn icicle(name: &str, tree: &Tree, zoom: f32, reveal: Option<TreeNodeId>) -> bool {
    let mut icicle = Icicle::default();
    if let Some(node) = reveal {
        icicle.reveal(node);
    }
    measure(&format!("{name}, zoom {zoom}"), zoom, |ui| {
        icicle.show(
            ui,
            &icicle::Source {
                tree,
                generation: 0,
                total: tree.nodes[0].amount,
                labels: &Names,
                is_signed: false,
                is_flames: false,
                is_coloured: true,
                hits: None,
                selected: None,
                units: Units::Binary,
            },
        );
    })
}

fn graph() -> bool {
    let mut numbers = Numbers(3);
    let snapshots: Vec<_> = (1..=360_000)
        .map(|i| SnapshotRow { time_ms: i * 10, rss_bytes: numbers.below(4 << 30), heap_bytes: numbers.below(3 << 30) })
        .collect();
    let mut interval_peaks: Vec<u64> = snapshots.iter().map(|s| s.heap_bytes + numbers.below(1 << 28)).collect();
    interval_peaks.push(0);
    let peak_bytes = interval_peaks.iter().copied().max().unwrap_or(0);
    let end_time_ms = 3_600_000;
    let timeline = Timeline { end_time_ms, snapshots, interval_peaks, peak_bytes, ..Timeline::default() };
    let mut graph = MemoryGraph::default();
    measure("memory graph, 360,000 snapshots", 1.0, |ui| {
        graph.show(
            ui,
            &memory_graph::Source {
                timeline: &timeline,
                generation: 0,
                selection: None,
                range: None,
                moment: None,
                is_provisional: false,
                units: Units::Binary,
                clock: WallClock::Utc,
            },
        );
    })
}

fn main() -> ExitCode {
    println!("{:<42} {:>7} {:>7} {:>7} {:>9}", "ms a frame at 1920x800", "ui pass", "total", "worst", "vertices");
    let mut is_quick = true;
    let tree = plausible(1_000_000);
    let levels = tree.nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    println!("plausible tree: {} nodes, {levels} levels", tree.nodes.len());
    for zoom in [1.0, 10.0, 1e3, 1e6] {
        is_quick &= icicle("plausible", &tree, zoom, None);
    }
    let deep = tree.nodes.iter().position(|node| node.depth == levels / 2).unwrap_or(0);
    is_quick &= icicle("plausible, half-way down", &tree, 1.0, Some(TreeNodeId(deep as u32)));
    let tree = towers(1_900, 526);
    println!("towers a pixel wide: {} nodes", tree.nodes.len());
    for zoom in [1.0, 10.0, 1e3] {
        is_quick &= icicle("towers", &tree, zoom, None);
    }
    is_quick &= icicle("one of the towers, its end", &tree, 1.0, Some(TreeNodeId(tree.nodes.len() as u32 - 1)));
    let tree = towers(1, 1_000_000);
    is_quick &= icicle("a stack of a million frames", &tree, 1.0, None);
    is_quick &= icicle("its end", &tree, 1.0, Some(TreeNodeId(1_000_000)));
    is_quick &= graph();
    if is_quick { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
