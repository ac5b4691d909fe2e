// SPDX-License-Identifier: Apache-2.0
//! Indexes a capture without the cache and prints how fast; then asks ranges of it.
//!
//! `cargo run --release -p memray-index --example index_rate -- FILE`

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use memray_index::{Index, Mode, Moment, OpenOptions, Progress, Question, TimeRange, TreeOptions};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a capture")?;
    let started = Instant::now();
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    let index = Index::open(path.as_ref(), &options, &Progress::default())?;
    let seconds = started.elapsed().as_secs_f64();
    let records = index.info().counts.records;
    println!("{records} records in {seconds:.2} s: {:.1} M/s", records as f64 / seconds / 1e6);
    println!(
        "{} lifetimes, {} nodes, {} snapshots, index of {} bytes",
        index.lifetime_count(),
        index.call_tree().len(),
        index.timeline().snapshots.len(),
        index.size_bytes()
    );
    let snapshots = index.timeline().snapshots.len() as u32;
    let at = |part: u32| Moment::Snapshot(snapshots / 10 * part);
    for (from, to) in [(1, 2), (1, 9), (3, 7), (1, 9)] {
        let range = TimeRange { from: at(from), to: at(to) };
        for mode in [
            Mode::RangeLive(range),
            Mode::RangePeak(range),
            Mode::RangeGrowth(range),
            Mode::RangeChurn(range),
            Mode::LiveAt(range.to),
        ] {
            let started = Instant::now();
            let answer = index.ask(&Question { mode, ..Question::default() })?;
            let asked_ms = started.elapsed().as_secs_f64() * 1e3;
            let tree = index.tree(&answer, TreeOptions::default());
            let total_ms = started.elapsed().as_secs_f64() * 1e3;
            println!("{mode:?}: {asked_ms:.1} ms, with its tree of {} nodes {total_ms:.1} ms", tree.nodes.len());
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
