// SPDX-License-Identifier: Apache-2.0
//! The desktop's file dialog, off the UI thread: a portal may take long to answer, or never.

use egui::Context;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

/// A dialog that may be open.
#[derive(Default)]
pub(super) struct FileDialog {
    answer: Option<(Receiver<Option<PathBuf>>, Instant)>,
}

/// What the dialog said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// Nothing yet.
    NotYet,
    /// A file.
    File(PathBuf),
    /// The user closed it without choosing a file.
    Nothing,
    /// No dialog, as far as can be told: a desktop without one says the same as a user who cancels, only sooner.
    NoDialog,
}

/// Nobody cancels a dialog sooner than this.
const SOONEST_CANCEL: Duration = Duration::from_millis(700);

impl FileDialog {
    /// Opens it, unless it is open.
    pub(super) fn open(&mut self, title: &'static str, folder: Option<PathBuf>, context: &Context) {
        if self.answer.is_some() {
            return;
        }
        let (sender, answer) = channel();
        let context = context.clone();
        let started = std::thread::Builder::new().name("memray-view file dialog".to_owned()).spawn(move || {
            let mut dialog = rfd::FileDialog::new()
                .set_title(title)
                .add_filter("Captures and indexes", &["bin", "mvidx"])
                .add_filter("All files", &["*"]);
            if let Some(folder) = folder {
                dialog = dialog.set_directory(folder);
            }
            let _ = sender.send(dialog.pick_file());
            context.request_repaint();
        });
        // Without a thread the channel is closed already, which counts as no answer.
        drop(started);
        self.answer = Some((answer, Instant::now()));
    }

    /// Whether it was opened and has not answered.
    pub(super) fn is_open(&self) -> bool {
        self.answer.is_some()
    }

    /// What it said by now. Anything but `NotYet` is told once.
    pub(super) fn poll(&mut self) -> Chosen {
        let Some((answer, opened)) = &self.answer else { return Chosen::NotYet };
        let chosen = match answer.try_recv() {
            Ok(Some(path)) => Chosen::File(path),
            Ok(None) if opened.elapsed() >= SOONEST_CANCEL => Chosen::Nothing,
            Ok(None) | Err(TryRecvError::Disconnected) => Chosen::NoDialog,
            Err(TryRecvError::Empty) => return Chosen::NotYet,
        };
        self.answer = None;
        chosen
    }
}
