// SPDX-License-Identifier: Apache-2.0
//! The stacks of two captures as CSV: what each contributed before and after.

use crate::{escape, export};
use memray_compare::{Change, Comparison, UnionTree};
use memray_index::{LocationId, TreeNodeId};
use std::io::{self, Write};

/// Writes each stack to which a tree of both charges something, or only those that vanished (RFC 4180): bytes and allocations
/// before and after, then its frames from the root with `;` between them.
///
/// # Errors
/// Those of the writer.
pub fn write_stacks_csv(
    comparison: &Comparison,
    tree: &UnionTree,
    only_vanished: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "before_bytes,after_bytes,change_bytes,before_allocations,after_allocations,stack\r\n")?;
    for node in (0..tree.tree.nodes.len() as u32).map(TreeNodeId) {
        let own = tree.own(node);
        if own.is_nothing() || (only_vanished && tree.change(node) != Change::Vanished) {
            continue;
        }
        let mut frames = innermost_first(tree, node);
        if tree.tree.is_inverted {
            frames.reverse();
        }
        let mut stack = Vec::new();
        export::write_frames(&frames, comparison, &mut stack)?;
        let (before, after) = (own.before, own.after);
        write!(
            out,
            "{},{},{},{},{},{}\r\n",
            before.bytes,
            after.bytes,
            own.bytes(),
            before.allocations,
            after.allocations,
            escape::csv_cell(&String::from_utf8_lossy(&stack))
        )?;
    }
    Ok(())
}

/// A node's frames, itself first.
fn innermost_first(tree: &UnionTree, mut node: TreeNodeId) -> Vec<LocationId> {
    let mut frames = Vec::new();
    while node.0 != 0 {
        let row = tree.tree.node(node);
        if row.location != LocationId::NONE {
            frames.push(row.location);
        }
        node = row.parent;
    }
    frames
}
