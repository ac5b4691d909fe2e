// SPDX-License-Identifier: Apache-2.0
//! The axes: elapsed time, which never runs backward even where the machine's clock did, and round ticks on both; on that
//! of time they are elapsed or, where the clock was not set back, [`TimesOfDay`].

use memray_index::{Moment, Timeline};
use memray_report::size::{Units, format_bytes};
use memray_report::time::{WallClock, format_offset, format_time_of_day_at_step, offset_ms};

/// Elapsed time of a timeline's snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeAxis {
    /// Of each snapshot, in milliseconds since the start: the largest so far, where the clock stepped back.
    elapsed_ms: Vec<i64>,
    end_ms: i64,
    step_back: Option<StepBack>,
}

/// Where the machine's clock was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBack {
    /// When, on the axis.
    pub elapsed_ms: i64,
    /// By how much.
    pub by_ms: i64,
}

impl TimeAxis {
    /// The axis of a timeline.
    pub fn new(timeline: &Timeline) -> Self {
        let mut so_far = 0_i64;
        let mut step_back: Option<StepBack> = None;
        let mut see = |time_ms: i64| {
            let elapsed = time_ms.saturating_sub(timeline.start_time_ms);
            let by_ms = so_far.saturating_sub(elapsed);
            if by_ms > step_back.map_or(0, |step| step.by_ms) {
                step_back = Some(StepBack { elapsed_ms: so_far, by_ms });
            }
            so_far = so_far.max(elapsed);
            so_far
        };
        let elapsed_ms = timeline.snapshots.iter().map(|snapshot| see(snapshot.time_ms)).collect();
        let end_ms = see(timeline.end_time_ms);
        Self { elapsed_ms, end_ms, step_back }
    }

    /// Of each snapshot, in milliseconds since the start; never decreasing.
    pub fn elapsed_ms(&self) -> &[i64] {
        &self.elapsed_ms
    }

    /// The end, in milliseconds since the start.
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// The largest step back of the machine's clock, if it made one.
    pub fn step_back(&self) -> Option<StepBack> {
        self.step_back
    }

    /// Times of day on this axis, of a timeline that began then. None where the machine's clock was set back: there one
    /// time is at two places.
    pub fn times_of_day(&self, start_time_ms: i64, clock: WallClock) -> Option<TimesOfDay> {
        self.step_back.is_none().then_some(TimesOfDay { start_time_ms, clock })
    }

    /// Where a moment lies.
    pub fn of(&self, moment: Moment) -> i64 {
        match moment {
            Moment::Start => 0,
            Moment::Snapshot(i) => self.elapsed_ms.get(i as usize).copied().unwrap_or(self.end_ms),
            Moment::End => self.end_ms,
        }
    }

    /// The middle of an interval: of the time before snapshot `i`, or after the last one.
    pub fn middle_of_interval(&self, interval: usize) -> i64 {
        let before = interval.checked_sub(1).map_or(0, |i| self.elapsed_ms.get(i).copied().unwrap_or(self.end_ms));
        let after = self.elapsed_ms.get(interval).copied().unwrap_or(self.end_ms);
        before + (after - before) / 2
    }
}

/// Steps between ticks of time, in milliseconds: 1, 2, 5 and their tenfolds up to seconds, then what clocks are cut into.
const TIME_STEPS_MS: [i64; 27] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_200_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];

/// Times of day on an axis of elapsed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimesOfDay {
    /// Where the axis begins, in milliseconds since the Unix epoch.
    start_time_ms: i64,
    clock: WallClock,
}

impl TimesOfDay {
    /// Ticks within a range of elapsed time, at most about `most`: where in elapsed time, and what they say.
    pub(super) fn ticks(self, from_ms: f64, to_ms: f64, most: usize) -> Vec<(i64, String)> {
        let Self { start_time_ms, clock } = self;
        // The clock's own time at the start is what is round in hours and days.
        let offset_ms = offset_ms(start_time_ms.saturating_add(from_ms as i64), clock);
        let clock_ms = start_time_ms.saturating_add(offset_ms);
        let step_ms = time_step(from_ms, to_ms, most);
        let ticks = round_times(clock_ms as f64 + from_ms, clock_ms as f64 + to_ms, step_ms);
        ticks
            .map(|ms| (ms.saturating_sub(clock_ms), ms.saturating_sub(offset_ms)))
            .map(|(elapsed_ms, time_ms)| (elapsed_ms, format_time_of_day_at_step(time_ms, step_ms, clock)))
            .collect()
    }

    /// The clock's zone at an elapsed time: `+01:00`, `UTC`.
    pub(super) fn zone(self, elapsed_ms: f64) -> String {
        format_offset(self.start_time_ms.saturating_add(elapsed_ms as i64), self.clock)
    }
}

/// Ticks within a range of time, at most about `most`: where, and what they say.
pub(super) fn time_ticks(from_ms: f64, to_ms: f64, most: usize) -> Vec<(i64, String)> {
    let step_ms = time_step(from_ms, to_ms, most);
    round_times(from_ms, to_ms, step_ms).map(|ms| (ms, time_label(ms, step_ms, to_ms))).collect()
}

/// The step between ticks, in milliseconds.
fn time_step(from_ms: f64, to_ms: f64, most: usize) -> i64 {
    let least_step = (to_ms - from_ms) / most.max(1) as f64;
    let found = TIME_STEPS_MS.iter().copied().find(|&step| step as f64 >= least_step);
    // Beyond days: whole days, as many as it takes.
    found.unwrap_or_else(|| ((least_step / 86_400_000.0).ceil() as i64).saturating_mul(86_400_000))
}

/// The multiples of a step within a range.
fn round_times(from_ms: f64, to_ms: f64, step_ms: i64) -> impl Iterator<Item = i64> {
    let first = (from_ms / step_ms as f64).ceil() as i64;
    let last = (to_ms / step_ms as f64).floor() as i64;
    (first..=last).map(move |i| i.saturating_mul(step_ms))
}

fn time_label(ms: i64, step_ms: i64, to_ms: f64) -> String {
    if ms < 0 {
        // Before what the axis counts from.
        return format!("\u{2212}{}", time_label(-ms, step_ms, to_ms.max(-ms as f64)));
    }
    let s = ms / 1000;
    if to_ms < 1000.0 {
        format!("{ms} ms")
    } else if step_ms < 1000 {
        let decimals = if step_ms < 10 {
            3
        } else if step_ms < 100 {
            2
        } else {
            1
        };
        format!("{:.decimals$} s", ms as f64 / 1000.0)
    } else if to_ms < 120_000.0 {
        format!("{s} s")
    } else if to_ms < 3_600_000.0 {
        format!("{}:{:02}", s / 60, s % 60)
    } else if step_ms < 60_000 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02} h", s / 3600, s / 60 % 60)
    }
}

/// Ticks of bytes from 0 up to the first at or above `largest`: round in their units, at most about `most`.
pub(super) fn byte_ticks(largest: u64, most: usize, units: Units) -> Vec<(u64, String)> {
    let largest = largest.max(1);
    let step = byte_step(largest, most.max(1) as u64, units);
    let count = largest.div_ceil(step);
    (0..=count)
        .map(|i| {
            let bytes = i.saturating_mul(step);
            (bytes, if bytes == 0 { "0".to_owned() } else { without_zeros(&format_bytes(bytes, units)) })
        })
        .collect()
}

fn byte_step(largest: u64, most: u64, units: Units) -> u64 {
    let is_enough = |step: u64| largest.div_ceil(step) <= most;
    match units {
        Units::Binary => (0..63).map(|bit| 1_u64 << bit).find(|&step| is_enough(step)).unwrap_or(1 << 63),
        Units::DecimalAsMemray => (0..19)
            .flat_map(|power| [1_u64, 2, 5].map(|digit| digit.saturating_mul(10_u64.pow(power))))
            .find(|&step| is_enough(step))
            .unwrap_or(1 << 63),
    }
}

/// `1.50 GiB` as `1.5 GiB`, `2.00 GiB` as `2 GiB`.
fn without_zeros(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::timeline;
    use super::*;

    #[test]
    fn a_clock_that_steps_back_is_flagged_and_the_axis_is_not() {
        let axis = TimeAxis::new(&timeline(&[(10, 1, 1), (5000, 1, 1), (2000, 1, 1), (4990, 1, 1), (6000, 1, 1)]));
        assert_eq!(axis.elapsed_ms(), [10, 5000, 5000, 5000, 6000]);
        assert_eq!(axis.step_back(), Some(StepBack { elapsed_ms: 5000, by_ms: 3000 }));
        let steady = TimeAxis::new(&timeline(&[(10, 1, 1), (10, 1, 1), (20, 1, 1)]));
        assert_eq!(steady.step_back(), None);
    }

    #[test]
    fn without_snapshots_there_is_a_start_and_an_end() {
        let axis = TimeAxis::new(&Timeline { start_time_ms: 100, end_time_ms: 350, ..Timeline::default() });
        assert_eq!((axis.of(Moment::Start), axis.of(Moment::Snapshot(3)), axis.of(Moment::End)), (0, 250, 250));
        assert_eq!(axis.middle_of_interval(0), 125);
    }

    fn labels(ticks: Vec<(i64, String)>) -> Vec<String> {
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_of_time_are_round_and_speak_as_clocks_do() {
        assert_eq!(labels(time_ticks(0.0, 41_300.0, 6)), ["0 s", "10 s", "20 s", "30 s", "40 s"]);
        assert_eq!(labels(time_ticks(0.0, 73.0, 5)), ["0 ms", "20 ms", "40 ms", "60 ms"]);
        assert_eq!(labels(time_ticks(900.0, 1900.0, 5)), ["1.0 s", "1.2 s", "1.4 s", "1.6 s", "1.8 s"]);
        assert_eq!(labels(time_ticks(0.0, 300_000.0, 5)), ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00"]);
        assert_eq!(labels(time_ticks(0.0, 10_800_000.0, 4)), ["0:00 h", "1:00 h", "2:00 h", "3:00 h"]);
        assert_eq!(labels(time_ticks(3_600_000.0, 3_660_000.0, 3)), ["1:00:00", "1:00:20", "1:00:40", "1:01:00"]);
        assert!(time_ticks(0.0, 4e12, 8).len() <= 9);
        // No time of a hostile capture overflows.
        assert!(time_ticks(0.0, i64::MAX as f64, 8).len() <= 9);
        assert!(time_ticks(i64::MAX as f64, i64::MAX as f64, 8).len() <= 9);
    }

    #[test]
    fn times_of_day_are_round_and_change_to_the_date_at_midnight() {
        // 2026-11-22 13:03:20.500 UTC.
        let axis = TimeAxis::new(&timeline(&[(10, 1, 1), (20, 1, 1)]));
        let times = axis.times_of_day(1_795_352_600_500, WallClock::Utc).unwrap();
        let ticks = times.ticks(0.0, 41_300.0, 5);
        assert_eq!(ticks.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [9_500, 19_500, 29_500, 39_500]);
        assert_eq!(labels(ticks), ["13:03:30", "13:03:40", "13:03:50", "13:04:00"]);
        assert_eq!(
            labels(times.ticks(0.0, 2e3, 4)),
            ["13:03:20.5", "13:03:21.0", "13:03:21.5", "13:03:22.0", "13:03:22.5"]
        );
        let day = ["15:00", "18:00", "21:00", "2026-11-23", "03:00", "06:00", "09:00", "12:00"];
        assert_eq!(labels(times.ticks(0.0, 86_400_000.0, 8)), day);
        assert_eq!(times.zone(0.0), "UTC");
        // No time of a hostile capture overflows.
        for (start_time_ms, to_ms) in [(i64::MIN, 1e3), (i64::MAX, 1e3), (0, i64::MAX as f64)] {
            let times = axis.times_of_day(start_time_ms, WallClock::Local).unwrap();
            assert!(times.ticks(0.0, to_ms, 8).len() <= 9);
        }
        let stepped = TimeAxis::new(&timeline(&[(5000, 1, 1), (2000, 1, 1)]));
        assert_eq!(stepped.times_of_day(0, WallClock::Utc), None);
    }

    #[test]
    fn ticks_of_bytes_are_round_in_their_units() {
        let labels = |largest: f64, units| -> Vec<String> {
            byte_ticks(largest as u64, 4, units).into_iter().map(|(_, label)| label).collect()
        };
        let gib = f64::from(1 << 30);
        assert_eq!(labels(3.2 * gib, Units::Binary), ["0", "1 GiB", "2 GiB", "3 GiB", "4 GiB"]);
        assert_eq!(labels(0.9 * gib, Units::Binary), ["0", "256 MiB", "512 MiB", "768 MiB", "1 GiB"]);
        assert_eq!(labels(3.2e9, Units::DecimalAsMemray), ["0", "1 GB", "2 GB", "3 GB", "4 GB"]);
        assert_eq!(labels(4.4e8, Units::DecimalAsMemray), ["0", "200 MB", "400 MB", "600 MB"]);
        assert_eq!(labels(0.0, Units::Binary), ["0", "1 B"]);
        assert_eq!(byte_ticks(u64::MAX, 4, Units::Binary).len(), 5);
    }
}
