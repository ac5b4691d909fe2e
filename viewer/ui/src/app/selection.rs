// SPDX-License-Identifier: Apache-2.0
//! What is selected: [`Selection`], a frame or a table's row. It outlives the tree and the table in which it was
//! selected, and is found again in the next ones.

use crate::row_name::RowName;
use memray_index::{
    Answer, FrameKind, GroupBy, Index, LocationId, RowKey, StringId, ThreadIndex, Translation, Tree, TreeNode,
    TreeNodeId, TreeOptions,
};
use memray_report::escape;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// One step from a tree's root to a frame.
type Step = (LocationId, Option<ThreadIndex>);

/// What is selected.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// A frame, by its path from below the root in a tree with these options.
    Frame(Arc<[Step]>, TreeOptions),
    /// What a row stands for in a table of this grouping.
    Row(RowKey, GroupBy),
}

impl Selection {
    /// The selection of a node; none for the root.
    pub fn of_node(tree: &Tree, node: TreeNodeId, options: TreeOptions) -> Option<Self> {
        let path: Arc<[Step]> =
            tree.path(node).into_iter().skip(1).map(|id| (tree.node(id).location, tree.node(id).thread)).collect();
        (!path.is_empty()).then_some(Self::Frame(path, options))
    }

    /// The same of another index; `None` where that does not have it.
    pub fn translated(&self, translation: &Translation<'_>) -> Option<Self> {
        let step = |(location, thread): &Step| {
            let thread = match thread {
                Some(thread) => Some(translation.thread(*thread)?),
                None => None,
            };
            Some((translation.location(*location)?, thread))
        };
        match self {
            Self::Frame(path, options) => Some(Self::Frame(path.iter().map(step).collect::<Option<_>>()?, *options)),
            Self::Row(key, group_by) => Some(Self::Row(translation.row_key(*key)?, *group_by)),
        }
    }

    /// The row that stands for it, and the grouping of the tables that have such rows.
    pub fn row(&self) -> Option<(RowKey, GroupBy)> {
        match self {
            Self::Frame(path, _) => path.last().map(|(location, thread)| match (*location, *thread) {
                (LocationId::NONE, Some(thread)) => (RowKey::Thread(thread), GroupBy::Thread),
                (LocationId::NONE, None) => (RowKey::None, GroupBy::Location),
                (location, _) => (RowKey::Location(location), GroupBy::Location),
            }),
            Self::Row(key, group_by) => Some((*key, *group_by)),
        }
    }

    /// The row that stands for it in a table of this grouping.
    pub fn key_in(&self, index: &Index, group_by: GroupBy) -> Option<RowKey> {
        match self.row()? {
            (key, own_grouping) if own_grouping == group_by => Some(key),
            (key @ RowKey::Location(_), _) if group_by == GroupBy::OwnCodeLine => Some(key),
            (RowKey::Location(id), _) => RowKey::of_location(group_by, id, index.location(id)),
            _ => None,
        }
    }

    /// What it is called.
    pub fn name(&self, index: &Index) -> String {
        let (key, group_by) = self.row().unwrap_or((RowKey::None, GroupBy::Location));
        escape::shorten(&RowName::of(key, group_by, index).shown(), 60).into_owned()
    }

    /// What it is called, and where it lies.
    pub fn name_and_place(&self, index: &Index) -> String {
        let (key, group_by) = self.row().unwrap_or((RowKey::None, GroupBy::Location));
        let name = RowName::of(key, group_by, index);
        format!("{} {}", name.shown(), name.full_place()).trim_end().to_owned()
    }

    /// Where it is in an answer's tree: the frame itself, or the heaviest node that shows it.
    pub fn find(&self, index: &Index, answer: &Answer, tree: &Tree, options: TreeOptions) -> Option<TreeNodeId> {
        match self {
            Self::Frame(path, made_with) => {
                let there = if *made_with == options { descend(tree, path) } else { None };
                let (location, _) = path.last()?;
                there.or_else(|| heaviest(tree, |node| node.location == *location))
            }
            Self::Row(RowKey::Thread(thread), _) => heaviest(tree, |node| node.thread == Some(*thread)),
            Self::Row(RowKey::File(library), GroupBy::NativeLibrary) => {
                let frames = LibraryFrames::of(index, answer, *library);
                heaviest(tree, |node| frames.has(index, node.location))
            }
            Self::Row(RowKey::Location(wanted), _) => heaviest(tree, |node| node.location == *wanted),
            Self::Row(key, group_by) => {
                let key_of = |id| RowKey::of_location(*group_by, id, index.location(id));
                heaviest(tree, |node| node.location != LocationId::NONE && key_of(node.location) == Some(*key))
            }
        }
    }
}

/// The frames for which memory counts as a library's: its own, where they are the innermost of their stack that lie in
/// any library. A frame with debug information names its source file and not its library, so it is looked up by address.
struct LibraryFrames {
    library: StringId,
    functions: FxHashSet<LocationId>,
}

impl LibraryFrames {
    fn of(index: &Index, answer: &Answer, library: StringId) -> Self {
        let innermost = answer.sites.iter().filter_map(|(site, _)| index.innermost_native_frame(*site));
        let functions = innermost.filter(|frame| frame.library == Some(library)).flat_map(|frame| frame.functions);
        Self { library, functions: functions.collect() }
    }

    fn has(&self, index: &Index, id: LocationId) -> bool {
        let is_library = |id| {
            let location = index.location(id);
            location.kind == FrameKind::Library && location.file == self.library
        };
        id != LocationId::NONE && (self.functions.contains(&id) || is_library(id))
    }
}

fn heaviest(tree: &Tree, shows: impl Fn(&TreeNode) -> bool) -> Option<TreeNodeId> {
    (1..tree.nodes.len() as u32)
        .map(TreeNodeId)
        .filter(|id| shows(tree.node(*id)))
        // Of equal weights the first, which is the outermost.
        .max_by_key(|id| (tree.node(*id).weight, std::cmp::Reverse(id.0)))
}

fn descend(tree: &Tree, path: &[Step]) -> Option<TreeNodeId> {
    if tree.nodes.is_empty() {
        return None;
    }
    path.iter().try_fold(TreeNodeId(0), |at, (location, thread)| {
        tree.children(at).map(TreeNodeId).find(|child| {
            let node = tree.node(*child);
            node.location == *location && node.thread == *thread
        })
    })
}
