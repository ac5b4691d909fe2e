// SPDX-License-Identifier: Apache-2.0
//! The numbers of a comparison, as CSV.

use super::super::document::CsvJob;
use super::CompareDocument;
use super::view::CompareTab;
use memray_report::comparison::write_stacks_csv;
use std::sync::Arc;

impl CompareDocument {
    /// What writes the numbers that are shown: the table's rows, or of trees the stacks of both. `None` where they are not
    /// there yet, or not yet those of the view as it is now.
    pub(in crate::app) fn csv(&self) -> Option<CsvJob> {
        if !self.picture_is_current() {
            return None;
        }
        if self.view.tab == CompareTab::Table {
            let (group_by, rows) = self.answers.table.as_ref()?;
            let csv = self.table.csv(rows, *group_by, self.answers.labels.as_ref()?)?;
            let is_shown = *group_by == self.view.group_by && self.is_done;
            return is_shown.then(|| Box::new(move || Ok(csv().into_bytes())) as CsvJob);
        }
        let comparison = Arc::clone(&self.answers.picture.as_ref()?.comparison);
        let tree = Arc::clone(self.compared()?.trees.last()?);
        let only_vanished = self.view.tab == CompareTab::Union && self.view.only_vanished;
        Some(Box::new(move || {
            let mut out = Vec::new();
            write_stacks_csv(&comparison, &tree, only_vanished, &mut out).map_err(|error| error.to_string())?;
            Ok(out)
        }))
    }
}
