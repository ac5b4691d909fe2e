// SPDX-License-Identifier: Apache-2.0
//! What memray finds over time: lifetimes within ranges, and the peak of each interval.

use super::{Conformance, LAST_SNAPSHOTS, PIECES_AT_ONCE, STALE_ROWS, add};
use crate::naive::Amounts;
use crate::truth::Lifetime;
use memray_index::{Mode, Moment, TimeRange};

impl Conformance<'_> {
    /// Start, some snapshots, and the end: few enough that all pairs of them can be asked about.
    fn some_moments(&self) -> Vec<Moment> {
        let count = self.facts.snapshots.len();
        let stride = count.div_ceil(7).max(1);
        let snapshots = (0..count).filter(|i| i % stride == 0 || *i < 2 || *i + 1 == count);
        let snapshots = snapshots.map(|i| Moment::Snapshot(i as u32));
        [Moment::Start].into_iter().chain(snapshots).chain([Moment::End]).collect()
    }

    /// The first of memray's intervals that lies after a moment. An interval before snapshot i has number i.
    fn intervals_before(&self, moment: Moment) -> usize {
        match moment {
            Moment::Start => 0,
            Moment::Snapshot(i) => i as usize + 1,
            Moment::End => self.facts.snapshots.len() + 1,
        }
    }

    pub(super) fn lifetimes(&mut self) {
        let Some(rows) = &self.truth.temporal else { return };
        if rows.iter().any(|row| self.stacks[row.4] != self.trimmed_stacks[row.4]) {
            self.quirks.insert("Q5");
        }
        let moments = self.some_moments();
        for (i, from) in moments.iter().enumerate() {
            for to in &moments[i + 1..] {
                let intervals = self.intervals_before(*from)..self.intervals_before(*to);
                let is_live = |freed: Option<usize>, end: usize| freed.is_none_or(|freed| freed >= end);
                let lives_on = |row: &&Lifetime| intervals.contains(&row.0) && is_live(row.1, intervals.end);
                let amounts = |rows: Vec<&Lifetime>| {
                    let rows = rows.into_iter().map(|row| (row.2, row.3, row.4));
                    self.amounts(rows, &self.trimmed_stacks)
                };
                let memrays = amounts(rows.iter().filter(lives_on).collect());
                let range = TimeRange { from: *from, to: *to };
                let live_at = |end| amounts(rows.iter().filter(|row| row.0 < end && is_live(row.1, end)).collect());
                let (before, after) = (live_at(intervals.start), live_at(intervals.end));
                let mut ours = self.ask(Mode::RangeLive(range));
                if self.model.unmapped_at_once {
                    for (key, amount) in &mut ours {
                        let wrong = memrays.get(key).filter(|wrong| wrong.bytes == amount.bytes);
                        if let Some(wrong) = wrong.filter(|wrong| wrong.allocations < amount.allocations) {
                            amount.allocations = wrong.allocations;
                            self.quirks.insert(PIECES_AT_ONCE);
                        }
                    }
                }
                self.same(&format!("live of {range:?}"), &ours, &memrays);
                let mut growth = after;
                for (key, amount) in before {
                    add(growth.entry(key).or_default(), (-amount.bytes, -amount.allocations));
                }
                let ours = self.ask(Mode::RangeGrowth(range));
                self.same(&format!("growth of {range:?}"), &bytes(ours), &bytes(growth));
            }
        }
    }

    pub(super) fn interval_peaks(&mut self) {
        let Some(truth) = &self.truth.temporal_high_water_mark else { return };
        let all = self.facts.interval_peaks.clone();
        // memray stops at the last allocation or free: of the snapshots after it, which show the same heap, it knows
        // nothing.
        let known = truth.peaks.len().min(all.len());
        let (ours, later) = all.split_at(known);
        self.equal("intervals", all.len(), self.facts.snapshots.len() + 1);
        self.holds(
            "nothing happens after memray's last interval",
            later.iter().all(|p| *p == self.facts.end_heap_bytes),
        );
        if !later.is_empty() {
            self.quirks.insert(LAST_SNAPSHOTS);
        }
        let (last, earlier) = ours.split_last().unwrap_or((&0, &[]));
        let (memrays_last, memrays_earlier) = truth.peaks.split_last().unwrap_or((&0, &[]));
        self.equal("interval peaks", earlier.to_vec(), memrays_earlier.to_vec());
        // Q6: memray's list misses a last peak from which the heap did not fall any more; its own rows know better.
        let contributed = |i: usize| truth.lifetimes.iter().filter(move |r| r.0 <= i && r.1.is_none_or(|end| end > i));
        let sum = contributed(earlier.len()).map(|row| row.2).sum::<i64>();
        self.equal("last interval's peak", *last as i64, sum);
        if last != memrays_last {
            self.holds("Q6: memray's last interval peak is too low", memrays_last < last);
            self.quirks.insert("Q6");
        }
        let mut from = Moment::Start;
        for i in 0..ours.len() {
            let to = if i + 1 < all.len() { Moment::Snapshot(i as u32) } else { Moment::End };
            let range = TimeRange { from: std::mem::replace(&mut from, to), to };
            let rows = contributed(i).map(|row| (row.2, row.3, row.4));
            let memrays = self.amounts(rows, &self.trimmed_stacks);
            let ours = self.ask(Mode::RangePeak(range));
            let sum = |amounts: &Amounts| amounts.values().map(|a| a.bytes).sum::<i64>();
            self.equal(&format!("sum over the peak of interval {i}"), sum(&ours), all[i] as i64);
            if sum(&memrays) == all[i] as i64 {
                self.same(&format!("peak of interval {i}"), &ours, &memrays);
            } else {
                self.quirks.insert(STALE_ROWS);
                let without_bytes = |mut amounts: Amounts| {
                    amounts.values_mut().for_each(|amount| amount.bytes = 0);
                    amounts.retain(|_, amount| amount.allocations != 0);
                    amounts
                };
                let what = format!("allocations at the peak of interval {i}");
                self.same(&what, &without_bytes(ours), &without_bytes(memrays));
            }
        }
    }
}

/// Bytes alone: at a moment we count a split mapping's pieces, memray over time the mapping.
fn bytes(mut amounts: Amounts) -> Amounts {
    amounts.values_mut().for_each(|amount| amount.allocations = 0);
    amounts.retain(|_, amount| amount.bytes != 0);
    amounts
}
