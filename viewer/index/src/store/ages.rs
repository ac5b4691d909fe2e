// SPDX-License-Identifier: Apache-2.0
//! How long allocations lived, as far as samples tell: [`Ages`] has the sample before each birth and the one after each
//! death, and [`Lived`] picks rows by the time in between.

use crate::columns::Half;
use crate::filter::LifetimeRange;
use crate::timeline::Timeline;

/// When the samples around each slice were taken, in milliseconds since recording began.
pub(crate) struct Ages {
    before_ms: Vec<i64>,
    after_ms: Vec<i64>,
}

impl Ages {
    /// Those of a timeline, of which the last slice of each interval between samples is given.
    pub(crate) fn new(timeline: &Timeline, last_slices: &[u32]) -> Self {
        let elapsed_ms = |time_ms: i64| time_ms.saturating_sub(timeline.start_time_ms);
        let mut ages = Self { before_ms: Vec::new(), after_ms: Vec::new() };
        let mut before_ms = 0;
        for (interval, &last_slice) in last_slices.iter().enumerate() {
            let time_ms = timeline.snapshots.get(interval).map_or(timeline.end_time_ms, |snapshot| snapshot.time_ms);
            let slices = last_slice as usize + 1;
            ages.before_ms.resize(slices.max(ages.before_ms.len()), before_ms);
            ages.after_ms.resize(slices.max(ages.after_ms.len()), elapsed_ms(time_ms));
            before_ms = elapsed_ms(time_ms);
        }
        ages
    }

    /// The sample before what was born in a half.
    pub(crate) fn born_ms(&self, birth: Half) -> i64 {
        self.before_ms.get(birth.0 as usize >> 1).copied().unwrap_or(0)
    }

    /// The sample after what died in a half; none where it never did.
    pub(crate) fn died_ms(&self, death: Half) -> Option<i64> {
        self.after_ms.get(death.0 as usize >> 1).copied()
    }

    /// From the sample before a birth to the one after a death; none where there was no death. No less than nothing, even
    /// where the machine's clock stepped back.
    pub(crate) fn lifetime_ms(&self, birth: Half, death: Half) -> Option<u64> {
        self.died_ms(death).map(|died_ms| u64::try_from(died_ms.saturating_sub(self.born_ms(birth))).unwrap_or(0))
    }
}

/// Rows that lived so long.
#[derive(Clone, Copy)]
pub(crate) struct Lived<'a> {
    pub(crate) ages: &'a Ages,
    pub(crate) range: LifetimeRange,
}

impl Lived<'_> {
    /// Whether a row did.
    #[inline]
    pub(crate) fn holds(&self, birth: u32, death: u32) -> bool {
        self.range.contains(self.ages.lifetime_ms(Half(birth), Half(death)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::SnapshotRow;

    #[test]
    fn a_lifetime_is_from_the_sample_before_to_the_sample_after() {
        let at = |time_ms| SnapshotRow { time_ms, rss_bytes: 0, heap_bytes: 0 };
        let timeline = Timeline {
            start_time_ms: 1000,
            end_time_ms: 1070,
            snapshots: vec![at(1010), at(1025), at(1020)],
            ..Timeline::default()
        };
        // The second interval has two slices.
        let ages = Ages::new(&timeline, &[0, 2, 3, 4]);
        let lifetime = |birth, death| ages.lifetime_ms(Half::of(birth, true), Half::of(death, false));
        assert_eq!([lifetime(0, 0), lifetime(0, 1), lifetime(1, 2), lifetime(2, 4)], [10, 25, 15, 60].map(Some));
        assert_eq!(ages.lifetime_ms(Half::of(1, false), Half::NEVER), None);
        assert_eq!(lifetime(3, 3), Some(0), "the clock stepped back");
        assert_eq!(lifetime(4, 4), Some(50));
    }
}
