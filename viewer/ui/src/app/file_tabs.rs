// SPDX-License-Identifier: Apache-2.0
//! Several files in one window, each in a tab: [`FileTabs`]. A file is read when its tab is first shown; what a tab showed is
//! set aside with all its answers while another is.

use super::tabs::show_tab;
use super::window::file_name;
use super::{App, Page};
use crate::theme::Palette;
use egui::{Context, Frame, Margin, Panel, ScrollArea, Ui};
use std::path::{Path, PathBuf};

/// What the tab of all processes together is called.
const ALL: &str = "All processes";

/// The tabs. None where there is one file, or none.
#[derive(Default)]
pub(super) struct FileTabs {
    tabs: Vec<FileTab>,
    active: usize,
}

/// A tab.
struct FileTab {
    /// The file; `None` where all processes are summed.
    path: Option<PathBuf>,
    /// What it shows, set aside while another is shown.
    page: Option<Page>,
}

impl FileTabs {
    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.tabs.is_empty()
    }

    /// Draws them; the one that was clicked.
    pub(super) fn show(&self, ui: &mut Ui) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let palette = Palette::of(ui.visuals());
        let frame =
            Frame::new().fill(palette.background).inner_margin(Margin { left: 14, right: 14, top: 2, bottom: 2 });
        let mut clicked = None;
        Panel::top("files").frame(frame).show(ui, |ui| {
            ScrollArea::horizontal().id_salt("files").show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 18.0;
                    for (at, tab) in self.tabs.iter().enumerate() {
                        let name = tab.path.as_deref().map_or_else(|| ALL.to_owned(), file_name);
                        let response = show_tab(ui, &name, at == self.active);
                        if response.clicked() {
                            clicked = Some(at);
                        }
                        if let Some(path) = &tab.path {
                            response.on_hover_text(memray_report::escape::visible(&path.to_string_lossy()));
                        }
                    }
                });
            });
        });
        clicked
    }
}

impl App {
    /// Opens several files in tabs, the first of them shown; with one of all processes before them where they are processes of
    /// one program.
    pub(super) fn open_several(&mut self, paths: &[PathBuf], are_processes: bool, context: &Context) {
        let tab = |path: Option<&PathBuf>| FileTab { path: path.cloned(), page: None };
        let all = are_processes.then(|| tab(None));
        self.file_tabs = FileTabs { tabs: all.into_iter().chain(paths.iter().map(Some).map(tab)).collect(), active: 0 };
        self.show_active_file(context);
    }

    /// Goes to a tab.
    pub(super) fn show_file(&mut self, at: usize, context: &Context) {
        if at == self.file_tabs.active || at >= self.file_tabs.tabs.len() {
            return;
        }
        let page = std::mem::replace(&mut self.page, Page::Start);
        let active = self.file_tabs.active;
        self.file_tabs.tabs[active].page = Some(page);
        self.file_tabs.active = at;
        self.show_active_file(context);
    }

    /// Goes to a file's tab, a new one where it has none.
    pub(super) fn show_file_at(&mut self, path: &Path, context: &Context) {
        let is_its = |tab: &FileTab| tab.path.as_deref() == Some(path);
        match self.file_tabs.tabs.iter().position(is_its) {
            Some(at) => self.show_file(at, context),
            None => self.open(path, context),
        }
    }

    /// Goes to the next tab, or the one before; beyond the last comes the first.
    pub(super) fn step_file(&mut self, forward: bool, context: &Context) {
        let count = self.file_tabs.tabs.len();
        if count > 0 {
            let step = if forward { 1 } else { count - 1 };
            self.show_file((self.file_tabs.active + step) % count, context);
        }
    }

    /// Closes the tab that is shown, and shows the one before. Without tabs, goes back to the start.
    pub(super) fn close_file(&mut self, context: &Context) {
        self.page = Page::Start;
        let tabs = &mut self.file_tabs;
        if tabs.is_empty() {
            return;
        }
        tabs.tabs.remove(tabs.active);
        tabs.active = tabs.active.saturating_sub(1);
        if !tabs.is_empty() {
            self.show_active_file(context);
        }
    }

    /// Puts a file that is about to be opened into a new tab, where there are tabs.
    pub(super) fn add_tab(&mut self, path: &Path) {
        if self.file_tabs.is_empty() {
            return;
        }
        let page = std::mem::replace(&mut self.page, Page::Start);
        let tabs = &mut self.file_tabs;
        tabs.tabs[tabs.active].page = Some(page);
        tabs.tabs.push(FileTab { path: Some(path.to_owned()), page: None });
        tabs.active = tabs.tabs.len() - 1;
    }

    fn show_active_file(&mut self, context: &Context) {
        let paths: Vec<PathBuf> = self.file_tabs.tabs.iter().filter_map(|tab| tab.path.clone()).collect();
        let Some(tab) = self.file_tabs.tabs.get_mut(self.file_tabs.active) else { return };
        match (tab.page.take(), tab.path.clone()) {
            (Some(page), _) => self.page = page,
            (None, Some(path)) => self.read(&path, None, context),
            (None, None) => self.sum_processes(&paths, context),
        }
    }
}
