// SPDX-License-Identifier: Apache-2.0
//! A capture being opened on a thread of its own.

use super::watcher::Fingerprint;
use crate::error::UiError;
use egui::Context;
use memray_index::{Error, Index, OpenOptions, Progress};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// A capture being opened.
pub(super) struct Opening {
    /// The file.
    pub path: PathBuf,
    /// How far it is.
    pub progress: Arc<Progress>,
    started: Instant,
    result: mpsc::Receiver<(Option<Fingerprint>, Result<Index, Error>)>,
}

/// What became of an opening.
pub(super) enum Opened {
    /// Not yet there.
    NotYet,
    /// There, after so long, from a file in this state.
    Index(Index, Duration, Option<Fingerprint>),
    /// The user cancelled it.
    Cancelled,
    /// It failed, with a sentence that says why.
    Failed(String),
}

impl Opening {
    /// Starts to open a capture. `context` is told to draw again when it is there.
    pub(super) fn start(path: &Path, options: &OpenOptions, context: &Context) -> Result<Self, UiError> {
        let progress = Arc::new(Progress::default());
        let (sender, result) = mpsc::channel();
        let for_thread = (path.to_owned(), options.clone(), Arc::clone(&progress), context.clone());
        std::thread::Builder::new()
            .name("memray-view open".to_owned())
            .spawn(move || {
                let (path, options, progress, context) = for_thread;
                // Before a byte is read: what changes from here on is to be noticed.
                let fingerprint = Fingerprint::of(&path);
                // Nobody listens any more if the window was closed meanwhile.
                let _ = sender.send((fingerprint, Index::open(&path, &options, &progress)));
                context.request_repaint();
            })
            .map_err(UiError::Thread)?;
        Ok(Self { path: path.to_owned(), progress, started: Instant::now(), result })
    }

    /// What became of it by now. Anything but `NotYet` is told once.
    pub(super) fn poll(&self) -> Opened {
        match self.result.try_recv() {
            Ok((fingerprint, Ok(index))) => Opened::Index(index, self.started.elapsed(), fingerprint),
            Ok((_, Err(Error::Cancelled))) => Opened::Cancelled,
            Ok((_, Err(error))) => Opened::Failed(error.to_string()),
            Err(mpsc::TryRecvError::Empty) => Opened::NotYet,
            Err(mpsc::TryRecvError::Disconnected) => {
                Opened::Failed("Opening the capture stopped unexpectedly; please report this file".to_owned())
            }
        }
    }

    /// How long it has been going on.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        // What nobody waits for is not finished.
        self.progress.cancel();
    }
}
