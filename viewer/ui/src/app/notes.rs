// SPDX-License-Identifier: Apache-2.0
//! The honest notes: amber bars that are always there, for what a capture does not hold.

use super::command::Command;
use super::document::Document;
use crate::theme::Palette;
use egui::{Color32, Frame, Label, Link, Margin, RichText, Stroke, Ui};
use memray_report::escape;

/// Draws a bar for each note, and one each if the file changed on disk, could not be read again, or would have to be read
/// from its start the next time; of which a picture, made to be kept, says nothing.
pub(super) fn show(
    ui: &mut Ui,
    document: &Document,
    is_picture: bool,
    offers_children: bool,
    commands: &mut Vec<Command>,
) {
    let palette = Palette::of(ui.visuals());
    if document.has_changed_on_disk() && document.reload_failure.is_none() {
        bar(ui, palette.accent, palette.panel, |ui| {
            ui.label("The file has changed on disk.");
            if ui.add(Link::new("F5 reloads it")).clicked() {
                commands.push(Command::Reload);
            }
        });
    }
    if let Some(failure) = &document.reload_failure {
        bar(ui, palette.note, palette.note_background, |ui| {
            let failure = escape::visible(failure);
            let words = format!("Reading it again failed, so this is the file as it was read before: {failure}");
            ui.add(Label::new(RichText::new(words).color(palette.text)).wrap().selectable(true));
        });
    }
    for note in document.answers.notes.iter().flat_map(|notes| notes.iter()) {
        bar(ui, palette.note, palette.note_background, |ui| {
            let label = ui.add(Label::new(RichText::new(&note.text).color(palette.text)).wrap().selectable(true));
            if let Some(detail) = &note.detail {
                label.on_hover_text(detail);
            }
        });
    }
    if !document.children.is_empty() && offers_children {
        bar(ui, palette.accent, palette.panel, |ui| {
            let words = match document.children.len() {
                1 => "A process that it forked was recorded beside it.".to_owned(),
                count => format!("{count} processes that it forked were recorded beside it."),
            };
            ui.label(words);
            if ui.add(Link::new("Open all")).clicked() {
                commands.push(Command::OpenChildren);
            }
        });
    }
    if let Some(why) = document.index.not_kept().filter(|_| !is_picture) {
        bar(ui, palette.accent, palette.panel, |ui| {
            let why = escape::visible(why);
            let words = format!("The next opening reads the whole capture again, as its index is not kept: {why}.");
            ui.add(Label::new(RichText::new(words).color(palette.text)).wrap().selectable(true));
        });
    }
}

/// A bar with a coloured left edge.
pub(super) fn bar(ui: &mut Ui, edge: Color32, background: Color32, content: impl FnOnce(&mut Ui)) {
    let frame = Frame::new().fill(background).inner_margin(Margin { left: 13, right: 10, top: 5, bottom: 5 });
    let response = frame
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = 5.0;
                content(ui);
            });
        })
        .response;
    let rect = response.rect;
    ui.painter().vline(rect.left() + 1.5, rect.y_range(), Stroke::new(3.0, edge));
}
