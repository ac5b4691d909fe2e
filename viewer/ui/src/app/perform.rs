// SPDX-License-Identifier: Apache-2.0
//! What each [`Command`] does to the application. Those about what a document shows go on to the document.

use super::command_palette::CommandPalette;
use super::path_entry::{PathEntry, Purpose};
use super::{App, Command, Page, editor};
use egui::{Context, ViewportCommand};
use memray_report::escape;
use std::path::{Path, PathBuf};

impl App {
    /// Does what a command says.
    pub fn perform(&mut self, command: Command, context: &Context) {
        match command {
            Command::Open => self.ask_for_file(Purpose::Open, context),
            Command::CompareWith => {
                if self.document().is_some() {
                    self.ask_for_file(Purpose::Compare, context);
                }
            }
            Command::OpenChildren => {
                let document = self.document().filter(|document| !document.children.is_empty());
                if let Some(document) = document.filter(|_| self.file_tabs.is_empty()) {
                    let paths: Vec<PathBuf> = [&document.path].into_iter().chain(&document.children).cloned().collect();
                    self.open_several(&paths, true, context);
                }
            }
            Command::SavePicture => self.ask_for_file(Purpose::SavePicture, context),
            Command::SaveCsv => {
                if matches!(self.page, Page::Open(_) | Page::Comparing(_) | Page::Processes(_)) {
                    self.ask_for_file(Purpose::SaveCsv, context);
                }
            }
            Command::OpenPath => self.path_entry = Some(PathEntry::alone(Purpose::Open)),
            Command::OpenSample => self.open_sample(context),
            Command::Reload => self.reload(context),
            Command::Close => self.close_file(context),
            Command::NextFile => self.step_file(true, context),
            Command::PreviousFile => self.step_file(false, context),
            Command::Quit => context.send_viewport_cmd(ViewportCommand::Close),
            Command::ShowPalette => {
                self.command_palette = self.command_palette.is_none().then(CommandPalette::default);
            }
            Command::EditSources => self.edits_sources = Some(false),
            Command::SetUnits(_)
            | Command::SetClock(_)
            | Command::SetAxis(_)
            | Command::SetTheme(_)
            | Command::ToggleMarkdownCommand
            | Command::ToggleMarkdownSource => self.change_settings(command),
            Command::ShowKeys => self.shows_keys = !self.shows_keys,
            Command::OpenInEditor => {
                if let Page::Open(document) = &mut self.page {
                    let template = self.settings.editor.trim();
                    let template = if template.is_empty() { editor::DEFAULT_TEMPLATE } else { template };
                    if let Err(error) = document.open_in_editor(template.to_owned(), context) {
                        self.say(error.to_string(), context);
                    }
                }
            }
            Command::Copy => {
                let text = match &self.page {
                    Page::Open(document) => {
                        document.view.selection.as_ref().map(|selection| selection.name_and_place(&document.index))
                    }
                    Page::Comparing(document) => document.selected_text(),
                    _ => None,
                };
                if let Some(text) = text {
                    self.say(format!("Copied {}", escape::shorten(&text, 80)), context);
                    context.copy_text(text);
                }
            }
            Command::CopyStack => {
                let text = match &self.page {
                    Page::Open(document) => document.selected_stack(),
                    Page::Comparing(document) => document.selected_stack(),
                    _ => None,
                };
                if let Some(text) = text {
                    self.say("Copied the stack".to_owned(), context);
                    context.copy_text(text);
                }
            }
            Command::Clear if self.command_palette.is_some() => self.command_palette = None,
            Command::Clear
                if self.shows_keys
                    || self.edits_sources.is_some()
                    || self.path_entry.is_some()
                    || self.drop_question.is_some() =>
            {
                self.edits_sources = None;
                self.drop_question = None;
                self.shows_keys = false;
                self.path_entry = None;
            }
            _ => match &mut self.page {
                Page::Open(document) => document.perform(command, context),
                Page::Comparing(document) => document.perform(command, context),
                _ => {}
            },
        }
    }

    /// Changes a setting, which is remembered at once.
    fn change_settings(&mut self, command: Command) {
        self.settings.perform(command);
        self.save_settings();
    }

    /// Has a capture chosen: in the desktop's dialog, or typed, as a desktop without dialogs says nothing at all.
    fn ask_for_file(&mut self, purpose: Purpose, context: &Context) {
        self.dialog.open(purpose, self.path().map(Path::to_owned), context);
        self.path_entry = Some(PathEntry::beside_dialog(purpose));
    }
}
