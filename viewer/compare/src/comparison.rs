// SPDX-License-Identifier: Apache-2.0
//! [`Comparison`]: two indexes, and what is asked of both.

use crate::joint::Joint;
use crate::roots::RootRule;
use crate::table::{self, DeltaKey, DeltaRow};
use crate::union_tree::{SideNodes, SideTree, UnionTree, Width, unite};
use crate::verdict::Verdict;
use memray_index::{Answer, GroupBy, Index, Location, LocationId, Question, Refusal, StringId, TreeOptions};
use std::borrow::Cow;
use std::sync::Arc;

/// A side of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Side {
    /// The first capture: A.
    #[default]
    Before,
    /// The second: B.
    After,
}

impl Side {
    /// The one beside it.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Before => Self::After,
            Self::After => Self::Before,
        }
    }
}

/// When frames of two captures are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// If they are of the same line, and not only of the same function: then code that moved is new.
    pub by_line: bool,
    /// What lies below different roots and is the same; `None` for the rules that are proposed.
    pub roots: Option<Vec<RootRule>>,
    /// Whose paths the rules translate into the other's. It goes with its capture when sides are swapped, as rules may find
    /// files in one direction that they would not in the other: where the other has files below both roots.
    pub translated: Side,
}

impl Matching {
    /// For captures that changed sides; `holding` are the rules that hold now, if they are known: of captures that changed
    /// sides, others might be proposed.
    #[must_use]
    pub fn swapped(&self, holding: Option<&[(RootRule, usize)]>) -> Self {
        let holding = holding.map(|rules| rules.iter().map(|(rule, _)| rule.clone()).collect());
        let Some(rules) = self.roots.clone().or(holding) else { return self.clone() };
        Self {
            roots: Some(rules.iter().map(RootRule::swapped).collect()),
            translated: self.translated.other(),
            by_line: self.by_line,
        }
    }
}

/// Two captures, side by side.
pub struct Comparison {
    before: Index,
    after: Index,
    joint: Joint,
    matching: Matching,
}

impl Comparison {
    /// Of two opened indexes.
    pub fn new(before: Index, after: Index, matching: Matching) -> Self {
        let joint = Joint::new(&before, &after, &matching);
        Self { before, after, joint, matching }
    }

    /// The first capture.
    pub fn before(&self) -> &Index {
        &self.before
    }

    /// The second.
    pub fn after(&self) -> &Index {
        &self.after
    }

    /// When frames are the same.
    pub fn matching(&self) -> &Matching {
        &self.matching
    }

    /// The rules for roots that hold, with the number of locations that each matches.
    pub fn root_rules(&self) -> &[(RootRule, usize)] {
        &self.joint.rules.holding
    }

    /// With the sides changed.
    #[must_use]
    pub fn swapped(&self) -> Self {
        Self::new(self.after.clone(), self.before.clone(), self.matching.swapped(Some(self.root_rules())))
    }

    /// A location of a tree or table made here; its names are the second capture's, if it has it.
    pub fn location(&self, location: LocationId) -> Location {
        self.joint.location(location)
    }

    /// The same with the names that one side has for it, if it has it.
    pub fn location_of(&self, side: Side, location: LocationId) -> Location {
        self.joint.location_of(side, location)
    }

    /// The location that stands for all that frames are the same with: of all lines of a function one, where lines do not
    /// count. Which of them a tree shows depends on what was asked.
    pub fn representative(&self, location: LocationId) -> LocationId {
        self.joint.match_id(location).representative()
    }

    /// The names of a location's file and module as tables show them: the file's is the second capture's, if it has it, the
    /// module's that by which it is matched.
    pub fn shown_file(&self, location: LocationId) -> (StringId, StringId) {
        self.joint.shown_file(location)
    }

    /// Whether a frame is of what a table's row stands for.
    pub fn is_of_row(&self, key: &DeltaKey, location: LocationId) -> bool {
        table::is_of_row(&self.joint, key, location)
    }

    /// A name of one of them.
    pub fn bytes(&self, name: StringId) -> &[u8] {
        self.joint.bytes(name)
    }

    /// Asks both the same, at once; threads are merged.
    ///
    /// # Errors
    /// If one of them cannot answer.
    pub fn ask(&self, question: &Question) -> Result<[Answer; 2], Refusal> {
        let question = Question { split_threads: false, ..question.clone() };
        let (before, after) = rayon::join(|| self.before.ask(&question), || self.after.ask(&question));
        Ok([before?, after?])
    }

    /// One tree of both answers, in which threads are merged.
    pub fn tree(&self, answers: &[Answer; 2], options: TreeOptions, width: Width) -> UnionTree {
        let [tree] = self.trees(answers, options, [width]);
        tree
    }

    /// As [`Self::tree`], of several widths, for what takes one: they have most of the work in common.
    pub fn trees<const N: usize>(
        &self,
        answers: &[Answer; 2],
        options: TreeOptions,
        widths: [Width; N],
    ) -> [UnionTree; N] {
        let answers = self.alike(answers);
        let answers = &*answers;
        let nodes = |index: &Index, answer| match options.is_inverted {
            true => SideNodes::Inverted(index.tree(answer, options)),
            false => SideNodes::CallersFirst(index.loose_tree(answer, options.folds_libraries)),
        };
        let (before, after) = rayon::join(|| nodes(&self.before, &answers[0]), || nodes(&self.after, &answers[1]));
        let sides = [
            SideTree { nodes: &before, to_joint: &|location| self.joint.of_before(location), side: Side::Before },
            SideTree { nodes: &after, to_joint: &|location| self.joint.of_after(location), side: Side::After },
        ];
        let common = unite(&self.joint, sides);
        widths.map(|width| common.laid_out(width))
    }

    /// The answers as far as both captures can give them: where native stacks were recorded in one only, its trees show no
    /// native frames, as none of its stacks would be one of the other's.
    fn alike<'a>(&self, answers: &'a [Answer; 2]) -> Cow<'a, [Answer; 2]> {
        let [before, after] = [&self.before, &self.after].map(|index| index.info().header.has_native_traces);
        if before == after {
            return Cow::Borrowed(answers);
        }
        let mut alike = answers.clone();
        alike[usize::from(after)].question.filter.hide_native = true;
        Cow::Owned(alike)
    }

    /// One table of both answers, the largest change first.
    pub fn table(&self, answers: &[Answer; 2], by: GroupBy) -> Vec<DeltaRow> {
        self.table_with(answers, by, || Arc::new(self.tree(answers, TreeOptions::default(), Width::Larger)))
    }

    /// As [`Self::table`], where their tree is there already: with callers first, nothing folded, and named by the second
    /// capture ([`Width::named_by`]).
    pub fn table_of(&self, answers: &[Answer; 2], tree: &Arc<UnionTree>, by: GroupBy) -> Vec<DeltaRow> {
        self.table_with(answers, by, || Arc::clone(tree))
    }

    fn table_with(&self, answers: &[Answer; 2], by: GroupBy, tree: impl FnOnce() -> Arc<UnionTree>) -> Vec<DeltaRow> {
        match by {
            GroupBy::Thread | GroupBy::Allocator | GroupBy::NativeLibrary => {
                table::by_name([(&self.before, &answers[0]), (&self.after, &answers[1])], by)
            }
            _ => table::by_frame(&self.joint, &tree(), by),
        }
    }

    /// What is said first.
    ///
    /// # Errors
    /// If one of them cannot say.
    pub fn verdict(&self) -> Result<Verdict, Refusal> {
        Verdict::of(self)
    }
}
