// SPDX-License-Identifier: Apache-2.0
//! Which rows count in a question, and how often; and the sums by site that they are added to.
//!
//! Every question is a few [`Term`]s: rows born in one stretch of time and dead in another, counted or taken off. By a
//! chunk's bounds a term mostly holds all of its rows or none, so that few chunks are looked at row by row.

use super::ages::Lived;
use super::chunks::ChunkInfo;
use crate::answer::Amount;
use crate::columns::{Columns, Half, RowKind};

/// Rows of some kinds, born and dead within stretches of time (both ends included).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    kinds: &'static [RowKind],
    births: (u32, u32),
    deaths: (u32, u32),
    /// How often each counts: 1, or -1 where it is taken off.
    weight: i32,
}

const ANY: (u32, u32) = (0, u32::MAX);

impl Term {
    /// What is live at an instant.
    pub(crate) fn live_at(at: Half) -> Self {
        let kinds = &[RowKind::Lifetime, RowKind::Piece];
        Self { kinds, births: (0, at.0), deaths: (at.0.saturating_add(1), u32::MAX), weight: 1 }
    }

    /// What was born after one instant, up to another, and is live then.
    pub(crate) fn born_and_live(from: Option<Half>, to: Half) -> Self {
        Self { kinds: &[RowKind::Lifetime], births: (after(from), to.0), ..Self::live_at(to) }
    }

    /// All that was born after one instant, up to another.
    pub(crate) fn born(from: Option<Half>, to: Half) -> Self {
        Self { kinds: &[RowKind::Lifetime, RowKind::Churn], births: (after(from), to.0), deaths: ANY, weight: 1 }
    }

    /// The stored sums of all that was born until an instant.
    pub(crate) fn sums_until(at: Half) -> Self {
        Self { kinds: &[RowKind::Born], births: (at.0, at.0), deaths: ANY, weight: 1 }
    }

    /// The same, taken off.
    pub(crate) fn taken_off(self) -> Self {
        Self { weight: -self.weight, ..self }
    }

    /// Whether any row of a chunk may count.
    pub(crate) fn concerns(&self, chunk: &ChunkInfo) -> bool {
        let overlaps = |(low, high): (u32, u32), bounds: (Half, Half)| low <= bounds.1.0 && high >= bounds.0.0;
        self.births.0 <= self.births.1
            && self.deaths.0 <= self.deaths.1
            && self.kinds.contains(&chunk.kind)
            && overlaps(self.births, chunk.bounds.births)
            && overlaps(self.deaths, chunk.bounds.deaths)
    }

    /// Whether every row of a chunk that it concerns counts.
    fn holds_all(&self, chunk: &ChunkInfo) -> bool {
        let contains = |(low, high): (u32, u32), bounds: (Half, Half)| low <= bounds.0.0 && high >= bounds.1.0;
        contains(self.births, chunk.bounds.births) && contains(self.deaths, chunk.bounds.deaths)
    }

    /// Adds to the weights of rows by when they were born and died.
    fn weigh(&self, births: &[u32], deaths: &[u32], weights: &mut [i32]) {
        let (births_len, deaths_len) = (self.births.1 - self.births.0, self.deaths.1 - self.deaths.0);
        for ((weight, &birth), &death) in weights.iter_mut().zip(births).zip(deaths) {
            let is_born = birth.wrapping_sub(self.births.0) <= births_len;
            let is_dead = death.wrapping_sub(self.deaths.0) <= deaths_len;
            *weight += self.weight * i32::from(is_born & is_dead);
        }
    }
}

fn after(from: Option<Half>) -> u32 {
    from.map_or(0, |from| from.0 + 1)
}

/// How the rows of one chunk count.
pub(crate) struct Counting {
    /// How often all of them count.
    all: i32,
    /// Terms that hold some of them.
    some: Vec<Term>,
}

impl Counting {
    /// By a chunk's bounds; `None` where none of its rows counts.
    pub(crate) fn of(terms: &[Term], chunk: &ChunkInfo) -> Option<Self> {
        let mut counting = Self { all: 0, some: Vec::new() };
        for term in terms.iter().filter(|term| term.concerns(chunk)) {
            if term.holds_all(chunk) {
                counting.all += term.weight;
            } else {
                counting.some.push(*term);
            }
        }
        (counting.all != 0 || !counting.some.is_empty()).then_some(counting)
    }
}

/// Adds rows to sums by site. Holds what that needs in between, for the next chunk.
#[derive(Default)]
pub(crate) struct Adder {
    births: Vec<u32>,
    deaths: Vec<u32>,
    weights: Vec<i32>,
    counted: Vec<(usize, i32)>,
}

impl Adder {
    /// Adds what counts of a chunk, of rows that lived so long, to the sums of some sites, the first of which is given.
    /// The chunk must have been checked.
    pub(crate) fn add(
        &mut self,
        columns: &Columns,
        counting: &Counting,
        lived: Option<Lived<'_>>,
        first_site: usize,
        sums: &mut [Amount],
    ) {
        let range = columns.rows_of(first_site..first_site + sums.len());
        let rows = columns.rows();
        // Each step is a loop of its own over plain columns, without branches: which rows count is hard to foretell.
        let mut count_row = |row: usize, weight: i32| {
            let sum = &mut sums[rows.site(row).index() - first_site];
            let weight = i64::from(weight);
            sum.bytes = sum.bytes.wrapping_add((rows.bytes(row) as i64).wrapping_mul(weight));
            sum.allocations = sum.allocations.wrapping_add((rows.allocations(row) as i64).wrapping_mul(weight));
        };
        if counting.some.is_empty() && lived.is_none() {
            range.for_each(|row| count_row(row, counting.all));
            return;
        }
        let Self { births, deaths, weights, counted } = self;
        births.clear();
        births.resize(range.len(), 0);
        deaths.clear();
        deaths.resize(range.len(), 0);
        for ((row, birth), death) in range.clone().zip(&mut *births).zip(&mut *deaths) {
            let times = rows.times(row);
            (*birth, *death) = (times.0.0, times.1.0);
        }
        weights.clear();
        weights.resize(range.len(), counting.all);
        counting.some.iter().for_each(|term| term.weigh(births, deaths, weights));
        if let Some(lived) = lived {
            for ((weight, &birth), &death) in weights.iter_mut().zip(&*births).zip(&*deaths) {
                *weight *= i32::from(lived.holds(birth, death));
            }
        }
        counted.resize(range.len(), (0, 0));
        let mut count = 0;
        for (row, &weight) in range.zip(&*weights) {
            counted[count] = (row, weight);
            count += usize::from(weight != 0);
        }
        counted.truncate(count);
        counted.iter().for_each(|&(row, weight)| count_row(row, weight));
    }
}
