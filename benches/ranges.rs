// SPDX-License-Identifier: Apache-2.0
//! How long an answer about a range takes, with the tree that the icicle draws from it: `cargo bench --bench ranges -- FILE`.
//!
//! Asks the four questions about each of some ranges, from one interval to the whole run, and prints JSON. It is a
//! program of its own because what counts is the slowest of many different questions, not the mean of one.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use memray_index::{Index, Mode, Moment, OpenOptions, Progress, Question, TimeRange, TreeOptions};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

/// Ranges asked about; each with four questions.
const RANGES: u32 = 64;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let path = std::env::args_os().skip(1).find(|argument| argument != "--bench").map(PathBuf::from);
    let path = path.ok_or("usage: ranges FILE")?;
    let index = Index::open(&path, &OpenOptions::default(), &Progress::default())?;
    let snapshots = u32::try_from(index.timeline().snapshots.len())?;

    let mut took_ms = Vec::new();
    let mut slowest = String::new();
    for (from, to) in ranges(snapshots) {
        let range = TimeRange { from: Moment::Snapshot(from), to: Moment::Snapshot(to) };
        for mode in [Mode::RangeLive(range), Mode::RangePeak(range), Mode::RangeGrowth(range), Mode::RangeChurn(range)]
        {
            let start = Instant::now();
            let answer = index.ask(&Question { mode, ..Question::default() })?;
            let tree = index.tree(&answer, TreeOptions::default());
            let ms = start.elapsed().as_secs_f64() * 1e3;
            if took_ms.iter().all(|other| ms > *other) {
                slowest = format!("{mode:?}, {} nodes", tree.nodes.len());
            }
            took_ms.push(ms);
        }
    }
    took_ms.sort_by(f64::total_cmp);
    let median_ms = took_ms[took_ms.len() / 2];
    let slowest_ms = took_ms[took_ms.len() - 1];
    println!(
        "{}",
        serde_json::json!({
            "asked": took_ms.len(), "snapshots": snapshots, "median_ms": median_ms, "slowest_ms": slowest_ms, "slowest": slowest,
        })
    );
    Ok(())
}

/// Ranges of all lengths at places spread over the run, always the same ones; the whole run first.
fn ranges(snapshots: u32) -> Vec<(u32, u32)> {
    let last = snapshots.saturating_sub(1);
    let mut ranges = vec![(0, last)];
    let mut state = 1_u64;
    let mut next = |below: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Below a number of 32 bits, so it is one.
        ((state >> 33) % u64::from(below.max(1))) as u32
    };
    while ranges.len() < RANGES as usize {
        let length = (last >> next(12)).max(1);
        let from = next(last.saturating_sub(length) + 1);
        ranges.push((from, (from + length).min(last)));
    }
    ranges
}
