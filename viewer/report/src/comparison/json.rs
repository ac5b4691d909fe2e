// SPDX-License-Identifier: Apache-2.0
//! A [`Diff`] as JSON: all of its rows, and every number exactly.

use super::{Diff, caveat_sentence, verdict_facts};
use crate::json;
use crate::metadata::{CaptureFacts, mode_name};
use memray_compare::{Change, Delta};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Document {
    generator: &'static str,
    verdict: String,
    facts: Vec<String>,
    caveats: Vec<String>,
    before: CaptureFacts,
    after: CaptureFacts,
    root_rules: Vec<RootRuleFacts>,
    modes: [&'static str; 2],
    peak: DeltaFacts,
    leaked: DeltaFacts,
    total_allocated: Option<DeltaFacts>,
    total: DeltaFacts,
    rows_are: &'static str,
    rows: Vec<RowFacts>,
    stacks: Vec<StackFacts>,
}

#[derive(Serialize)]
struct RootRuleFacts {
    before: String,
    after: String,
    locations: usize,
}

#[derive(Serialize)]
struct DeltaFacts {
    before_bytes: i64,
    after_bytes: i64,
    delta_bytes: i128,
    before_allocations: i64,
    after_allocations: i64,
    delta_allocations: i128,
}

#[derive(Serialize)]
struct RowFacts {
    name: String,
    change: &'static str,
    inclusive: DeltaFacts,
    own: DeltaFacts,
}

#[derive(Serialize)]
struct StackFacts {
    frames: Vec<String>,
    own: DeltaFacts,
}

impl DeltaFacts {
    fn of(delta: Delta) -> Self {
        Self {
            before_bytes: delta.before.bytes,
            after_bytes: delta.after.bytes,
            delta_bytes: delta.bytes(),
            before_allocations: delta.before.allocations,
            after_allocations: delta.after.allocations,
            delta_allocations: delta.allocations(),
        }
    }
}

impl Diff<'_> {
    /// Writes it as one JSON object, with a newline at its end.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let rules = self.comparison.root_rules().iter().map(|(rule, locations)| RootRuleFacts {
            before: String::from_utf8_lossy(&rule.before).into_owned(),
            after: String::from_utf8_lossy(&rule.after).into_owned(),
            locations: *locations,
        });
        let rows = self.rows.iter().map(|row| RowFacts {
            name: self.row_name(&row.key),
            change: change_name(row.change(self.total)),
            inclusive: DeltaFacts::of(row.inclusive),
            own: DeltaFacts::of(row.own),
        });
        let stacks = self.stacks.iter().map(|stack| StackFacts {
            frames: stack.frames.iter().map(|&frame| crate::labels::label(self.comparison, frame)).collect(),
            own: DeltaFacts::of(stack.delta),
        });
        let document = Document {
            generator: concat!("memray-view ", env!("CARGO_PKG_VERSION")),
            verdict: self.sentence(),
            facts: verdict_facts(&self.verdict, &self.caveats, self.units),
            caveats: self.caveats.iter().map(caveat_sentence).collect(),
            before: CaptureFacts::of(self.comparison.before()),
            after: CaptureFacts::of(self.comparison.after()),
            root_rules: rules.collect(),
            modes: [mode_name(&self.modes[0]), mode_name(&self.modes[1])],
            peak: DeltaFacts::of(self.verdict.peak),
            leaked: DeltaFacts::of(self.verdict.leaked),
            total_allocated: self.verdict.total.map(DeltaFacts::of),
            total: DeltaFacts::of(self.total),
            rows_are: self.rows_are(),
            rows: rows.collect(),
            stacks: stacks.collect(),
        };
        json::write_pretty(&document, out)?;
        out.write_all(b"\n")
    }
}

fn change_name(change: Change) -> &'static str {
    match change {
        Change::Neutral => "neutral",
        Change::More => "more",
        Change::Less => "less",
        Change::New => "new",
        Change::Vanished => "vanished",
    }
}
