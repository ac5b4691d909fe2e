// SPDX-License-Identifier: Apache-2.0
//! What lies over a page for a while: the command palette, the keys, questions, and a [`Message`] about what was done.

use super::drop_question::Answer;
use super::{App, Command, Page, command_palette, key_sheet, menu, path_entry, settings_commands, status_bar};
use egui::{Context, Ui};

/// Something that was done, said for a moment.
pub(super) struct Message {
    text: String,
    until_s: f64,
}

impl App {
    /// Draws them.
    pub(super) fn overlays(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let there = menu::There::of(self);
        if let Some(palette) = &mut self.command_palette {
            let page = &self.page;
            match palette.show(ui, &|command| menu::works(command, page, there)) {
                command_palette::Outcome::Open => {}
                command_palette::Outcome::Closed => self.command_palette = None,
                command_palette::Outcome::Run(command) => {
                    self.command_palette = None;
                    commands.push(command);
                }
            }
        }
        if self.shows_keys {
            self.shows_keys = !key_sheet::show(ui, commands);
        }
        if let Some(was_drawn) = self.edits_sources {
            let is_closed = settings_commands::show_sources(ui, &mut self.settings, !was_drawn);
            self.edits_sources = (!is_closed).then_some(true);
        }
        if let Some(entry) = &mut self.path_entry {
            match entry.show(ui, self.dialog.is_open()) {
                path_entry::Outcome::Open => {}
                path_entry::Outcome::Closed => self.path_entry = None,
                path_entry::Outcome::Chosen(path, purpose, may_replace) => {
                    self.chosen(&path, purpose, may_replace, &ui.ctx().clone());
                }
            }
        }
        if let (Some(question), Page::Open(document)) = (&self.drop_question, &self.page) {
            let (answer, open, path) =
                (question.show(ui, &document.path), document.path.clone(), question.path.clone());
            match answer {
                Answer::NotYet => {}
                Answer::Compare => self.compare_with(&open, &path, &ui.ctx().clone()),
                Answer::Open => self.open(&path, &ui.ctx().clone()),
                Answer::Nothing => self.drop_question = None,
            }
        }
        if let Some(message) = &self.message {
            let left_s = message.until_s - ui.ctx().time();
            if left_s <= 0.0 {
                self.message = None;
            } else {
                status_bar::toast(ui, &message.text);
                ui.ctx().request_repaint_after_secs(left_s as f32);
            }
        }
    }

    /// Says something for a moment.
    pub(super) fn say(&mut self, text: String, context: &Context) {
        self.message = Some(Message { text, until_s: context.time() + 4.0 });
    }
}
