// SPDX-License-Identifier: Apache-2.0
//! The application on an egui context without a window, and the words to drive it.

use egui::accesskit::{Role, Toggled};
use egui::{Context, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use memray_index::OpenOptions;
use memray_ui::settings::SettingsFile;
use memray_ui::{App, AppOptions};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A capture of the suite that the whole project shares.
pub(crate) fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(name)
}

/// A file dropped on the window.
#[derive(Debug)]
pub(crate) struct Dropped(pub(crate) PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

pub(crate) struct Driver {
    pub(crate) harness: Harness<'static, App>,
    /// What was put into the clipboard last, in whichever pass that was: a step of the harness may be several.
    copied: Rc<RefCell<Option<String>>>,
}

impl Driver {
    /// The start page.
    pub(crate) fn start() -> Self {
        Self::with(AppOptions::default())
    }

    /// A capture, with all its answers.
    pub(crate) fn open(name: &str) -> Self {
        Self::open_path(&capture(name))
    }

    pub(crate) fn open_path(path: &Path) -> Self {
        let mut driver = Self::with(AppOptions { path: Some(path.to_owned()), ..AppOptions::default() });
        driver.settle();
        driver
    }

    /// Two captures, compared.
    pub(crate) fn compare(before: &str, after: &str) -> Self {
        let (path, compared_with) = (Some(capture(before)), Some(capture(after)));
        let mut driver = Self::with(AppOptions { path, compared_with, ..AppOptions::default() });
        driver.settle();
        driver
    }

    pub(crate) fn with_settings(path: Option<&Path>, settings: &Path) -> Self {
        let mut driver = Self::with(AppOptions {
            path: path.map(Path::to_owned),
            settings: Some(SettingsFile::at(settings)),
            ..AppOptions::default()
        });
        driver.settle();
        driver
    }

    /// A capture whose index is kept in this folder, if it can be.
    pub(crate) fn open_with_cache(name: &str, cache_folder: &Path) -> Self {
        let open = OpenOptions { cache_folder: Some(cache_folder.to_owned()), ..OpenOptions::default() };
        let mut driver = Self::opened_as(AppOptions { path: Some(capture(name)), open, ..AppOptions::default() });
        driver.settle();
        driver
    }

    pub(crate) fn with(options: AppOptions) -> Self {
        let open = OpenOptions { no_cache: true, ..OpenOptions::default() };
        Self::opened_as(AppOptions { open, ..options })
    }

    fn opened_as(options: AppOptions) -> Self {
        let app = App::new(options, &Context::default());
        let copied = Rc::<RefCell<Option<String>>>::default();
        let clipboard = Rc::clone(&copied);
        let harness = Harness::builder()
            .with_size([1440.0, 900.0])
            .with_max_steps(64)
            .with_context_setup(memray_ui::style::install)
            .build_ui_state(
                move |ui, app: &mut App| {
                    app.ui(ui);
                    let copied = |command: &egui::OutputCommand| match command {
                        egui::OutputCommand::CopyText(text) => Some(text.clone()),
                        _ => None,
                    };
                    let copied = ui.ctx().output(|output| output.commands.iter().rev().find_map(copied));
                    if copied.is_some() {
                        *clipboard.borrow_mut() = copied;
                    }
                },
                app,
            );
        Self { harness, copied }
    }

    /// Waits until everything that is wanted is there and drawn.
    pub(crate) fn settle(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            self.harness.run_steps(3);
            let context = self.harness.ctx.clone();
            if self.harness.state_mut().is_settled(&context) {
                self.harness.run_steps(3);
                if self.harness.state_mut().is_settled(&context) {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "no answer in two minutes");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn press(&mut self, key: Key) {
        self.press_with(Modifiers::NONE, key);
    }

    pub(crate) fn press_with(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.settle();
    }

    pub(crate) fn click(&mut self, role: Role, label: &str) {
        self.harness.get_by_role_and_label(role, label).click();
        self.settle();
    }

    pub(crate) fn click_secondary(&mut self, role: Role, label: &str) {
        self.harness.get_by_role_and_label(role, label).click_secondary();
        self.settle();
    }

    pub(crate) fn type_into(&mut self, field: &str, text: &str) {
        self.harness.get_by_role_and_label(Role::TextInput, field).focus();
        self.harness.run_steps(2);
        self.harness.get_by_role_and_label(Role::TextInput, field).type_text(text);
        self.settle();
    }

    /// What was put into the clipboard, told once.
    pub(crate) fn copied(&self) -> Option<String> {
        self.copied.take()
    }

    /// What is put into the clipboard as soon as it is there.
    pub(crate) fn wait_for_copy(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            self.harness.step();
            if let Some(copied) = self.copied() {
                return copied;
            }
            assert!(Instant::now() < deadline, "nothing was copied in two minutes");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What a drawn view says in words.
    pub(crate) fn canvas(&self, label: &str) -> String {
        let node = self.harness.get_by_role_and_label(Role::Canvas, label);
        node.accesskit_node().value().unwrap_or_default()
    }

    /// What the icicle shows in words: the frame it is zoomed to.
    pub(crate) fn icicle(&self) -> String {
        self.canvas("Icicle")
    }

    /// Whether any widget is called exactly so.
    pub(crate) fn shows(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    /// Whether any widget's name has this in it.
    pub(crate) fn shows_part(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
    }

    pub(crate) fn is_on(&self, role: Role, label: &str) -> bool {
        let node = self.harness.get_by_role_and_label(role, label);
        let node = node.accesskit_node();
        node.toggled() == Some(Toggled::True) || node.is_selected() == Some(true)
    }

    pub(crate) fn is_disabled(&self, role: Role, label: &str) -> bool {
        self.harness.get_by_role_and_label(role, label).accesskit_node().is_disabled()
    }

    pub(crate) fn field_has_focus(&self, field: &str) -> bool {
        self.harness.get_by_role_and_label(Role::TextInput, field).is_focused()
    }
}
