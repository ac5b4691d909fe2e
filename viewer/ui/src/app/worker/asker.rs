// SPDX-License-Identifier: Apache-2.0
//! The thread that asks: it remembers the last wish it fulfilled, and works out what differs in the next one.

use super::super::selection::Selection;
use super::selected::SelectedCache;
use super::{Part, Picture, Shared, Wanted};
use crate::bands_view::MOST_BANDS;
use crate::icicle::search;
use egui::Context;
use memray_format::Allocator;
use memray_index::{
    Answer, Charge, Filter, GroupBy, GrowthBy, Index, Mode, NamedFunction, Pattern, Question, Row, RowKey, StringId,
    TimeRange, Tree,
};
use memray_report::Headline;
use memray_report::notes::notes;
use memray_report::size::Units;
use std::sync::{Arc, mpsc};

/// How many rows the growth ranking has.
const GROWTH_ROWS: usize = 500;

/// The thread's own state: the last wish it fulfilled, part by part.
pub(super) struct Asker {
    index: Index,
    shared: Arc<Shared>,
    sender: mpsc::Sender<Part>,
    context: Context,
    headline_for: Option<Units>,
    has_notes: bool,
    picture: Option<Picture>,
    /// Counts pictures: what was found in one is not told of the next, even if both answer the same question.
    picture_number: u64,
    hits_for: Option<(u64, Option<Pattern>)>,
    selected_for: Option<(u64, Selection, Option<TimeRange>)>,
    table_for: Option<(Question, GroupBy)>,
    sandwich_for: Option<(Question, NamedFunction)>,
    growth_for: Option<(TimeRange, GrowthBy, Filter)>,
    line_bytes_for: Option<(u64, StringId)>,
    /// Of the picture with this number.
    locations: Option<(u64, Arc<Vec<Row>>)>,
    distribution_for: Option<(u64, Question, Option<Selection>)>,
    bands_for: Option<(Charge, Filter)>,
    has_statistics: bool,
    has_allocators: bool,
    selected: SelectedCache,
}

impl Asker {
    pub(super) fn new(index: Index, shared: Arc<Shared>, sender: mpsc::Sender<Part>, context: Context) -> Self {
        Self {
            index,
            shared,
            sender,
            context,
            headline_for: None,
            has_notes: false,
            picture: None,
            picture_number: 0,
            hits_for: None,
            selected_for: None,
            table_for: None,
            sandwich_for: None,
            growth_for: None,
            line_bytes_for: None,
            locations: None,
            distribution_for: None,
            bands_for: None,
            has_statistics: false,
            has_allocators: false,
            selected: SelectedCache::default(),
        }
    }

    pub(super) fn run(mut self) {
        const STEPS: [fn(&mut Asker, &Wanted) -> Option<Part>; 13] = [
            Asker::picture,
            Asker::headline,
            Asker::notes,
            Asker::table,
            Asker::sandwich,
            Asker::statistics,
            Asker::allocators,
            Asker::hits,
            Asker::selection,
            Asker::growth,
            Asker::bands,
            Asker::line_bytes,
            Asker::distribution,
        ];
        'wishes: while let Some(wanted) = self.shared.next() {
            for step in STEPS {
                if let Some(part) = step(&mut self, &wanted)
                    && !self.send(part)
                {
                    return;
                }
                if self.shared.has_newer() {
                    continue 'wishes;
                }
            }
            if !self.send(Part::Done(wanted)) {
                return;
            }
        }
    }

    fn send(&self, part: Part) -> bool {
        let is_heard = self.sender.send(part).is_ok();
        self.context.request_repaint();
        is_heard
    }

    fn picture(&mut self, wanted: &Wanted) -> Option<Part> {
        if let Some(picture) = &self.picture
            && picture.question == wanted.question
            && picture.options == wanted.tree
        {
            return None;
        }
        let old_answer = self.answer().filter(|(answer, _)| answer.question == wanted.question);
        let answer = match old_answer {
            Some((answer, _)) => Ok(answer),
            // Without an answer the picture stays: it is what a newer wish may go back to.
            None => self.shared.ask(&self.index, &wanted.question)?.map(Arc::new),
        };
        let outcome = answer.map(|answer| {
            let tree = self.index.tree(&answer, wanted.tree);
            (answer, Arc::new(tree))
        });
        let picture = Picture { question: wanted.question.clone(), options: wanted.tree, outcome };
        self.picture = Some(picture.clone());
        self.picture_number += 1;
        Some(Part::Picture(picture))
    }

    fn headline(&mut self, wanted: &Wanted) -> Option<Part> {
        if self.headline_for == Some(wanted.units) {
            return None;
        }
        self.headline_for = Some(wanted.units);
        let headline = match self.answer() {
            // A capture opens on the very question that its headline is about.
            Some((answer, _)) if answer.question == Headline::question() => {
                Headline::from_answer(&self.index, &answer, wanted.units)
            }
            _ => Headline::of(&self.index, wanted.units),
        };
        Some(Part::Headline(wanted.units, headline.map(Arc::new)))
    }

    fn notes(&mut self, _wanted: &Wanted) -> Option<Part> {
        let is_first = !std::mem::replace(&mut self.has_notes, true);
        is_first.then(|| Part::Notes(Arc::new(notes(&self.index))))
    }

    fn answer(&self) -> Option<(Arc<Answer>, Arc<Tree>)> {
        self.picture.as_ref()?.outcome.as_ref().ok().cloned()
    }

    fn hits(&mut self, wanted: &Wanted) -> Option<Part> {
        let key = (self.picture_number, wanted.search.clone());
        if self.hits_for.as_ref() == Some(&key) {
            return None;
        }
        self.hits_for = Some(key);
        let (_, tree) = self.answer()?;
        let hits = wanted.search.as_ref().map(|pattern| search(&tree, &self.index, pattern));
        Some(Part::Hits(hits.map(|hits| hits.map(Arc::new).map_err(Arc::new))))
    }

    fn selection(&mut self, wanted: &Wanted) -> Option<Part> {
        let Some(selection) = &wanted.selection else {
            return self.selected_for.take().map(|_| Part::Selected(None));
        };
        let key = (self.picture_number, selection.clone(), wanted.growth_range);
        if self.selected_for.as_ref() == Some(&key) {
            return None;
        }
        self.selected_for = Some(key);
        let answered = self.answer();
        let laid = answered.as_ref().map(|(answer, tree)| (&**answer, &**tree, wanted.tree));
        Some(Part::Selected(Some(self.selected.describe(&self.index, laid, wanted, selection))))
    }

    fn table(&mut self, wanted: &Wanted) -> Option<Part> {
        let by = wanted.table?;
        let key = (wanted.question.clone(), by);
        if self.table_for.as_ref() == Some(&key) {
            return None;
        }
        self.table_for = Some(key);
        let rows = self.answer().map(|(answer, _)| self.index.table(&answer, by)).unwrap_or_default();
        Some(Part::Table(wanted.question.clone(), by, Arc::new(rows)))
    }

    fn sandwich(&mut self, wanted: &Wanted) -> Option<Part> {
        let key = (wanted.question.clone(), wanted.sandwich?);
        if self.sandwich_for.as_ref() == Some(&key) {
            return None;
        }
        let (answer, _) = self.answer()?;
        let sandwich = Arc::new(self.index.sandwich(&answer, key.1));
        self.sandwich_for = Some(key.clone());
        Some(Part::Sandwich(key.0, key.1, sandwich))
    }

    fn growth(&mut self, wanted: &Wanted) -> Option<Part> {
        let (range, by) = wanted.growth?;
        let key = (range, by, wanted.question.filter.clone());
        if self.growth_for.as_ref() == Some(&key) {
            return None;
        }
        let rows = self.index.growth(range, by, &key.2, GROWTH_ROWS);
        self.growth_for = Some(key);
        Some(Part::Growth(range, by, rows.map(Arc::new)))
    }

    fn line_bytes(&mut self, wanted: &Wanted) -> Option<Part> {
        let (RowKey::Location(location), _) = wanted.selection.as_ref()?.row()? else { return None };
        let file = self.index.location(location).file;
        let key = (self.picture_number, file);
        if self.line_bytes_for == Some(key) {
            return None;
        }
        let (answer, _) = self.answer()?;
        let rows = match &self.locations {
            Some((number, rows)) if *number == self.picture_number => Arc::clone(rows),
            _ => Arc::new(self.index.table(&answer, GroupBy::Location)),
        };
        self.locations = Some((self.picture_number, Arc::clone(&rows)));
        let mut bytes: Vec<(u32, i64)> = rows
            .iter()
            .filter_map(|row| match row.key {
                RowKey::Location(location) if self.index.location(location).file == file => {
                    Some((self.index.location(location).line, row.inclusive.bytes))
                }
                _ => None,
            })
            .collect();
        // Where functions share a line one may call the other, so that they have the same memory.
        bytes.sort_unstable_by_key(|(line, bytes)| (*line, std::cmp::Reverse(*bytes)));
        bytes.dedup_by_key(|(line, _)| *line);
        self.line_bytes_for = Some(key);
        Some(Part::LineBytes(file, bytes.into()))
    }

    fn distribution(&mut self, wanted: &Wanted) -> Option<Part> {
        let key = (self.picture_number, wanted.question.clone(), wanted.selection.clone());
        if self.distribution_for.as_ref() == Some(&key) {
            return None;
        }
        let answered = self.answer();
        let laid = answered.as_ref().map(|(answer, tree)| (&**answer, &**tree, wanted.tree));
        let distribution = self.selected.distribution(&self.index, laid, &key.1, key.2.as_ref());
        self.distribution_for = Some(key.clone());
        Some(Part::Distribution(key.1, key.2, distribution))
    }

    fn bands(&mut self, wanted: &Wanted) -> Option<Part> {
        let key = (wanted.bands?, wanted.question.filter.clone());
        if self.bands_for.as_ref() == Some(&key) {
            return None;
        }
        let bands = self.index.bands(key.0, &key.1, MOST_BANDS).map(Arc::new);
        self.bands_for = Some(key.clone());
        Some(Part::Bands(key.0, key.1, bands))
    }

    fn allocators(&mut self, wanted: &Wanted) -> Option<Part> {
        if !wanted.allocators || std::mem::replace(&mut self.has_allocators, true) {
            return None;
        }
        let of = |mode| {
            let answer = self.index.ask(&Question { mode, ..Question::default() }).ok()?;
            let rows = self.index.table(&answer, GroupBy::Allocator).into_iter().map(|row| row.key);
            Some(rows.filter_map(|key| if let RowKey::Allocator(allocator) = key { Some(allocator) } else { None }))
        };
        // Where sums are all there is, those of the peak and of the end.
        let mut allocators: Vec<Allocator> = match of(Mode::Total) {
            Some(all) => all.collect(),
            None => of(Mode::Peak).into_iter().chain(of(Mode::Leaked)).flatten().collect(),
        };
        allocators.sort_unstable();
        allocators.dedup();
        Some(Part::Allocators(allocators.into()))
    }

    fn statistics(&mut self, wanted: &Wanted) -> Option<Part> {
        if !wanted.statistics || self.has_statistics {
            return None;
        }
        self.has_statistics = true;
        Some(Part::Statistics(self.index.statistics().map(Arc::new)))
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::app::View;
    use memray_index::{OpenOptions, Progress, TreeNodeId};
    use std::path::Path;

    /// An asker of a capture, which no wish has reached.
    fn asker() -> Asker {
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures/v13-py3.13/items.bin");
        let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
        let index = Index::open(&capture, &options, &Progress::default()).unwrap();
        Asker::new(index, Arc::default(), mpsc::channel().0, Context::default())
    }

    /// The wish of a view that was just opened.
    fn wanted() -> Wanted {
        Wanted {
            units: Units::default(),
            question: View::default().question(),
            tree: View::default().tree,
            search: None,
            selection: None,
            growth_range: None,
            table: None,
            growth: None,
            bands: None,
            statistics: false,
            sandwich: None,
            allocators: false,
        }
    }

    #[test]
    fn a_capture_that_is_read_again_is_so_no_longer_once_another_question_is_wanted() {
        let mut asker = asker();
        assert!(asker.picture(&wanted()).is_some());
        let beyond_the_index = Question { mode: Mode::Temporary { threshold: 5000 }, ..wanted().question };
        let wanted_again = Wanted { question: beyond_the_index, ..wanted() };
        asker.shared.lock().wanted = Some(Box::new(wanted()));
        assert!(asker.picture(&wanted_again).is_none(), "given up");
        assert_eq!(asker.answer().unwrap().0.question, wanted().question, "the newer wish is there already");
        // A newer wish for more of the same question leaves it at work.
        let with_table = Wanted { table: Some(GroupBy::Location), ..wanted_again.clone() };
        asker.shared.lock().wanted = Some(Box::new(with_table));
        let Some(Part::Picture(picture)) = asker.picture(&wanted_again) else { panic!("no answer") };
        assert!(picture.outcome.is_ok());
        // A document that is closed waits for nothing.
        asker.shared.lock().is_closed = true;
        let further = Question { mode: Mode::Temporary { threshold: 6000 }, ..wanted().question };
        assert!(asker.picture(&Wanted { question: further, ..wanted() }).is_none());
    }

    #[test]
    fn hits_and_the_selected_frame_are_told_again_when_a_question_comes_back() {
        let mut asker = asker();
        let mut wanted = Wanted { search: Some(Pattern::Substring("items".to_owned())), ..wanted() };
        asker.picture(&wanted);
        let (_, tree) = asker.answer().unwrap();
        wanted.selection = Selection::of_node(&tree, TreeNodeId(1), wanted.tree);
        let found = |asker: &mut Asker, wanted: &Wanted| {
            let Some(Part::Hits(Some(Ok(hits)))) = asker.hits(wanted) else { return None };
            let Some(Part::Selected(Some(selected))) = asker.selection(wanted) else { return None };
            Some((hits.frame_count(), selected.node))
        };
        let first = found(&mut asker, &wanted);
        assert!(first.is_some_and(|(frames, node)| frames > 0 && node == Some(TreeNodeId(1))), "{first:?}");
        assert_eq!(found(&mut asker, &wanted), None, "told already");
        // Another question's picture forgets both, and the wish is back before they are found in it.
        let other = Wanted { question: Question { mode: Mode::Leaked, ..wanted.question.clone() }, ..wanted.clone() };
        assert!(asker.picture(&other).is_some() && asker.picture(&wanted).is_some());
        assert_eq!(found(&mut asker, &wanted), first);
    }
}
