// SPDX-License-Identifier: Apache-2.0
//! The memory graph: heap and resident set over time, on which a range or a moment is chosen.
//!
//! [`MemoryGraph`] leads: it draws a [`Source`], once a frame, and [`Events`] says what the user chose. Own painting, as
//! a frame's cost must depend on the pixels: [`series`] answers for each pixel column with its least and largest value,
//! so no peak is lost, however many snapshots there are.

mod axis;
mod high_water_mark;
mod labels;
mod marks;
mod paint;
mod series;
#[cfg(test)]
mod tests;
mod widget;

pub use axis::{TimeAxis, TimesOfDay};
pub(crate) use paint::Plot;
pub use widget::MemoryGraph;
pub(crate) use widget::range_at;

use memray_compare::Side;
use memray_index::{Moment, TimeRange, Timeline};
use memray_report::size::Units;
use memray_report::time::WallClock;

/// What a memory graph shows.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Memory over time.
    pub timeline: &'a Timeline,
    /// Another number for each timeline; how the graph notices that it was replaced.
    pub generation: u64,
    /// Live bytes of what is selected.
    pub selection: Option<SelectionLine<'a>>,
    /// The chosen range; of the capture that is drawn over this one, if that says so.
    pub range: Option<TimeRange>,
    /// The chosen moment, likewise.
    pub moment: Option<Moment>,
    /// Whether the recording stops before the program does.
    pub stops_early: bool,
    /// Whether the index is still being built, so that the graph may yet change.
    pub is_provisional: bool,
    /// In which units sizes are shown.
    pub units: Units,
    /// Which wall clock is shown.
    pub clock: WallClock,
    /// Whether the axis has its times, and not those since the start. Graphs that are compared never have.
    pub has_times_of_day: bool,
    /// What it has in common with a graph beside it, if there is one.
    pub beside: Option<Beside>,
    /// Another capture's heap, drawn over this one's.
    pub over: Option<Over<'a>>,
}

/// Another capture's heap, to be drawn in the same graph.
#[derive(Clone, Copy)]
pub struct Over<'a> {
    /// Its memory over time.
    pub timeline: &'a Timeline,
    /// Another number for each timeline.
    pub generation: u64,
    /// By how much later it is drawn than it was.
    pub shift_ms: i64,
    /// Whether moments and ranges that are shown and chosen are its own.
    pub is_chosen: bool,
}

impl Source<'_> {
    /// Whose moments are shown and chosen, and by how many milliseconds later they are drawn.
    fn chosen(&self) -> (&Timeline, i64) {
        let over = self.over.as_ref().filter(|over| over.is_chosen);
        over.map_or((self.timeline, 0), |over| (over.timeline, over.shift_ms))
    }
}

/// What two graphs side by side have in common, so that they can be compared, and what sets them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Which of the two it is.
    pub side: Side,
    /// Both are so long.
    pub duration_ms: i64,
    /// Both are so high.
    pub largest_bytes: u64,
}

/// Live bytes of what is selected, over time.
#[derive(Clone, Copy)]
pub struct SelectionLine<'a> {
    /// What it is, for its label.
    pub name: &'a str,
    /// At each snapshot and at the end: one value longer than the timeline's snapshots.
    pub bytes: &'a [u64],
    /// Another number for each selection.
    pub generation: u64,
}

/// What the user chose in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// A range was dragged, or one of its edges was.
    pub range: Option<TimeRange>,
    /// A moment was clicked.
    pub moment: Option<Moment>,
    /// The click before, which had another moment chosen, was the first half of a double click: it is to be undone.
    pub undoes_click: bool,
}
