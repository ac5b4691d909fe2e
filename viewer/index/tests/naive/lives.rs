// SPDX-License-Identifier: Apache-2.0
//! How long allocations lived. [`Life`] leads: a part of an allocation that ended at once, as mappings may end in parts.

use super::heap::Heap;
use super::{Model, Step};
use memray_format::AllocatorKind;
use memray_index::{Amount, LifetimeRange, Mode, TimeRange};
use std::collections::{BTreeMap, HashSet};

/// A part of an allocation.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// The allocation's step.
    pub record: usize,
    /// The step at which it ended, if it did.
    pub died: Option<usize>,
    /// How long it lived, if it ended.
    pub lifetime_ms: Option<u64>,
    /// Its bytes; the part that ended last counts as the allocation.
    pub amount: Amount,
}

impl Life {
    /// Whether it is live after so many steps.
    fn is_live(&self, steps: usize) -> bool {
        self.record < steps && self.died.is_none_or(|died| died >= steps)
    }
}

impl Model {
    /// All parts of all allocations.
    pub fn lives(&self) -> Vec<Life> {
        self.lives.get_or_init(|| self.find_lives()).clone()
    }

    fn find_lives(&self) -> Vec<Life> {
        let mut heap = Heap::default();
        let mut bytes = BTreeMap::<(usize, usize), u64>::new();
        for (i, step) in self.steps.iter().enumerate() {
            let Step::Allocation(a, ..) = step else { continue };
            let ended = heap.apply(i, a);
            for (record, part) in ended.freed.into_iter().chain(ended.lost) {
                *bytes.entry((record, i)).or_default() += part;
            }
            if a.allocator.kind() == AllocatorKind::Ranged && a.address.saturating_add(a.size_bytes) == a.address {
                bytes.insert((i, i), 0);
            }
        }
        for (record, part) in heap.pieces() {
            *bytes.entry((record, usize::MAX)).or_default() += part;
        }
        let samples: Vec<(usize, i64)> = self
            .steps
            .iter()
            .enumerate()
            .filter_map(|(i, step)| match step {
                Step::Snapshot(snapshot) => Some((i, snapshot.time_ms)),
                Step::Allocation(..) => None,
            })
            .collect();
        let mut lives: Vec<Life> = bytes
            .into_iter()
            .map(|((record, died), bytes)| Life {
                record,
                died: (died < usize::MAX).then_some(died),
                lifetime_ms: (died < usize::MAX).then(|| self.lifetime_ms(&samples, record, died)),
                amount: Amount { bytes: bytes as i64, allocations: 0 },
            })
            .collect();
        for i in 0..lives.len() {
            let is_last = lives.get(i + 1).is_none_or(|next| next.record != lives[i].record);
            lives[i].amount.allocations = i64::from(is_last);
        }
        lives
    }

    /// From the sample before an allocation to the one after its end.
    fn lifetime_ms(&self, samples: &[(usize, i64)], born: usize, died: usize) -> u64 {
        let start_ms = self.header.start_time_ms;
        let last_ms = samples.last().map_or(start_ms, |sample| sample.1);
        let end_ms = if self.has_trailer { self.header.end_time_ms } else { last_ms };
        let before = samples.partition_point(|(i, _)| *i < born);
        let after = samples.partition_point(|(i, _)| *i <= died);
        let before_ms = before.checked_sub(1).map_or(start_ms, |at| samples[at].1);
        let after_ms = samples.get(after).map_or(end_ms.max(start_ms), |sample| sample.1);
        (after_ms - before_ms).max(0) as u64
    }

    /// Live bytes of some sites at each snapshot and at the end, of what lived so long.
    pub fn live_bytes_over_time_lived(&self, sites: &HashSet<usize>, range: LifetimeRange) -> Vec<u64> {
        let mut lives = self.lives();
        lives.retain(|life| sites.contains(&self.site_of(life.record)) && range.contains(life.lifetime_ms));
        let snapshots = (0..self.steps.len()).filter(|i| matches!(self.steps[*i], Step::Snapshot(_)));
        let live =
            |state| lives.iter().filter(move |life| life.is_live(state)).map(|life| life.amount.bytes as u64).sum();
        snapshots.chain([self.steps.len()]).map(live).collect()
    }

    /// Contributions to a mode of what lived so long, by the allocation's record.
    pub(super) fn lived_contributions(&self, mode: Mode, range: LifetimeRange) -> Result<Vec<(usize, Amount)>, String> {
        let mut lives = self.lives();
        lives.retain(|life| range.contains(life.lifetime_ms));
        let of = |sign: i64, holds: &dyn Fn(&Life) -> bool| -> Vec<(usize, Amount)> {
            let those = lives.iter().filter(|life| holds(life));
            let amount = |a: Amount| Amount { bytes: sign * a.bytes, allocations: sign * a.allocations };
            those.map(|life| (life.record, amount(life.amount))).collect()
        };
        let live = |sign: i64, state: usize| of(sign, &|life| life.is_live(state));
        let between = |range: TimeRange| self.between(range);
        Ok(match mode {
            Mode::Peak => live(1, self.peak_in(0..self.steps.len())),
            Mode::Leaked => live(1, self.steps.len()),
            Mode::LiveAt(moment) => live(1, self.steps_before(moment)),
            Mode::RangePeak(range) => live(1, self.peak_in(between(range))),
            Mode::RangeGrowth(range) => [live(1, between(range).end), live(-1, between(range).start)].concat(),
            Mode::RangeLive(range) => {
                let range = between(range);
                of(1, &|life| range.contains(&life.record) && life.is_live(range.end))
            }
            Mode::RangeChurn(range) => of(1, &|life| between(range).contains(&life.record)),
            Mode::Total => of(1, &|_| true),
            Mode::Temporary { .. } => return Err("temporary allocations are not told by time".to_owned()),
        })
    }
}
