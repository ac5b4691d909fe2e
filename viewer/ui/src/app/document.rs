// SPDX-License-Identifier: Apache-2.0
//! An open capture: its index, what is shown of it, and the answers that are there.

use super::command::Command;
use super::filter_bar::FilterMenu;
use super::mode_bar::TypedTime;
use super::search_field;
use super::view::{History, ModeChoice, Selection, Tab, View};
use super::watcher::{Fingerprint, Watcher};
use super::worker::{Part, Picture, Selected, Wanted, Worker};
use crate::details::{self, Details};
use crate::error::UiError;
use crate::growth_view::{self, GrowthView};
use crate::icicle::{self, Hits, Icicle, SearchError};
use crate::labels::Labels;
use crate::memory_graph::{self, MemoryGraph};
use crate::settings::Settings;
use crate::statistics_view::{self, StatisticsView};
use crate::table_view::{self, TableView};
use egui::{Context, Ui};
use memray_index::{
    Amount, Answer, CaptureInfo, Filter, GroupBy, GrowthBy, GrowthRow, Index, Mode, Moment, Pattern, Question, Refusal,
    Row, RowKey, Statistics, TimeRange, Tree, TreeNodeId,
};
use memray_report::Headline;
use memray_report::moments::elapsed_ms;
use memray_report::notes::Note;
use memray_report::size::{Units, format_counted};
use memray_report::time::format_elapsed_range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An open capture.
pub(super) struct Document {
    /// The file.
    pub path: PathBuf,
    /// Its index.
    pub index: Index,
    /// What is shown.
    pub view: View,
    /// What was shown before.
    pub history: History,
    /// What the search field holds.
    pub search: SearchField,
    /// The answers that are there; they may still be those to the view before.
    pub answers: Answers,
    /// How long opening took.
    pub opened_in: Duration,
    /// A moment or range being typed.
    pub(super) typed_time: TypedTime,
    /// Filters being typed.
    pub filter_menu: FilterMenu,
    /// Whether the selection was made outside the main view, which then brings it into sight.
    pub reveals_selection: bool,
    graph: MemoryGraph,
    icicle: Icicle,
    table: TableView,
    growth: GrowthView,
    statistics: StatisticsView,
    details: Details,
    labels: Arc<dyn Labels>,
    /// Where source files named by relative paths may be.
    source_folders: Vec<PathBuf>,
    /// What a table's rows are compared with, for the search that made it.
    row_matcher: Option<(Pattern, table_view::Hits)>,
    /// Counts pictures: how views notice that the tree was replaced.
    generation: u64,
    /// Counts what the worker said of selections.
    selected_generation: u64,
    /// Where a selection that was just made is, until the worker has said so.
    just_selected: Option<(Selection, TreeNodeId)>,
    watcher: Option<Watcher>,
    worker: Worker,
    sent: Option<Wanted>,
    is_done: bool,
}

/// The answers that are there.
#[derive(Default)]
pub(super) struct Answers {
    /// The headline, and the units it was written in.
    pub headline: Option<(Units, Result<Arc<Headline>, Refusal>)>,
    /// The notes.
    pub notes: Option<Arc<Vec<Note>>>,
    /// The answer and its tree.
    pub picture: Option<Picture>,
    /// The search's.
    pub hits: Option<Result<Arc<Hits>, Arc<SearchError>>>,
    /// What is known of the selection.
    pub selected: Option<Selected>,
    /// The table.
    pub table: Option<(Question, GroupBy, Arc<Vec<Row>>)>,
    /// The growth ranking.
    pub growth: Option<(TimeRange, GrowthBy, Result<Arc<Vec<GrowthRow>>, Refusal>)>,
    /// The statistics.
    pub statistics: Option<Result<Arc<Statistics>, Refusal>>,
}

impl Answers {
    /// The answer and its tree, where there is one.
    pub(super) fn tree(&self) -> Option<(&Arc<Answer>, &Arc<Tree>)> {
        let (answer, tree) = self.picture.as_ref()?.outcome.as_ref().ok()?;
        Some((answer, tree))
    }

    fn take(&mut self, part: Part) {
        match part {
            Part::Headline(units, headline) => self.headline = Some((units, headline)),
            Part::Notes(notes) => self.notes = Some(notes),
            Part::Picture(picture) => {
                // What was found in the old tree does not lie where it did.
                self.hits = None;
                if let Some(selected) = &mut self.selected {
                    selected.node = None;
                }
                self.picture = Some(picture);
            }
            Part::Hits(hits) => self.hits = hits,
            Part::Selected(selected) => self.selected = selected,
            Part::Table(question, by, rows) => self.table = Some((question, by, rows)),
            Part::Growth(range, by, rows) => self.growth = Some((range, by, rows)),
            Part::Statistics(statistics) => self.statistics = Some(statistics),
            Part::Done(_) => {}
        }
    }
}

impl Document {
    /// What is shown of an index that was just opened.
    pub(super) fn new(
        path: PathBuf,
        index: Index,
        opened_in: Duration,
        fingerprint: Option<Fingerprint>,
        context: &Context,
    ) -> Result<Self, UiError> {
        let worker = Worker::start(index.clone(), context.clone())?;
        // Without a watcher a change on disk goes unnoticed; all else works.
        let watcher = Watcher::start(path.clone(), fingerprint, context.clone()).ok();
        Ok(Self {
            view: View::default(),
            history: History::default(),
            search: SearchField::default(),
            answers: Answers::default(),
            opened_in,
            typed_time: TypedTime::default(),
            filter_menu: FilterMenu::default(),
            reveals_selection: false,
            graph: MemoryGraph::default(),
            icicle: Icicle::default(),
            table: TableView::default(),
            growth: GrowthView::default(),
            statistics: StatisticsView::default(),
            details: Details::default(),
            labels: Arc::new(index.clone()),
            source_folders: path.parent().map(Path::to_owned).into_iter().chain(std::env::current_dir()).collect(),
            row_matcher: None,
            generation: 0,
            selected_generation: 0,
            just_selected: None,
            path,
            index,
            watcher,
            worker,
            sent: None,
            is_done: false,
        })
    }

    /// Whether the file changed on disk since it was opened.
    pub(super) fn has_changed_on_disk(&self) -> bool {
        self.watcher.as_ref().is_some_and(Watcher::has_changed)
    }

    /// Takes the answers that have come, and says what is wanted now.
    pub(super) fn update(&mut self, units: Units) {
        for part in self.worker.parts() {
            if let Part::Done(wanted) = &part {
                self.is_done = self.sent.as_ref() == Some(wanted);
            }
            if let Part::Picture(_) = &part {
                self.generation += 1;
                self.just_selected = None;
            }
            if let Part::Selected(_) = &part {
                self.selected_generation += 1;
            }
            self.answers.take(part);
        }
        let pattern = self.search.pattern();
        if self.row_matcher.as_ref().map(|(pattern, _)| pattern) != pattern.as_ref() {
            self.row_matcher = pattern.clone().and_then(|pattern| Some((pattern.clone(), row_matcher(&pattern)?)));
        }
        let wanted = Wanted {
            units,
            question: self.view.question(),
            tree: self.view.tree,
            search: pattern,
            selection: self.view.selection.clone(),
            table: (self.view.tab == Tab::Table).then_some(self.view.group_by),
            growth: (self.view.tab == Tab::Growth)
                .then(|| (self.view.growth_range(self.index.timeline()), self.view.growth_by)),
            statistics: self.view.tab == Tab::Statistics,
        };
        if self.sent.as_ref() != Some(&wanted) {
            self.worker.want(wanted.clone());
            self.sent = Some(wanted);
            self.is_done = false;
        }
    }

    /// Whether all that is wanted is there.
    pub(super) fn is_settled(&self) -> bool {
        self.is_done
    }

    /// Whether the picture is the answer to the view's question.
    pub(super) fn picture_is_current(&self) -> bool {
        self.answers
            .picture
            .as_ref()
            .is_some_and(|picture| picture.options == self.view.tree && picture.question == self.view.question())
    }

    /// The selected frame in the tree that is shown.
    pub(super) fn selected_node(&self) -> Option<TreeNodeId> {
        let selection = self.view.selection.as_ref()?;
        if let Some((just, node)) = &self.just_selected
            && just == selection
        {
            return Some(*node);
        }
        self.answers.selected.as_ref().filter(|selected| selected.selection == *selection)?.node
    }

    /// Selects a node of the tree that is shown; the root stands for nothing.
    pub(super) fn select_node(&mut self, node: TreeNodeId) {
        let Some((_, tree)) = self.answers.tree() else { return };
        let Some(options) = self.answers.picture.as_ref().map(|picture| picture.options) else { return };
        self.view.selection = Selection::of_node(tree, node, options);
        self.just_selected = self.view.selection.clone().map(|selection| (selection, node));
    }

    /// Selects what a table's row stands for.
    pub(super) fn select_row(&mut self, key: RowKey) {
        self.view.selection = Some(Selection::Row(key));
        self.reveals_selection = true;
    }

    /// Does what a command says.
    pub(super) fn perform(&mut self, command: Command, context: &Context) {
        let view = &mut self.view;
        match command {
            Command::ShowIcicle => view.tab = Tab::Icicle,
            Command::ShowTable => view.tab = Tab::Table,
            Command::ShowGrowth => view.tab = Tab::Growth,
            Command::ShowStatistics => view.tab = Tab::Statistics,
            Command::ToggleInverted => view.tree.is_inverted ^= true,
            Command::ToggleFlames => view.is_flames ^= true,
            Command::ToggleFoldLibraries => view.tree.folds_libraries ^= true,
            Command::ToggleOwnCodeColour => view.own_code_in_colour ^= true,
            Command::ToggleSplitThreads => view.split_threads ^= true,
            Command::ToggleImportSystem => view.filter.hide_import_system ^= true,
            Command::ToggleIrrelevant => view.filter.hide_irrelevant ^= true,
            Command::ClearFilter => view.filter = Filter::default(),
            Command::EditFilter => self.filter_menu.open(),
            Command::TypeMoment => self.typed_time.open(),
            Command::JumpToPeak => {
                view.clear_time();
                view.mode = ModeChoice::Peak;
            }
            Command::JumpToPeakRss => {
                if let Some(moment) = self.moment_of_peak_rss() {
                    self.view.choose_moment(moment);
                }
            }
            Command::Search => search_field::focus(context),
            Command::NextHit => self.step_hit(true),
            Command::PreviousHit => self.step_hit(false),
            Command::Clear => self.clear(),
            Command::Back => self.go_back(),
            Command::Forward => self.go_forward(),
            Command::ZoomReset => self.icicle.reset(),
            Command::ZoomIn => {
                if let Some(node) = self.selected_node() {
                    self.icicle.zoom_to(node);
                }
            }
            Command::ZoomOut => self.icicle.back(),
            Command::Open
            | Command::OpenPath
            | Command::Reload
            | Command::Close
            | Command::Quit
            | Command::ShowKeys => {}
        }
    }

    /// Whether a command that switches something has it on.
    pub(super) fn is_on(&self, command: Command) -> bool {
        let view = &self.view;
        match command {
            Command::ShowIcicle => view.tab == Tab::Icicle,
            Command::ShowTable => view.tab == Tab::Table,
            Command::ShowGrowth => view.tab == Tab::Growth,
            Command::ShowStatistics => view.tab == Tab::Statistics,
            Command::ToggleInverted => view.tree.is_inverted,
            Command::ToggleFlames => view.is_flames,
            Command::ToggleFoldLibraries => view.tree.folds_libraries,
            Command::ToggleOwnCodeColour => view.own_code_in_colour,
            Command::ToggleSplitThreads => view.split_threads,
            Command::ToggleImportSystem => view.filter.hide_import_system,
            Command::ToggleIrrelevant => view.filter.hide_irrelevant,
            _ => false,
        }
    }

    /// The first snapshot with the largest resident set.
    fn moment_of_peak_rss(&self) -> Option<Moment> {
        let (peak_bytes, time_ms) = self.index.info().peak_rss?;
        if self.index.info().is_aggregated() {
            return None;
        }
        let snapshots = &self.index.timeline().snapshots;
        let is_peak = |s: &memray_index::SnapshotRow| s.rss_bytes == peak_bytes && s.time_ms == time_ms;
        snapshots.iter().position(is_peak).and_then(|i| u32::try_from(i).ok()).map(Moment::Snapshot)
    }

    /// Clears the selection; without one the zoom; without one the range.
    fn clear(&mut self) {
        if self.view.selection.is_some() {
            self.view.selection = None;
        } else if self.icicle.is_zoomed() {
            self.icicle.reset();
        } else {
            self.view.clear_time();
        }
    }

    /// Whether there is a zoom or a view to go back to.
    pub(super) fn can_go_back(&self) -> bool {
        self.icicle.can_go_back() || self.history.can_go_back()
    }

    /// Whether there is a zoom or a view to go forward to.
    pub(super) fn can_go_forward(&self) -> bool {
        self.icicle.can_go_forward() || self.history.can_go_forward()
    }

    fn go_back(&mut self) {
        if self.icicle.can_go_back() {
            self.icicle.back();
        } else if let Some(view) = self.history.back(&self.view) {
            self.view = view;
        }
    }

    fn go_forward(&mut self) {
        if self.history.can_go_forward() {
            if let Some(view) = self.history.forward(&self.view) {
                self.view = view;
            }
        } else {
            self.icicle.forward();
        }
    }

    /// Draws the main view; something to say for a moment, if there is.
    pub(super) fn show_main(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        match self.view.tab {
            Tab::Icicle => self.show_icicle(ui, settings),
            Tab::Table => self.show_table(ui, settings),
            Tab::Growth => self.show_growth(ui, settings),
            Tab::Statistics => self.show_statistics(ui, settings),
        }
    }

    fn selected_key(&self) -> Option<RowKey> {
        self.view.selection.as_ref().and_then(Selection::key)
    }

    /// Draws the memory graph.
    pub(super) fn show_graph(&mut self, ui: &mut Ui, settings: &Settings) {
        let selected = self.answers.selected.as_ref().filter(|s| Some(&s.selection) == self.view.selection.as_ref());
        let line = selected.and_then(|selected| Some((selected.name.as_str(), selected.live_bytes.as_deref()?)));
        let source = memory_graph::Source {
            timeline: self.index.timeline(),
            generation: 0,
            selection: line.map(|(name, bytes)| memory_graph::SelectionLine {
                name,
                bytes,
                generation: self.selected_generation,
            }),
            range: self.view.range,
            moment: self.view.moment,
            is_provisional: false,
            units: settings.units.units(),
            clock: settings.clock.wall_clock(),
        };
        let events = self.graph.show(ui, &source);
        if self.index.info().is_aggregated() {
            // Its samples can be looked at, and asked nothing.
            return;
        }
        if let Some(range) = events.range {
            self.view.choose_range(range);
        }
        if let Some(moment) = events.moment {
            self.view.choose_moment(moment);
        }
    }

    fn show_table(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let (_, group_by, rows) = self.answers.table.as_ref()?;
        let total = self.answers.tree().map_or(Amount::default(), |(answer, _)| answer.total);
        let source = table_view::Source {
            rows,
            total,
            group_by: *group_by,
            labels: &self.labels,
            hits: self.row_matcher.as_ref().map(|(_, hits)| hits),
            selected: self.selected_key(),
            units: settings.units.units(),
        };
        let events = self.table.show(ui, &source);
        if let Some(key) = events.selected {
            self.select_row(key);
        }
        if let Some(group_by) = events.group_by {
            self.view.group_by = group_by;
        }
        events.copied.map(|copied| match copied {
            table_view::Copied::Table(rows) => format!("Copied {}", format_counted(rows as u64, "row")),
            table_view::Copied::Text => "Copied".to_owned(),
        })
    }

    fn show_growth(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let (range, by, outcome) = self.answers.growth.as_ref()?;
        let refusal = outcome.as_ref().err().map(ToString::to_string);
        let timeline = self.index.timeline();
        let range = format_elapsed_range(elapsed_ms(timeline, range.from), elapsed_ms(timeline, range.to));
        let source = growth_view::Source {
            rows: outcome.as_ref().map_err(|_| refusal.as_deref().unwrap_or_default()),
            by: *by,
            range: &range,
            labels: &self.labels,
            selected: self.selected_key(),
            units: settings.units.units(),
        };
        let events = self.growth.show(ui, &source);
        if let Some(by) = events.by {
            self.view.growth_by = by;
        }
        if let Some(key) = events.selected {
            self.select_row(key);
        }
        None
    }

    fn show_statistics(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let outcome = self.answers.statistics.as_ref()?;
        let refusal = outcome.as_ref().err().map(ToString::to_string);
        let source = statistics_view::Source {
            statistics: outcome.as_ref().map_err(|_| refusal.as_deref().unwrap_or_default()),
            info: self.index.info(),
            timeline: self.index.timeline(),
            thread_count: self.index.threads().len(),
            labels: &*self.labels,
            units: settings.units.units(),
            clock: settings.clock.wall_clock(),
        };
        let events = self.statistics.show(ui, &source);
        if let Some(key) = events.selected {
            self.select_row(key);
        }
        events.copied.then(|| "Copied the statistics".to_owned())
    }

    /// Draws the panel of details; something to say for a moment, if there is.
    pub(super) fn show_details(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let selected = self.answers.selected.as_ref().filter(|s| Some(&s.selection) == self.view.selection.as_ref());
        let facts = selected.and_then(|selected| selected.facts.clone());
        let (Some(facts), Some(key), Some((answer, _))) = (facts, self.selected_key(), self.answers.tree()) else {
            self.details.show(ui, None);
            return None;
        };
        let source = details::Source {
            key,
            group_by: match self.view.selection {
                Some(Selection::Row(_)) if self.view.tab == Tab::Table => self.view.group_by,
                _ => group_of(key),
            },
            amount_words: amount_words(&answer.question.mode, self.index.info()),
            amount: facts.amount,
            own: facts.own,
            total: answer.total,
            caller: facts.caller,
            growth: self.growth_of(key),
            threads: &facts.threads,
            stack: &facts.stack_locations,
            selected_frame: facts.selected_frame,
            native: &[],
            source_folders: &self.source_folders,
            capture_end_ms: self.index.timeline().end_time_ms,
            labels: &*self.labels,
            units: settings.units.units(),
        };
        let events = self.details.show(ui, Some(&source));
        if let Some(node) = events.selected_frame.and_then(|row| facts.stack.get(row)) {
            self.select_node(*node);
            self.reveals_selection = true;
        }
        events.copied.then(|| "Copied".to_owned())
    }

    /// How a row grows, where the ranking says so.
    fn growth_of(&self, key: RowKey) -> Option<details::Growth> {
        let (_, _, rows) = self.answers.growth.as_ref()?;
        let row = rows.as_ref().ok()?.iter().find(|row| row.key == key)?;
        Some(details::Growth { slope_bytes_per_hour: row.slope_bytes_per_hour, shape: row.shape })
    }

    fn show_icicle(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let selected = self.selected_node();
        if std::mem::take(&mut self.reveals_selection) {
            match selected {
                Some(node) => self.icicle.reveal(node),
                // The worker has not yet said where it is.
                None => self.reveals_selection = self.view.selection.is_some() && !self.is_done,
            }
        }
        let (answer, tree) = self.answers.tree()?;
        let source = icicle::Source {
            tree,
            generation: self.generation,
            total: answer.total,
            labels: &self.index,
            is_signed: matches!(answer.question.mode, Mode::RangeGrowth(_)),
            is_flames: self.view.is_flames,
            is_coloured: self.view.own_code_in_colour,
            hits: self.answers.hits.as_ref().and_then(|hits| hits.as_deref().ok()),
            selected,
            units: settings.units.units(),
        };
        let events = self.icicle.show(ui, &source);
        let name = |node: Option<TreeNodeId>| {
            node.map(|node| self.index.text(self.index.location(tree.node(node).location).function).into_owned())
        };
        let (focus, hide) = (name(events.focus), name(events.hide));
        match events.selection {
            Some(icicle::Selection::Frame(node)) => self.select_node(node),
            Some(icicle::Selection::Nothing) => self.view.selection = None,
            None => {}
        }
        if let Some(function) = focus {
            self.view.filter.function = Some(Pattern::Regex(format!("^{}$", regex::escape(&function))));
        }
        let _ = hide;
        events.copied.map(|what| format!("Copied the {what}"))
    }

    /// Selects the next search hit, or the one before.
    pub(super) fn step_hit(&mut self, forward: bool) {
        let (Some((_, tree)), Some(Ok(hits))) = (self.answers.tree(), &self.answers.hits) else { return };
        let from = self.selected_node();
        if let Some(node) = if forward { hits.next(tree, from) } else { hits.previous(tree, from) } {
            self.select_node(node);
        }
    }
}

fn row_matcher(pattern: &Pattern) -> Option<table_view::Hits> {
    let expression = match pattern {
        Pattern::Substring(text) => regex::escape(text),
        Pattern::Regex(text) => text.clone(),
    };
    let regex = regex::RegexBuilder::new(&expression).case_insensitive(true).build().ok()?;
    Some(Arc::new(move |name| regex.is_match(name)))
}

/// What a table must be grouped by to have a row.
fn group_of(key: RowKey) -> GroupBy {
    match key {
        RowKey::Location(_) | RowKey::None => GroupBy::Location,
        RowKey::Function(..) => GroupBy::Function,
        RowKey::File(_) => GroupBy::File,
        RowKey::Module(_) => GroupBy::Module,
        RowKey::Thread(_) => GroupBy::Thread,
        RowKey::Allocator(_) => GroupBy::Allocator,
    }
}

/// What the details' amounts are amounts of.
fn amount_words(mode: &Mode, info: &CaptureInfo) -> &'static str {
    match mode {
        Mode::Peak => "live at the peak",
        Mode::Leaked if info.stops_early() => "live at the stop",
        Mode::Leaked => "leaked",
        Mode::LiveAt(_) => "live then",
        Mode::RangeLive(_) => "still live",
        Mode::RangePeak(_) => "live at its peak",
        Mode::RangeGrowth(_) => "growth",
        Mode::RangeChurn(_) => "allocated in it",
        Mode::Temporary { .. } => "temporary",
        Mode::Total => "allocated",
    }
}

/// What the search field holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SearchField {
    /// Its text.
    pub text: String,
    /// Whether it is a regular expression.
    pub is_regex: bool,
}

impl SearchField {
    /// What is searched for.
    pub(super) fn pattern(&self) -> Option<Pattern> {
        let text = self.text.trim().to_owned();
        (!text.is_empty()).then(|| if self.is_regex { Pattern::Regex(text) } else { Pattern::Substring(text) })
    }
}
