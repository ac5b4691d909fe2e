// SPDX-License-Identifier: Apache-2.0
//! Trees of several captures as one, for the processes of a program: [`Together`]. Lines of code are the same in two captures
//! whose functions and files have the same names, so what processes share is one, or stands side by side.

use crate::answer::Amount;
use crate::ask::tree_layout::{LooseNode, add, lay_out};
use crate::ids::{LocationId, StringId, ThreadIndex};
use crate::index::Index;
use crate::location::{Location, LocationIdentity};
use crate::names::Names;
use crate::tree::{Tree, TreeNode};
use rustc_hash::FxHashMap;

/// The locations of several captures under common numbers.
pub struct Together {
    names: Names,
    locations: Vec<Location>,
    /// Of each capture, by its own locations.
    common: Vec<Vec<LocationId>>,
}

impl Together {
    /// Of some captures.
    pub fn new<'a>(indexes: impl IntoIterator<Item = &'a Index>) -> Self {
        let mut together = Self { names: Names::default(), locations: vec![Location::NONE], common: Vec::new() };
        let mut numbers: FxHashMap<LocationIdentity, LocationId> = FxHashMap::default();
        for index in indexes {
            let common = together.add(index, &mut numbers);
            together.common.push(common);
        }
        together
    }

    fn add(&mut self, index: &Index, numbers: &mut FxHashMap<LocationIdentity, LocationId>) -> Vec<LocationId> {
        let mut common = vec![LocationId::NONE];
        for id in (1..index.location_count() as u32).map(LocationId) {
            let known = index.location(id);
            let function = self.names.intern(index.bytes(known.function));
            let file = self.names.intern(index.bytes(known.file));
            let location = Location { function, file, ..*known };
            let next = LocationId(self.locations.len() as u32);
            let number = *numbers.entry(location.identity()).or_insert(next);
            if number == next {
                let module = self.names.intern(index.bytes(location.module));
                self.locations.push(Location { module, ..location });
            }
            common.push(number);
        }
        common
    }

    /// A location of a tree made here.
    pub fn location(&self, location: LocationId) -> &Location {
        self.locations.get(location.index()).unwrap_or(&self.locations[0])
    }

    /// A name of one of them.
    pub fn bytes(&self, name: StringId) -> &[u8] {
        self.names.get(name)
    }

    /// One tree of a tree of each capture, in the order of the captures, threads merged in each; of a capture without an answer
    /// that tree is empty. If `is_split`, each capture's is a tower of its own, and its place in the order stands for its
    /// thread.
    pub fn tree(&self, trees: &[Tree], is_split: bool) -> Tree {
        let mut loose = vec![LooseNode::EMPTY];
        let mut children: FxHashMap<(u32, LocationId), u32> = FxHashMap::default();
        for (capture, (tree, common)) in trees.iter().zip(&self.common).enumerate() {
            let Some((root, nodes)) = tree.nodes.split_first() else { continue };
            let thread = is_split.then_some(ThreadIndex(capture as u32));
            count(&mut loose[0], root);
            let mut top = 0;
            if is_split {
                loose[0].own = Amount::default();
                top = loose.len() as u32;
                loose.push(LooseNode { thread, ..LooseNode::EMPTY });
                count(&mut loose[top as usize], root);
            }
            // Where each node of the capture's own tree went.
            let mut went = vec![top];
            for node in nodes {
                let parent = went[node.parent.0 as usize];
                let location = common.get(node.location.index()).copied().unwrap_or(LocationId::NONE);
                let next = loose.len() as u32;
                let row = if is_split { next } else { *children.entry((parent, location)).or_insert(next) };
                if row == next {
                    loose.push(LooseNode { location, thread, parent, ..LooseNode::EMPTY });
                }
                count(&mut loose[row as usize], node);
                went.push(row);
            }
        }
        lay_out(&loose, trees.iter().any(|tree| tree.is_inverted))
    }
}

fn count(counted: &mut LooseNode, node: &TreeNode) {
    add(&mut counted.amount, node.amount);
    add(&mut counted.own, node.own);
    counted.weight = counted.weight.saturating_add(node.weight);
}
