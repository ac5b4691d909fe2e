// SPDX-License-Identifier: Apache-2.0
//! Questions to answers. [`ask`] leads; a moment is an instant at the end of a slice, a peak one at the end of a slice's
//! first half, and each mode is one scan over lifetimes or a sum that is kept ready.

pub(crate) mod bands;
pub(crate) mod charged;
pub(crate) mod distribution;
pub(crate) mod growth;
pub(crate) mod inverted;
pub(crate) mod pattern;
pub(crate) mod sandwich;
pub(crate) mod shown_tree;
pub(crate) mod statistics;
pub(crate) mod tables;
pub(crate) mod tree_layout;

use crate::answer::{Amount, Answer, StackAmount};
use crate::columns::Half;
use crate::error::Refusal;
use crate::filter::{ChargedTo, Filter, Pattern};
use crate::ids::{NodeId, SiteId, StringId};
use crate::location::Location;
use crate::question::{Mode, Moment, Question, TimeRange};
use crate::store::Store;
use crate::store::ages::Lived;
use pattern::{Matcher, NameOf};
use shown_tree::ShownTree;

/// What an aggregated capture answers to questions that it cannot answer.
pub(crate) const AGGREGATED: &str = "this capture holds only sums (it was recorded with --aggregate): it knows what was \
     live at the peak and at the end, but no moments, ranges, temporary allocations, churn or statistics";

/// Why temporary allocations are not picked by how long they lived.
const TEMPORARY_BY_LIFETIME: &str = "temporary allocations are told by how many others came in between, not by time: remove \
     the filter by lifetime to see them";

/// Why an aggregated capture's allocations are not picked by size or lifetime.
const AGGREGATED_FILTER: &str = "this capture holds only sums (it was recorded with --aggregate): it knows neither how large \
     single allocations were nor how long they lived; remove that filter";

type Sums = Vec<(SiteId, Amount)>;

/// The index file changed or broke after it was opened.
pub(crate) fn unreadable(error: rusqlite::Error) -> Refusal {
    Refusal(format!("the index cannot be read ({error}); make it anew from its capture"))
}

impl Store {
    /// Answers a question; temporary allocations at distances that the index does not know are `reread` from the capture.
    pub(crate) fn ask(
        &self,
        question: &Question,
        reread: impl FnOnce(u64) -> Result<Sums, Refusal>,
    ) -> Result<Answer, Refusal> {
        if self.info.is_aggregated() && !matches!(question.mode, Mode::Peak | Mode::Leaked) {
            return Err(Refusal(AGGREGATED.to_owned()));
        }
        if self.info.is_aggregated() && (question.filter.size.is_some() || question.filter.lifetime.is_some()) {
            return Err(Refusal(AGGREGATED_FILTER.to_owned()));
        }
        let (mut sites, heap_bytes) = self.sums(question, reread)?;
        self.lifetimes.check()?;
        sites.retain(|(site, _)| site.index() < self.sites.len());
        self.keep_matching(&mut sites, &question.filter)?;
        let total = sites.iter().fold(Amount::default(), |sum, (_, amount)| Amount {
            bytes: sum.bytes.wrapping_add(amount.bytes),
            allocations: sum.allocations.wrapping_add(amount.allocations),
        });
        Ok(Answer { question: question.clone(), total, sites, heap_bytes })
    }

    fn sums(
        &self,
        question: &Question,
        reread: impl FnOnce(u64) -> Result<Sums, Refusal>,
    ) -> Result<(Sums, Option<u64>), Refusal> {
        let lifetimes = &self.lifetimes;
        let lived = self.lived(&question.filter);
        let live_at = |at| lifetimes.live_at(at, lived);
        let last = Half(Half::NEVER.0 - 1);
        Ok(match question.mode {
            Mode::Peak => {
                let sums = if lived.is_some() { live_at(self.peak_half) } else { self.sums.peak.clone() };
                (sums, Some(self.timeline.peak_bytes))
            }
            Mode::Leaked => {
                let sums = if lived.is_some() { live_at(last) } else { self.sums.leaked.clone() };
                (sums, Some(self.timeline.end_heap_bytes))
            }
            Mode::Total if lived.is_some() => (lifetimes.born(None, last, lived), None),
            Mode::Total => (self.sums.total.clone(), None),
            Mode::LiveAt(moment) => {
                let heap = self.timeline.heap_bytes(moment);
                (self.instant(moment)?.map(live_at).unwrap_or_default(), Some(heap))
            }
            Mode::RangeLive(range) => {
                let (from, to) = self.instants(range)?;
                (
                    to.map(|to| lifetimes.born_and_live(from, to, lived)).unwrap_or_default(),
                    Some(self.timeline.heap_bytes(range.to)),
                )
            }
            Mode::RangePeak(range) => self.range_peak(range, lived)?,
            Mode::RangeGrowth(range) => {
                let (from, to) = self.instants(range)?;
                (lifetimes.difference(from, to, lived), None)
            }
            Mode::RangeChurn(range) => {
                let (from, to) = self.instants(range)?;
                (to.map(|to| lifetimes.born(from, to, lived)).unwrap_or_default(), None)
            }
            Mode::Temporary { .. } if lived.is_some() => return Err(Refusal(TEMPORARY_BY_LIFETIME.to_owned())),
            Mode::Temporary { threshold } => {
                (if threshold > self.temporary_known { reread(threshold)? } else { self.temporary(threshold)? }, None)
            }
        })
    }

    /// The lifetimes that a filter asks about.
    pub(crate) fn lived(&self, filter: &Filter) -> Option<Lived<'_>> {
        filter.lifetime.map(|range| Lived { ages: self.ages(), range })
    }

    /// The instant of a moment; `None` before all time.
    pub(crate) fn instant(&self, moment: Moment) -> Result<Option<Half>, Refusal> {
        let intervals = self.timeline.interval_count();
        let interval = match moment {
            Moment::Start => return Ok(None),
            Moment::Snapshot(i) if (i as usize) < intervals - 1 => i as usize,
            Moment::Snapshot(i) => {
                return Err(Refusal(match intervals - 1 {
                    0 => format!("there is no snapshot #{i}: this capture has none"),
                    count => format!("there is no snapshot #{i}: this capture has #0 to #{}", count - 1),
                }));
            }
            Moment::End => intervals - 1,
        };
        Ok(self.last_slices.get(interval).map(|&slice| Half::of(slice, true)))
    }

    /// Live bytes of some sites at each snapshot and at the end, of what lived as long as a filter asks for.
    pub(crate) fn live_bytes_over_time(&self, sites: &[SiteId], filter: &Filter) -> Result<Vec<u64>, Refusal> {
        if self.info.is_aggregated() {
            return Err(Refusal(AGGREGATED.to_owned()));
        }
        let mut is_wanted = vec![false; self.sites.len()];
        for site in sites {
            is_wanted[site.index()] = true;
        }
        let instants: Vec<Half> = self.last_slices.iter().map(|&slice| Half::of(slice, true)).collect();
        let column = |site: SiteId| -> &[u32] { if is_wanted[site.index()] { &[0] } else { &[] } };
        let live_bytes = self.lifetimes.series(&instants, 1, self.lived(filter), column).pop().unwrap_or_default();
        self.lifetimes.check()?;
        Ok(live_bytes)
    }

    pub(crate) fn instants(&self, range: TimeRange) -> Result<(Option<Half>, Option<Half>), Refusal> {
        if range.from > range.to {
            return Err(Refusal("the range ends before it begins".to_owned()));
        }
        Ok((self.instant(range.from)?, self.instant(range.to)?))
    }

    fn range_peak(&self, range: TimeRange, lived: Option<Lived<'_>>) -> Result<(Sums, Option<u64>), Refusal> {
        let (from, to) = self.instants(range)?;
        let heap_at_start = self.timeline.heap_bytes(range.from);
        let Some(to) = to else { return Ok((Vec::new(), Some(0))) };
        let first = from.map_or(0, |from| from.0 / 2 + 1);
        let last = to.0 / 2;
        // The last of the largest; a slice's peak counts its start, so the range's own start is among them.
        let highest = (first..=last).filter_map(|slice| Some((*self.slice_peaks.get(slice as usize)?, slice))).max();
        Ok(match highest {
            Some((peak, slice)) => (self.lifetimes.live_at(Half::of(slice, false), lived), Some(peak)),
            None => (from.map(|at| self.lifetimes.live_at(at, lived)).unwrap_or_default(), Some(heap_at_start)),
        })
    }

    fn temporary(&self, threshold: u64) -> Result<Sums, Refusal> {
        let read = |connection: &rusqlite::Connection| -> rusqlite::Result<Sums> {
            connection
                .prepare_cached("SELECT site, bytes, allocations FROM temporary WHERE distance <= ?1")?
                .query_map([threshold as i64], |row| {
                    Ok((SiteId(row.get(0)?), Amount { bytes: row.get(1)?, allocations: row.get(2)? }))
                })?
                .collect()
        };
        let mut sums = self.lifetimes.with_connection(read).map_err(unreadable)?;
        // Not in SQL, where sums that wrap are errors.
        sums.sort_unstable_by_key(|(site, _)| *site);
        sums.dedup_by(|next, sum| {
            let is_same = next.0 == sum.0;
            if is_same {
                tree_layout::add(&mut sum.1, next.1);
            }
            is_same
        });
        Ok(sums)
    }

    /// An answer by shown stack, in order of threads and nodes.
    pub(crate) fn stacks_of(&self, answer: &Answer, shown: &ShownTree) -> Vec<StackAmount> {
        let thread_of = |(site, _): &(SiteId, Amount)| self.sites[site.index()].thread;
        let by_thread = answer.question.split_threads.then(|| {
            let mut sites = answer.sites.clone();
            sites.sort_by_key(thread_of);
            sites
        });
        let mut stacks = Vec::new();
        // By node: sums, and whether it is among the touched.
        let mut sums = vec![(Amount::default(), false); shown.tree.len()];
        let mut touched: Vec<NodeId> = Vec::new();
        let sites = by_thread.as_deref().unwrap_or(&answer.sites);
        for sites in sites.chunk_by(|a, b| by_thread.is_none() || thread_of(a) == thread_of(b)) {
            for &(site, amount) in sites {
                let node = shown.shown(self.sites[site.index()].node);
                let (sum, is_touched) = &mut sums[node.index()];
                tree_layout::add(sum, amount);
                if !std::mem::replace(is_touched, true) {
                    touched.push(node);
                }
            }
            touched.sort_unstable();
            let thread = by_thread.as_ref().and(sites.first()).map(thread_of);
            let stack_of =
                |node: NodeId| StackAmount { node, thread, amount: std::mem::take(&mut sums[node.index()]).0 };
            stacks.extend(touched.drain(..).map(stack_of).filter(|stack| stack.amount != Amount::default()));
        }
        stacks
    }

    /// Keeps the sites whose stacks a filter asks about.
    pub(crate) fn keep_matching(&self, sites: &mut Sums, filter: &Filter) -> Result<(), Refusal> {
        if let Some(thread) = filter.thread {
            sites.retain(|(site, _)| self.sites[site.index()].thread == thread);
        }
        if let Some(allocator) = filter.allocator {
            sites.retain(|(site, _)| self.sites[site.index()].allocator == allocator);
        }
        if let Some(sizes) = filter.size {
            sites.retain(|(site, _)| sizes.contains(self.sites[site.index()].size_class));
        }
        let patterns: [(&Option<_>, NameOf); 3] = [
            (&filter.module, |location| location.module),
            (&filter.file, |location| location.file),
            (&filter.function, |location| location.function),
        ];
        for (pattern, name_of) in patterns {
            if let Some(pattern) = pattern {
                let matcher = Matcher::new(pattern)?;
                let matches = self.nodes_with(|location| matcher.matches(self.names.get(name_of(location))));
                sites.retain(|(site, _)| matches[self.sites[site.index()].node.index()]);
            }
        }
        for function in filter.function_named.iter().chain(&filter.starts_at) {
            let matches = self.nodes_with(|location| function.is_of(location));
            sites.retain(|(site, _)| matches[self.sites[site.index()].node.index()]);
        }
        if !filter.without.is_empty() {
            let matches = self.nodes_with(|location| filter.without.iter().any(|function| function.is_of(location)));
            sites.retain(|(site, _)| !matches[self.sites[site.index()].node.index()]);
        }
        for ChargedTo { charge, key } in &filter.charged_to {
            let key_of = charged::key_of_site(self, *charge);
            sites.retain(|(site, _)| key_of(*site) == *key);
        }
        Ok(())
    }

    /// The names of functions that match a pattern, in order, each once.
    pub(crate) fn functions_named(&self, pattern: &Pattern) -> Result<Vec<StringId>, Refusal> {
        let matcher = Matcher::new(pattern)?;
        let mut functions: Vec<StringId> = self.locations.iter().skip(1).map(|location| location.function).collect();
        functions.sort_unstable();
        functions.dedup();
        functions.retain(|&function| matcher.matches(self.names.get(function)));
        Ok(functions)
    }

    /// For every node of the call tree, whether it or a node above it has a location that matches.
    fn nodes_with(&self, matches: impl Fn(&Location) -> bool) -> Vec<bool> {
        let locations: Vec<bool> =
            self.locations.iter().enumerate().map(|(id, location)| id > 0 && matches(location)).collect();
        let tree = &self.call_tree;
        let mut matches = vec![false; tree.len()];
        for node in (1..tree.len() as u32).map(NodeId) {
            matches[node.index()] = locations[tree.location(node).index()] || matches[tree.parent(node).index()];
        }
        matches
    }
}
