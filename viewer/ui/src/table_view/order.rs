// SPDX-License-Identifier: Apache-2.0
//! Sorting and filtering a table's rows.

use crate::labels::Labels;
use crate::row_name::RowName;
use crate::row_order;
use memray_index::{GroupBy, Row, RowKey};

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

impl row_order::SortBy for SortBy {
    fn is_words(self) -> bool {
        matches!(self, Self::Name | Self::Place)
    }
}

/// What a table's order depends on.
pub(super) type Arrangement = row_order::Arrangement<Row, SortBy>;

/// The rows that match, in order.
pub(super) fn order(arrangement: &Arrangement, group_by: GroupBy, labels: &dyn Labels) -> Vec<u32> {
    let name = |row: &Row| RowName::of(row.key, group_by, labels);
    let mut order = arrangement.matching(|row, hits| matches(row, &**hits, group_by, labels));
    match arrangement.sort.by {
        SortBy::Inclusive => arrangement.sort_by(&mut order, |row| row.inclusive.bytes),
        SortBy::Own => arrangement.sort_by(&mut order, |row| row.own.bytes),
        SortBy::Allocations => arrangement.sort_by(&mut order, |row| row.inclusive.allocations),
        SortBy::Name => arrangement.sort_by(&mut order, |row| name(row).sorted_name()),
        SortBy::Place => arrangement.sort_by(&mut order, |row| name(row).sorted_place()),
    }
    order
}

/// Whether function, file or module of a row match.
fn matches(row: &Row, hits: &dyn Fn(&str) -> bool, group_by: GroupBy, labels: &dyn Labels) -> bool {
    let name = RowName::of(row.key, group_by, labels);
    hits(&name.name)
        || (!name.path.is_empty() && hits(&name.path))
        || matches!(row.key, RowKey::Location(location) if hits(&labels.location(location).module))
}
