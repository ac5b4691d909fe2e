// SPDX-License-Identifier: Apache-2.0
//! What grew in a range, and how.

use super::charged::own_code_lines;
use super::shown_tree::ShownTree;
use super::tables::{by_frame, by_site};
use super::tree_layout::callers_first;
use crate::answer::Amount;
use crate::call_tree::CallTree;
use crate::charge::Charge;
use crate::columns::Half;
use crate::error::Refusal;
use crate::filter::Filter;
use crate::growth::{GrowthBy, GrowthCurve, GrowthMoments, GrowthRow};
use crate::ids::{LocationId, NodeId, SiteId};
use crate::question::{Mode, Moment, Question, TimeRange};
use crate::store::Store;
use crate::table::{GroupBy, RowKey};
use rustc_hash::FxHashMap;

/// Rows that sites count for, listed at most at a time; where there are more, rows are worked out in parts.
const MAX_LISTED: usize = 16 << 20;

/// Stands for no row.
const NO_ROW: u32 = u32::MAX;

impl Store {
    /// What grew in a range, of the stacks and frames that a filter shows, the largest growth first.
    pub(crate) fn growth(
        &self,
        range: TimeRange,
        by: GrowthBy,
        filter: &Filter,
        shown: &ShownTree,
        limit: usize,
    ) -> Result<Vec<GrowthRow>, Refusal> {
        self.instants(range)?;
        let before = self.live_by(range.from, by, filter, shown)?;
        let after = self.live_by(range.to, by, filter, shown)?;
        let mut rows: Vec<(RowKey, Amount, Amount)> = after
            .iter()
            .map(|(key, amount)| (*key, before.get(key).copied().unwrap_or_default(), *amount))
            .chain(before.iter().filter(|(key, _)| !after.contains_key(key)).map(|(k, a)| (*k, *a, Amount::default())))
            .collect();
        rows.sort_unstable_by_key(|(key, before, after)| (i128::from(before.bytes) - i128::from(after.bytes), *key));
        rows.truncate(limit);

        let moments = GrowthMoments::of(&self.timeline, range);
        let keys: Vec<RowKey> = rows.iter().map(|row| row.0).collect();
        let series = self.series_by(&keys, by, filter, shown, &moments)?;
        self.lifetimes.check()?;
        Ok(rows
            .into_iter()
            .zip(series)
            .map(|((key, before, after), live_bytes)| {
                let curve = GrowthCurve::at_moments(live_bytes, &moments);
                let GrowthCurve { live_bytes, slope_bytes_per_hour, shape } = curve;
                GrowthRow { key, before, after, live_bytes, slope_bytes_per_hour, shape }
            })
            .collect())
    }

    fn live_by(
        &self,
        moment: Moment,
        by: GrowthBy,
        filter: &Filter,
        shown: &ShownTree,
    ) -> Result<FxHashMap<RowKey, Amount>, Refusal> {
        let question = Question { mode: Mode::LiveAt(moment), filter: filter.clone(), split_threads: false };
        let answer = self.ask(&question, |_| Ok(Vec::new()))?;
        let rows = match by {
            GrowthBy::OwnCodeLine => by_site(self, &answer, Charge::OwnCodeLine),
            GrowthBy::Inclusive | GrowthBy::Own => {
                by_frame(self, &callers_first(shown, &self.stacks_of(&answer, shown)), GroupBy::Location)
            }
        };
        let amount = |row: &crate::table::Row| if by == GrowthBy::Own { row.own } else { row.inclusive };
        Ok(rows.iter().map(|row| (row.key, amount(row))).filter(|(_, amount)| *amount != Amount::default()).collect())
    }

    /// For each row, its live bytes at these moments.
    fn series_by(
        &self,
        keys: &[RowKey],
        by: GrowthBy,
        filter: &Filter,
        shown: &ShownTree,
        moments: &GrowthMoments,
    ) -> Result<Vec<Vec<u64>>, Refusal> {
        let mut rows = vec![NO_ROW; self.locations.len()];
        for (row, key) in keys.iter().enumerate() {
            match *key {
                RowKey::Location(location) => rows[location.index()] = row as u32,
                _ => rows[LocationId::NONE.index()] = row as u32,
            }
        }
        let mut sites: Vec<_> = (0..self.sites.len() as u32).map(|id| (SiteId(id), Amount::default())).collect();
        self.keep_matching(&mut sites, filter)?;
        let lines = if by == GrowthBy::OwnCodeLine { own_code_lines(self) } else { Vec::new() };
        let paths = (by == GrowthBy::Inclusive).then(|| RowsOnPaths::new(&shown.tree, &rows));
        // Which rows each site counts for; many count for the same.
        let mut lists: Vec<u32> = Vec::new();
        let mut list_of_node: FxHashMap<NodeId, (u32, u32)> = FxHashMap::default();
        let mut of_site: Vec<(u32, u32)> = vec![(0, 0); self.sites.len()];
        for (id, _) in sites {
            let node = self.sites[id.index()].node;
            let shown_node = shown.shown(node);
            let start = lists.len() as u32;
            let mut one = |location: LocationId| {
                lists.extend(Some(rows[location.index()]).filter(|&row| row != NO_ROW));
                (start, lists.len() as u32)
            };
            of_site[id.index()] = match (by, &paths) {
                (GrowthBy::OwnCodeLine, _) => one(lines[node.index()]),
                (_, Some(paths)) if shown_node != NodeId::ROOT => {
                    *list_of_node.entry(paths.nearest[shown_node.index()]).or_insert_with(|| {
                        lists.extend(paths.of(shown_node));
                        (start, lists.len() as u32)
                    })
                }
                _ => one(shown.tree.location(shown_node)),
            };
            if lists.len() > MAX_LISTED && keys.len() > 1 {
                let (first, second) = keys.split_at(keys.len() / 2);
                let mut series = self.series_by(first, by, filter, shown, moments)?;
                series.extend(self.series_by(second, by, filter, shown, moments)?);
                return Ok(series);
            }
        }
        // Nothing is live before all time.
        let before = moments.intervals.iter().take_while(|interval| interval.is_none()).count();
        let instants: Vec<Half> = moments.intervals[before..]
            .iter()
            .map(|interval| {
                let slice = interval.and_then(|interval| self.last_slices.get(interval));
                Half::of(slice.copied().unwrap_or(0), true)
            })
            .collect();
        let columns_of = |site: SiteId| {
            let (start, end) = of_site[site.index()];
            &lists[start as usize..end as usize]
        };
        let mut series = self.lifetimes.series(&instants, keys.len(), self.lived(filter), columns_of);
        for live_bytes in &mut series {
            live_bytes.splice(0..0, std::iter::repeat_n(0, before));
        }
        Ok(series)
    }
}

/// For every node, the rows of the locations from the root to it, each once.
struct RowsOnPaths<'a> {
    tree: &'a CallTree,
    /// By location.
    rows: &'a [u32],
    /// By node: the nearest at or above it that is the outermost of its row; the root where there is none. So a path's rows
    /// are a chain of few nodes, however deep it is, and no node has a list of its own.
    nearest: Vec<NodeId>,
}

impl<'a> RowsOnPaths<'a> {
    fn new(tree: &'a CallTree, rows: &'a [u32]) -> Self {
        let mut paths = Self { tree, rows, nearest: vec![NodeId::ROOT; tree.len()] };
        for node in (1..tree.len() as u32).map(NodeId) {
            let (parent, row) = (tree.parent(node), rows[tree.location(node).index()]);
            let is_outermost = row != NO_ROW && !paths.of(parent).any(|above| above == row);
            paths.nearest[node.index()] = if is_outermost { node } else { paths.nearest[parent.index()] };
        }
        paths
    }

    /// The rows on the path to a node.
    fn of(&self, node: NodeId) -> impl Iterator<Item = u32> + '_ {
        let mut at = self.nearest[node.index()];
        std::iter::from_fn(move || {
            (at != NodeId::ROOT).then(|| {
                let row = self.rows[self.tree.location(at).index()];
                at = self.nearest[self.tree.parent(at).index()];
                row
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_deep_recursion_of_many_rows_has_short_paths() {
        const DEPTH: usize = 100_000;
        let mut tree = CallTree::default();
        let mut at = NodeId::ROOT;
        for level in 0..DEPTH as u32 {
            at = tree.push(at, LocationId(1 + level % 50));
        }
        let rows: Vec<u32> = (0..51).collect();
        let paths = RowsOnPaths::new(&tree, &rows);
        assert_eq!(paths.of(at).collect::<Vec<_>>(), (1..51).rev().collect::<Vec<_>>());
        let mut ends = paths.nearest.clone();
        ends.dedup();
        assert_eq!(ends.len(), 51, "all deeper nodes share one");
    }

    proptest! {
        #[test]
        fn each_row_of_a_path_is_met_once(
            shape in prop::collection::vec((any::<prop::sample::Index>(), 1usize..6), 0..60),
            rows in prop::collection::vec(prop::option::of(0u32..4), 6),
        ) {
            let rows: Vec<u32> = rows.into_iter().map(|row| row.unwrap_or(NO_ROW)).collect();
            let mut tree = CallTree::default();
            for (parent, location) in shape {
                let parent = NodeId(parent.index(tree.len()) as u32);
                tree.push(parent, LocationId(location as u32));
            }
            let paths = RowsOnPaths::new(&tree, &rows);
            for node in (0..tree.len() as u32).map(NodeId) {
                let mut found: Vec<u32> = paths.of(node).collect();
                found.sort_unstable();
                let all: std::collections::BTreeSet<u32> = tree.frames(node).map(|location| rows[location.index()]).collect();
                prop_assert_eq!(found, all.into_iter().filter(|&row| row != NO_ROW).collect::<Vec<_>>());
            }
        }
    }
}
