// SPDX-License-Identifier: Apache-2.0
//! [`Deaths`] that wait until more is known, to be summed by what they have in common.

use crate::columns::{Half, RowKind};
use crate::ids::SiteId;

/// Deaths, in no order.
#[derive(Default)]
pub(crate) struct Deaths {
    deaths: Vec<Death>,
}

/// A death.
struct Death {
    /// Kind, site, half of birth and whether it was after the peak, in this order: equal ones are summed.
    key: u64,
    bytes: u64,
    allocations: u32,
    position: u32,
}

/// Deaths that have all in common.
pub(crate) struct DeathSum {
    pub(crate) kind: RowKind,
    pub(crate) site: SiteId,
    pub(crate) birth: Half,
    pub(crate) is_after_peak: bool,
    pub(crate) bytes: u64,
    pub(crate) allocations: u32,
}

impl Deaths {
    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.deaths.len()
    }

    /// Adds the death of what was born in a half, at a position of the running slice. Only lifetimes and pieces die.
    #[inline]
    pub(crate) fn push(
        &mut self,
        kind: RowKind,
        site: SiteId,
        birth: Half,
        position: u32,
        (bytes, allocations): (u64, u32),
    ) {
        // Sites have 29 bits (see super::operation).
        let key = u64::from(kind == RowKind::Piece) << 62 | u64::from(site.0) << 33 | u64::from(birth.0) << 1;
        self.deaths.push(Death { key, bytes, allocations, position });
    }

    /// Sums them, in order of kind, site and birth, and forgets them. Those after a position were after the peak.
    pub(crate) fn sum<E>(
        &mut self,
        peak_position: u32,
        mut take: impl FnMut(DeathSum) -> Result<(), E>,
    ) -> Result<(), E> {
        for death in &mut self.deaths {
            death.key |= u64::from(death.position > peak_position);
        }
        self.deaths.sort_unstable_by_key(|death| death.key);
        let result = self.deaths.chunk_by(|one, next| one.key == next.key).try_for_each(|deaths| {
            let key = deaths[0].key;
            take(DeathSum {
                kind: if key >> 62 == 0 { RowKind::Lifetime } else { RowKind::Piece },
                site: SiteId((key >> 33) as u32 & super::operation::MAX_TAG),
                birth: Half((key >> 1) as u32),
                is_after_peak: key & 1 != 0,
                bytes: deaths.iter().fold(0, |sum, death| sum.wrapping_add(death.bytes)),
                allocations: deaths.iter().map(|death| death.allocations).sum(),
            })
        });
        self.deaths.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_deaths_that_have_all_in_common_are_summed() {
        let mut deaths = Deaths::default();
        let (site, birth) = (SiteId(super::super::operation::MAX_TAG), Half(u32::MAX));
        deaths.push(RowKind::Piece, site, birth, 9, (0, 1));
        deaths.push(RowKind::Lifetime, site, birth, 10, (5, 1));
        deaths.push(RowKind::Lifetime, site, birth, 4, (u64::MAX, 1));
        deaths.push(RowKind::Lifetime, site, Half(2), 4, (20, 1));
        deaths.push(RowKind::Lifetime, SiteId(0), Half(2), 4, (30, 0));
        deaths.push(RowKind::Lifetime, site, birth, 9, (6, 1));
        let mut sums = Vec::new();
        let take = |sum: DeathSum| {
            sums.push((sum.kind, sum.site, sum.birth, sum.is_after_peak, sum.bytes, sum.allocations));
            Ok::<(), ()>(())
        };
        assert_eq!(deaths.sum(9, take), Ok(()));
        let all = [
            (RowKind::Lifetime, SiteId(0), Half(2), false, 30, 0),
            (RowKind::Lifetime, site, Half(2), false, 20, 1),
            (RowKind::Lifetime, site, birth, false, 5, 2),
            (RowKind::Lifetime, site, birth, true, 5, 1),
            (RowKind::Piece, site, birth, false, 0, 1),
        ];
        assert_eq!(sums, all);
        assert_eq!(deaths.len(), 0);
    }
}
