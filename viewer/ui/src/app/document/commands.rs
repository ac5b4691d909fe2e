// SPDX-License-Identifier: Apache-2.0
//! What commands do to a document.

use super::super::command::Command;
use super::super::history::Step;
use super::super::markdown_copy::written;
use super::super::search_field;
use super::super::view::{ModeChoice, Tab, Time, View};
use super::Document;
use egui::Context;
use memray_index::{Filter, Moment, SnapshotRow};
use memray_report::markdown::write_markdown;
use std::sync::Arc;

/// By how much one press of a key zooms.
const ZOOM_STEP: f64 = 1.5;

impl Document {
    /// Does what a command says.
    pub(in crate::app) fn perform(&mut self, command: Command, context: &Context) {
        let view = &mut self.view;
        match command {
            Command::ShowIcicle => view.tab = Tab::Icicle,
            Command::ShowTable => view.tab = Tab::Table,
            Command::ShowGrowth => view.tab = Tab::Growth,
            Command::ShowBands => view.tab = Tab::Bands,
            Command::ShowStatistics => view.tab = Tab::Statistics,
            Command::ShowCallers => view.tab = Tab::Callers,
            Command::ToggleInverted => view.tree.is_inverted ^= true,
            Command::ToggleFlames => view.is_flames ^= true,
            Command::ToggleFoldLibraries => view.tree.folds_libraries ^= true,
            Command::ToggleOwnCodeColour => view.own_code_in_colour ^= true,
            Command::ToggleSplitThreads => view.split_threads ^= true,
            Command::ToggleImportSystem => view.filter.hide_import_system ^= true,
            Command::ToggleIrrelevant => view.filter.hide_irrelevant ^= true,
            Command::ClearFilter => view.filter = Filter::default(),
            Command::EditFilter => self.filter_menu.open(&self.view.filter),
            Command::TypeMoment => self.typed_time.open(),
            Command::Ask(mode) => {
                view.asked.mode = mode;
                if mode == ModeChoice::LiveAt {
                    self.typed_time.open();
                }
            }
            Command::OfFunction(action) => {
                if let Some(function) = self.selected_function() {
                    self.ask_about(function, action);
                }
            }
            Command::JumpToPeak => {
                view.asked.clear_time();
                view.asked.mode = ModeChoice::Peak;
            }
            Command::JumpToPeakRss => {
                if let Some(moment) = self.moment_of_peak_rss() {
                    self.view.asked.choose(Time::Moment(moment));
                }
            }
            Command::Search => search_field::focus(context),
            Command::NextHit => self.step_hit(true),
            Command::PreviousHit => self.step_hit(false),
            Command::Clear => self.clear(),
            Command::Back => self.go_back(),
            Command::Forward => self.go_forward(),
            Command::ZoomReset => self.icicle.reset(),
            Command::ZoomIn => self.icicle.zoom_by(ZOOM_STEP),
            Command::ZoomOut => self.icicle.zoom_by(1.0 / ZOOM_STEP),
            Command::CopyMarkdown => self.copy_markdown(context),
            _ => {}
        }
    }

    /// Whether a command that switches something has it on.
    pub(in crate::app) fn is_on(&self, command: Command) -> bool {
        let view = &self.view;
        match command {
            Command::ShowIcicle => view.tab == Tab::Icicle,
            Command::ShowTable => view.tab == Tab::Table,
            Command::ShowGrowth => view.tab == Tab::Growth,
            Command::ShowBands => view.tab == Tab::Bands,
            Command::ShowStatistics => view.tab == Tab::Statistics,
            Command::ShowCallers => view.tab == Tab::Callers,
            Command::Ask(mode) => view.asked.mode == mode,
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

    /// Copies what is shown as Markdown, once it is written.
    fn copy_markdown(&mut self, context: &Context) {
        let Some((answer, _)) = self.answers.tree() else { return };
        let (index, answer) = (self.index.clone(), Arc::clone(answer));
        let units = self.sent.as_ref().map(|sent| sent.units).unwrap_or_default();
        self.markdown.start(context, move |extras, out| written(write_markdown(&index, &answer, units, extras, out)));
    }

    /// The first snapshot with the largest resident set.
    fn moment_of_peak_rss(&self) -> Option<Moment> {
        let (peak_bytes, time_ms) = self.index.info().peak_rss?;
        if self.index.info().is_aggregated() {
            return None;
        }
        let snapshots = &self.index.timeline().snapshots;
        let is_peak = |s: &SnapshotRow| s.rss_bytes == peak_bytes && s.time_ms == time_ms;
        snapshots.iter().position(is_peak).and_then(|i| u32::try_from(i).ok()).map(Moment::Snapshot)
    }

    /// Clears the selection; without one the zoom; without one the range.
    fn clear(&mut self) {
        if self.view.selection.is_some() {
            self.view.selection = None;
        } else if self.view.tab == Tab::Icicle && self.icicle.is_zoomed() {
            self.icicle.reset();
        } else if self.graph.is_zoomed() {
            self.graph.clear();
        } else {
            self.view.asked.clear_time();
        }
    }

    /// Whether the icicle is on its way to another part of the tree.
    #[cfg(feature = "test-channel")]
    pub(in crate::app) fn is_moving(&self) -> bool {
        self.icicle.is_moving()
    }

    /// Whether less than the whole tree is shown.
    #[cfg(feature = "test-channel")]
    pub(in crate::app) fn is_zoomed(&self) -> bool {
        self.icicle.is_zoomed()
    }

    /// What is shown now, to be come back to.
    fn step(&self) -> Step<View> {
        Step { view: self.view.clone(), zoom: self.icicle.place().cloned() }
    }

    /// Notes that this view was left for the present one.
    pub(in crate::app) fn left(&mut self, view: View) {
        self.history.left(Step { view, ..self.step() });
    }

    fn go_back(&mut self) {
        if let Some(step) = self.history.back(self.step()) {
            self.show_step(step);
        }
    }

    fn go_forward(&mut self) {
        if let Some(step) = self.history.forward(self.step()) {
            self.show_step(step);
        }
    }

    fn show_step(&mut self, step: Step<View>) {
        self.view = step.view;
        if let Some(zoom) = step.zoom {
            self.icicle.go_to(zoom);
        }
    }
}
