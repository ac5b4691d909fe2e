// SPDX-License-Identifier: Apache-2.0
//! SQL over an index: [`Sql`]. Statements see views with readable names over the stored tables, and sites and lifetimes
//! as tables, though they are stored as columns. Nothing but reading is allowed: SQLite asks [`allow`] about all that a statement does.

mod facts;
mod lifetimes;
mod sites;

use crate::store::Store;
use memray_format::Allocator;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The tables that statements see, with what they hold; in SQL.
pub const SCHEMA: &str = include_str!("views.sql");

/// So many steps of SQLite's machine go by between two looks at whether to stop: a fraction of a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// Why a statement has no rows, or no more of them.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// It is wrong, or does more than read; the message says what SQLite says.
    #[error("{0}")]
    Statement(String),
    /// It was interrupted.
    #[error("the query was interrupted")]
    Interrupted,
    /// The index cannot be read.
    #[error("the index cannot be read: {0}")]
    Index(String),
    /// The rows cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// A value of a row. Text is bytes: names in a program need not be UTF-8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SqlValue<'a> {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// Text.
    Text(&'a [u8]),
    /// Bytes that are no text.
    Blob(&'a [u8]),
}

/// Takes the rows of a statement.
pub trait SqlRows {
    /// Its columns, before any row; also if there is none.
    ///
    /// # Errors
    /// If they cannot be written; no row follows then.
    fn columns(&mut self, names: &[String]) -> io::Result<()>;

    /// One row.
    ///
    /// # Errors
    /// As for columns.
    fn row(&mut self, values: &[SqlValue<'_>]) -> io::Result<()>;
}

/// An index that can be asked in SQL.
pub struct Sql {
    connection: Connection,
}

impl Sql {
    /// Over a connection to an index file that nobody else uses. Statements end soon after `interrupted` is set.
    pub(crate) fn new(
        mut connection: Connection,
        store: &Arc<Store>,
        interrupted: Arc<AtomicBool>,
    ) -> rusqlite::Result<Self> {
        // Views are of the connection alone, and their making no change of the file; from then on there is none of them.
        connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA query_only = OFF;")?;
        lifetimes::register(&connection, Arc::clone(store))?;
        sites::register(&connection, Arc::clone(store))?;
        connection.execute_batch("CREATE TEMP TABLE allocators (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")?;
        for allocator in (0..=u8::MAX).filter_map(Allocator::from_number) {
            let row = (allocator.number(), allocator.name());
            connection.execute("INSERT INTO allocators VALUES (?1, ?2)", row)?;
        }
        facts::fill(&connection, store)?;
        let start_time_ms = store.timeline.start_time_ms.to_string();
        connection.execute_batch(&SCHEMA.replace("@START@", &start_time_ms))?;
        connection.execute_batch("PRAGMA query_only = ON")?;
        connection.authorizer(Some(allow))?;
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || interrupted.load(Ordering::Relaxed)))?;
        Ok(Self { connection })
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// If it is wrong, does more than read, is interrupted, or its rows are not taken.
    pub fn query(&self, statement: &str, rows: &mut dyn SqlRows) -> Result<(), SqlError> {
        if statement.contains('\0') {
            // SQLite would run what stands before it, and say nothing of the rest.
            return Err(SqlError::Statement("the statement has a zero byte in it".to_owned()));
        }
        let mut prepared = self.connection.prepare(statement).map_err(said)?;
        let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        if names.is_empty() {
            return Err(SqlError::Statement("the statement asks for no columns: only SELECT is allowed".to_owned()));
        }
        let mut found = prepared.query([]).map_err(said)?;
        rows.columns(&names)?;
        while let Some(row) = found.next().map_err(said)? {
            let value = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => SqlValue::Null,
                    ValueRef::Integer(integer) => SqlValue::Integer(integer),
                    ValueRef::Real(real) => SqlValue::Real(real),
                    ValueRef::Text(text) => SqlValue::Text(text),
                    ValueRef::Blob(blob) => SqlValue::Blob(blob),
                })
            };
            let values = (0..names.len()).map(value).collect::<rusqlite::Result<Vec<_>>>().map_err(said)?;
            rows.row(&values)?;
        }
        Ok(())
    }
}

/// Reading, and nothing else. All that SQLite could do to a file, to other files and to itself has actions of its own.
fn allow(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

/// What SQLite said of a statement.
fn said(error: rusqlite::Error) -> SqlError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => SqlError::Interrupted,
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            SqlError::Statement("only reading is allowed: SELECT, and no pragma".to_owned())
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::SystemIoFailure | ErrorCode::NotADatabase) => {
            SqlError::Index(error.to_string())
        }
        Some(ErrorCode::OutOfMemory) => SqlError::Index("there is not enough memory for this query".to_owned()),
        _ => match error {
            rusqlite::Error::SqlInputError { msg, .. } | rusqlite::Error::SqliteFailure(_, Some(msg)) => {
                SqlError::Statement(msg)
            }
            rusqlite::Error::MultipleStatement => SqlError::Statement("only one statement at a time".to_owned()),
            error => SqlError::Statement(error.to_string()),
        },
    }
}
