// SPDX-License-Identifier: Apache-2.0
//! Indexes a capture and prints how fast: `cargo run -p memray-index --release --example index_rate -- FILE [OUTPUT]`.
//! With a second argument the index is written there, to be compared with another.

#![allow(clippy::print_stdout)]

use memray_index::{Index, OpenOptions, Progress};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: index_rate FILE [OUTPUT]")?;
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    let started = Instant::now();
    let index = Index::open(Path::new(&path), &options, &Progress::default())?;
    let seconds = started.elapsed().as_secs_f64();
    let counts = &index.info().counts;
    let rate = counts.records as f64 / seconds / 1e6;
    println!(
        "{} records in {seconds:.3} s: {rate:.1} million/s; index of {} bytes",
        counts.records,
        index.size_bytes()
    );
    if let Some(output) = arguments.next() {
        index.write_to(&mut std::fs::File::create(output)?)?;
    }
    Ok(())
}
