// SPDX-License-Identifier: Apache-2.0
//! Lifetimes as a table of SQLite's: [`LifetimeTable`]. They are stored as packed columns, and a statement may be about ten
//! million of them, so they are unpacked row by row as SQLite asks.

use crate::columns::{Columns, RowKind};
use crate::store::Store;
use rusqlite::vtab::{Context, Filters, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor, sqlite3_vtab};
use rusqlite::{Connection, Error, Result};
use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::sync::Arc;

const NAME: &CStr = c"lifetime_rows";

const DEFINITION: &CStr = c"CREATE TABLE lifetimes (site INTEGER, born_ms INTEGER, died_ms INTEGER, bytes INTEGER, \
    allocations INTEGER)";

/// Makes the table known to a connection.
pub(super) fn register(connection: &Connection, store: Arc<Store>) -> Result<()> {
    const MODULE: Module<'_, LifetimeTable> = Module::eponymous_only_module();
    connection.create_module(NAME, &MODULE, Some(store))
}

/// The table. SQLite needs its own part first.
#[repr(C)]
struct LifetimeTable {
    base: sqlite3_vtab,
    store: Arc<Store>,
}

// SAFETY: the type begins with a `sqlite3_vtab` and has C's layout, as the trait asks.
unsafe impl<'vtab> VTab<'vtab> for LifetimeTable {
    type Aux = Arc<Store>;
    type Cursor = LifetimeCursor<'vtab>;

    fn connect(
        db: &mut VTabConnection,
        store: Option<&Arc<Store>>,
        _module_name: &[u8],
        _database_name: &[u8],
        _table_name: &[u8],
        _arguments: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        // It only reads, so views may use it.
        db.config(VTabConfig::Innocuous)?;
        let store = store.ok_or_else(|| Error::ModuleError("there is no index".to_owned()))?;
        Ok((Cow::Borrowed(DEFINITION), Self { base: sqlite3_vtab::default(), store: Arc::clone(store) }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        // There is but one way.
        let rows = self.store.lifetimes.row_count();
        info.set_estimated_rows(rows as i64);
        info.set_estimated_cost(rows as f64);
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<LifetimeCursor<'vtab>> {
        Ok(LifetimeCursor {
            base: Default::default(),
            store: Arc::clone(&self.store),
            chunk: 0,
            columns: None,
            row: 0,
            table: PhantomData,
        })
    }
}

/// A place in the table.
#[repr(C)]
struct LifetimeCursor<'vtab> {
    base: rusqlite::vtab::sqlite3_vtab_cursor,
    store: Arc<Store>,
    chunk: usize,
    /// The chunk's rows; none once all are done.
    columns: Option<Arc<Columns>>,
    row: usize,
    table: PhantomData<&'vtab LifetimeTable>,
}

impl LifetimeCursor<'_> {
    /// Goes to the first row at or after the place in the chunk.
    fn settle(&mut self) -> Result<()> {
        let lifetimes = &self.store.lifetimes;
        while self.columns.as_ref().is_none_or(|columns| self.row >= columns.len()) {
            if self.columns.take().is_some() {
                self.chunk += 1;
            }
            self.row = 0;
            // Pieces are of mappings that are counted already, and sums are of other rows.
            let Some(kind) = lifetimes.kind(self.chunk) else { return Ok(()) };
            if !matches!(kind, RowKind::Lifetime | RowKind::Churn) {
                self.chunk += 1;
                continue;
            }
            let damaged = || Error::ModuleError("the index is damaged: make it anew from its capture".to_owned());
            self.columns = Some(lifetimes.chunk(self.chunk).ok_or_else(damaged)?);
        }
        Ok(())
    }
}

// SAFETY: the type begins with a `sqlite3_vtab_cursor` and has C's layout, as the trait asks.
unsafe impl VTabCursor for LifetimeCursor<'_> {
    fn filter(&mut self, _number: c_int, _text: Option<&str>, _arguments: &Filters<'_>) -> Result<()> {
        (self.chunk, self.row, self.columns) = (0, 0, None);
        self.settle()
    }

    fn next(&mut self) -> Result<()> {
        self.row += 1;
        self.settle()
    }

    fn eof(&self) -> bool {
        self.columns.is_none()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let Some(columns) = &self.columns else { return Ok(()) };
        let rows = columns.rows();
        let (born, died) = rows.times(self.row);
        // SQLite's numbers have a sign.
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        match column {
            0 => context.set_result(rows.site(self.row).0),
            1 => context.set_result(self.store.ages().born_ms(born)),
            2 => context.set_result(self.store.ages().died_ms(died)),
            3 => context.set_result(number(rows.bytes(self.row))),
            _ => context.set_result(number(rows.allocations(self.row))),
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(((self.chunk as i64) << 32) | self.row as i64)
    }
}
