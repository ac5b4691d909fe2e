// SPDX-License-Identifier: Apache-2.0
//! The header of a capture: who was traced, how, and by which version of the format.

use crate::record::ThreadId;

/// What stands at the start of every capture.
pub const MAGIC: &[u8; 7] = b"memray\0";

/// The versions that this crate decodes.
pub const VERSIONS: std::ops::RangeInclusive<i32> = 8..=13;

/// A capture's header. Fields that a version lacks hold what that version implies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Format version, 8 to 13.
    pub version: i32,
    /// `PY_VERSION_HEX` of the traced interpreter; `None` before version 12.
    pub python_version: Option<u32>,
    /// Whether native stacks were recorded.
    pub has_native_traces: bool,
    /// Streaming or aggregated.
    pub file_format: FileFormat,
    /// Allocation records as the writer counted them; 0 if it was killed.
    pub allocation_count: u64,
    /// Frames as the writer counted them.
    pub frame_count: u64,
    /// Start of tracking, milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// End of tracking; about the start if the writer was killed.
    pub end_time_ms: i64,
    /// The traced command line.
    pub command_line: Vec<u8>,
    /// The traced process.
    pub pid: i32,
    /// The thread that started tracking; 0 before version 9.
    pub main_thread: ThreadId,
    /// How many of its outermost frames lie above the tracker; 0 before version 9, whose writer dropped them.
    pub skipped_frames_on_main_thread: u64,
    /// The allocator that Python was built or told to use.
    pub python_allocator: PythonAllocator,
    /// Whether Python's own allocators were traced; false before version 11, which does not say.
    pub traces_python_allocators: bool,
    /// Whether creation and destruction of objects was recorded.
    pub tracks_object_lifetimes: bool,
    /// Where the traced interpreter keeps its modules; `None` before version 13.
    pub module_paths: Option<ModulePaths>,
}

/// Streaming or aggregated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Every allocation and free.
    AllAllocations,
    /// Only sums by location.
    Aggregated,
}

/// The allocator behind Python's `PyMem` and `PyObject` functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is named as in CPython's documentation of PYTHONMALLOC
pub enum PythonAllocator {
    Pymalloc,
    PymallocDebug,
    Malloc,
    Other,
    Mimalloc,
    MimallocDebug,
}

/// Where the traced interpreter keeps its modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModulePaths {
    /// The standard library.
    pub standard_library: Vec<u8>,
    /// Directories of installed packages.
    pub site_packages: Vec<Vec<u8>>,
    /// `sys.path`.
    pub sys_path: Vec<Vec<u8>>,
}
