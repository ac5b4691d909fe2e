// SPDX-License-Identifier: Apache-2.0
//! Questions to the stored lifetimes. Each is a few [`Term`]s, summed by site over the chunks that they concern, on all
//! cores.

use super::ages::Lived;
use super::chunks::{ChunkInfo, Chunks};
use super::counting::{Adder, Counting, Term};
use crate::answer::Amount;
use crate::columns::{Columns, Half, RowKind};
use crate::error::Refusal;
use crate::ids::SiteId;
use rayon::prelude::*;
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Sites that one core sums at a time, at most: their sums stay in its own cache.
const SITES_AT_A_TIME: usize = 1 << 15;

/// Chunks that are held at a time: at most some 100 MB.
const CHUNKS_AT_A_TIME: usize = 512;

/// Memory for series, of all cores together, where that leaves at least one at work.
const MAX_SERIES_BYTES: usize = 64 << 20;

/// The stored lifetimes.
pub(crate) struct Lifetimes {
    chunks: Chunks,
    /// Instants until which sums of all births are stored.
    sums_until: Vec<Half>,
    /// Sums by site, all zero, for the next question: fresh memory costs more than adding.
    spare: Mutex<Vec<Amount>>,
    /// Whether a chunk was met that is not as it should be.
    is_damaged: AtomicBool,
}

impl Lifetimes {
    /// Those of an index file; chunks are read through `connection`.
    pub(crate) fn new(connection: Connection, infos: Vec<ChunkInfo>, site_count: usize) -> Self {
        let mut sums_until: Vec<Half> =
            infos.iter().filter(|chunk| chunk.kind == RowKind::Born).map(|chunk| chunk.bounds.births.0).collect();
        sums_until.sort_unstable();
        sums_until.dedup();
        let chunks = Chunks::new(connection, infos, site_count);
        Self { chunks, sums_until, spare: Mutex::default(), is_damaged: AtomicBool::new(false) }
    }

    /// How many rows there are, sums of others left out.
    pub(crate) fn row_count(&self) -> usize {
        self.chunks.infos.iter().filter(|chunk| chunk.kind != RowKind::Born).map(|chunk| chunk.rows).sum()
    }

    /// Instants until which sums of all births are stored.
    #[cfg(test)]
    pub(super) fn sums_until(&self) -> &[Half] {
        &self.sums_until
    }

    /// Refuses what was summed if a chunk could not be: an answer without it would be wrong.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.is_damaged.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(Refusal(
                "the index is damaged: make it anew from its capture, or clear the cache if it was kept there"
                    .to_owned(),
            )),
        }
    }

    /// The database that they lie in.
    pub(crate) fn with_connection<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        self.chunks.with_connection(read)
    }

    /// What a chunk's rows count; `None` beyond the last.
    pub(crate) fn kind(&self, index: usize) -> Option<RowKind> {
        self.chunks.infos.get(index).map(|info| info.kind)
    }

    /// The chunks whose rows count one of these.
    pub(crate) fn chunks_of(&self, kinds: &[RowKind]) -> impl Iterator<Item = usize> + '_ {
        let kinds = kinds.to_vec();
        let infos = self.chunks.infos.iter().enumerate();
        infos.filter(move |(_, info)| kinds.contains(&info.kind)).map(|(index, _)| index)
    }

    /// Whether anything of a chunk was born after one instant, up to another.
    pub(crate) fn has_births(&self, index: usize, from: Option<Half>, to: Half) -> bool {
        let bounds = self.chunks.infos.get(index).map(|info| info.bounds.births);
        bounds.is_some_and(|(first, last)| first <= to && from.is_none_or(|from| last > from))
    }

    /// A chunk; `None`, and never an answer again, if it is damaged.
    pub(crate) fn chunk(&self, index: usize) -> Option<Arc<Columns>> {
        let chunk = self.chunks.chunk(index);
        if chunk.is_none() {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
        chunk
    }

    /// Sums by site what terms say, of rows that lived so long. Each core takes some sites at a time and their rows of
    /// every chunk, so that no two add to the same sum.
    fn sum(&self, terms: &[Term], lived: Option<Lived<'_>>) -> Vec<(SiteId, Amount)> {
        // A piece is of a mapping, whose bytes lived as long as they did.
        let infos = self.chunks.infos.iter().enumerate();
        let infos = infos.filter(|(_, info)| lived.is_none() || info.kind != RowKind::Piece);
        let wanted: Vec<(usize, Counting)> =
            infos.filter_map(|(index, info)| Some((index, Counting::of(terms, info)?))).collect();
        let site_count = self.chunks.site_count;
        let mut sums = std::mem::take(&mut *self.spare.lock().unwrap_or_else(PoisonError::into_inner));
        sums.resize(site_count, Amount::default());
        let at_a_time = (site_count / (4 * rayon::current_num_threads())).clamp(1, SITES_AT_A_TIME);
        for wanted in wanted.chunks(CHUNKS_AT_A_TIME) {
            let chunks: Vec<(Arc<Columns>, &Counting)> =
                wanted.par_iter().filter_map(|(index, counting)| Some((self.chunk(*index)?, counting))).collect();
            sums.par_chunks_mut(at_a_time).enumerate().for_each_init(Adder::default, |adder, (part, sums)| {
                for (columns, counting) in &chunks {
                    adder.add(columns, counting, lived, part * at_a_time, sums);
                }
            });
        }
        let summed = collect(&mut sums);
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = sums;
        summed
    }

    /// What is live at an instant.
    pub(crate) fn live_at(&self, at: Half, lived: Option<Lived<'_>>) -> Vec<(SiteId, Amount)> {
        self.sum(&[Term::live_at(at)], lived)
    }

    /// What is live at one instant less what is live at another; either may be before all time.
    pub(crate) fn difference(
        &self,
        from: Option<Half>,
        to: Option<Half>,
        lived: Option<Lived<'_>>,
    ) -> Vec<(SiteId, Amount)> {
        let (from, to) = (from.map(|from| Term::live_at(from).taken_off()), to.map(Term::live_at));
        self.sum(&[from, to].into_iter().flatten().collect::<Vec<_>>(), lived)
    }

    /// What was born after one instant, up to another, and is live then.
    pub(crate) fn born_and_live(
        &self,
        from: Option<Half>,
        to: Half,
        lived: Option<Lived<'_>>,
    ) -> Vec<(SiteId, Amount)> {
        self.sum(&[Term::born_and_live(from, to)], lived)
    }

    /// All that was born after one instant, up to another: by the end less by the start.
    pub(crate) fn born(&self, from: Option<Half>, to: Half, lived: Option<Lived<'_>>) -> Vec<(SiteId, Amount)> {
        if lived.is_some() {
            // The stored sums are of rows of any age.
            return self.sum(&[Term::born(from, to)], lived);
        }
        let mut terms = self.born_until(to);
        if let Some(from) = from {
            terms.extend(self.born_until(from).into_iter().map(Term::taken_off));
        }
        self.sum(&terms, None)
    }

    /// All that was born until an instant, from the stored sums that need the fewest rows besides.
    fn born_until(&self, at: Half) -> Vec<Term> {
        let later = self.sums_until.partition_point(|until| *until < at);
        let before = later.checked_sub(1).map(|index| self.sums_until[index]);
        let mut terms = vec![Term::born(before, at)];
        terms.extend(before.map(Term::sums_until));
        let Some(&after) = self.sums_until.get(later) else { return terms };
        let besides = Term::born(Some(at), after);
        if self.rows_of(&besides) < self.rows_of(&terms[0]) {
            terms = vec![Term::sums_until(after), besides.taken_off()];
        }
        terms
    }

    /// Rows that must be looked at for a term.
    fn rows_of(&self, term: &Term) -> usize {
        self.chunks.infos.iter().filter(|chunk| term.concerns(chunk)).map(|chunk| chunk.rows).sum()
    }

    /// Live bytes at a number of instants, in order, of what lived so long and is of the sites for which `columns_of` names
    /// columns: that many columns of values.
    pub(crate) fn series<'a>(
        &self,
        instants: &[Half],
        columns: usize,
        lived: Option<Lived<'_>>,
        columns_of: impl Fn(SiteId) -> &'a [u32] + Sync,
    ) -> Vec<Vec<u64>> {
        let next = next_instants(instants);
        let next_instant = |half: u32| next.get(half as usize).map_or(instants.len(), |&at| at as usize);
        let wanted: Vec<usize> = self.chunks_of(&[RowKind::Lifetime]).collect();
        let count = columns * (instants.len() + 1);
        let most_cores = MAX_SERIES_BYTES / (count * size_of::<u64>()).max(1);
        let at_a_time = wanted.len() / most_cores.clamp(1, rayon::current_num_threads()) + 1;
        let steps = wanted
            .par_chunks(at_a_time)
            .map(|wanted| {
                let mut steps = vec![0u64; count];
                for chunk in wanted.iter().filter_map(|&index| self.chunk(index)) {
                    let rows = chunk.rows();
                    for row in 0..chunk.len() {
                        let columns = columns_of(rows.site(row));
                        if columns.is_empty() {
                            continue;
                        }
                        let (birth, death) = rows.times(row);
                        if lived.is_some_and(|lived| !lived.holds(birth.0, death.0)) {
                            continue;
                        }
                        let (born, died, bytes) = (next_instant(birth.0), next_instant(death.0), rows.bytes(row));
                        for &column in columns {
                            let at = column as usize * (instants.len() + 1);
                            steps[at + born] = steps[at + born].wrapping_add(bytes);
                            steps[at + died] = steps[at + died].wrapping_sub(bytes);
                        }
                    }
                }
                steps
            })
            .reduce(Vec::new, |mut left, right| {
                if left.is_empty() {
                    return right;
                }
                for (step, other) in left.iter_mut().zip(&right) {
                    *step = step.wrapping_add(*other);
                }
                left
            });
        if steps.is_empty() {
            return vec![vec![0; instants.len()]; columns];
        }
        steps
            .chunks(instants.len() + 1)
            .map(|steps| {
                let mut live = 0u64;
                steps[..instants.len()]
                    .iter()
                    .map(|step| {
                        live = live.wrapping_add(*step);
                        live
                    })
                    .collect()
            })
            .collect()
    }
}

/// The sums by site that are not zero; leaves zeros.
fn collect(sums: &mut [Amount]) -> Vec<(SiteId, Amount)> {
    let parts: Vec<Vec<(SiteId, Amount)>> = sums
        .par_chunks_mut(SITES_AT_A_TIME)
        .enumerate()
        .map(|(part, sums)| {
            let mut all = Vec::with_capacity(sums.iter().filter(|sum| **sum != Amount::default()).count());
            for (site, sum) in ((part * SITES_AT_A_TIME) as u32..).zip(sums) {
                if *sum != Amount::default() {
                    all.push((SiteId(site), std::mem::take(sum)));
                }
            }
            all
        })
        .collect();
    parts.concat()
}

/// For every half up to the last instant, the first instant at or after it.
fn next_instants(instants: &[Half]) -> Vec<u32> {
    let mut next = Vec::new();
    for (i, at) in instants.iter().enumerate() {
        next.resize((at.0 as usize + 1).max(next.len()), i as u32);
    }
    next
}
