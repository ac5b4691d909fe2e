// SPDX-License-Identifier: Apache-2.0
//! What one frame of the window costs on the CPU, at any zoom of the icicle: `cargo bench --bench frame -- FILE`; with a
//! second file, one of the window that compares the two.
//!
//! Runs the whole application without a window, zooms in at many places by pinching over the icicle, and takes the time
//! of the UI pass and of tessellation, at 1920x800 points. Prints JSON.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use egui::{Context, Event, Pos2, RawInput, Rect, pos2, vec2};
use memray_index::{Index, Mode, OpenOptions, Progress, Question, TreeOptions};
use memray_ui::{App, AppOptions};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Places that are zoomed into.
const PLACES: u32 = 24;
/// Zooms at each place, each by a factor of 3: far beyond a byte a point.
const ZOOMS: u32 = 12;
/// Frames at each zoom; their median counts.
const FRAMES: usize = 5;

/// The application on an egui context of its own.
struct Stage {
    app: App,
    context: Context,
    time_s: f64,
}

impl Stage {
    fn new(path: &Path, compared_with: Option<PathBuf>) -> Self {
        let context = Context::default();
        memray_ui::style::install(&context);
        let options = AppOptions { path: Some(path.to_owned()), compared_with, ..AppOptions::default() };
        Self { app: App::new(options, &context), context, time_s: 0.0 }
    }

    /// One frame: milliseconds, and the number of vertices.
    fn frame(&mut self, events: Vec<Event>) -> (f64, usize) {
        // A frame a quarter of a second apart ends every animation soon.
        self.time_s += 0.25;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1920.0, 800.0))),
            time: Some(self.time_s),
            focused: true,
            events,
            ..RawInput::default()
        };
        let app = &mut self.app;
        let start = Instant::now();
        let mut output = self.context.run_ui(input, |ui| app.ui(ui));
        let shapes = self.context.tessellate(output.shapes, output.pixels_per_point);
        let ms = start.elapsed().as_secs_f64() * 1e3;
        // Nothing draws them here.
        output.textures_delta.clear();
        let vertices = shapes.iter().map(|shape| match &shape.primitive {
            egui::epaint::Primitive::Mesh(mesh) => mesh.vertices.len(),
            egui::epaint::Primitive::Callback(_) => 0,
        });
        (ms, vertices.sum())
    }

    /// Draws until nothing has changed for two seconds: all answers are there.
    fn settle(&mut self) {
        let mut last = (0, Instant::now());
        while last.1.elapsed() < Duration::from_secs(2) {
            let (_, vertices) = self.frame(Vec::new());
            if vertices != last.0 {
                last = (vertices, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let mut paths = std::env::args_os().skip(1).filter(|argument| argument != "--bench").map(PathBuf::from);
    let path = paths.next().ok_or("usage: frame FILE [FILE]")?;
    let nodes = shown_nodes(&path)?;
    let mut stage = Stage::new(&path, paths.next());
    stage.settle();

    let (mut took_ms, mut most_vertices) = (Vec::new(), 0);
    for place in 0..PLACES {
        // Over the icicle: left of the details, below the graph; the pattern meets wide and narrow frames.
        let x = 40.0 + 1300.0 * (place as f32 * 0.618_034).fract();
        let y = 330.0 + 300.0 * (place as f32 * 0.414_214).fract();
        stage.frame(vec![Event::PointerMoved(pos2(x, y))]);
        for zoom in 0..ZOOMS {
            let (first_ms, _) = stage.frame(if zoom == 0 { Vec::new() } else { vec![Event::Zoom(3.0)] });
            let mut frames = vec![first_ms];
            for _ in 1..FRAMES {
                let (ms, vertices) = stage.frame(Vec::new());
                frames.push(ms);
                most_vertices = most_vertices.max(vertices);
            }
            frames.sort_by(f64::total_cmp);
            took_ms.push(frames[FRAMES / 2]);
        }
        for _ in 0..ZOOMS {
            stage.frame(vec![Event::Zoom(1.0 / 3.0)]);
        }
    }
    took_ms.sort_by(f64::total_cmp);
    let (median_ms, slowest_ms) = (took_ms[took_ms.len() / 2], took_ms[took_ms.len() - 1]);
    println!(
        "{}",
        serde_json::json!({
            "nodes": nodes, "zooms": took_ms.len(), "median_ms": median_ms, "slowest_ms": slowest_ms,
            "most_vertices": most_vertices,
        })
    );
    Ok(())
}

/// Nodes of the tree that the window shows at first.
fn shown_nodes(path: &Path) -> Result<usize, Box<dyn Error>> {
    let index = Index::open(path, &OpenOptions::default(), &Progress::default())?;
    let answer = index.ask(&Question { mode: Mode::Peak, ..Question::default() })?;
    Ok(index.tree(&answer, TreeOptions::default()).nodes.len())
}
