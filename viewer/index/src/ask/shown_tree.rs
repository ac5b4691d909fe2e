// SPDX-License-Identifier: Apache-2.0
//! The call tree as a filter shows it: frames that it hides are left out, and what was called by them is called by the
//! frame above them. Stacks that only differed in hidden frames become one.

use crate::call_tree::CallTree;
use crate::filter::{Filter, NamedFunction};
use crate::ids::{LocationId, NodeId, StringId};
use crate::location::{FrameKind, Location};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Which frames are hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Hiding {
    pub(crate) import_system: bool,
    pub(crate) irrelevant: bool,
    pub(crate) native: bool,
    /// All that is not the program's own code.
    pub(crate) libraries: bool,
    /// Functions of these names, in order, each once.
    functions: Vec<StringId>,
    /// All frames above the outermost one of this function.
    above: Option<NamedFunction>,
}

impl Hiding {
    /// What a filter hides.
    pub(crate) fn of(filter: &Filter, folds_libraries: bool) -> Self {
        let mut functions = filter.hidden_functions.clone();
        functions.sort_unstable();
        functions.dedup();
        Self {
            import_system: filter.hide_import_system,
            irrelevant: filter.hide_irrelevant,
            native: filter.hide_native,
            libraries: folds_libraries,
            functions,
            above: filter.starts_at,
        }
    }

    fn hides(&self, location: &Location, is_below_import: bool) -> bool {
        let traits = &location.traits;
        (self.import_system && is_below_import)
            || (self.irrelevant && !traits.is_interesting)
            || (self.native && location.kind != FrameKind::Python)
            || (self.libraries && !traits.is_own_code)
            || self.functions.binary_search(&location.function).is_ok()
    }
}

/// A call tree with frames left out.
pub(crate) struct ShownTree {
    /// The call tree that is shown.
    pub(crate) tree: CallTree,
    /// For each node of the whole call tree, its innermost shown node; `None` where all is shown.
    shown: Option<Vec<NodeId>>,
}

impl ShownTree {
    /// The tree that shows all but what is hidden.
    pub(crate) fn new(whole: &CallTree, locations: &[Location], hiding: &Hiding) -> Arc<Self> {
        if *hiding == Hiding::default() {
            return Arc::new(Self { tree: whole.clone(), shown: None });
        }
        let mut tree = CallTree::default();
        let mut children: FxHashMap<(NodeId, LocationId), NodeId> = FxHashMap::default();
        let mut shown = vec![NodeId::ROOT; whole.len()];
        let mut is_below_import = vec![false; whole.len()];
        // Whether what is above the start is behind.
        let mut is_shown = vec![hiding.above.is_none(); whole.len()];
        for node in (1..whole.len() as u32).map(NodeId) {
            let (parent, id) = (whole.parent(node), whole.location(node));
            let location = &locations[id.index()];
            // By memray's definition all that the import system calls belongs to it.
            is_below_import[node.index()] = is_below_import[parent.index()] || location.traits.is_import_system;
            is_shown[node.index()] =
                is_shown[parent.index()] || hiding.above.is_some_and(|function| function.is_of(location));
            let above = shown[parent.index()];
            let is_hidden = !is_shown[node.index()] || hiding.hides(location, is_below_import[node.index()]);
            shown[node.index()] =
                if is_hidden { above } else { *children.entry((above, id)).or_insert_with(|| tree.push(above, id)) };
        }
        Arc::new(Self { tree, shown: Some(shown) })
    }

    /// The innermost shown node of a stack.
    #[inline]
    pub(crate) fn shown(&self, node: NodeId) -> NodeId {
        self.shown.as_ref().map_or(node, |shown| shown[node.index()])
    }

    /// For every shown node, whether its path from the root begins with these locations.
    pub(crate) fn beginning_with(&self, path: &[LocationId]) -> Vec<bool> {
        // How many of the path's locations each node's own path matches from the start, as long as it does.
        let mut matched: Vec<Option<u32>> = vec![None; self.tree.len()];
        matched[0] = Some(0);
        let mut passes = vec![false; self.tree.len()];
        passes[0] = path.is_empty();
        for node in (1..self.tree.len() as u32).map(NodeId) {
            let parent = self.tree.parent(node).index();
            passes[node.index()] = passes[parent];
            if let Some(count) = matched[parent]
                && path.get(count as usize) == Some(&self.tree.location(node))
            {
                matched[node.index()] = Some(count + 1);
                passes[node.index()] |= count as usize + 1 == path.len();
            }
        }
        passes
    }

    /// For every shown node, whether its path to the root begins with these locations: whether the path from the root ends
    /// with them, the last first.
    pub(crate) fn ending_with(&self, path: &[LocationId]) -> Vec<bool> {
        // Knuth, Morris and Pratt's search, along every path at once: how many locations of what is looked for each path
        // ends with, at most. Where that many cannot be continued, `shorter` names the next lower number that can be, by
        // another location; so there are few steps at a node however often a pattern repeats itself.
        let looked_for: Vec<LocationId> = path.iter().rev().copied().collect();
        let mut shorter: Vec<Option<usize>> = vec![None; looked_for.len() + 1];
        let mut border: Option<usize> = None;
        let continued = |shorter: &[Option<usize>], mut count: Option<usize>, location: LocationId| {
            while let Some(matched) = count {
                if looked_for.get(matched) == Some(&location) {
                    return matched + 1;
                }
                count = shorter[matched];
            }
            0
        };
        for (i, &location) in looked_for.iter().enumerate() {
            // `border`: how many of the first `i` locations, less than all, they also end with.
            shorter[i] = match border {
                Some(border) if looked_for[border] == location => shorter[border],
                border => border,
            };
            border = Some(match border {
                Some(_) => continued(&shorter, border, location),
                None => 0,
            });
        }
        shorter[looked_for.len()] = border;
        let mut matched = vec![0usize; self.tree.len()];
        for node in (1..self.tree.len() as u32).map(NodeId) {
            let above = matched[self.tree.parent(node).index()];
            matched[node.index()] = continued(&shorter, Some(above), self.tree.location(node));
        }
        matched.into_iter().map(|matched| matched == looked_for.len()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::{FrameKind, LocationTraits};
    use proptest::prelude::*;

    #[test]
    fn what_a_hidden_function_called_is_called_by_its_caller() {
        let location = |function: u32| Location {
            function: StringId(function),
            file: StringId(0),
            line: 1,
            kind: FrameKind::Python,
            module: StringId(0),
            traits: LocationTraits { is_interesting: true, ..LocationTraits::default() },
        };
        let locations = [location(0), location(1), location(2), location(3)];
        let mut whole = CallTree::default();
        let main = whole.push(NodeId::ROOT, LocationId(1));
        let hidden = whole.push(main, LocationId(2));
        let below = whole.push(hidden, LocationId(3));
        let direct = whole.push(main, LocationId(3));
        let hiding = Hiding { functions: vec![StringId(2)], ..Hiding::default() };
        let shown = ShownTree::new(&whole, &locations, &hiding);
        assert_eq!(shown.tree.len(), 3);
        assert_eq!(shown.shown(hidden), shown.shown(main));
        assert_eq!(shown.shown(below), shown.shown(direct), "stacks that differed in the hidden frame are one");
        assert_eq!(shown.tree.frames(shown.shown(below)).collect::<Vec<_>>(), [LocationId(3), LocationId(1)]);
    }

    #[test]
    fn the_ends_of_paths_are_found_in_deep_recursions() {
        const DEPTH: usize = 100_000;
        let mut tree = CallTree::default();
        let mut at = NodeId::ROOT;
        for _ in 0..DEPTH {
            at = tree.push(at, LocationId(1));
        }
        let other = tree.push(at, LocationId(2));
        let shown = ShownTree::new(&tree, &[], &Hiding::default());
        let found = |path: &[LocationId]| shown.ending_with(path).iter().filter(|found| **found).count();
        assert_eq!(found(&[LocationId(1); DEPTH / 2]), DEPTH / 2 + 1);
        let mut all = vec![LocationId(1); DEPTH + 1];
        all[0] = LocationId(2);
        assert_eq!((found(&all), shown.ending_with(&all)[other.index()]), (1, true));
        all[DEPTH] = LocationId(2);
        assert_eq!(found(&all), 0);
    }

    proptest! {
        #[test]
        fn what_paths_end_with_is_found_as_by_definition(
            shape in prop::collection::vec((any::<prop::sample::Index>(), 1u32..3), 0..60),
            path in prop::collection::vec(1u32..3, 0..8),
        ) {
            let mut tree = CallTree::default();
            for (parent, location) in shape {
                let parent = NodeId(parent.index(tree.len()) as u32);
                tree.push(parent, LocationId(location));
            }
            let path: Vec<LocationId> = path.into_iter().map(LocationId).collect();
            let expected: Vec<bool> = (0..tree.len() as u32)
                .map(|node| {
                    let mut frames = tree.frames(NodeId(node));
                    path.iter().all(|&location| frames.next() == Some(location))
                })
                .collect();
            prop_assert_eq!(ShownTree::new(&tree, &[], &Hiding::default()).ending_with(&path), expected);
        }
    }
}
