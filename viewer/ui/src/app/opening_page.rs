// SPDX-License-Identifier: Apache-2.0
//! The page while an index is built: how far it is, and what is known so far, marked as provisional.

use super::opening::Opening;
use super::window::file_name;
use crate::memory_graph::{self, MemoryGraph};
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{CentralPanel, Frame, Margin, ProgressBar, RichText, Ui, vec2};
use memray_index::{Provisional, Timeline};
use memray_report::size::{Units, format_bytes, format_count};
use memray_report::time::{format_duration, format_elapsed};
use std::time::Duration;

/// An index that is there sooner than this is not worth a word.
const PATIENCE: Duration = Duration::from_millis(150);
/// How often progress is drawn.
const REFRESH: Duration = Duration::from_millis(100);

/// Draws the page; whether the user cancelled.
pub(super) fn show(
    ui: &mut Ui,
    opening: &Opening,
    graph: &mut MemoryGraph,
    settings: &Settings,
    is_picture: bool,
) -> bool {
    let palette = Palette::of(ui.visuals());
    let units = settings.units.units();
    let mut is_cancelled = false;
    let frame = Frame::new().fill(palette.background).inner_margin(Margin::symmetric(style::MARGIN as i8, 10));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        if is_picture || opening.elapsed() < PATIENCE {
            ui.ctx().request_repaint_after(PATIENCE);
            return;
        }
        ui.ctx().request_repaint_after(REFRESH);
        let title = format!("Reading {}", file_name(&opening.path));
        ui.label(RichText::new(title).text_style(style::headline()).color(palette.text_strong));
        let (done, total) = opening.progress.bytes();
        let share = if total == 0 { 0.0 } else { done as f32 / total as f32 };
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 90.0).clamp(120.0, 560.0);
            let bar = ui.add(ProgressBar::new(share).desired_width(width).desired_height(10.0).fill(palette.accent));
            bar.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, "Progress"));
            is_cancelled = ui.button("Cancel").clicked();
        });
        ui.label(RichText::new(progress_words(opening, units)).color(palette.text_weak));
        ui.add_space(style::GAP);
        provisional(ui, opening, graph, settings);
    });
    is_cancelled
}

fn progress_words(opening: &Opening, units: Units) -> String {
    let (done, total) = opening.progress.bytes();
    let (records_per_s, seconds_left) = opening.progress.rate();
    let mut words = vec![
        format!("{} of {}", format_bytes(done, units), format_bytes(total, units)),
        format!("{} records", format_count(opening.progress.records())),
        format!("{} records/s", format_count(records_per_s as u64)),
    ];
    if let Some(seconds_left) = seconds_left {
        words.push(format!("{} left", format_duration((seconds_left.min(1e9) * 1000.0) as i64)));
    }
    words.join("  ·  ")
}

fn provisional(ui: &mut Ui, opening: &Opening, graph: &mut MemoryGraph, settings: &Settings) {
    let units = settings.units.units();
    let palette = Palette::of(ui.visuals());
    let known = opening.progress.provisional();
    if known.peak_bytes == 0 {
        return;
    }
    let peak = format_bytes(known.peak_bytes, units);
    let text = format!("Peak so far {peak} at {}", format_elapsed(known.peak_elapsed_ms));
    ui.horizontal(|ui| {
        ui.label(RichText::new(text).text_style(style::strong()).color(palette.text_strong));
        ui.label(RichText::new("provisional: of what has been read").color(palette.note));
    });
    let generation = known.snapshots.len() as u64;
    let timeline = timeline_of(known);
    ui.add_space(2.0);
    let height = (ui.available_height() * 0.5).clamp(110.0, 420.0);
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        style::panel(ui, 6, |ui| {
            let source = memory_graph::Source {
                timeline: &timeline,
                generation,
                selection: None,
                range: None,
                moment: None,
                is_provisional: true,
                units,
                clock: settings.clock.wall_clock(),
            };
            // What is not yet read cannot be asked about.
            graph.show(ui, &source);
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
