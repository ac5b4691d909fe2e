// SPDX-License-Identifier: Apache-2.0
//! The search field: what is searched for, how much of it there is, and the way from one hit to the next.

use super::command::Command;
use super::document::SearchField;
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

/// What a search found, in words.
pub(super) enum Found {
    /// It is not done.
    NotYet,
    /// No frame.
    Nothing,
    /// Some.
    Frames(String),
    /// It cannot be searched for that.
    Problem(String),
}

/// Draws the field, from right to left.
pub(super) fn show(ui: &mut Ui, search: &mut SearchField, found: &Found, commands: &mut Vec<Command>) {
    let palette = Palette::of(ui.visuals());
    let is_wide = ui.ctx().content_rect().width() >= 1200.0;
    let regex = ui.selectable_label(search.is_regex, RichText::new(".*").monospace());
    regex.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, search.is_regex, "Regex"));
    if regex.on_hover_text("Search by regular expression").clicked() {
        search.is_regex = !search.is_regex;
    }
    let label = "Search functions, files, modules";
    let field = style::text_field(ui, &mut search.text, field_id())
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
            search.text.clear();
        }
    }
    if search.pattern().is_none() {
        return;
    }
    if ui.small_button("›").on_hover_text(Command::NextHit.help()).clicked() {
        commands.push(Command::NextHit);
    }
    if ui.small_button("‹").on_hover_text(Command::PreviousHit.help()).clicked() {
        commands.push(Command::PreviousHit);
    }
    let (words, colour) = match found {
        Found::NotYet => ("searching…", palette.text_weak),
        Found::Nothing => ("nothing found", palette.note),
        Found::Frames(words) => (words.as_str(), palette.text_weak),
        Found::Problem(words) => (words.as_str(), palette.more),
    };
    ui.add(egui::Label::new(RichText::new(words).color(colour).small()).truncate()).on_hover_text(words);
}
