// SPDX-License-Identifier: Apache-2.0
//! The sums hold: the root's change is that of the totals, both sides equal the single views, swapping negates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod captures_of;

use captures_of::{open, synthetic};
use memray_compare::{Change, Comparison, Delta, DeltaKey, DeltaRow, Matching, UnionTree, Width};
use memray_index::{
    Amount, Filter, GroupBy, Index, LocationId, Mode, Question, RowKey, TimeRange, TreeNodeId, TreeOptions,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const TREES: [TreeOptions; 4] = [
    TreeOptions { is_inverted: false, folds_libraries: false },
    TreeOptions { is_inverted: false, folds_libraries: true },
    TreeOptions { is_inverted: true, folds_libraries: false },
    TreeOptions { is_inverted: true, folds_libraries: true },
];

fn questions(before: &Index, after: &Index) -> Vec<Question> {
    let mut modes = vec![Mode::Peak, Mode::Leaked];
    if !before.info().is_aggregated() && !after.info().is_aggregated() {
        let range = TimeRange { from: memray_index::Moment::Start, to: memray_index::Moment::End };
        modes.extend([Mode::Total, Mode::RangeGrowth(range), Mode::Temporary { threshold: 1 }]);
    }
    let shown = Filter { hide_irrelevant: true, hide_import_system: true, ..Filter::default() };
    let filters = [Filter::default(), shown];
    let each = modes.into_iter().flat_map(|mode| filters.clone().map(|filter| (mode, filter)));
    each.map(|(mode, filter)| Question { mode, filter, split_threads: false }).collect()
}

fn amounts_add_up(total: Amount, parts: impl Iterator<Item = Amount>) -> bool {
    let sum = parts.fold(Amount::default(), |sum, part| Amount {
        bytes: sum.bytes.wrapping_add(part.bytes),
        allocations: sum.allocations.wrapping_add(part.allocations),
    });
    sum == total
}

/// By what both sides call it, for the rows that two single tables share with the compared one.
fn names(index: &Index, answer: &memray_index::Answer, by: GroupBy) -> BTreeMap<Vec<u8>, Amount> {
    let mut rows: BTreeMap<Vec<u8>, Amount> = BTreeMap::new();
    for row in index.table(answer, by) {
        let name = match row.key {
            RowKey::Allocator(allocator) => allocator.name().as_bytes().to_vec(),
            RowKey::Thread(thread) => index.thread_label(thread).into_bytes(),
            _ => Vec::new(),
        };
        let sum = rows.entry(name).or_default();
        sum.bytes = sum.bytes.wrapping_add(row.inclusive.bytes);
        sum.allocations = sum.allocations.wrapping_add(row.inclusive.allocations);
    }
    rows
}

const ALL_GROUPINGS: [GroupBy; 8] = [
    GroupBy::Location,
    GroupBy::Function,
    GroupBy::File,
    GroupBy::Module,
    GroupBy::OwnCodeLine,
    GroupBy::Thread,
    GroupBy::Allocator,
    GroupBy::NativeLibrary,
];

/// What vanished is all there, as it was, and nothing else but what it lay below.
fn only_vanished(tree: &UnionTree, what: &str) {
    let only = tree.only_vanished();
    let vanished = |tree: &UnionTree| -> Vec<Delta> {
        let rows = (1..tree.tree.nodes.len() as u32).map(TreeNodeId);
        let mut deltas: Vec<Delta> =
            rows.filter(|&row| tree.change(row) == Change::Vanished).map(|row| tree.total(row)).collect();
        deltas.sort_unstable_by_key(|delta| (delta.before.bytes, delta.before.allocations));
        deltas
    };
    assert_eq!(vanished(&only), vanished(tree), "{what}");
    assert_eq!(only.total(TreeNodeId(0)), tree.total(TreeNodeId(0)), "{what}");
    for row in (1..only.tree.nodes.len() as u32).map(TreeNodeId) {
        let is_leaf = only.tree.children(row).is_empty();
        assert!(!is_leaf || only.change(row) == Change::Vanished, "{what}");
        let widths = only.tree.children(row).map(|child| only.tree.node(TreeNodeId(child)).weight);
        assert!(widths.fold(0u64, u64::saturating_add) <= only.tree.node(row).weight, "{what}");
    }
}

fn check(before: &Index, after: &Index, matching: &Matching) {
    let comparison = Comparison::new(before.clone(), after.clone(), matching.clone());
    let swapped = comparison.swapped();
    for question in questions(before, after) {
        let answers = comparison.ask(&question).unwrap();
        let swapped_answers = swapped.ask(&question).unwrap();
        let totals = Delta { before: answers[0].total, after: answers[1].total };
        for (options, width) in TREES.into_iter().zip([Width::Larger, Width::Before, Width::After, Width::Larger]) {
            let tree = comparison.tree(&answers, options, width);
            let what = format!("{question:?} {options:?}");
            assert_eq!(tree.total(TreeNodeId(0)), totals, "{what}");
            // Every node's sum is its own and its children's.
            for (row, node) in tree.tree.nodes.iter().enumerate() {
                let id = TreeNodeId(row as u32);
                let children = || tree.tree.children(id).map(|child| tree.total(TreeNodeId(child)));
                let parts = || children().chain([tree.own(id)]);
                assert!(amounts_add_up(tree.total(id).before, parts().map(|it| it.before)), "{what}");
                assert!(amounts_add_up(tree.total(id).after, parts().map(|it| it.after)), "{what}");
                let widths = tree.tree.children(id).map(|it| tree.tree.node(TreeNodeId(it)).weight);
                let widths = widths.fold(0u64, u64::saturating_add);
                assert!(widths <= node.weight, "{what}");
            }
            let other = swapped.tree(&swapped_answers, options, width);
            let multiset = |tree: &UnionTree, swaps: bool| {
                let mut rows: Vec<_> = (0..tree.tree.nodes.len() as u32)
                    .map(|row| {
                        let total = tree.total(TreeNodeId(row));
                        let total = if swaps { total.swapped() } else { total };
                        (tree.tree.node(TreeNodeId(row)).depth, total.before.bytes, total.after.bytes)
                    })
                    .collect();
                rows.sort_unstable();
                rows
            };
            assert_eq!(multiset(&tree, false), multiset(&other, true), "{what}");
            only_vanished(&tree, &what);
        }
        for by in ALL_GROUPINGS {
            let deltas = |rows: Vec<DeltaRow>, swaps: bool| {
                let turned = |delta: Delta| if swaps { delta.swapped() } else { delta };
                let number = |delta: Delta| {
                    let Delta { before, after } = turned(delta);
                    [before.bytes, before.allocations, after.bytes, after.allocations]
                };
                let mut rows: Vec<_> = rows.iter().map(|row| (number(row.inclusive), number(row.own))).collect();
                rows.sort_unstable();
                rows
            };
            let there = deltas(comparison.table(&answers, by), false);
            assert_eq!(there, deltas(swapped.table(&swapped_answers, by), true), "{question:?} {by:?}");
            let narrow = Arc::new(comparison.tree(&answers, TreeOptions::default(), Width::After));
            assert_eq!(
                comparison.table_of(&answers, &narrow, by),
                comparison.table(&answers, by),
                "whatever the widths"
            );
        }
        for by in [GroupBy::Allocator, GroupBy::Thread] {
            let single = [names(before, &answers[0], by), names(after, &answers[1], by)];
            let rows = comparison.table(&answers, by);
            for row in &rows {
                let name = match &row.key {
                    DeltaKey::Allocator(allocator) => allocator.name().as_bytes().to_vec(),
                    DeltaKey::Name(name) => name.clone(),
                    _ => Vec::new(),
                };
                let of = |side: usize| single[side].get(&name).copied().unwrap_or_default();
                assert_eq!(row.inclusive, Delta { before: of(0), after: of(1) }, "{question:?} {by:?}");
            }
        }
        // Rows that part the stacks add up to all of them.
        for by in [GroupBy::OwnCodeLine, GroupBy::Allocator, GroupBy::NativeLibrary] {
            let rows = comparison.table(&answers, by);
            assert!(amounts_add_up(totals.before, rows.iter().map(|row| row.inclusive.before)), "{by:?}");
            assert!(amounts_add_up(totals.after, rows.iter().map(|row| row.inclusive.after)), "{by:?}");
        }
        for by in [GroupBy::Location, GroupBy::Function, GroupBy::File, GroupBy::Module] {
            let rows = comparison.table(&answers, by);
            assert!(amounts_add_up(totals.before, rows.iter().map(|row| row.own.before)), "{by:?}");
            assert!(amounts_add_up(totals.after, rows.iter().map(|row| row.own.after)), "{by:?}");
        }
    }
}

#[test]
fn of_captures_of_two_pythons() {
    for name in ["items.bin", "threads.bin", "threads_aggregated.bin", "numpy_native.bin"] {
        let (before, after) = (open("v13-py3.11", name), open("v13-py3.13", name));
        check(&before, &after, &Matching::default());
        check(&before, &after, &Matching { by_line: true, roots: Some(Vec::new()), ..Matching::default() });
    }
}

#[test]
fn of_different_programs() {
    check(&open("v13-py3.11", "items.bin"), &open("v10-py3.10", "threads.bin"), &Matching::default());
}

#[test]
fn a_capture_does_not_differ_from_itself() {
    for name in ["items.bin", "numpy_native.bin"] {
        let index = open("v13-py3.13", name);
        for by_line in [false, true] {
            let comparison = Comparison::new(index.clone(), index.clone(), Matching { by_line, ..Matching::default() });
            let answers = comparison.ask(&Question::default()).unwrap();
            let tree = comparison.tree(&answers, TreeOptions::default(), Width::Larger);
            assert!(tree.total.iter().all(|delta| delta.before == delta.after));
            assert!(comparison.table(&answers, GroupBy::Location).iter().all(|row| row.inclusive.bytes() == 0));
            let verdict = comparison.verdict().unwrap();
            assert_eq!((verdict.peak.bytes(), verdict.causes), (0, vec![]));
            let single = index.tree(&answers[0], TreeOptions::default());
            let by_hand: i64 =
                single.nodes.iter().filter(|node| node.location != LocationId::NONE).map(|it| it.own.bytes).sum();
            let united: i64 =
                (1..tree.tree.nodes.len() as u32).map(|node| tree.own(TreeNodeId(node)).after.bytes).sum();
            assert_eq!(united, by_hand);
        }
    }
}

#[test]
fn each_side_of_a_table_is_the_single_view() {
    // CPython 3.13 runs comprehensions within their functions, so none is folded away.
    let captures = ["items.bin", "threads.bin", "numpy_native.bin"].map(|name| open("v13-py3.13", name));
    let mut compared = 0;
    for index in captures.into_iter().chain([3, 7, 12].map(synthetic)) {
        let matching = Matching { by_line: true, roots: Some(Vec::new()), ..Matching::default() };
        let comparison = Comparison::new(index.clone(), index.clone(), matching);
        for question in questions(&index, &index) {
            let answers = comparison.ask(&question).unwrap();
            // Threads and libraries of one name, or of one but for versions, are one row of a comparison.
            for by in ALL_GROUPINGS.into_iter().filter(|by| !matches!(by, GroupBy::Thread | GroupBy::NativeLibrary)) {
                let amounts = |inclusive: Amount, own: Amount| {
                    let own = if by.parts_stacks() { inclusive } else { own };
                    [inclusive.bytes, inclusive.allocations, own.bytes, own.allocations]
                };
                let sorted = |mut rows: Vec<[i64; 4]>| {
                    rows.retain(|row| *row != [0; 4]);
                    rows.sort_unstable();
                    rows
                };
                let single = index.table(&answers[0], by);
                let single = sorted(single.iter().map(|row| amounts(row.inclusive, row.own)).collect());
                let rows = comparison.table(&answers, by);
                let before = rows.iter().map(|row| amounts(row.inclusive.before, row.own.before)).collect();
                let after = rows.iter().map(|row| amounts(row.inclusive.after, row.own.after)).collect();
                assert_eq!(sorted(before), single, "{question:?} {by:?}");
                assert_eq!(sorted(after), single, "{question:?} {by:?}");
                compared += single.len();
            }
        }
    }
    assert!(compared > 1000, "{compared} rows");
}

/// The second's files lie below both roots, so that the rule finds some in one direction only.
#[test]
fn of_captures_with_files_below_both_roots() {
    check(&synthetic(208), &synthetic(113), &Matching::default());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn of_synthetic_captures(seeds in (0u64..1000, 0u64..1000), by_line: bool) {
        let (before, after) = (synthetic(seeds.0), synthetic(seeds.1));
        check(&before, &after, &Matching { by_line, ..Matching::default() });
    }
}
