// SPDX-License-Identifier: Apache-2.0
//! The answers that have come from the worker.

use super::super::selection::Selection;
use super::super::worker::{Part, Picture, Selected};
use crate::icicle::{Hits, SearchError};
use memray_format::Allocator;
use memray_index::{
    Answer, Bands, Charge, Distribution, Filter, GroupBy, GrowthBy, GrowthRow, NamedFunction, Question, Refusal, Row,
    Sandwich, Statistics, StringId, TimeRange, Tree,
};
use memray_report::Headline;
use memray_report::notes::Note;
use memray_report::size::Units;
use std::sync::Arc;

/// Lines, with the bytes of each.
type LineBytes = Arc<[(u32, i64)]>;

/// A growth ranking, or why there is none.
type GrowthOutcome = Result<Arc<Vec<GrowthRow>>, Refusal>;

/// The answers that are there.
#[derive(Default)]
pub(in crate::app) struct Answers {
    /// The headline, and the units it was written in.
    pub headline: Option<(Units, Result<Arc<Headline>, Refusal>)>,
    /// The notes.
    pub notes: Option<Arc<Vec<Note>>>,
    /// The answer and its tree.
    pub picture: Option<Picture>,
    /// The search's.
    pub hits: Option<Result<Arc<Hits>, Arc<SearchError>>>,
    /// What is known of the selection.
    pub selected: Option<Selected>,
    /// Sizes and lifetimes of what was selected, or of all, for this question.
    pub distribution: Option<(Question, Option<Selection>, Option<Arc<Distribution>>)>,
    /// A file, and what each of its lines has of the answer.
    pub line_bytes: Option<(StringId, LineBytes)>,
    /// The table.
    pub table: Option<(Question, GroupBy, Arc<Vec<Row>>)>,
    /// The growth ranking.
    pub growth: Option<(TimeRange, GrowthBy, GrowthOutcome)>,
    /// Memory over time in bands, or why there are none.
    pub bands: Option<(Charge, Filter, Result<Arc<Bands>, Refusal>)>,
    /// The statistics.
    pub statistics: Option<Result<Arc<Statistics>, Refusal>>,
    /// A function with its callers and callees.
    pub sandwich: Option<(Question, NamedFunction, Arc<Sandwich>)>,
    /// The allocators that the capture has.
    pub allocators: Option<Arc<[Allocator]>>,
}

impl Answers {
    /// The answer and its tree, where there is one.
    pub(in crate::app) fn tree(&self) -> Option<(&Arc<Answer>, &Arc<Tree>)> {
        let (answer, tree) = self.picture.as_ref()?.outcome.as_ref().ok()?;
        Some((answer, tree))
    }

    pub(super) fn take(&mut self, part: Part) {
        match part {
            Part::Headline(units, headline) => self.headline = Some((units, headline)),
            Part::Notes(notes) => self.notes = Some(notes),
            Part::Picture(picture) => {
                // What was found in the old tree does not lie where it did.
                self.hits = None;
                if let Some(selected) = &mut self.selected {
                    selected.node = None;
                }
                self.picture = Some(picture);
            }
            Part::Hits(hits) => self.hits = hits,
            Part::Selected(selected) => self.selected = selected,
            Part::Distribution(question, of, distribution) => self.distribution = Some((question, of, distribution)),
            Part::LineBytes(file, bytes) => self.line_bytes = Some((file, bytes)),
            Part::Table(question, by, rows) => self.table = Some((question, by, rows)),
            Part::Growth(range, by, rows) => self.growth = Some((range, by, rows)),
            Part::Bands(charge, filter, bands) => self.bands = Some((charge, filter, bands)),
            Part::Statistics(statistics) => self.statistics = Some(statistics),
            Part::Sandwich(question, function, sandwich) => self.sandwich = Some((question, function, sandwich)),
            Part::Allocators(allocators) => self.allocators = Some(allocators),
            Part::Done(_) => {}
        }
    }
}
