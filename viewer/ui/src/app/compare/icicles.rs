// SPDX-License-Identifier: Apache-2.0
//! The main views: one icicle of both captures, one each that move together, or the table.

use super::view::CompareTab;
use super::worker::Compared;
use super::{CompareDocument, Selected};
use crate::delta_table;
use crate::icicle::{self, Changes, Icicle, Shown};
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{RichText, Ui};
use memray_compare::Side;
use memray_index::Amount;
use memray_report::size::Units;

impl CompareDocument {
    /// Draws the main view; something to say for a moment, if there is.
    pub(super) fn show_main(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let units = settings.units.units();
        match self.view.tab {
            CompareTab::Table => {
                let mut said = None;
                style::panel(ui, 8, |ui| said = self.show_table(ui, units));
                said
            }
            CompareTab::Union => {
                let mut said = None;
                style::panel(ui, 4, |ui| said = self.show_union(ui, units));
                said
            }
            CompareTab::SideBySide => self.show_sides(ui, units),
        }
    }

    fn show_union(&mut self, ui: &mut Ui, units: Units) -> Option<String> {
        let compared = self.compared()?.clone();
        if compared.trees.len() != 1 {
            // What is there is still that of the view before.
            return None;
        }
        if self.view.only_vanished && compared.trees[0].tree.nodes.len() <= 1 {
            let palette = Palette::of(ui.visuals());
            ui.add_space(24.0);
            ui.vertical_centered(|ui| ui.label(RichText::new("Nothing vanished.").color(palette.text_weak)));
            return None;
        }
        if std::mem::take(&mut self.reveals_selection)
            && let Some(node) = self.selected_in(0)
        {
            self.union.reveal(node);
        }
        let mut icicle = std::mem::take(&mut self.union);
        let said = self.show_icicle(ui, &mut icicle, &compared, 0, Shown::Change, units);
        self.union = icicle;
        said
    }

    fn show_sides(&mut self, ui: &mut Ui, units: Units) -> Option<String> {
        let compared = self.compared()?.clone();
        if compared.trees.len() != 2 {
            return None;
        }
        if std::mem::take(&mut self.reveals_selection) {
            for at in 0..2 {
                if let Some(node) = self.selected_in(at) {
                    self.sides[at].reveal(node);
                }
            }
        }
        let mut said = None;
        ui.columns(2, |columns| {
            for (at, (side, ui)) in [Side::Before, Side::After].into_iter().zip(columns).enumerate() {
                style::panel(ui, 4, |ui| {
                    let mut icicle = std::mem::take(&mut self.sides[at]);
                    let told = self.show_icicle(ui, &mut icicle, &compared, at, Shown::Amount(side), units);
                    self.sides[at] = icicle;
                    said = told.or(said.take());
                });
            }
        });
        self.move_together(ui);
        said
    }

    /// Lets the one that did not move show what the one shows that did.
    fn move_together(&mut self, ui: &Ui) {
        let places = [0, 1].map(|at| self.sides[at].place().cloned());
        let Some(leader) = (0..2).find(|&at| places[at].is_some() && places[at] != self.place_of_both) else { return };
        let Some(place) = places[leader].clone() else { return };
        let is_moving = self.sides[leader].is_moving();
        let follower = &mut self.sides[1 - leader];
        if is_moving {
            follower.go_to(place.clone());
        } else {
            follower.follow(place.clone());
        }
        self.place_of_both = Some(place);
        ui.ctx().request_repaint();
    }

    fn show_icicle(
        &mut self,
        ui: &mut Ui,
        icicle: &mut Icicle,
        compared: &Compared,
        at: usize,
        shown: Shown,
        units: Units,
    ) -> Option<String> {
        let labels = self.answers.tree_labels.get(at)?.clone();
        let tree = &compared.trees[at];
        let found = self.answers.found.as_ref().and_then(|found| found.as_ref().ok()).cloned();
        let source = icicle::Source {
            tree: &tree.tree,
            generation: self.generation,
            total: Amount { bytes: i64::try_from(tree.tree.node(ROOT).weight).unwrap_or(i64::MAX), allocations: 0 },
            labels: &labels,
            is_signed: false,
            is_flames: self.view.is_flames,
            is_coloured: true,
            hits: found.as_ref().and_then(|found| found.hits.get(at)),
            selected: self.selected_in(at),
            units,
            is_of_one_capture: false,
            changes: Some(Changes { tree, shown }),
        };
        let events = icicle.show(ui, &source);
        self.note_zoom(events.left);
        match events.selection {
            Some(icicle::Selection::Frame(node)) => self.select_node(at, tree, node, None),
            Some(icicle::Selection::Nothing) => self.selection = None,
            None => {}
        }
        events.copied.map(|what| format!("Copied the {what}"))
    }

    fn show_table(&mut self, ui: &mut Ui, units: Units) -> Option<String> {
        let total = self.compared()?.total;
        let (group_by, rows) = self.answers.table.as_ref()?;
        let source = delta_table::Source {
            rows,
            total,
            group_by: *group_by,
            labels: self.answers.labels.as_ref()?,
            hits: self.row_matcher.as_ref().map(|(_, hits)| hits),
            selected: self.selection.as_ref().and_then(|selected: &Selected| selected.row.as_ref()),
            units,
        };
        let events = self.table.show(ui, &source);
        if let Some(key) = events.selected {
            self.select_key(&key);
        }
        if let Some(group_by) = events.group_by {
            self.view.group_by = group_by;
        }
        events.copied.then(|| "Copied".to_owned())
    }
}

const ROOT: memray_index::TreeNodeId = memray_index::TreeNodeId(0);
