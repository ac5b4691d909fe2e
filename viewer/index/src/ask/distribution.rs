// SPDX-License-Identifier: Apache-2.0
//! How large allocations were and how long they lived: [`Distribution`], over what was allocated in a range. A bar's range
//! put into a filter asks for just the allocations that the bar counts.

use super::AGGREGATED;
use super::tree_layout::add;
use crate::answer::Amount;
use crate::columns::RowKind;
use crate::error::Refusal;
use crate::filter::{Filter, LifetimeRange, SizeRange};
use crate::ids::SiteId;
use crate::question::TimeRange;
use crate::site::SizeClass;
use crate::store::Store;
use rayon::prelude::*;

/// The longest lifetimes of the bars, in milliseconds: what clocks are cut into. What was freed later, and what never was,
/// have bars of their own.
const UP_TO_MS: [u64; 9] = [10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000, u64::MAX];

/// One more, for what was never freed.
const LIFETIMES: usize = UP_TO_MS.len() + 1;

const SIZES: usize = SizeClass::LAST.number() as usize + 1;

/// Sizes and lifetimes of allocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// All that was allocated.
    pub allocated: Amount,
    /// Of it, what was never freed.
    pub never_freed: Amount,
    /// By size, from the smallest class that occurs to the largest.
    pub sizes: Vec<(SizeRange, Amount)>,
    /// By lifetime, from the shortest that occurs to the longest.
    pub lifetimes: Vec<(LifetimeRange, Amount)>,
}

/// Sums by class.
#[derive(Clone)]
struct Sums {
    sizes: [Amount; SIZES],
    lifetimes: [Amount; LIFETIMES],
}

impl Sums {
    const NONE: Self = Self {
        sizes: [Amount { bytes: 0, allocations: 0 }; SIZES],
        lifetimes: [Amount { bytes: 0, allocations: 0 }; LIFETIMES],
    };

    fn merge(mut self, other: &Self) -> Self {
        self.sizes.iter_mut().zip(other.sizes).for_each(|(sum, other)| add(sum, other));
        self.lifetimes.iter_mut().zip(other.lifetimes).for_each(|(sum, other)| add(sum, other));
        self
    }
}

impl Store {
    /// Sizes and lifetimes of what some sites allocated in a range, of what lived as long as a filter asks for.
    pub(crate) fn distribution(
        &self,
        sites: &[SiteId],
        born_in: TimeRange,
        filter: &Filter,
    ) -> Result<Distribution, Refusal> {
        if self.info.is_aggregated() {
            return Err(Refusal(AGGREGATED.to_owned()));
        }
        let (from, to) = self.instants(born_in)?;
        let Some(to) = to else { return Ok(Distribution::default()) };
        let mut is_wanted = vec![false; self.sites.len()];
        for site in sites {
            is_wanted[site.index()] = true;
        }
        let (lived, ages) = (self.lived(filter), self.ages());
        let chunks = self.lifetimes.chunks_of(&[RowKind::Lifetime, RowKind::Churn]);
        let chunks: Vec<usize> = chunks.filter(|&index| self.lifetimes.has_births(index, from, to)).collect();
        let sums = chunks
            .par_iter()
            .filter_map(|&index| self.lifetimes.chunk(index))
            .fold(
                || Sums::NONE,
                |mut sums, columns| {
                    let rows = columns.rows();
                    for row in 0..columns.len() {
                        let site = rows.site(row);
                        let (birth, death) = rows.times(row);
                        let is_born = from.is_none_or(|from| birth > from) && birth <= to;
                        if !is_wanted[site.index()]
                            || !is_born
                            || lived.is_some_and(|lived| !lived.holds(birth.0, death.0))
                        {
                            continue;
                        }
                        let amount =
                            Amount { bytes: rows.bytes(row) as i64, allocations: rows.allocations(row) as i64 };
                        add(&mut sums.sizes[usize::from(self.sites[site.index()].size_class.number())], amount);
                        let lifetime = ages.lifetime_ms(birth, death);
                        let bar = lifetime.map_or(UP_TO_MS.len(), |ms| UP_TO_MS.partition_point(|&most| most < ms));
                        add(&mut sums.lifetimes[bar], amount);
                    }
                    sums
                },
            )
            .reduce(|| Sums::NONE, |one, other| one.merge(&other));
        self.lifetimes.check()?;
        Ok(Distribution::of(&sums))
    }
}

impl Distribution {
    fn of(sums: &Sums) -> Self {
        let sizes = SizeClass::all().map(|class| SizeRange { from: class, to: class });
        let lifetimes = (0..LIFETIMES).map(|bar| LifetimeRange {
            more_than_ms: bar.checked_sub(1).map(|below| UP_TO_MS[below]),
            at_most_ms: UP_TO_MS.get(bar).copied(),
        });
        let mut allocated = Amount::default();
        sums.lifetimes.iter().for_each(|amount| add(&mut allocated, *amount));
        Self {
            allocated,
            never_freed: sums.lifetimes[LIFETIMES - 1],
            sizes: trimmed(sizes.zip(sums.sizes).collect()),
            lifetimes: trimmed(lifetimes.zip(sums.lifetimes).collect()),
        }
    }
}

/// Bars without the empty ones at both ends.
fn trimmed<Range>(mut bars: Vec<(Range, Amount)>) -> Vec<(Range, Amount)> {
    let is_empty = |bar: &(Range, Amount)| bar.1 == Amount::default();
    bars.truncate(bars.iter().rposition(|bar| !is_empty(bar)).map_or(0, |last| last + 1));
    let first = bars.iter().position(|bar| !is_empty(bar)).unwrap_or(0);
    bars.drain(..first);
    bars
}
