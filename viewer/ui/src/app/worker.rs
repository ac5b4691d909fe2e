// SPDX-License-Identifier: Apache-2.0
//! Asks the index off the UI thread: one thread a document, and the latest wish wins.
//!
//! The UI says with each pass what it wants ([`Wanted`]); the thread works out the parts that changed, the most visible
//! first, and hands each over as soon as it is there. A newer wish is looked for between parts, so what nobody looks at
//! any more is not worked out. Until a part arrives the UI shows the old one.

use super::view::{Selection, location_has_key};
use crate::error::UiError;
use crate::icicle::{Hits, SearchError, search};
use egui::Context;
use memray_index::{
    Amount, Answer, Filter, GroupBy, GrowthBy, GrowthRow, Index, LocationId, Mode, Pattern, Question, Refusal, Row,
    RowKey, SiteId, Statistics, ThreadIndex, TimeRange, Tree, TreeNodeId, TreeOptions,
};
use memray_report::Headline;
use memray_report::notes::{Note, notes};
use memray_report::size::Units;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};

/// What the UI wants to show.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// In which units the headline is written.
    pub units: Units,
    /// The question.
    pub question: Question,
    /// How its tree is laid out.
    pub tree: TreeOptions,
    /// What is searched for.
    pub search: Option<Pattern>,
    /// What is selected: its node, and its live bytes over time.
    pub selection: Option<Selection>,
    /// The table, where it is shown.
    pub table: Option<GroupBy>,
    /// The growth ranking, where it is shown.
    pub growth: Option<(TimeRange, GrowthBy)>,
    /// The statistics, where they are shown.
    pub statistics: bool,
}

/// An answer with its tree.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// What was asked.
    pub question: Question,
    /// How the tree is laid out.
    pub options: TreeOptions,
    /// The answer, or why there is none.
    pub outcome: Result<(Arc<Answer>, Arc<Tree>), Refusal>,
}

/// What is known of a selection.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    /// What is selected.
    pub selection: Selection,
    /// What it is called.
    pub name: String,
    /// Where it is in the picture's tree.
    pub node: Option<TreeNodeId>,
    /// Its live bytes at each snapshot and at the end; `None` where the capture holds no moments.
    pub live_bytes: Option<Arc<[u64]>>,
    /// What the answer says of it; `None` where there is no answer.
    pub facts: Option<Arc<SelectionFacts>>,
}

/// What an answer says of a selection.
#[derive(Clone, Debug, Default)]
pub(super) struct SelectionFacts {
    /// Of the selection with all that it called.
    pub amount: Amount,
    /// Of the selection alone.
    pub own: Amount,
    /// Of the selected frame's caller, where a frame is selected.
    pub caller: Option<Amount>,
    /// By thread, the largest first.
    pub threads: Vec<(ThreadIndex, Amount)>,
    /// The stack through the selection, the outermost frame first, on below it along its heaviest callees.
    pub stack: Vec<TreeNodeId>,
    /// The locations of `stack`.
    pub stack_locations: Vec<LocationId>,
    /// Where in `stack` the selection is.
    pub selected_frame: Option<usize>,
}

impl SelectionFacts {
    /// Fills in the stack through a node.
    fn follow(&mut self, tree: &Tree, node: TreeNodeId) {
        self.stack = tree.path(node).into_iter().skip(1).collect();
        let mut at = node;
        while let Some(heaviest) = tree.children(at).next().map(TreeNodeId) {
            self.stack.push(heaviest);
            at = heaviest;
        }
        if tree.is_inverted {
            self.stack.reverse();
        }
        self.stack_locations = self.stack.iter().map(|id| tree.node(*id).location).collect();
        self.selected_frame = self.stack.iter().position(|id| *id == node);
    }
}

fn add(sum: &mut Amount, more: Amount) {
    sum.bytes = sum.bytes.saturating_add(more.bytes);
    sum.allocations = sum.allocations.saturating_add(more.allocations);
}

/// A part of what was wanted.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // each is the part of `Wanted` of the same name
pub(super) enum Part {
    Headline(Units, Result<Arc<Headline>, Refusal>),
    Notes(Arc<Vec<Note>>),
    Picture(Picture),
    Hits(Option<Result<Arc<Hits>, Arc<SearchError>>>),
    Selected(Option<Selected>),
    Table(Question, GroupBy, Arc<Vec<Row>>),
    Growth(TimeRange, GrowthBy, Result<Arc<Vec<GrowthRow>>, Refusal>),
    Statistics(Result<Arc<Statistics>, Refusal>),
    /// All of one wish is there.
    Done(Box<Wanted>),
}

/// How many rows the growth ranking has.
const GROWTH_ROWS: usize = 500;

/// The thread, seen from the UI.
pub(super) struct Worker {
    shared: Arc<Shared>,
    parts: mpsc::Receiver<Part>,
}

struct Shared {
    wish: Mutex<Wish>,
    changed: Condvar,
}

#[derive(Default)]
struct Wish {
    wanted: Option<Box<Wanted>>,
    is_closed: bool,
}

impl Worker {
    /// Starts the thread. `context` is told to draw again when a part is there.
    pub(super) fn start(index: Index, context: Context) -> Result<Self, UiError> {
        let shared = Arc::new(Shared { wish: Mutex::default(), changed: Condvar::new() });
        let (sender, parts) = mpsc::channel();
        let for_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("memray-view questions".to_owned())
            .spawn(move || Asker::new(index, sender, context).run(&for_thread))
            .map_err(UiError::Thread)?;
        Ok(Self { shared, parts })
    }

    /// Says what is wanted now; what was wanted before is not any more.
    pub(super) fn want(&self, wanted: Wanted) {
        self.shared.lock().wanted = Some(Box::new(wanted));
        self.shared.changed.notify_one();
    }

    /// The parts that have come since.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.try_iter()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Wish> {
        // A wish is replaced whole, so one that a panic left behind is as good as any.
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next wish; `None` when the document was closed.
    fn next(&self) -> Option<Box<Wanted>> {
        let mut wish = self.lock();
        loop {
            if wish.is_closed {
                return None;
            }
            if let Some(wanted) = wish.wanted.take() {
                return Some(wanted);
            }
            wish = self.changed.wait(wish).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn has_newer(&self) -> bool {
        let wish = self.lock();
        wish.is_closed || wish.wanted.is_some()
    }
}

/// The thread's own state: the last wish it fulfilled, part by part.
struct Asker {
    index: Index,
    sender: mpsc::Sender<Part>,
    context: Context,
    headline_for: Option<Units>,
    has_notes: bool,
    picture: Option<Picture>,
    hits_for: Option<(Question, TreeOptions, Option<Pattern>)>,
    selected_for: Option<(Question, TreeOptions, Selection)>,
    has_selected: bool,
    table_for: Option<(Question, GroupBy)>,
    growth_for: Option<(TimeRange, GrowthBy)>,
    has_statistics: bool,
    /// Everything that the run allocated, for curves over time: a selection's memory need not be live where asked.
    total: Option<(Filter, bool, Result<Arc<Answer>, Refusal>)>,
    series: Option<(Filter, bool, Selection, Option<Arc<[u64]>>)>,
}

impl Asker {
    fn new(index: Index, sender: mpsc::Sender<Part>, context: Context) -> Self {
        Self {
            index,
            sender,
            context,
            headline_for: None,
            has_notes: false,
            picture: None,
            hits_for: None,
            selected_for: None,
            has_selected: false,
            table_for: None,
            growth_for: None,
            has_statistics: false,
            total: None,
            series: None,
        }
    }

    fn run(mut self, shared: &Shared) {
        const STEPS: [fn(&mut Asker, &Wanted) -> Option<Part>; 8] = [
            Asker::picture,
            Asker::headline,
            Asker::notes,
            Asker::table,
            Asker::growth,
            Asker::statistics,
            Asker::hits,
            Asker::selected,
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

    fn selected(&mut self, wanted: &Wanted) -> Option<Part> {
        let Some(selection) = &wanted.selection else {
            self.selected_for = None;
            return std::mem::take(&mut self.has_selected).then_some(Part::Selected(None));
        };
        let key = (wanted.question.clone(), wanted.tree, selection.clone());
        if self.selected_for.as_ref() == Some(&key) {
            return None;
        }
        self.selected_for = Some(key);
        self.has_selected = true;
        let node = self.answer().and_then(|(_, tree)| selection.find(&self.index, &tree, wanted.tree));
        let live_bytes = self.series(wanted, selection, node);
        let facts = self.answer().map(|(answer, _)| Arc::new(self.facts(&answer, selection, wanted.tree, node)));
        Some(Part::Selected(Some(Selected {
            selection: selection.clone(),
            name: selection.name(&self.index),
            node,
            live_bytes,
            facts,
        })))
    }

    /// What an answer says of a selection.
    fn facts(
        &self,
        answer: &Answer,
        selection: &Selection,
        options: TreeOptions,
        node: Option<TreeNodeId>,
    ) -> SelectionFacts {
        let sites: FxHashSet<SiteId> = self.sites_of(answer, selection, options, node).into_iter().collect();
        let mut facts = SelectionFacts::default();
        let mut threads: FxHashMap<ThreadIndex, Amount> = FxHashMap::default();
        for (site, amount) in answer.sites.iter().filter(|(site, _)| sites.contains(site)) {
            add(&mut facts.amount, *amount);
            add(threads.entry(self.index.site(*site).thread).or_default(), *amount);
        }
        facts.threads = threads.into_iter().collect();
        facts.threads.sort_by_key(|(thread, amount)| (std::cmp::Reverse(amount.bytes), *thread));
        let Some((_, tree)) = self.answer() else { return facts };
        if let Some(id) = node {
            facts.follow(&tree, id);
            let frame = tree.node(id);
            if matches!(selection, Selection::Frame(..)) {
                (facts.amount, facts.own) = (frame.amount, frame.own);
                facts.caller = (id.0 != 0).then(|| tree.node(frame.parent).amount);
                return facts;
            }
        }
        if let Selection::Row(key) = selection {
            for frame in tree.nodes.iter().skip(1).filter(|frame| frame.location != LocationId::NONE) {
                if location_has_key(&self.index, frame.location, *key) {
                    add(&mut facts.own, frame.own);
                }
            }
        }
        facts
    }

    fn series(&mut self, wanted: &Wanted, selection: &Selection, node: Option<TreeNodeId>) -> Option<Arc<[u64]>> {
        let (filter, split) = (&wanted.question.filter, wanted.question.split_threads);
        if let Some((old_filter, old_split, old, series)) = &self.series
            && (old_filter, *old_split, old) == (filter, split, selection)
        {
            return series.clone();
        }
        let sites = self.sites(wanted, selection, node);
        let series = sites.and_then(|sites| self.index.live_bytes_over_time(&sites).ok()).map(Arc::from);
        self.series = Some((filter.clone(), split, selection.clone(), series.clone()));
        series
    }

    /// The sites of the whole run that a selection stands for.
    fn sites(&mut self, wanted: &Wanted, selection: &Selection, node: Option<TreeNodeId>) -> Option<Vec<SiteId>> {
        let (filter, split) = (&wanted.question.filter, wanted.question.split_threads);
        let is_old = !matches!(&self.total, Some((f, s, _)) if f == filter && *s == split);
        if is_old {
            let question = Question { mode: Mode::Total, filter: filter.clone(), split_threads: split };
            self.total = Some((filter.clone(), split, self.index.ask(&question).map(Arc::new)));
        }
        let total = self.total.as_ref()?.2.as_ref().ok()?;
        Some(self.sites_of(total, selection, wanted.tree, node))
    }

    /// The sites of an answer that a selection stands for.
    fn sites_of(
        &self,
        answer: &Answer,
        selection: &Selection,
        options: TreeOptions,
        node: Option<TreeNodeId>,
    ) -> Vec<SiteId> {
        match selection {
            Selection::Frame(path, _) => match (self.answer(), node, path.last()) {
                (Some((_, tree)), Some(node), _) => self.index.sites_below(answer, options, &tree, node),
                (_, _, Some((location, _))) => self.index.sites_with(answer, &|other| other == *location),
                _ => Vec::new(),
            },
            Selection::Row(RowKey::Thread(thread)) => self.sites_where(answer, |site| site.thread == *thread),
            Selection::Row(RowKey::Allocator(allocator)) => {
                self.sites_where(answer, |site| site.allocator == *allocator)
            }
            Selection::Row(RowKey::None) => Vec::new(),
            Selection::Row(key) => {
                self.index.sites_with(answer, &|location| location_has_key(&self.index, location, *key))
            }
        }
    }

    fn sites_where(&self, answer: &Answer, matches: impl Fn(&memray_index::Site) -> bool) -> Vec<SiteId> {
        answer.sites.iter().map(|(site, _)| *site).filter(|site| matches(&self.index.site(*site))).collect()
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
        if self.growth_for == Some((range, by)) {
            return None;
        }
        self.growth_for = Some((range, by));
        Some(Part::Growth(range, by, self.index.growth(range, by, GROWTH_ROWS).map(Arc::new)))
    }

    fn statistics(&mut self, wanted: &Wanted) -> Option<Part> {
        if !wanted.statistics || self.has_statistics {
            return None;
        }
        self.has_statistics = true;
        Some(Part::Statistics(self.index.statistics().map(Arc::new)))
    }
}
