// SPDX-License-Identifier: Apache-2.0
//! How long a comparison takes, once both captures are indexed: `cargo bench --bench compare -- BEFORE AFTER`.
//!
//! Takes the time from both files to the first comparison (verdict and icicle of both), and of each change of mode or range
//! from then on, in each of the three views: both answers, and what the view draws of them. Prints JSON.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use memray_compare::{Comparison, Matching, Width};
use memray_index::{GroupBy, Index, Mode, Moment, OpenOptions, Progress, Question, TimeRange, TreeOptions};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Ranges asked about, each a longer part of the run; each with four questions.
const RANGES: u32 = 16;

fn main() -> Result<(), Box<dyn Error>> {
    // As the window does.
    memray_ui::keep_freed_memory();
    // Cargo adds `--bench`.
    let mut paths = std::env::args_os().skip(1).filter(|argument| argument != "--bench").map(PathBuf::from);
    let (Some(before), Some(after)) = (paths.next(), paths.next()) else {
        return Err("usage: compare BEFORE AFTER".into());
    };
    // So that both are indexed.
    let records = records(&before)? + records(&after)?;

    let begun = Instant::now();
    let open = |path: &Path| Index::open(path, &OpenOptions::default(), &Progress::default());
    // Both at once, as the window opens them.
    let (before, after) = std::thread::scope(|scope| {
        let before = scope.spawn(|| open(&before));
        let after = open(&after);
        (before.join(), after)
    });
    let before = before.map_err(|_| "opening ended unexpectedly")?;
    let comparison = Comparison::new(before?, after?, Matching::default());
    comparison.verdict()?;
    let nodes = View::Union.show(&comparison, Mode::Peak)?;
    let first_ms = begun.elapsed().as_secs_f64() * 1e3;

    let mut took_ms = Vec::new();
    let mut slowest = String::new();
    for mode in modes(&comparison)? {
        for view in [View::Union, View::SideBySide, View::Table] {
            let begun = Instant::now();
            let shown = view.show(&comparison, mode)?;
            let ms = begun.elapsed().as_secs_f64() * 1e3;
            if took_ms.iter().all(|other| ms > *other) {
                slowest = format!("{view:?}, {mode:?}: {shown} nodes or rows");
            }
            took_ms.push(ms);
        }
    }
    took_ms.sort_by(f64::total_cmp);
    println!(
        "{}",
        serde_json::json!({
            "records": records, "nodes": nodes, "first_ms": first_ms, "changes": took_ms.len(),
            "median_ms": took_ms[took_ms.len() / 2], "slowest_ms": took_ms[took_ms.len() - 1], "slowest": slowest,
        })
    );
    Ok(())
}

fn records(path: &Path) -> Result<u64, Box<dyn Error>> {
    let index = Index::open(path, &OpenOptions::default(), &Progress::default())?;
    Ok(index.info().counts.records)
}

/// A view of the window.
#[derive(Clone, Copy, Debug)]
enum View {
    Union,
    SideBySide,
    Table,
}

impl View {
    /// Does what a change of mode asks for; how many nodes or rows came of it.
    fn show(self, comparison: &Comparison, mode: Mode) -> Result<usize, Box<dyn Error>> {
        let answers = comparison.ask(&Question { mode, ..Question::default() })?;
        let nodes = |width| comparison.tree(&answers, TreeOptions::default(), width).tree.nodes.len();
        Ok(match self {
            Self::Union => nodes(Width::Larger),
            Self::SideBySide => {
                let sides = comparison.trees(&answers, TreeOptions::default(), [Width::Before, Width::After]);
                sides[0].tree.nodes.len()
            }
            Self::Table => comparison.table(&answers, GroupBy::OwnCodeLine).len(),
        })
    }
}

/// Both captures' modes, and ranges of the first that the second has, too.
fn modes(comparison: &Comparison) -> Result<Vec<Mode>, Box<dyn Error>> {
    let snapshots = |index: &Index| u32::try_from(index.timeline().snapshots.len());
    let shorter = snapshots(comparison.before())?.min(snapshots(comparison.after())?);
    let mut modes = vec![Mode::Leaked, Mode::LiveAt(Moment::Snapshot(shorter / 2))];
    for part in 0..RANGES {
        let (from, to) = (shorter / 2 * part / RANGES, shorter.saturating_sub(1) / RANGES * (part + 1));
        let range = TimeRange { from: Moment::Snapshot(from.min(to)), to: Moment::Snapshot(to) };
        modes.extend([
            Mode::RangeLive(range),
            Mode::RangePeak(range),
            Mode::RangeGrowth(range),
            Mode::RangeChurn(range),
        ]);
    }
    Ok(modes)
}
