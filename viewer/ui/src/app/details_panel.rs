// SPDX-License-Identifier: Apache-2.0
//! The panel of details, and what it says while nothing is selected.

use super::document::Document;
use crate::settings::Settings;
use crate::theme::Palette;
use egui::{RichText, Ui};

/// Draws the panel.
pub(super) fn show(ui: &mut Ui, document: &mut Document, _settings: &Settings) {
    let palette = Palette::of(ui.visuals());
    if document.view.selection.is_none() {
        ui.label(RichText::new("Select a frame or a row to see its stack, its source line and its threads.").color(palette.text_weak));
    }
}
