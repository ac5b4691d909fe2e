// SPDX-License-Identifier: Apache-2.0
//! What makes two captures hard to compare: a [`Caveat`] for each difference in how they were recorded.

use memray_format::PythonAllocator;
use memray_index::{CaptureInfo, Index};

/// A difference in how two captures were recorded; the first value is that of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caveat {
    /// Python's own allocators were traced in one only.
    PythonAllocatorsTraced(bool, bool),
    /// Native stacks were recorded in one only.
    NativeStacks(bool, bool),
    /// Python took its memory from different allocators.
    PythonAllocator(PythonAllocator, PythonAllocator),
    /// Different Pythons, as `(major, minor)`.
    PythonVersion((u8, u8), (u8, u8)),
    /// Only one holds sums alone.
    Aggregated(bool, bool),
    /// One or both stop before their program's end.
    StopsEarly(bool, bool),
    /// One ran more than twice as long, in milliseconds.
    Duration(i64, i64),
}

/// What makes them hard to compare, the gravest first.
pub fn caveats(before: &Index, after: &Index) -> Vec<Caveat> {
    of_infos(before.info(), after.info())
}

fn of_infos(before: &CaptureInfo, after: &CaptureInfo) -> Vec<Caveat> {
    let (a, b) = (&before.header, &after.header);
    let mut found = Vec::new();
    let mut differ = |x: bool, y: bool, caveat: fn(bool, bool) -> Caveat| {
        if x != y {
            found.push(caveat(x, y));
        }
    };
    differ(a.traces_python_allocators, b.traces_python_allocators, Caveat::PythonAllocatorsTraced);
    differ(a.has_native_traces, b.has_native_traces, Caveat::NativeStacks);
    differ(before.is_aggregated(), after.is_aggregated(), Caveat::Aggregated);
    if a.python_allocator != b.python_allocator {
        found.push(Caveat::PythonAllocator(a.python_allocator, b.python_allocator));
    }
    let version = |version: u32| ((version >> 24) as u8, (version >> 16) as u8);
    if let (Some(x), Some(y)) = (a.python_version.map(version), b.python_version.map(version))
        && x != y
    {
        found.push(Caveat::PythonVersion(x, y));
    }
    if before.stops_early() || after.stops_early() {
        found.push(Caveat::StopsEarly(before.stops_early(), after.stops_early()));
    }
    let (x, y) = (before.duration_ms, after.duration_ms);
    if x.max(y) > x.min(y).max(1).saturating_mul(2) {
        found.push(Caveat::Duration(x, y));
    }
    found
}
