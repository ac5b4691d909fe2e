// SPDX-License-Identifier: Apache-2.0
//! The whole run's statistics: [`StatisticsView`] shows all that memray's `stats` and `summary` show, and what is known
//! of the file. Its text can be selected, and copied as a whole.

mod chart;
mod facts;

use crate::fonts::STRONG;
use crate::labels::Labels;
use crate::theme::Palette;
use chart::{CHARTS, Chart};
use egui::{
    Align, CornerRadius, FontFamily, FontId, Frame, Label, Layout, Margin, RichText, ScrollArea, Stroke, TextStyle, Ui,
};
use facts::FactSection;
use memray_index::{CaptureInfo, RowKey, Statistics, Timeline};
use memray_report::size::Units;
use memray_report::time::WallClock;
use std::sync::Arc;

/// The whole run's statistics, made ready to be shown.
#[derive(Default)]
pub struct StatisticsView {
    page: Option<Page>,
    /// Which form of each chart is shown.
    chosen: [usize; CHARTS],
}

/// What is shown.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The statistics, or the sentence that says why this capture has none. Given anew only when they change, as the
    /// view tells by their address.
    pub statistics: Result<&'a Arc<Statistics>, &'a str>,
    /// The capture.
    pub info: &'a CaptureInfo,
    /// Its times.
    pub timeline: &'a Timeline,
    /// How many threads it has.
    pub thread_count: usize,
    /// Names of locations and modules.
    pub labels: &'a dyn Labels,
    /// How sizes are written.
    pub units: Units,
    /// How times are written.
    pub clock: WallClock,
}

/// What the user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Selected a location or a module.
    pub selected: Option<RowKey>,
    /// Copied all statistics to the clipboard.
    pub copied: bool,
}

/// Everything on the page, in words; made anew only when the source changes.
struct Page {
    /// What it was made from.
    key: PageKey,
    facts: Vec<FactSection>,
    charts: Vec<Chart>,
    refusal: Option<String>,
}

#[derive(Clone)]
struct PageKey {
    statistics: Option<Arc<Statistics>>,
    units: Units,
    clock: WallClock,
    file_name: String,
    file_size_bytes: u64,
    start_time_ms: i64,
}

impl PartialEq for PageKey {
    fn eq(&self, other: &Self) -> bool {
        let same_statistics = match (&self.statistics, &other.statistics) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_statistics
            && (self.units, self.clock) == (other.units, other.clock)
            && (self.file_size_bytes, self.start_time_ms) == (other.file_size_bytes, other.start_time_ms)
            && self.file_name == other.file_name
    }
}

impl Page {
    fn of(source: &Source<'_>, key: PageKey) -> Self {
        let statistics = source.statistics.ok();
        Self {
            key,
            facts: facts::sections(source),
            charts: statistics
                .map_or_else(Vec::new, |statistics| chart::charts(statistics, source.labels, source.units).into()),
            refusal: source.statistics.err().map(str::to_owned),
        }
    }

    /// All of it as text, of each chart the form that is shown.
    fn text(&self, chosen: &[usize; CHARTS]) -> String {
        let mut out = String::new();
        for section in &self.facts {
            section.push_text(&mut out);
        }
        for (chart, chosen) in self.charts.iter().zip(chosen) {
            chart.push_text(&mut out, *chosen);
        }
        if let Some(refusal) = &self.refusal {
            out.push_str(refusal);
            out.push('\n');
        }
        out
    }
}

/// A page wider than this has two columns.
const TWO_COLUMNS_WIDTH: f32 = 720.0;

impl StatisticsView {
    /// Fills `ui`.
    pub fn show(&mut self, ui: &mut Ui, source: &Source<'_>) -> Events {
        let mut events = Events::default();
        let key = PageKey {
            statistics: source.statistics.ok().cloned(),
            units: source.units,
            clock: source.clock,
            file_name: source.info.file_name.clone(),
            file_size_bytes: source.info.file_size_bytes,
            start_time_ms: source.timeline.start_time_ms,
        };
        let page = match self.page.take() {
            Some(page) if page.key == key => page,
            _ => Page::of(source, key),
        };
        let page = self.page.insert(page);
        let chosen = &mut self.chosen;
        let palette = Palette::of(ui.visuals());
        ui.horizontal(|ui| {
            ui.label(RichText::new("Statistics of the whole run").color(palette.text_weak));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button("Copy").on_hover_text("Copies all that is shown, as text").clicked() {
                    ui.ctx().copy_text(page.text(chosen));
                    events.copied = true;
                }
            });
        });
        ui.add_space(4.0);
        ScrollArea::vertical().id_salt("statistics").auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            if let Some(refusal) = &page.refusal {
                note(ui, refusal, &palette);
            }
            let columns = if ui.available_width() >= TWO_COLUMNS_WIDTH { 2 } else { 1 };
            ui.columns(columns, |columns| {
                let last = columns.len() - 1;
                for (at, section) in page.facts.iter().enumerate() {
                    // Where there are no charts, what is known of the file takes their place.
                    let column = if page.charts.is_empty() && at == page.facts.len() - 1 { last } else { 0 };
                    card(&mut columns[column], |ui| {
                        ui.horizontal(|ui| heading(ui, section.title));
                        ui.add_space(4.0);
                        section.show(ui);
                    });
                }
                for (at, (chart, chosen)) in page.charts.iter().zip(chosen).enumerate() {
                    // Facts and modules on the left, sizes, allocators and locations on the right.
                    let column = if at == CHARTS - 1 { 0 } else { last };
                    card(&mut columns[column], |ui| {
                        ui.horizontal(|ui| {
                            heading(ui, chart.title);
                            ui.with_layout(Layout::right_to_left(Align::Center), |ui| chart.choice(ui, chosen));
                        });
                        ui.add_space(4.0);
                        if let Some(key) = chart.bars(ui, *chosen) {
                            events.selected = Some(key);
                        }
                    });
                }
            });
        });
        events
    }
}

/// A sentence that stands out.
fn note(ui: &mut Ui, words: &str, palette: &Palette) {
    Frame::new().fill(palette.note_background).inner_margin(Margin::symmetric(10, 6)).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.add(Label::new(RichText::new(words).color(palette.text)).wrap().selectable(true));
    });
}

fn card(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui.visuals());
    Frame::new()
        .stroke(Stroke::new(1.0, palette.outline))
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 2.0;
            content(ui);
        });
}

fn heading(ui: &mut Ui, title: &str) {
    let palette = Palette::of(ui.visuals());
    let font = FontId::new(TextStyle::Body.resolve(ui.style()).size, FontFamily::Name(STRONG.into()));
    ui.label(RichText::new(title).font(font).color(palette.text_strong));
}

#[cfg(test)]
mod tests;
