// SPDX-License-Identifier: Apache-2.0
//! Hand-made trees and labels, for the tests.

use crate::labels::{Labels, LocationLabel};
use memray_index::{Amount, FrameKind, LocationId, LocationTraits, StringId, ThreadIndex, Tree, TreeNode, TreeNodeId};
use std::borrow::Cow;
use std::collections::VecDeque;

/// A frame to be: its location's number, all of its bytes (may be negative), and what lies below it.
#[derive(Clone)]
pub(crate) struct Branch {
    location: u32,
    bytes: i64,
    children: Vec<Branch>,
}

impl Branch {
    pub(crate) fn new(location: u32, bytes: i64) -> Self {
        Self { location, bytes, children: Vec::new() }
    }

    pub(crate) fn over(mut self, children: impl IntoIterator<Item = Branch>) -> Self {
        self.children = children.into_iter().collect();
        self
    }

    fn weight(&self) -> u64 {
        let below: u64 = self.children.iter().map(Self::weight).sum();
        below.max(self.bytes.unsigned_abs())
    }
}

/// The tree below a root; the root's own location is ignored. One allocation a KiB, and one at least.
pub(crate) fn tree(root: &Branch) -> Tree {
    let mut nodes = vec![node(LocationId::NONE, TreeNodeId(0), 0, root, 0)];
    let mut queue = VecDeque::from([(0_usize, root.clone())]);
    while let Some((at, branch)) = queue.pop_front() {
        let mut children = branch.children;
        children.sort_by_key(|child| std::cmp::Reverse(child.weight()));
        nodes[at].first_child = nodes.len() as u32;
        nodes[at].child_count = children.len() as u32;
        let mut before = 0;
        for child in children {
            let depth = nodes[at].depth + 1;
            nodes.push(node(LocationId(child.location), TreeNodeId(at as u32), depth, &child, before));
            before += child.weight();
            queue.push_back((nodes.len() - 1, child));
        }
    }
    Tree { nodes, is_inverted: false }
}

fn node(location: LocationId, parent: TreeNodeId, depth: u32, branch: &Branch, weight_before: u64) -> TreeNode {
    let amount = |bytes: i64| Amount { bytes, allocations: bytes / 1024 + bytes.signum() };
    let own = branch.bytes - branch.children.iter().map(|c| c.bytes).sum::<i64>();
    TreeNode {
        location,
        thread: None,
        parent,
        first_child: 0,
        child_count: 0,
        depth,
        amount: amount(branch.bytes),
        own: amount(own),
        weight: branch.weight(),
        weight_before,
    }
}

/// A single stack of `depth` frames below the root, all of `bytes` in its innermost one.
pub(crate) fn tower(depth: u32, bytes: i64) -> Tree {
    let mut nodes = Vec::with_capacity(depth as usize + 1);
    for level in 0..=depth {
        let location = LocationId(if level == 0 { 0 } else { 1 + level % 7 });
        let mut frame = node(location, TreeNodeId(level.saturating_sub(1)), level, &Branch::new(0, bytes), 0);
        frame.first_child = level + 1;
        frame.child_count = u32::from(level < depth);
        frame.own = if level == depth { frame.amount } else { Amount::default() };
        nodes.push(frame);
    }
    Tree { nodes, is_inverted: false }
}

/// Labels by number: location 7 is `function_7` in `/srv/app/file_7.py:7`, of module `file_7`. Even ones are own code,
/// odd ones lie in a library.
pub(crate) struct Numbered;

impl Labels for Numbered {
    fn location(&self, location: LocationId) -> LocationLabel<'_> {
        let number = location.0;
        let is_own_code = number.is_multiple_of(2);
        let folder = if is_own_code { "/srv/app" } else { "/usr/lib/python3/dist-packages/lib" };
        LocationLabel {
            function: format!("function_{number}").into(),
            file: format!("{folder}/file_{number}.py").into(),
            line: number,
            kind: FrameKind::Python,
            module: format!("file_{number}").into(),
            traits: LocationTraits { is_own_code, ..LocationTraits::default() },
        }
    }

    fn string(&self, string: StringId) -> Cow<'_, str> {
        format!("string_{}", string.0).into()
    }

    fn thread(&self, thread: ThreadIndex) -> String {
        format!("thread {}", thread.0)
    }
}
