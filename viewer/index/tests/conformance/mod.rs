// SPDX-License-Identifier: Apache-2.0
//! Whether answers about a capture are memray's own, part by part.
//!
//! [`Conformance`] leads: it collects every difference, so that one run tells all that is wrong. Where memray itself is
//! wrong, the right answer is asserted, and so is memray's wrong one: if a capture stops showing it, we want to know.
#![allow(dead_code, missing_docs, unreachable_pub)] // each test program uses a part of it

use crate::answers::{Answers, Facts, difference, text};
use crate::naive::{Amounts, FrameId, Model, Stack, Step};
use crate::truth::{Lifetime, Row, Truth, time_ms};
use memray_format::{Allocation, Allocator, AllocatorKind, FileFormat, PythonAllocator, ThreadId};
use memray_index::{Amount, Mode, Moment, Question, TimeRange};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

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

    fn metadata(&mut self) {
        let (truth, header) = (&self.truth.metadata, self.facts.header.clone());
        self.equal("command line", text(&header.command_line), truth.command_line.clone());
        self.equal("pid", header.pid, truth.pid);
        self.equal("native traces", header.has_native_traces, truth.has_native_traces);
        self.equal("start time", header.start_time_ms, time_ms(&truth.start_time));
        self.equal("end time", header.end_time_ms, time_ms(&truth.end_time));
        self.equal("peak", self.facts.peak_bytes, truth.peak_memory);
        if let Some(format) = truth.file_format {
            self.equal("aggregated", self.is_aggregated(), format == 1);
        }
        if let Some(thread) = truth.main_thread_id {
            self.equal("main thread", header.main_thread.0, thread);
        }
        if let Some(traces) = truth.trace_python_allocators {
            self.equal("Python allocators traced", header.traces_python_allocators, traces);
        }
        let allocator = match header.python_allocator {
            PythonAllocator::Pymalloc => "pymalloc",
            PythonAllocator::PymallocDebug => "pymalloc debug",
            PythonAllocator::Malloc => "malloc",
            PythonAllocator::Mimalloc => "mimalloc",
            PythonAllocator::MimallocDebug => "mimalloc debug",
            PythonAllocator::Other => "unknown",
        };
        self.equal("Python's allocator", allocator, &truth.python_allocator);
        // Q2 and Q3: memray's "total allocations" are allocations and frees, or an aggregated capture's rows.
        self.equal("records", self.facts.allocations_and_frees, truth.total_allocations);
        if self.facts.allocations < truth.total_allocations {
            self.quirks.insert(if self.is_aggregated() { "Q3" } else { "Q2" });
        }
        // Q1: memray 1.19 and later count no frames.
        if header.version >= 12 {
            self.equal("Q1: memray counts no frames", 0, truth.total_frames);
            self.quirks.insert("Q1");
        }
        // Q10: of a recording that was killed, memray reports the end time that was written when it began.
        if !self.facts.is_complete {
            let memrays_ms = time_ms(&truth.end_time);
            let last_ms = self.facts.snapshots.last().map_or(header.start_time_ms, |snapshot| snapshot.0);
            self.equal("end of a recording that stops early", self.facts.end_time_ms, last_ms);
            self.holds("Q10: memray's end time is too early", memrays_ms <= last_ms);
            self.quirks.insert("Q10");
        }
    }

    fn snapshots(&mut self) {
        self.equal("snapshots", self.facts.snapshots.clone(), self.truth.snapshots.clone());
        if !self.is_aggregated() {
            for (i, (_, _, heap)) in self.facts.snapshots.clone().into_iter().enumerate().step_by(7) {
                let live = self.ask(Mode::LiveAt(Moment::Snapshot(i as u32)));
                self.equal(&format!("live at #{i}"), live.values().map(|a| a.bytes).sum(), heap as i64);
            }
        }
    }

    fn moments(&mut self) {
        for (mode, rows) in [(Mode::Peak, &self.truth.high_water_mark), (Mode::Leaked, &self.truth.leaked)] {
            let mut ours = self.ask(mode);
            let memrays = self.amounts(rows.iter().copied(), &self.stacks);
            let bytes = ours.values().map(|a| a.bytes).sum::<i64>();
            let total = if mode == Mode::Peak { self.facts.peak_bytes } else { self.facts.end_heap_bytes };
            self.equal(&format!("sum over {mode:?}"), bytes, total as i64);
            if self.is_aggregated() {
                self.merged_counts(&mut ours, &memrays);
            }
            self.same(&format!("{mode:?}"), &ours, &memrays);
        }
        if !self.is_aggregated() {
            let at_end = self.ask(Mode::LiveAt(Moment::End));
            let leaked = self.ask(Mode::Leaked);
            self.same("live at the end and leaked", &at_end, &leaked);
        }
    }

    /// Where memray merges rows of an aggregated capture, it adds 1 to the allocations for each row after the first
    /// instead of what the row holds. Puts memray's numbers in place of ours where that can be why they differ.
    fn merged_counts(&mut self, ours: &mut Amounts, memrays: &Amounts) {
        for (key, amount) in ours {
            let Some(wrong) = memrays.get(key) else { continue };
            let rows = self.aggregated_rows.get(&key.1).copied().unwrap_or(0);
            if rows > 1 && (1..amount.allocations).contains(&wrong.allocations) {
                amount.allocations = wrong.allocations;
                self.quirks.insert(MERGED_ROWS);
            }
        }
    }

    fn by_thread(&mut self) {
        let question = Question { mode: Mode::Peak, split_threads: true, ..Question::default() };
        let amounts = self.answers.ask(&question).unwrap_or_default();
        let rows = &self.truth.high_water_mark_by_thread;
        // Releases before 1.11 name threads by number, some of them threads of versions before 9 by pthread handle.
        let by_number = rows.iter().any(|row| row.2.starts_with("0x"));
        let mut ours = BTreeMap::<(String, Stack), Amount>::new();
        for ((thread, stack), amount) in amounts {
            let thread = thread.unwrap_or_default();
            let name = text(&self.answers.thread_name(thread));
            let label = match (by_number, name.is_empty()) {
                (true, true) => format!("{:#x}", thread.0),
                (true, false) => format!("{:#x} ({name})", thread.0),
                (false, _) => name,
            };
            add(ours.entry((label, stack)).or_default(), (amount.bytes, amount.allocations));
        }
        let mut memrays = BTreeMap::<(String, Stack), Amount>::new();
        for (bytes, allocations, thread, row) in rows {
            add(memrays.entry((thread.clone(), self.stacks[*row].clone())).or_default(), (*bytes, *allocations));
        }
        let keys: BTreeSet<_> = ours.keys().chain(memrays.keys()).cloned().collect();
        let mut differences = Vec::new();
        for key in keys {
            let (mut own, other) = (ours.get(&key).copied(), memrays.get(&key).copied());
            let rows = self.aggregated_rows.get(&key.1).copied().unwrap_or(0);
            if let (Some(own), Some(other)) = (&mut own, other)
                && rows > 1
                && (1..own.allocations).contains(&other.allocations)
            {
                own.allocations = other.allocations;
            }
            if own != other {
                let leaf = key.1.first().map(|frame| text(&frame.frame().0));
                differences.push(format!("peak by thread {} {leaf:?}: {own:?}, memray: {other:?}", key.0));
            }
        }
        if !differences.is_empty() && self.model.has_late_names {
            self.quirks.insert(NAMES_THEN);
            let merged = |amounts: BTreeMap<(String, Stack), Amount>| {
                let mut by_stack = Amounts::new();
                for ((_, stack), amount) in amounts {
                    add(by_stack.entry((None, stack)).or_default(), (amount.bytes, amount.allocations));
                }
                by_stack
            };
            self.same("peak by thread, whatever its name", &merged(ours), &merged(memrays));
        } else {
            self.differences.extend(differences);
        }
    }

    fn temporary(&mut self) {
        for (threshold, rows) in [(0, &self.truth.temporary_0), (1, &self.truth.temporary_1)] {
            let Some(rows) = rows else { continue };
            let ours = self.ask(Mode::Temporary { threshold });
            let memrays = self.amounts(rows.iter().copied(), &self.stacks);
            let what = format!("temporary {threshold}");
            // Q14: memray does not forget an allocation that was freed, and takes it for freed again.
            let twice = self.freed_twice(threshold);
            if !twice.is_empty() {
                self.quirks.insert("Q14");
            }
            let mut ours_and_twice = ours;
            for (key, amount) in twice {
                add(ours_and_twice.entry(key).or_default(), (amount.bytes, amount.allocations));
            }
            self.same(&what, &ours_and_twice, &memrays);
        }
    }

    /// What memray finds temporary by its own rule, less what is: each thread's last allocations, the newest first, in
    /// which a free finds the first of its address, however often.
    fn freed_twice(&self, threshold: u64) -> Amounts {
        let mut recent = HashMap::<ThreadId, VecDeque<(Allocation, Stack)>>::new();
        let mut twice = Amounts::new();
        for step in &self.model.steps {
            let Step::Allocation(a, thread, stack) = step else { continue };
            let recent = recent.entry(*thread).or_default();
            let is_freed = |b: &Allocation| match a.allocator.kind() {
                AllocatorKind::SimpleFree => a.address == b.address,
                _ => (a.address, a.size_bytes) == (b.address, b.size_bytes),
            };
            if matches!(a.allocator.kind(), AllocatorKind::Simple | AllocatorKind::Ranged) {
                recent.push_front((*a, self.model.trimmed(&self.model.stacks[*stack], *thread)));
                recent.truncate(threshold as usize + 1);
            } else if let Some((b, stack)) = recent.iter().find(|(b, _)| is_freed(b)) {
                add(twice.entry((None, stack.clone())).or_default(), (b.size_bytes as i64, 1));
            }
        }
        let question = Question { mode: Mode::Temporary { threshold }, ..Question::default() };
        for (key, amount) in self.model.ask(&question, &[]).unwrap_or_default() {
            add(twice.entry(key).or_default(), (-amount.bytes, -amount.allocations));
        }
        twice.retain(|_, amount| *amount != Amount::default());
        twice
    }

    /// Start, some snapshots, and the end: few enough that all pairs of them can be asked about.
    fn some_moments(&self) -> Vec<Moment> {
        let count = self.facts.snapshots.len();
        let stride = count.div_ceil(7).max(1);
        let snapshots = (0..count).filter(|i| i % stride == 0 || *i < 2 || *i + 1 == count);
        let snapshots = snapshots.map(|i| Moment::Snapshot(i as u32));
        [Moment::Start].into_iter().chain(snapshots).chain([Moment::End]).collect()
    }

    /// The first of memray's intervals that lies after a moment. An interval before snapshot i has number i.
    fn intervals_before(&self, moment: Moment) -> usize {
        match moment {
            Moment::Start => 0,
            Moment::Snapshot(i) => i as usize + 1,
            Moment::End => self.facts.snapshots.len() + 1,
        }
    }

    fn lifetimes(&mut self) {
        let Some(rows) = &self.truth.temporal else { return };
        if rows.iter().any(|row| self.stacks[row.4] != self.trimmed_stacks[row.4]) {
            self.quirks.insert("Q5");
        }
        let moments = self.some_moments();
        for (i, from) in moments.iter().enumerate() {
            for to in &moments[i + 1..] {
                let intervals = self.intervals_before(*from)..self.intervals_before(*to);
                let is_live = |freed: Option<usize>, end: usize| freed.is_none_or(|freed| freed >= end);
                let lives_on = |row: &&Lifetime| intervals.contains(&row.0) && is_live(row.1, intervals.end);
                let amounts = |rows: Vec<&Lifetime>| {
                    let rows = rows.into_iter().map(|row| (row.2, row.3, row.4));
                    self.amounts(rows, &self.trimmed_stacks)
                };
                let memrays = amounts(rows.iter().filter(lives_on).collect());
                let range = TimeRange { from: *from, to: *to };
                let live_at = |end| amounts(rows.iter().filter(|row| row.0 < end && is_live(row.1, end)).collect());
                let (before, after) = (live_at(intervals.start), live_at(intervals.end));
                let mut ours = self.ask(Mode::RangeLive(range));
                if self.model.unmapped_at_once {
                    for (key, amount) in &mut ours {
                        let wrong = memrays.get(key).filter(|wrong| wrong.bytes == amount.bytes);
                        if let Some(wrong) = wrong.filter(|wrong| wrong.allocations < amount.allocations) {
                            amount.allocations = wrong.allocations;
                            self.quirks.insert(PIECES_AT_ONCE);
                        }
                    }
                }
                self.same(&format!("live of {range:?}"), &ours, &memrays);
                let mut growth = after;
                for (key, amount) in before {
                    add(growth.entry(key).or_default(), (-amount.bytes, -amount.allocations));
                }
                let ours = self.ask(Mode::RangeGrowth(range));
                self.same(&format!("growth of {range:?}"), &bytes(ours), &bytes(growth));
            }
        }
    }

    fn interval_peaks(&mut self) {
        let Some(truth) = &self.truth.temporal_high_water_mark else { return };
        let all = self.facts.interval_peaks.clone();
        // memray stops at the last allocation or free: of the snapshots after it, which show the same heap, it knows
        // nothing.
        let known = truth.peaks.len().min(all.len());
        let (ours, later) = all.split_at(known);
        self.equal("intervals", all.len(), self.facts.snapshots.len() + 1);
        self.holds(
            "nothing happens after memray's last interval",
            later.iter().all(|p| *p == self.facts.end_heap_bytes),
        );
        if !later.is_empty() {
            self.quirks.insert(LAST_SNAPSHOTS);
        }
        let (last, earlier) = ours.split_last().unwrap_or((&0, &[]));
        let (memrays_last, memrays_earlier) = truth.peaks.split_last().unwrap_or((&0, &[]));
        self.equal("interval peaks", earlier.to_vec(), memrays_earlier.to_vec());
        // Q6: memray's list misses a last peak from which the heap did not fall any more; its own rows know better.
        let contributed = |i: usize| truth.lifetimes.iter().filter(move |r| r.0 <= i && r.1.is_none_or(|end| end > i));
        let sum = contributed(earlier.len()).map(|row| row.2).sum::<i64>();
        self.equal("last interval's peak", *last as i64, sum);
        if last != memrays_last {
            self.holds("Q6: memray's last interval peak is too low", memrays_last < last);
            self.quirks.insert("Q6");
        }
        let mut from = Moment::Start;
        for i in 0..ours.len() {
            let to = if i + 1 < all.len() { Moment::Snapshot(i as u32) } else { Moment::End };
            let range = TimeRange { from: std::mem::replace(&mut from, to), to };
            let rows = contributed(i).map(|row| (row.2, row.3, row.4));
            let memrays = self.amounts(rows, &self.trimmed_stacks);
            let ours = self.ask(Mode::RangePeak(range));
            let sum = |amounts: &Amounts| amounts.values().map(|a| a.bytes).sum::<i64>();
            self.equal(&format!("sum over the peak of interval {i}"), sum(&ours), all[i] as i64);
            if sum(&memrays) == all[i] as i64 {
                self.same(&format!("peak of interval {i}"), &ours, &memrays);
            } else {
                self.quirks.insert(STALE_ROWS);
                let without_bytes = |mut amounts: Amounts| {
                    amounts.values_mut().for_each(|amount| amount.bytes = 0);
                    amounts.retain(|_, amount| amount.allocations != 0);
                    amounts
                };
                let what = format!("allocations at the peak of interval {i}");
                self.same(&what, &without_bytes(ours), &without_bytes(memrays));
            }
        }
    }

    fn statistics(&mut self) {
        let Some(truth) = &self.truth.statistics else { return };
        let ours = match self.answers.statistics() {
            Ok(ours) => ours,
            Err(refusal) => return self.differences.push(format!("statistics are refused: {refusal}")),
        };
        self.equal("allocations", ours.allocations, truth.total_num_allocations);
        self.equal("allocations, counted twice", self.facts.allocations, ours.allocations);
        self.equal("bytes", ours.bytes, truth.total_memory_allocated);
        self.equal("statistics' peak", ours.peak_bytes, truth.peak_memory_allocated);
        let by_size: BTreeMap<u64, u64> = truth.allocation_count_by_size.iter().copied().collect();
        self.equal("allocations by size", ours.by_size.clone(), by_size);
        let name = |allocator: &Allocator| allocator.name().to_uppercase();
        let ours_by_allocator: BTreeMap<_, _> = ours.by_allocator.iter().map(|(a, n)| (name(a), *n)).collect();
        let by_allocator: BTreeMap<_, _> = truth.allocation_count_by_allocator.iter().cloned().collect();
        self.equal("allocations by allocator", ours_by_allocator, by_allocator);

        // Whole rankings are ours, the first ten rows memray's; rows of one rank have no order.
        let locations: Vec<(String, (u64, u64))> = ours
            .by_location
            .iter()
            .map(|(frame, amount)| match frame {
                Some((function, file, line)) => (format!("{} {} {line}", text(function), text(file)), *amount),
                None => ("<unknown> <unknown> 0".to_owned(), *amount),
            })
            .collect();
        let memrays = |rows: &[((String, String, i64), u64)]| -> Vec<(String, u64)> {
            rows.iter().map(|((function, file, line), n)| (format!("{function} {file} {}", line.max(&0)), *n)).collect()
        };
        // memray tells lines below 1 apart; to us they are no line.
        if !ours.by_location.keys().flatten().any(|frame| frame.2 == 0) {
            self.ranking("location by size", &locations, |a| a.0, &memrays(&truth.top_locations_by_size));
            self.ranking("location by count", &locations, |a| a.1, &memrays(&truth.top_locations_by_count));
        }
        let mut modules: BTreeMap<_, _> = ours.by_module.iter().map(|(module, sum)| (text(module), *sum)).collect();
        let above: BTreeMap<_, _> =
            self.model.by_module(false).iter().map(|(module, sum)| (text(module), *sum)).collect();
        if truth.top_modules_by_allocation_size.is_some() && modules != above {
            self.equal("modules", modules, self.model.by_module(true).iter().map(|(m, sum)| (text(m), *sum)).collect());
            self.quirks.insert(MODULES_ABOVE);
            modules = above;
        }
        let modules: Vec<_> = modules.into_iter().collect();
        for rows in [&truth.top_modules_by_allocation_size, &truth.top_modules_by_allocation_count] {
            let rows = rows.iter().flatten();
            let by_size: Vec<_> = rows.clone().map(|(module, _, bytes)| (module.clone(), *bytes)).collect();
            let by_count: Vec<_> = rows.map(|(module, count, _)| (module.clone(), *count)).collect();
            self.contained("module by size", &modules, |a| a.0, &by_size);
            self.contained("module by count", &modules, |a| a.1, &by_count);
        }
        for mode in [Mode::Total, Mode::RangeChurn(TimeRange { from: Moment::Start, to: Moment::End })] {
            let total = self.ask(mode);
            let sum = total.values().fold((0, 0), |sum, a| (sum.0 + a.bytes, sum.1 + a.allocations));
            let memrays = (truth.total_memory_allocated as i64, truth.total_num_allocations as i64);
            self.equal(&format!("sum over {mode:?}"), sum, memrays);
        }
    }

    fn ranking<T: PartialEq + Copy>(
        &mut self,
        what: &str,
        ours: &[(String, T)],
        by: impl Fn(T) -> u64 + Copy,
        memrays: &[(String, u64)],
    ) {
        let mut values: Vec<u64> = ours.iter().map(|(_, amount)| by(*amount)).collect();
        values.sort_by_key(|value| std::cmp::Reverse(*value));
        values.truncate(memrays.len());
        self.equal(&format!("top {what}"), values, memrays.iter().map(|(_, value)| *value).collect());
        self.contained(what, ours, by, memrays);
    }

    fn contained<T: Copy>(
        &mut self,
        what: &str,
        ours: &[(String, T)],
        by: impl Fn(T) -> u64,
        memrays: &[(String, u64)],
    ) {
        for (key, value) in memrays {
            let own = ours.iter().find(|(own, _)| own == key).map(|(_, amount)| by(*amount));
            self.equal(&format!("{what} {key}"), own, Some(*value));
        }
    }

    /// What an aggregated capture cannot answer is refused in a sentence.
    fn refusals(&mut self) {
        if !self.is_aggregated() {
            return;
        }
        self.holds("memray refuses the same", self.truth.refused.contains_key("temporal"));
        let range = TimeRange { from: Moment::Start, to: Moment::End };
        let modes = [
            Mode::LiveAt(Moment::Snapshot(0)),
            Mode::RangeLive(range),
            Mode::RangePeak(range),
            Mode::RangeGrowth(range),
            Mode::RangeChurn(range),
            Mode::Temporary { threshold: 1 },
            Mode::Total,
        ];
        for mode in modes {
            let answer = self.answers.ask(&Question { mode, ..Question::default() });
            self.holds(&format!("{mode:?} of sums is refused"), answer.is_err_and(|sentence| sentence.contains(' ')));
        }
        let statistics = self.answers.statistics();
        self.holds("statistics of sums are refused", statistics.is_err_and(|sentence| sentence.contains(' ')));
    }
}

/// Bytes alone: at a moment we count a split mapping's pieces, memray over time the mapping.
fn bytes(mut amounts: Amounts) -> Amounts {
    amounts.values_mut().for_each(|amount| amount.allocations = 0);
    amounts.retain(|_, amount| amount.bytes != 0);
    amounts
}

fn add(sum: &mut Amount, (bytes, allocations): (i64, i64)) {
    sum.bytes += bytes;
    sum.allocations += allocations;
}
