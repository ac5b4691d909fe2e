// SPDX-License-Identifier: Apache-2.0
//! The page while an index is built: how far it is, and what is known so far, marked as provisional.

use super::how_far::{HowFar, REFRESH};
use super::opening::Opening;
use super::window::file_name;
use crate::memory_graph::{self, MemoryGraph};
use crate::settings::{AxisChoice, Settings};
use crate::style;
use crate::theme::Palette;
use egui::{CentralPanel, Frame, Margin, ProgressBar, RichText, Ui, vec2};
use memray_index::{Progress, Provisional, Timeline};
use memray_report::size::format_bytes;
use memray_report::time::format_elapsed;
use std::time::{Duration, Instant};

/// An index that is there sooner than this is not worth a word.
const PATIENCE: Duration = Duration::from_millis(150);
/// What was known of the capture when it was last looked at, and the graph of it.
#[derive(Default)]
pub(super) struct SoFar {
    graph: MemoryGraph,
    looked: Option<Instant>,
    /// Counts looks: how the graph notices that there is more.
    generation: u64,
    timeline: Timeline,
    peak_elapsed_ms: i64,
}

impl SoFar {
    /// Looks again, but not with every frame: it copies all snapshots.
    fn look(&mut self, progress: &Progress) {
        if self.looked.is_none_or(|looked| looked.elapsed() >= REFRESH) {
            self.looked = Some(Instant::now());
            self.take(progress.provisional());
        }
    }

    fn take(&mut self, known: Provisional) {
        self.generation += 1;
        self.peak_elapsed_ms = known.peak_elapsed_ms;
        self.timeline = timeline_of(known);
    }
}

/// Draws the page; whether the user cancelled.
pub(super) fn show(ui: &mut Ui, opening: &Opening, so_far: &mut SoFar, settings: &Settings, is_picture: bool) -> bool {
    let palette = Palette::of(ui.visuals());
    let mut is_cancelled = false;
    let frame = Frame::new().fill(palette.background).inner_margin(Margin::symmetric(style::MARGIN as i8, 10));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        is_cancelled = progress(ui, opening, so_far, settings, is_picture);
    });
    is_cancelled
}

/// Draws how far one capture is; whether the user cancelled.
pub(super) fn progress(
    ui: &mut Ui,
    opening: &Opening,
    so_far: &mut SoFar,
    settings: &Settings,
    is_picture: bool,
) -> bool {
    if is_picture || opening.elapsed() < PATIENCE {
        ui.ctx().request_repaint_after(PATIENCE);
        return false;
    }
    ui.ctx().request_repaint_after(REFRESH);
    so_far.look(&opening.progress);
    content(ui, &file_name(&opening.path), &HowFar::of(&opening.progress), so_far, settings)
}

fn content(ui: &mut Ui, name: &str, how_far: &HowFar, so_far: &mut SoFar, settings: &Settings) -> bool {
    let palette = Palette::of(ui.visuals());
    let title = format!("Reading {name}");
    ui.label(RichText::new(title).text_style(style::headline()).color(palette.text_strong));
    ui.add_space(4.0);
    let is_cancelled = ui
        .horizontal(|ui| {
            let width = (ui.available_width() - 90.0).clamp(120.0, 560.0);
            let bar = ProgressBar::new(how_far.share()).desired_width(width).desired_height(10.0).fill(palette.accent);
            let bar = ui.add(bar);
            bar.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, "Progress"));
            ui.button("Cancel").clicked()
        })
        .inner;
    ui.label(RichText::new(how_far.words(settings.units.units())).color(palette.text_weak));
    ui.add_space(style::GAP);
    provisional(ui, so_far, settings);
    is_cancelled
}

fn provisional(ui: &mut Ui, so_far: &mut SoFar, settings: &Settings) {
    let units = settings.units.units();
    let palette = Palette::of(ui.visuals());
    if so_far.timeline.peak_bytes == 0 {
        return;
    }
    let peak = format_bytes(so_far.timeline.peak_bytes, units);
    let text = format!("Peak so far {peak} at {}", format_elapsed(so_far.peak_elapsed_ms));
    ui.horizontal(|ui| {
        ui.label(RichText::new(text).text_style(style::strong()).color(palette.text_strong));
        ui.label(RichText::new("provisional: of what has been read").color(palette.note));
    });
    ui.add_space(2.0);
    let height = (ui.available_height() * 0.5).clamp(110.0, 420.0);
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        style::panel(ui, 6, |ui| {
            let source = memory_graph::Source {
                timeline: &so_far.timeline,
                generation: so_far.generation,
                selection: None,
                range: None,
                moment: None,
                stops_early: false,
                is_provisional: true,
                beside: None,
                over: None,
                units,
                clock: settings.clock.wall_clock(),
                has_times_of_day: settings.axis == AxisChoice::TimesOfDay,
            };
            // What is not yet read cannot be asked about.
            so_far.graph.show(ui, &source);
        });
    });
}

/// What has been read, as far as a graph needs it.
fn timeline_of(known: Provisional) -> Timeline {
    let end_time_ms = known.snapshots.iter().map(|snapshot| snapshot.time_ms).max().unwrap_or(known.start_time_ms);
    let peak_time_ms = known.start_time_ms.saturating_add(known.peak_elapsed_ms);
    let peak_interval = known.snapshots.partition_point(|snapshot| snapshot.time_ms < peak_time_ms);
    let mut interval_peaks: Vec<u64> = known.snapshots.iter().map(|snapshot| snapshot.heap_bytes).chain([0]).collect();
    interval_peaks[peak_interval] = known.peak_bytes;
    Timeline {
        start_time_ms: known.start_time_ms,
        end_time_ms,
        end_heap_bytes: known.snapshots.last().map_or(0, |snapshot| snapshot.heap_bytes),
        peak_bytes: known.peak_bytes,
        peak_interval,
        interval_peaks,
        snapshots: known.snapshots,
        ..Timeline::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use egui::accesskit::Role;
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable as _};
    use memray_index::SnapshotRow;

    #[test]
    fn while_a_capture_is_read_it_says_how_far_it_is_and_what_is_known_and_can_be_cancelled() {
        let how_far = HowFar {
            done_bytes: 1 << 30,
            total_bytes: 3 << 30,
            records: 52_000_000,
            records_per_s: 10_400_000.0,
            seconds_left: Some(10.0),
        };
        let mut so_far = SoFar::default();
        let snapshots = (0..10).map(|i| SnapshotRow { time_ms: 1000 * i, rss_bytes: 0, heap_bytes: (i as u64) << 20 });
        let known = Provisional { snapshots: snapshots.collect(), peak_bytes: 12 << 20, ..Provisional::default() };
        so_far.take(Provisional { peak_elapsed_ms: 6500, ..known });
        let mut harness = Harness::builder().with_context_setup(style::install).build_ui_state(
            move |ui, is_cancelled: &mut bool| {
                *is_cancelled |= content(ui, "big.bin", &how_far, &mut so_far, &Settings::default());
            },
            false,
        );
        for words in [
            "Reading big.bin",
            "1.00 GiB of 3.00 GiB  ·  52,000,000 records  ·  10,400,000 records/s  ·  10.0 s left",
            "Peak so far 12.0 MiB at 6.50 s",
            "provisional: of what has been read",
        ] {
            harness.get_by_label(words);
        }
        let graph = harness.get_by_role_and_label(Role::Canvas, "Memory graph");
        let words = graph.accesskit_node().value().unwrap();
        assert!(words.starts_with("still reading, heap peaks at 12.0 MiB"), "{words}");
        assert!(!*harness.state());
        harness.get_by_role_and_label(Role::Button, "Cancel").click();
        harness.run_steps(2);
        assert!(*harness.state());
    }
}
