// SPDX-License-Identifier: Apache-2.0
//! Writes an index file: lifetimes while the capture is read, everything else at its end, in one transaction.

use super::schema::{APPLICATION_ID, INDEX_VERSION, TABLES};
use crate::build::aggregate::{RowSink, Slice};
use crate::call_tree::CallTree;
use crate::columns::{CHUNK_ROWS, Columns, Half, LifetimeRow, RowKind};
use crate::error::Error;
use crate::ids::{LocationId, NodeId, SiteId};
use crate::index::Thread;
use crate::location::{FrameKind, Location};
use crate::names::Names;
use crate::native::frames::NativeFrames;
use crate::native::place::NativeNames;
use crate::site::Site;
use crate::timeline::SnapshotRow;
use rusqlite::{Connection, OpenFlags, ToSql, params};
use std::path::Path;

/// Writes an index file.
pub(crate) struct Writer {
    connection: Connection,
    open: [OpenChunk; 3],
}

/// A chunk that is filling.
#[derive(Default)]
struct OpenChunk {
    columns: Columns,
    births: Option<(Half, Half)>,
    deaths: Option<(Half, Half)>,
}

/// A site's row: what it contributes to the answers that are kept ready, as (bytes, allocations).
#[derive(Clone, Copy, Default)]
pub(crate) struct SiteRow {
    pub(crate) peak: (i64, i64),
    pub(crate) leaked: (i64, i64),
    pub(crate) total: (i64, i64),
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
        Ok(Self { connection, open: Default::default() })
    }

    fn flush(&mut self, kind: RowKind) -> Result<(), Error> {
        let chunk = &mut self.open[kind as usize];
        let (Some(births), Some(deaths)) = (chunk.births.take(), chunk.deaths.take()) else { return Ok(()) };
        let data = chunk.columns.encode().map_err(|e| Error::Write(e.to_string()))?;
        let rows = chunk.columns.len();
        chunk.columns.clear();
        self.connection
            .prepare_cached(
                "INSERT INTO lifetimes (kind, rows, min_birth, max_birth, min_death, max_death, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut insert| {
                insert.execute(params![kind as u8, rows, births.0.0, births.1.0, deaths.0.0, deaths.1.0, data])
            })
            .map_err(write_error)?;
        Ok(())
    }

    /// Writes what is left of the lifetimes.
    pub(crate) fn flush_all(&mut self) -> Result<(), Error> {
        [RowKind::Lifetime, RowKind::Piece, RowKind::Churn].into_iter().try_for_each(|kind| self.flush(kind))
    }

    /// Reads back every chunk written so far that may be live at an instant, and sums by site what is.
    pub(crate) fn live_at(&self, at: Half, site_count: usize) -> Result<Vec<(i64, i64)>, Error> {
        let mut sums = vec![(0i64, 0i64); site_count];
        let mut select = self
            .connection
            .prepare("SELECT data FROM lifetimes WHERE kind <> ?1 AND min_birth <= ?2 AND max_death > ?2")?;
        let mut rows = select.query(params![RowKind::Churn as u8, at.0])?;
        while let Some(row) = rows.next()? {
            let Some(columns) = Columns::decode(row.get_ref(0)?.as_blob().unwrap_or_default(), site_count) else {
                return Err(Error::Write("a chunk does not read back".to_owned()));
            };
            for row in 0..columns.len() {
                if columns.births[row] <= at.0 && columns.deaths[row] > at.0 {
                    let sum = &mut sums[columns.sites[row] as usize];
                    sum.0 = sum.0.wrapping_add(columns.bytes[row] as i64);
                    sum.1 += i64::from(columns.allocations[row]);
                }
            }
        }
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
    pub(crate) fn sites(&self, sites: &[Site], sums: &[SiteRow]) -> Result<(), Error> {
        let insert = "INSERT INTO sites VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        self.fill(insert, sites.iter().zip(sums).enumerate(), |s, (id, (site, sum))| {
            let (frame, generation) = site.native.map_or((0, 0), |native| (native.frame, native.generation));
            s.execute(params![
                id,
                site.node.0,
                site.thread.0,
                site.allocator.number(),
                frame,
                generation,
                sum.peak.0,
                sum.peak.1,
                sum.leaked.0,
                sum.leaked.1,
                sum.total.0,
                sum.total.1
            ])
        })
    }

    /// Writes the snapshots and slices.
    pub(crate) fn timeline(&self, snapshots: &[SnapshotRow], slices: &[Slice]) -> Result<(), Error> {
        self.fill("INSERT INTO snapshots VALUES (?1, ?2, ?3, ?4)", snapshots.iter().enumerate(), |s, (id, row)| {
            s.execute(params![id, row.time_ms, row.rss_bytes as i64, row.heap_bytes as i64])
        })?;
        self.fill("INSERT INTO slices VALUES (?1, ?2, ?3, ?4)", slices.iter().enumerate(), |s, (id, slice)| {
            s.execute(params![id, slice.interval, slice.peak_bytes as i64, slice.end_bytes as i64])
        })
    }

    /// Writes what temporary allocations are counted from.
    pub(crate) fn temporary(&self, rows: &[(SiteId, u32, u64, u64)]) -> Result<(), Error> {
        let insert = "INSERT INTO temporary VALUES (?1, ?2, ?3, ?4)";
        self.fill(insert, rows.iter(), |s, (site, distance, bytes, allocations)| {
            s.execute(params![site.0, distance, *bytes as i64, *allocations as i64])
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
        let chunk = &mut self.open[kind as usize];
        chunk.columns.push(row);
        let widen = |bounds: Option<(Half, Half)>, value: Half| {
            Some(bounds.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        };
        chunk.births = widen(chunk.births, row.birth);
        chunk.deaths = widen(chunk.deaths, row.death);
        if chunk.columns.len() >= CHUNK_ROWS { self.flush(kind) } else { Ok(()) }
    }
}

fn write_error(error: rusqlite::Error) -> Error {
    Error::Write(error.to_string())
}
