// SPDX-License-Identifier: Apache-2.0
//! What grew in a range, and how.

use super::shown_tree::ShownTree;
use super::tables::{by_frame, by_site, own_code_lines};
use super::tree_layout::callers_first;
use crate::answer::{Amount, Answer};
use crate::call_tree::CallTree;
use crate::columns::Half;
use crate::error::Refusal;
use crate::growth::{GrowthBy, GrowthRow, GrowthShape};
use crate::ids::{LocationId, NodeId, SiteId};
use crate::question::{Filter, Mode, Moment, Question, TimeRange};
use crate::store::Store;
use crate::table::{GroupBy, RowKey};
use rustc_hash::FxHashMap;

/// Moments of a sparkline.
const POINTS: usize = 65;

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

        let points = self.points(range)?;
        let duration_ms = self.timeline.time_ms(range.to).saturating_sub(self.timeline.time_ms(range.from));
        let keys: Vec<RowKey> = rows.iter().map(|row| row.0).collect();
        let instants: Vec<Half> = points.iter().filter_map(|point| *point).collect();
        let mut series = self.series_by(&keys, by, filter, shown, &instants)?;
        self.lifetimes.check()?;
        // Before all time nothing is live.
        let leading = points.iter().filter(|point| point.is_none()).count();
        series.iter_mut().for_each(|live_bytes| drop(live_bytes.splice(..0, vec![0; leading])));
        Ok(rows
            .into_iter()
            .zip(series)
            .map(|((key, before, after), live_bytes)| {
                let slope_bytes_per_hour = slope_per_hour(&live_bytes, duration_ms);
                let shape = shape_of(&live_bytes);
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
            GrowthBy::OwnCodeLine => by_site(self, &answer, GroupBy::OwnCodeLine),
            GrowthBy::Inclusive | GrowthBy::Own => {
                by_frame(self, &callers_first(shown, &self.stacks_of(&answer, shown)), GroupBy::Location)
            }
        };
        let amount = |row: &crate::table::Row| if by == GrowthBy::Own { row.own } else { row.inclusive };
        Ok(rows.iter().map(|row| (row.key, amount(row))).filter(|(_, amount)| *amount != Amount::default()).collect())
    }

    /// Evenly spaced instants of a range, at most [`POINTS`]; `None` before all time.
    fn points(&self, range: TimeRange) -> Result<Vec<Option<Half>>, Refusal> {
        // In slices, at whose ends they lie: before all time is where the one before the first would end.
        let slice = |moment| Ok(self.instant(moment)?.map_or(-1, |half| i64::from(half.0 / 2)));
        let (first, last) = (slice(range.from)?, slice(range.to)?);
        let steps = (last - first).max(0);
        let count = (POINTS as i64).min(steps + 1);
        let mut points: Vec<Option<Half>> = (0..count)
            .map(|i| first + steps * i / (count.max(2) - 1))
            .map(|slice| u32::try_from(slice).ok().map(|slice| Half::of(slice, true)))
            .collect();
        points.dedup();
        Ok(points)
    }

    fn series_by(
        &self,
        keys: &[RowKey],
        by: GrowthBy,
        filter: &Filter,
        shown: &ShownTree,
        instants: &[Half],
    ) -> Result<Vec<Vec<u64>>, Refusal> {
        let rows: FxHashMap<RowKey, u32> = keys.iter().enumerate().map(|(row, key)| (*key, row as u32)).collect();
        let row_of = |location: LocationId| {
            let key = if location == LocationId::NONE { RowKey::None } else { RowKey::Location(location) };
            rows.get(&key).copied()
        };
        let mut sites: Vec<_> = (0..self.sites.len() as u32).map(|id| (SiteId(id), Amount::default())).collect();
        self.keep_matching(&mut sites, filter)?;
        // Which rows each site counts for.
        let mut of_site: Vec<Vec<u32>> = vec![Vec::new(); self.sites.len()];
        let lines = if by == GrowthBy::OwnCodeLine { own_code_lines(self) } else { Vec::new() };
        let on_path = if by == GrowthBy::Inclusive { rows_on_path(&shown.tree, &row_of) } else { Vec::new() };
        for (id, _) in sites {
            let node = self.sites[id.index()].node;
            let shown_node = shown.shown(node);
            of_site[id.index()] = match by {
                GrowthBy::OwnCodeLine => row_of(lines[node.index()]).into_iter().collect(),
                GrowthBy::Inclusive if shown_node != NodeId::ROOT => on_path[shown_node.index()].clone(),
                _ => row_of(shown.tree.location(shown_node)).into_iter().collect(),
            };
        }
        Ok(self.lifetimes.series(instants, keys.len(), |site: SiteId| &of_site[site.index()]))
    }

    /// An answer by shown stack.
    pub(crate) fn stacks_of(&self, answer: &Answer, shown: &ShownTree) -> Vec<crate::answer::StackAmount> {
        let mut sums: FxHashMap<_, Amount> = FxHashMap::default();
        for &(id, amount) in &answer.sites {
            let site = &self.sites[id.index()];
            let thread = answer.question.split_threads.then_some(site.thread);
            super::tree_layout::add(sums.entry((thread, shown.shown(site.node))).or_default(), amount);
        }
        let mut stacks: Vec<_> = sums
            .into_iter()
            .filter(|(_, amount)| *amount != Amount::default())
            .map(|((thread, node), amount)| crate::answer::StackAmount { node, thread, amount })
            .collect();
        stacks.sort_unstable_by_key(|stack| (stack.thread, stack.node));
        stacks
    }
}

/// The slope of values at evenly spaced moments that span a duration.
pub(crate) fn slope_per_hour(values: &[u64], duration_ms: i64) -> f64 {
    let hours = duration_ms.max(1) as f64 / 3_600_000.0;
    slope_per_point(values) * (values.len().max(2) - 1) as f64 / hours
}

/// For every node, the rows of the locations from the root to it, each once.
fn rows_on_path(tree: &CallTree, row_of: &dyn Fn(LocationId) -> Option<u32>) -> Vec<Vec<u32>> {
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); tree.len()];
    for node in (1..tree.len() as u32).map(NodeId) {
        let mut path = rows[tree.parent(node).index()].clone();
        if let Some(row) = row_of(tree.location(node))
            && !path.contains(&row)
        {
            path.push(row);
        }
        rows[node.index()] = path;
    }
    rows
}

/// Least-squares slope.
fn slope_per_point(values: &[u64]) -> f64 {
    let n = values.len() as f64;
    if values.len() < 2 {
        return 0.0;
    }
    let mean_x = (n - 1.0) / 2.0;
    let mean_y = values.iter().map(|&v| v as f64).sum::<f64>() / n;
    let (mut products, mut squares) = (0.0, 0.0);
    for (x, &y) in values.iter().enumerate() {
        products += (x as f64 - mean_x) * (y as f64 - mean_y);
        squares += (x as f64 - mean_x).powi(2);
    }
    products / squares
}

/// How a series grew. Half of all growth within a 32nd of the range is a step; less than a tenth of it in the last third
/// is levelled off; all else that grew is steady.
pub(crate) fn shape_of(values: &[u64]) -> GrowthShape {
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return GrowthShape::NotGrowing };
    let growth = last as i128 - first as i128;
    if growth <= 0 {
        return GrowthShape::NotGrowing;
    }
    let span = (values.len() / 32).max(1);
    let largest_step = values.windows(span + 1).map(|w| w[span] as i128 - w[0] as i128).max().unwrap_or(0);
    let before_last_third = values[values.len() - 1 - values.len() / 3] as i128;
    if largest_step * 2 >= growth && values.len() > 8 {
        GrowthShape::Step
    } else if (last as i128 - before_last_third) * 10 < growth {
        GrowthShape::LevelledOff
    } else {
        GrowthShape::Steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_steady_a_cache_levels_off_and_a_constant_is_a_step() {
        let leak: Vec<u64> = (0..65).map(|i| 1000 + i * 100 + i % 3 * 40).collect();
        let cache: Vec<u64> = (0..65).map(|i| 10 * (i.min(30) + 1)).collect();
        let constant: Vec<u64> = (0..65).map(|i| if i < 20 { 5 } else { 5000 }).collect();
        let sawtooth: Vec<u64> = (0..65).map(|i| 100 - i % 5).collect();
        assert_eq!(shape_of(&leak), GrowthShape::Steady);
        assert_eq!(shape_of(&cache), GrowthShape::LevelledOff);
        assert_eq!(shape_of(&constant), GrowthShape::Step);
        assert_eq!(shape_of(&sawtooth), GrowthShape::NotGrowing);
        assert_eq!(shape_of(&[]), GrowthShape::NotGrowing);
        assert!((slope_per_point(&[0, 10, 20, 30]) - 10.0).abs() < 1e-9);
    }
}
