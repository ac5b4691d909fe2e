// SPDX-License-Identifier: Apache-2.0
//! One program under two Pythons is one program: nothing of its own code is new, and nothing is gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod captures_of;

use captures_of::open;
use memray_compare::{Change, Comparison, Matching, Side, Width};
use memray_index::{LocationId, Mode, Question, TreeNodeId, TreeOptions};

/// Functions of own code that are new or gone, of all that the programs ever allocated.
fn unmatched(before: &str, after: &str, name: &str) -> Vec<String> {
    let comparison = Comparison::new(open(before, name), open(after, name), Matching::default());
    let mode = if comparison.before().info().is_aggregated() { Mode::Peak } else { Mode::Total };
    let answers = comparison.ask(&Question { mode, ..Question::default() }).unwrap();
    let tree = comparison.tree(&answers, TreeOptions::default(), Width::Larger);
    let mut found = Vec::new();
    for node in (1..tree.tree.nodes.len() as u32).map(TreeNodeId) {
        let location = tree.tree.node(node).location;
        let is_own = location != LocationId::NONE && comparison.location(location).traits.is_own_code;
        if is_own && matches!(tree.change(node), Change::New | Change::Vanished) {
            let location = comparison.location(location);
            let text = |name| String::from_utf8_lossy(comparison.bytes(name)).into_owned();
            found.push(format!(
                "{:?} {} {}:{}",
                tree.change(node),
                text(location.function),
                text(location.file),
                location.line
            ));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn own_code_is_matched_across_pythons() {
    // CPython 3.9 takes memory to resume this generator; later ones do not.
    let generator = "Vanished <genexpr> /srv/demo/items/cli.py:35";
    for (before, after, expected) in [
        ("v13-py3.11", "v13-py3.13", &[] as &[&str]),
        ("v11-py3.12", "v13-py3.11", &[]),
        ("v10-py3.10", "v12-py3.13", &[]),
        ("v9-py3.9", "v13-py3.13", &[generator]),
    ] {
        assert_eq!(unmatched(before, after, "items.bin"), expected, "{before} {after}");
        assert!(unmatched(before, after, "threads.bin").is_empty(), "{before} {after}");
    }
}

#[test]
fn each_side_has_its_own_names_where_they_differ() {
    let (before, after) = (open("v13-py3.11", "items.bin"), open("v13-py3.13", "items.bin"));
    let comparison = Comparison::new(before, after, Matching::default());
    let answers = comparison.ask(&Question { mode: Mode::Total, ..Question::default() }).unwrap();
    let [of_before, of_after] = comparison.trees(&answers, TreeOptions::default(), [Width::Before, Width::After]);
    let files = |tree: &memray_compare::UnionTree, side| -> Vec<String> {
        let shown = tree.tree.nodes.iter().filter(|node| node.weight > 0 && node.location != LocationId::NONE);
        let locations = shown.map(|node| comparison.location_of(side, node.location));
        locations.map(|location| String::from_utf8_lossy(comparison.bytes(location.file)).into_owned()).collect()
    };
    // What Python itself brings lies elsewhere: none of A's frames has a path of B's, or the other way round.
    let [before, after] = [(&of_before, Side::Before), (&of_after, Side::After)].map(|(tree, side)| files(tree, side));
    let has = |files: &[String], folder: &str| files.iter().filter(|file| file.contains(folder)).count();
    assert!(has(&before, "/lib/python3.11/") > 100 && has(&after, "/lib/python3.13/") > 100);
    assert_eq!((has(&before, "/lib/python3.13/"), has(&after, "/lib/python3.11/")), (0, 0));
}
