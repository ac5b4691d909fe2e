// SPDX-License-Identifier: Apache-2.0
//! `memray-view sql`: a capture's index, asked in SQL.

use crate::arguments::{SqlArguments, SqlOutput};
use crate::failure::Failure;
use crate::{opening, output, signals};
use memray_index::{OpenOptions, Progress, SQL_SCHEMA, SqlError};
use memray_report::sql_rows::{SqlFormat, SqlPrinter};
use std::io::Read as _;
use std::sync::Arc;

pub(crate) fn run(arguments: &SqlArguments, open: &OpenOptions) -> Result<(), Failure> {
    if arguments.schema {
        return output::to_stdout(|out| Ok(out.write_all(SQL_SCHEMA.as_bytes())?));
    }
    let Some(file) = &arguments.file else {
        return Err(Failure::Unanswerable("sql takes a capture and a statement; --schema shows the tables".to_owned()));
    };
    let statement = match arguments.statement.as_deref() {
        None | Some("-") => {
            let mut statement = String::new();
            let unreadable = |error| Failure::Unreadable(format!("the statement cannot be read: {error}"));
            std::io::stdin().lock().read_to_string(&mut statement).map_err(unreadable)?;
            statement
        }
        Some(statement) => statement.to_owned(),
    };
    let index = opening::open(file, open, &Progress::default())?;
    let sql = index.sql(Arc::clone(signals::interrupted()))?;
    let format = match arguments.format {
        SqlOutput::Table => SqlFormat::Table,
        SqlOutput::Csv => SqlFormat::Csv,
        SqlOutput::Json => SqlFormat::Json,
    };
    output::to_stdout(|out| {
        let mut printer = SqlPrinter::new(format, out);
        match sql.query(&statement, &mut printer) {
            // What was found until then is shown.
            Err(SqlError::Interrupted) => {
                printer.finish()?;
                out.flush()?;
                Err(Failure::Interrupted)
            }
            result => {
                result?;
                Ok(printer.finish()?)
            }
        }
    })
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Output(error) => error.into(),
            SqlError::Index(_) => Self::Unreadable(error.to_string()),
            SqlError::Statement(_) => Self::Unanswerable(error.to_string()),
            SqlError::Interrupted => Self::Interrupted,
        }
    }
}
