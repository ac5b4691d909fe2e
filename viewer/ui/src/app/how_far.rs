// SPDX-License-Identifier: Apache-2.0
//! How far the reading of a capture is, in words: [`HowFar`]. A capture is read when it is opened, and again for what its
//! index does not hold.

use memray_index::Progress;
use memray_report::size::{Units, format_bytes, format_count};
use memray_report::time::format_duration;
use std::time::Duration;

/// How often progress is drawn.
pub(super) const REFRESH: Duration = Duration::from_millis(100);

/// How far a reading is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HowFar {
    pub(super) done_bytes: u64,
    pub(super) total_bytes: u64,
    pub(super) records: u64,
    pub(super) records_per_s: f64,
    pub(super) seconds_left: Option<f64>,
}

impl HowFar {
    pub(super) fn of(progress: &Progress) -> Self {
        let (done_bytes, total_bytes) = progress.bytes();
        let (records_per_s, seconds_left) = progress.rate();
        Self { done_bytes, total_bytes, records: progress.records(), records_per_s, seconds_left }
    }

    /// From 0 to 1.
    pub(super) fn share(&self) -> f32 {
        if self.total_bytes == 0 { 0.0 } else { self.done_bytes as f32 / self.total_bytes as f32 }
    }

    /// All that is known.
    pub(super) fn words(&self, units: Units) -> String {
        let mut words = vec![
            format!("{} of {}", format_bytes(self.done_bytes, units), format_bytes(self.total_bytes, units)),
            format!("{} records", format_count(self.records)),
            format!("{} records/s", format_count(self.records_per_s as u64)),
        ];
        words.extend(self.time_left());
        words.join("  ·  ")
    }

    /// Where room is short: `34 %  ·  12.0 s left`.
    pub(super) fn short_words(&self) -> String {
        let percent = format!("{:.0} %", self.share() * 100.0);
        std::iter::once(percent).chain(self.time_left()).collect::<Vec<_>>().join("  ·  ")
    }

    fn time_left(&self) -> Option<String> {
        self.seconds_left.map(|seconds| format!("{} left", format_duration((seconds.min(1e9) * 1000.0) as i64)))
    }
}
