// SPDX-License-Identifier: Apache-2.0
//! The forms in which the index gives answers (trees, tables, bytes over time, growth) against the naive model's.
//!
//! [`Forms`] leads; it holds a capture's index and model, and collects where they differ. Native frames, which the model
//! knows nothing of, are left out: of captures that have them only trees without library frames are compared, and only
//! the rows of Python's.

use super::{NaiveAnswers, frame};
use crate::naive::{FrameId, Key, Model, Numbers, Part, Table, Tree as NaiveTree};
use memray_format::{Allocator, ThreadId};
use memray_index::{
    Amount, Answer, Filter, FrameKind, GroupBy, GrowthBy, Index, LocationId, Mode, Moment, Question, RowKey, TimeRange,
    Tree, TreeNodeId, TreeOptions,
};
use std::collections::{BTreeMap, HashSet};

/// The index lays an inverted tree out no further where less than this part of the whole is left.
pub(super) const FINEST_PART: u64 = 1 << 20;

/// A capture of at most so many steps and snapshots is short: then growth is followed through all of its snapshots.
const SHORT_STEPS: usize = 2000;
const SHORT_SNAPSHOTS: usize = 100;

pub(super) struct Forms<'a> {
    pub(super) index: &'a Index,
    pub(super) model: &'a Model,
    pub(super) numbers: &'a Numbers,
    pub(super) threads: &'a [ThreadId],
    /// The model's names of the index's locations.
    pub(super) frames: Vec<FrameId>,
    pub(super) has_native_frames: bool,
    differences: Vec<String>,
}

impl<'a> Forms<'a> {
    pub(super) fn new(index: &'a Index, naive: &'a NaiveAnswers<'a>) -> Self {
        let frames = (0..index.location_count()).map(|id| FrameId::of(frame(index, LocationId(id as u32)))).collect();
        let (model, numbers, threads) = (naive.model, &naive.numbers, &naive.numbers.threads[..]);
        let has_native_frames = model.header.has_native_traces;
        Self { index, model, numbers, threads, frames, has_native_frames, differences: Vec::new() }
    }

    pub(super) fn into_differences(self) -> Vec<String> {
        self.differences
    }

    pub(super) fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: impl Fn() -> String, ours: &T, models: &T) {
        if ours != models {
            self.differences.push(format!("{}: {ours:?}, the model: {models:?}", what()));
        }
    }

    /// Of how many questions one is asked in a form too: they take turns, as forms take longer than the answer itself.
    pub(super) fn stride(&self) -> usize {
        if self.model.steps.len() <= SHORT_STEPS { 3 } else { 9 }
    }

    /// One answer as a tree and as two tables; by `number` each tree and table gets its turn.
    pub(super) fn answer(&mut self, question: &Question, number: usize) {
        let (Ok(answer), Ok(parts)) = (self.index.ask(question), self.model.parts(question, self.numbers)) else {
            return; // refused by both, as was seen elsewhere
        };
        for by in [GroupBy::ALL[number % 8], GroupBy::ALL[(number / 8 + number + 3) % 8]] {
            self.table(&answer, &parts, by);
        }
        let folds_libraries = number % 4 > 1 || self.has_native_frames;
        self.tree(&answer, &parts, TreeOptions { is_inverted: number.is_multiple_of(2), folds_libraries });
    }

    pub(super) fn key(&self, key: RowKey) -> Key {
        let bytes = |id| self.index.bytes(id).to_vec();
        match key {
            RowKey::Location(id) => Key::Location(self.frames[id.index()].frame()),
            RowKey::Function(function, file) => Key::Function(bytes(function), bytes(file)),
            RowKey::File(file) => Key::File(bytes(file)),
            RowKey::Module(module) => Key::Module(bytes(module)),
            RowKey::Thread(thread) => Key::Thread(self.threads[thread.index()]),
            RowKey::Allocator(allocator) => Key::Allocator(allocator),
            RowKey::None => Key::None,
        }
    }

    /// Of captures with native frames, what Python's rows alone say: a stack's innermost frame is mostly a native one.
    fn comparable(&self, mut table: Table, by: GroupBy) -> Table {
        if self.has_native_frames
            && matches!(by, GroupBy::Location | GroupBy::Function | GroupBy::File | GroupBy::Module)
        {
            let pythons: HashSet<Key> = self.model.frames.iter().map(|f| self.model.key(*f, by)).collect();
            table.retain(|key, amounts| {
                amounts.1 = Amount::default();
                pythons.contains(key) && amounts.0 != Amount::default()
            });
        }
        table
    }

    fn table(&mut self, answer: &Answer, parts: &[Part], by: GroupBy) {
        let rows = self.index.table(answer, by);
        let rank = |amount: Amount| (amount.bytes, amount.allocations);
        let is_sorted = rows.is_sorted_by(|a, b| rank(a.inclusive) >= rank(b.inclusive));
        let what = || format!("table by {by:?} of {:?}", answer.question);
        self.equal(|| format!("{} is sorted", what()), &is_sorted, &true);
        let ours: Table = rows.iter().map(|row| (self.key(row.key), (row.inclusive, row.own))).collect();
        self.equal(|| format!("rows of {}", what()), &ours.len(), &rows.len());
        let (ours, models) = (self.comparable(ours, by), self.comparable(self.model.table(parts, by), by));
        self.same_rows(&what, &ours, &models);
    }

    fn same_rows<V: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &dyn Fn() -> String,
        ours: &BTreeMap<Key, V>,
        models: &BTreeMap<Key, V>,
    ) {
        let keys = ours.keys().chain(models.keys().filter(|key| !ours.contains_key(key)));
        let differing = keys.filter(|key| ours.get(key) != models.get(key)).take(3);
        let differing = differing.map(|key| {
            let (ours, models) = (ours.get(key), models.get(key));
            format!("{}: {key:?}: {ours:?}, the model: {models:?}", what())
        });
        self.differences.extend(differing);
    }

    fn tree(&mut self, answer: &Answer, parts: &[Part], options: TreeOptions) {
        let model = self.model;
        let keeps = |frame| !options.folds_libraries || model.is_own_code(frame);
        let amounts = model.by_stack(parts, answer.question.split_threads, &keeps);
        let (tree, models) = (self.index.tree(answer, options), NaiveTree::new(&amounts, options.is_inverted));
        let found = self.differences.len();
        self.same_nodes(&tree, &models);
        if self.differences.len() > found {
            self.differences.truncate(found + 3);
            self.differences.push(format!("so differs the tree {options:?} of {:?}", answer.question));
            return;
        }
        // The heaviest, and one of the many small ones.
        let count = tree.nodes.len();
        for node in [1, count / 2].into_iter().filter(|node| *node < count) {
            self.below(answer, parts, options, &tree, TreeNodeId(node as u32));
        }
    }

    fn same_nodes(&mut self, tree: &Tree, models: &NaiveTree) {
        let finest = models.weight / FINEST_PART;
        let mut waiting = vec![(TreeNodeId(0), models)];
        while let Some((id, models)) = waiting.pop() {
            let ours = *tree.node(id);
            let what =
                |what: &str| format!("{what} of node {id:?} at {:?}", self.frames[ours.location.index()].frame());
            let mut differing = Vec::new();
            let mut same = |name: &str, ours: (i64, i64), models: (i64, i64)| {
                if ours != models {
                    differing.push(format!("{}: {ours:?}, the model: {models:?}", what(name)));
                }
            };
            let pair = |amount: Amount| (amount.bytes, amount.allocations);
            same("amount", pair(ours.amount), pair(models.amount));
            same("weight", (ours.weight as i64, 0), (models.weight as i64, 0));
            if tree.is_inverted && ours.child_count == 0 && ours.weight < finest {
                self.differences.extend(differing);
                continue;
            }
            if !tree.is_inverted || id.0 > 0 {
                same("own", pair(ours.own), pair(models.own));
            }
            same("children", (i64::from(ours.child_count), 0), (models.children.len() as i64, 0));
            let (mut weight_before, mut last_weight) = (0, u64::MAX);
            for child in tree.children(id).map(TreeNodeId) {
                let node = tree.node(child);
                same("weight before a child", (node.weight_before as i64, 0), (weight_before as i64, 0));
                same("order of children", (i64::from(node.weight <= last_weight), 0), (1, 0));
                same(
                    "depth",
                    (i64::from(node.depth), i64::from(node.parent.0)),
                    (i64::from(ours.depth) + 1, i64::from(id.0)),
                );
                (weight_before, last_weight) = (weight_before + node.weight, node.weight);
                let thread = node.thread.map(|thread| self.threads[thread.index()]);
                let frame = (node.location != LocationId::NONE).then(|| self.frames[node.location.index()]);
                match models.children.get(&(thread, frame)) {
                    Some(models) => waiting.push((child, models)),
                    None => same("a child that the model lacks", (i64::from(child.0), 0), (0, 0)),
                }
            }
            self.differences.extend(differing);
        }
    }

    /// Who is below a node: how much of the answer they are, and what lives of theirs over time.
    fn below(&mut self, answer: &Answer, parts: &[Part], options: TreeOptions, tree: &Tree, node: TreeNodeId) {
        let (index, model) = (self.index, self.model);
        let thread = tree.node(node).thread.map(|thread| self.threads[thread.index()]);
        let path = tree.path(node).into_iter().map(|id| tree.node(id).location);
        let path: Vec<FrameId> = path.filter(|l| *l != LocationId::NONE).map(|l| self.frames[l.index()]).collect();
        let is_below = |part: &&Part| {
            let mut stack = part.shown.clone();
            stack.retain(|frame| !options.folds_libraries || model.is_own_code(*frame));
            if !options.is_inverted {
                stack.reverse();
            }
            thread.is_none_or(|thread| model.sites[part.site].thread == thread) && stack.starts_with(&path)
        };
        let below: Vec<&Part> = parts.iter().filter(is_below).collect();
        let sites = index.sites_below(answer, options, tree, node);

        let what = |what: &str| format!("{what} below node {node:?} of the tree {options:?} of {:?}", answer.question);
        type Owners = BTreeMap<(ThreadId, Allocator), (i64, i64)>;
        let (mut ours, mut models) = (Owners::new(), Owners::new());
        let add = |owners: &mut Owners, owner, amount: Amount| {
            let sum = owners.entry(owner).or_default();
            *sum = (sum.0 + amount.bytes, sum.1 + amount.allocations);
        };
        let amounts: BTreeMap<_, _> = answer.sites.iter().copied().collect();
        for id in &sites {
            let site = index.site(*id);
            add(&mut ours, (self.threads[site.thread.index()], site.allocator), amounts[id]);
        }
        for part in &below {
            let site = &model.sites[part.site];
            add(&mut models, (site.thread, site.allocator), part.amount);
        }
        self.equal(|| what("bytes and allocations"), &ours, &models);
        if !self.has_native_frames {
            // With them, the index tells sites apart that the model does not.
            let ours = index.live_bytes_over_time(&sites, &answer.question.filter).ok();
            let below = below.iter().map(|part| part.site).collect();
            let models = match answer.question.filter.lifetime {
                Some(range) => model.live_bytes_over_time_lived(&below, range),
                None => model.live_bytes_over_time(&below),
            };
            let models = (!model.is_aggregated()).then_some(models);
            self.equal(|| what("live bytes over time"), &ours, &models);
        }
    }

    /// The ranking of what grew, over some ranges.
    pub(super) fn growth(&mut self) {
        let count = self.model.snapshots().len() as u32;
        let mut ranges = vec![(Moment::Start, Moment::End)];
        if count > 0 {
            ranges.push((Moment::Snapshot(count / 10), Moment::End));
            ranges.push((Moment::Snapshot(count / 4), Moment::Snapshot(count - count / 4 - 1)));
        }
        let hiding = Filter { hide_irrelevant: true, hide_import_system: true, ..Filter::default() };
        for (number, (from, to)) in ranges.into_iter().enumerate() {
            let filter = if number == 1 { hiding.clone() } else { Filter::default() };
            for by in [GrowthBy::Inclusive, GrowthBy::Own, GrowthBy::OwnCodeLine] {
                if !(self.has_native_frames && by == GrowthBy::Own) {
                    self.growth_of(TimeRange { from, to }, by, &filter);
                }
            }
        }
    }

    /// What is live at a moment, by a growth ranking's rows.
    fn live(&self, moment: Moment, by: GrowthBy, filter: &Filter) -> BTreeMap<Key, (i64, i64)> {
        let question = Question { mode: Mode::LiveAt(moment), filter: filter.clone(), split_threads: false };
        let parts = self.model.parts(&question, self.numbers).unwrap_or_default();
        let by_row = if by == GrowthBy::OwnCodeLine { GroupBy::OwnCodeLine } else { GroupBy::Location };
        let table = self.comparable(self.model.table(&parts, by_row), by_row);
        let amount = |(inclusive, own): (Amount, Amount)| {
            let amount = if by == GrowthBy::Own { own } else { inclusive };
            (amount.bytes, amount.allocations)
        };
        table.into_iter().map(|(key, amounts)| (key, amount(amounts))).filter(|row| row.1 != (0, 0)).collect()
    }

    fn growth_of(&mut self, range: TimeRange, by: GrowthBy, filter: &Filter) {
        let what = |what: &str| format!("{what} of growth {by:?} over {range:?} with {filter:?}");
        let rows = match self.index.growth(range, by, filter, usize::MAX) {
            Ok(rows) => rows,
            Err(_) => return self.equal(|| what("refusal"), &true, &self.model.is_aggregated()),
        };
        let (before, after) = (self.live(range.from, by, filter), self.live(range.to, by, filter));
        let pair = |amount: Amount| (amount.bytes, amount.allocations);
        let (index, has_native_frames) = (self.index, self.has_native_frames);
        let is_native = |key: RowKey| match key {
            RowKey::Location(id) => index.location(id).kind != FrameKind::Python,
            _ => has_native_frames && by == GrowthBy::Inclusive,
        };
        let ours: BTreeMap<Key, _> = rows
            .iter()
            .filter(|row| !is_native(row.key))
            .map(|row| (self.key(row.key), (pair(row.before), pair(row.after))))
            .collect();
        let models: BTreeMap<Key, _> = before
            .keys()
            .chain(after.keys())
            .map(|key| {
                (
                    key.clone(),
                    (before.get(key).copied().unwrap_or_default(), after.get(key).copied().unwrap_or_default()),
                )
            })
            .collect();
        self.same_rows(&|| what("row"), &ours, &models);
        let growth = |row: &memray_index::GrowthRow| row.after.bytes - row.before.bytes;
        self.equal(|| what("order"), &rows.is_sorted_by(|a, b| growth(a) >= growth(b)), &true);
        let few = self.index.growth(range, by, filter, 2).unwrap_or_default();
        let keys = |rows: &[memray_index::GrowthRow]| rows.iter().take(2).map(|row| row.key).collect::<Vec<_>>();
        self.equal(|| what("the largest two"), &keys(&few), &keys(&rows));

        // Each sparkline begins and ends with the range, and goes through its snapshots in order.
        let count = self.model.snapshots().len();
        let is_short = count <= SHORT_SNAPSHOTS && self.model.steps.len() <= SHORT_STEPS;
        let snapshots =
            (0..count as u32).map(Moment::Snapshot).filter(|moment| (range.from..range.to).contains(moment));
        let between: Vec<Moment> = if is_short { snapshots.collect() } else { Vec::new() };
        let live: Vec<BTreeMap<Key, (i64, i64)>> =
            between.iter().map(|moment| self.live(*moment, by, filter)).collect();
        for row in rows.iter().filter(|row| !is_native(row.key)) {
            let ends = (row.live_bytes.first().copied(), row.live_bytes.last().copied());
            let range_ends = (Some(row.before.bytes as u64), Some(row.after.bytes as u64));
            let key = self.key(row.key);
            self.equal(|| what(&format!("ends of the sparkline of {key:?}")), &ends, &range_ends);
            if is_short {
                let bytes = |row: &BTreeMap<Key, (i64, i64)>| row.get(&key).map_or(0, |amount| amount.0 as u64);
                let moments =
                    [row.before.bytes as u64].into_iter().chain(live.iter().map(bytes)).chain([row.after.bytes as u64]);
                let moments: Vec<u64> = moments.collect();
                // Evenly spaced in time: where snapshots are rare, one stands for several points.
                let mut at = 0;
                let is_in_order = row.live_bytes.iter().all(|point| {
                    at += moments[at..].iter().position(|bytes| bytes == point).unwrap_or(moments.len() - at);
                    at < moments.len()
                });
                self.equal(|| what(&format!("sparkline of {key:?}")), &is_in_order, &true);
            }
        }
    }
}
