// SPDX-License-Identifier: Apache-2.0
//! Memory over time: the capture's snapshots, and the peak of each interval between them.

use crate::question::{Moment, TimeRange};
use std::sync::OnceLock;

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
    /// Finds moments by their time.
    pub latest_times: LatestTimes,
}

/// The latest time up to each snapshot, which never steps back, so that it can be searched. Made when first needed.
#[derive(Clone, Debug, Default)]
pub struct LatestTimes(OnceLock<Vec<i64>>);

impl LatestTimes {
    /// The first of these snapshots at or after a wall-clock time: the first with which the latest time reaches it.
    fn first_from(&self, time_ms: i64, snapshots: &[SnapshotRow]) -> Moment {
        let latest = self.of(snapshots);
        match latest.partition_point(|&latest| latest < time_ms) {
            first if first < latest.len() => Moment::Snapshot(first as u32),
            _ => Moment::End,
        }
    }

    fn of(&self, snapshots: &[SnapshotRow]) -> &[i64] {
        self.0.get_or_init(|| {
            let mut latest = i64::MIN;
            let up_to = |snapshot: &SnapshotRow| {
                latest = snapshot.time_ms.max(latest);
                latest
            };
            snapshots.iter().map(up_to).collect()
        })
    }
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

    /// A moment's time from the start, in milliseconds. It never steps back, also where the machine's clock did.
    pub fn elapsed_ms(&self, moment: Moment) -> i64 {
        let latest = self.latest_times.of(&self.snapshots);
        let latest_ms = match moment {
            Moment::Start => return 0,
            Moment::Snapshot(i) => latest.get(i as usize).copied(),
            Moment::End => None,
        };
        let end_ms = || latest.last().map_or(self.end_time_ms, |&latest| latest.max(self.end_time_ms));
        latest_ms.unwrap_or_else(end_ms).saturating_sub(self.start_time_ms).max(0)
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
        self.latest_times.first_from(self.start_time_ms.saturating_add(elapsed_ms), &self.snapshots)
    }

    /// The range between two times given from the start, by memray's rule: from the first snapshot at or after the
    /// first, to the first snapshot after the second, else the end.
    pub fn range_at(&self, from_elapsed_ms: i64, to_elapsed_ms: i64) -> TimeRange {
        // Times are whole milliseconds: after one is at or after the next. Nothing is after the last that there is.
        let after = self.start_time_ms.saturating_add(to_elapsed_ms).checked_add(1);
        let to = after.map_or(Moment::End, |after_ms| self.latest_times.first_from(after_ms, &self.snapshots));
        TimeRange { from: self.moment_at(from_elapsed_ms), to }
    }

    /// The high-water mark's time, elapsed milliseconds from the start: the interval's middle, as the capture says no
    /// more than between which snapshots it lies.
    pub fn peak_elapsed_ms(&self) -> i64 {
        let at = |interval: usize| self.elapsed_ms(u32::try_from(interval).map_or(Moment::End, Moment::Snapshot));
        let before = self.peak_interval.checked_sub(1).map_or(0, at);
        // Neither is below 0, and the later one is not below the earlier.
        before + (at(self.peak_interval) - before) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn timeline(start_time_ms: i64, times: &[i64]) -> Timeline {
        let snapshots = times.iter().map(|&time_ms| SnapshotRow { time_ms, rss_bytes: 0, heap_bytes: 0 }).collect();
        Timeline { start_time_ms, snapshots, ..Timeline::default() }
    }

    /// By definition: the first snapshot of all for which something holds.
    fn first(times: &[i64], holds: impl Fn(i64) -> bool) -> Moment {
        times.iter().position(|&time| holds(time)).map_or(Moment::End, |i| Moment::Snapshot(i as u32))
    }

    proptest! {
        #[test]
        fn moments_on_a_clock_that_steps_back_are_those_of_the_definition(
            times in prop::collection::vec(-20i64..20, 0..12), start in -5i64..5, from in -30i64..30, to in -30i64..30,
        ) {
            let timeline = timeline(start, &times);
            prop_assert_eq!(timeline.moment_at(from), first(&times, |time| time >= start + from));
            let range = timeline.range_at(from, to);
            prop_assert_eq!(range.from, first(&times, |time| time >= start + from));
            prop_assert_eq!(range.to, first(&times, |time| time > start + to));
        }
    }

    #[test]
    fn times_at_the_ends_of_time_have_moments() {
        let timeline = timeline(0, &[i64::MIN, i64::MAX, 5]);
        assert_eq!(timeline.moment_at(i64::MAX), Moment::Snapshot(1));
        let all = TimeRange { from: Moment::Snapshot(0), to: Moment::End };
        assert_eq!(timeline.range_at(i64::MIN, i64::MAX), all);
    }

    #[test]
    fn a_peak_between_the_ends_of_time_has_a_time() {
        let from = |start, times: &[i64]| Timeline { peak_interval: 1, ..timeline(start, times) }.peak_elapsed_ms();
        assert_eq!(from(0, &[i64::MIN, i64::MAX]), i64::MAX / 2);
        assert_eq!(from(i64::MIN, &[i64::MAX, i64::MAX]), i64::MAX);
        assert_eq!(from(0, &[100, 201]), 150);
    }

    #[test]
    fn elapsed_time_stands_still_where_the_clock_steps_back() {
        let timeline = Timeline { end_time_ms: 6_000, ..timeline(1_000, &[2_000, 6_000, 3_000, 5_500, 7_000]) };
        let moments = (0..5).map(Moment::Snapshot).chain([Moment::Start, Moment::End]);
        let elapsed: Vec<i64> = moments.map(|moment| timeline.elapsed_ms(moment)).collect();
        assert_eq!(elapsed, [1_000, 5_000, 5_000, 5_000, 6_000, 0, 6_000]);
    }
}
