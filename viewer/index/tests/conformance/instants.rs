// SPDX-License-Identifier: Apache-2.0
//! What memray finds live at the peak and at the end, and temporary.

use super::{Conformance, MERGED_ROWS, NAMES_THEN, add};
use crate::answers::text;
use crate::naive::{Amounts, Numbers, Stack, Step};
use memray_format::{Allocation, AllocatorKind, ThreadId};
use memray_index::{Amount, Mode, Moment, Question};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

impl Conformance<'_> {
    pub(super) fn moments(&mut self) {
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

    pub(super) fn by_thread(&mut self) {
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

    pub(super) fn temporary(&mut self) {
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
        for (key, amount) in self.model.ask(&question, &Numbers::default()).unwrap_or_default() {
            add(twice.entry(key).or_default(), (-amount.bytes, -amount.allocations));
        }
        twice.retain(|_, amount| *amount != Amount::default());
        twice
    }
}
