// SPDX-License-Identifier: Apache-2.0
//! Rows of a query as they are printed: [`SqlPrinter`]. A table for people, whose widths the first rows give; CSV and JSON
//! for programs, row by row, however many there are.

use crate::escape::{csv_cell, visible};
use memray_index::{SqlRows, SqlValue};
use std::io::{self, Write};

/// So many rows are kept until a table's widths are known.
const ROWS_FOR_WIDTHS: usize = 500;

/// No column of a table is wider because of its first rows.
const MOST_CHARS: usize = 80;

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlFormat {
    /// Columns side by side.
    Table,
    /// A heading and a line each, commas between.
    Csv,
    /// One array of objects.
    Json,
}

/// Prints rows.
pub struct SqlPrinter<'a> {
    format: SqlFormat,
    out: &'a mut dyn Write,
    names: Vec<String>,
    /// A table's first rows, until they are printed.
    first: Vec<Vec<Cell>>,
    widths: Vec<usize>,
    has_rows: bool,
}

/// A cell of a table.
struct Cell {
    text: String,
    is_number: bool,
}

impl<'a> SqlPrinter<'a> {
    /// Prints to `out`.
    pub fn new(format: SqlFormat, out: &'a mut dyn Write) -> Self {
        Self { format, out, names: Vec::new(), first: Vec::new(), widths: Vec::new(), has_rows: false }
    }

    /// Prints what is still kept. To be called after the last row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        match self.format {
            SqlFormat::Table => self.first_rows(),
            SqlFormat::Csv => Ok(()),
            SqlFormat::Json => writeln!(self.out, "{}", if self.has_rows { "\n]" } else { "[]" }),
        }
    }

    /// Prints a table's heading and the rows that were kept.
    fn first_rows(&mut self) -> io::Result<()> {
        if !self.widths.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.first);
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count());
            cells.chain([self.names[column].chars().count()]).max().unwrap_or(0).min(MOST_CHARS)
        };
        self.widths = (0..self.names.len()).map(width).collect();
        // A heading stands over its numbers.
        let is_number = |column: usize| rows.first().and_then(|row| row.get(column)).is_some_and(|cell| cell.is_number);
        let heading = |(column, name): (usize, &String)| Cell { text: name.clone(), is_number: is_number(column) };
        let heading: Vec<Cell> = self.names.iter().enumerate().map(heading).collect();
        let rule: Vec<Cell> =
            self.widths.iter().map(|&width| Cell { text: "\u{2500}".repeat(width), is_number: false }).collect();
        self.line(&heading)?;
        self.line(&rule)?;
        rows.iter().try_for_each(|row| self.line(row))
    }

    fn line(&mut self, row: &[Cell]) -> io::Result<()> {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&self.widths) {
            let padding = " ".repeat(width.saturating_sub(cell.text.chars().count()));
            let (before, after) = if cell.is_number { (&*padding, "") } else { ("", &*padding) };
            line.push_str(&format!("{before}{}{after}  ", cell.text));
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

impl SqlRows for SqlPrinter<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.names = names.iter().map(|name| visible(name).into_owned()).collect();
        if self.format == SqlFormat::Json {
            tell_apart(&mut self.names);
        }
        match self.format {
            SqlFormat::Csv => {
                let cells: Vec<_> = self.names.iter().map(|name| csv_cell(name)).collect();
                write!(self.out, "{}\r\n", cells.join(","))
            }
            SqlFormat::Table | SqlFormat::Json => Ok(()),
        }
    }

    fn row(&mut self, values: &[SqlValue<'_>]) -> io::Result<()> {
        match self.format {
            SqlFormat::Table => {
                let row: Vec<Cell> = values.iter().map(cell).collect();
                if !self.widths.is_empty() {
                    return self.line(&row);
                }
                self.first.push(row);
                if self.first.len() == ROWS_FOR_WIDTHS { self.first_rows() } else { Ok(()) }
            }
            SqlFormat::Csv => {
                let text = |value: &SqlValue<'_>| match value {
                    SqlValue::Null => String::new(),
                    SqlValue::Text(bytes) => csv_cell(&String::from_utf8_lossy(bytes)).into_owned(),
                    // A number is none of what a spreadsheet would take for a formula.
                    other => cell(other).text,
                };
                write!(self.out, "{}\r\n", values.iter().map(text).collect::<Vec<_>>().join(","))
            }
            SqlFormat::Json => {
                self.out.write_all(if self.has_rows { b",\n  " } else { b"[\n  " })?;
                self.has_rows = true;
                // In the order of the columns, which a map would not keep.
                let members: Vec<String> = self
                    .names
                    .iter()
                    .zip(values)
                    .map(|(name, value)| format!("{}: {}", serde_json::Value::from(name.as_str()), json(value)))
                    .collect();
                write!(self.out, "{{{}}}", members.join(", "))
            }
        }
    }
}

/// Numbers names that are there already, as an object has each name once: `bytes`, `bytes:2`.
fn tell_apart(names: &mut [String]) {
    for at in 1..names.len() {
        let name = names[at].clone();
        let numbered = (2_usize..).map(|number| format!("{name}:{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !names[..at].contains(name));
        names[at] = free.unwrap_or(name);
    }
}

fn cell(value: &SqlValue<'_>) -> Cell {
    let (text, is_number) = match value {
        SqlValue::Null => ("NULL".to_owned(), false),
        SqlValue::Integer(integer) => (integer.to_string(), true),
        SqlValue::Real(real) => (real.to_string(), true),
        SqlValue::Text(bytes) => (visible(&String::from_utf8_lossy(bytes)).into_owned(), false),
        SqlValue::Blob(bytes) => (hex(bytes), false),
    };
    Cell { text, is_number }
}

fn json(value: &SqlValue<'_>) -> serde_json::Value {
    match value {
        SqlValue::Null => serde_json::Value::Null,
        SqlValue::Integer(integer) => (*integer).into(),
        // JSON has no infinities.
        SqlValue::Real(real) => serde_json::Number::from_f64(*real).into(),
        SqlValue::Text(bytes) => String::from_utf8_lossy(bytes).into(),
        SqlValue::Blob(bytes) => hex(bytes).into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: SqlFormat, rows: &[&[SqlValue<'_>]]) -> String {
        let mut out = Vec::new();
        let mut printer = SqlPrinter::new(format, &mut out);
        printer.columns(&["function".to_owned(), "bytes".to_owned()]).unwrap();
        rows.iter().for_each(|row| printer.row(row).unwrap());
        printer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    const ROWS: [&[SqlValue<'static>]; 3] = [
        &[SqlValue::Text(b"<module>"), SqlValue::Integer(1_204_311)],
        &[SqlValue::Text(b"a,\"b\" \xff"), SqlValue::Real(0.5)],
        &[SqlValue::Null, SqlValue::Blob(&[0, 255])],
    ];

    #[test]
    fn a_table_has_its_numbers_to_the_right() {
        let rule = |length| "\u{2500}".repeat(length);
        let expected = format!(
            "function    bytes\n{}  {}\n<module>  1204311\na,\"b\" \u{fffd}       0.5\nNULL      x'00ff'\n",
            rule(8),
            rule(7)
        );
        assert_eq!(printed(SqlFormat::Table, &ROWS), expected);
    }

    #[test]
    fn csv_quotes_what_has_commas_and_leaves_nothing_empty() {
        let expected = "function,bytes\r\n<module>,1204311\r\n\"a,\"\"b\"\" \u{fffd}\",0.5\r\n,x'00ff'\r\n";
        assert_eq!(printed(SqlFormat::Csv, &ROWS), expected);
    }

    #[test]
    fn columns_of_one_name_are_told_apart_in_json() {
        let mut names: Vec<String> = ["a", "b", "a", "a", "a:2"].map(str::to_owned).to_vec();
        tell_apart(&mut names);
        assert_eq!(names, ["a", "b", "a:2", "a:3", "a:2:2"]);
    }

    #[test]
    fn json_is_an_array_also_without_rows() {
        let parsed: serde_json::Value = serde_json::from_str(&printed(SqlFormat::Json, &ROWS)).unwrap();
        assert_eq!(parsed[0], serde_json::json!({"function": "<module>", "bytes": 1_204_311}));
        assert_eq!(parsed[2], serde_json::json!({"function": null, "bytes": "x'00ff'"}));
        assert_eq!(printed(SqlFormat::Json, &[]), "[]\n");
    }
}
