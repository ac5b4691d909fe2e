// SPDX-License-Identifier: Apache-2.0
//! What an application takes from the threads that work for it: captures that were read, answers, files that were saved.

use super::compare::{BothOpened, CompareDocument, Kept};
use super::file_dialog::Chosen;
use super::opening::Opened;
use super::path_entry::PathEntry;
use super::{App, Page};
use egui::Context;

impl App {
    /// Takes what other threads have finished, and tells them what is wanted now. Draws nothing.
    pub(super) fn update(&mut self, context: &Context) {
        match self.dialog.poll() {
            Chosen::File(path, purpose) => self.chosen(&path, purpose, true, context),
            Chosen::Nothing if self.path_entry.as_ref().is_some_and(PathEntry::is_untouched) => self.path_entry = None,
            Chosen::NotYet | Chosen::Nothing | Chosen::NoDialog => {}
        }
        if let Some(said) = self.saving.poll(context) {
            self.say(said, context);
        }
        if let Page::Opening(reading) = &mut self.page {
            let path = reading.opening.path.clone();
            match reading.opening.poll() {
                Opened::NotYet => {}
                Opened::Cancelled => {
                    self.page = match reading.before.take() {
                        Some(document) => Page::Open(document),
                        None if self.file_tabs.is_empty() => Page::Start,
                        None => Page::Failed { path, message: "Opening it was cancelled.".to_owned() },
                    };
                }
                Opened::Failed(message) => self.page = Page::failed(path, message, reading.before.take()),
                Opened::Index(index, took, fingerprint) => {
                    let before = reading.before.take();
                    self.opened(path, index, took, fingerprint, before, context);
                }
            }
        }
        if let Page::OpeningBoth(opening) = &mut self.page {
            let opened = opening.poll();
            self.both_opened(opened, context);
        }
        match &mut self.page {
            Page::Open(document) => document.update(&self.settings),
            Page::Comparing(document) => document.update(&self.settings),
            Page::Processes(page) => page.update(context),
            _ => {}
        }
    }

    fn both_opened(&mut self, opened: BothOpened, context: &Context) {
        let kept = |page: &mut Page| match page {
            Page::OpeningBoth(opening) => opening.kept.take(),
            _ => None,
        };
        match opened {
            BothOpened::NotYet => {}
            BothOpened::Cancelled => self.page = kept(&mut self.page).map_or(Page::Start, Kept::page),
            BothOpened::Failed(path, message) => {
                let kept = kept(&mut self.page);
                self.comparing_failed(path, message, kept, context);
            }
            BothOpened::Indexes(paths, indexes) => {
                for (path, index) in paths.iter().zip(&indexes) {
                    self.remember(path, index);
                }
                let (path, kept) = (paths[1].clone(), kept(&mut self.page));
                if let Some(Kept::Both(before)) = kept.as_ref()
                    && before.is_of(&indexes)
                {
                    // Nothing changed.
                    self.page = kept.map_or(Page::Start, Kept::page);
                    return;
                }
                self.page = match CompareDocument::new(paths, indexes, context) {
                    Ok(mut document) => {
                        if let Some(Kept::Both(before)) = kept {
                            document.show_as(*before);
                        }
                        Page::Comparing(Box::new(document))
                    }
                    Err(error) => Page::Failed { path, message: error.to_string() },
                };
            }
        }
    }

    /// Takes what other threads have finished, and whether nothing more is to come.
    pub fn is_settled(&mut self, context: &Context) -> bool {
        self.update(context);
        match &self.page {
            _ if self.saving.is_running() => false,
            Page::Start | Page::Failed { .. } => true,
            Page::Opening(_) | Page::OpeningBoth(_) => false,
            Page::Open(document) => document.is_settled(),
            Page::Comparing(document) => document.is_settled(),
            Page::Processes(page) => page.is_settled(),
        }
    }
}
