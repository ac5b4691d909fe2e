// SPDX-License-Identifier: Apache-2.0
//! Sorting and filtering a table's rows.

use crate::labels::Labels;
use crate::row_name::RowName;
use memray_index::{GroupBy, Row};
use std::sync::Arc;

/// Whether a name matches the search. Given anew only when the search changes.
pub type Hits = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What a column means, and so what it sorts by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SortBy {
    Name,
    Place,
    #[default]
    Inclusive,
    Own,
    Allocations,
}

/// By what, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) by: SortBy,
    pub(super) is_descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: SortBy::Inclusive, is_descending: true }
    }
}

impl Sort {
    /// After a click on a column's heading: numbers begin with the largest, names with the first.
    pub(super) fn clicked(self, by: SortBy) -> Self {
        if by == self.by {
            Self { by, is_descending: !self.is_descending }
        } else {
            Self { by, is_descending: !matches!(by, SortBy::Name | SortBy::Place) }
        }
    }
}

/// What an order depends on.
#[derive(Clone)]
pub(super) struct OrderKey {
    pub(super) rows: Arc<Vec<Row>>,
    pub(super) sort: Sort,
    pub(super) hits: Option<Hits>,
}

impl PartialEq for OrderKey {
    fn eq(&self, other: &Self) -> bool {
        let same_hits = match (&self.hits, &other.hits) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_hits && self.sort == other.sort && self.has_same_rows(other)
    }
}

/// Names are compared by this much of them.
const COMPARED_BYTES: usize = 256;

impl OrderKey {
    pub(super) fn has_same_rows(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows)
    }

    /// The rows that match, in order. Ties keep the order in which rows were given.
    pub(super) fn order(&self, group_by: GroupBy, labels: &dyn Labels) -> Vec<u32> {
        let row_count = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = match &self.hits {
            None => (0..row_count).collect(),
            Some(hits) => {
                (0..row_count).filter(|row| matches(&self.rows[*row as usize], &**hits, group_by, labels)).collect()
            }
        };
        let row = |at: &u32| &self.rows[*at as usize];
        match self.sort.by {
            SortBy::Inclusive => self.sort_by(&mut order, |at| row(at).inclusive.bytes),
            SortBy::Own => self.sort_by(&mut order, |at| row(at).own.bytes),
            SortBy::Allocations => self.sort_by(&mut order, |at| row(at).inclusive.allocations),
            SortBy::Name => self.sort_by(&mut order, |at| folded(&RowName::of(row(at).key, group_by, labels).name)),
            SortBy::Place => self.sort_by(&mut order, |at| {
                let name = RowName::of(row(at).key, group_by, labels);
                (folded(&name.path), name.line)
            }),
        }
        order
    }

    fn sort_by<By: Ord>(&self, order: &mut [u32], by: impl Fn(&u32) -> By) {
        if self.sort.is_descending {
            order.sort_by_cached_key(|at| std::cmp::Reverse(by(at)));
        } else {
            order.sort_by_cached_key(by);
        }
    }
}

/// A name as it is compared: whatever the case.
fn folded(name: &str) -> String {
    let end = name.char_indices().map(|(at, _)| at).take_while(|at| *at <= COMPARED_BYTES).last().unwrap_or(0);
    let part = if name.len() <= COMPARED_BYTES { name } else { &name[..end] };
    part.to_lowercase()
}

/// Whether function, file or module of a row match.
fn matches(row: &Row, hits: &dyn Fn(&str) -> bool, group_by: GroupBy, labels: &dyn Labels) -> bool {
    let name = RowName::of(row.key, group_by, labels);
    hits(&name.name)
        || (!name.path.is_empty() && hits(&name.path))
        || matches!(row.key, memray_index::RowKey::Location(location) if hits(&labels.location(location).module))
}
