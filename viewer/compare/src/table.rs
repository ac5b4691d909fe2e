// SPDX-License-Identifier: Apache-2.0
//! Tables of what changed: a [`DeltaRow`] for each location, function, file, module … of either capture.
//!
//! What stacks contain many of is summed over the union tree, in which frames of both are matched already; what parts the
//! stacks (thread, allocator, native library) is matched by name.

use crate::canonical::canonical_file;
use crate::change::{Change, Delta};
use crate::joint::Joint;
use crate::union_tree::UnionTree;
use memray_format::Allocator;
use memray_index::{Answer, FrameKind, GroupBy, Index, LocationId, RowKey, StringId, TreeNodeId, sum_rows};
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// What a row stands for. Names and locations are those of the [`Comparison`](crate::Comparison).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeltaKey {
    /// A location; where lines do not count, the heaviest of its function.
    Location(LocationId),
    /// A function (first) in a file (second).
    Function(StringId, StringId),
    /// A file.
    File(StringId),
    /// A module.
    Module(StringId),
    /// A thread, or a native library, by name.
    Name(Vec<u8>),
    /// An allocator.
    Allocator(Allocator),
    /// What has no such thing: no Python stack, no own code, no native library.
    None,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaRow {
    /// What it stands for.
    pub key: DeltaKey,
    /// Of all stacks that contain it, each counted once.
    pub inclusive: Delta,
    /// Of the stacks whose innermost frame it is; equal to `inclusive` where rows part the stacks.
    pub own: Delta,
}

impl DeltaRow {
    /// What kind of change it is; `total` is the whole answers'.
    pub fn change(&self, total: Delta) -> Change {
        Change::of(self.inclusive, total.larger_bytes())
    }
}

/// Rows while they are summed: by what they are matched, and the heaviest location of each.
struct Summed {
    heaviest: LocationId,
    weight: u64,
    inclusive: Delta,
    own: Delta,
}

/// Rows by what stacks contain, or by the innermost line of own code; from a tree with callers first.
pub(crate) fn by_frame(joint: &Joint, tree: &UnionTree, by: GroupBy) -> Vec<DeltaRow> {
    let own_lines = if by == GroupBy::OwnCodeLine { innermost_own_code(joint, tree) } else { Vec::new() };
    let location_of = |id: TreeNodeId| match by {
        GroupBy::OwnCodeLine => own_lines[id.0 as usize],
        _ => tree.tree.node(id).location,
    };
    let mut numbers: FxHashMap<Key, usize> = FxHashMap::default();
    let mut rows: Vec<Summed> = Vec::new();
    let row_of = |id: TreeNodeId, rows: &mut Vec<Summed>| {
        let location = location_of(id);
        *numbers.entry(Key::of(joint, by, location)).or_insert_with(|| {
            rows.push(Summed { heaviest: location, weight: 0, inclusive: Delta::default(), own: Delta::default() });
            rows.len() - 1
        })
    };
    sum_rows(&tree.tree, &mut rows, row_of, |row, id, is_outermost| {
        let location = location_of(id);
        row.own.add(tree.own(id));
        if by == GroupBy::OwnCodeLine || location == LocationId::NONE {
            row.inclusive.add(tree.own(id));
        } else if is_outermost {
            row.inclusive.add(tree.total(id));
        }
        let weight = tree.total(id).larger_bytes();
        // Of equals the first, so that a row is called the same however its tree is laid out.
        if weight > row.weight || (weight == row.weight && location < row.heaviest) {
            (row.heaviest, row.weight) = (location, weight);
        }
    });
    let shown = rows.into_iter().map(|row| DeltaRow {
        key: shown_key(joint, by, row.heaviest),
        inclusive: row.inclusive,
        own: row.own,
    });
    sorted(shown.collect())
}

/// What locations of one row have in common.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Location(crate::joint::MatchId),
    Function(StringId, StringId),
    Name(StringId),
    None,
}

impl Key {
    fn of(joint: &Joint, by: GroupBy, location: LocationId) -> Self {
        if location == LocationId::NONE {
            return Self::None;
        }
        let (function, file) = joint.function(location);
        match by {
            GroupBy::Function => Self::Function(function, file),
            GroupBy::File => Self::Name(joint.file(location)),
            GroupBy::Module => Self::Name(joint.module(location)),
            _ => Self::Location(joint.match_id(location)),
        }
    }
}

fn shown_key(joint: &Joint, by: GroupBy, location: LocationId) -> DeltaKey {
    if location == LocationId::NONE {
        return DeltaKey::None;
    }
    match by {
        GroupBy::Function => {
            let (function, file) = joint.shown_function(location);
            DeltaKey::Function(function, file)
        }
        GroupBy::File => DeltaKey::File(joint.shown_file(location).0),
        GroupBy::Module => DeltaKey::Module(joint.shown_file(location).1),
        _ => DeltaKey::Location(location),
    }
}

/// Whether a frame is of what a row stands for.
pub(crate) fn is_of_row(joint: &Joint, key: &DeltaKey, location: LocationId) -> bool {
    match key {
        DeltaKey::Location(wanted) => joint.match_id(location) == joint.match_id(*wanted),
        DeltaKey::Function(function, file) => joint.shown_function(location) == (*function, *file),
        DeltaKey::File(file) => joint.shown_file(location).0 == *file,
        DeltaKey::Module(module) => joint.shown_file(location).1 == *module,
        DeltaKey::Name(_) | DeltaKey::Allocator(_) | DeltaKey::None => false,
    }
}

/// Of each node, the innermost location of own code at or above it.
fn innermost_own_code(joint: &Joint, tree: &UnionTree) -> Vec<LocationId> {
    let mut found: Vec<LocationId> = Vec::with_capacity(tree.tree.nodes.len());
    for node in &tree.tree.nodes {
        let above = found.get(node.parent.0 as usize).copied().unwrap_or(LocationId::NONE);
        let is_own = node.location != LocationId::NONE && joint.location(node.location).traits.is_own_code;
        found.push(if is_own { node.location } else { above });
    }
    found
}

/// Rows that part the stacks, matched by name.
pub(crate) fn by_name(sides: [(&Index, &Answer); 2], by: GroupBy) -> Vec<DeltaRow> {
    let mut sums: FxHashMap<DeltaKey, Delta> = FxHashMap::default();
    // Libraries go by their names without versions, and are called as the second capture has them.
    let mut libraries: FxHashMap<Vec<u8>, Vec<u8>> = FxHashMap::default();
    for (is_after, (index, answer)) in [false, true].into_iter().zip(sides) {
        for row in index.table(answer, by) {
            let delta = Delta { before: row.inclusive, ..Delta::default() };
            let key = match row.key {
                RowKey::Thread(thread) => DeltaKey::Name(index.thread_label(thread).into_bytes()),
                RowKey::Allocator(allocator) => DeltaKey::Allocator(allocator),
                RowKey::File(file) => {
                    let (canonical, name) = library_of(index.bytes(file));
                    libraries.insert(canonical.clone(), name);
                    DeltaKey::Name(canonical)
                }
                _ => DeltaKey::None,
            };
            sums.entry(key).or_default().add(if is_after { delta.swapped() } else { delta });
        }
    }
    let shown = |key| match key {
        DeltaKey::Name(canonical) => DeltaKey::Name(libraries.get(&canonical).cloned().unwrap_or(canonical)),
        key => key,
    };
    sorted(sums.into_iter().map(|(key, delta)| DeltaRow { key: shown(key), inclusive: delta, own: delta }).collect())
}

/// A library's name without versions, and as its file has it.
fn library_of(path: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    (canonical_file(name, FrameKind::Library), name.to_vec())
}

/// The largest change first, whichever way it goes.
fn sorted(mut rows: Vec<DeltaRow>) -> Vec<DeltaRow> {
    rows.retain(|row| !(row.inclusive.is_nothing() && row.own.is_nothing()));
    rows.sort_by_cached_key(|row| {
        let (bytes, allocations) = (row.inclusive.bytes().abs(), row.inclusive.allocations().abs());
        (std::cmp::Reverse((bytes, allocations, row.inclusive.larger_bytes())), format!("{:?}", row.key))
    });
    rows
}
