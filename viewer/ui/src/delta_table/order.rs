// SPDX-License-Identifier: Apache-2.0
//! Sorting and filtering the rows of a table of two captures.

use crate::labels::Labels;
use crate::row_name::RowName;
use crate::row_order;
use memray_compare::{DeltaKey, DeltaRow};
use memray_index::GroupBy;

/// What a column means, and so what it sorts by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SortBy {
    Name,
    Place,
    Before,
    After,
    #[default]
    Change,
    Share,
    Allocations,
}

impl SortBy {
    /// In the order of the columns.
    pub(super) const ALL: [Self; 7] =
        [Self::Name, Self::Place, Self::Before, Self::After, Self::Change, Self::Share, Self::Allocations];
}

impl row_order::SortBy for SortBy {
    fn is_words(self) -> bool {
        matches!(self, Self::Name | Self::Place)
    }
}

/// What a table's order depends on.
pub(super) type Arrangement = row_order::Arrangement<DeltaRow, SortBy>;

/// The rows that match, in order. Changes are sorted whichever way they go.
pub(super) fn order(arrangement: &Arrangement, group_by: GroupBy, labels: &dyn Labels) -> Vec<u32> {
    let sorted_name = |row: &DeltaRow| RowName::of_delta(&row.key, group_by, labels).sorted_name();
    let sorted_place = |row: &DeltaRow| RowName::of_delta(&row.key, group_by, labels).sorted_place();
    let mut order = arrangement.matching(|row, hits| matches(row, &**hits, group_by, labels));
    match arrangement.sort.by {
        SortBy::Name => arrangement.sort_by(&mut order, sorted_name),
        SortBy::Place => arrangement.sort_by(&mut order, sorted_place),
        SortBy::Before => arrangement.sort_by(&mut order, |row| row.inclusive.before.bytes),
        SortBy::After => arrangement.sort_by(&mut order, |row| row.inclusive.after.bytes),
        SortBy::Change => arrangement.sort_by(&mut order, |row| row.inclusive.bytes().abs()),
        SortBy::Share => arrangement.sort_by(&mut order, share),
        SortBy::Allocations => arrangement.sort_by(&mut order, |row| row.inclusive.allocations().abs()),
    }
    order
}

/// The change as a share of what was before, in millionths; what is new has the largest.
fn share(row: &DeltaRow) -> i128 {
    match row.inclusive.before.bytes.unsigned_abs() {
        0 => i128::MAX,
        before => row.inclusive.bytes() * 1_000_000 / i128::from(before),
    }
}

/// Whether function, file or module of a row match.
fn matches(row: &DeltaRow, hits: &dyn Fn(&str) -> bool, group_by: GroupBy, labels: &dyn Labels) -> bool {
    let name = RowName::of_delta(&row.key, group_by, labels);
    hits(&name.name)
        || (!name.path.is_empty() && hits(&name.path))
        || matches!(row.key, DeltaKey::Location(location)
            if location != memray_index::LocationId::NONE && hits(&labels.location(location).module))
}
