// SPDX-License-Identifier: Apache-2.0
//! What can be asked of a capture, so that the same comparisons hold for the naive model and for the index.
//!
//! [`Answers`] leads; both say what they know in the same plain values.
#![allow(dead_code, missing_docs, unreachable_pub)] // each test program uses a part of it

mod forms;
mod parted;

use crate::naive::{Amounts, Frame, FrameId, Model, Numbers};
use memray_format::{Allocator, Header, ThreadId};
use memray_index::{
    Filter, FrameKind, Index, LifetimeRange, LocationId, Mode, Moment, NamedFunction, Pattern, Question, SizeClass,
    SizeRange, StringId, ThreadIndex, TimeRange,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a capture as a whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    pub header: Header,
    pub allocations_and_frees: u64,
    pub allocations: u64,
    pub unmatched_frees: u64,
    /// Wall-clock milliseconds, resident set size, and heap just before.
    pub snapshots: Vec<(i64, u64, u64)>,
    /// Empty of aggregated captures.
    pub interval_peaks: Vec<u64>,
    pub end_heap_bytes: u64,
    pub peak_bytes: u64,
    pub peak_interval: usize,
    /// Where the recording ends.
    pub end_time_ms: i64,
    pub is_complete: bool,
}

/// The whole run's statistics.
#[derive(Debug, PartialEq, Eq)]
pub struct Stats {
    pub allocations: u64,
    pub bytes: u64,
    pub peak_bytes: u64,
    pub by_size: BTreeMap<u64, u64>,
    pub by_allocator: BTreeMap<Allocator, u64>,
    /// Bytes and allocations by innermost location; `None` where there was no Python stack.
    pub by_location: BTreeMap<Option<Frame>, (u64, u64)>,
    /// Bytes and allocations by the innermost module that is not of the standard library.
    pub by_module: BTreeMap<Vec<u8>, (u64, u64)>,
}

/// Who answers questions about one capture.
pub trait Answers {
    /// By thread (where split) and stack of Python frames.
    fn ask(&self, question: &Question) -> Result<Amounts, String>;
    fn facts(&self) -> Facts;
    fn statistics(&self) -> Result<Stats, String>;
    /// A thread's name; empty where it has none.
    fn thread_name(&self, thread: ThreadId) -> Vec<u8>;
    /// Threads as questions number them.
    fn threads(&self) -> Vec<ThreadId>;
    /// Names of functions that questions can hide; none where none are numbered.
    fn functions(&self) -> Vec<StringId> {
        Vec::new()
    }
    /// Functions of files, likewise.
    fn named_functions(&self) -> Vec<NamedFunction> {
        Vec::new()
    }
}

/// The naive model, asked with numbers that an index may have given.
pub struct NaiveAnswers<'a> {
    pub model: &'a Model,
    pub numbers: Numbers,
}

impl<'a> NaiveAnswers<'a> {
    pub fn new(model: &'a Model) -> Self {
        Self { model, numbers: Numbers { threads: model.threads(), ..Numbers::default() } }
    }

    /// With an index's numbers.
    pub fn numbered_by(index: &Index, model: &'a Model) -> Self {
        let locations = (1..index.location_count() as u32).map(|id| index.location(LocationId(id)));
        let python = locations.filter(|location| location.kind == FrameKind::Python);
        let functions =
            python.clone().map(|location| (location.function, index.bytes(location.function).to_vec())).collect();
        let named = python.map(|location| {
            let names = [location.function, location.file].map(|name| index.bytes(name).to_vec());
            (NamedFunction::of(location), names.into())
        });
        let named = named.collect();
        let threads = Index::threads(index).iter().map(|thread| thread.id).collect();
        Self { model, numbers: Numbers { threads, functions, named } }
    }
}

impl Answers for NaiveAnswers<'_> {
    fn ask(&self, question: &Question) -> Result<Amounts, String> {
        self.model.ask(question, &self.numbers)
    }

    fn facts(&self) -> Facts {
        let m = self.model;
        let is_aggregated = m.header.file_format == memray_format::FileFormat::Aggregated;
        let records = m.steps.iter().filter(|step| matches!(step, crate::naive::Step::Allocation(..))).count();
        let snapshots: Vec<_> = m.snapshots().iter().map(|(s, heap)| (s.time_ms, s.rss_bytes, *heap)).collect();
        let last_time_ms = snapshots.last().map_or(m.header.start_time_ms, |s| s.0);
        Facts {
            header: m.header.clone(),
            allocations_and_frees: if is_aggregated { m.aggregated.len() } else { records } as u64,
            allocations: m.allocations().count() as u64,
            unmatched_frees: m.unmatched_frees,
            interval_peaks: if is_aggregated { Vec::new() } else { m.interval_peaks() },
            end_heap_bytes: match is_aggregated {
                true => m.aggregated.iter().map(|(a, _)| a.leaked_bytes).sum(),
                false => m.heap_bytes.last().copied().unwrap_or(0),
            },
            peak_bytes: m.peak_bytes(),
            peak_interval: m.peak_interval(),
            end_time_ms: if m.has_trailer { m.header.end_time_ms } else { last_time_ms },
            is_complete: m.has_trailer,
            snapshots,
        }
    }

    fn statistics(&self) -> Result<Stats, String> {
        let m = self.model;
        if m.header.file_format == memray_format::FileFormat::Aggregated {
            return Err("an aggregated capture has no statistics".to_owned());
        }
        let mut stats = Stats {
            allocations: 0,
            bytes: 0,
            peak_bytes: m.peak_bytes(),
            by_size: BTreeMap::new(),
            by_allocator: BTreeMap::new(),
            by_location: BTreeMap::new(),
            by_module: m.by_module(true),
        };
        let mut by_stack = BTreeMap::<usize, (u64, u64)>::new();
        for (_, a, _, stack) in m.allocations() {
            stats.allocations += 1;
            stats.bytes += a.size_bytes;
            *stats.by_size.entry(a.size_bytes).or_default() += 1;
            *stats.by_allocator.entry(a.allocator).or_default() += 1;
            let sum = by_stack.entry(stack).or_default();
            *sum = (sum.0 + a.size_bytes, sum.1 + 1);
        }
        for (stack, (bytes, allocations)) in by_stack {
            let location = m.stacks[stack].first().map(|id| id.frame());
            let location = stats.by_location.entry(location).or_default();
            *location = (location.0 + bytes, location.1 + allocations);
        }
        Ok(stats)
    }

    fn thread_name(&self, thread: ThreadId) -> Vec<u8> {
        self.model.thread_names.get(&thread).cloned().unwrap_or_default()
    }

    fn threads(&self) -> Vec<ThreadId> {
        self.numbers.threads.clone()
    }

    fn functions(&self) -> Vec<StringId> {
        self.numbers.functions.keys().copied().collect()
    }

    fn named_functions(&self) -> Vec<NamedFunction> {
        let mut named: Vec<NamedFunction> = self.numbers.named.keys().copied().collect();
        named.sort_unstable_by_key(|function| &self.numbers.named[function]);
        named
    }
}

fn frame(index: &Index, location: LocationId) -> Frame {
    let location = index.location(location);
    (index.bytes(location.function).to_vec(), index.bytes(location.file).to_vec(), location.line)
}

impl Answers for Index {
    fn ask(&self, question: &Question) -> Result<Amounts, String> {
        let answer = Index::ask(self, question).map_err(|refusal| refusal.to_string())?;
        let mut amounts = Amounts::new();
        let mut total = memray_index::Amount::default();
        let ids: Vec<FrameId> =
            (0..self.location_count()).map(|id| FrameId::of(frame(self, LocationId(id as u32)))).collect();
        for stack in self.stacks(&answer) {
            let locations = self.frames(&answer, &stack);
            let python = locations.into_iter().filter(|l| self.location(*l).kind == FrameKind::Python);
            let frames = python.map(|l| ids[l.index()]).collect();
            let thread = stack.thread.map(|thread| Index::threads(self)[thread.index()].id);
            let amount = amounts.entry((thread, frames)).or_default();
            amount.bytes += stack.amount.bytes;
            amount.allocations += stack.amount.allocations;
            total.bytes += stack.amount.bytes;
            total.allocations += stack.amount.allocations;
        }
        assert_eq!(total, answer.total, "stacks sum to the answer's total: {question:?}");
        let sites = answer.sites.iter().fold((0, 0), |sum, (_, a)| (sum.0 + a.bytes, sum.1 + a.allocations));
        assert_eq!(sites, (total.bytes, total.allocations), "sites sum to the answer's total: {question:?}");
        amounts.retain(|_, amount| *amount != memray_index::Amount::default());
        Ok(amounts)
    }

    fn facts(&self) -> Facts {
        let (info, timeline) = (self.info(), self.timeline());
        Facts {
            header: info.header.clone(),
            allocations_and_frees: info.counts.allocations_and_frees,
            allocations: info.counts.allocations,
            unmatched_frees: info.counts.unmatched_frees,
            snapshots: timeline.snapshots.iter().map(|s| (s.time_ms, s.rss_bytes, s.heap_bytes)).collect(),
            interval_peaks: timeline.interval_peaks.clone(),
            end_heap_bytes: timeline.end_heap_bytes,
            peak_bytes: timeline.peak_bytes,
            peak_interval: timeline.peak_interval,
            end_time_ms: timeline.end_time_ms,
            is_complete: !info.stops_early(),
        }
    }

    fn statistics(&self) -> Result<Stats, String> {
        let s = Index::statistics(self).map_err(|refusal| refusal.to_string())?;
        let location = |id: LocationId| (id != LocationId::NONE).then(|| frame(self, id));
        let sum = |rows: &mut dyn Iterator<Item = (Option<Frame>, u64, u64)>| {
            let mut map = BTreeMap::<Option<Frame>, (u64, u64)>::new();
            for (key, bytes, allocations) in rows {
                let row = map.entry(key).or_default();
                *row = (row.0 + bytes, row.1 + allocations);
            }
            map
        };
        Ok(Stats {
            allocations: s.allocations,
            bytes: s.bytes,
            peak_bytes: s.peak_bytes,
            by_size: s.allocations_by_size.iter().copied().collect(),
            by_allocator: s.allocators.iter().copied().collect(),
            by_location: sum(&mut s.top_locations.iter().map(|r| (location(r.key), r.bytes, r.allocations))),
            by_module: s.top_modules.iter().map(|r| (self.bytes(r.key).to_vec(), (r.bytes, r.allocations))).collect(),
        })
    }

    fn thread_name(&self, thread: ThreadId) -> Vec<u8> {
        let found = Index::threads(self).iter().find(|t| t.id == thread);
        found.and_then(|t| t.name).map(|name| self.bytes(name).to_vec()).unwrap_or_default()
    }

    fn threads(&self) -> Vec<ThreadId> {
        Index::threads(self).iter().map(|thread| thread.id).collect()
    }
}

/// Opens a capture's index, built anew.
pub fn open_index(path: &std::path::Path) -> Index {
    let options = memray_index::OpenOptions { no_cache: true, no_native_symbols: true, ..Default::default() };
    Index::open(path, &options, &memray_index::Progress::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where two answers differ, in a few lines; `None` where they do not.
pub fn difference(left: &Amounts, right: &Amounts) -> Option<String> {
    let is_different = |key: &&(Option<ThreadId>, crate::naive::Stack)| left.get(*key) != right.get(*key);
    let differing: BTreeSet<_> = left.keys().chain(right.keys()).filter(is_different).collect();
    let show = |key: &&(Option<ThreadId>, crate::naive::Stack)| {
        let amount = |of: &Amounts| of.get(*key).map(|a| (a.bytes, a.allocations));
        let frame = |id: &FrameId| {
            let (function, file, line) = id.frame();
            format!("{} {}:{line}", text(&function), text(&file))
        };
        let shown: Vec<String> = key.1.iter().take(4).map(frame).collect();
        let outermost = key.1.last().map(frame).unwrap_or_default();
        format!(
            "  {:?} != {:?} at {:?} {} < ... ({} frames) < {outermost}",
            amount(left),
            amount(right),
            key.0,
            shown.join(" < "),
            key.1.len()
        )
    };
    let few: Vec<String> = differing.iter().take(3).map(show).collect();
    (!few.is_empty()).then(|| format!("{} of {} stacks differ:\n{}", differing.len(), left.len(), few.join("\n")))
}

/// Questions about every mode, at some moments and ranges, threads merged and split, and with each filter.
pub fn some_questions(answers: &dyn Answers) -> Vec<Question> {
    let facts = answers.facts();
    if facts.header.file_format == memray_format::FileFormat::Aggregated {
        let modes = [Mode::Peak, Mode::Leaked, Mode::Total, Mode::Temporary { threshold: 0 }];
        return with_filters(answers, &modes);
    }
    let count = facts.snapshots.len();
    let some = (0..count).filter(|i| *i < 2 || *i + 2 > count || i % count.div_ceil(4) == 0);
    let snapshots = some.map(|i| Moment::Snapshot(i as u32));
    let moments: Vec<Moment> = [Moment::Start].into_iter().chain(snapshots).chain([Moment::End]).collect();
    let mut modes = vec![Mode::Peak, Mode::Leaked, Mode::Total];
    modes.extend([0, 1, 2, 5, 100, 1025, u64::MAX].map(|threshold| Mode::Temporary { threshold }));
    for (i, from) in moments.iter().enumerate() {
        modes.push(Mode::LiveAt(*from));
        for to in &moments[i..] {
            let range = TimeRange { from: *from, to: *to };
            modes.extend([Mode::RangeLive(range), Mode::RangePeak(range)]);
            modes.extend([Mode::RangeGrowth(range), Mode::RangeChurn(range)]);
        }
    }
    with_filters(answers, &modes)
}

/// Each mode with one filter or none, in turn, so that all of them meet most modes.
fn with_filters(answers: &dyn Answers, modes: &[Mode]) -> Vec<Question> {
    let threads = answers.threads().len() as u32;
    let substring = |part: &str| Some(Pattern::Substring(part.to_owned()));
    let regex = |part: &str| Some(Pattern::Regex(part.to_owned()));
    let mut filters = vec![
        Filter::default(),
        Filter { hide_irrelevant: true, ..Filter::default() },
        Filter { hide_import_system: true, ..Filter::default() },
        Filter { allocator: Some(Allocator::Malloc), ..Filter::default() },
        Filter { allocator: Some(Allocator::Mmap), ..Filter::default() },
        Filter { function: substring("LOAD"), ..Filter::default() },
        Filter { function: regex("^_?[a-m]+$"), hide_irrelevant: true, ..Filter::default() },
        Filter { file: substring(".py"), hide_import_system: true, hide_irrelevant: true, ..Filter::default() },
        Filter { file: regex("lib|src|[0-9]"), ..Filter::default() },
        Filter { module: regex("^[a-n]"), ..Filter::default() },
    ];
    filters.extend((0..threads.min(3)).map(|i| Filter { thread: Some(ThreadIndex(i)), ..Filter::default() }));
    let functions = answers.functions();
    if let (Some(first), Some(middle), Some(last)) =
        (functions.first(), functions.get(functions.len() / 2), functions.last())
    {
        filters.push(Filter { hidden_functions: vec![*middle], ..Filter::default() });
        let hidden_functions = vec![*last, *first, *last];
        filters.push(Filter { hidden_functions, hide_import_system: true, ..Filter::default() });
    }
    let named = answers.named_functions();
    if let (Some(first), Some(&middle), Some(last)) = (named.first(), named.get(named.len() / 2), named.last()) {
        filters.push(Filter { without: vec![*first, *last], hide_irrelevant: true, ..Filter::default() });
        filters.push(Filter { starts_at: Some(middle), ..Filter::default() });
        let hidden_functions = vec![first.name];
        filters.push(Filter { starts_at: Some(middle), without: vec![*last], hidden_functions, ..Filter::default() });
        filters.push(Filter { function_named: Some(middle), hide_import_system: true, ..Filter::default() });
    }
    let sizes = |from, to| Some(SizeRange { from: SizeClass::of(from), to: SizeClass::of(to) });
    filters.push(Filter { size: sizes(0, 500), ..Filter::default() });
    filters.push(Filter { size: sizes(512, u64::MAX), hide_irrelevant: true, ..Filter::default() });
    let facts = answers.facts();
    let long_ms = (facts.end_time_ms.saturating_sub(facts.header.start_time_ms) / 3).max(0) as u64;
    let lifetimes =
        [(None, Some(long_ms)), (Some(long_ms), None), (Some(10), Some(2 * long_ms)), (Some(u64::MAX), None)];
    filters.extend(lifetimes.map(|(more_than_ms, at_most_ms)| {
        let lifetime = Some(LifetimeRange { more_than_ms, at_most_ms });
        Filter { lifetime, size: sizes(1, 1 << 20), ..Filter::default() }
    }));
    if answers.facts().header.has_native_traces {
        // Names also match native libraries, of which the model knows nothing.
        filters.retain(|filter| filter.function.is_none() && filter.file.is_none() && filter.module.is_none());
    }
    let mut questions = Vec::new();
    for (i, mode) in modes.iter().enumerate() {
        for (number, filter) in [(i, Filter::default()), (i + 1, filters[i % filters.len()].clone())] {
            questions.push(Question { mode: *mode, filter, split_threads: number % 3 == 1 });
        }
    }
    for mode in [Mode::Peak, Mode::Leaked] {
        questions.extend(filters.iter().map(|filter| Question { mode, filter: filter.clone(), split_threads: true }));
    }
    questions
}

/// Where an index's answers differ from the naive model's.
pub fn compare(index: &Index, naive: &NaiveAnswers<'_>, questions: &[Question]) -> Vec<String> {
    let mut differences = Vec::new();
    let (ours, model) = (Answers::facts(index), naive.facts());
    if ours != model {
        differences.push(format!("facts of the index != the model's:\n  {ours:?}\n  {model:?}"));
    }
    let (ours, model) = (Answers::statistics(index), naive.statistics());
    match (ours, model) {
        (Ok(ours), Ok(model)) => differences.extend(statistics_differences(&ours, &model)),
        (ours, model) if ours.is_err() != model.is_err() => differences.push("statistics refused by one".to_owned()),
        _ => {}
    }
    for thread in naive.threads() {
        let (ours, model) = (Answers::thread_name(index, thread), naive.thread_name(thread));
        if ours != model {
            differences.push(format!("name of {thread:?}: {}, the model: {}", text(&ours), text(&model)));
        }
    }
    let mut forms = forms::Forms::new(index, naive);
    forms.growth();
    parted::compare(&mut forms, questions, &naive.named_functions());
    for (number, question) in questions.iter().enumerate() {
        if number.is_multiple_of(forms.stride()) {
            forms.answer(question, number / forms.stride());
        }
        match (Answers::ask(index, question), naive.ask(question)) {
            (Ok(ours), Ok(model)) => {
                let difference = difference(&ours, &model);
                differences.extend(difference.map(|d| format!("{question:?}: the index's != the model's: {d}")));
            }
            (Err(_), Err(_)) => {}
            (ours, model) => {
                let refused = (ours.err(), model.err());
                differences.push(format!("{question:?}: refused by one of both: {refused:?}"));
            }
        }
    }
    differences.extend(forms.into_differences());
    differences
}

fn statistics_differences(ours: &Stats, model: &Stats) -> Vec<String> {
    fn map<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
        what: &str,
        ours: &BTreeMap<K, V>,
        model: &BTreeMap<K, V>,
    ) -> Vec<String> {
        let keys: BTreeSet<&K> = ours.keys().chain(model.keys()).collect();
        let differing = keys.into_iter().filter(|key| ours.get(key) != model.get(key));
        let show = |key: &K| format!("{what} {key:?}: {:?}, the model: {:?}", ours.get(key), model.get(key));
        differing.map(show).collect()
    }
    let sums = |stats: &Stats| (stats.allocations, stats.bytes, stats.peak_bytes);
    let mut differences = Vec::new();
    if sums(ours) != sums(model) {
        differences.push(format!("statistics' sums: {:?}, the model: {:?}", sums(ours), sums(model)));
    }
    differences.extend(map("size", &ours.by_size, &model.by_size));
    differences.extend(map("allocator", &ours.by_allocator, &model.by_allocator));
    differences.extend(map("location", &ours.by_location, &model.by_location));
    differences.extend(map("module", &ours.by_module, &model.by_module));
    differences
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
