// SPDX-License-Identifier: Apache-2.0
//! The trees of a program's processes as one, against sums by path.

#![allow(clippy::unwrap_used)]

mod asking;

use asking::open;
use memray_index::{Amount, Index, LocationId, Mode, Question, ThreadIndex, Together, Tree, TreeNodeId, TreeOptions};
use std::collections::BTreeMap;
use std::path::Path;

/// A frame: function, file, line.
type Name = (Vec<u8>, Vec<u8>, u32);
type Sums = BTreeMap<Vec<Name>, (Amount, Amount)>;

fn family() -> Vec<Index> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures/v13-py3.13");
    ["", ".20812", ".20814", ".20816"].map(|end| open(&folder.join(format!("forks.bin{end}"))).unwrap()).into()
}

/// What each path below a node holds, itself and all below, and alone; equal paths summed.
fn sums(tree: &Tree, top: TreeNodeId, name: impl Fn(LocationId) -> Name) -> Sums {
    let mut sums = Sums::new();
    for row in (0..tree.nodes.len() as u32).map(TreeNodeId) {
        let path = tree.path(row);
        let Some(at) = path.iter().position(|node| *node == top) else { continue };
        let path = path[at + 1..].iter().map(|node| name(tree.node(*node).location)).collect();
        let sum = sums.entry(path).or_default();
        for (sum, amount) in [(&mut sum.0, tree.node(row).amount), (&mut sum.1, tree.node(row).own)] {
            sum.bytes += amount.bytes;
            sum.allocations += amount.allocations;
        }
    }
    sums
}

#[test]
fn what_processes_share_is_one_or_stands_side_by_side() {
    let indexes = family();
    let together = Together::new(&indexes);
    let common_name = |id: LocationId| {
        let location = together.location(id);
        (together.bytes(location.function).to_vec(), together.bytes(location.file).to_vec(), location.line)
    };
    for is_inverted in [false, true] {
        let options = TreeOptions { is_inverted, ..TreeOptions::default() };
        let question = Question { mode: Mode::Total, ..Question::default() };
        let trees: Vec<Tree> =
            indexes.iter().map(|index| index.tree(&index.ask(&question).unwrap(), options)).collect();
        let own_sums = |at: usize| {
            let index: &Index = &indexes[at];
            sums(&trees[at], TreeNodeId(0), |id| {
                let location = index.location(id);
                (index.bytes(location.function).to_vec(), index.bytes(location.file).to_vec(), location.line)
            })
        };
        let mut expected = Sums::new();
        for (path, amounts) in (0..indexes.len()).flat_map(own_sums) {
            let sum = expected.entry(path).or_default();
            for (sum, amount) in [(&mut sum.0, amounts.0), (&mut sum.1, amounts.1)] {
                sum.bytes += amount.bytes;
                sum.allocations += amount.allocations;
            }
        }
        let one = together.tree(&trees, false);
        assert_eq!(sums(&one, TreeNodeId(0), common_name), expected);
        assert_eq!(one.nodes.len(), expected.len(), "equal paths are one");
        assert!(one.nodes.len() < trees.iter().map(|tree| tree.nodes.len()).sum());
        assert_eq!(one.is_inverted, is_inverted);

        let split = together.tree(&trees, true);
        let towers: Vec<TreeNodeId> = split.children(TreeNodeId(0)).map(TreeNodeId).collect();
        assert_eq!(towers.len(), indexes.len());
        assert_eq!(split.node(TreeNodeId(0)).amount, one.node(TreeNodeId(0)).amount);
        assert!(towers.is_sorted_by_key(|tower| std::cmp::Reverse(split.node(*tower).weight)));
        for tower in towers {
            let Some(ThreadIndex(at)) = split.node(tower).thread else { panic!("a tower is a process\u{2019}s") };
            assert_eq!(sums(&split, tower, common_name), own_sums(at as usize));
        }
    }
}

#[test]
fn a_process_without_an_answer_is_left_out() {
    let indexes = family();
    let together = Together::new(&indexes);
    let tree = |index: &Index| index.tree(&index.ask(&Question::default()).unwrap(), TreeOptions::default());
    let trees = [Tree::default(), tree(&indexes[1]), Tree::default(), Tree::default()];
    let split = together.tree(&trees, true);
    assert_eq!(split.children(TreeNodeId(0)).len(), 1);
    assert_eq!(split.node(TreeNodeId(1)).thread, Some(ThreadIndex(1)));
    assert_eq!(split.node(TreeNodeId(0)).amount, trees[1].node(TreeNodeId(0)).amount);
    assert_eq!(together.tree(&[], false).nodes.len(), 1);
}
