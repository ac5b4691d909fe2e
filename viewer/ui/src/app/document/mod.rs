// SPDX-License-Identifier: Apache-2.0
//! An open capture: its index, what is shown of it, and the answers that are there.

mod answers;
mod commands;
mod csv;
mod sandwich;
mod search;
mod show;

pub(super) use answers::Answers;
pub(super) use csv::CsvJob;
pub(super) use search::{SearchField, row_matcher};

use super::editor::{EditorError, SourcePlace};
use super::filter_bar::FilterMenu;
use super::history::History;
use super::markdown_copy::MarkdownCopy;
use super::mode_bar::TypedTime;
use super::search_field::Found;
use super::selection::Selection;
use super::view::{Asked, ModeChoice, Tab, View};
use super::watcher::{Fingerprint, Watcher};
use super::worker::{Part, Wanted, Worker};
use crate::background::{Background, Poll};
use crate::bands_view::BandsView;
use crate::details::Details;
use crate::error::UiError;
use crate::function_menu::FunctionAction;
use crate::growth_view::GrowthView;
use crate::icicle::{self, Icicle};
use crate::labels::Labels;
use crate::memory_graph::MemoryGraph;
use crate::settings::Settings;
use crate::statistics_view::StatisticsView;
use crate::table_view::{self, TableView};
use egui::Context;
use memray_index::family::children_of;
use memray_index::{GroupBy, Index, NamedFunction, Pattern, Progress, RowKey, TreeNodeId};
use memray_report::size::Units;
use memray_report::source_folders::SourceFolders;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// An open capture.
pub(super) struct Document {
    /// Tells it from others that are or were open.
    pub id: u64,
    /// The file.
    pub path: PathBuf,
    /// Its index.
    pub index: Index,
    /// What is shown.
    pub view: View,
    /// What was shown before.
    pub history: History<View>,
    /// What the search field holds.
    pub search: SearchField,
    /// The answers that are there; they may still be those to the view before.
    pub answers: Answers,
    /// How long opening took.
    pub opened_in: Duration,
    /// Whether the menu of allocators was opened.
    pub wants_allocators: bool,
    /// The last view that was answered.
    answered: Option<View>,
    /// Why the file could not be read again, if that was tried.
    pub reload_failure: Option<String>,
    /// A moment or range being typed.
    pub(super) typed_time: TypedTime,
    /// Filters being typed.
    pub filter_menu: FilterMenu,
    /// What is being copied.
    pub markdown: MarkdownCopy,
    /// Whether the selection was made outside the main view, which then brings it into sight.
    pub reveals_selection: bool,
    graph: MemoryGraph,
    icicle: Icicle,
    /// Callers and callees.
    sandwich: [Icicle; 2],
    sandwich_generation: u64,
    /// Where the keyboard is among callers (0) or callees (1).
    sandwich_cursor: Option<(usize, TreeNodeId)>,
    table: TableView,
    growth: GrowthView,
    bands: BandsView,
    statistics: StatisticsView,
    details: Details,
    labels: Arc<dyn Labels>,
    /// Where sources may be.
    source_folders: SourceFolders,
    /// The captures of its child processes, once they were looked for.
    pub children: Vec<PathBuf>,
    looking_for_children: Option<Background<Vec<PathBuf>>>,
    /// An editor being opened.
    editor: Option<Background<Result<(), EditorError>>>,
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
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            view: View::default(),
            history: History::default(),
            search: SearchField::default(),
            answers: Answers::default(),
            opened_in,
            wants_allocators: false,
            answered: None,
            reload_failure: None,
            typed_time: TypedTime::default(),
            filter_menu: FilterMenu::default(),
            markdown: MarkdownCopy::default(),
            reveals_selection: false,
            graph: MemoryGraph::default(),
            icicle: Icicle::default(),
            sandwich: [Icicle::named("Callers"), Icicle::named("Callees")],
            sandwich_generation: 0,
            sandwich_cursor: None,
            table: TableView::default(),
            growth: GrowthView::default(),
            bands: BandsView::default(),
            statistics: StatisticsView::default(),
            details: Details::default(),
            labels: Arc::new(index.clone()),
            source_folders: SourceFolders::of_captures([path.as_path()]),
            children: Vec::new(),
            looking_for_children: Some(Background::start(context, "memray-view children", {
                let path = path.clone();
                move || children_of(&path)
            })),
            editor: None,
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
    pub(super) fn update(&mut self, settings: &Settings) {
        self.source_folders.look_in(&settings.source_folders);
        self.markdown.extras = settings.markdown.extras(&self.source_folders);
        let units = settings.units.units();
        match self.looking_for_children.as_ref().map(Background::poll) {
            Some(Poll::Pending) | None => {}
            Some(Poll::Ready(children)) => (self.children, self.looking_for_children) = (children, None),
            Some(Poll::Failed) => self.looking_for_children = None,
        }
        for part in self.worker.parts() {
            if let Part::Done(wanted) = &part {
                self.is_done = self.sent.as_ref() == Some(wanted);
            }
            if let Part::Picture(picture) = &part {
                self.generation += 1;
                self.just_selected = None;
                if picture.question == self.view.question() {
                    self.answered = Some(self.view.clone());
                }
            }
            if let Part::Sandwich(..) = &part {
                self.sandwich_generation += 1;
                self.sandwich_cursor = None;
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
        let wanted = self.wanted(units);
        if self.sent.as_ref() != Some(&wanted) {
            self.worker.want(wanted.clone());
            self.sent = Some(wanted);
            self.is_done = false;
        }
    }

    /// What the view as it is now needs of the index.
    fn wanted(&self, units: Units) -> Wanted {
        Wanted {
            units,
            question: self.view.question(),
            tree: self.view.tree,
            search: self.search.pattern(),
            selection: self.view.selection.clone(),
            growth_range: (!self.index.info().is_aggregated()).then(|| self.view.growth_range(self.index.timeline())),
            table: (self.view.tab == Tab::Table).then_some(self.view.group_by),
            growth: (self.view.tab == Tab::Growth)
                .then(|| (self.view.growth_range(self.index.timeline()), self.view.growth_by)),
            bands: (self.view.tab == Tab::Bands).then_some(self.view.bands_by),
            statistics: self.view.tab == Tab::Statistics,
            sandwich: (self.view.tab == Tab::Callers).then(|| self.selected_function()).flatten(),
            allocators: self.wants_allocators,
        }
    }

    /// Whether all that is wanted is there; not so either if the view changed since it was asked for.
    pub(super) fn is_settled(&self) -> bool {
        self.is_done
            && !self.markdown.is_running()
            && self.looking_for_children.is_none()
            && self.sent.as_ref().is_some_and(|sent| *sent == self.wanted(sent.units))
    }

    /// Whether the picture is the answer to the view's question.
    pub(super) fn picture_is_current(&self) -> bool {
        self.answers
            .picture
            .as_ref()
            .is_some_and(|picture| picture.options == self.view.tree && picture.question == self.view.question())
    }

    /// How far the capture is read again, where the question needs that.
    pub(super) fn reading_again(&self) -> Option<Arc<Progress>> {
        self.worker.progress().filter(|progress| progress.bytes().1 > 0)
    }

    /// Shows the view again that was last answered. As it is another question, this one is given up.
    pub(super) fn give_up_question(&mut self) {
        let selection = self.view.selection.take();
        let before = self.answered.clone().unwrap_or_else(|| View {
            asked: Asked { mode: ModeChoice::Peak, ..self.view.asked },
            ..self.view.clone()
        });
        self.view = View { selection, ..before };
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
    pub(super) fn select_row(&mut self, key: RowKey, group_by: GroupBy) {
        self.view.selection = Some(Selection::Row(key, group_by));
        self.reveals_selection = true;
    }

    /// Does what was asked about a function. Where that hides it, nothing is selected any more.
    pub(super) fn ask_about(&mut self, function: NamedFunction, action: FunctionAction) {
        let filter = &mut self.view.filter;
        match action {
            FunctionAction::Callers => self.view.tab = Tab::Callers,
            FunctionAction::Focus => filter.function_named = Some(function),
            FunctionAction::StartHere => filter.starts_at = Some(function),
            FunctionAction::HideStacks if filter.without.contains(&function) => {}
            FunctionAction::HideStacks => {
                filter.without.push(function);
                self.view.selection = None;
            }
            FunctionAction::HideFrames if filter.hidden_functions.contains(&function.name) => {}
            FunctionAction::HideFrames => {
                filter.hidden_functions.push(function.name);
                self.view.selection = None;
            }
        }
    }

    /// The stack of what is selected, a frame a line, where it has a frame in the tree that is shown.
    pub(super) fn selected_stack(&self) -> Option<String> {
        let selected =
            self.answers.selected.as_ref().filter(|it| Some(&it.selection) == self.view.selection.as_ref())?;
        let (_, tree) = self.answers.tree()?;
        let node = selected.node.filter(|node| (node.0 as usize) < tree.nodes.len())?;
        Some(icicle::stack_text(tree, &*self.labels, node))
    }

    /// Has the source line of what is selected opened, which asks the file system.
    pub(super) fn open_in_editor(&mut self, template: String, context: &Context) -> Result<(), EditorError> {
        let Some((RowKey::Location(location), _)) = self.view.selection.as_ref().and_then(Selection::row) else {
            return Err(EditorError::NoPlace);
        };
        let location = self.index.location(location);
        if location.line == 0 {
            return Err(EditorError::NoPlace);
        }
        let file = path_of(self.index.bytes(location.file));
        let (place, folders) = (SourcePlace { file, line: location.line }, self.source_folders.clone());
        self.editor = Some(Background::start(context, "memray-view editor", move || place.open(&template, &folders)));
        Ok(())
    }

    /// Why no editor was opened, once that is known.
    pub(super) fn editor_failure(&mut self) -> Option<EditorError> {
        let outcome = match self.editor.as_ref()?.poll() {
            Poll::Pending => return None,
            Poll::Ready(outcome) => outcome.err(),
            Poll::Failed => None,
        };
        self.editor = None;
        outcome
    }

    /// What the search found, in words.
    pub(super) fn found(&self, units: Units) -> Found {
        let total_bytes = self.answers.tree().map_or(0, |(answer, _)| answer.total.bytes);
        match &self.answers.hits {
            Some(Ok(hits)) if hits.frame_count() == 0 => Found::Nothing,
            Some(Ok(hits)) => Found::Frames(hits.summary(total_bytes, units)),
            Some(Err(problem)) => Found::Problem(problem.to_string()),
            None => Found::NotYet,
        }
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

/// A path as the traced program had it.
fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into();
    #[cfg(not(unix))]
    return String::from_utf8_lossy(bytes).into_owned().into();
}
