// SPDX-License-Identifier: Apache-2.0
//! Sorting a ranking's rows.

use super::{delta, shape_word};
use crate::labels::Labels;
use crate::row_name::RowName;
use crate::row_order;
use memray_index::{GroupBy, GrowthRow};

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

impl row_order::SortBy for SortBy {
    fn is_words(self) -> bool {
        matches!(self, Self::Name | Self::Shape)
    }
}

/// What a ranking's order depends on.
pub(super) type Arrangement = row_order::Arrangement<GrowthRow, SortBy>;

/// The rows in order.
pub(super) fn order(arrangement: &Arrangement, group_by: GroupBy, labels: &dyn Labels) -> Vec<u32> {
    let mut order = arrangement.matching(|_, _| true);
    match arrangement.sort.by {
        SortBy::Name => {
            arrangement.sort_by(&mut order, |row| RowName::of(row.key, group_by, labels).sorted_name());
        }
        SortBy::Shape => arrangement.sort_by(&mut order, |row| shape_word(row.shape)),
        SortBy::Delta => arrangement.sort_by(&mut order, delta),
        SortBy::After => arrangement.sort_by(&mut order, |row| row.after.bytes),
        // Less than a byte an hour is no difference; `as` saturates, and makes 0 of what is not a number.
        SortBy::Slope => arrangement.sort_by(&mut order, |row| row.slope_bytes_per_hour.round() as i64),
    }
    order
}
