// SPDX-License-Identifier: Apache-2.0
//! A parent and its child processes as one session: [`ProcessesPage`] sums their heaps on one time axis, shows what was live
//! in all of them at a moment, and lists them. Each opens in a tab of its own.

mod summed;
mod together;

use super::document::CsvJob;
use super::window::file_name;
use crate::bands_view::{self, BandsView, MOST_BANDS};
use crate::error::UiError;
use crate::labels::{Labels, LocationLabel};
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{
    Align, CentralPanel, Context, Frame, Grid, Label, Layout, Link, Margin, Panel, RichText, ScrollArea, Ui, vec2,
};
use memray_index::{
    Charge, FrameKind, Index, LocationId, LocationTraits, Moment, OpenOptions, Progress, RowKey, StringId, ThreadIndex,
    Timeline,
};
use memray_report::escape;
use memray_report::size::{Units, format_bytes, format_share};
use memray_report::time::{format_duration, format_elapsed};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use summed::{Highest, Summed};
use together::{Indexes, MOST_PROCESSES, TogetherView};

/// Of a row of the list, and what is above and below all of them.
const ROW_HEIGHT: f32 = 27.0;
const LIST_MARGIN: f32 = 70.0;
/// Of the page: the list at most, the graph until it is dragged, and either at least.
const LIST_SHARE: f32 = 0.28;
const GRAPH_SHARE: f32 = 0.32;
const LEAST_HEIGHT: f32 = 120.0;

/// One of the processes.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) path: PathBuf,
    pid: i32,
    timeline: Timeline,
    peak_rss_bytes: Option<u64>,
    stops_early: bool,
}

impl Process {
    fn of(path: PathBuf, index: &Index) -> Self {
        let info = index.info();
        Self {
            path,
            pid: info.header.pid,
            timeline: index.timeline().clone(),
            peak_rss_bytes: info.peak_rss.map(|(bytes, _)| bytes),
            stops_early: info.stops_early(),
        }
    }

    #[cfg(test)]
    fn of_timeline(path: PathBuf, timeline: Timeline) -> Self {
        Self { path, pid: 0, timeline, peak_rss_bytes: None, stops_early: false }
    }

    /// Its file's name, which says most children's number.
    fn name(&self) -> String {
        let (name, number) = (file_name(&self.path), format!(".{}", self.pid));
        if name.ends_with(&number) { name } else { format!("{name} (process {})", self.pid) }
    }
}

/// What comes from the thread that reads.
enum Read {
    /// How many files it is done with.
    Done(usize),
    /// All of them: those that could be read, and why others could not, and the sums.
    All(Box<AllRead>),
}

/// All that was read.
#[derive(Default)]
struct AllRead {
    processes: Vec<Process>,
    failures: Vec<(PathBuf, String)>,
    summed: Summed,
    /// What can be asked about all of them; of too many nothing.
    indexes: Option<Arc<Indexes>>,
}

impl AllRead {
    /// Reads the files, one after the other: each keeps both cores busy by itself.
    fn of(paths: &[PathBuf], open: &OpenOptions, progress: &Progress, is_done: impl Fn(usize)) -> Self {
        let mut all = Self::default();
        let mut read = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            match Index::open(path, open, progress) {
                Ok(index) => {
                    read.push((Process::of(path.clone(), &index), (paths.len() <= MOST_PROCESSES).then_some(index)));
                }
                Err(error) => all.failures.push((path.clone(), error.to_string())),
            }
            is_done(at + 1);
            if progress.is_cancelled() {
                break;
            }
        }
        read.sort_by_key(|(process, _)| (process.timeline.start_time_ms, process.pid));
        let (processes, indexes): (Vec<Process>, Vec<Option<Index>>) = read.into_iter().unzip();
        let names = processes.iter().map(Process::name).collect();
        all.indexes = indexes.into_iter().collect::<Option<_>>().map(|indexes| Arc::new(Indexes::new(indexes, names)));
        all.summed = Summed::new(&processes, MOST_BANDS);
        all.processes = processes;
        all
    }
}

/// Several processes.
pub(super) struct ProcessesPage {
    paths: Vec<PathBuf>,
    reading: mpsc::Receiver<Read>,
    progress: Arc<Progress>,
    done: usize,
    all: Option<Box<AllRead>>,
    bands: BandsView,
    together: TogetherView,
}

impl Drop for ProcessesPage {
    fn drop(&mut self) {
        // What nobody waits for is not finished.
        self.progress.cancel();
    }
}

impl ProcessesPage {
    /// Begins to read them.
    pub(super) fn start(paths: &[PathBuf], open: &OpenOptions, context: &Context) -> Result<Self, UiError> {
        let (sender, reading) = mpsc::channel();
        let progress = Arc::<Progress>::default();
        let (wanted, open, context, for_thread) =
            (paths.to_vec(), open.clone(), context.clone(), Arc::clone(&progress));
        let read = move || {
            let tell = |read: Read| {
                // Nobody listens any more where the page was closed.
                let _ = sender.send(read);
                context.request_repaint();
            };
            let all = AllRead::of(&wanted, &open, &for_thread, |done| tell(Read::Done(done)));
            tell(Read::All(Box::new(all)));
        };
        std::thread::Builder::new().name("memray-view processes".to_owned()).spawn(read).map_err(UiError::Thread)?;
        let (bands, together) = (BandsView::default(), TogetherView::default());
        Ok(Self { paths: paths.to_vec(), reading, progress, done: 0, all: None, bands, together })
    }

    /// Takes what was read since.
    pub(super) fn update(&mut self, context: &Context) {
        for read in self.reading.try_iter() {
            match read {
                Read::Done(done) => self.done = done,
                Read::All(all) => self.all = Some(all),
            }
        }
        if let Some(AllRead { indexes: Some(indexes), summed, .. }) = self.all.as_deref() {
            self.together.update(context, indexes, summed);
        }
    }

    /// Whether all of them are read, and what is to be shown of them is there.
    pub(super) fn is_settled(&self) -> bool {
        self.all.as_ref().is_some_and(|all| all.indexes.is_none() || self.together.is_settled(&all.summed))
    }

    /// What writes the sums as CSV, once all are read.
    pub(super) fn csv(&self) -> Option<CsvJob> {
        let AllRead { processes, summed, .. } = self.all.as_deref()?;
        let (timeline, bands, processes) = (summed.timeline.clone(), Arc::clone(&summed.bands), processes.clone());
        Some(Box::new(move || {
            Ok(bands_view::csv_of(&bands, Charge::Thread, &timeline, &Names(&processes)).into_bytes())
        }))
    }

    /// How many there are.
    pub(super) fn count_in_words(&self) -> String {
        match self.all.as_ref().map_or(self.paths.len(), |all| all.processes.len()) {
            1 => "1 process".to_owned(),
            count => format!("{count} processes"),
        }
    }

    /// What is said first: `3 processes, highest sum 3.20 GiB at 14.2 s; 61 % of it in out.bin.4711 (process 4711)`.
    pub(super) fn headline(&self, units: Units) -> String {
        let Some(all) = &self.all else {
            return format!(
                "Reading process {} of {}\u{2026}",
                (self.done + 1).min(self.paths.len()),
                self.paths.len()
            );
        };
        let count = self.count_in_words();
        match all.summed.highest {
            Some(Highest { bytes, elapsed_ms, largest, largest_bytes, .. }) => format!(
                "{count}, highest sum {} at {}; {} of it in {}",
                format_bytes(bytes, units),
                format_elapsed(elapsed_ms),
                format_share(largest_bytes, bytes),
                all.processes[largest].name(),
            ),
            None => count,
        }
    }

    /// Draws the page; the file of the process that was chosen, and something to say for a moment.
    pub(super) fn show(&mut self, ui: &mut Ui, settings: &Settings) -> (Option<PathBuf>, Option<String>) {
        let palette = Palette::of(ui.visuals());
        let units = settings.units.units();
        let (mut chosen, mut said) = (None, None);
        let margin = |top: i8, bottom: i8| Margin { left: 14, right: 14, top, bottom };
        let plain = |top: i8, bottom: i8| Frame::new().fill(palette.background).inner_margin(margin(top, bottom));
        Panel::top("processes headline").frame(plain(8, 6)).show_separator_line(false).show(ui, |ui| {
            ui.add(
                Label::new(
                    RichText::new(self.headline(units)).text_style(style::headline()).color(palette.text_strong),
                )
                .wrap(),
            );
            let words = "Each process\u{2019}s heap at its last sample or peak, summed. Click a process to see it alone, \
                a moment to see what was live in all of them.";
            ui.label(RichText::new(words).color(palette.text_weak));
        });
        let room = ui.available_height();
        let rows = self.paths.len() as f32 * ROW_HEIGHT + LIST_MARGIN;
        Panel::bottom("processes list")
            .frame(plain(0, 10))
            .show_separator_line(false)
            .resizable(true)
            .default_size(rows.min(room * LIST_SHARE).max(LEAST_HEIGHT))
            .show(ui, |ui| {
                style::panel(ui, 8, |ui| chosen = self.list(ui, units));
            });
        let has_icicle = self.all.as_ref().is_none_or(|all| all.indexes.is_some());
        if has_icicle {
            Panel::top("processes over time")
                .frame(plain(0, 6))
                .show_separator_line(false)
                .resizable(true)
                .default_size((room * GRAPH_SHARE).max(LEAST_HEIGHT))
                .show(ui, |ui| {
                    style::panel(ui, 8, |ui| chosen = self.graph(ui, units).or(chosen.take()));
                });
        }
        CentralPanel::default().frame(plain(0, 6)).show(ui, |ui| {
            style::panel(ui, 8, |ui| match self.all.as_deref() {
                Some(AllRead { indexes: Some(indexes), summed, .. }) => {
                    said = self.together.show(ui, indexes, summed, units);
                }
                _ if has_icicle => {
                    ui.centered_and_justified(egui::Ui::spinner);
                }
                _ => chosen = self.graph(ui, units).or(chosen.take()),
            });
        });
        (chosen, said)
    }

    /// Draws the sums over time; the file of the process that was chosen.
    fn graph(&mut self, ui: &mut Ui, units: Units) -> Option<PathBuf> {
        let AllRead { processes, summed, indexes, .. } = self.all.as_deref()?;
        let source = bands_view::Source {
            bands: &summed.bands,
            charge: Charge::Thread,
            timeline: &summed.timeline,
            has_native_stacks: false,
            visible_ms: None,
            range: None,
            times_of_day: None,
            picked: self.together.moment(summed).filter(|_| indexes.is_some()),
            labels: &Names(processes),
            click_words: "Click to open it",
            units,
        };
        let events = self.bands.show_bands(ui, &source);
        if let Some(moment) = events.moment {
            self.together.pick(moment);
        }
        let Some(RowKey::Thread(process)) = events.only.map(|only| only.key) else { return None };
        processes.get(process.index()).map(|process| process.path.clone())
    }

    fn list(&self, ui: &mut Ui, units: Units) -> Option<PathBuf> {
        let palette = Palette::of(ui.visuals());
        let mut chosen = None;
        let all = self.all.as_deref()?;
        let first_ms = all.processes.first().map_or(0, |process| process.timeline.start_time_ms);
        ScrollArea::both().id_salt("processes").auto_shrink(false).show(ui, |ui| {
            Grid::new("processes").num_columns(7).spacing(vec2(28.0, 6.0)).show(ui, |ui| {
                for heading in ["Process", "Started", "Ran"] {
                    ui.label(RichText::new(heading).color(palette.text_weak));
                }
                for heading in ["Peak", "Peak RSS", "Live at the end"] {
                    number(ui, RichText::new(heading).color(palette.text_weak));
                }
                // The last cell of a row has all of its rest.
                ui.label("");
                ui.end_row();
                for process in &all.processes {
                    let Process { timeline, .. } = process;
                    let name = ui.add(Link::new(RichText::new(process.name()).color(palette.accent)));
                    name.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, process.name()));
                    if name.on_hover_text(escape::visible(&process.path.to_string_lossy())).clicked() {
                        chosen = Some(process.path.clone());
                    }
                    let started_ms = timeline.start_time_ms.saturating_sub(first_ms);
                    let ran_ms = timeline.elapsed_ms(Moment::End);
                    let ran = format!(
                        "{}{}",
                        format_duration(ran_ms),
                        if process.stops_early { ", stops early" } else { "" }
                    );
                    let rss = process.peak_rss_bytes.map_or_else(String::new, |bytes| format_bytes(bytes, units));
                    let peak = format_bytes(timeline.peak_bytes, units);
                    let end = format_bytes(timeline.end_heap_bytes, units);
                    for words in [format!("+{}", format_elapsed(started_ms)), ran] {
                        ui.label(words);
                    }
                    for words in [peak, rss, end] {
                        number(ui, words.into());
                    }
                    ui.end_row();
                }
            });
            for (path, message) in &all.failures {
                ui.label(
                    RichText::new(format!("{}: {}", file_name(path), escape::visible(message))).color(palette.note),
                );
            }
        });
        chosen
    }
}

/// A cell whose end is aligned with those above and below, so that numbers can be compared.
fn number(ui: &mut Ui, words: RichText) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(words));
}

/// The processes' names, as those of threads.
struct Names<'a>(&'a [Process]);

impl Labels for Names<'_> {
    fn location(&self, _: LocationId) -> LocationLabel<'_> {
        let none = || Cow::Borrowed("");
        let traits = LocationTraits::default();
        LocationLabel { function: none(), file: none(), line: 0, kind: FrameKind::Python, module: none(), traits }
    }

    fn string(&self, _: StringId) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn thread(&self, process: ThreadIndex) -> String {
        self.0.get(process.index()).map(Process::name).unwrap_or_default()
    }
}
