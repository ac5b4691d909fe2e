// SPDX-License-Identifier: Apache-2.0
//! Two captures compared, in words: [`Diff`] leads, which holds what `memray-view diff` prints and the compare window says.
//! A is before, B is after, everywhere.

mod caveats;
mod csv;
mod json;
mod markdown;
mod text;
mod verdict;

pub use caveats::{caveat_sentence, caveat_words};
pub use csv::write_stacks_csv;
pub use text::glyph;
pub use verdict::{verdict_facts, verdict_segments, verdict_sentence};

use crate::caption::mode_words;
use crate::labels::{self, NO_STACK};
use crate::size::Units;
use memray_compare::{Caveat, Comparison, Delta, DeltaKey, DeltaRow, UnionTree, Verdict, Width, caveats};
use memray_index::{Answer, Filter, GroupBy, LocationId, Mode, Question, Refusal, TreeNodeId, TreeOptions};
use std::cmp::Reverse;

/// What two captures differ in.
pub struct Diff<'a> {
    comparison: &'a Comparison,
    /// What each file is called by the user.
    names: [&'a str; 2],
    units: Units,
    verdict: Verdict,
    caveats: Vec<Caveat>,
    modes: [Mode; 2],
    total: Delta,
    by: GroupBy,
    rows: Vec<DeltaRow>,
    stacks: Vec<ChangedStack>,
}

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct DiffQuestion {
    /// Of each side.
    pub modes: [Mode; 2],
    /// Of both; hides what it hides in both.
    pub filter: Filter,
    /// What the table is of.
    pub by: GroupBy,
}

/// A stack that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ChangedStack {
    /// The outermost first.
    frames: Vec<LocationId>,
    delta: Delta,
}

/// So many stacks are shown.
const STACKS: usize = 5;

impl<'a> Diff<'a> {
    /// Asks both captures.
    ///
    /// # Errors
    /// If one of them cannot answer.
    pub fn of(
        comparison: &'a Comparison,
        names: [&'a str; 2],
        question: &DiffQuestion,
        units: Units,
    ) -> Result<Self, Refusal> {
        let ask = |mode| Question { mode, filter: question.filter.clone(), split_threads: false };
        let answers: [Answer; 2] =
            [comparison.before().ask(&ask(question.modes[0]))?, comparison.after().ask(&ask(question.modes[1]))?];
        let tree = comparison.tree(&answers, TreeOptions::default(), Width::Larger);
        // How a module came to be imported says little of what it allocates.
        let shown = |answer: &Answer| {
            let filter = Filter { hide_irrelevant: true, hide_import_system: true, ..answer.question.filter.clone() };
            Answer { question: Question { filter, ..answer.question.clone() }, ..answer.clone() }
        };
        let shown = comparison.tree(&answers.each_ref().map(shown), TreeOptions::default(), Width::Larger);
        Ok(Self {
            comparison,
            names,
            units,
            verdict: comparison.verdict()?,
            caveats: caveats(comparison.before(), comparison.after()),
            modes: question.modes,
            total: tree.total(TreeNodeId(0)),
            by: question.by,
            rows: comparison.table(&answers, question.by),
            stacks: changed_stacks(&shown),
        })
    }

    /// The sentence that is said first.
    fn sentence(&self) -> String {
        verdict_sentence(&self.verdict, self.comparison, self.units)
    }

    /// What is compared, in words: the same of both, or each.
    fn subject(&self) -> String {
        subject(self.comparison, &self.modes)
    }

    /// What a table's rows are, for its caption.
    fn rows_are(&self) -> &'static str {
        match self.by {
            GroupBy::Location => "by location",
            GroupBy::Function => "by function",
            GroupBy::File => "by file",
            GroupBy::Module => "by module",
            GroupBy::OwnCodeLine => "by line of the program\u{2019}s own code",
            GroupBy::Thread => "by thread",
            GroupBy::Allocator => "by allocator",
            GroupBy::NativeLibrary => "by native library",
        }
    }

    fn row_name(&self, key: &DeltaKey) -> String {
        let name = |name| labels::name(self.comparison, name);
        match key {
            DeltaKey::Location(location) => labels::label(self.comparison, *location),
            DeltaKey::Function(function, file) => {
                let file = crate::escape::visible_bytes(crate::escape::file_name(self.comparison.bytes(*file)));
                if file.is_empty() { name(*function) } else { format!("{} ({file})", name(*function)) }
            }
            DeltaKey::File(file) | DeltaKey::Module(file) => name(*file),
            DeltaKey::Name(bytes) => crate::escape::visible_bytes(bytes),
            DeltaKey::Allocator(allocator) => allocator.name().to_owned(),
            DeltaKey::None if self.by == GroupBy::OwnCodeLine => "outside the program\u{2019}s own code".to_owned(),
            DeltaKey::None if self.by == GroupBy::NativeLibrary => "no native library".to_owned(),
            DeltaKey::None => NO_STACK.to_owned(),
        }
    }
}

/// Which memory of both is compared, in words: the same of both, or each.
pub fn subject(comparison: &Comparison, modes: &[Mode; 2]) -> String {
    let words = |mode, side: &memray_index::Index| mode_words(mode, side.info(), side.timeline());
    let (before, after) = (words(&modes[0], comparison.before()), words(&modes[1], comparison.after()));
    match (modes, before == after) {
        ([Mode::Peak, Mode::Peak], _) => "Live at each peak".to_owned(),
        (_, true) => before,
        (_, false) => format!("A: {before}; B: {after}"),
    }
}

/// The stacks that changed most, whichever way.
fn changed_stacks(tree: &UnionTree) -> Vec<ChangedStack> {
    let change = |node: u32| tree.own(TreeNodeId(node)).bytes().abs();
    let mut nodes: Vec<u32> = (0..tree.tree.nodes.len() as u32).filter(|&node| change(node) != 0).collect();
    nodes.sort_unstable_by_key(|&node| (Reverse(change(node)), node));
    nodes.truncate(STACKS);
    let stack = |node| {
        let path = tree.tree.path(TreeNodeId(node));
        let frames = path.into_iter().map(|node| tree.tree.node(node).location);
        let frames = frames.filter(|&location| location != LocationId::NONE).collect();
        ChangedStack { frames, delta: tree.own(TreeNodeId(node)) }
    };
    nodes.into_iter().map(stack).collect()
}
