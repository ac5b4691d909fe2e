// SPDX-License-Identifier: Apache-2.0
//! What is said first of two captures: by how much the peak changed, and where ([`Verdict`]).
//!
//! The rule is the headline's, for change in place of size: in the union tree of both peaks, with irrelevant frames hidden,
//! follow the child that changed most in the peak's direction while it holds at least half of the change, and name the last
//! frame of own code on that way, else the last relevant one. Where it splits at once, the three largest branches are named,
//! each by the same rule within itself.

use crate::change::{Change, Delta};
use crate::comparison::Comparison;
use crate::union_tree::{UnionTree, Width};
use memray_index::{Amount, Filter, LocationId, Mode, Question, Refusal, TreeNodeId, TreeOptions};

/// How many branches are named where none holds half.
const BRANCHES: usize = 3;

/// Where a change of the peak comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Of the comparison; none where it is memory without a Python stack.
    pub location: LocationId,
    /// Its change, with all below.
    pub delta: Delta,
    /// Of which kind that is.
    pub change: Change,
}

/// What is said first of two captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Of the peaks.
    pub peak: Delta,
    /// Where that comes from, the largest part first; in the peak's direction.
    pub causes: Vec<Cause>,
    /// Live at the end.
    pub leaked: Delta,
    /// All that was allocated; not of aggregated captures.
    pub total: Option<Delta>,
    /// How long each ran, in milliseconds.
    pub duration_ms: (i64, i64),
    /// The largest resident sets, where both were sampled.
    pub peak_rss_bytes: Option<(u64, u64)>,
}

impl Verdict {
    pub(crate) fn of(comparison: &Comparison) -> Result<Self, Refusal> {
        let filter = Filter { hide_irrelevant: true, ..Filter::default() };
        let peaks = comparison.ask(&Question { filter, ..Question::default() })?;
        let tree = comparison.tree(&peaks, TreeOptions::default(), Width::Larger);
        let leaked = comparison.ask(&Question { mode: Mode::Leaked, ..Question::default() })?;
        let infos = [comparison.before().info(), comparison.after().info()];
        let total = infos.iter().all(|info| !info.is_aggregated()).then(|| {
            let [before, after] = infos.map(|info| Amount {
                bytes: i64::try_from(info.total_bytes_allocated).unwrap_or(i64::MAX),
                allocations: i64::try_from(info.counts.allocations).unwrap_or(i64::MAX),
            });
            Delta { before, after }
        });
        let peak_rss = infos[0].peak_rss.zip(infos[1].peak_rss);
        Ok(Self {
            peak: tree.total(ROOT),
            causes: causes(comparison, &tree),
            leaked: Delta { before: leaked[0].total, after: leaked[1].total },
            total,
            duration_ms: (infos[0].duration_ms, infos[1].duration_ms),
            peak_rss_bytes: peak_rss.map(|(before, after)| (before.0, after.0)),
        })
    }
}

const ROOT: TreeNodeId = TreeNodeId(0);

/// Where a way down the tree led.
struct Way {
    named: TreeNodeId,
    is_own_code: bool,
    end: TreeNodeId,
}

fn causes(comparison: &Comparison, tree: &UnionTree) -> Vec<Cause> {
    let whole = tree.total(ROOT).bytes();
    if whole == 0 {
        return Vec::new();
    }
    let cause = |node: TreeNodeId| {
        let (location, delta) = (tree.tree.node(node).location, tree.total(node));
        Cause { location, delta, change: tree.change(node) }
    };
    let Some(first) = most_changed(tree, ROOT, whole).filter(|&child| holds_half(tree, child, whole)) else {
        return branches(comparison, tree, ROOT, whole).into_iter().map(|way| cause(way.named)).collect();
    };
    let way = follow(comparison, tree, first, whole);
    if way.is_own_code {
        return vec![cause(way.named)];
    }
    // Frames above a split that are no own code say nothing.
    let branches = branches(comparison, tree, way.end, whole);
    if branches.iter().any(|branch| branch.is_own_code) {
        return branches.into_iter().map(|branch| cause(branch.named)).collect();
    }
    vec![cause(way.named)]
}

/// The branches below a node that changed most in the direction of `whole`.
fn branches(comparison: &Comparison, tree: &UnionTree, below: TreeNodeId, whole: i128) -> Vec<Way> {
    let along = |node: &TreeNodeId| tree.total(*node).bytes() * whole.signum();
    let mut children: Vec<TreeNodeId> = tree.tree.children(below).map(TreeNodeId).filter(|it| along(it) > 0).collect();
    children.sort_by_key(|it| std::cmp::Reverse(along(it)));
    children.truncate(BRANCHES);
    children.into_iter().map(|child| follow(comparison, tree, child, tree.total(child).bytes())).collect()
}

/// Follows the child that changed most while it holds half of `whole`.
fn follow(comparison: &Comparison, tree: &UnionTree, from: TreeNodeId, whole: i128) -> Way {
    let (mut end, mut own_code, mut relevant) = (from, None, None);
    loop {
        let traits = comparison.location(tree.tree.node(end).location).traits;
        if traits.is_own_code {
            own_code = Some(end);
        }
        if traits.is_interesting {
            relevant = Some(end);
        }
        match most_changed(tree, end, whole) {
            Some(child) if holds_half(tree, child, whole) => end = child,
            _ => break,
        }
    }
    Way { named: own_code.or(relevant).unwrap_or(end), is_own_code: own_code.is_some(), end }
}

fn most_changed(tree: &UnionTree, node: TreeNodeId, whole: i128) -> Option<TreeNodeId> {
    let children = tree.tree.children(node).map(TreeNodeId);
    children.max_by_key(|&child| (tree.total(child).bytes() * whole.signum(), std::cmp::Reverse(child)))
}

fn holds_half(tree: &UnionTree, node: TreeNodeId, whole: i128) -> bool {
    let part = tree.total(node).bytes() * whole.signum();
    part > 0 && part * 2 >= whole.abs()
}
