// SPDX-License-Identifier: Apache-2.0
//! A question to an index: which memory ([`Mode`]), of which stacks ([`Filter`]).
//!
//! Questions are small values: the window, the terminal and every export ask the same ones, so they cannot disagree.

use crate::filter::Filter;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Question {
    /// Which memory.
    pub mode: Mode,
    /// Of which stacks.
    pub filter: Filter,
    /// Whether each thread keeps stacks of its own.
    pub split_threads: bool,
}

/// Which memory is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Live when the whole heap was largest.
    #[default]
    Peak,
    /// Live after the last record.
    Leaked,
    /// Live at a moment.
    LiveAt(Moment),
    /// Allocated in a range and live at its end.
    RangeLive(TimeRange),
    /// Live when the whole heap was largest within a range.
    RangePeak(TimeRange),
    /// Live at a range's end less live at its start; may be negative.
    RangeGrowth(TimeRange),
    /// All that was allocated in a range, freed or not.
    RangeChurn(TimeRange),
    /// Freed by its own thread after at most `threshold` further allocations of that thread.
    Temporary {
        /// Allocations in between.
        threshold: u64,
    },
    /// All that the whole run allocated, freed or not.
    Total,
}

/// A moment that a capture can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// Before the first record.
    Start,
    /// Just before this snapshot's record, counted from 0: `#i`.
    Snapshot(u32),
    /// After the last record.
    End,
}

/// From one moment to another; `from <= to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// Its start.
    pub from: Moment,
    /// Its end.
    pub to: Moment,
}
