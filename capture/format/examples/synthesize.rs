// SPDX-License-Identifier: Apache-2.0
//! Writes a synthetic capture, for tests and measurements. A compressed one is made twice, for its counts stand first.
//!
//!     cargo run --release -p memray-format --example synthesize -- --preset large --records 1000000 -o large.bin

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use memray_format::synth::Synthesis;
use memray_format::{Encoder, Header, Record, lz4_frame, rewrite_header};

#[derive(Parser)]
struct Arguments {
    #[arg(long, value_enum)]
    preset: Preset,
    /// The same seed makes the same capture.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of a large capture.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Number of snapshots; the preset's own unless given.
    #[arg(long)]
    snapshots: Option<u64>,
    /// Number of distinct lifetimes; the preset's own unless given.
    #[arg(long)]
    distinct: Option<u64>,
    /// Blocks live at once; the preset's own unless given.
    #[arg(long)]
    live: Option<u64>,
    /// Number of distinct stacks; the preset's own unless given.
    #[arg(long)]
    stacks: Option<u32>,
    /// Number of blocks.
    #[arg(long, default_value_t = 5_000_000)]
    count: u64,
    /// Size of each block.
    #[arg(long, default_value_t = 4096)]
    size_bytes: u64,
    /// Format version, 8 to 13.
    #[arg(long, default_value_t = 13, value_parser = clap::value_parser!(i32).range(8..=13))]
    version: i32,
    /// Number of threads; the preset's own unless given.
    #[arg(long)]
    threads: Option<u32>,
    /// With native stacks.
    #[arg(long)]
    native: bool,
    /// With addresses that are not multiples of 8; versions 8 to 11 only.
    #[arg(long)]
    unaligned: bool,
    /// Compress.
    #[arg(long)]
    lz4: bool,
    /// Where to write.
    #[arg(short, long, default_value = "synthetic.bin")]
    output: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    /// A few hundred records that meet every odd case.
    Small,
    /// A plausible program of any length.
    Large,
    /// Many snapshots and many distinct lifetimes.
    Lifetimes,
    /// Blocks of one size that live to the end.
    Blocks,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let seed = arguments.seed;
    let mut synthesis = match arguments.preset {
        Preset::Small => Synthesis::small(seed),
        Preset::Large => Synthesis::large(seed, arguments.records),
        Preset::Lifetimes => {
            Synthesis::lifetimes(seed, arguments.snapshots.unwrap_or(360_000), arguments.distinct.unwrap_or(10_000_000))
        }
        Preset::Blocks => Synthesis::blocks(seed, arguments.count, arguments.size_bytes),
    };
    synthesis.version = arguments.version;
    synthesis.snapshots = arguments.snapshots.unwrap_or(synthesis.snapshots);
    synthesis.distinct_lifetimes = arguments.distinct.unwrap_or(synthesis.distinct_lifetimes);
    synthesis.distinct_stacks = arguments.stacks.unwrap_or(synthesis.distinct_stacks);
    synthesis.live_target = arguments.live.unwrap_or(synthesis.live_target);
    synthesis.threads = arguments.threads.unwrap_or(synthesis.threads);
    synthesis.native = arguments.native;
    synthesis.unaligned = arguments.unaligned;

    let file = File::create(&arguments.output)?;
    let mut header = synthesis.header();
    if arguments.lz4 {
        // What is compressed cannot be rewritten, so the counts are needed first.
        synthesis.generate(&mut |record| count(&mut header, &record));
        write(&synthesis, &mut header.clone(), lz4_frame(file))?.finish()?;
    } else {
        let file = write(&synthesis, &mut header, file)?;
        rewrite_header(file, &header)?;
    }
    Ok(())
}

/// Writes all records, counting them into the header.
fn write<W: Write>(synthesis: &Synthesis, header: &mut Header, writer: W) -> io::Result<W> {
    let mut encoder = Encoder::new(writer, header)?;
    let mut result = Ok(());
    synthesis.generate(&mut |record| {
        if result.is_ok() {
            result = encoder.record(&record);
            count(header, &record);
        }
    });
    result?;
    encoder.finish()
}

/// Counts as memray does: frees are allocation records too.
fn count(header: &mut Header, record: &Record<'_>) {
    match record {
        Record::Allocation(_) => header.allocation_count += 1,
        Record::FrameDefinition(_) => header.frame_count += 1,
        _ => {}
    }
}
