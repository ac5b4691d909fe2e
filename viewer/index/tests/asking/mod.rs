// SPDX-License-Identifier: Apache-2.0
//! Every question there is, asked of an index that may say anything but must say something.
#![allow(dead_code)] // each test program uses a part of it

use memray_index::{
    Error, Filter, GroupBy, GrowthBy, Index, Mode, Moment, OpenOptions, Pattern, Progress, Question, Refusal,
    TimeRange, Tree, TreeOptions,
};
use std::path::Path;

/// Opens a capture without a cache.
pub(crate) fn open(path: &Path) -> Result<Index, Error> {
    Index::open(path, &OpenOptions { no_cache: true, ..OpenOptions::default() }, &Progress::default())
}

/// Moments at the ends and in the middle of a recording.
fn moments(index: &Index) -> Vec<Moment> {
    let count = index.timeline().snapshots.len() as u32;
    let mut moments = vec![Moment::Start, Moment::End];
    moments.extend([0, 1, count / 2, count.saturating_sub(1), count].map(Moment::Snapshot));
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// All modes, at some moments and over some ranges.
pub(crate) fn modes(index: &Index) -> Vec<Mode> {
    let moments = moments(index);
    let mut modes = vec![Mode::Peak, Mode::Leaked, Mode::Total];
    modes.extend([0, 1, 5, 1024, 1025, u64::MAX].map(|threshold| Mode::Temporary { threshold }));
    modes.extend(moments.iter().map(|&moment| Mode::LiveAt(moment)));
    let ends = [moments[0], moments[moments.len() / 2], moments[moments.len() - 1]];
    for range in ends.iter().flat_map(|&from| ends.iter().map(move |&to| TimeRange { from, to })) {
        modes.extend([
            Mode::RangeLive(range),
            Mode::RangePeak(range),
            Mode::RangeGrowth(range),
            Mode::RangeChurn(range),
        ]);
    }
    modes
}

fn assert_is_a_tree(tree: &Tree) {
    for (row, node) in tree.nodes.iter().enumerate() {
        assert!(row == 0 || (node.parent.0 as usize) < row);
        assert!(node.child_count == 0 || node.first_child as usize > row);
        assert!((node.first_child as usize + node.child_count as usize) <= tree.nodes.len());
    }
}

/// Asks everything; what is answered must be of one piece.
pub(crate) fn ask_all(index: &Index) -> Result<(), Refusal> {
    let mut last_refusal = Ok(());
    let shown = Filter { hide_irrelevant: true, hide_import_system: true, ..Filter::default() };
    let named = Filter { function: Some(Pattern::Regex("^a|o".to_owned())), ..Filter::default() };
    for (number, mode) in modes(index).into_iter().enumerate() {
        let filter = [Filter::default(), shown.clone(), named.clone()][number % 3].clone();
        let question = Question { mode, filter, split_threads: number % 2 == 1 };
        match index.ask(&question) {
            Err(refusal) => last_refusal = Err(refusal),
            Ok(answer) => {
                let options = TreeOptions { is_inverted: number % 4 > 1, folds_libraries: number % 5 == 0 };
                let tree = index.tree(&answer, options);
                assert_is_a_tree(&tree);
                if let Some(last) = tree.nodes.len().checked_sub(1) {
                    let last = memray_index::TreeNodeId(last as u32);
                    index.sites_below(&answer, options, &tree, last);
                }
                for stack in index.stacks(&answer).iter().take(20) {
                    for location in index.frames(&answer, stack).into_iter().take(100) {
                        index.text(index.location(location).function);
                    }
                }
                index.table(&answer, GroupBy::ALL[number % GroupBy::ALL.len()]);
                let sites: Vec<_> = answer.sites.iter().map(|(site, _)| *site).collect();
                match index.live_bytes_over_time(&sites, &question.filter) {
                    Ok(live) => assert_eq!(live.len(), index.timeline().snapshots.len() + 1),
                    Err(refusal) => last_refusal = Err(refusal),
                }
            }
        }
    }
    for (from, to) in [(Moment::Start, Moment::End), (Moment::Snapshot(0), Moment::End), (Moment::End, Moment::Start)] {
        for by in [GrowthBy::Inclusive, GrowthBy::Own, GrowthBy::OwnCodeLine] {
            if let Err(refusal) = index.growth(TimeRange { from, to }, by, &shown, 10) {
                last_refusal = Err(refusal);
            }
        }
    }
    if let Err(refusal) = index.statistics() {
        last_refusal = Err(refusal);
    }
    let timeline = index.timeline();
    for elapsed_ms in [i64::MIN, -1, 0, 100, i64::MAX] {
        timeline.moment_at(elapsed_ms);
        timeline.range_at(elapsed_ms, elapsed_ms.saturating_add(50));
    }
    timeline.peak_elapsed_ms();
    for thread in 0..index.threads().len().min(50) as u32 {
        index.thread_label(memray_index::ThreadIndex(thread));
    }
    last_refusal
}

/// Pseudo-random numbers, the same on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Changes some bytes, drops some, or says some again.
    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>, from: usize) {
        for _ in 0..=self.below(4) {
            if bytes.len() <= from {
                return;
            }
            let at = from + self.below(bytes.len() - from);
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                2 => bytes[at] = self.next() as u8,
                3 => {
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].fill(0xff);
                }
                4 => {
                    let end = (at + self.below(20)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let end = (at + self.below(40)).min(bytes.len());
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
    }
}
