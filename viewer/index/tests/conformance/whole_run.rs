// SPDX-License-Identifier: Apache-2.0
//! What memray says of the whole run: metadata, snapshots, statistics, and what an aggregated capture refuses.

use super::{Conformance, MODULES_ABOVE};
use crate::answers::text;
use crate::truth::time_ms;
use memray_format::{Allocator, PythonAllocator};
use memray_index::{Mode, Moment, Question, TimeRange};
use std::collections::BTreeMap;

impl Conformance<'_> {
    pub(super) fn metadata(&mut self) {
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

    pub(super) fn snapshots(&mut self) {
        self.equal("snapshots", self.facts.snapshots.clone(), self.truth.snapshots.clone());
        if !self.is_aggregated() {
            for (i, (_, _, heap)) in self.facts.snapshots.clone().into_iter().enumerate().step_by(7) {
                let live = self.ask(Mode::LiveAt(Moment::Snapshot(i as u32)));
                self.equal(&format!("live at #{i}"), live.values().map(|a| a.bytes).sum(), heap as i64);
            }
        }
    }

    pub(super) fn statistics(&mut self) {
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
    pub(super) fn refusals(&mut self) {
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
