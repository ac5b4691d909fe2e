// SPDX-License-Identifier: Apache-2.0
//! What memray itself says of a capture, as `tests/tools/memray_truth.py` writes it.
#![allow(dead_code, missing_docs, unreachable_pub)] // each test program uses a part of it

use crate::naive::{FrameId, Stack};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Bytes, allocations, stack.
pub type Row = (i64, i64, usize);
/// Allocated before this snapshot, freed before that one (never, where `None`), bytes, allocations, stack.
pub type Lifetime = (usize, Option<usize>, i64, i64, usize);

#[derive(Debug, Deserialize)]
pub struct Truth {
    pub metadata: Metadata,
    pub snapshots: Vec<(i64, u64, u64)>,
    pub frames: Vec<(String, String, i64)>,
    /// Rows of `frames`, the innermost first.
    pub stacks: Vec<Vec<usize>>,
    pub high_water_mark: Vec<Row>,
    pub high_water_mark_by_thread: Vec<(i64, i64, String, usize)>,
    pub leaked: Vec<Row>,
    pub temporary_0: Option<Vec<Row>>,
    pub temporary_1: Option<Vec<Row>>,
    pub temporal: Option<Vec<Lifetime>>,
    pub temporal_high_water_mark: Option<TemporalPeaks>,
    pub statistics: Option<Statistics>,
    /// Why the parts that are missing are.
    pub refused: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub command_line: String,
    pub start_time: String,
    pub end_time: String,
    pub total_allocations: u64,
    pub total_frames: u64,
    pub peak_memory: u64,
    pub pid: i32,
    pub python_allocator: String,
    pub has_native_traces: bool,
    pub main_thread_id: Option<u64>,
    pub trace_python_allocators: Option<bool>,
    pub file_format: Option<u8>,
}

#[derive(Debug, Deserialize)]
pub struct TemporalPeaks {
    /// Largest heap of each interval.
    pub peaks: Vec<u64>,
    /// What contributed to them: from the first interval to before the second.
    pub lifetimes: Vec<Lifetime>,
}

#[derive(Debug, Deserialize)]
pub struct Statistics {
    pub total_num_allocations: u64,
    pub total_memory_allocated: u64,
    pub peak_memory_allocated: u64,
    pub allocation_count_by_size: Vec<(u64, u64)>,
    pub allocation_count_by_allocator: Vec<(String, u64)>,
    pub top_locations_by_size: Vec<((String, String, i64), u64)>,
    pub top_locations_by_count: Vec<((String, String, i64), u64)>,
    /// Module, allocations, bytes.
    pub top_modules_by_allocation_size: Option<Vec<(String, u64, u64)>>,
    pub top_modules_by_allocation_count: Option<Vec<(String, u64, u64)>>,
}

impl Truth {
    /// Reads a `*.truth.json.gz`.
    pub fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut json = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut json).unwrap();
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A stack's frames, the innermost first.
    pub fn stack(&self, row: usize) -> Stack {
        self.stacks[row].iter().map(|frame| as_frame(&self.frames[*frame])).collect()
    }
}

/// A frame, with memray's spelling of no line (0 or less) as 0.
pub fn as_frame((function, file, line): &(String, String, i64)) -> FrameId {
    let line = u32::try_from(*line).unwrap_or(0);
    FrameId::of((function.clone().into_bytes(), file.clone().into_bytes(), line))
}

/// Milliseconds since the Unix epoch of `2026-11-22 07:38:16.706000+00:00`, whose offset may be missing: UTC.
pub fn time_ms(time: &str) -> i64 {
    let (date, clock) = time.split_once(' ').unwrap();
    let clock = clock.strip_suffix("+00:00").unwrap_or(clock);
    let (clock, micros) = clock.split_once('.').unwrap_or((clock, "0"));
    let date: Vec<i64> = date.split('-').map(|n| n.parse().unwrap()).collect();
    let clock: Vec<i64> = clock.split(':').map(|n| n.parse().unwrap()).collect();
    // Days since the epoch: years begin in March, so that a leap day is the last of its year.
    let (year, month) = if date[1] > 2 { (date[0], date[1] - 3) } else { (date[0] - 1, date[1] + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date[2] - 1 - 719_468;
    ((days * 24 + clock[0]) * 60 + clock[1]) * 60_000 + clock[2] * 1000 + micros.parse::<i64>().unwrap() / 1000
}
