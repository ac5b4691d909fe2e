// SPDX-License-Identifier: Apache-2.0
//! Sites as a table of SQLite's: [`SiteTable`]. They are in memory already, since every answer is one by site. A statement
//! that joins them by id looks each up at once.

use crate::answer::Amount;
use crate::ids::SiteId;
use crate::store::Store;
use rusqlite::types::Value;
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor, sqlite3_vtab,
};
use rusqlite::{Connection, Error, Result};
use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::sync::Arc;

const NAME: &CStr = c"site_rows";

const DEFINITION: &CStr = c"CREATE TABLE sites (id INTEGER, stack INTEGER, thread INTEGER, allocator INTEGER, \
    size_class INTEGER, peak_bytes INTEGER, peak_allocations INTEGER, leaked_bytes INTEGER, leaked_allocations INTEGER, \
    total_bytes INTEGER, total_allocations INTEGER)";

/// One site is asked for, by its id.
const BY_ID: c_int = 1;

/// Makes the table known to a connection.
pub(super) fn register(connection: &Connection, store: Arc<Store>) -> Result<()> {
    const MODULE: Module<'_, SiteTable> = Module::eponymous_only_module();
    connection.create_module(NAME, &MODULE, Some(store))
}

/// The table. SQLite needs its own part first.
#[repr(C)]
struct SiteTable {
    base: sqlite3_vtab,
    store: Arc<Store>,
}

// SAFETY: the type begins with a `sqlite3_vtab` and has C's layout, as the trait asks.
unsafe impl<'vtab> VTab<'vtab> for SiteTable {
    type Aux = Arc<Store>;
    type Cursor = SiteCursor<'vtab>;

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
        let by_id = info.constraints().position(|constraint| {
            constraint.column() == 0
                && constraint.is_usable()
                && constraint.operator() == IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ
        });
        let rows = match by_id {
            Some(constraint) => {
                // SQLite compares once more, by its own rules.
                info.constraint_usage(constraint).set_argv_index(1);
                info.set_idx_num(BY_ID);
                1
            }
            None => self.store.sites.len(),
        };
        info.set_estimated_rows(rows as i64);
        info.set_estimated_cost(rows as f64);
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<SiteCursor<'vtab>> {
        let store = Arc::clone(&self.store);
        Ok(SiteCursor { base: Default::default(), store, row: 0, end: 0, table: PhantomData })
    }
}

/// A place in the table.
#[repr(C)]
struct SiteCursor<'vtab> {
    base: rusqlite::vtab::sqlite3_vtab_cursor,
    store: Arc<Store>,
    row: usize,
    end: usize,
    table: PhantomData<&'vtab SiteTable>,
}

// SAFETY: the type begins with a `sqlite3_vtab_cursor` and has C's layout, as the trait asks.
unsafe impl VTabCursor for SiteCursor<'_> {
    fn filter(&mut self, number: c_int, _text: Option<&str>, arguments: &Filters<'_>) -> Result<()> {
        let count = self.store.sites.len();
        (self.row, self.end) = (0, count);
        // What is no whole number is compared with each row, by SQLite.
        if number == BY_ID
            && let Value::Integer(id) = arguments.get(0)?
        {
            let id = usize::try_from(id).unwrap_or(count).min(count);
            (self.row, self.end) = (id, (id + 1).min(count));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.row += 1;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.row >= self.end
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let (site, sums) = (&self.store.sites[self.row], &self.store.sums);
        let amount = |sums| amount_of(sums, SiteId(self.row as u32));
        match column {
            0 => context.set_result(self.row as i64),
            1 => context.set_result(site.node.0),
            2 => context.set_result(site.thread.0),
            3 => context.set_result(site.allocator.number()),
            4 => context.set_result(site.size_class.number()),
            5 => context.set_result(amount(&sums.peak).bytes),
            6 => context.set_result(amount(&sums.peak).allocations),
            7 => context.set_result(amount(&sums.leaked).bytes),
            8 => context.set_result(amount(&sums.leaked).allocations),
            9 => context.set_result(amount(&sums.total).bytes),
            _ => context.set_result(amount(&sums.total).allocations),
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.row as i64)
    }
}

/// What a site contributes; sums are in order of sites, and only of those that contribute.
fn amount_of(sums: &[(SiteId, Amount)], site: SiteId) -> Amount {
    // Most often all do, and none stands after its own place.
    let end = sums.len().min(site.index() + 1);
    match sums[..end].last() {
        Some(&(last, amount)) if last == site => amount,
        _ => sums[..end].binary_search_by_key(&site, |(id, _)| *id).map_or_else(|_| Amount::default(), |at| sums[at].1),
    }
}
