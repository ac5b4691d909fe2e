// SPDX-License-Identifier: Apache-2.0
//! How much something changed ([`Delta`]), and whether that matters ([`Change`]).

use memray_index::Amount;

/// What was before and what is after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Of the first capture.
    pub before: Amount,
    /// Of the second.
    pub after: Amount,
}

impl Delta {
    /// By how many bytes it changed; more than 64 bits have, where captures claim impossible sizes.
    pub fn bytes(&self) -> i128 {
        i128::from(self.after.bytes) - i128::from(self.before.bytes)
    }

    /// By how many allocations it changed.
    pub fn allocations(&self) -> i128 {
        i128::from(self.after.allocations) - i128::from(self.before.allocations)
    }

    /// The larger of the two in bytes, whatever their signs.
    pub fn larger_bytes(&self) -> u64 {
        self.before.bytes.unsigned_abs().max(self.after.bytes.unsigned_abs())
    }

    /// Whether there is nothing on either side.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The other way round.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { before: self.after, after: self.before }
    }

    pub(crate) fn add(&mut self, other: Self) {
        add(&mut self.before, other.before);
        add(&mut self.after, other.after);
    }
}

/// Sizes are whatever a capture says: their sums wrap rather than end the program.
fn add(to: &mut Amount, amount: Amount) {
    to.bytes = to.bytes.wrapping_add(amount.bytes);
    to.allocations = to.allocations.wrapping_add(amount.allocations);
}

/// What kind of change something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Too little to speak of.
    Neutral,
    /// More than before.
    More,
    /// Less than before.
    Less,
    /// Not there before.
    New,
    /// Not there any more.
    Vanished,
}

impl Change {
    /// A change is neutral below so many hundredths of what changed …
    const NEUTRAL_PERCENT: i128 = 15;

    /// … if it is below this part of the total as well.
    const NEUTRAL_PART_OF_TOTAL: i128 = 100;

    /// The kind of a change; `total_bytes` is the larger of the two totals that it is a part of.
    ///
    /// The thresholds are those of CPython 3.15's differential flame graphs, but for the part of the total, without which a
    /// large frame could grow by much unseen. Both are of the larger side, so that swapping sides swaps kinds.
    pub fn of(delta: Delta, total_bytes: u64) -> Self {
        let nothing = Amount::default();
        match (delta.before == nothing, delta.after == nothing) {
            (true, true) => return Self::Neutral,
            (true, false) => return Self::New,
            (false, true) => return Self::Vanished,
            (false, false) => {}
        }
        let change = delta.bytes().abs();
        let is_small = change * 100 < i128::from(delta.larger_bytes()) * Self::NEUTRAL_PERCENT;
        if change == 0 || (is_small && change * Self::NEUTRAL_PART_OF_TOTAL < i128::from(total_bytes)) {
            Self::Neutral
        } else if delta.bytes() > 0 {
            Self::More
        } else {
            Self::Less
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn delta(before: i64, after: i64) -> Delta {
        let amount = |bytes| Amount { bytes, allocations: i64::from(bytes != 0) };
        Delta { before: amount(before), after: amount(after) }
    }

    #[test]
    fn small_changes_are_neutral_unless_they_are_a_part_of_the_total() {
        let kind = |before, after| Change::of(delta(before, after), 1_000_000);
        assert_eq!(kind(1000, 1176), Change::Neutral, "14.97 % of the larger");
        assert_eq!(kind(1000, 1177), Change::More, "15.04 %");
        assert_eq!(kind(1177, 1000), Change::Less);
        assert_eq!(kind(900_000, 909_999), Change::Neutral, "1.1 % of it, and under 1 % of the total");
        assert_eq!(kind(900_000, 910_000), Change::More, "1 % of the total");
        assert_eq!(kind(7, 7), Change::Neutral);
        assert_eq!((kind(0, 1), kind(1, 0), kind(0, 0)), (Change::New, Change::Vanished, Change::Neutral));
    }

    #[test]
    fn what_only_allocates_no_bytes_is_there_too() {
        let empty = Amount { bytes: 0, allocations: 3 };
        assert_eq!(Change::of(Delta { before: empty, after: Amount::default() }, 9), Change::Vanished);
        assert_eq!(Change::of(Delta { before: empty, after: empty }, 9), Change::Neutral);
    }

    proptest! {
        #[test]
        fn swapping_negates(before: i64, after: i64, total: u64) {
            let delta = delta(before, after);
            prop_assert_eq!(delta.swapped().bytes(), -delta.bytes());
            let swapped = match Change::of(delta, total) {
                Change::More => Change::Less,
                Change::Less => Change::More,
                Change::New => Change::Vanished,
                Change::Vanished => Change::New,
                Change::Neutral => Change::Neutral,
            };
            prop_assert_eq!(Change::of(delta.swapped(), total), swapped);
        }
    }
}
