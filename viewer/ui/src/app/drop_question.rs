// SPDX-License-Identifier: Apache-2.0
//! What to do with a capture that was dropped on another: compare the two, or open it instead.

use super::window::file_name;
use crate::style;
use crate::theme::Palette;
use egui::{Button, Id, Modal, RichText, Ui};
use std::path::{Path, PathBuf};

/// What is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing was said yet.
    NotYet,
    /// Compare the two.
    Compare,
    /// Open it instead.
    Open,
    /// Nothing.
    Nothing,
}

/// A capture that was dropped.
pub(super) struct DropQuestion {
    /// It.
    pub(super) path: PathBuf,
}

impl DropQuestion {
    /// Asks.
    pub(super) fn show(&self, ui: &Ui, open: &Path) -> Answer {
        let palette = Palette::of(ui.visuals());
        let mut answer = Answer::NotYet;
        let modal = Modal::new(Id::unique("dropped capture")).show(ui.ctx(), |ui| {
            ui.set_width(460.0_f32.min(ui.ctx().content_rect().width() - 60.0));
            let title = format!("{} was dropped", file_name(&self.path));
            ui.label(RichText::new(title).text_style(style::strong()).color(palette.text_strong));
            let words = format!("Compare {} (before) with it (after), or open it instead?", file_name(open));
            ui.add(egui::Label::new(words).wrap());
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                let text = RichText::new("Compare").color(palette.on_accent);
                if ui.add(Button::new(text).fill(palette.accent)).clicked() {
                    answer = Answer::Compare;
                }
                if ui.button("Open instead").clicked() {
                    answer = Answer::Open;
                }
                if ui.button("Cancel").clicked() {
                    answer = Answer::Nothing;
                }
            });
        });
        if answer == Answer::NotYet && modal.should_close() { Answer::Nothing } else { answer }
    }
}
