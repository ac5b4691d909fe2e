// SPDX-License-Identifier: Apache-2.0
//! The numbers of the view that is shown, as CSV.

use super::super::view::Tab;
use super::Document;
use crate::{bands_view, growth_view};
use memray_report::export::{Format, export};
use std::fmt::Write as _;
use std::sync::Arc;

/// Writes a CSV text, off the UI thread.
pub(in crate::app) type CsvJob = Box<dyn FnOnce() -> Result<Vec<u8>, String> + Send>;

impl Document {
    /// What writes the numbers that are shown: a table's rows, bands' bytes at each sample, and of a tree its stacks.
    /// `None` where they are not there yet, or not yet those of the view as it is now, or the capture has none.
    pub(in crate::app) fn csv(&self) -> Option<CsvJob> {
        let labels = Arc::clone(&self.labels);
        let answers = &self.answers;
        Some(match self.view.tab {
            Tab::Table => {
                let (question, group_by, rows) = answers.table.clone()?;
                if question != self.view.question() {
                    return None;
                }
                let csv = self.table.csv(&rows, group_by, &labels)?;
                Box::new(move || Ok(csv().into_bytes()))
            }
            Tab::Growth => {
                let (_, by, rows) = answers.growth.clone()?;
                let rows = rows.ok()?;
                Box::new(move || Ok(growth_view::csv_of(&rows, by, &*labels).into_bytes()))
            }
            Tab::Bands => {
                let (charge, filter, bands) = answers.bands.clone()?;
                if filter != self.view.filter {
                    return None;
                }
                let (bands, index) = (bands.ok()?, self.index.clone());
                Box::new(move || Ok(bands_view::csv_of(&bands, charge, index.timeline(), &*labels).into_bytes()))
            }
            Tab::Statistics => {
                let statistics = answers.statistics.clone()?.ok()?;
                Box::new(move || {
                    let mut out = String::from("size_bytes,allocations\r\n");
                    for (size_bytes, allocations) in &statistics.allocations_by_size {
                        let _ = write!(out, "{size_bytes},{allocations}\r\n");
                    }
                    Ok(out.into_bytes())
                })
            }
            Tab::Icicle | Tab::Callers if !self.picture_is_current() => return None,
            Tab::Icicle | Tab::Callers => {
                let (answer, _) = answers.tree()?;
                let (index, answer) = (self.index.clone(), Arc::clone(answer));
                Box::new(move || {
                    let mut out = Vec::new();
                    export(&index, &answer, Format::Csv, &mut out).map_err(|error| error.to_string())?;
                    Ok(out)
                })
            }
        })
    }
}
