// SPDX-License-Identifier: Apache-2.0
//! The chunks of lifetimes in an index file: read when a question first needs them, checked, and kept as far as a bound
//! on memory allows, those read last rather than first.

use crate::columns::{Bounds, Columns, RowKind};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Memory for chunks that are kept: about ten million rows.
const MAX_KEPT_BYTES: usize = 128 << 20;

/// What is known of a chunk without reading it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkInfo {
    pub(crate) id: i64,
    pub(crate) kind: RowKind,
    pub(crate) rows: usize,
    pub(crate) bounds: Bounds,
}

/// Reads a chunk; `None` if it cannot be read.
fn read(connection: &Connection, info: &ChunkInfo) -> Option<Columns> {
    connection
        .prepare_cached("SELECT data FROM lifetimes WHERE id = ?1")
        .and_then(|mut select| select.query_row([info.id], |row| Ok(Columns::decode(row.get_ref(0)?.as_blob()?))))
        .ok()?
}

/// Whether a chunk holds what is said of it.
fn is_right(columns: &Columns, info: &ChunkInfo, site_count: usize) -> bool {
    columns.len() == info.rows && columns.check(&info.bounds, site_count)
}

/// Reads a chunk; `None` if it is not as it should be.
pub(crate) fn read_checked(connection: &Connection, info: &ChunkInfo, site_count: usize) -> Option<Columns> {
    read(connection, info).filter(|columns| is_right(columns, info, site_count))
}

/// Chunks that were read, up to [`MAX_KEPT_BYTES`].
#[derive(Default)]
struct Kept {
    chunks: Vec<Option<Arc<Columns>>>,
    /// Those that are there, in the order in which they were read.
    order: VecDeque<usize>,
    bytes: usize,
}

/// The chunks of an index file.
pub(crate) struct Chunks {
    connection: Mutex<Connection>,
    pub(crate) infos: Vec<ChunkInfo>,
    kept: Mutex<Kept>,
    pub(crate) site_count: usize,
}

impl Chunks {
    /// Those of an index file, read through `connection`.
    pub(crate) fn new(connection: Connection, infos: Vec<ChunkInfo>, site_count: usize) -> Self {
        let kept = Kept { chunks: vec![None; infos.len()], ..Kept::default() };
        Self { connection: Mutex::new(connection), infos, kept: Mutex::new(kept), site_count }
    }

    /// The database that they lie in.
    pub(crate) fn with_connection<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        read(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A chunk; `None` if it is damaged.
    pub(crate) fn chunk(&self, index: usize) -> Option<Arc<Columns>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(columns) = &kept().chunks[index] {
            return Some(Arc::clone(columns));
        }
        let info = &self.infos[index];
        // Only reading is done one by one.
        let columns = self.with_connection(|connection| read(connection, info))?;
        let columns = Arc::new(columns);
        if !is_right(&columns, info, self.site_count) {
            return None;
        }
        kept().keep(index, &columns);
        Some(columns)
    }
}

impl Kept {
    fn keep(&mut self, index: usize, columns: &Arc<Columns>) {
        if self.chunks[index].is_some() {
            return;
        }
        self.chunks[index] = Some(Arc::clone(columns));
        self.order.push_back(index);
        self.bytes += columns.size_bytes();
        while self.bytes > MAX_KEPT_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.chunks[oldest].take().map_or(0, |columns| columns.size_bytes());
        }
    }
}
