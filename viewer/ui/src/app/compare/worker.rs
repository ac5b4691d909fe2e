// SPDX-License-Identifier: Apache-2.0
//! The thread that compares: the UI says what it wants, the latest wish counts, and what differs from the last one is worked
//! out again, part by part.

use super::super::latest::Latest;
use super::said::Said;
use crate::error::UiError;
use crate::icicle::{Hits, SearchError, search};
use crate::labels::SideLabels;
use egui::Context;
use memray_compare::{Comparison, Delta, DeltaRow, Matching, Side, UnionTree, Verdict, Width};
use memray_index::{Answer, GroupBy, Index, Pattern, Question, Refusal, TreeOptions};
use memray_report::size::Units;
use std::sync::{Arc, mpsc};

/// What the UI wants to show.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// In which units the verdict is written.
    pub(super) units: Units,
    /// When frames of both are the same.
    pub(super) matching: Matching,
    /// What each side is asked.
    pub(super) questions: [Question; 2],
    /// How trees are laid out.
    pub(super) tree: TreeOptions,
    /// Which trees.
    pub(super) trees: Trees,
    /// What is searched for.
    pub(super) search: Option<Pattern>,
    /// The table, where it is shown.
    pub(super) table: Option<GroupBy>,
}

/// Which trees are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trees {
    /// One, so wide; whole, or what vanished alone.
    Union(Width, bool),
    /// One as wide as each side.
    Sides,
}

impl Trees {
    /// Whose names each of them has.
    pub(super) fn named_by(self) -> Vec<Side> {
        match self {
            Self::Union(_, true) => vec![Side::Before],
            Self::Union(width, false) => vec![width.named_by()],
            Self::Sides => vec![Side::Before, Side::After],
        }
    }
}

/// Two answers as trees.
#[derive(Clone)]
pub(super) struct Picture {
    pub(super) matching: Matching,
    pub(super) questions: [Question; 2],
    pub(super) options: TreeOptions,
    pub(super) which: Trees,
    pub(super) comparison: Arc<Comparison>,
    /// The trees, or why there are none.
    pub(super) outcome: Result<Compared, (Side, Refusal)>,
}

/// What two answers have in common, and what not.
#[derive(Clone)]
pub(super) struct Compared {
    pub(super) total: Delta,
    /// One, or one a side.
    pub(super) trees: Vec<Arc<UnionTree>>,
}

impl Picture {
    /// Names of its trees' frames.
    pub(super) fn labels(&self) -> Vec<SideLabels> {
        let sides = self.which.named_by().into_iter();
        sides.map(|side| SideLabels { comparison: Arc::clone(&self.comparison), side }).collect()
    }

    /// Whether it is what is wanted.
    pub(super) fn answers(&self, wanted: &Wanted) -> bool {
        self.matching == wanted.matching
            && self.questions == wanted.questions
            && self.options == wanted.tree
            && self.which == wanted.trees
    }
}

/// What a search found: in each tree, and how much memory passes through it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) hits: Vec<Hits>,
    pub(super) matched: Delta,
}

/// A part of what was wanted.
pub(super) enum Part {
    Picture(Box<Picture>),
    Said(Units, Result<Arc<Said>, Refusal>),
    Table(GroupBy, Arc<Vec<DeltaRow>>),
    Found(Option<Result<Arc<Found>, Arc<SearchError>>>),
    /// All of one wish is there.
    Done(Box<Wanted>),
}

/// The thread, seen from the UI.
pub(super) struct Worker {
    wish: Arc<Latest<Box<Wanted>>>,
    parts: mpsc::Receiver<Part>,
}

impl Worker {
    /// Starts the thread. `context` is told to draw again when a part is there.
    pub(super) fn start(indexes: [Index; 2], context: Context) -> Result<Self, UiError> {
        let wish = Arc::<Latest<Box<Wanted>>>::default();
        let (sender, parts) = mpsc::channel();
        let for_thread = Arc::clone(&wish);
        std::thread::Builder::new()
            .name("memray-view comparison".to_owned())
            .spawn(move || Comparer::new(indexes, for_thread, sender, context).run())
            .map_err(UiError::Thread)?;
        Ok(Self { wish, parts })
    }

    /// Says what is wanted now; what was wanted before is not any more.
    pub(super) fn want(&self, wanted: Wanted) {
        self.wish.put(Box::new(wanted));
    }

    /// The parts that have come since.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.try_iter()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.wish.close();
    }
}

/// Both answers, or why a side has none.
type Pair = Result<Arc<[Answer; 2]>, (Side, Refusal)>;

/// The thread's own state: the last wish it fulfilled, part by part.
struct Comparer {
    indexes: [Index; 2],
    wish: Arc<Latest<Box<Wanted>>>,
    sender: mpsc::Sender<Part>,
    context: Context,
    comparison: Option<Arc<Comparison>>,
    /// The last answers, and the questions that they are to.
    pair: Option<([Question; 2], Pair)>,
    picture: Option<Picture>,
    /// Counts pictures: what was found in one is not told of the next.
    picture_number: u64,
    verdict: Option<(Matching, Result<Verdict, Refusal>)>,
    said_for: Option<(Matching, Units)>,
    table_for: Option<(Matching, [Question; 2], GroupBy)>,
    found_for: Option<(u64, Option<Pattern>)>,
}

impl Comparer {
    fn new(indexes: [Index; 2], wish: Arc<Latest<Box<Wanted>>>, sender: mpsc::Sender<Part>, context: Context) -> Self {
        Self {
            indexes,
            wish,
            sender,
            context,
            comparison: None,
            pair: None,
            picture: None,
            picture_number: 0,
            verdict: None,
            said_for: None,
            table_for: None,
            found_for: None,
        }
    }

    fn run(mut self) {
        const STEPS: [fn(&mut Comparer, &Wanted) -> Option<Part>; 4] =
            [Comparer::picture, Comparer::said, Comparer::table, Comparer::found];
        'wishes: while let Some(wanted) = self.wish.next() {
            for step in STEPS {
                if let Some(part) = step(&mut self, &wanted)
                    && !self.send(part)
                {
                    return;
                }
                if self.wish.has_newer() {
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

    fn comparison(&mut self, matching: &Matching) -> Arc<Comparison> {
        if let Some(comparison) = &self.comparison
            && comparison.matching() == matching
        {
            return Arc::clone(comparison);
        }
        let [before, after] = self.indexes.clone();
        let comparison = Arc::new(Comparison::new(before, after, matching.clone()));
        self.comparison = Some(Arc::clone(&comparison));
        // The UI forgets a table with the comparison that it was made from.
        self.table_for = None;
        comparison
    }

    /// Both answers, or why a side has none.
    fn answers(&mut self, questions: &[Question; 2]) -> Pair {
        if let Some((asked, pair)) = &self.pair
            && asked == questions
        {
            return pair.clone();
        }
        let answer = |side: Side| {
            let at = usize::from(side == Side::After);
            match &self.pair {
                // A side whose question stays is not asked again.
                Some((asked, Ok(pair))) if asked[at] == questions[at] => Ok(pair[at].clone()),
                _ => self.indexes[at].ask(&questions[at]).map_err(|refusal| (side, refusal)),
            }
        };
        let (before, after) = rayon::join(|| answer(Side::Before), || answer(Side::After));
        let both = before.and_then(|before| Ok([before, after?]));
        let pair = both.map(Arc::new);
        self.pair = Some((questions.clone(), pair.clone()));
        pair
    }

    fn picture(&mut self, wanted: &Wanted) -> Option<Part> {
        if self.picture.as_ref().is_some_and(|picture| picture.answers(wanted)) {
            return None;
        }
        let comparison = self.comparison(&wanted.matching);
        let outcome = self.answers(&wanted.questions).map(|answers| {
            let tree = |width| comparison.tree(&answers, wanted.tree, width);
            let trees = match wanted.trees {
                Trees::Union(_, true) => vec![tree(Width::Before).only_vanished()],
                Trees::Union(width, false) => vec![tree(width)],
                Trees::Sides => comparison.trees(&answers, wanted.tree, [Width::Before, Width::After]).into(),
            };
            let total = Delta { before: answers[0].total, after: answers[1].total };
            Compared { total, trees: trees.into_iter().map(Arc::new).collect() }
        });
        let picture = Picture {
            matching: wanted.matching.clone(),
            questions: wanted.questions.clone(),
            options: wanted.tree,
            which: wanted.trees,
            comparison,
            outcome,
        };
        self.picture = Some(picture.clone());
        self.picture_number += 1;
        Some(Part::Picture(Box::new(picture)))
    }

    fn said(&mut self, wanted: &Wanted) -> Option<Part> {
        let key = (wanted.matching.clone(), wanted.units);
        if self.said_for.as_ref() == Some(&key) {
            return None;
        }
        self.said_for = Some(key);
        let comparison = self.comparison(&wanted.matching);
        if self.verdict.as_ref().is_none_or(|(matching, _)| *matching != wanted.matching) {
            self.verdict = Some((wanted.matching.clone(), comparison.verdict()));
        }
        let (_, verdict) = self.verdict.as_ref()?;
        let said = verdict.as_ref().map(|verdict| Arc::new(Said::of(&comparison, verdict, wanted.units)));
        Some(Part::Said(wanted.units, said.map_err(Clone::clone)))
    }

    fn table(&mut self, wanted: &Wanted) -> Option<Part> {
        let by = wanted.table?;
        let key = (wanted.matching.clone(), wanted.questions.clone(), by);
        if self.table_for.as_ref() == Some(&key) {
            return None;
        }
        self.table_for = Some(key);
        let comparison = self.comparison(&wanted.matching);
        let rows = self.answers(&wanted.questions).map(|answers| match self.whole_tree(wanted) {
            Some(tree) => comparison.table_of(&answers, &tree, by),
            None => comparison.table(&answers, by),
        });
        let rows = rows.unwrap_or_default();
        Some(Part::Table(by, Arc::new(rows)))
    }

    /// The picture's tree, if a table can be made of it.
    fn whole_tree(&self, wanted: &Wanted) -> Option<Arc<UnionTree>> {
        // Rows are named as the second capture has them.
        let is_named = matches!(wanted.trees, Trees::Union(width, false) if width.named_by() == Side::After);
        let is_whole = wanted.tree == TreeOptions::default() && is_named;
        let picture = self.picture.as_ref().filter(|picture| is_whole && picture.answers(wanted))?;
        picture.outcome.as_ref().ok()?.trees.first().map(Arc::clone)
    }

    fn found(&mut self, wanted: &Wanted) -> Option<Part> {
        let key = (self.picture_number, wanted.search.clone());
        if self.found_for.as_ref() == Some(&key) {
            return None;
        }
        self.found_for = Some(key);
        let picture = self.picture.as_ref()?;
        let Compared { trees, .. } = picture.outcome.as_ref().ok()?;
        let found = wanted.search.as_ref().map(|pattern| find(trees, &picture.labels(), pattern));
        Some(Part::Found(found.map(|found| found.map(Arc::new).map_err(Arc::new))))
    }
}

fn find(trees: &[Arc<UnionTree>], labels: &[SideLabels], pattern: &Pattern) -> Result<Found, SearchError> {
    let searched = trees.iter().zip(labels).map(|(tree, labels)| search(&tree.tree, labels, pattern));
    let hits: Vec<Hits> = searched.collect::<Result<_, SearchError>>()?;
    let matched = trees.first().zip(hits.first()).map(|(tree, hits)| matched(tree, hits)).unwrap_or_default();
    Ok(Found { hits, matched })
}

/// What passes through the hits; a hit over another hit counts once.
fn matched(tree: &UnionTree, hits: &Hits) -> Delta {
    let mut is_below_hit = vec![false; tree.tree.nodes.len()];
    let mut sum = Delta::default();
    for (row, node) in (0..).map(memray_index::TreeNodeId).zip(&tree.tree.nodes) {
        let is_below = row.0 != 0 && is_below_hit[node.parent.0 as usize];
        let is_hit = hits.contains(row);
        is_below_hit[row.0 as usize] = is_below || is_hit;
        if is_hit && !is_below {
            let delta = tree.total(row);
            for (sum, amount) in [(&mut sum.before, delta.before), (&mut sum.after, delta.after)] {
                sum.bytes = sum.bytes.saturating_add(amount.bytes);
                sum.allocations = sum.allocations.saturating_add(amount.allocations);
            }
        }
    }
    sum
}
