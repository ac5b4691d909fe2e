// SPDX-License-Identifier: Apache-2.0
//! What is said first of two captures, in words: [`Said`].

use memray_compare::{Comparison, RootRule, Verdict, caveats};
use memray_report::comparison::{caveat_sentence, verdict_facts, verdict_segments};
use memray_report::headline::Segment;
use memray_report::size::Units;

/// The verdict, and what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// The sentence.
    pub(super) segments: Vec<Segment>,
    /// The facts below it.
    pub(super) facts: Vec<String>,
    /// What makes the two hard to compare, a sentence each.
    pub(super) caveats: Vec<String>,
    /// The roots that are taken for one another, with the number of locations that each matches.
    pub(super) rules: Vec<(RootRule, usize)>,
}

impl Said {
    pub(super) fn of(comparison: &Comparison, verdict: &Verdict, units: Units) -> Self {
        let caveats = caveats(comparison.before(), comparison.after());
        Self {
            segments: verdict_segments(verdict, comparison, units),
            facts: verdict_facts(verdict, &caveats, units),
            caveats: caveats.iter().map(caveat_sentence).collect(),
            rules: comparison.root_rules().to_vec(),
        }
    }
}
