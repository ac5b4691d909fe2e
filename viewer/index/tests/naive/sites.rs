// SPDX-License-Identifier: Apache-2.0
//! Who allocates, and how much of an answer is theirs. [`Part`] leads: stacks, trees and tables are sums of parts.

use super::matching::Matching;
use super::native::NativeStacks;
use super::{Amounts, FrameId, Model, Numbers, Stack, Step, add};
use memray_format::{AggregatedAllocation, Allocator, AllocatorKind, ThreadId};
use memray_index::{Amount, Mode, Question};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Who allocates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    pub thread: ThreadId,
    pub allocator: Allocator,
    /// In how many bits the sizes are written, up to 63.
    pub size_bits: u32,
    /// Without the frames above the tracker.
    pub stack: Stack,
    /// The innermost native frame, and the list of mappings that it refers to; 0 for none.
    native: (u64, u64),
    /// The innermost library of its native stack.
    pub library: Option<Vec<u8>>,
}

/// What one site contributes to an answer.
#[derive(Clone, Debug)]
pub struct Part {
    /// A row of [`Model::sites`].
    pub site: usize,
    /// What the question's filter leaves of its stack.
    pub shown: Stack,
    pub amount: Amount,
}

/// Makes sites, each once.
#[derive(Default)]
pub(super) struct SiteTable {
    pub(super) sites: Vec<Site>,
    rows: HashMap<(ThreadId, Allocator, u32, usize, (u64, u64)), usize>,
    ids: HashMap<Site, usize>,
}

impl SiteTable {
    /// The site of a stack (a row of the model's) in a thread.
    pub(super) fn site(
        &mut self,
        model: &Model,
        native_stacks: &NativeStacks,
        (thread, allocator, size_bits, stack, native): (ThreadId, Allocator, u32, usize, (u64, u64)),
    ) -> usize {
        let key = (thread, allocator, size_bits, stack, native);
        if let Some(site) = self.rows.get(&key) {
            return *site;
        }
        let library = native_stacks.library(native.0, native.1);
        let stack = model.trimmed(&model.stacks[stack], thread);
        let site = Site { thread, allocator, size_bits, stack, native, library };
        // Stacks that differ above the tracker, or in instructions of one line, are the same.
        let id = *self.ids.entry(site).or_insert_with_key(|site| {
            self.sites.push(site.clone());
            self.sites.len() - 1
        });
        self.rows.insert(key, id);
        id
    }
}

impl Model {
    /// The site of each step (none for snapshots and frees), and of each row of an aggregated capture.
    pub(super) fn find_sites(&mut self, native_stacks: &NativeStacks, generations: &[u64]) {
        let mut table = SiteTable::default();
        let mut site_of = |who| table.site(self, native_stacks, who);
        let of_steps = self.steps.iter().zip(generations).map(|(step, generation)| match step {
            Step::Allocation(a, thread, stack)
                if matches!(a.allocator.kind(), AllocatorKind::Simple | AllocatorKind::Ranged) =>
            {
                let generation = if a.native_frame == 0 { 0 } else { *generation };
                let size_bits = format!("{:b}", a.size_bytes).trim_start_matches('0').len().min(63) as u32;
                Some(site_of((*thread, a.allocator, size_bits, *stack, (a.native_frame, generation))))
            }
            _ => None,
        });
        let of_steps: Vec<Option<usize>> = of_steps.collect();
        let of_rows = self.aggregated.iter();
        let of_rows = of_rows
            .map(|(a, stack)| site_of((a.thread, a.allocator, 0, *stack, (a.native_frame, a.segment_generation))))
            .collect();
        (self.site_of_step, self.site_of_row) = (of_steps, of_rows);
        self.sites = table.sites;
    }

    /// An answer's parts, those left out that the filter leaves out or that sum to nothing. `numbers` say what
    /// a filter means.
    pub fn parts(&self, question: &Question, numbers: &Numbers) -> Result<Vec<Part>, String> {
        let filter = &question.filter;
        if self.is_aggregated() && (filter.size.is_some() || filter.lifetime.is_some()) {
            return Err("an aggregated capture holds neither sizes nor lifetimes".to_owned());
        }
        let contributions: Vec<(usize, Amount)> = match (self.is_aggregated(), question.mode) {
            (true, mode @ (Mode::Peak | Mode::Leaked)) => {
                let amount = |bytes: u64, count: u64| Amount { bytes: bytes as i64, allocations: count as i64 };
                let of = |a: &AggregatedAllocation| match mode {
                    Mode::Peak => amount(a.peak_bytes, a.peak_allocations),
                    _ => amount(a.leaked_bytes, a.leaked_allocations),
                };
                let rows = self.aggregated.iter().zip(&self.site_of_row);
                rows.map(|((a, _), site)| (*site, of(a))).collect()
            }
            (true, _) => return Err("an aggregated capture holds only sums".to_owned()),
            (false, mode) => {
                let records = match question.filter.lifetime {
                    Some(range) => self.lived_contributions(mode, range)?,
                    None => self.contributions(mode),
                };
                let records = records.into_iter();
                records.filter_map(|(record, amount)| Some((self.site_of_step[record]?, amount))).collect()
            }
        };
        let mut sums = BTreeMap::<usize, Amount>::new();
        for (site, amount) in contributions {
            let (thread, allocator) = (self.sites[site].thread, self.sites[site].allocator);
            let is_meant = filter.thread.is_none_or(|t| numbers.threads[t.index()] == thread)
                && filter.allocator.is_none_or(|a| a == allocator)
                && filter.size.is_none_or(|range| {
                    let bits = self.sites[site].size_bits;
                    u32::from(range.from.number()) <= bits && bits <= u32::from(range.to.number())
                });
            if is_meant {
                add(sums.entry(site).or_default(), amount);
            }
        }
        sums.retain(|_, amount| *amount != Amount::default());
        let matching = Matching::new(self, filter, numbers);
        let part = |(site, amount)| Some(Part { site, shown: matching.shown(&self.sites[site].stack)?, amount });
        Ok(sums.into_iter().filter_map(part).collect())
    }

    /// Parts by thread (where split) and stack, with some frames left out of that.
    pub fn by_stack(&self, parts: &[Part], split_threads: bool, keeps: &dyn Fn(FrameId) -> bool) -> Amounts {
        let mut amounts = Amounts::new();
        for part in parts {
            let thread = split_threads.then_some(self.sites[part.site].thread);
            let stack = part.shown.iter().copied().filter(|frame| keeps(*frame)).collect();
            add(amounts.entry((thread, stack)).or_default(), part.amount);
        }
        amounts.retain(|_, amount| *amount != Amount::default());
        amounts
    }

    /// Live bytes of some sites at each snapshot and at the end.
    pub fn live_bytes_over_time(&self, sites: &HashSet<usize>) -> Vec<u64> {
        let live_by_site = self.live_by_site.get_or_init(|| {
            let snapshots = (0..self.steps.len()).filter(|i| matches!(self.steps[*i], Step::Snapshot(_)));
            let by_site = |state: usize| {
                let mut by_site = BTreeMap::<usize, u64>::new();
                for (record, bytes) in self.live_after(state).iter() {
                    *by_site.entry(self.site_of_step[*record].unwrap()).or_default() += bytes;
                }
                by_site
            };
            snapshots.chain([self.steps.len()]).map(by_site).collect()
        });
        let of_sites = |live: &BTreeMap<usize, u64>| sites.iter().filter_map(|site| live.get(site)).sum();
        live_by_site.iter().map(of_sites).collect()
    }
}
