// SPDX-License-Identifier: Apache-2.0
//! The thread that asks: it remembers the last wish it fulfilled, and works out what differs in the next one.

use super::super::selection::Selection;
use super::selected::SelectedCache;
use super::{Part, Picture, Shared, Wanted};
use crate::icicle::search;
use egui::Context;
use memray_index::{Answer, GroupBy, GrowthBy, Index, Pattern, Question, TimeRange, Tree, TreeOptions};
use memray_report::Headline;
use memray_report::notes::notes;
use memray_report::size::Units;
use std::sync::{Arc, mpsc};

/// How many rows the growth ranking has.
const GROWTH_ROWS: usize = 500;

/// The thread's own state: the last wish it fulfilled, part by part.
pub(super) struct Asker {
    index: Index,
    sender: mpsc::Sender<Part>,
    context: Context,
    headline_for: Option<Units>,
    has_notes: bool,
    picture: Option<Picture>,
    hits_for: Option<(Question, TreeOptions, Option<Pattern>)>,
    selected_for: Option<(Question, TreeOptions, Selection, Option<TimeRange>)>,
    table_for: Option<(Question, GroupBy)>,
    growth_for: Option<(TimeRange, GrowthBy, memray_index::Filter)>,
    has_statistics: bool,
    selected: SelectedCache,
}

impl Asker {
    pub(super) fn new(index: Index, sender: mpsc::Sender<Part>, context: Context) -> Self {
        Self {
            index,
            sender,
            context,
            headline_for: None,
            has_notes: false,
            picture: None,
            hits_for: None,
            selected_for: None,
            table_for: None,
            growth_for: None,
            has_statistics: false,
            selected: SelectedCache::default(),
        }
    }

    pub(super) fn run(mut self, shared: &Shared) {
        const STEPS: [fn(&mut Asker, &Wanted) -> Option<Part>; 8] = [
            Asker::picture,
            Asker::headline,
            Asker::notes,
            Asker::table,
            Asker::statistics,
            Asker::hits,
            Asker::selection,
            Asker::growth,
        ];
        'wishes: while let Some(wanted) = shared.next() {
            for step in STEPS {
                if let Some(part) = step(&mut self, &wanted)
                    && !self.send(part)
                {
                    return;
                }
                if shared.has_newer() {
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
        let old_answer = self.picture.take().filter(|old| old.question == wanted.question);
        let answer = match old_answer {
            Some(Picture { outcome: Ok((answer, _)), .. }) => Ok(answer),
            _ => self.index.ask(&wanted.question).map(Arc::new),
        };
        let outcome = answer.map(|answer| {
            let tree = self.index.tree(&answer, wanted.tree);
            (answer, Arc::new(tree))
        });
        let picture = Picture { question: wanted.question.clone(), options: wanted.tree, outcome };
        self.picture = Some(picture.clone());
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
        let key = (wanted.question.clone(), wanted.tree, wanted.search.clone());
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
        let key = (wanted.question.clone(), wanted.tree, selection.clone(), wanted.growth_range);
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

    fn statistics(&mut self, wanted: &Wanted) -> Option<Part> {
        if !wanted.statistics || self.has_statistics {
            return None;
        }
        self.has_statistics = true;
        Some(Part::Statistics(self.index.statistics().map(Arc::new)))
    }
}
