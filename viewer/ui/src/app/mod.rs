// SPDX-License-Identifier: Apache-2.0
//! The application: [`App`] holds all state and draws itself into any `egui::Ui`, so that the window, a test and a
//! picture run the same code. [`run`] puts it into a window.

mod caption;
mod choice;
mod command;
mod command_palette;
mod compare;
mod document;
mod document_page;
mod drop_question;
mod editor;
mod file_dialog;
mod file_tabs;
mod filter_bar;
mod headline;
mod history;
mod how_far;
mod key_sheet;
mod latest;
mod markdown_copy;
mod menu;
mod mode_bar;
mod notes;
mod opening;
mod opening_page;
mod overlays;
mod path_entry;
mod perform;
mod processes;
mod sample;
mod saving;
mod search_field;
mod selection;
mod settings_commands;
mod shortcuts;
mod start_page;
mod status_bar;
mod system_theme;
mod tabs;
#[cfg(feature = "test-channel")]
mod test_channel;
mod update;
mod view;
mod watcher;
mod window;
mod worker;

pub use command::{Command, Group, Needs};
pub use selection::Selection;
pub use view::{Asked, ModeChoice, Tab, View};
pub use window::{RunOptions, run};

use crate::focus;
use crate::settings::{Settings, SettingsFile, ThemeChoice};
use crate::theme::Palette;
use command_palette::CommandPalette;
use compare::{CompareDocument, OpeningBoth};
use document::Document;
use drop_question::DropQuestion;
use egui::{Context, Theme, ThemePreference, Ui, ViewportCommand};
use file_dialog::FileDialog;
use file_tabs::FileTabs;
use memray_index::OpenOptions;
use opening::Opening;
use opening_page::SoFar;
use overlays::Message;
use path_entry::PathEntry;
use processes::ProcessesPage;
use sample::Sample;
use saving::Saving;
use std::path::{Path, PathBuf};
use system_theme::SystemTheme;

/// How an application starts.
#[derive(Clone, Debug, Default)]
pub struct AppOptions {
    /// The capture to open; the start page if `None`.
    pub path: Option<PathBuf>,
    /// The capture to compare it with, which comes after.
    pub compared_with: Option<PathBuf>,
    /// More files, to be opened with the first in tabs.
    pub further: Vec<PathBuf>,
    /// Whether they are processes of one program, whose memory is also summed.
    pub are_processes: bool,
    /// How captures are opened.
    pub open: OpenOptions,
    /// Where settings are remembered; nowhere if `None`.
    pub settings: Option<SettingsFile>,
    /// A theme that goes before the remembered one.
    pub theme: Option<ThemeChoice>,
    /// Whether only a picture is made: nothing that differs from run to run is shown.
    pub is_picture: bool,
    /// Whether the platform lets files be dropped on the window, so that it may be said.
    pub takes_drops: bool,
}

/// The application.
pub struct App {
    options: AppOptions,
    settings: Settings,
    /// As they were remembered last: what differs is to be.
    remembered: Settings,
    /// What the desktop prefers; not known outside a window.
    system_theme: SystemTheme,
    page: Page,
    file_tabs: FileTabs,
    dialog: FileDialog,
    path_entry: Option<PathEntry>,
    drop_question: Option<DropQuestion>,
    sample: Option<Sample>,
    saving: Saving,
    shows_keys: bool,
    /// Whether sources and editor are asked about, and whether that was drawn already.
    edits_sources: Option<bool>,
    command_palette: Option<CommandPalette>,
    /// Whether a text field or a menu had the keys at the end of the last pass.
    keys_are_taken: bool,
    title: String,
    message: Option<Message>,
    #[cfg(feature = "test-channel")]
    test_channel: test_channel::TestChannel,
}

enum Page {
    Start,
    Opening(Box<Reading>),
    Open(Box<Document>),
    OpeningBoth(Box<OpeningBoth>),
    Comparing(Box<CompareDocument>),
    Processes(Box<ProcessesPage>),
    Failed { path: PathBuf, message: String },
}

impl Page {
    /// The page of a capture that could not be read: the one as it was before, if there is one.
    fn failed(path: PathBuf, message: String, before: Option<Box<Document>>) -> Self {
        match before {
            Some(mut document) => {
                document.reload_failure = Some(message);
                Self::Open(document)
            }
            None => Self::Failed { path, message },
        }
    }
}

/// A capture being read, and what to show of it when it is there.
struct Reading {
    opening: Opening,
    /// The same capture as it was, where it is read again: shown on if that fails.
    before: Option<Box<Document>>,
    so_far: SoFar,
}

impl App {
    /// An application that opens what its options say.
    pub fn new(options: AppOptions, context: &Context) -> Self {
        let settings = options.settings.as_ref().map(SettingsFile::load).unwrap_or_default();
        let path = options.path.clone();
        let mut app = Self {
            options,
            remembered: settings.clone(),
            settings,
            system_theme: SystemTheme::default(),
            page: Page::Start,
            file_tabs: FileTabs::default(),
            dialog: FileDialog::default(),
            path_entry: None,
            drop_question: None,
            sample: None,
            saving: Saving::default(),
            shows_keys: false,
            edits_sources: None,
            command_palette: None,
            keys_are_taken: false,
            title: String::new(),
            message: None,
            #[cfg(feature = "test-channel")]
            test_channel: test_channel::TestChannel::default(),
        };
        match (path, app.options.compared_with.clone()) {
            (Some(before), Some(after)) => app.compare(&before, &after, None, context),
            (Some(path), None) if !app.options.further.is_empty() => {
                let paths: Vec<PathBuf> = std::iter::once(path).chain(app.options.further.clone()).collect();
                app.open_several(&paths, app.options.are_processes, context);
            }
            (Some(path), None) | (None, Some(path)) => app.open(&path, context),
            (None, None) => {}
        }
        app
    }

    /// Draws everything, and does what the user asks.
    pub fn ui(&mut self, ui: &mut Ui) {
        let context = ui.ctx().clone();
        self.apply_theme(&context);
        self.update(&context);
        ui.painter().rect_filled(ui.max_rect(), 0.0, Palette::of(ui.visuals()).background);
        focus::note_input(&context);
        // Once a pass: what is dropped in it stays in its input.
        self.take_dropped(&context);
        // Escape has taken the focus from a text field before this pass begins, and still belongs to the field.
        let keys_are_taken = std::mem::take(&mut self.keys_are_taken) || context.text_edit_focused();
        let searches = match &self.page {
            Page::Open(document) => document.search.pattern().is_some(),
            Page::Comparing(document) => document.search.pattern().is_some(),
            _ => false,
        };
        let mut commands = Command::pressed(&context, keys_are_taken, searches);
        let chosen_before = self.settings.choices();
        let view_before = self.document().map(|document| (document.id, document.view.clone()));

        menu::show(ui, self, &mut commands);
        if let Some(at) = self.file_tabs.show(ui) {
            self.show_file(at, &context);
        }
        match &mut self.page {
            Page::Start => start_page::show(ui, &self.settings, &self.options, &self.dialog, &mut commands)
                .into_iter()
                .for_each(|path| self.open(&path, &context)),
            Page::Opening(reading) => {
                if opening_page::show(
                    ui,
                    &reading.opening,
                    &mut reading.so_far,
                    &self.settings,
                    self.options.is_picture,
                ) {
                    reading.opening.progress.cancel();
                }
            }
            Page::Open(document) => {
                let said = document_page::show(
                    ui,
                    document,
                    &mut self.settings,
                    &self.options,
                    self.file_tabs.is_empty() && !self.options.is_picture,
                    &mut commands,
                );
                let said = said.or_else(|| document.markdown.poll(&context));
                if let Some(text) = said.or_else(|| document.editor_failure().map(|error| error.to_string())) {
                    self.say(text, &context);
                }
            }
            Page::OpeningBoth(opening) => opening.show(ui, &self.settings, self.options.is_picture),
            Page::Comparing(document) => {
                if let Some(text) = compare::show(ui, document, &mut self.settings, &mut commands) {
                    self.say(text, &context);
                }
            }
            Page::Processes(page) => {
                let (chosen, said) = page.show(ui, &self.settings);
                if let Some(text) = said {
                    self.say(text, &context);
                }
                if let Some(path) = chosen {
                    self.show_file_at(&path, &context);
                }
            }
            Page::Failed { path, message } => start_page::show_failure(ui, path, message, &mut commands),
        }
        self.overlays(ui, &mut commands);
        if self.settings.choices() != chosen_before {
            self.save_settings();
        }
        let is_navigation = commands.iter().any(|command| matches!(command, Command::Back | Command::Forward));
        for command in commands {
            self.perform(command, &context);
        }
        if let (Some((id, before)), Some(document)) = (view_before, self.document_mut())
            && !is_navigation
            && id == document.id
            && !before.differs_in_selection_only(&document.view)
        {
            document.left(before);
        }
        self.keys_are_taken = context.text_edit_focused() || context.any_popup_open() || self.edits_sources.is_some();
        self.update(&context);
        self.tell_title(&context);
        #[cfg(feature = "test-channel")]
        {
            let mut channel = std::mem::take(&mut self.test_channel);
            channel.tell(self, &context);
            self.test_channel = channel;
        }
    }

    /// Why the capture could not be opened, if it could not.
    pub fn failure(&self) -> Option<&str> {
        match &self.page {
            Page::Failed { message, .. } => Some(message),
            _ => None,
        }
    }

    fn document(&self) -> Option<&Document> {
        match &self.page {
            Page::Open(document) => Some(document),
            _ => None,
        }
    }

    fn document_mut(&mut self) -> Option<&mut Document> {
        match &mut self.page {
            Page::Open(document) => Some(document),
            _ => None,
        }
    }

    /// The capture that is shown, or is to be; of two that are compared the first.
    pub fn path(&self) -> Option<&Path> {
        match &self.page {
            Page::Start | Page::Processes(_) => None,
            Page::OpeningBoth(opening) => Some(opening.paths()[0]),
            Page::Comparing(document) => Some(&document.paths[0]),
            Page::Opening(reading) => Some(&reading.opening.path),
            Page::Open(document) => Some(&document.path),
            Page::Failed { path, .. } => Some(path),
        }
    }

    /// The window's title: the file's name as soon as there is one.
    pub fn title(&self) -> String {
        let compared = match &self.page {
            Page::Processes(page) => return window::titled(&page.count_in_words()),
            Page::OpeningBoth(opening) => Some(opening.paths()[1]),
            Page::Comparing(document) => Some(document.paths[1].as_path()),
            _ => None,
        };
        window::title(self.path(), compared)
    }

    fn tell_title(&mut self, context: &Context) {
        let title = self.title();
        if title != self.title {
            context.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    fn apply_theme(&self, context: &Context) {
        let preference = match self.options.theme.unwrap_or(self.settings.theme) {
            ThemeChoice::System => match self.system_theme.theme() {
                Some(Theme::Dark) => ThemePreference::Dark,
                Some(Theme::Light) => ThemePreference::Light,
                None => ThemePreference::System,
            },
            ThemeChoice::Dark => ThemePreference::Dark,
            ThemeChoice::Light => ThemePreference::Light,
        };
        if context.options(|options| options.theme_preference) != preference {
            context.set_theme(preference);
        }
    }

    /// The settings, to be changed.
    pub(crate) fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Remembers the settings. A folder that cannot be written is no reason to bother anyone.
    pub(crate) fn save_settings(&mut self) {
        if let Some(file) = &self.options.settings
            && file.save_changes(&self.settings, &self.remembered).is_ok()
        {
            self.remembered = self.settings.clone();
        }
    }
}
