// SPDX-License-Identifier: Apache-2.0
//! How far a build is, shared between the threads that build an index and those that show it.

use crate::timeline::SnapshotRow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// How far a build is. Shared by reference; everything in it may be read while the build runs.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
    records: AtomicU64,
    is_cancelled: AtomicBool,
    provisional: Mutex<Provisional>,
}

/// What is known while the build runs; right for the records read so far.
#[derive(Clone, Debug, Default)]
pub struct Provisional {
    /// Start of tracking, milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// Snapshots so far.
    pub snapshots: Vec<SnapshotRow>,
    /// High-water mark so far.
    pub peak_bytes: u64,
    /// When, elapsed milliseconds.
    pub peak_elapsed_ms: i64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            bytes_done: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            records: AtomicU64::new(0),
            is_cancelled: AtomicBool::new(false),
            provisional: Mutex::default(),
        }
    }
}

impl Progress {
    /// Asks the build to stop; it then fails with `Error::Cancelled`.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Bytes of the file read so far, and in all.
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes_done.load(Ordering::Relaxed), self.bytes_total.load(Ordering::Relaxed))
    }

    /// Records read so far.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Records a second, and seconds left (`None` until it can be told).
    pub fn rate(&self) -> (f64, Option<f64>) {
        let elapsed_s = self.started.elapsed().as_secs_f64();
        let (done, total) = self.bytes();
        let left = (done > 0 && elapsed_s > 0.2).then(|| elapsed_s * (total.saturating_sub(done)) as f64 / done as f64);
        (self.records() as f64 / elapsed_s.max(1e-9), left)
    }

    /// What is known so far.
    pub fn provisional(&self) -> Provisional {
        self.provisional.lock().map(|p| p.clone()).unwrap_or_default()
    }

    /// Tells how far the build is.
    pub(crate) fn advance(&self, bytes_done: u64, records: u64) {
        self.bytes_done.store(bytes_done, Ordering::Relaxed);
        self.records.store(records, Ordering::Relaxed);
    }

    /// Tells how far there is to go.
    pub(crate) fn set_total(&self, bytes_total: u64) {
        self.bytes_total.store(bytes_total, Ordering::Relaxed);
    }

    /// Changes what is known so far.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Provisional)) {
        if let Ok(mut provisional) = self.provisional.lock() {
            change(&mut provisional);
        }
    }
}
