// SPDX-License-Identifier: Apache-2.0
//! Search in a tree: which frames match, and how much memory passes through them.
//!
//! [`search`] is a pure function, linear in the tree, for a worker to run; [`Hits`] is what it found, which an icicle
//! draws and steps through.

use crate::labels::Labels;
use memray_index::{LocationId, Pattern, Tree, TreeNodeId, what_is_wrong};
use memray_report::size::{Units, format_bytes, format_counted, format_share_precise};
use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;

/// A pattern that cannot be searched for.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Not a regular expression.
    #[error("Not a regular expression: {0}. Turn off “.*” to search for it as plain text.")]
    Regex(String),
}

/// The frames that a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// The frames, one bit each.
    matches: Vec<u64>,
    /// The frames left to right and, where one lies over another, from the root on.
    in_order: Vec<TreeNodeId>,
    /// The frames and all they lie below, by row.
    holders: Vec<TreeNodeId>,
    /// Bytes that pass through them; a hit over another hit counts once.
    pub bytes: i64,
    /// Allocations that pass through them, counted likewise.
    pub allocations: i64,
}

impl Hits {
    /// Whether a frame matches.
    #[inline]
    pub fn contains(&self, node: TreeNodeId) -> bool {
        self.matches.get(node.0 as usize / 64).is_some_and(|bits| bits >> (node.0 % 64) & 1 == 1)
    }

    /// Whether one of `count` siblings matches, or anything below them.
    pub fn lies_within(&self, first: TreeNodeId, count: u32) -> bool {
        let at = self.holders.partition_point(|&holder| holder < first);
        self.holders.get(at).is_some_and(|holder| holder.0 - first.0 < count)
    }

    /// How many frames match.
    pub fn frame_count(&self) -> usize {
        self.in_order.len()
    }

    /// The frames, in the order in which they are stepped through.
    pub fn frames(&self) -> &[TreeNodeId] {
        &self.in_order
    }

    /// The hit after a frame, or the first one; after the last comes the first.
    pub fn next(&self, tree: &Tree, from: Option<TreeNodeId>) -> Option<TreeNodeId> {
        let at = from.map_or(0, |from| {
            let place = place(tree, from);
            self.in_order.partition_point(|&hit| self::place(tree, hit) <= place)
        });
        self.in_order.get(at).or(self.in_order.first()).copied()
    }

    /// The hit before a frame, or the last one; before the first comes the last.
    pub fn previous(&self, tree: &Tree, from: Option<TreeNodeId>) -> Option<TreeNodeId> {
        let at = from.map_or(0, |from| {
            let place = place(tree, from);
            self.in_order.partition_point(|&hit| self::place(tree, hit) < place)
        });
        at.checked_sub(1).map_or(self.in_order.last(), |at| self.in_order.get(at)).copied()
    }

    /// In words: `412 frames, 1.30 GiB, 38.2 % of the total matched`.
    pub fn summary(&self, total_bytes: i64, units: Units) -> String {
        format!(
            "{}, {}, {} of the total matched",
            format_counted(self.frame_count() as i128, "frame"),
            format_bytes(self.bytes, units),
            format_share_precise(self.bytes, total_bytes)
        )
    }
}

/// Where a frame lies: how far from the left, then how deep.
fn place(tree: &Tree, node: TreeNodeId) -> (u64, u32) {
    let mut start = 0_u64;
    let mut at = node;
    while at.0 != 0 {
        let node = tree.node(at);
        start = start.saturating_add(node.weight_before);
        at = node.parent;
    }
    (start, tree.node(node).depth)
}

/// Finds the frames whose function, file or module matches, whatever the case.
pub fn search(tree: &Tree, labels: &dyn Labels, pattern: &Pattern) -> Result<Hits, SearchError> {
    let expression = match pattern {
        Pattern::Substring(text) if text.is_empty() => return Ok(Hits::default()),
        Pattern::Substring(text) => regex::escape(text),
        Pattern::Regex(text) => text.clone(),
    };
    let regex = RegexBuilder::new(&expression)
        .case_insensitive(true)
        .build()
        .map_err(|error| SearchError::Regex(what_is_wrong(&error)))?;
    Ok(collect(tree, labels, &regex))
}

fn collect(tree: &Tree, labels: &dyn Labels, regex: &Regex) -> Hits {
    let mut hits = Hits { matches: vec![0; tree.nodes.len().div_ceil(64)], ..Hits::default() };
    // Many frames share a location: its names are looked at once.
    let mut by_location: FxHashMap<LocationId, bool> = FxHashMap::default();
    // Where each frame starts, and whether a hit lies above it. Parents come before children.
    let mut starts = vec![0_u64; tree.nodes.len()];
    let mut is_below_hit = vec![false; tree.nodes.len()];
    let mut holds_hit = vec![false; tree.nodes.len()];
    for (row, node) in tree.nodes.iter().enumerate() {
        let parent = node.parent.0 as usize;
        starts[row] = starts[parent].saturating_add(node.weight_before);
        let is_below = row != 0 && is_below_hit[parent];
        let matches = node.location != LocationId::NONE
            && *by_location.entry(node.location).or_insert_with(|| {
                let location = labels.location(node.location);
                [location.function, location.file, location.module].iter().any(|name| regex.is_match(name))
            });
        is_below_hit[row] = is_below || matches;
        if !matches {
            continue;
        }
        holds_hit[row] = true;
        hits.matches[row / 64] |= 1 << (row % 64);
        hits.in_order.push(TreeNodeId(row as u32));
        if !is_below {
            hits.bytes = hits.bytes.saturating_add(node.amount.bytes);
            hits.allocations = hits.allocations.saturating_add(node.amount.allocations);
        }
    }
    for row in (1..tree.nodes.len()).rev() {
        if holds_hit[row] {
            holds_hit[tree.nodes[row].parent.0 as usize] = true;
        }
    }
    hits.holders = (0..).map(TreeNodeId).zip(&holds_hit).filter(|(_, holds)| **holds).map(|(row, _)| row).collect();
    hits.in_order.sort_unstable_by_key(|row| (starts[row.0 as usize], tree.node(*row).depth));
    hits
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Branch, Numbered, tower, tree};
    use super::*;

    fn find(tree: &Tree, text: &str) -> Hits {
        search(tree, &Numbered, &Pattern::Substring(text.to_owned())).unwrap()
    }

    fn sample() -> Tree {
        tree(&Branch::new(0, 1000).over([
            Branch::new(12, 600).over([Branch::new(14, 400).over([Branch::new(12, 300)])]),
            Branch::new(16, 300).over([Branch::new(12, 100)]),
        ]))
    }

    #[test]
    fn a_hit_over_a_hit_counts_its_bytes_once() {
        let hits = find(&sample(), "Function_12");
        assert_eq!((hits.frame_count(), hits.bytes), (3, 700));
        assert_eq!(hits.summary(1000, Units::Binary), "3 frames, 700 B, 70.0 % of the total matched");
    }

    #[test]
    fn hits_are_stepped_through_from_left_to_right_and_round_again() {
        let tree = sample();
        let hits = find(&tree, "function_12");
        let mut seen = vec![hits.next(&tree, None).unwrap()];
        for _ in 0..3 {
            seen.push(hits.next(&tree, seen.last().copied()).unwrap());
        }
        let depths: Vec<_> = seen.iter().map(|&n| (tree.node(n).depth, tree.node(n).amount.bytes)).collect();
        assert_eq!(depths, [(1, 600), (3, 300), (2, 100), (1, 600)]);
        assert_eq!(hits.previous(&tree, Some(seen[0])), Some(seen[2]));
        assert_eq!(hits.previous(&tree, Some(seen[2])), Some(seen[1]));
        // From a frame that is no hit, the nearest in that direction.
        let between = TreeNodeId(tree.nodes.iter().position(|n| n.location.0 == 16).unwrap() as u32);
        assert_eq!(hits.next(&tree, Some(between)), Some(seen[2]));
        assert_eq!(hits.previous(&tree, Some(between)), Some(seen[1]));
    }

    #[test]
    fn files_and_modules_match_too_and_expressions_are_understood() {
        let tree = sample();
        assert_eq!(find(&tree, "/SRV/app").frame_count(), 5);
        let regex = |text: &str| search(&tree, &Numbered, &Pattern::Regex(text.to_owned()));
        assert_eq!(regex("function_1[46]$").unwrap().frame_count(), 2);
        assert!(regex("(").unwrap_err().to_string().starts_with("Not a regular expression: unclosed group. "));
        assert_eq!(find(&tree, ".").frame_count(), 5, "a dot is a dot, and file names have one");
        assert_eq!(find(&tree, "function.12").frame_count(), 0);
        assert_eq!(find(&tree, "").frame_count(), 0);
    }

    #[test]
    fn merged_frames_know_of_hits_below_them() {
        let tree = sample();
        let hits = find(&tree, "function_14");
        assert!(hits.lies_within(TreeNodeId(1), 2));
        assert!(!hits.lies_within(TreeNodeId(2), 1));
        assert!(!hits.contains(TreeNodeId(1)));
    }

    #[test]
    fn a_stack_of_a_million_frames_is_searched() {
        let hits = find(&tower(1_000_000, 4096), "function_3");
        assert_eq!((hits.frame_count(), hits.bytes), (142_857, 4096));
    }
}
