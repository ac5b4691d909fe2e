// SPDX-License-Identifier: Apache-2.0
//! A question to an index: which memory ([`Mode`]), of which stacks ([`Filter`]).
//!
//! Questions are small values: the window, the terminal and every export ask the same ones, so they cannot disagree.

use crate::ids::{StringId, ThreadIndex};
use memray_format::Allocator;

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

/// Which stacks are asked about, and which of their frames are shown. The default shows everything.
///
/// A filter never moves a peak: that is the whole heap's.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this thread.
    pub thread: Option<ThreadIndex>,
    /// Only this allocator.
    pub allocator: Option<Allocator>,
    /// Only stacks with a frame of a module that matches.
    pub module: Option<Pattern>,
    /// Only stacks with a frame of a file that matches.
    pub file: Option<Pattern>,
    /// Only stacks with a frame of a function that matches.
    pub function: Option<Pattern>,
    /// Only stacks with a frame of exactly this function. Patterns see names as they are shown, in which bytes that are not
    /// UTF-8 are replaced, so that different names may look alike; this does not.
    pub function_named: Option<NamedFunction>,
    /// Leave out frames of the import system (memray's definition).
    pub hide_import_system: bool,
    /// Leave out frames that memray calls irrelevant: `runpy`'s, CPython's own, and those of the import system.
    pub hide_irrelevant: bool,
    /// Leave out frames of functions of these names.
    pub hidden_functions: Vec<StringId>,
}

/// A function by its exact name and file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NamedFunction {
    /// Its name.
    pub name: StringId,
    /// The file that it is in.
    pub file: StringId,
}

/// What a name is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Contained in the name, whatever the case.
    Substring(String),
    /// A regular expression found in the name.
    Regex(String),
}
