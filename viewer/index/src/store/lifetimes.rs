// SPDX-License-Identifier: Apache-2.0
//! Scans the stored lifetimes. Chunks are decoded when a question first needs them and kept, as far as memory allows;
//! a question looks only at those whose births and deaths can concern it, on all cores.

use crate::answer::Amount;
use crate::columns::{Columns, Half, RowKind};
use crate::error::Refusal;
use crate::ids::SiteId;
use rayon::prelude::*;
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Rows that are kept decoded, in all; 24 bytes each.
const MAX_KEPT_ROWS: usize = 24 << 20;

/// What is known of a chunk without reading it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkInfo {
    pub(crate) id: i64,
    pub(crate) kind: RowKind,
    pub(crate) rows: usize,
    pub(crate) births: (Half, Half),
    pub(crate) deaths: (Half, Half),
}

/// The stored lifetimes.
pub(crate) struct Lifetimes {
    connection: Mutex<Connection>,
    chunks: Vec<ChunkInfo>,
    kept: Vec<OnceLock<Arc<Columns>>>,
    keeps: bool,
    site_count: usize,
    /// Whether a chunk was met that does not decode.
    is_damaged: AtomicBool,
}

impl Lifetimes {
    /// Those of an index file; chunks are read through `connection`.
    pub(crate) fn new(connection: Connection, chunks: Vec<ChunkInfo>, site_count: usize) -> Self {
        let keeps = chunks.iter().map(|chunk| chunk.rows).sum::<usize>() <= MAX_KEPT_ROWS;
        let kept = chunks.iter().map(|_| OnceLock::new()).collect();
        Self { connection: Mutex::new(connection), chunks, kept, keeps, site_count, is_damaged: AtomicBool::new(false) }
    }

    /// How many rows there are.
    pub(crate) fn row_count(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows).sum()
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
        read(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn chunk(&self, index: usize) -> Arc<Columns> {
        if let Some(kept) = self.kept[index].get() {
            return Arc::clone(kept);
        }
        let id = self.chunks[index].id;
        let data: Option<Vec<u8>> = self.with_connection(|connection| {
            connection
                .prepare_cached("SELECT data FROM lifetimes WHERE id = ?1")
                .ok()?
                .query_row([id], |r| r.get(0))
                .ok()
        });
        let decoded = data.and_then(|data| Columns::decode(&data, self.site_count));
        let columns = decoded.filter(|columns| columns.len() == self.chunks[index].rows).unwrap_or_else(|| {
            self.is_damaged.store(true, Ordering::Relaxed);
            Columns::default()
        });
        let columns = Arc::new(columns);
        if self.keeps {
            let _ = self.kept[index].set(Arc::clone(&columns));
        }
        columns
    }

    /// Sums over rows by site. `concerns` tells by a chunk's bounds whether any of its rows can count, `weigh` by a row's
    /// kind, birth and death how it counts: -1, 0 or 1 for bytes, and for allocations.
    pub(crate) fn sum(
        &self,
        concerns: impl Fn(&ChunkInfo) -> bool + Sync,
        weigh: impl Fn(RowKind, u32, u32) -> (i64, i64) + Sync,
    ) -> Vec<(SiteId, Amount)> {
        let wanted: Vec<usize> = (0..self.chunks.len()).filter(|&i| concerns(&self.chunks[i])).collect();
        let empty = || vec![Amount::default(); self.site_count];
        let sums = wanted
            .into_par_iter()
            .fold(Vec::new, |mut sums: Vec<Amount>, index| {
                if sums.is_empty() {
                    sums = empty();
                }
                let (kind, columns) = (self.chunks[index].kind, self.chunk(index));
                for row in 0..columns.len() {
                    let (bytes, allocations) = weigh(kind, columns.births[row], columns.deaths[row]);
                    if bytes != 0 || allocations != 0 {
                        let sum = &mut sums[columns.sites[row] as usize];
                        sum.bytes = sum.bytes.wrapping_add(bytes.wrapping_mul(columns.bytes[row] as i64));
                        sum.allocations =
                            sum.allocations.wrapping_add(allocations * i64::from(columns.allocations[row]));
                    }
                }
                sums
            })
            .reduce(Vec::new, |mut left, right| {
                if left.is_empty() {
                    return right;
                }
                for (sum, other) in left.iter_mut().zip(&right) {
                    sum.bytes = sum.bytes.wrapping_add(other.bytes);
                    sum.allocations = sum.allocations.wrapping_add(other.allocations);
                }
                left
            });
        sums.into_iter()
            .enumerate()
            .filter(|(_, amount)| *amount != Amount::default())
            .map(|(site, amount)| (SiteId(site as u32), amount))
            .collect()
    }

    /// What is live at an instant.
    pub(crate) fn live_at(&self, at: Half) -> Vec<(SiteId, Amount)> {
        let at = at.0;
        self.sum(
            |chunk| chunk.kind != RowKind::Churn && chunk.births.0.0 <= at && chunk.deaths.1.0 > at,
            |_, birth, death| {
                let is_live = i64::from(birth <= at && death > at);
                (is_live, is_live)
            },
        )
    }

    /// What is live at one instant less what is live at another; either may be before all time.
    pub(crate) fn difference(&self, from: Option<Half>, to: Option<Half>) -> Vec<(SiteId, Amount)> {
        let is_live = |at: Option<Half>, birth: u32, death: u32| at.is_some_and(|at| birth <= at.0 && death > at.0);
        self.sum(
            |chunk| {
                let may_live = |at: Option<Half>| at.is_some_and(|at| chunk.births.0 <= at && chunk.deaths.1 > at);
                chunk.kind != RowKind::Churn && (may_live(from) || may_live(to))
            },
            |_, birth, death| {
                let change = i64::from(is_live(to, birth, death)) - i64::from(is_live(from, birth, death));
                (change, change)
            },
        )
    }

    /// What was born after one instant, up to another, and is live then.
    pub(crate) fn born_and_live(&self, from: Option<Half>, to: Half) -> Vec<(SiteId, Amount)> {
        let first = from.map_or(0, |from| from.0 + 1);
        let to = to.0;
        self.sum(
            |chunk| {
                chunk.kind == RowKind::Lifetime
                    && chunk.births.1.0 >= first
                    && chunk.births.0.0 <= to
                    && chunk.deaths.1.0 > to
            },
            |_, birth, death| {
                let counts = i64::from(birth >= first && birth <= to && death > to);
                (counts, counts)
            },
        )
    }

    /// All that was born after one instant, up to another.
    pub(crate) fn born(&self, from: Option<Half>, to: Half) -> Vec<(SiteId, Amount)> {
        let first = from.map_or(0, |from| from.0 + 1);
        let to = to.0;
        self.sum(
            |chunk| chunk.kind != RowKind::Piece && chunk.births.1.0 >= first && chunk.births.0.0 <= to,
            |_, birth, _| {
                let counts = i64::from(birth >= first && birth <= to);
                (counts, counts)
            },
        )
    }

    /// Live bytes at a number of instants, in order, of the sites for which `columns_of` names columns: that many
    /// columns of values.
    pub(crate) fn series<'a>(
        &self,
        instants: &[Half],
        columns: usize,
        columns_of: impl Fn(SiteId) -> &'a [u32] + Sync,
    ) -> Vec<Vec<u64>> {
        let next = next_instants(instants);
        let next_instant = |half: u32| next.get(half as usize).map_or(instants.len(), |&at| at as usize);
        let steps = (0..self.chunks.len())
            .into_par_iter()
            .filter(|&i| self.chunks[i].kind == RowKind::Lifetime)
            .fold(Vec::new, |mut steps: Vec<u64>, index| {
                if steps.is_empty() {
                    steps = vec![0; columns * (instants.len() + 1)];
                }
                let rows = self.chunk(index);
                for row in 0..rows.len() {
                    let columns = columns_of(SiteId(rows.sites[row]));
                    if columns.is_empty() {
                        continue;
                    }
                    let born = next_instant(rows.births[row]);
                    let died = next_instant(rows.deaths[row]);
                    for &column in columns {
                        let at = column as usize * (instants.len() + 1);
                        steps[at + born] = steps[at + born].wrapping_add(rows.bytes[row]);
                        steps[at + died] = steps[at + died].wrapping_sub(rows.bytes[row]);
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

/// For every half up to the last instant, the first instant at or after it.
fn next_instants(instants: &[Half]) -> Vec<u32> {
    let mut next = Vec::new();
    for (i, at) in instants.iter().enumerate() {
        next.resize((at.0 as usize + 1).max(next.len()), i as u32);
    }
    next
}
