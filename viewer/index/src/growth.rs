// SPDX-License-Identifier: Apache-2.0
//! Growth: what holds more at the end of a range than at its start, and whether it keeps growing.

use crate::answer::Amount;
use crate::table::{GroupBy, RowKey};

/// By what growth is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrowthBy {
    /// Locations with all that they called.
    Inclusive,
    /// Innermost locations alone.
    Own,
    /// The innermost line of the program's own code.
    OwnCodeLine,
}

impl GrowthBy {
    /// The grouping of a table that has the same rows.
    pub fn group_by(self) -> GroupBy {
        match self {
            Self::Inclusive | Self::Own => GroupBy::Location,
            Self::OwnCodeLine => GroupBy::OwnCodeLine,
        }
    }
}

/// A row of the ranking, the largest growth first.
#[derive(Clone, Debug)]
pub struct GrowthRow {
    /// What grew.
    pub key: RowKey,
    /// Live at the range's start.
    pub before: Amount,
    /// Live at its end.
    pub after: Amount,
    /// Live bytes at evenly spaced moments of the range, first and last included; for a sparkline.
    pub live_bytes: Vec<u64>,
    /// Least-squares slope of `live_bytes`.
    pub slope_bytes_per_hour: f64,
    /// Its shape.
    pub shape: GrowthShape,
}

/// How something grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrowthShape {
    /// Ever further, about evenly: what a leak looks like.
    Steady,
    /// Mostly at once.
    Step,
    /// At first, then no longer: what a cache that fills looks like.
    LevelledOff,
    /// Not at all, or it shrank.
    NotGrowing,
}

impl GrowthShape {
    /// How live bytes at evenly spaced moments grew.
    pub fn of(live_bytes: &[u64]) -> Self {
        crate::ask::growth::shape_of(live_bytes)
    }
}

/// Least-squares slope of live bytes at evenly spaced moments, the first and the last so far apart.
pub fn slope_bytes_per_hour(live_bytes: &[u64], duration_ms: i64) -> f64 {
    crate::ask::growth::slope_per_hour(live_bytes, duration_ms)
}
