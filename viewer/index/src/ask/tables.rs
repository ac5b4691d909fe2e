// SPDX-License-Identifier: Apache-2.0
//! Tables of answers: what parts the stacks (thread, allocator …) is summed by site; what a stack may contain many of
//! (location, function, file, module) is summed over the tree, each stack once a row.

use super::charged::key_of_site;
use super::shown_tree::ShownTree;
use super::tree_layout::add;
use crate::answer::{Amount, Answer};
use crate::charge::Charge;
use crate::ids::{LocationId, NodeId, SiteId};
use crate::store::Store;
use crate::table::{GroupBy, Row, RowKey, RowSites};
use crate::tree::{Tree, TreeNodeId};
use rustc_hash::FxHashMap;

/// The row of a location; of memory without a stack the row that says so.
fn key_of(store: &Store, by: GroupBy, id: LocationId) -> RowKey {
    match id {
        LocationId::NONE => RowKey::None,
        id => RowKey::of_location(by, id, &store.locations[id.index()]).unwrap_or(RowKey::None),
    }
}

/// Rows by what stacks contain, from an answer's tree (callers first).
pub(crate) fn by_frame(store: &Store, tree: &Tree, by: GroupBy) -> Vec<Row> {
    let mut numbers: FxHashMap<RowKey, usize> = FxHashMap::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut row_of_location: FxHashMap<LocationId, usize> = FxHashMap::default();
    let row_of = |id: TreeNodeId, rows: &mut Vec<Row>| -> usize {
        let location = tree.node(id).location;
        if let Some(&row) = row_of_location.get(&location) {
            return row;
        }
        let key = key_of(store, by, location);
        let row = *numbers.entry(key).or_insert_with(|| {
            rows.push(Row { key, inclusive: Amount::default(), own: Amount::default() });
            rows.len() - 1
        });
        row_of_location.insert(location, row);
        row
    };
    sum_rows(tree, &mut rows, row_of, |row, id, is_outermost| {
        let node = tree.node(id);
        add(&mut row.own, node.own);
        if node.location == LocationId::NONE {
            add(&mut row.inclusive, node.own);
        } else if is_outermost {
            add(&mut row.inclusive, node.amount);
        }
    });
    sorted(rows)
}

/// Goes through a tree, callers first, and has each node added to its row. `row_of` finds the row or makes it; `add` is told
/// whether no node above belongs to the same row, so that each stack can be counted once a row.
pub fn sum_rows<R>(
    tree: &Tree,
    rows: &mut Vec<R>,
    mut row_of: impl FnMut(TreeNodeId, &mut Vec<R>) -> usize,
    mut add: impl FnMut(&mut R, TreeNodeId, bool),
) {
    // Depth first, without recursion: how often each row is on the path to where we are.
    let mut on_path: Vec<u32> = Vec::new();
    let mut path: Vec<(usize, u32, u32)> = Vec::new();
    let mut enter = |at: u32, rows: &mut Vec<R>, on_path: &mut Vec<u32>| -> (usize, u32, u32) {
        let id = TreeNodeId(at);
        let row = row_of(id, rows);
        on_path.resize(rows.len(), 0);
        add(&mut rows[row], id, on_path[row] == 0);
        on_path[row] += 1;
        let node = tree.node(id);
        (row, node.first_child, node.first_child + node.child_count)
    };
    if tree.nodes.is_empty() {
        return;
    }
    path.push(enter(0, rows, &mut on_path));
    while let Some((row, next, end)) = path.last_mut() {
        if *next < *end {
            let child = *next;
            *next += 1;
            let entered = enter(child, rows, &mut on_path);
            path.push(entered);
        } else {
            on_path[*row] -= 1;
            path.pop();
        }
    }
}

/// Rows that part the stacks.
pub(crate) fn by_site(store: &Store, answer: &Answer, charge: Charge) -> Vec<Row> {
    let key_of = key_of_site(store, charge);
    let mut sums: FxHashMap<RowKey, Amount> = FxHashMap::default();
    for &(id, amount) in &answer.sites {
        add(sums.entry(key_of(id)).or_default(), amount);
    }
    sorted(sums.into_iter().map(|(key, amount)| Row { key, inclusive: amount, own: amount }).collect())
}

/// The sites of an answer that a row of its table sums.
pub(crate) fn sites_of_row(store: &Store, answer: &Answer, shown: &ShownTree, by: GroupBy, key: RowKey) -> RowSites {
    let sites = answer.sites.iter().map(|(site, _)| *site);
    if let Some(charge) = by.charge() {
        let key_of = key_of_site(store, charge);
        let inclusive: Vec<SiteId> = sites.filter(|&site| key_of(site) == key).collect();
        return RowSites { own: inclusive.clone(), inclusive };
    }
    let is_of_row: Vec<bool> =
        (0..store.locations.len() as u32).map(|id| key_of(store, by, LocationId(id)) == key).collect();
    let tree = &shown.tree;
    let ends_in_row = |node: NodeId| is_of_row[tree.location(node).index()];
    let mut is_below_row = vec![false; tree.len()];
    for node in (1..tree.len() as u32).map(NodeId) {
        is_below_row[node.index()] = ends_in_row(node) || is_below_row[tree.parent(node).index()];
    }
    let mut found = RowSites::default();
    for site in sites {
        let node = shown.shown(store.sites[site.index()].node);
        if ends_in_row(node) {
            found.own.push(site);
        }
        if ends_in_row(node) || is_below_row[node.index()] {
            found.inclusive.push(site);
        }
    }
    found
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.retain(|row| row.inclusive != Amount::default() || row.own != Amount::default());
    rows.sort_by_key(|row| {
        (std::cmp::Reverse(row.inclusive.bytes), std::cmp::Reverse(row.inclusive.allocations), row.key)
    });
    rows
}
