// SPDX-License-Identifier: Apache-2.0
//! What there is to say of a selection: where it is, how much it holds, and its live bytes over time.

use super::super::selection::Selection;
use super::super::view::WHOLE_RUN;
use super::Wanted;
use crate::details::{Growth, MAX_THREADS};
use memray_index::{
    Amount, Answer, Distribution, Filter, GrowthCurve, Index, LocationId, Mode, Question, RowSites, SiteId,
    ThreadIndex, TimeRange, Tree, TreeNodeId, TreeOptions,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::sync::Arc;

/// Native frames shown; the innermost tell what was called.
const MAX_NATIVE_FRAMES: usize = 256;

/// What is known of a selection.
#[derive(Clone, Debug)]
pub(in crate::app) struct Selected {
    /// What is selected.
    pub(in crate::app) selection: Selection,
    /// What it is called.
    pub(in crate::app) name: String,
    /// Where it is in the picture's tree.
    pub(in crate::app) node: Option<TreeNodeId>,
    /// Its live bytes at each snapshot and at the end; `None` where the capture holds no moments.
    pub(in crate::app) live_bytes: Option<Arc<[u64]>>,
    /// How it grows, where the capture holds moments.
    pub(in crate::app) growth: Option<Growth>,
    /// What the answer says of it; `None` where there is no answer.
    pub(in crate::app) facts: Option<Arc<SelectionFacts>>,
}

/// What an answer says of a selection.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct SelectionFacts {
    /// Of the selection with all that it called.
    pub(in crate::app) amount: Amount,
    /// Of the selection alone.
    pub(in crate::app) own: Amount,
    /// Of the frame that the selected one lies on, where a frame is selected.
    pub(in crate::app) parent: Option<Amount>,
    /// Whether that is its callee, and not its caller.
    pub(in crate::app) is_inverted: bool,
    /// By thread, the largest first, as many as are shown.
    pub(in crate::app) threads: Vec<(ThreadIndex, Amount)>,
    /// How many more threads there are, and how much they have.
    pub(in crate::app) further_threads: (usize, i64),
    /// The stack through the selection, the outermost frame first, on below it along its heaviest callees.
    pub(in crate::app) stack: Vec<TreeNodeId>,
    /// The locations of `stack`.
    pub(in crate::app) stack_locations: Vec<LocationId>,
    /// The native stack of whichever allocates most here, the innermost frame first, in words.
    pub(in crate::app) native: Vec<String>,
    /// Where in `stack` the selection is.
    pub(in crate::app) selected_frame: Option<usize>,
}

/// An answer and its tree, laid out with these options.
pub(super) type Laid<'a> = (&'a Answer, &'a Tree, TreeOptions);

/// Which stacks a curve over time is about.
type Scope = (Filter, bool);

/// Live bytes over time, where the capture holds moments.
type Series = Option<Arc<[u64]>>;

/// What was worked out for the last selections, so that another mode need not work it out again.
#[derive(Default)]
pub(super) struct SelectedCache {
    /// Everything that the run allocated, for curves over time: a selection's memory need not be live where asked.
    total: Option<(Scope, Option<Arc<Answer>>)>,
    series: Option<(CurveKey, Series)>,
}

/// What a curve over time is of.
#[derive(PartialEq)]
struct CurveKey {
    scope: Scope,
    selection: Selection,
    /// The frame that stands for the selection: in trees laid out otherwise another one may.
    frame: Option<Selection>,
}

impl CurveKey {
    fn of(scope: &Scope, selection: &Selection, laid: Option<Laid<'_>>, node: Option<TreeNodeId>) -> Self {
        let frame = laid.zip(node).filter(|_| matches!(selection, Selection::Frame(..)));
        let frame = frame.and_then(|((_, tree, options), node)| Selection::of_node(tree, node, options));
        Self { scope: scope.clone(), selection: selection.clone(), frame }
    }

    /// Whether it stands for the same, as far as is known: what has no memory where it was asked has no frame.
    fn is_same(&self, other: &Self) -> bool {
        self == other || (other.frame.is_none() && (&self.scope, &self.selection) == (&other.scope, &other.selection))
    }
}

impl SelectedCache {
    /// What there is to say of a selection.
    pub(super) fn describe(
        &mut self,
        index: &Index,
        laid: Option<Laid<'_>>,
        wanted: &Wanted,
        selection: &Selection,
    ) -> Selected {
        let node = laid.and_then(|(answer, tree, options)| selection.find(index, answer, tree, options));
        let scope = (wanted.question.filter.clone(), wanted.question.split_threads);
        let live_bytes = self.live_bytes(index, laid, scope, selection, node);
        let growth = wanted.growth_range.zip(live_bytes.as_ref());
        Selected {
            selection: selection.clone(),
            name: selection.name(index),
            node,
            growth: growth.map(|(range, live_bytes)| {
                let curve = GrowthCurve::of(index.timeline(), range, live_bytes);
                Growth { slope_bytes_per_hour: curve.slope_bytes_per_hour, shape: curve.shape }
            }),
            live_bytes,
            facts: laid.map(|laid| Arc::new(facts(index, laid, selection, node))),
        }
    }

    fn live_bytes(
        &mut self,
        index: &Index,
        laid: Option<Laid<'_>>,
        scope: Scope,
        selection: &Selection,
        node: Option<TreeNodeId>,
    ) -> Option<Arc<[u64]>> {
        let key = CurveKey::of(&scope, selection, laid, node);
        if let Some((known, series)) = &self.series
            && known.is_same(&key)
        {
            return series.clone();
        }
        let sites = self.total(index, &scope).map(|total| {
            let laid = laid.map(|(_, tree, options)| (&*total, tree, options));
            sites_of(index, &total, laid, selection, node).inclusive
        });
        let live_bytes = |sites: Vec<SiteId>| index.live_bytes_over_time(&sites, &scope.0).ok();
        let series = sites.and_then(live_bytes).map(Arc::from);
        self.series = Some((key, series.clone()));
        series
    }

    /// How large the allocations of a selection, or of all that is shown, were and how long they lived.
    pub(super) fn distribution(
        &mut self,
        index: &Index,
        laid: Option<Laid<'_>>,
        question: &Question,
        selection: Option<&Selection>,
    ) -> Option<Arc<Distribution>> {
        let total = self.total(index, &(question.filter.clone(), question.split_threads))?;
        let sites = match selection {
            None => total.sites.iter().map(|(site, _)| *site).collect(),
            Some(selection) => {
                let node = laid.and_then(|(answer, tree, options)| selection.find(index, answer, tree, options));
                let laid = laid.map(|(_, tree, options)| (&*total, tree, options));
                sites_of(index, &total, laid, selection, node).inclusive
            }
        };
        index.distribution(&sites, born_in(&question.mode), &question.filter).ok().map(Arc::new)
    }

    fn total(&mut self, index: &Index, scope: &Scope) -> Option<Arc<Answer>> {
        if let Some((old, total)) = &self.total
            && old == scope
        {
            return total.clone();
        }
        let question = Question { mode: Mode::Total, filter: scope.0.clone(), split_threads: scope.1 };
        let total = index.ask(&question).ok().map(Arc::new);
        self.total = Some((scope.clone(), total.clone()));
        total
    }
}

/// The range that a mode is about: the whole run where it is about a moment.
pub(in crate::app) fn born_in(mode: &Mode) -> TimeRange {
    match *mode {
        Mode::RangeLive(range) | Mode::RangePeak(range) | Mode::RangeGrowth(range) | Mode::RangeChurn(range) => range,
        Mode::Peak | Mode::Leaked | Mode::LiveAt(_) | Mode::Temporary { .. } | Mode::Total => WHOLE_RUN,
    }
}

/// The sites of an answer that a selection stands for. `laid` gives the tree that `node` is of.
fn sites_of(
    index: &Index,
    answer: &Answer,
    laid: Option<Laid<'_>>,
    selection: &Selection,
    node: Option<TreeNodeId>,
) -> RowSites {
    match (selection, laid, node) {
        (Selection::Frame(..), Some((_, tree, options)), Some(node)) => {
            RowSites { inclusive: index.sites_below(answer, options, tree, node), own: Vec::new() }
        }
        _ => selection.row().map_or_else(RowSites::default, |(key, by)| index.sites_of_row(answer, by, key)),
    }
}

fn facts(index: &Index, laid: Laid<'_>, selection: &Selection, node: Option<TreeNodeId>) -> SelectionFacts {
    let (answer, tree, _) = laid;
    let sites = sites_of(index, answer, Some(laid), selection, node);
    let amounts_of = |sites: Vec<SiteId>| {
        let sites: FxHashSet<SiteId> = sites.into_iter().collect();
        answer.sites.iter().filter(move |(site, _)| sites.contains(site))
    };
    let mut facts = SelectionFacts::default();
    let mut threads: FxHashMap<ThreadIndex, Amount> = FxHashMap::default();
    let mut largest: Option<(SiteId, Amount)> = None;
    for (site, amount) in amounts_of(sites.inclusive) {
        add(&mut facts.amount, *amount);
        add(threads.entry(index.site(*site).thread).or_default(), *amount);
        if largest.is_none_or(|(_, most)| amount.bytes >= most.bytes) {
            largest = Some((*site, *amount));
        }
    }
    if let Some((site, _)) = largest {
        let frames = index.native_stack(site);
        facts.native = frames.iter().take(MAX_NATIVE_FRAMES).map(|frame| index.native_frame_text(frame)).collect();
    }
    facts.threads = threads.into_iter().collect();
    facts.threads.sort_by_key(|(thread, amount)| (Reverse(amount.bytes), *thread));
    let further = facts.threads.split_off(MAX_THREADS.min(facts.threads.len()));
    let bytes = further.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(amount.bytes));
    facts.further_threads = (further.len(), bytes);
    if let Some(id) = node {
        facts.follow(tree, id);
    }
    match (selection, node) {
        (Selection::Frame(..), Some(id)) => {
            let frame = tree.node(id);
            (facts.amount, facts.own) = (frame.amount, tree.own(id));
            let parent = (!tree.is_inverted_leaf(id)).then(|| tree.node(frame.parent).amount);
            (facts.parent, facts.is_inverted) = (parent, tree.is_inverted);
        }
        _ => amounts_of(sites.own).for_each(|(_, amount)| add(&mut facts.own, *amount)),
    }
    facts
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
        // A thread's tower is no frame.
        self.stack.retain(|id| tree.node(*id).location != LocationId::NONE || tree.node(*id).thread.is_none());
        self.stack_locations = self.stack.iter().map(|id| tree.node(*id).location).collect();
        self.selected_frame = self.stack.iter().position(|id| *id == node);
    }
}

fn add(sum: &mut Amount, more: Amount) {
    sum.bytes = sum.bytes.saturating_add(more.bytes);
    sum.allocations = sum.allocations.saturating_add(more.allocations);
}
