// SPDX-License-Identifier: Apache-2.0
//! What the index says of parts of memory (bands over time, sizes and lifetimes, callers and callees of a function) against
//! the naive model's. [`Forms`] leads here too.

use super::forms::{FINEST_PART, Forms};
use crate::naive::{FrameId, Key, Life, Tree as NaiveTree, modules};
use memray_index::{
    Amount, Charge, ChargedTo, Distribution, Filter, GroupBy, Mode, Moment, NamedFunction, Question, TimeRange, Tree,
    TreeNodeId,
};
use std::collections::{BTreeMap, HashSet};

const WHOLE_RUN: TimeRange = TimeRange { from: Moment::Start, to: Moment::End };

fn total(filter: &Filter) -> Question {
    Question { mode: Mode::Total, filter: filter.clone(), split_threads: false }
}

impl Forms<'_> {
    /// What a site of the model's is charged to.
    fn charged(&self, site: usize, charge: Charge) -> Key {
        let (model, site) = (self.model, &self.model.sites[site]);
        let frame_key = |frame: Option<&FrameId>, by| frame.map_or(Key::None, |frame| model.key(*frame, by));
        match charge {
            Charge::Module => Key::Module(modules::module_of_stack(&model.header, &site.stack)),
            Charge::Function => {
                let is_shown = |frame: &&FrameId| modules::is_interesting(&frame.frame());
                frame_key(site.stack.iter().find(is_shown), GroupBy::Function)
            }
            Charge::OwnCodeLine => {
                let is_own = |frame: &&FrameId| model.is_own_code(**frame);
                frame_key(site.stack.iter().find(is_own), GroupBy::Location)
            }
            Charge::Thread => Key::Thread(site.thread),
            Charge::Allocator => Key::Allocator(site.allocator),
            Charge::NativeLibrary => site.library.clone().map_or(Key::None, Key::File),
        }
    }

    /// Bands by all that memory is charged to, of some stacks and of all.
    pub(super) fn bands(&mut self, filter: &Filter) {
        let Ok(parts) = self.model.parts(&total(filter), self.numbers) else {
            let refused = Charge::ALL.iter().all(|charge| self.index.bands(*charge, filter, 3).is_err());
            return self.equal(|| "bands of sums are refused".to_owned(), &refused, &true);
        };
        for charge in Charge::ALL {
            let what = |what: &str| format!("{what} of bands by {charge:?} of {filter:?}");
            let bands = self.index.bands(charge, filter, usize::MAX).unwrap_or_default();
            self.equal(|| what("others"), &bands.others, &(0, Vec::new()));
            let ours: BTreeMap<Key, Vec<u64>> =
                bands.bands.iter().map(|band| (self.key(band.key), band.live_bytes.clone())).collect();
            let mut sites = BTreeMap::<Key, HashSet<usize>>::new();
            for part in &parts {
                sites.entry(self.charged(part.site, charge)).or_default().insert(part.site);
            }
            let models = sites.iter().map(|(key, sites)| (key.clone(), self.model.live_bytes_over_time(sites)));
            let is_live = |bytes: &[u64]| bytes.iter().any(|b| *b > 0);
            let models: BTreeMap<Key, Vec<u64>> = models.filter(|(_, bytes)| is_live(bytes)).collect();
            let ours_at_moments = ours.iter().filter(|(_, bytes)| is_live(bytes)).map(|(k, b)| (k.clone(), b.clone()));
            self.equal(|| what("live bytes"), &ours_at_moments.collect(), &models);
            let at_the_peak: BTreeMap<Key, u64> = bands
                .bands
                .iter()
                .filter(|band| band.peak_bytes > 0)
                .map(|band| (self.key(band.key), band.peak_bytes))
                .collect();
            let peak = Question { mode: Mode::Peak, filter: filter.clone(), split_threads: false };
            let mut models = BTreeMap::<Key, u64>::new();
            for part in self.model.parts(&peak, self.numbers).unwrap_or_default() {
                *models.entry(self.charged(part.site, charge)).or_default() += part.amount.bytes as u64;
            }
            models.retain(|_, bytes| *bytes > 0);
            self.equal(|| what("the peak"), &at_the_peak, &models);

            // A few, and the rest: all of them add up to the same.
            let few = self.index.bands(charge, filter, 2).unwrap_or_default();
            let sum = |all: &[&Vec<u64>]| -> Vec<u64> {
                let count = self.model.snapshots().len() + 1;
                (0..count).map(|i| all.iter().map(|bytes| bytes.get(i).copied().unwrap_or(0)).sum()).collect()
            };
            let few_bytes: Vec<&Vec<u64>> =
                few.bands.iter().map(|band| &band.live_bytes).chain([&few.others.1]).collect();
            let all_bytes: Vec<&Vec<u64>> = bands.bands.iter().map(|band| &band.live_bytes).collect();
            let sums = (sum(&few_bytes), sum(&all_bytes));
            self.equal(|| what("sums"), &sums.0, &sums.1);

            // A band asked about alone is as large as it was.
            let Some(first) = few.bands.first() else { continue };
            let charged_to = vec![ChargedTo { charge, key: first.key }];
            let alone = Filter { charged_to, ..filter.clone() };
            let at_the_end = Question { mode: Mode::LiveAt(Moment::End), filter: alone.clone(), split_threads: false };
            let live = self.index.ask(&at_the_end).map(|answer| answer.total.bytes as u64).ok();
            self.equal(|| what("the end"), &live, &first.live_bytes.last().copied());
            let key = self.key(first.key);
            let those = parts.iter().filter(|part| self.charged(part.site, charge) == key);
            let models = those.fold((0, 0), |sum, part| (sum.0 + part.amount.bytes, sum.1 + part.amount.allocations));
            let ours = self.index.ask(&total(&alone)).map(|answer| (answer.total.bytes, answer.total.allocations)).ok();
            self.equal(|| what("the total"), &ours, &Some(models));
        }
    }

    /// How large and how old what was allocated in a range was.
    pub(super) fn distribution(&mut self, range: TimeRange, filter: &Filter) {
        let what = |what: &str| format!("{what} of the distribution over {range:?} of {filter:?}");
        let (Ok(answer), Ok(parts)) = (self.index.ask(&total(filter)), self.model.parts(&total(filter), self.numbers))
        else {
            let refused = self.index.distribution(&[], range, filter).is_err();
            return self.equal(|| what("refusal"), &refused, &self.model.is_aggregated());
        };
        let sites: Vec<_> = answer.sites.iter().map(|(site, _)| *site).collect();
        let Ok(ours) = self.index.distribution(&sites, range, filter) else {
            return self.equal(|| what("refusal"), &true, &self.model.is_aggregated());
        };
        let sites: HashSet<usize> = parts.iter().map(|part| part.site).collect();
        let born_in = self.model.between(range);
        let mut lives = self.model.lives();
        lives.retain(|life| born_in.contains(&life.record) && sites.contains(&self.model.site_of(life.record)));
        let lives: Vec<(Life, Option<u64>)> = lives.into_iter().map(|life| (life, life.lifetime_ms)).collect();
        let is_meant = |ms: Option<u64>| filter.lifetime.is_none_or(|range| range.contains(ms));
        let sum = |holds: &dyn Fn(&Life, Option<u64>) -> bool| {
            let those =
                lives.iter().filter(|(life, ms)| is_meant(*ms) && holds(life, *ms)).map(|(life, _)| life.amount);
            those.fold((0, 0), |sum, a| (sum.0 + a.bytes, sum.1 + a.allocations))
        };
        let pair = |amount: Amount| (amount.bytes, amount.allocations);
        self.equal(|| what("all"), &pair(ours.allocated), &sum(&|_, _| true));
        self.equal(|| what("never freed"), &pair(ours.never_freed), &sum(&|life, _| life.died.is_none()));
        for (range, amount) in &ours.lifetimes {
            let models = sum(&|_, ms| range.contains(ms));
            self.equal(|| what(&format!("lifetimes {range:?}")), &pair(*amount), &models);
        }
        for (range, amount) in &ours.sizes {
            let model = self.model;
            let bits = |life: &Life| model.sites[model.site_of(life.record)].size_bits;
            let models =
                sum(&|life, _| (u32::from(range.from.number())..=range.to.number().into()).contains(&bits(life)));
            self.equal(|| what(&format!("sizes {range:?}")), &pair(*amount), &models);
        }
        let Distribution { sizes, lifetimes, .. } = &ours;
        let all = [sizes.iter().map(|bar| bar.1).collect::<Vec<_>>(), lifetimes.iter().map(|bar| bar.1).collect()];
        for bars in all {
            let sum = bars.iter().fold((0, 0), |sum, a| (sum.0 + a.bytes, sum.1 + a.allocations));
            self.equal(|| what("the sum of bars"), &sum, &pair(ours.allocated));
        }
    }

    /// Who calls a function, and whom it calls.
    pub(super) fn sandwich(&mut self, question: &Question, function: NamedFunction) {
        let (Ok(answer), Ok(parts)) = (self.index.ask(question), self.model.parts(question, self.numbers)) else {
            return;
        };
        let ours = self.index.sandwich(&answer, function);
        let (name, file) = &self.numbers.named[&function];
        let is_of = |frame: &FrameId| (&frame.frame().0, &frame.frame().1) == (name, file);
        let mut stacks = self.model.by_stack(&parts, false, &|_| true);
        stacks.retain(|(_, stack), _| stack.iter().any(is_of));
        let cut = |is_above: bool| {
            let mut cut = crate::naive::Amounts::new();
            for ((_, stack), amount) in &stacks {
                let outermost = stack.iter().rposition(is_of).unwrap_or(0);
                let part = if is_above { &stack[outermost + 1..] } else { &stack[..=outermost] };
                let sum = cut.entry((None, part.to_vec())).or_default();
                (sum.bytes, sum.allocations) = (sum.bytes + amount.bytes, sum.allocations + amount.allocations);
            }
            cut
        };
        let what = |what: &str| format!("{what} of {} of {question:?}", String::from_utf8_lossy(name));
        let pair = |amount: Amount| (amount.bytes, amount.allocations);
        let callers = NaiveTree::new(&cut(true), true);
        self.equal(|| what("amount"), &pair(ours.amount), &pair(callers.amount));
        let said = |tree: &Tree| -> BTreeMap<Vec<FrameId>, (i64, i64)> {
            let path = |id| tree.path(id).into_iter().skip(1).map(|id| self.frames[tree.node(id).location.index()]);
            let nodes = (1..tree.nodes.len() as u32).map(TreeNodeId);
            nodes.map(|id| (path(id).collect(), pair(tree.node(id).amount))).collect()
        };
        let finest = (callers.weight / FINEST_PART).cast_signed();
        let heavy = |mut said: BTreeMap<Vec<FrameId>, (i64, i64)>| {
            said.retain(|_, amount| amount.0.abs() > finest);
            said
        };
        let our_callees = said(&ours.callees);
        let (our_callers, callers) = (heavy(said(&ours.callers)), heavy(paths(&callers)));
        self.equal(|| what("callers"), &our_callers, &callers);
        let mut callees = NaiveTree::new(&cut(false), false);
        if let [line] = &callees.children.keys().copied().collect::<Vec<_>>()[..] {
            callees = callees.children.remove(line).unwrap_or_default();
        }
        self.equal(|| what("callees"), &our_callees, &paths(&callees));
    }
}

/// What a tree says, by path.
fn paths(tree: &NaiveTree) -> BTreeMap<Vec<FrameId>, (i64, i64)> {
    let mut said = BTreeMap::new();
    let mut waiting = vec![(Vec::new(), tree)];
    while let Some((path, tree)) = waiting.pop() {
        for ((_, frame), child) in &tree.children {
            let path: Vec<FrameId> = path.iter().copied().chain(*frame).collect();
            said.insert(path.clone(), (child.amount.bytes, child.amount.allocations));
            waiting.push((path, child));
        }
    }
    said
}

/// All that is compared of parts.
pub(super) fn compare(forms: &mut Forms<'_>, questions: &[Question], functions: &[NamedFunction]) {
    let filters: Vec<Filter> = questions.iter().map(|question| question.filter.clone()).collect();
    let unlived = filters.iter().filter(|filter| filter.lifetime.is_none());
    for filter in unlived.step_by(filters.len() / 2 + 1) {
        forms.bands(filter);
    }
    let count = forms.model.snapshots().len() as u32;
    let mut ranges = vec![WHOLE_RUN];
    if count > 1 {
        ranges.push(TimeRange { from: Moment::Snapshot(count / 4), to: Moment::Snapshot(count - 1) });
    }
    for (range, filter) in ranges.iter().cycle().zip(filters.iter().step_by(filters.len() / 4 + 1)) {
        forms.distribution(*range, filter);
    }
    if forms.has_native_frames {
        return;
    }
    let functions = functions.iter().step_by(functions.len() / 3 + 1);
    for (function, question) in functions.zip(questions.iter().step_by(questions.len() / 3 + 1)) {
        let question = Question { split_threads: false, ..question.clone() };
        forms.sandwich(&question, *function);
        forms.sandwich(&Question { split_threads: true, ..question }, *function);
    }
}
