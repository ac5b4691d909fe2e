// SPDX-License-Identifier: Apache-2.0
//! Which capture is open: chosen, read, read again, remembered, or compared with another.

use super::compare::{Kept, OpeningBoth};
use super::document::Document;
use super::drop_question::DropQuestion;
use super::opening::Opening;
use super::opening_page::SoFar;
use super::path_entry::Purpose;
use super::processes::ProcessesPage;
use super::sample::Sample;
use super::saving::Target;
use super::watcher::Fingerprint;
use super::window::file_name;
use super::{App, Page, Reading};
use crate::settings::Recent;
use egui::Context;
use memray_index::family::{are_one_family, is_child};
use memray_index::{Index, Translation, recognise};
use memray_report::escape;
use std::path::{Path, PathBuf};
use std::time::Duration;

impl App {
    /// Does with a file what it was chosen for. A file to be made may replace another where the user was asked about that.
    pub(super) fn chosen(&mut self, path: &Path, purpose: Purpose, may_replace: bool, context: &Context) {
        if let Some(extension) = purpose.extension() {
            self.path_entry = None;
            // What the user was asked about is the name as it was typed.
            let (path, may_replace) = match path.extension() {
                Some(_) => (path.to_owned(), may_replace),
                None => (path.with_extension(extension), false),
            };
            self.save(Target { path, may_replace }, purpose, context);
            return;
        }
        match (purpose, self.document().map(|document| document.path.clone())) {
            (Purpose::Compare, Some(open)) => self.compare_with(&open, path, context),
            _ => self.open(path, context),
        }
    }

    fn save(&mut self, target: Target, purpose: Purpose, context: &Context) {
        if purpose == Purpose::SavePicture {
            self.saving.start_picture(context, target);
            return;
        }
        let csv = match &self.page {
            Page::Processes(page) => page.csv(),
            Page::Comparing(document) => document.csv(),
            _ => self.document().and_then(Document::csv),
        };
        match csv {
            Some(csv) => self.saving.start(context, target, csv),
            None => self.say("This view has no numbers to save".to_owned(), context),
        }
    }

    /// Compares the open capture with another, which comes after it.
    pub(super) fn compare_with(&mut self, before: &Path, after: &Path, context: &Context) {
        let kept = match std::mem::replace(&mut self.page, Page::Start) {
            Page::Open(document) => Some(Kept::One(document)),
            _ => None,
        };
        self.compare(before, after, kept, context);
    }

    /// Compares two captures, of which one may be open, or both.
    pub(super) fn compare(&mut self, before: &Path, after: &Path, kept: Option<Kept>, context: &Context) {
        let [before, after] = [before, after].map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        self.path_entry = None;
        self.drop_question = None;
        match OpeningBoth::start([&before, &after], kept, &self.options.open, context) {
            Ok(opening) => self.page = Page::OpeningBoth(Box::new(opening)),
            Err((error, kept)) => self.comparing_failed(after, error.to_string(), kept, context),
        }
    }

    /// Two captures could not be read: what was open stays.
    pub(super) fn comparing_failed(&mut self, path: PathBuf, message: String, kept: Option<Kept>, context: &Context) {
        match kept {
            Some(kept) => {
                self.page = kept.page();
                self.say(message, context);
            }
            None => self.page = Page::Failed { path, message },
        }
    }

    /// Opens a capture, on a thread of its own.
    pub(super) fn open(&mut self, path: &Path, context: &Context) {
        self.add_tab(path);
        self.read(path, None, context);
    }

    pub(super) fn open_sample(&mut self, context: &Context) {
        match Sample::unpack() {
            Ok(sample) => {
                let path = sample.path();
                self.sample = Some(sample);
                self.open(&path, context);
            }
            Err(error) => self.say(format!("The sample cannot be opened: {error}"), context),
        }
    }

    /// Opens what was dropped on the window. A file that was dropped on another may be wanted beside that, two at once are,
    /// more open in tabs; where there are tabs, each in one more.
    pub(super) fn take_dropped(&mut self, context: &Context) {
        let dropped: Vec<PathBuf> = context.input(|input| {
            let paths = input.raw.dropped_files.iter().map(|file| file.path().to_owned());
            paths.filter(|path| !path.as_os_str().is_empty()).collect()
        });
        match (dropped.as_slice(), &self.page) {
            ([], _) => {}
            ([path], Page::Open(_)) => self.drop_question = Some(DropQuestion { path: path.clone() }),
            (paths, _) if !self.file_tabs.is_empty() => paths.iter().for_each(|path| self.open(path, context)),
            ([path], _) => self.open(path, context),
            ([parent, child], _) if is_child(parent, child) => self.open_several(&dropped, true, context),
            ([before, after], _) => self.compare(before, after, None, context),
            (paths, _) => self.open_captures_of(paths, context),
        }
    }

    /// Opens those of several files that are captures, and says of which others there is none.
    fn open_captures_of(&mut self, paths: &[PathBuf], context: &Context) {
        let (captures, others): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(|path| recognise(path).is_ok());
        let captures: Vec<PathBuf> = captures.into_iter().cloned().collect();
        match (captures.as_slice(), others.as_slice()) {
            ([], [first, ..]) => self.open(first, context),
            ([one], _) => self.open(one, context),
            (captures, _) => self.open_several(captures, are_one_family(captures), context),
        }
        if !captures.is_empty() && !others.is_empty() {
            let names: Vec<String> = others.iter().map(|path| file_name(path)).collect();
            self.say(format!("Skipped what is no capture: {}", escape::shorten(&names.join(", "), 120)), context);
        }
    }

    /// Sums the memory of several processes.
    pub(super) fn sum_processes(&mut self, paths: &[PathBuf], context: &Context) {
        self.page = match ProcessesPage::start(paths, &self.options.open, context) {
            Ok(page) => Page::Processes(Box::new(page)),
            Err(error) => Page::failed(paths.first().cloned().unwrap_or_default(), error.to_string(), None),
        };
    }

    /// Reads the file again, or both; what is open stays where that fails. So it does if it is being read already.
    pub(super) fn reload(&mut self, context: &Context) {
        match std::mem::replace(&mut self.page, Page::Start) {
            page @ (Page::Start | Page::Processes(_)) => self.page = page,
            Page::Open(document) => self.read(&document.path.clone(), Some(document), context),
            Page::Opening(reading) => self.read(&reading.opening.path, reading.before, context),
            Page::Failed { path, .. } => self.read(&path, None, context),
            Page::Comparing(document) => {
                let [before, after] = document.paths.clone();
                self.compare(&before, &after, Some(Kept::Both(document)), context);
            }
            Page::OpeningBoth(mut opening) => {
                let (kept, [before, after]) = (opening.kept.take(), opening.paths());
                self.compare(before, after, kept, context);
            }
        }
    }

    pub(super) fn read(&mut self, path: &Path, before: Option<Box<Document>>, context: &Context) {
        // The folder from which it was started may not be the one in which it is opened again.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.path_entry = None;
        self.drop_question = None;
        self.page = match Opening::start(&path, &self.options.open, context) {
            Ok(opening) => Page::Opening(Box::new(Reading { opening, before, so_far: SoFar::default() })),
            Err(error) => Page::failed(path, error.to_string(), before),
        };
    }

    pub(super) fn opened(
        &mut self,
        path: PathBuf,
        index: Index,
        took: Duration,
        fingerprint: Option<Fingerprint>,
        before: Option<Box<Document>>,
        context: &Context,
    ) {
        self.remember(&path, &index);
        self.page = match Document::new(path.clone(), index, took, fingerprint, context) {
            Ok(mut document) => {
                if let Some(before) = before {
                    // The file may have other numbers for names and moments, and not all of them any more.
                    let translation = Translation::new(&before.index, &document.index);
                    document.view = before.view.translated(&translation);
                }
                Page::Open(Box::new(document))
            }
            Err(error) => Page::Failed { path, message: error.to_string() },
        };
    }

    pub(super) fn remember(&mut self, path: &Path, index: &Index) {
        if self.sample.as_ref().is_some_and(|sample| sample.is_at(path)) {
            return;
        }
        let command_line = escape::visible_bytes(&index.info().header.command_line);
        self.settings.remember(Recent {
            path: path.to_owned(),
            peak_bytes: index.timeline().peak_bytes,
            start_time_ms: index.info().header.start_time_ms,
            command_line: escape::shorten(&command_line, 400).into_owned(),
        });
        self.save_settings();
    }
}
