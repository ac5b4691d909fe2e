// SPDX-License-Identifier: Apache-2.0
//! The search field: what is searched for, how much of it there is, and the way from one hit to the next.

use super::command::Command;
use super::document::Document;
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{Id, Key, RichText, Ui};

fn field_id() -> Id {
    Id::unique("search field")
}

/// Puts the cursor into the field.
pub(super) fn focus(context: &egui::Context) {
    context.memory_mut(|memory| memory.request_focus(field_id()));
}

/// Whether the cursor is in the field.
#[cfg(feature = "test-channel")]
pub(super) fn has_focus(context: &egui::Context) -> bool {
    context.memory(|memory| memory.has_focus(field_id()))
}

/// Draws the field, from right to left.
pub(super) fn show(ui: &mut Ui, document: &mut Document, settings: &Settings, commands: &mut Vec<Command>) {
    let palette = Palette::of(ui.visuals());
    let is_wide = ui.ctx().content_rect().width() >= 1200.0;
    let regex = ui.selectable_label(document.search.is_regex, RichText::new(".*").monospace());
    regex.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, document.search.is_regex, "Regex"));
    if regex.on_hover_text("Search by regular expression").clicked() {
        document.search.is_regex = !document.search.is_regex;
    }
    let label = "Search functions, files, modules";
    let field = style::text_field(ui, &mut document.search.text, field_id())
        .hint_text(format!("{label}   /"))
        .desired_width(if is_wide { 320.0 } else { 250.0 });
    let response = ui.add(field);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, label));
    if response.lost_focus() {
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        if pressed(Key::Enter) {
            let is_backwards = ui.input(|input| input.modifiers.shift);
            commands.push(if is_backwards { Command::PreviousHit } else { Command::NextHit });
            // Enter goes from hit to hit, so the cursor stays.
            response.request_focus();
        } else if pressed(Key::Escape) {
            document.search.text.clear();
        }
    }
    if document.search.pattern().is_none() {
        return;
    }
    if ui.small_button("›").on_hover_text(Command::NextHit.help()).clicked() {
        commands.push(Command::NextHit);
    }
    if ui.small_button("‹").on_hover_text(Command::PreviousHit.help()).clicked() {
        commands.push(Command::PreviousHit);
    }
    let total_bytes = document.answers.tree().map_or(0, |(answer, _)| answer.total.bytes);
    let (words, colour) = match &document.answers.hits {
        Some(Ok(hits)) if hits.frame_count() == 0 => ("nothing found".to_owned(), palette.note),
        Some(Ok(hits)) => (hits.summary(total_bytes, settings.units.units()), palette.text_weak),
        Some(Err(problem)) => (problem.to_string(), palette.more),
        None => ("searching…".to_owned(), palette.text_weak),
    };
    ui.add(egui::Label::new(RichText::new(&words).color(colour).small()).truncate()).on_hover_text(words);
}
