// SPDX-License-Identifier: Apache-2.0
//! Notices that a capture changed on disk. It looks once a second, on a thread of its own: a file on a network may take
//! its time to answer.

use crate::error::UiError;
use egui::Context;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, SystemTime};

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    size_bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Fingerprint {
    /// The file's now; `None` if it is not there.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { size_bytes: metadata.len(), modified: metadata.modified().ok(), inode })
    }
}

/// Watches one file until it is dropped.
pub(super) struct Watcher {
    has_changed: Arc<AtomicBool>,
    /// The thread waits on its other end, and ends when this is dropped.
    _alive: Sender<()>,
}

impl Watcher {
    /// Watches a file that was in this state when it was opened.
    pub(super) fn start(path: PathBuf, opened: Option<Fingerprint>, context: Context) -> Result<Self, UiError> {
        Self::start_with_period(path, opened, context, PERIOD)
    }

    fn start_with_period(
        path: PathBuf,
        opened: Option<Fingerprint>,
        context: Context,
        period: Duration,
    ) -> Result<Self, UiError> {
        let has_changed = Arc::new(AtomicBool::new(false));
        let for_thread = Arc::clone(&has_changed);
        let (alive, ends) = mpsc::channel();
        std::thread::Builder::new()
            .name("memray-view watch".to_owned())
            .spawn(move || {
                while let Err(RecvTimeoutError::Timeout) = ends.recv_timeout(period) {
                    if Fingerprint::of(&path) != opened {
                        for_thread.store(true, Ordering::Relaxed);
                        context.request_repaint();
                        return;
                    }
                }
            })
            .map_err(UiError::Thread)?;
        Ok(Self { has_changed, _alive: alive })
    }

    /// Whether the file is no longer what was opened.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_grew_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture.bin");
        std::fs::write(&path, b"one").unwrap();
        let opened = Fingerprint::of(&path);
        let watcher =
            Watcher::start_with_period(path.clone(), opened, Context::default(), Duration::from_millis(1)).unwrap();
        assert!(!watcher.has_changed());
        std::fs::write(&path, b"three").unwrap();
        let written = std::time::Instant::now();
        while !watcher.has_changed() {
            assert!(written.elapsed() < Duration::from_secs(60), "it is not noticed");
            std::thread::yield_now();
        }
    }
}
