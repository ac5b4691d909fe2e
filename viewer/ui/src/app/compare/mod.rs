// SPDX-License-Identifier: Apache-2.0
//! Two captures compared in one window, A before and B after. [`CompareDocument`] leads: both indexes, what is shown of them,
//! and the answers that are there. [`worker`] compares, on a thread of its own; [`page`] draws.

mod chips;
mod commands;
mod csv;
mod graphs;
mod icicles;
mod modes;
mod opening;
mod page;
mod said;
mod view;
mod worker;

pub(super) use opening::{BothOpened, Kept, OpeningBoth};
pub(super) use page::show;
#[cfg(test)]
pub(super) use view::MODES;

use super::document::{SearchField, row_matcher};
use super::history::History;
use super::markdown_copy::MarkdownCopy;
use super::mode_bar::TypedTime;
use super::search_field;
use crate::delta_table::DeltaTable;
use crate::error::UiError;
use crate::icicle::{FramePath, Icicle, Place, SearchError};
use crate::labels::{Labels, SideLabels};
use crate::memory_graph::MemoryGraph;
use crate::row_order::Hits;
use crate::settings::Settings;
use chips::RuleEntry;
use egui::Context;
use memray_compare::{DeltaKey, DeltaRow, Matching, Side, UnionTree};
use memray_index::{GroupBy, Index, Pattern, Refusal, Translation, Tree, TreeNodeId};
use memray_report::size::{Units, format_bytes_signed, format_counted};
use memray_report::source_folders::SourceFolders;
use said::Said;
use std::path::PathBuf;
use std::sync::Arc;
use view::{CompareTab, CompareView};
use worker::{Compared, Found, Part, Picture, Trees, Wanted, Worker};

/// Two captures that are compared.
pub(super) struct CompareDocument {
    /// The files: A, then B.
    pub(super) paths: [PathBuf; 2],
    /// Their indexes.
    pub(super) indexes: [Index; 2],
    /// What is shown.
    pub(super) view: CompareView,
    /// What was shown before.
    pub(super) history: History<CompareView>,
    /// The view that the history knows of.
    noted_view: CompareView,
    /// What the search field holds.
    pub(super) search: SearchField,
    /// What is being copied.
    pub(super) markdown: MarkdownCopy,
    source_folders: SourceFolders,
    answers: Answers,
    selection: Option<Selected>,
    /// Whether the selection was made outside the icicles, which then bring it into sight.
    reveals_selection: bool,
    typed_time: TypedTime,
    rule_entry: RuleEntry,
    graphs: [MemoryGraph; 2],
    union: Icicle,
    sides: [Icicle; 2],
    /// What the icicles side by side both show.
    place_of_both: Option<Place>,
    table: DeltaTable,
    /// What a table's rows are compared with, for the search that made it.
    row_matcher: Option<(Pattern, Hits)>,
    /// Counts pictures: how views notice that trees were replaced.
    generation: u64,
    worker: Worker,
    sent: Option<Wanted>,
    is_done: bool,
}

/// The answers that are there; they may still be those to the view before.
#[derive(Default)]
struct Answers {
    picture: Option<Picture>,
    /// Names of the table's rows.
    labels: Option<Arc<dyn Labels>>,
    /// Names of each of the picture's trees.
    tree_labels: Vec<SideLabels>,
    /// In which units it was written.
    said: Option<(Units, Result<Arc<Said>, Refusal>)>,
    table: Option<(GroupBy, Arc<Vec<DeltaRow>>)>,
    found: Option<Result<Arc<Found>, Arc<SearchError>>>,
}

/// What is selected: a frame, and the table's row through which it was.
#[derive(Clone, Debug, PartialEq)]
struct Selected {
    path: FramePath,
    /// In which of the picture's trees it was selected.
    tree: usize,
    row: Option<DeltaKey>,
    /// Where it is in each of the picture's trees.
    nodes: Vec<Option<TreeNodeId>>,
}

impl CompareDocument {
    /// What is shown of two indexes that were just opened.
    pub(super) fn new(paths: [PathBuf; 2], indexes: [Index; 2], context: &Context) -> Result<Self, UiError> {
        let worker = Worker::start(indexes.clone(), context.clone())?;
        Ok(Self {
            indexes,
            view: CompareView::default(),
            history: History::default(),
            noted_view: CompareView::default(),
            search: SearchField::default(),
            markdown: MarkdownCopy::default(),
            source_folders: SourceFolders::of_captures(paths.iter().rev().map(PathBuf::as_path)),
            paths,
            answers: Answers::default(),
            selection: None,
            reveals_selection: false,
            typed_time: TypedTime::default(),
            rule_entry: RuleEntry::default(),
            graphs: Default::default(),
            union: Icicle::default(),
            sides: Default::default(),
            place_of_both: None,
            table: DeltaTable::default(),
            row_matcher: None,
            generation: 0,
            worker,
            sent: None,
            is_done: false,
        })
    }

    /// Whether two files hold what was read of them.
    pub(super) fn is_of(&self, indexes: &[Index; 2]) -> bool {
        let facts = |index: &Index| {
            let info = index.info();
            (info.header.clone(), info.file_size_bytes, info.counts, info.ending.clone())
        };
        self.indexes.iter().zip(indexes).all(|(known, other)| facts(known) == facts(other))
    }

    /// Shows what the same two captures showed before they were read again.
    pub(super) fn show_as(&mut self, before: Self) {
        let translation = |at: usize| Translation::new(&before.indexes[at], &self.indexes[at]);
        self.view = before.view.translated([&translation(0), &translation(1)]);
        self.noted_view = self.view.clone();
        (self.search, self.table) = (before.search, before.table);
    }

    /// Takes the answers that have come, and says what is wanted now.
    pub(super) fn update(&mut self, settings: &Settings) {
        let units = settings.units.units();
        self.source_folders.look_in(&settings.source_folders);
        self.markdown.extras = settings.markdown.extras(&self.source_folders);
        self.note_view();
        let parts: Vec<Part> = self.worker.parts().collect();
        for part in parts {
            self.take(part);
        }
        let pattern = self.search.pattern();
        if self.row_matcher.as_ref().map(|(pattern, _)| pattern) != pattern.as_ref() {
            self.row_matcher = pattern.and_then(|pattern| Some((pattern.clone(), row_matcher(&pattern)?)));
        }
        let wanted = self.wanted(units);
        if self.sent.as_ref() != Some(&wanted) {
            self.worker.want(wanted.clone());
            self.sent = Some(wanted);
            self.is_done = false;
        }
    }

    fn take(&mut self, part: Part) {
        let answers = &mut self.answers;
        match part {
            Part::Picture(picture) => {
                self.generation += 1;
                let is_same =
                    answers.picture.as_ref().is_some_and(|old| Arc::ptr_eq(&old.comparison, &picture.comparison));
                if !is_same {
                    self.selection = None;
                    answers.table = None;
                    let comparison = Arc::clone(&picture.comparison);
                    answers.labels = Some(Arc::new(SideLabels { comparison, side: Side::After }));
                }
                answers.tree_labels = picture.labels();
                // What was found in the old trees does not lie where it did.
                answers.found = None;
                let roots = |matching: &Matching| (matching.roots.clone(), matching.translated);
                let has_other_roots =
                    answers.picture.as_ref().is_some_and(|old| roots(&old.matching) != roots(&picture.matching));
                answers.picture = Some(*picture);
                if has_other_roots {
                    self.forget_places();
                }
                self.find_selection();
            }
            Part::Said(units, said) => answers.said = Some((units, said)),
            Part::Table(by, rows) => answers.table = Some((by, rows)),
            Part::Found(found) => answers.found = found,
            Part::Done(wanted) => self.is_done = self.sent.as_ref() == Some(&*wanted),
        }
    }

    /// What the view as it is now needs.
    fn wanted(&self, units: Units) -> Wanted {
        let view = &self.view;
        Wanted {
            units,
            matching: view.matching.clone(),
            questions: view.questions(),
            tree: view.tree,
            trees: match view.tab {
                CompareTab::SideBySide => Trees::Sides,
                CompareTab::Union => Trees::Union(view.width, view.only_vanished),
                CompareTab::Table => Trees::Union(view.width, false),
            },
            search: self.search.pattern(),
            table: (view.tab == CompareTab::Table).then_some(view.group_by),
        }
    }

    /// Whether all that is wanted is there; not so either if the view changed since it was asked for.
    pub(super) fn is_settled(&self) -> bool {
        self.is_done
            && !self.markdown.is_running()
            && self.sent.as_ref().is_some_and(|sent| *sent == self.wanted(sent.units))
    }

    /// Whether the picture is the answer to what is wanted.
    fn picture_is_current(&self) -> bool {
        let wanted = self.sent.as_ref();
        self.answers.picture.as_ref().zip(wanted).is_some_and(|(picture, wanted)| picture.answers(wanted))
    }

    /// The trees that are shown, where there are any.
    fn compared(&self) -> Option<&Compared> {
        self.answers.picture.as_ref()?.outcome.as_ref().ok()
    }

    fn said(&self) -> Option<&Arc<Said>> {
        self.answers.said.as_ref()?.1.as_ref().ok()
    }

    /// What the search found, in words.
    pub(super) fn found(&self, units: Units) -> search_field::Found {
        match &self.answers.found {
            None => search_field::Found::NotYet,
            Some(Err(problem)) => search_field::Found::Problem(problem.to_string()),
            Some(Ok(found)) => match found.hits.iter().map(crate::icicle::Hits::frame_count).max() {
                None | Some(0) => search_field::Found::Nothing,
                Some(frames) => {
                    let frames = format_counted(frames as i128, "frame");
                    search_field::Found::Frames(format!(
                        "{frames}, {}",
                        format_bytes_signed(found.matched.bytes(), units)
                    ))
                }
            },
        }
    }

    /// Selects a frame of one of the trees; the root stands for nothing.
    fn select_node(&mut self, at: usize, tree: &UnionTree, node: TreeNodeId, row: Option<DeltaKey>) {
        let labels = self.answers.tree_labels.first().filter(|_| node.0 != 0);
        let path = labels.map(|labels| FramePath::of(&tree.tree, labels, node));
        self.selection = path.map(|path| Selected { path, tree: at, row, nodes: Vec::new() });
        self.find_selection();
    }

    /// Looks for the selection in the trees that are shown.
    fn find_selection(&mut self) {
        let trees = self.answers.picture.as_ref().and_then(|picture| picture.outcome.as_ref().ok());
        if let (Some(selected), Some(labels)) = (&mut self.selection, self.answers.tree_labels.first()) {
            let find = |tree: &Arc<UnionTree>| selected.path.find(&tree.tree, labels);
            selected.nodes = trees.map_or_else(Vec::new, |compared| compared.trees.iter().map(find).collect());
        }
    }

    /// Where the selection is in one of the trees.
    fn selected_in(&self, tree: usize) -> Option<TreeNodeId> {
        self.selection.as_ref().and_then(|selected| selected.nodes.get(tree).copied().flatten())
    }

    /// Selects what a row or a name stands for: the frame of most weight that shows it.
    fn select_key(&mut self, key: &DeltaKey) {
        let Some(picture) = &self.answers.picture else { return };
        let comparison = Arc::clone(&picture.comparison);
        let Some(compared) = self.compared() else { return };
        let Some(tree) = compared.trees.last().map(Arc::clone) else { return };
        let at = compared.trees.len() - 1;
        let rows = (1..tree.tree.nodes.len() as u32).map(TreeNodeId);
        let found = rows.filter(|&row| comparison.is_of_row(key, tree.tree.node(row).location));
        // Of equal weights the first, which is the outermost.
        let heaviest = found.max_by_key(|&row| (tree.total(row).larger_bytes(), std::cmp::Reverse(row.0)));
        match heaviest {
            Some(node) => self.select_node(at, &tree, node, Some(key.clone())),
            // It has no frame of its own, and is a row all the same.
            None => {
                let path = FramePath::default();
                self.selection = Some(Selected { path, tree: at, row: Some(key.clone()), nodes: Vec::new() });
            }
        }
        self.reveals_selection = true;
    }

    /// The frame that is selected, as it is called where it was selected, if that is shown.
    fn selected_frame(&self) -> Option<(&Tree, &SideLabels, TreeNodeId)> {
        let trees = &self.compared()?.trees;
        let at = self.selection.as_ref()?.tree.min(trees.len().checked_sub(1)?);
        // A row without a frame of its own leads to the root.
        let node = self.selected_in(at).filter(|node| node.0 != 0)?;
        Some((&trees.get(at)?.tree, self.answers.tree_labels.get(at)?, node))
    }

    /// The stack of what is selected, a frame a line.
    pub(super) fn selected_stack(&self) -> Option<String> {
        let (tree, labels, node) = self.selected_frame()?;
        Some(crate::icicle::stack_text(tree, labels, node))
    }

    /// What is selected, and where it lies.
    pub(super) fn selected_text(&self) -> Option<String> {
        let (tree, labels, node) = self.selected_frame()?;
        let node = tree.node(node);
        let name = crate::icicle::frame_name(labels, node);
        Some(match crate::icicle::frame_path(labels, node) {
            Some(place) => format!("{name} {place}"),
            None => name,
        })
    }

    /// What is said first, in words.
    #[cfg(feature = "test-channel")]
    pub(super) fn verdict_text(&self) -> Option<String> {
        Some(self.said()?.segments.iter().map(|segment| segment.text.as_str()).collect())
    }
}
