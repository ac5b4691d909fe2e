// SPDX-License-Identifier: Apache-2.0
//! Writes an index file: lifetimes while the capture is read, everything else at its end, in one transaction.

use super::chunks::{ChunkInfo, read_checked};
use super::counting::{Adder, Counting, Term};
use super::schema::{APPLICATION_ID, INDEX_VERSION, TABLES};
use crate::answer::Amount;
use crate::build::TemporaryRow;
use crate::build::aggregate::{RowSink, Slice};
use crate::call_tree::CallTree;
use crate::columns::{Bounds, CHUNK_ROWS, Columns, Half, LifetimeRow, RowKind};
use crate::error::Error;
use crate::ids::{LocationId, NodeId, SiteId};
use crate::index::Thread;
use crate::location::{FrameKind, Location};
use crate::names::Names;
use crate::native::frames::NativeFrames;
use crate::native::place::NativeNames;
use crate::site_columns::{CHUNK_SITES, SiteColumns, SiteRow};
use crate::timeline::SnapshotRow;
use rusqlite::{Connection, OpenFlags, ToSql, params};
use std::path::Path;

/// Rows are kept apart by how long they live: by the bits of their age. Chunks of rows that live about as long have
/// narrow bounds; one long life in each chunk would make every question look at every chunk.
const AGE_CLASSES: usize = u32::BITS as usize + 1;

/// Sums of all that was born are stored after so many rows, and after as many times the number of sites: often enough that
/// a question about births looks at few rows, seldom enough that they are a small part of the file.
const ROWS_BETWEEN_SUMS: usize = 1 << 21;
const ROWS_A_SITE_BETWEEN_SUMS: usize = 4;

/// Writes an index file.
pub(crate) struct Writer {
    connection: Connection,
    /// Chunks that are filling, by kind and age.
    open: Vec<Vec<LifetimeRow>>,
    chunks: Vec<ChunkInfo>,
    site_count: usize,
    rows_between_sums: usize,
}

impl Writer {
    /// Creates a file that is not there yet.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(write_error)?;
        // No journal and no syncing: the file is not an index until it is complete and renamed.
        connection
            .execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
                 PRAGMA page_size = 16384; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;",
            )
            .map_err(write_error)?;
        connection.execute_batch(TABLES).map_err(write_error)?;
        connection.execute_batch("BEGIN").map_err(write_error)?;
        let open = vec![Vec::new(); RowKind::ALL.len() * AGE_CLASSES];
        Ok(Self { connection, open, chunks: Vec::new(), site_count: 0, rows_between_sums: ROWS_BETWEEN_SUMS })
    }

    /// Writes a chunk.
    fn chunk(&mut self, kind: RowKind, rows: &mut [LifetimeRow]) -> Result<(), Error> {
        let Some(bounds) = Bounds::of(rows) else { return Ok(()) };
        let data = Columns::new(rows).encode()?;
        let Bounds { births, deaths } = bounds;
        self.connection
            .prepare_cached(
                "INSERT INTO lifetimes (kind, rows, min_birth, max_birth, min_death, max_death, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut insert| {
                insert.execute(params![kind as u8, rows.len(), births.0.0, births.1.0, deaths.0.0, deaths.1.0, data])
            })
            .map_err(write_error)?;
        self.chunks.push(ChunkInfo { id: self.connection.last_insert_rowid(), kind, rows: rows.len(), bounds });
        Ok(())
    }

    /// Writes what is left of the lifetimes, and sums of them.
    pub(crate) fn flush_all(&mut self) -> Result<(), Error> {
        let mut open = std::mem::take(&mut self.open);
        for (kind, classes) in RowKind::ALL.into_iter().zip(open.chunks_mut(AGE_CLASSES)) {
            classes.iter_mut().try_for_each(|rows| self.chunk(kind, rows))?;
        }
        self.sums_of_births()
    }

    /// Adds up by site what terms say of all chunks.
    fn add(&self, sums: &mut [Amount], terms: &[Term]) -> Result<(), Error> {
        let mut adder = Adder::default();
        for chunk in &self.chunks {
            if let Some(counting) = Counting::of(terms, chunk) {
                let Some(columns) = read_checked(&self.connection, chunk, sums.len()) else {
                    return Err(Error::Write("a chunk does not read back".to_owned()));
                };
                adder.add(&columns, &counting, None, 0, sums);
            }
        }
        Ok(())
    }

    /// Writes what was born by site until a few instants, the last of them the end.
    fn sums_of_births(&mut self) -> Result<(), Error> {
        let between = self.rows_between_sums.max(ROWS_A_SITE_BETWEEN_SUMS * self.site_count);
        let infos = self.chunks.iter().filter(|chunk| chunk.kind != RowKind::Piece);
        let Some(end) = infos.clone().map(|chunk| chunk.bounds.births.1).max() else { return Ok(()) };
        // As if all of a chunk were born in the middle: the instants need only be about evenly spread.
        let middle = |(first, last): (Half, Half)| Half(first.0.midpoint(last.0));
        let mut births: Vec<(Half, usize)> = infos.map(|chunk| (middle(chunk.bounds.births), chunk.rows)).collect();
        births.sort_unstable();
        let mut instants = Vec::new();
        let mut rows = 0;
        for (at, more) in births {
            rows += more;
            if rows >= between && at < end {
                instants.push(at);
                rows = 0;
            }
        }
        instants.push(end);
        instants.dedup();
        let mut sums = vec![Amount::default(); self.site_count];
        let mut last = None;
        for until in instants {
            self.add(&mut sums, &[Term::born(last, until)])?;
            self.born_until(until, &sums)?;
            last = Some(until);
        }
        Ok(())
    }

    fn born_until(&mut self, until: Half, sums: &[Amount]) -> Result<(), Error> {
        let mut rows: Vec<LifetimeRow> = Vec::with_capacity(CHUNK_ROWS);
        for (site, sum) in sums.iter().enumerate() {
            let (mut bytes, mut left) = (sum.bytes as u64, sum.allocations);
            // A row's allocations have 32 bits; more than one row may be of one site.
            while bytes != 0 || left > 0 {
                let allocations = left.min(i64::from(u32::MAX)) as u32;
                rows.push(LifetimeRow { site: SiteId(site as u32), birth: until, death: until, bytes, allocations });
                (bytes, left) = (0, left - i64::from(allocations));
                if rows.len() >= CHUNK_ROWS {
                    self.chunk(RowKind::Born, &mut rows)?;
                    rows.clear();
                }
            }
        }
        self.chunk(RowKind::Born, &mut rows)
    }

    /// Sums by site what is live at an instant.
    pub(crate) fn live_at(&self, at: Half, site_count: usize) -> Result<Vec<Amount>, Error> {
        let mut sums = vec![Amount::default(); site_count];
        self.add(&mut sums, &[Term::live_at(at)])?;
        Ok(sums)
    }

    /// Writes a value by its key.
    pub(crate) fn meta(&self, key: &str, value: &dyn ToSql) -> Result<(), Error> {
        self.connection.execute("INSERT INTO meta VALUES (?1, ?2)", params![key, value]).map_err(write_error)?;
        Ok(())
    }

    fn fill<Row>(
        &self,
        insert: &str,
        rows: impl Iterator<Item = Row>,
        mut bind: impl FnMut(&mut rusqlite::Statement<'_>, Row) -> rusqlite::Result<usize>,
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare(insert).map_err(write_error)?;
        for row in rows {
            bind(&mut statement, row).map_err(write_error)?;
        }
        Ok(())
    }

    /// Writes names and locations.
    pub(crate) fn locations(&self, names: &Names, locations: &[Location]) -> Result<(), Error> {
        self.fill("INSERT INTO names VALUES (?1, ?2)", names.rows().enumerate(), |s, (id, name)| {
            s.execute(params![id, name])
        })?;
        let insert = "INSERT INTO locations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.fill(insert, locations.iter().enumerate(), |s, (id, l)| {
            let kind = match l.kind {
                FrameKind::Python => 0u8,
                FrameKind::Native => 1,
                FrameKind::Library => 2,
            };
            let t = &l.traits;
            let traits =
                [t.is_own_code, t.is_standard_library, t.is_import_system, t.is_interesting, t.is_cpython_internal];
            let traits = traits.iter().enumerate().fold(0u8, |bits, (i, &is_set)| bits | u8::from(is_set) << i);
            s.execute(params![id, l.function.0, l.file.0, l.line, kind, l.module.0, traits])
        })
    }

    /// Writes the call tree.
    pub(crate) fn call_tree(&self, tree: &CallTree) -> Result<(), Error> {
        self.fill("INSERT INTO call_tree VALUES (?1, ?2, ?3)", (0..tree.len() as u32).map(NodeId), |s, node| {
            s.execute(params![node.0, tree.parent(node).0, tree.location(node).0])
        })
    }

    /// Writes threads.
    pub(crate) fn threads(&self, threads: &[Thread]) -> Result<(), Error> {
        self.fill("INSERT INTO threads VALUES (?1, ?2, ?3)", threads.iter().enumerate(), |s, (id, thread)| {
            s.execute(params![id, thread.id.0 as i64, thread.name.map(|name| name.0)])
        })
    }

    /// Writes sites with their sums.
    pub(crate) fn sites(&self, mut rows: impl Iterator<Item = SiteRow>) -> Result<(), Error> {
        let mut insert = self.connection.prepare("INSERT INTO sites VALUES (?1, ?2)").map_err(write_error)?;
        let mut chunk: Vec<SiteRow> = Vec::new();
        for id in 0.. {
            chunk.clear();
            chunk.extend(rows.by_ref().take(CHUNK_SITES));
            if chunk.is_empty() {
                break;
            }
            insert.execute(params![id, SiteColumns::new(&chunk).encode()?]).map_err(write_error)?;
        }
        Ok(())
    }

    /// Writes the snapshots and slices.
    pub(crate) fn timeline(&self, snapshots: impl Iterator<Item = SnapshotRow>, slices: &[Slice]) -> Result<(), Error> {
        self.fill("INSERT INTO snapshots VALUES (?1, ?2, ?3, ?4)", snapshots.enumerate(), |s, (id, row)| {
            s.execute(params![id, row.time_ms, row.rss_bytes as i64, row.heap_bytes as i64])
        })?;
        self.fill("INSERT INTO slices VALUES (?1, ?2, ?3, ?4)", slices.iter().enumerate(), |s, (id, slice)| {
            s.execute(params![id, slice.interval, slice.peak_bytes as i64, slice.end_bytes as i64])
        })
    }

    /// Writes what temporary allocations are counted from, and up to which distance that is known.
    pub(crate) fn temporary(&self, known: u32, rows: impl Iterator<Item = TemporaryRow>) -> Result<(), Error> {
        self.meta("temporary_known", &known)?;
        let insert = "INSERT INTO temporary VALUES (?1, ?2, ?3, ?4)";
        self.fill(insert, rows, |s, (site, distance, bytes, allocations)| {
            s.execute(params![distance, site.0, bytes as i64, allocations as i64])
        })
    }

    /// Writes what statistics are made from.
    pub(crate) fn statistics<'a>(
        &self,
        sizes: &[(u64, u64)],
        buckets: &[u64],
        above_tracker: impl Iterator<Item = (&'a LocationId, &'a (u64, u64))>,
    ) -> Result<(), Error> {
        self.fill("INSERT INTO sizes VALUES (?1, ?2)", sizes.iter(), |s, (size, allocations)| {
            s.execute(params![*size as i64, *allocations as i64])
        })?;
        self.fill(
            "INSERT INTO size_buckets VALUES (?1, ?2)",
            buckets.iter().enumerate(),
            |s, (bucket, allocations)| s.execute(params![bucket, *allocations as i64]),
        )?;
        self.fill(
            "INSERT INTO above_tracker VALUES (?1, ?2, ?3)",
            above_tracker,
            |s, (location, (bytes, allocations))| s.execute(params![location.0, *bytes as i64, *allocations as i64]),
        )
    }

    /// Writes native frames, segments, and the names of native functions.
    pub(crate) fn native(&self, native: &NativeFrames, names: &NativeNames) -> Result<(), Error> {
        self.fill(
            "INSERT INTO native_frames VALUES (?1, ?2, ?3)",
            native.frames().iter().enumerate(),
            |s, (row, f)| s.execute(params![row + 1, f.instruction_pointer as i64, f.parent as i64]),
        )?;
        let segments =
            native.generations().iter().enumerate().flat_map(|(g, segments)| segments.iter().map(move |s| (g, s)));
        self.fill("INSERT INTO segments VALUES (?1, ?2, ?3, ?4, ?5)", segments, |s, (generation, segment)| {
            let (start, end, bias) = (segment.start as i64, segment.end as i64, segment.bias as i64);
            s.execute(params![generation + 1, start, end, segment.path.0, bias])
        })?;
        let names =
            names.iter().flat_map(|(place, locations)| locations.iter().enumerate().map(move |row| (place, row)));
        self.fill("INSERT INTO native_names VALUES (?1, ?2, ?3, ?4)", names, |s, (place, (depth, location))| {
            s.execute(params![place.library.0, place.address as i64, depth, location.0])
        })
    }

    /// Completes the file.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let end = format!("COMMIT; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {INDEX_VERSION};");
        self.connection.execute_batch(&end).map_err(write_error)?;
        self.connection.close().map_err(|(_, error)| write_error(error))
    }
}

impl RowSink for Writer {
    fn row(&mut self, kind: RowKind, row: LifetimeRow) -> Result<(), Error> {
        let age = row.death.0.wrapping_sub(row.birth.0);
        let class = kind as usize * AGE_CLASSES + (u32::BITS - age.leading_zeros()) as usize;
        self.site_count = self.site_count.max(row.site.index() + 1);
        let open = &mut self.open[class];
        open.push(row);
        if open.len() < CHUNK_ROWS {
            return Ok(());
        }
        let mut rows = std::mem::take(open);
        self.chunk(kind, &mut rows)?;
        rows.clear();
        self.open[class] = rows;
        Ok(())
    }
}

fn write_error(error: rusqlite::Error) -> Error {
    Error::Write(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::lifetimes::Lifetimes;

    const SITES: u32 = 1000;
    const HALVES: u32 = 5000;

    /// Rows of all kinds and ages, in order of their deaths.
    fn rows(count: usize) -> Vec<(RowKind, LifetimeRow)> {
        let mut state = 1u64;
        let mut below = |end: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % u64::from(end)) as u32
        };
        let mut rows: Vec<(RowKind, LifetimeRow)> = (0..count)
            .map(|_| {
                let kind = RowKind::ALL[below(3) as usize];
                let birth = below(HALVES);
                let shorter = below(12);
                let age = below(HALVES >> shorter);
                let death = match kind {
                    RowKind::Churn => Half(birth),
                    _ if below(20) == 0 => Half::NEVER,
                    _ => Half(birth + 1 + age),
                };
                let bytes = if kind == RowKind::Piece { 0 } else { u64::from(below(1 << 20)) };
                let site = SiteId(below(SITES));
                (kind, LifetimeRow { site, birth: Half(birth), death, bytes, allocations: 1 + below(9) })
            })
            .collect();
        rows.sort_by_key(|(_, row)| row.death);
        rows
    }

    /// Sums by site of the rows that count, row by row.
    fn by_definition(
        rows: &[(RowKind, LifetimeRow)],
        weight: impl Fn(RowKind, Half, Half) -> i64,
    ) -> Vec<(SiteId, Amount)> {
        let mut sums = vec![Amount::default(); SITES as usize];
        for (kind, row) in rows {
            let weight = weight(*kind, row.birth, row.death);
            sums[row.site.index()].bytes += weight * row.bytes as i64;
            sums[row.site.index()].allocations += weight * i64::from(row.allocations);
        }
        let sites = (0..SITES).map(SiteId).zip(sums);
        sites.filter(|(_, amount)| *amount != Amount::default()).collect()
    }

    #[test]
    fn sums_over_many_chunks_are_those_of_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join("a.mvidx")).unwrap();
        writer.rows_between_sums = 60_000;
        let rows = rows(400_000);
        rows.iter().for_each(|(kind, row)| writer.row(*kind, *row).unwrap());
        writer.flush_all().unwrap();
        assert_eq!(writer.live_at(Half(7), SITES as usize).unwrap().len(), SITES as usize);
        let lifetimes = Lifetimes::new(writer.connection, writer.chunks, SITES as usize);
        assert_eq!(lifetimes.row_count(), rows.len());
        assert!(lifetimes.sums_until().len() >= 4, "{:?}", lifetimes.sums_until());

        let is_live = |at: Option<Half>, birth: Half, death: Half| at.is_some_and(|at| birth <= at && death > at);
        let moments = [None, Some(0), Some(1), Some(700), Some(2499), Some(2500), Some(4998), Some(HALVES)];
        let moments = moments.map(|at| at.map(Half));
        for from in moments {
            for to in moments.into_iter().filter(|to| *to >= from) {
                let difference = by_definition(&rows, |kind, birth, death| {
                    let change = i64::from(is_live(to, birth, death)) - i64::from(is_live(from, birth, death));
                    if kind == RowKind::Churn { 0 } else { change }
                });
                assert_eq!(lifetimes.difference(from, to, None), difference, "{from:?} {to:?}");
                let Some(to) = to else { continue };
                let is_born = |birth: Half| from.is_none_or(|from| birth > from) && birth <= to;
                let born = by_definition(&rows, |kind, birth, _| i64::from(kind != RowKind::Piece && is_born(birth)));
                assert_eq!(lifetimes.born(from, to, None), born, "{from:?} {to:?}");
                let born_and_live = by_definition(&rows, |kind, birth, death| {
                    i64::from(kind == RowKind::Lifetime && is_born(birth) && death > to)
                });
                assert_eq!(lifetimes.born_and_live(from, to, None), born_and_live, "{from:?} {to:?}");
            }
        }
        lifetimes.check().unwrap();
    }
}
