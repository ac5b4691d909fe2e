// SPDX-License-Identifier: Apache-2.0
//! A line of the graph: values over time, and the least and largest of any stretch of it.
//!
//! [`Series`] keeps a pyramid over its values, each level sixteen times as coarse, so that a pixel column is answered
//! from a few dozen numbers, whether it covers two snapshots or two hundred thousand.

use super::axis::TimeAxis;
use memray_index::Timeline;

/// How many entries of a level one entry of the next stands for.
const FAN: usize = 16;

/// Values over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// Never decreasing.
    elapsed_ms: Vec<i64>,
    values: Vec<u64>,
    /// Least and largest of each [`FAN`] values, then of each [`FAN`] of those, and so on.
    levels: Vec<Vec<(u64, u64)>>,
}

/// A point of a line that is thinned out to pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) elapsed_ms: f64,
    pub(super) value: u64,
}

impl Series {
    pub(super) fn new(points: impl IntoIterator<Item = (i64, u64)>) -> Self {
        let (elapsed_ms, values): (Vec<_>, Vec<_>) = points.into_iter().unzip();
        let mut levels: Vec<Vec<(u64, u64)>> = Vec::new();
        let first = values
            .chunks(FAN)
            .map(|chunk| chunk.iter().fold((u64::MAX, 0), |(least, largest), &v| (v.min(least), v.max(largest))));
        let mut level: Vec<_> = first.collect();
        while level.len() > 1 {
            let next = level.chunks(FAN).map(bounds).collect();
            levels.push(std::mem::replace(&mut level, next));
        }
        levels.push(level);
        Self { elapsed_ms, values, levels }
    }

    /// The heap: at the start, at each snapshot and at the end, with each interval's peak between them.
    pub(super) fn heap(timeline: &Timeline, axis: &TimeAxis) -> Self {
        let mut points = vec![(0, 0)];
        let mut before = 0;
        for interval in 0..timeline.interval_count() {
            let (elapsed, value) = match timeline.snapshots.get(interval) {
                Some(snapshot) => (axis.elapsed_ms()[interval], snapshot.heap_bytes),
                None => (axis.end_ms(), timeline.end_heap_bytes),
            };
            if let Some(&peak) = timeline.interval_peaks.get(interval)
                && peak > value.max(before)
            {
                points.push((axis.middle_of_interval(interval), peak));
            }
            points.push((elapsed, value));
            before = value;
        }
        Self::new(points)
    }

    /// The same line, so much later.
    pub(super) fn later_by(mut self, ms: i64) -> Self {
        self.elapsed_ms.iter_mut().for_each(|at| *at = at.saturating_add(ms));
        self
    }

    /// The resident set at each snapshot.
    pub(super) fn rss(timeline: &Timeline, axis: &TimeAxis) -> Self {
        Self::new(axis.elapsed_ms().iter().copied().zip(timeline.snapshots.iter().map(|s| s.rss_bytes)))
    }

    /// Live bytes of a selection: at the start, at each snapshot and at the end.
    pub(super) fn selection(bytes: &[u64], axis: &TimeAxis) -> Self {
        let times = axis.elapsed_ms().iter().copied().chain([axis.end_ms()]);
        Self::new(std::iter::once((0, 0)).chain(times.zip(bytes.iter().copied())))
    }

    /// When its last point is; 0 if it has none.
    pub(super) fn end_ms(&self) -> i64 {
        self.elapsed_ms.last().copied().unwrap_or(0)
    }

    /// The largest value of all, and when it is first reached.
    pub(super) fn peak(&self) -> Option<(i64, u64)> {
        let largest = bounds(self.levels.last()?).1;
        let at = self.values.iter().position(|&value| value == largest)?;
        Some((self.elapsed_ms[at], largest))
    }

    /// When a value is first reached within a stretch of time, both ends included.
    pub(super) fn first_time_of(&self, value: u64, from_ms: i64, to_ms: i64) -> Option<i64> {
        let first = self.elapsed_ms.partition_point(|&at| at < from_ms);
        let times = self.elapsed_ms[first..].iter().take_while(|&&at| at <= to_ms);
        times.zip(&self.values[first..]).find(|(_, found)| **found == value).map(|(at, _)| *at)
    }

    /// The values of the points around a time: the last at or before it.
    pub(super) fn value_at(&self, elapsed_ms: i64) -> Option<u64> {
        let after = self.elapsed_ms.partition_point(|&at| at <= elapsed_ms);
        after.checked_sub(1).map(|at| self.values[at])
    }

    /// How low and how high the line goes within a stretch of time; `None` where it does not pass.
    pub(super) fn reach(&self, from_ms: f64, to_ms: f64) -> Option<(u64, u64)> {
        let first = self.elapsed_ms.partition_point(|&at| (at as f64) < from_ms);
        let end = self.elapsed_ms.partition_point(|&at| at as f64 <= to_ms);
        let ends = [from_ms, to_ms].into_iter().filter_map(|ms| self.on_line(ms)).map(|value| (value, value));
        let within = self.bounds(first, end);
        ends.chain(within).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The line between two points.
    fn on_line(&self, ms: f64) -> Option<u64> {
        let after = self.elapsed_ms.partition_point(|&at| at as f64 <= ms);
        let (before, after) = (self.point_at(after.checked_sub(1)?)?, self.point_at(after)?);
        let share = (ms - before.elapsed_ms) / (after.elapsed_ms - before.elapsed_ms).max(f64::MIN_POSITIVE);
        Some((before.value as f64 + (after.value as f64 - before.value as f64) * share) as u64)
    }

    fn point_at(&self, at: usize) -> Option<Point> {
        (at < self.values.len()).then(|| self.point(at))
    }

    /// Least and largest of some points; `None` if there are none.
    pub(super) fn bounds(&self, from: usize, to: usize) -> Option<(u64, u64)> {
        if from >= to || to > self.values.len() {
            return None;
        }
        let (mut least, mut largest) = (u64::MAX, 0);
        let mut see = |(low, high): (u64, u64)| {
            least = least.min(low);
            largest = largest.max(high);
        };
        let (mut from, mut to) = (from, to);
        // The ragged ends of each level; what lies between them is whole entries of the next one.
        let mut level = 0;
        loop {
            let (inner_from, inner_to) = (from.div_ceil(FAN), to / FAN);
            let entry = |at: usize| match level {
                0 => (self.values[at], self.values[at]),
                _ => self.levels[level - 1][at],
            };
            if inner_from >= inner_to || level >= self.levels.len() {
                (from..to).for_each(|at| see(entry(at)));
                return Some((least, largest));
            }
            (from..inner_from * FAN).for_each(|at| see(entry(at)));
            (inner_to * FAN..to).for_each(|at| see(entry(at)));
            (from, to) = (inner_from, inner_to);
            level += 1;
        }
    }

    /// The line from one time to another, thinned out: a pixel column keeps its first, least, largest and last value.
    /// One point more on each side, so that the line reaches the edges.
    pub(super) fn line(&self, from_ms: f64, to_ms: f64, columns: usize) -> Vec<Point> {
        let mut line = Vec::with_capacity(columns * 2);
        let width_ms = ((to_ms - from_ms) / columns.max(1) as f64).max(f64::MIN_POSITIVE);
        let first_within = self.elapsed_ms.partition_point(|&at| (at as f64) < from_ms);
        let mut at = first_within.saturating_sub(1);
        if at < first_within {
            line.push(self.point(at));
            at += 1;
        }
        while at < self.values.len() && (self.elapsed_ms[at] as f64) <= to_ms {
            let column = ((self.elapsed_ms[at] as f64 - from_ms) / width_ms).floor();
            let column_end_ms = from_ms + (column + 1.0) * width_ms;
            // At least one: a time on the column's very edge may round to either side.
            let count = leading(&self.elapsed_ms[at..], |time| (time as f64) < column_end_ms).max(1);
            let last = at + count - 1;
            match self.bounds(at, at + count) {
                Some((least, largest)) if count > 2 => {
                    let middle_ms = column_end_ms - width_ms / 2.0;
                    line.push(self.point(at));
                    line.push(Point { elapsed_ms: middle_ms, value: largest });
                    line.push(Point { elapsed_ms: middle_ms, value: least });
                    line.push(self.point(last));
                }
                _ => line.extend((at..=last).map(|i| self.point(i))),
            }
            at += count;
        }
        if at < self.values.len() {
            line.push(self.point(at));
        }
        // A column's middle may lie beyond its last point.
        for i in 1..line.len() {
            line[i].elapsed_ms = line[i].elapsed_ms.max(line[i - 1].elapsed_ms);
        }
        line
    }

    fn point(&self, at: usize) -> Point {
        Point { elapsed_ms: self.elapsed_ms[at] as f64, value: self.values[at] }
    }
}

/// How many times at the start of a list are within a column: as `partition_point`, but looking from the start on.
fn leading(times: &[i64], is_within: impl Fn(i64) -> bool) -> usize {
    let mut reach = 1;
    while reach < times.len() && is_within(times[reach]) {
        reach *= 2;
    }
    times[..reach.min(times.len())].partition_point(|&time| is_within(time))
}

fn bounds(entries: &[(u64, u64)]) -> (u64, u64) {
    entries.iter().fold((u64::MAX, 0), |(least, largest), &(low, high)| (low.min(least), high.max(largest)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::timeline;
    use super::*;

    #[test]
    fn any_stretch_gives_its_least_and_largest_value() {
        let values: Vec<u64> = (0..5000_u64).map(|i| i.wrapping_mul(2_654_435_761) % 100_003).collect();
        let series = Series::new((0..).zip(values.iter().copied()));
        for (from, to) in [(0, 5000), (0, 1), (15, 17), (16, 32), (3, 4097), (255, 4096), (4999, 5000), (1, 300)] {
            let stretch = &values[from..to];
            let expected = (*stretch.iter().min().unwrap(), *stretch.iter().max().unwrap());
            assert_eq!(series.bounds(from, to), Some(expected), "{from}..{to}");
        }
        assert_eq!(series.bounds(7, 7), None);
        assert_eq!(series.bounds(0, 5001), None);
    }

    #[test]
    fn a_line_reaches_what_lies_between_its_points_and_nothing_beyond_its_end() {
        let series = Series::new([(0, 0), (100, 1000), (200, 200)]);
        assert_eq!(series.reach(25.0, 50.0), Some((250, 500)));
        assert_eq!(series.reach(50.0, 150.0), Some((500, 1000)));
        assert_eq!(series.reach(150.0, 900.0), Some((200, 600)));
        assert_eq!(series.reach(201.0, 900.0), None);
    }

    #[test]
    fn no_peak_between_snapshots_is_lost() {
        let mut shown = timeline(&(0..360_000).map(|i| (i * 10, 100, 200)).collect::<Vec<_>>());
        shown.interval_peaks[123_456] = 999;
        let axis = TimeAxis::new(&shown);
        let series = Series::heap(&shown, &axis);
        let line = series.line(0.0, axis.end_ms() as f64, 500);
        assert!(line.len() <= 2002, "{} points", line.len());
        assert_eq!(line.iter().map(|point| point.value).max(), Some(999));
        assert_eq!(series.peak(), Some((1_234_555, 999)));
    }

    #[test]
    fn a_few_points_stay_what_they_are_and_time_never_runs_back() {
        let shown = timeline(&[(100, 10, 50), (200, 30, 60)]);
        let axis = TimeAxis::new(&shown);
        let line = Series::rss(&shown, &axis).line(0.0, 300.0, 400);
        let points: Vec<_> = line.iter().map(|p| (p.elapsed_ms, p.value)).collect();
        assert_eq!(points, [(100.0, 50), (200.0, 60)]);
        let heap = Series::heap(&shown, &axis).line(150.0, 160.0, 400);
        assert!(heap.len() >= 2 && heap.windows(2).all(|pair| pair[0].elapsed_ms <= pair[1].elapsed_ms), "{heap:?}");
    }

    #[test]
    fn nothing_recorded_is_an_empty_line() {
        let empty = Timeline::default();
        let axis = TimeAxis::new(&empty);
        assert_eq!(Series::rss(&empty, &axis).peak(), None);
        assert_eq!(Series::rss(&empty, &axis).line(0.0, 1.0, 100), []);
        assert_eq!(Series::heap(&empty, &axis).peak(), Some((0, 0)));
    }
}
