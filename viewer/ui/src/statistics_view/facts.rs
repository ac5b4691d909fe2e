// SPDX-License-Identifier: Apache-2.0
//! What is known of a run and its file, a line each.

use super::Source;
use crate::theme::Palette;
use egui::{Align, Grid, Label, Layout, RichText, Ui};
use memray_format::FileFormat;
use memray_index::{Ending, Recorder};
use memray_report::escape::visible_bytes;
use memray_report::metadata::{python_allocator_name, python_version};
use memray_report::size::{format_bytes, format_bytes_exact, format_count};
use memray_report::time::{format_date_time, format_duration, format_elapsed};

/// Facts under a heading.
pub(super) struct FactSection {
    pub(super) title: &'static str,
    facts: Vec<Fact>,
}

struct Fact {
    name: &'static str,
    value: String,
    /// More of it, on hover.
    exact: Option<String>,
}

/// A command line is cut after this many characters.
const MAX_COMMAND_CHARS: usize = 2_000;

/// Every section, in the order shown.
pub(super) fn sections(source: &Source<'_>) -> Vec<FactSection> {
    vec![
        FactSection { title: "Memory", facts: memory(source) },
        FactSection { title: "Run", facts: run(source) },
        FactSection { title: "Capture", facts: capture(source) },
    ]
}

fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), exact: None }
}

fn memory(source: &Source<'_>) -> Vec<Fact> {
    let size = |name, bytes: u64| Fact {
        name,
        value: format_bytes(bytes, source.units),
        exact: Some(format_bytes_exact(bytes)),
    };
    let mut facts = Vec::new();
    if let Ok(statistics) = source.statistics {
        facts.push(size("Allocated in all", statistics.bytes));
        facts.push(fact("Allocations", format_count(statistics.allocations)));
    }
    facts.push(size("Peak of the heap", source.timeline.peak_bytes));
    if let Some((bytes, time_ms)) = source.info.peak_rss {
        let elapsed_ms = time_ms.saturating_sub(source.timeline.start_time_ms);
        let peak = size("Peak RSS", bytes);
        facts.push(Fact { value: format!("{} at {}", peak.value, format_elapsed(elapsed_ms)), ..peak });
    }
    let at_the_end = if source.info.stops_early() { "Live when the recording stops" } else { "Live at the end" };
    facts.push(size(at_the_end, source.timeline.end_heap_bytes));
    if let Ok(statistics) = source.statistics {
        let (smallest, largest) = statistics.size_range;
        facts.push(size("Smallest allocation", smallest));
        facts.push(size("Largest allocation", largest));
    }
    facts
}

fn run(source: &Source<'_>) -> Vec<Fact> {
    let header = &source.info.header;
    let yes_no = |is: bool| if is { "yes" } else { "no" };
    let command = visible_bytes(&header.command_line);
    let command = match command.char_indices().nth(MAX_COMMAND_CHARS) {
        Some((end, _)) => format!("{}…", &command[..end]),
        None => command,
    };
    let traces_python_allocators =
        if header.version < 11 { "not recorded" } else { yes_no(header.traces_python_allocators) };
    vec![
        fact("Command", command),
        fact("Process", header.pid.to_string()),
        fact("Start", format_date_time(source.timeline.start_time_ms, source.clock)),
        fact("End", format_date_time(source.timeline.end_time_ms, source.clock)),
        fact("Duration", format_duration(source.info.duration_ms)),
        fact("Threads", format_count(source.thread_count as i128)),
        fact("Python", header.python_version.map_or_else(|| "not recorded".to_owned(), python_version)),
        fact("Python allocator", python_allocator_name(header.python_allocator)),
        fact("Python allocators traced", traces_python_allocators),
        fact("Native stacks", yes_no(header.has_native_traces)),
        fact("Recorded by", source.info.recorder.as_ref().map_or("not known", Recorder::name)),
        fact("Object lifetimes", yes_no(header.tracks_object_lifetimes)),
    ]
}

fn capture(source: &Source<'_>) -> Vec<Fact> {
    let info = source.info;
    let counts = &info.counts;
    let kind = match info.header.file_format {
        FileFormat::AllAllocations => "all allocations",
        FileFormat::Aggregated => "sums by location",
    };
    let ending = match &info.ending {
        Ending::Complete => "complete".to_owned(),
        Ending::Stopped(_) => "complete; the program ran on".to_owned(),
        Ending::Truncated { offset, .. } => format!("stops at byte {}", format_count(*offset)),
        Ending::Damaged { offset, .. } => format!("damaged at byte {}", format_count(*offset)),
    };
    vec![
        fact("File", crate::shown::shown(&info.file_name)),
        Fact {
            name: "Size",
            value: format_bytes(info.file_size_bytes, source.units),
            exact: Some(format_bytes_exact(info.file_size_bytes)),
        },
        fact("Format", format!("version {}, {kind}", info.header.version)),
        fact("Ending", ending),
        fact("Records", format_count(counts.records)),
        fact(
            if info.is_aggregated() { "Sums" } else { "Allocations and frees" },
            format_count(counts.allocations_and_frees),
        ),
        fact("Frees of unknown blocks", format_count(counts.unmatched_frees)),
        fact("Locations", format_count(counts.locations)),
        fact("Snapshots", format_count(source.timeline.snapshots.len() as i128)),
    ]
}

impl FactSection {
    pub(super) fn show(&self, ui: &mut Ui) {
        let palette = Palette::of(ui.visuals());
        Grid::new(self.title).num_columns(2).spacing([16.0, 4.0]).min_col_width(152.0).min_row_height(0.0).show(
            ui,
            |ui| {
                for fact in &self.facts {
                    // Beside the first line of a value that has several.
                    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                        ui.label(RichText::new(fact.name).color(palette.text_weak))
                    });
                    let value =
                        ui.add(Label::new(RichText::new(&fact.value).color(palette.text)).wrap().selectable(true));
                    if let Some(exact) = &fact.exact {
                        value.on_hover_text(exact);
                    }
                    ui.end_row();
                }
            },
        );
    }

    pub(super) fn push_text(&self, out: &mut String) {
        out.push_str(self.title);
        out.push('\n');
        for fact in &self.facts {
            out.push_str("  ");
            out.push_str(fact.name);
            out.push_str(": ");
            out.push_str(fact.exact.as_ref().unwrap_or(&fact.value));
            out.push('\n');
        }
        out.push('\n');
    }
}
