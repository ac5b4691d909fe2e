// SPDX-License-Identifier: Apache-2.0
//! Memory over time: the capture's snapshots, and the peak of each interval between them.

use crate::question::{Moment, TimeRange};

/// A snapshot. `time_ms` is wall-clock, since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// When.
    pub time_ms: i64,
    /// Resident set size.
    pub rss_bytes: u64,
    /// The recorded heap just before the snapshot.
    pub heap_bytes: u64,
}

/// Memory over time.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Start of tracking, wall-clock milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// End: of tracking, or the last snapshot's time if the recording stops early.
    pub end_time_ms: i64,
    /// In file order; times may step back if the machine's clock did.
    pub snapshots: Vec<SnapshotRow>,
    /// The largest heap within each interval: `interval_peaks[i]` lies before snapshot i (and after the one before it),
    /// the last one after the last snapshot. One longer than `snapshots`. Empty in aggregated captures.
    pub interval_peaks: Vec<u64>,
    /// The heap after the last record.
    pub end_heap_bytes: u64,
    /// The heap's high-water mark.
    pub peak_bytes: u64,
    /// The interval in which it lies; an index into `interval_peaks`.
    pub peak_interval: usize,
}

impl Timeline {
    /// Number of intervals: one more than snapshots.
    pub fn interval_count(&self) -> usize {
        self.snapshots.len() + 1
    }

    /// A moment's wall-clock time in milliseconds since the Unix epoch.
    pub fn time_ms(&self, moment: Moment) -> i64 {
        match moment {
            Moment::Start => self.start_time_ms,
            Moment::Snapshot(i) => self.snapshots.get(i as usize).map_or(self.end_time_ms, |s| s.time_ms),
            Moment::End => self.end_time_ms,
        }
    }

    /// The whole heap at a moment.
    pub fn heap_bytes(&self, moment: Moment) -> u64 {
        match moment {
            Moment::Start => 0,
            Moment::Snapshot(i) => self.snapshots.get(i as usize).map_or(self.end_heap_bytes, |s| s.heap_bytes),
            Moment::End => self.end_heap_bytes,
        }
    }

    /// The moment for a time given from the start: the first snapshot at or after it, else the end.
    pub fn moment_at(&self, elapsed_ms: i64) -> Moment {
        let time_ms = self.start_time_ms.saturating_add(elapsed_ms);
        self.snapshots.iter().position(|s| s.time_ms >= time_ms).map_or(Moment::End, |i| Moment::Snapshot(i as u32))
    }

    /// The range between two times given from the start, by memray's rule: from the first snapshot at or after the
    /// first, to the first snapshot after the second, else the end.
    pub fn range_at(&self, from_elapsed_ms: i64, to_elapsed_ms: i64) -> TimeRange {
        let to_time_ms = self.start_time_ms.saturating_add(to_elapsed_ms);
        let to = self
            .snapshots
            .iter()
            .position(|s| s.time_ms > to_time_ms)
            .map_or(Moment::End, |i| Moment::Snapshot(i as u32));
        TimeRange { from: self.moment_at(from_elapsed_ms), to }
    }

    /// The high-water mark's time, elapsed milliseconds from the start: the interval's middle, as the capture says no
    /// more than between which snapshots it lies.
    pub fn peak_elapsed_ms(&self) -> i64 {
        let i = self.peak_interval;
        let before = if i == 0 { self.start_time_ms } else { self.snapshots[i - 1].time_ms };
        let after = self.snapshots.get(i).map_or(self.end_time_ms, |s| s.time_ms);
        (before + (after - before) / 2).saturating_sub(self.start_time_ms)
    }
}
