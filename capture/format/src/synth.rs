// SPDX-License-Identifier: Apache-2.0
//! Synthetic captures: deterministic by seed, of any size, made record by record while holding only what lives.
//!
//! [`Synthesis`] says what to make; its presets are the captures that tests and measurements ask for. The same synthesis
//! in another version means the same: the same allocations by the same stacks.

mod call_tree;
mod heap;
mod line_table;
mod nasty;
mod native;
mod output;
mod plausible;
mod profile;
mod program;
mod random;

pub use profile::Profile;

use crate::header::{FileFormat, Header, ModulePaths, PythonAllocator};
use crate::record::{Record, ThreadId};
use output::Output;

/// A plan for a synthetic capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synthesis {
    /// The same seed and plan give the same records.
    pub seed: u64,
    /// Format version, 8 to 13.
    pub version: i32,
    /// `PY_VERSION_HEX`; decides the form of line tables.
    pub python_version: u32,
    /// Plausible, or nasty.
    pub character: Character,
    /// How many records to within a stack's depth, snapshots included, definitions of frames not. Ignored without
    /// short-lived blocks.
    pub records: u64,
    /// How many threads.
    pub threads: u32,
    /// How many snapshots.
    pub snapshots: u64,
    /// Milliseconds between two.
    pub snapshot_interval_ms: i64,
    /// Functions of the program.
    pub functions: u32,
    /// Stacks of the program, at most.
    pub distinct_stacks: u32,
    /// Frames of the deepest stack.
    pub depth: u32,
    /// Whether Python's own allocators are traced.
    pub python_allocators: bool,
    /// Whether native stacks are recorded.
    pub native: bool,
    /// Whether objects' creation and destruction is recorded (nasty captures of versions 12 and 13).
    pub object_lifetimes: bool,
    /// Whether addresses are not multiples of 8; versions 12 and 13 cannot say them.
    pub unaligned: bool,
    /// Plausible captures: how many long-lived blocks are born; each has a lifetime of its own.
    pub distinct_lifetimes: u64,
    /// Plausible captures: how many of them live at once.
    pub live_target: u64,
    /// Plausible captures: how that is reached.
    pub profile: Profile,
    /// Plausible captures: whether blocks that die at once fill up the records.
    pub short_lived: bool,
    /// Plausible captures: the size of every block, where it is fixed.
    pub block_bytes: Option<u64>,
    /// Plausible captures: steps (about ten records each) between calls of `mmap` or `munmap`; 0 for none.
    pub steps_a_mapping: u64,
    /// Nasty captures: whether blocks are allocated where others live still (whose frees were missed).
    pub reused_live_addresses: bool,
    /// Nasty captures: whether some names are not UTF-8.
    pub bad_names: bool,
}

/// What kind of program a capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// As real programs are.
    Plausible,
    /// All that readers get wrong, close together.
    Nasty,
}

impl Synthesis {
    /// When every synthetic program starts, milliseconds since the Unix epoch.
    pub const START_TIME_MS: i64 = 1_760_000_000_000;
    /// Frames of the main thread above the tracker.
    pub const SKIPPED_FRAMES: u64 = 3;

    /// Some hundred records that meet every odd case: ranges trimmed, split and overlapped by `munmap`; frees of
    /// unknown addresses and by other threads; addresses reused while live; sizes of 0; no, one or many snapshots; a
    /// clock that steps back; empty stacks; lines below 1; names that are not UTF-8, and late ones.
    pub fn small(seed: u64) -> Self {
        Self {
            seed,
            version: 13,
            python_version: 0x030d_01f0,
            character: Character::Nasty,
            records: 200 + seed % 7 * 100,
            threads: 1 + (seed % 4) as u32,
            snapshots: [0, 1, 2, 20, 60][(seed % 5) as usize],
            snapshot_interval_ms: 10,
            functions: 12,
            distinct_stacks: 0,
            depth: 0,
            python_allocators: true,
            native: false,
            object_lifetimes: false,
            unaligned: false,
            distinct_lifetimes: 0,
            live_target: 0,
            profile: Profile::Level,
            short_lived: true,
            block_bytes: None,
            steps_a_mapping: 0,
            reused_live_addresses: true,
            bad_names: true,
        }
    }

    /// A plausible program of that many records, about 4 bytes each: one in twenty begins a lifetime of its own, up to
    /// 2 M of these live at once, in waves. A program has only so many stacks, however long it runs: 100,000.
    pub fn large(seed: u64, records: u64) -> Self {
        Self {
            character: Character::Plausible,
            records,
            threads: 4,
            snapshots: (records / 3000).max(2),
            functions: 2000,
            distinct_stacks: (records / 1000).clamp(500, 100_000) as u32,
            depth: 80,
            distinct_lifetimes: records / 20,
            live_target: (records / 125).min(2_000_000),
            profile: Profile::Waves,
            steps_a_mapping: 500,
            reused_live_addresses: false,
            bad_names: false,
            ..Self::small(seed)
        }
    }

    /// Snapshots and distinct lifetimes by number, and nothing that dies at once; 800,000 blocks live at most.
    pub fn lifetimes(seed: u64, snapshots: u64, distinct: u64) -> Self {
        Self {
            snapshots,
            distinct_lifetimes: distinct,
            live_target: (distinct / 12).clamp(1, 800_000),
            profile: Profile::Level,
            short_lived: false,
            steps_a_mapping: 0,
            ..Self::large(seed, distinct * 3)
        }
    }

    /// That many blocks of one size, all live to the end.
    pub fn blocks(seed: u64, count: u64, size_bytes: u64) -> Self {
        Self {
            live_target: count,
            distinct_lifetimes: count,
            profile: Profile::Level,
            short_lived: false,
            steps_a_mapping: 0,
            block_bytes: Some(size_bytes),
            ..Self::large(seed, count * 2)
        }
    }

    /// The header, but for the counts, which are known only when all records are made.
    pub fn header(&self) -> Header {
        let span_ms = i64::try_from(self.snapshots).unwrap_or(i64::MAX).saturating_mul(self.snapshot_interval_ms);
        Header {
            version: self.version,
            python_version: (self.version >= 12).then_some(self.python_version),
            has_native_traces: self.native,
            file_format: FileFormat::AllAllocations,
            allocation_count: 0,
            frame_count: 0,
            start_time_ms: Self::START_TIME_MS,
            end_time_ms: Self::START_TIME_MS.saturating_add(span_ms),
            command_line: format!("python -m synthetic --seed {}", self.seed).into_bytes(),
            pid: 4242,
            main_thread: ThreadId(u64::from(self.version >= 9)),
            skipped_frames_on_main_thread: if self.version >= 9 { Self::SKIPPED_FRAMES } else { 0 },
            python_allocator: PythonAllocator::Pymalloc,
            traces_python_allocators: self.version >= 11 && self.python_allocators,
            tracks_object_lifetimes: self.version >= 12 && self.object_lifetimes,
            module_paths: (self.version >= 13).then(|| ModulePaths {
                standard_library: b"/usr/lib/python3.13".to_vec(),
                site_packages: vec![b"/srv/venv/lib/python3.13/site-packages".to_vec()],
                sys_path: vec![b"/srv/app".to_vec(), b"/usr/lib/python3.13".to_vec()],
            }),
        }
    }

    /// Makes the records, one call each, without the trailer.
    pub fn generate(&self, sink: &mut dyn FnMut(Record<'_>)) {
        let mut out = Output::new(sink);
        match self.character {
            Character::Plausible => plausible::generate(self, &mut out),
            Character::Nasty => nasty::generate(self, &mut out),
        }
    }
}
