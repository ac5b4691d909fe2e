// SPDX-License-Identifier: Apache-2.0
//! Growth: what holds more at the end of a range than at its start, and whether it keeps growing. [`GrowthCurve`] judges
//! that, of whatever has live bytes over time.

use crate::answer::Amount;
use crate::question::{Moment, TimeRange};
use crate::table::{GroupBy, RowKey};
use crate::timeline::Timeline;

/// By what growth is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrowthBy {
    /// Locations with all that they called.
    Inclusive,
    /// Innermost locations alone.
    Own,
    /// The innermost line of the program's own code.
    OwnCodeLine,
}

impl GrowthBy {
    /// The grouping of a table that has the same rows.
    pub fn group_by(self) -> GroupBy {
        match self {
            Self::Inclusive | Self::Own => GroupBy::Location,
            Self::OwnCodeLine => GroupBy::OwnCodeLine,
        }
    }
}

/// A row of the ranking, the largest growth first.
#[derive(Clone, Debug)]
pub struct GrowthRow {
    /// What grew.
    pub key: RowKey,
    /// Live at the range's start.
    pub before: Amount,
    /// Live at its end.
    pub after: Amount,
    /// Live bytes at evenly spaced moments of the range, first and last included; for a sparkline.
    pub live_bytes: Vec<u64>,
    /// Least-squares slope of `live_bytes`.
    pub slope_bytes_per_hour: f64,
    /// Its shape.
    pub shape: GrowthShape,
}

/// How something grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrowthShape {
    /// Ever further, about evenly: what a leak looks like.
    Steady,
    /// Mostly at once.
    Step,
    /// At first, then no longer: what a cache that fills looks like.
    LevelledOff,
    /// Not at all, or it shrank.
    NotGrowing,
}

/// How live bytes grew over a range.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthCurve {
    /// Live bytes at evenly spaced moments of the range, first and last included.
    pub live_bytes: Vec<u64>,
    /// Their least-squares slope.
    pub slope_bytes_per_hour: f64,
    /// Their shape.
    pub shape: GrowthShape,
}

impl GrowthCurve {
    /// Of live bytes at each snapshot and at the end.
    pub fn of(timeline: &Timeline, range: TimeRange, live_bytes_over_time: &[u64]) -> Self {
        let moments = GrowthMoments::of(timeline, range);
        let live_at = |interval: usize| live_bytes_over_time.get(interval).copied().unwrap_or(0);
        let live_bytes = moments.intervals.iter().map(|at| at.map_or(0, live_at)).collect();
        Self::at_moments(live_bytes, &moments)
    }

    pub(crate) fn at_moments(live_bytes: Vec<u64>, moments: &GrowthMoments) -> Self {
        let slope_bytes_per_hour = slope_per_hour(&live_bytes, moments.duration_ms);
        Self { slope_bytes_per_hour, shape: shape_of(&live_bytes), live_bytes }
    }
}

/// Moments of a curve at most.
const MOST_MOMENTS: usize = 65;

/// At which moments of a range growth is judged: evenly spaced in the time that went by, whatever the clock said.
pub(crate) struct GrowthMoments {
    /// For each, the interval at whose end it lies (as `Timeline::interval_peaks` counts them); `None` before all.
    pub(crate) intervals: Vec<Option<usize>>,
    /// From the first to the last.
    duration_ms: i64,
}

impl GrowthMoments {
    pub(crate) fn of(timeline: &Timeline, range: TimeRange) -> Self {
        let interval = |moment: Moment| match moment {
            Moment::Start => None,
            Moment::Snapshot(i) => Some((i as usize).min(timeline.snapshots.len())),
            Moment::End => Some(timeline.snapshots.len()),
        };
        let (from, to) = (interval(range.from), interval(range.to));
        let Some(last) = to.filter(|_| from < to) else { return Self { intervals: vec![to], duration_ms: 0 } };
        let elapsed_ms = elapsed_ms(timeline);
        let first = from.unwrap_or(0);
        let from_ms = from.map_or(0, |from| elapsed_ms[from]);
        let duration_ms = elapsed_ms[last].saturating_sub(from_ms);
        // No more than there are, else a few of them would be steps.
        let count = MOST_MOMENTS.min(last - first + 1 + usize::from(from.is_none()));
        let intervals = (0..count).map(|i| {
            let at_ms = i128::from(from_ms) + i128::from(duration_ms) * i as i128 / (count - 1) as i128;
            match elapsed_ms[first..=last].partition_point(|&elapsed_ms| i128::from(elapsed_ms) <= at_ms) {
                _ if i == 0 => from,
                0 => from,
                _ if i == count - 1 => to,
                after => Some(first + after - 1),
            }
        });
        Self { intervals: intervals.collect(), duration_ms }
    }
}

/// How much time had gone by at each snapshot and at the end. Where the clock was set back, none.
fn elapsed_ms(timeline: &Timeline) -> Vec<i64> {
    let mut before_ms = timeline.start_time_ms;
    let mut elapsed_ms = 0i64;
    let times = timeline.snapshots.iter().map(|snapshot| snapshot.time_ms).chain([timeline.end_time_ms]);
    times
        .map(|time_ms| {
            elapsed_ms = elapsed_ms.saturating_add(time_ms.saturating_sub(before_ms).max(0));
            before_ms = time_ms;
            elapsed_ms
        })
        .collect()
}

/// The slope of values at evenly spaced moments that span a duration.
fn slope_per_hour(values: &[u64], duration_ms: i64) -> f64 {
    let hours = duration_ms.max(1) as f64 / 3_600_000.0;
    slope_per_point(values) * (values.len().max(2) - 1) as f64 / hours
}

/// Least-squares slope.
fn slope_per_point(values: &[u64]) -> f64 {
    let n = values.len() as f64;
    if values.len() < 2 {
        return 0.0;
    }
    let mean_x = (n - 1.0) / 2.0;
    let mean_y = values.iter().map(|&v| v as f64).sum::<f64>() / n;
    let (mut products, mut squares) = (0.0, 0.0);
    for (x, &y) in values.iter().enumerate() {
        products += (x as f64 - mean_x) * (y as f64 - mean_y);
        squares += (x as f64 - mean_x).powi(2);
    }
    products / squares
}

/// How a series grew. Half of all growth within a 32nd of the range is a step; less than a tenth of it in the last third
/// is levelled off; all else that grew is steady.
fn shape_of(values: &[u64]) -> GrowthShape {
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return GrowthShape::NotGrowing };
    let growth = last as i128 - first as i128;
    if growth <= 0 {
        return GrowthShape::NotGrowing;
    }
    let span = (values.len() / 32).max(1);
    let largest_step = values.windows(span + 1).map(|w| w[span] as i128 - w[0] as i128).max().unwrap_or(0);
    let before_last_third = values[values.len() - 1 - values.len() / 3] as i128;
    if largest_step * 2 >= growth && values.len() > 8 {
        GrowthShape::Step
    } else if (last as i128 - before_last_third) * 10 < growth {
        GrowthShape::LevelledOff
    } else {
        GrowthShape::Steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::SnapshotRow;

    #[test]
    fn a_leak_is_steady_a_cache_levels_off_and_a_constant_is_a_step() {
        let leak: Vec<u64> = (0..65).map(|i| 1000 + i * 100 + i % 3 * 40).collect();
        let cache: Vec<u64> = (0..65).map(|i| 10 * (i.min(30) + 1)).collect();
        let constant: Vec<u64> = (0..65).map(|i| if i < 20 { 5 } else { 5000 }).collect();
        let sawtooth: Vec<u64> = (0..65).map(|i| 100 - i % 5).collect();
        assert_eq!(shape_of(&leak), GrowthShape::Steady);
        assert_eq!(shape_of(&cache), GrowthShape::LevelledOff);
        assert_eq!(shape_of(&constant), GrowthShape::Step);
        assert_eq!(shape_of(&sawtooth), GrowthShape::NotGrowing);
        assert_eq!(shape_of(&[]), GrowthShape::NotGrowing);
        assert!((slope_per_point(&[0, 10, 20, 30]) - 10.0).abs() < 1e-9);
    }

    fn timeline(times_ms: &[i64], end_time_ms: i64) -> Timeline {
        let snapshots = times_ms.iter().map(|&time_ms| SnapshotRow { time_ms, rss_bytes: 0, heap_bytes: 0 }).collect();
        Timeline { end_time_ms, snapshots, ..Timeline::default() }
    }

    const ALL: TimeRange = TimeRange { from: Moment::Start, to: Moment::End };

    #[test]
    fn a_curve_begins_and_ends_where_its_range_does() {
        let timeline = timeline(&[10, 20, 30, 40], 50);
        let live = [1, 2, 3, 4, 5];
        let curve = |from, to| GrowthCurve::of(&timeline, TimeRange { from, to }, &live).live_bytes;
        assert_eq!(curve(Moment::Start, Moment::End), [0, 1, 2, 3, 4, 5]);
        assert_eq!(curve(Moment::Snapshot(1), Moment::Snapshot(3)), [2, 3, 4]);
        assert_eq!(curve(Moment::Snapshot(3), Moment::End), [4, 5]);
        assert_eq!(curve(Moment::Snapshot(2), Moment::Snapshot(2)), [3]);
        assert_eq!(curve(Moment::End, Moment::End), [5]);
        assert_eq!(curve(Moment::Start, Moment::Start), [0]);
        assert_eq!(GrowthCurve::of(&timeline, ALL, &[]).live_bytes, [0; 6], "less is known than there should be");
    }

    #[test]
    fn moments_are_even_in_time_not_in_snapshots() {
        // A thousand snapshots in the first second, then one a second; 1,000 bytes a second throughout.
        let times: Vec<i64> = (1..=1000).chain((2..=64).map(|second| second * 1000)).collect();
        let live: Vec<u64> = times.iter().copied().chain([64_000]).map(|ms| ms as u64).collect();
        let curve = GrowthCurve::of(&timeline(&times, 64_000), ALL, &live);
        let even: Vec<u64> = (0..=64).map(|second| second * 1000).collect();
        assert_eq!((curve.live_bytes, curve.shape), (even, GrowthShape::Steady));
        assert!((curve.slope_bytes_per_hour - 3_600_000.0).abs() < 1.0);
    }

    #[test]
    fn where_the_clock_steps_back_time_goes_on() {
        // Ten seconds, in whose middle the clock is set back by a minute: the step itself takes no time.
        let times: Vec<i64> = (1..=10).map(|second| if second > 5 { second - 60 } else { second } * 1000).collect();
        let live: Vec<u64> = (1..=10).map(|second| second * 100).chain([1000]).collect();
        let timeline = timeline(&times, times[9]);
        assert_eq!(elapsed_ms(&timeline), [1000, 2000, 3000, 4000, 5000, 5000, 6000, 7000, 8000, 9000, 9000]);
        let curve = GrowthCurve::of(&timeline, ALL, &live);
        assert!(curve.live_bytes.is_sorted(), "{curve:?}");
        assert_eq!((curve.live_bytes[0], curve.live_bytes[11], curve.live_bytes.len()), (0, 1000, 12));
        assert_eq!(curve.shape, GrowthShape::Steady);
        assert!((350_000.0..450_000.0).contains(&curve.slope_bytes_per_hour), "{curve:?}");
    }

    #[test]
    fn times_beyond_any_clock_do_not_overflow() {
        let timeline = Timeline { start_time_ms: i64::MIN, ..timeline(&[i64::MAX, i64::MIN, i64::MAX], i64::MAX) };
        assert_eq!(elapsed_ms(&timeline), [i64::MAX; 4]);
        let curve = GrowthCurve::of(&timeline, ALL, &[u64::MAX, 0, 5, u64::MAX]);
        assert_eq!((curve.live_bytes[0], curve.live_bytes.last()), (0, Some(&u64::MAX)));
    }
}
