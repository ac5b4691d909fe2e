// SPDX-License-Identifier: Apache-2.0
//! The desktop's file dialog, off the UI thread: a portal may take long to answer, or never.

use super::path_entry::Purpose;
use egui::Context;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

/// A dialog that may be open.
#[derive(Default)]
pub(super) struct FileDialog {
    answer: Option<(Receiver<Option<PathBuf>>, Instant, Purpose)>,
}

/// What the dialog said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// Nothing yet.
    NotYet,
    /// A file, and what the dialog was opened for.
    File(PathBuf, Purpose),
    /// The user closed it without choosing a file.
    Nothing,
    /// No dialog, as far as can be told: a desktop without one says the same as a user who cancels, only sooner.
    NoDialog,
}

/// Nobody cancels a dialog sooner than this.
const SOONEST_CANCEL: Duration = Duration::from_millis(700);

impl FileDialog {
    /// Opens it, unless it is open. It begins where a file lies.
    pub(super) fn open(&mut self, purpose: Purpose, file: Option<PathBuf>, context: &Context) {
        if self.answer.is_some() {
            return;
        }
        let (sender, answer) = channel();
        let context = context.clone();
        let started = std::thread::Builder::new().name("memray-view file dialog".to_owned()).spawn(move || {
            let mut dialog = rfd::FileDialog::new().set_title(purpose.title());
            if let Some(folder) = file.as_deref().and_then(Path::parent) {
                dialog = dialog.set_directory(folder);
            }
            let chosen = match purpose.extension() {
                None => {
                    let dialog = dialog.add_filter("Captures and indexes", &["bin", "mvidx"]);
                    dialog.add_filter("All files", &["*"]).pick_file()
                }
                Some(extension) => {
                    let name = file.unwrap_or_else(|| "memray-view".into()).with_extension(extension);
                    let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    dialog.add_filter(extension.to_uppercase(), &[extension]).set_file_name(name).save_file()
                }
            };
            let _ = sender.send(chosen);
            context.request_repaint();
        });
        // Without a thread the channel is closed already, which counts as no answer.
        drop(started);
        self.answer = Some((answer, Instant::now(), purpose));
    }

    /// Whether it was opened and has not answered.
    pub(super) fn is_open(&self) -> bool {
        self.answer.is_some()
    }

    /// What it said by now. Anything but `NotYet` is told once.
    pub(super) fn poll(&mut self) -> Chosen {
        let Some((answer, opened, purpose)) = &self.answer else { return Chosen::NotYet };
        let chosen = match answer.try_recv() {
            Ok(Some(path)) => Chosen::File(path, *purpose),
            Ok(None) if opened.elapsed() >= SOONEST_CANCEL => Chosen::Nothing,
            Ok(None) | Err(TryRecvError::Disconnected) => Chosen::NoDialog,
            Err(TryRecvError::Empty) => return Chosen::NotYet,
        };
        self.answer = None;
        chosen
    }
}
