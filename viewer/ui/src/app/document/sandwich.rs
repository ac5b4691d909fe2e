// SPDX-License-Identifier: Apache-2.0
//! The view of one function: who calls it above, whom it calls below, each as an icicle. The function is that of the
//! selection, so a click on a frame here puts another one in the middle; arrow keys go from frame to frame, and Enter
//! does so too.

use super::super::selection::Selection;
use super::Document;
use crate::icicle;
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{Align, Label, Layout, RichText, Ui, vec2};
use memray_index::{Amount, GroupBy, LocationId, Mode, NamedFunction, RowKey, Tree, TreeNodeId};
use memray_report::size::{format_bytes, format_counted, format_share_precise};

impl Document {
    /// The function of what is selected, if it has one.
    pub(in crate::app) fn selected_function(&self) -> Option<NamedFunction> {
        self.function_of(self.view.selection.as_ref().and_then(Selection::row)?.0)
    }

    /// The function that a row stands for.
    pub(super) fn function_of(&self, key: RowKey) -> Option<NamedFunction> {
        match key {
            RowKey::Location(location) if location != LocationId::NONE => {
                Some(NamedFunction::of(self.index.location(location)))
            }
            RowKey::Function(name, file) => Some(NamedFunction { name, file }),
            _ => None,
        }
    }

    /// Draws the view; something to say for a moment, if there is.
    pub(super) fn show_sandwich(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let palette = Palette::of(ui.visuals());
        let Some(function) = self.selected_function() else {
            hint(ui, "Select a function, in the icicle or a table, to see who calls it and whom it calls.");
            return None;
        };
        let answered = self.answers.sandwich.as_ref().filter(|(question, of, _)| {
            *of == function && self.answers.tree().is_some_and(|(answer, _)| answer.question == *question)
        });
        let sandwich = std::sync::Arc::clone(&answered?.2);
        if sandwich.amount == Amount::default() {
            hint(ui, "No memory that is shown passed through this function.");
            return None;
        }
        let (answer, _) = self.answers.tree()?;
        let (total, is_signed) = (answer.total, matches!(answer.question.mode, Mode::RangeGrowth(_)));
        let units = settings.units.units();
        let gap = ui.spacing().item_spacing.y;
        let heading = ui.text_style_height(&style::strong()) + 8.0;
        let height = ((ui.available_height() - heading - 2.0 * gap) / 2.0).max(40.0);
        let (mut said, mut selected) = (None, None);
        for (at, tree) in [&sandwich.callers, &sandwich.callees].into_iter().enumerate() {
            let source = icicle::Source {
                tree,
                generation: self.sandwich_generation,
                total,
                labels: &self.index,
                is_signed,
                // The function lies between the two.
                is_flames: at == 0,
                is_coloured: self.view.own_code_in_colour,
                hits: None,
                selected: self.sandwich_cursor.filter(|(of, ..)| *of == at).map(|(_, node)| node),
                units,
                is_of_one_capture: true,
                changes: None,
            };
            let icicle = &mut self.sandwich[at];
            let room = vec2(ui.available_width(), height);
            let events = ui.allocate_ui_with_layout(room, Layout::top_down(Align::Min), |ui| {
                ui.push_id(at, |ui| icicle.show(ui, &source)).inner
            });
            let events = events.inner;
            match events.selection {
                Some(icicle::Selection::Frame(node)) => self.sandwich_cursor = Some((at, node)),
                Some(icicle::Selection::Nothing) => self.sandwich_cursor = None,
                None => {}
            }
            if let Some(node) = events.activated {
                selected = location_of(tree, node);
            }
            said = events.copied.map(|what| format!("Copied the {what}")).or(said);
            if at == 0 {
                let name = self.index.text(function.name);
                let words = format!(
                    "{}: {} ({}) in {}; callers above, callees below",
                    memray_report::escape::visible(&name),
                    format_bytes(sandwich.amount.bytes, units),
                    format_share_precise(sandwich.amount.bytes, total.bytes),
                    format_counted(sandwich.amount.allocations, "allocation"),
                );
                let words = RichText::new(words).text_style(style::strong()).color(palette.text_strong);
                ui.add_sized(vec2(ui.available_width(), heading), Label::new(words).truncate().selectable(true));
            }
        }
        if let Some(location) = selected {
            self.sandwich_cursor = None;
            self.view.selection = Some(Selection::Row(RowKey::Location(location), GroupBy::Location));
            self.reveals_selection = true;
        }
        said
    }
}

fn location_of(tree: &Tree, node: TreeNodeId) -> Option<LocationId> {
    let location = tree.node(node).location;
    (location != LocationId::NONE).then_some(location)
}

fn hint(ui: &mut Ui, words: &str) {
    let palette = Palette::of(ui.visuals());
    ui.add_space(24.0);
    ui.vertical_centered(|ui| ui.label(RichText::new(words).color(palette.text_weak)));
}
