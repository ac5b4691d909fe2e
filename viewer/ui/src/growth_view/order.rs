// SPDX-License-Identifier: Apache-2.0
//! Sorting a ranking's rows.

use super::{delta, shape_word};
use crate::labels::Labels;
use crate::row_name::RowName;
use memray_index::{GroupBy, GrowthRow};
use std::sync::Arc;

/// What a column sorts by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SortBy {
    Name,
    #[default]
    Delta,
    Slope,
    After,
    Shape,
}

/// By what, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) by: SortBy,
    pub(super) is_descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: SortBy::Delta, is_descending: true }
    }
}

impl Sort {
    /// After a click on a column's heading: numbers begin with the largest, words with the first.
    pub(super) fn clicked(self, by: SortBy) -> Self {
        let is_descending =
            if by == self.by { !self.is_descending } else { !matches!(by, SortBy::Name | SortBy::Shape) };
        Self { by, is_descending }
    }
}

/// What an order depends on.
#[derive(Clone)]
pub(super) struct OrderKey {
    pub(super) rows: Arc<Vec<GrowthRow>>,
    pub(super) sort: Sort,
}

impl PartialEq for OrderKey {
    fn eq(&self, other: &Self) -> bool {
        self.sort == other.sort && self.has_same_rows(other)
    }
}

impl OrderKey {
    pub(super) fn has_same_rows(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows)
    }

    /// The rows in order; ties keep the order in which they were given.
    pub(super) fn order(&self, group_by: GroupBy, labels: &dyn Labels) -> Vec<u32> {
        let rows = &*self.rows;
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let row = |at: &u32| &rows[*at as usize];
        let name = |at: &u32| RowName::of(row(at).key, group_by, labels).name.to_lowercase();
        match self.sort.by {
            SortBy::Name => order.sort_by_cached_key(name),
            SortBy::Shape => order.sort_by_key(|at| shape_word(row(at).shape)),
            SortBy::Delta => order.sort_by_key(|at| delta(row(at))),
            SortBy::After => order.sort_by_key(|at| row(at).after.bytes),
            SortBy::Slope => order.sort_by(|a, b| row(a).slope_bytes_per_hour.total_cmp(&row(b).slope_bytes_per_hour)),
        }
        if self.sort.is_descending {
            order.reverse();
        }
        order
    }
}
