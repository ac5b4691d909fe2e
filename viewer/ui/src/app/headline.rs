// SPDX-License-Identifier: Apache-2.0
//! The headline and the facts below it. Names in it are links that select their frames.

use super::document::Document;
use super::view::Selection;
use crate::style;
use crate::theme::Palette;
use egui::{Label, Link, RichText, Sense, Ui};
use memray_index::RowKey;
use memray_report::escape;

/// The longest command that is shown; the whole one is in the tooltip.
const COMMAND_CHARS: usize = 120;

/// Draws both lines.
pub(super) fn show(ui: &mut Ui, document: &mut Document) {
    let palette = Palette::of(ui.visuals());
    ui.style_mut().interaction.selectable_labels = true;
    let headline = match &document.answers.headline {
        Some((_, Ok(headline))) => headline.clone(),
        Some((_, Err(refusal))) => {
            ui.label(RichText::new(refusal.to_string()).text_style(style::headline()));
            return;
        }
        None => {
            ui.label(RichText::new(" ").text_style(style::headline()));
            ui.label(" ");
            return;
        }
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        for segment in &headline.segments {
            let text = RichText::new(&segment.text).text_style(style::headline());
            match segment.location {
                Some(location) => {
                    let link = ui.add(Link::new(text.color(palette.accent)));
                    if link.on_hover_text("Select this frame").clicked() {
                        document.view.selection = Some(Selection::Row(RowKey::Location(location)));
                        document.reveals_selection = true;
                    }
                }
                None => {
                    ui.label(text.color(palette.text_strong));
                }
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        for (i, fact) in headline.facts.iter().enumerate() {
            let separator = if i == 0 { "" } else { "  ·  " };
            ui.label(RichText::new(format!("{separator}{fact}")).color(palette.text));
        }
        let command = escape::visible_bytes(&document.index.info().header.command_line);
        if !command.is_empty() {
            let short = escape::shorten(&command, COMMAND_CHARS);
            let text = RichText::new(format!("  ·  {short}")).color(palette.text_weak);
            ui.add(Label::new(text).sense(Sense::hover())).on_hover_text(&command);
        }
    });
}
