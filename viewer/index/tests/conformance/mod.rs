// SPDX-License-Identifier: Apache-2.0
//! Whether answers about a capture are memray's own, part by part.
//!
//! [`Conformance`] leads: it collects every difference, so that one run tells all that is wrong. Where memray itself is
//! wrong, the right answer is asserted, and so is memray's wrong one: if a capture stops showing it, we want to know.
#![allow(dead_code, missing_docs, unreachable_pub)] // each test program uses a part of it

mod instants;
mod over_time;
mod whole_run;

use crate::answers::{Answers, Facts, difference};
use crate::naive::{Amounts, FrameId, Model, Stack};
use crate::truth::{Row, Truth};
use memray_format::FileFormat;
use memray_index::{Amount, Mode, Question};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Where memray merges rows of an aggregated capture, it counts each row after the first as one allocation.
pub const MERGED_ROWS: &str = "aggregated rows merged as 1 allocation";
/// What memray answers over time ends with the last allocation or free: it knows no snapshot after it.
pub const LAST_SNAPSHOTS: &str = "last snapshots missing";

/// memray names threads of the peak as they were named then, not as they were named last.
pub const NAMES_THEN: &str = "threads named as at the peak";
/// Where at one place blocks are freed and as many others allocated since an interval's peak, memray's rows forget the
/// difference of their sizes in the intervals that follow: they no longer sum to its own peaks.
pub const STALE_ROWS: &str = "stale rows over time";
/// memray charges modules above the tracker with what is below it.
pub const MODULES_ABOVE: &str = "modules above the tracker";

/// memray trims a stack above the tracker on all threads that share it with the main thread.
pub const SHARED_STACKS: &str = "shared stacks trimmed on all threads";
/// Over time memray does not count a mapping of which one `munmap` removes two pieces at once.
pub const PIECES_AT_ONCE: &str = "mappings uncounted whose pieces go at once";

/// Compares answers about one capture with memray's.
pub struct Conformance<'a> {
    answers: &'a dyn Answers,
    model: &'a Model,
    truth: &'a Truth,
    facts: Facts,
    /// Aggregated captures: how many rows of the capture each stack sums.
    aggregated_rows: HashMap<Stack, i64>,
    /// All Python frames, to tell them from native ones.
    python_frames: HashSet<FrameId>,
    /// Whole stacks of the main thread, to tell where the tracker is.
    main_thread_stacks: HashSet<Stack>,
    /// Those of them that are whole stacks of other threads too.
    shared_stacks: HashSet<Stack>,
    differences: Vec<String>,
    /// memray's stacks without native frames, and the same without frames above the tracker.
    stacks: Vec<Stack>,
    trimmed_stacks: Vec<Stack>,
    /// What memray gets wrong on this capture, by its number in our list of memray's quirks.
    pub quirks: BTreeSet<&'static str>,
}

/// What differs from memray's answers, and what memray gets wrong on this capture.
pub fn check<'a>(
    answers: &'a dyn Answers,
    model: &'a Model,
    truth: &'a Truth,
) -> (Vec<String>, BTreeSet<&'static str>) {
    let (mut by_main, mut by_others) = (BTreeSet::new(), BTreeSet::new());
    for (_, _, thread, stack) in model.allocations() {
        if thread == model.header.main_thread {
            by_main.insert(stack)
        } else {
            by_others.insert(stack)
        };
    }
    let whole = |rows: &BTreeSet<usize>| rows.iter().map(|row| model.stacks[*row].clone()).collect::<HashSet<Stack>>();
    let (main_thread_stacks, other_stacks) = (whole(&by_main), whole(&by_others));
    let shared = main_thread_stacks.intersection(&other_stacks).cloned();
    let is_trimmed = model.header.skipped_frames_on_main_thread > 0;
    let shared_stacks = shared.filter(|stack| is_trimmed && !stack.is_empty()).collect();
    let mut aggregated_rows = HashMap::new();
    for (a, stack) in &model.aggregated {
        *aggregated_rows.entry(model.trimmed(&model.stacks[*stack], a.thread)).or_default() += 1;
    }
    let mut conformance = Conformance {
        answers,
        model,
        truth,
        facts: answers.facts(),
        aggregated_rows,
        python_frames: model.stacks.iter().flatten().copied().collect(),
        main_thread_stacks,
        shared_stacks,
        stacks: Vec::new(),
        trimmed_stacks: Vec::new(),
        differences: Vec::new(),
        quirks: BTreeSet::new(),
    };
    conformance.stacks = (0..truth.stacks.len()).map(|row| conformance.stack(row)).collect();
    conformance.trimmed_stacks = conformance.stacks.iter().map(|stack| conformance.trimmed(stack.clone())).collect();
    conformance.metadata();
    conformance.snapshots();
    conformance.moments();
    conformance.by_thread();
    conformance.temporary();
    conformance.lifetimes();
    conformance.interval_peaks();
    conformance.statistics();
    conformance.refusals();
    (conformance.differences, conformance.quirks)
}

impl Conformance<'_> {
    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: T, memrays: T) {
        if ours != memrays {
            self.differences.push(format!("{what}: {ours:?}, memray: {memrays:?}"));
        }
    }

    fn holds(&mut self, what: &str, holds: bool) {
        if !holds {
            self.differences.push(what.to_owned());
        }
    }

    fn same(&mut self, what: &str, ours: &Amounts, memrays: &Amounts) {
        let difference = if self.shared_stacks.is_empty() {
            difference(ours, memrays)
        } else {
            difference(&self.without_shared(ours), &self.without_shared(memrays))
        };
        if let Some(difference) = difference {
            self.differences.push(format!("{what}: ours != memray's: {difference}"));
        }
    }

    /// Stacks that other threads share with the main one, trimmed as memray does.
    fn without_shared(&mut self, amounts: &Amounts) -> Amounts {
        let mut trimmed = Amounts::new();
        for ((thread, stack), amount) in amounts {
            let is_shared = self.shared_stacks.contains(stack);
            let stack = if is_shared { self.trimmed(stack.clone()) } else { stack.clone() };
            if is_shared {
                self.quirks.insert(SHARED_STACKS);
            }
            add(trimmed.entry((*thread, stack)).or_default(), (amount.bytes, amount.allocations));
        }
        trimmed
    }

    fn is_aggregated(&self) -> bool {
        self.facts.header.file_format == FileFormat::Aggregated
    }

    fn ask(&mut self, mode: Mode) -> Amounts {
        let question = Question { mode, ..Question::default() };
        self.answers.ask(&question).unwrap_or_else(|refusal| {
            self.differences.push(format!("{mode:?} is refused: {refusal}"));
            Amounts::new()
        })
    }

    /// One of memray's stacks, without native frames.
    fn stack(&self, row: usize) -> Stack {
        let mut stack = self.truth.stack(row);
        if self.facts.header.has_native_traces {
            stack.retain(|frame| self.python_frames.contains(frame));
            // memray falls back to the whole Python stack where it fails to find the interpreter's frames among the
            // native ones.
            return self.trimmed(stack);
        }
        stack
    }

    /// A stack without frames above the tracker, which memray shows where it merges threads over time (Q5).
    fn trimmed(&self, mut stack: Stack) -> Stack {
        if self.main_thread_stacks.contains(&stack) {
            let skipped = self.facts.header.skipped_frames_on_main_thread as usize;
            stack.truncate(stack.len().saturating_sub(skipped));
        }
        stack
    }

    /// Sums memray's rows by their stacks, as they are in `stacks`.
    fn amounts(&self, rows: impl Iterator<Item = Row>, stacks: &[Stack]) -> Amounts {
        let mut sums = BTreeMap::<usize, Amount>::new();
        for (bytes, allocations, row) in rows {
            add(sums.entry(row).or_default(), (bytes, allocations));
        }
        let mut amounts = Amounts::new();
        for (row, amount) in sums {
            add(amounts.entry((None, stacks[row].clone())).or_default(), (amount.bytes, amount.allocations));
        }
        amounts.retain(|_, amount| *amount != Amount::default());
        amounts
    }
}

fn add(sum: &mut Amount, (bytes, allocations): (i64, i64)) {
    sum.bytes += bytes;
    sum.allocations += allocations;
}
