// SPDX-License-Identifier: Apache-2.0
//! What commands do to a comparison.

use super::super::command::Command;
use super::super::history::{History, Step};
use super::super::markdown_copy::written;
use super::super::search_field;
use super::super::view::ModeChoice;
use super::CompareDocument;
use super::view::{CompareTab, CompareView, MODES, mode_label, mode_refusal};
use super::worker::Worker;
use crate::icicle::Place;
use crate::memory_graph::MemoryGraph;
use egui::Context;
use memray_index::Index;
use memray_report::comparison::{Diff, DiffQuestion};
use std::sync::Arc;

/// By how much one press of a key zooms.
const ZOOM_STEP: f64 = 1.5;

/// So many rows are copied.
const COPIED_ROWS: usize = 15;

impl CompareDocument {
    /// Does what a command says.
    pub(in crate::app) fn perform(&mut self, command: Command, context: &Context) {
        let view = &mut self.view;
        match command {
            Command::ShowIcicle => self.show_tab(CompareTab::Union),
            Command::ShowSideBySide => self.show_tab(CompareTab::SideBySide),
            Command::ShowTable => self.show_tab(CompareTab::Table),
            Command::ToggleInverted => view.tree.is_inverted ^= true,
            Command::ToggleFlames => view.is_flames ^= true,
            Command::ToggleFoldLibraries => view.tree.folds_libraries ^= true,
            Command::ToggleImportSystem => view.filter.hide_import_system ^= true,
            Command::ToggleIrrelevant => view.filter.hide_irrelevant ^= true,
            Command::ToggleOnlyVanished => view.only_vanished ^= true,
            Command::ToggleLinked => {
                let timelines = [self.indexes[0].timeline(), self.indexes[1].timeline()];
                view.toggle_linked(timelines);
            }
            Command::ToggleOverlaid => view.is_overlaid ^= true,
            Command::SetWidth(width) => view.width = width,
            Command::ToggleByLine => view.matching.by_line ^= true,
            Command::AddRoot => self.rule_entry.open(),
            Command::Back => {
                if let Some(step) = self.history.back(self.step(self.view.clone())) {
                    self.show_step(step);
                }
            }
            Command::Forward => {
                if let Some(step) = self.history.forward(self.step(self.view.clone())) {
                    self.show_step(step);
                }
            }
            Command::TypeMoment => self.typed_time.open(),
            Command::Ask(mode) => {
                view.choose_mode(mode);
                if mode == ModeChoice::LiveAt {
                    self.typed_time.open();
                }
            }
            Command::JumpToPeak => {
                view.clear_time();
                view.choose_mode(ModeChoice::Peak);
            }
            Command::Search => search_field::focus(context),
            Command::NextHit => self.step_hit(true),
            Command::PreviousHit => self.step_hit(false),
            Command::Clear => self.clear(),
            // A table does not zoom.
            Command::ZoomReset | Command::ZoomIn | Command::ZoomOut if view.tab == CompareTab::Table => {}
            Command::ZoomReset => self.zoomed().reset(),
            Command::ZoomIn => self.zoomed().zoom_by(ZOOM_STEP),
            Command::ZoomOut => self.zoomed().zoom_by(1.0 / ZOOM_STEP),
            Command::CopyMarkdown => self.copy_markdown(context),
            Command::Swap => self.swap(context),
            _ => {}
        }
    }

    /// Whether a command that switches something has it on.
    pub(in crate::app) fn is_on(&self, command: Command) -> bool {
        let view = &self.view;
        match command {
            Command::ShowIcicle => view.tab == CompareTab::Union,
            Command::ShowSideBySide => view.tab == CompareTab::SideBySide,
            Command::ShowTable => view.tab == CompareTab::Table,
            Command::Ask(mode) => view.mode() == Some(mode),
            Command::ToggleInverted => view.tree.is_inverted,
            Command::ToggleFlames => view.is_flames,
            Command::ToggleFoldLibraries => view.tree.folds_libraries,
            Command::ToggleImportSystem => view.filter.hide_import_system,
            Command::ToggleIrrelevant => view.filter.hide_irrelevant,
            Command::ToggleOnlyVanished => view.only_vanished,
            Command::ToggleLinked => view.is_linked,
            Command::ToggleOverlaid => view.is_overlaid,
            Command::SetWidth(width) => view.width == width,
            Command::ToggleByLine => view.matching.by_line,
            _ => false,
        }
    }

    /// Whether frames can be made as wide as before or after: side by side, each is as wide as its own.
    pub(in crate::app) fn takes_widths(&self) -> bool {
        self.view.tab == CompareTab::Union && !self.view.only_vanished
    }

    /// What a mode is called here; `None` of modes that two captures are not asked.
    pub(in crate::app) fn mode_label(&self, mode: ModeChoice) -> Option<&'static str> {
        MODES.contains(&mode).then(|| mode_label(mode, self.indexes.each_ref().map(Index::info)))
    }

    /// Why they cannot be asked a mode.
    pub(in crate::app) fn mode_refusal(&self, mode: ModeChoice) -> Option<String> {
        mode_refusal(mode, self.indexes.each_ref().map(Index::info))
    }

    /// Shows another view; what an icicle shows, the next one does.
    fn show_tab(&mut self, tab: CompareTab) {
        let from = self.view.tab;
        self.view.tab = tab;
        match (from, tab) {
            (CompareTab::Union, CompareTab::SideBySide) => {
                if let Some(place) = self.union.place().cloned() {
                    self.sides[0].follow(place);
                }
            }
            (CompareTab::SideBySide, CompareTab::Union) => {
                if let Some(place) = self.place_of_both.clone() {
                    self.union.follow(place);
                }
            }
            _ => {}
        }
    }

    /// The icicle that zooms; another beside it follows.
    fn zoomed(&mut self) -> &mut crate::icicle::Icicle {
        match self.view.tab {
            CompareTab::SideBySide => &mut self.sides[0],
            CompareTab::Union | CompareTab::Table => &mut self.union,
        }
    }

    /// Clears the selection; without one the zoom; without one the range.
    fn clear(&mut self) {
        if self.selection.is_some() {
            self.selection = None;
        } else if self.view.tab != CompareTab::Table && self.zoomed().is_zoomed() {
            self.zoomed().reset();
        } else if self.graphs.each_mut().map(MemoryGraph::clear).contains(&true) {
            // That was it.
        } else {
            self.view.clear_time();
        }
    }

    fn step_hit(&mut self, forward: bool) {
        let Some(Ok(found)) = &self.answers.found else { return };
        let Some(compared) = self.compared() else { return };
        // Side by side, B goes first: it has what is new.
        let at = compared.trees.len() - 1;
        let (Some(tree), Some(hits)) = (compared.trees.get(at), found.hits.get(at)) else { return };
        let (tree, from) = (Arc::clone(tree), self.selected_in(at));
        let hit = if forward { hits.next(&tree.tree, from) } else { hits.previous(&tree.tree, from) };
        if let Some(node) = hit {
            self.select_node(at, &tree, node, None);
            self.reveals_selection = true;
        }
    }

    /// A view, with what icicles show of it, to be come back to.
    fn step(&self, view: CompareView) -> Step<CompareView> {
        let zoom = match view.tab {
            CompareTab::SideBySide => self.place_of_both.clone(),
            CompareTab::Union | CompareTab::Table => self.union.place().cloned(),
        };
        Step { view, zoom }
    }

    /// Notes that a view was left for another.
    pub(super) fn note_view(&mut self) {
        // Whose times are chosen next is nothing to go back from.
        self.noted_view.chosen_side = self.view.chosen_side;
        if self.view != self.noted_view {
            let left = std::mem::replace(&mut self.noted_view, self.view.clone());
            let step = self.step(left);
            self.history.left(step);
        }
    }

    /// Notes that a part of the tree was left for another.
    pub(super) fn note_zoom(&mut self, left: Option<Place>) {
        if left.is_some() {
            self.history.left(Step { view: self.view.clone(), zoom: left });
        }
    }

    fn show_step(&mut self, step: Step<CompareView>) {
        // Whose times are chosen next stays.
        self.view = CompareView { chosen_side: self.view.chosen_side, ..step.view };
        self.noted_view = self.view.clone();
        if let Some(zoom) = step.zoom {
            self.zoomed().go_to(zoom);
        }
    }

    /// Forgets what is selected and zoomed to: locations have other numbers now.
    pub(super) fn forget_places(&mut self) {
        self.selection = None;
        (self.union, self.sides) = Default::default();
        self.place_of_both = None;
        self.history.forget_zooms();
    }

    /// Copies what is shown as Markdown, once it is written.
    fn copy_markdown(&mut self, context: &Context) {
        let Some(picture) = &self.answers.picture else { return };
        let comparison = Arc::clone(&picture.comparison);
        let question = DiffQuestion {
            modes: self.view.asked.map(|asked| asked.mode()),
            filter: self.view.filter.clone(),
            by: self.view.group_by,
        };
        let names = self.paths.clone().map(|path| path.to_string_lossy().into_owned());
        let units = self.sent.as_ref().map(|sent| sent.units).unwrap_or_default();
        self.markdown.start(context, move |extras, out| {
            let diff = Diff::of(&comparison, [&names[0], &names[1]], &question, units);
            let diff = diff.map_err(|refusal| refusal.sentence())?;
            written(diff.write_markdown(COPIED_ROWS, extras, out))
        });
    }

    /// Lets B be A.
    fn swap(&mut self, context: &Context) {
        let [before, after] = self.indexes.clone();
        // Without another thread all stays as it is.
        let Ok(worker) = Worker::start([after, before], context.clone()) else { return };
        self.worker = worker;
        self.indexes.swap(0, 1);
        self.paths.swap(0, 1);
        self.graphs = Default::default();
        self.view.swap(self.answers.picture.as_ref().map(|picture| picture.comparison.root_rules()));
        // What was shown before was of the other order.
        (self.history, self.noted_view) = (History::default(), self.view.clone());
        self.answers = super::Answers::default();
        self.forget_places();
        self.sent = None;
        self.is_done = false;
    }
}
