// SPDX-License-Identifier: Apache-2.0
//! Where a graph has the heap's high-water mark: [`HighWaterMark`]. It is the timeline's own, so that the graph and the
//! headline say the same. An aggregated capture does not say when it was, and none of its samples may have seen it.

use super::axis::TimeAxis;
use super::series::Series;
use memray_index::Timeline;

/// The heap's high-water mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HighWaterMark {
    /// On the heap's line, in elapsed milliseconds, and so high.
    At(i64, u64),
    /// So high, at a time that is not known: above all of the heap's line.
    Sometime(u64),
}

impl HighWaterMark {
    /// That of a timeline whose heap is drawn as `heap`; none where nothing was allocated.
    pub(super) fn of(timeline: &Timeline, axis: &TimeAxis, heap: &Series) -> Option<Self> {
        let bytes = timeline.peak_bytes;
        if bytes == 0 {
            return None;
        }
        let edge =
            |interval: Option<usize>| interval.map_or(0, |i| axis.elapsed_ms().get(i).copied().unwrap_or(i64::MAX));
        let interval = timeline.peak_interval;
        let within = heap.first_time_of(bytes, edge(interval.checked_sub(1)), edge(Some(interval)));
        let anywhere = || heap.peak().filter(|(_, highest)| *highest == bytes).map(|(elapsed_ms, _)| elapsed_ms);
        Some(within.or_else(anywhere).map_or(Self::Sometime(bytes), |elapsed_ms| Self::At(elapsed_ms, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::timeline;
    use super::*;

    fn mark(timeline: &Timeline) -> Option<HighWaterMark> {
        let axis = TimeAxis::new(timeline);
        HighWaterMark::of(timeline, &axis, &Series::heap(timeline, &axis))
    }

    #[test]
    fn of_two_peaks_of_one_height_it_is_the_one_that_the_headline_names() {
        let mut twice = timeline(&[(1000, 70, 0), (2000, 20, 0), (3000, 70, 0)]);
        assert_eq!(mark(&twice), Some(HighWaterMark::At(1000, 70)));
        twice.peak_interval = 2;
        assert_eq!(mark(&twice), Some(HighWaterMark::At(3000, 70)));
    }

    #[test]
    fn a_peak_that_no_sample_of_an_aggregated_capture_saw_has_a_height_and_no_time() {
        let sums = Timeline { interval_peaks: Vec::new(), peak_bytes: 90, ..timeline(&[(1000, 70, 0), (2000, 20, 0)]) };
        assert_eq!(mark(&sums), Some(HighWaterMark::Sometime(90)));
        let seen = Timeline { peak_bytes: 70, ..sums };
        assert_eq!(mark(&seen), Some(HighWaterMark::At(1000, 70)));
        assert_eq!(mark(&Timeline::default()), None);
    }
}
