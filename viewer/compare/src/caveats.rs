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

#[cfg(test)]
mod tests {
    use super::*;
    use memray_index::{Ending, OpenOptions, Progress};
    use std::path::Path;

    fn info() -> CaptureInfo {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures/v13-py3.13/items.bin");
        let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
        Index::open(&path, &options, &Progress::default()).expect("a capture").info().clone()
    }

    #[test]
    fn each_difference_is_a_caveat_and_what_is_alike_is_none() {
        let before = CaptureInfo { duration_ms: 1000, ..info() };
        let found = |change: &dyn Fn(&mut CaptureInfo)| {
            let mut after = before.clone();
            change(&mut after);
            let caveats = of_infos(&before, &after);
            assert_eq!(of_infos(&after, &before).len(), caveats.len(), "whichever comes first");
            caveats
        };
        let (header, version) = (&before.header, (3, 13));
        assert_eq!(found(&|_| {}), []);
        let traced = header.traces_python_allocators;
        assert_eq!(
            found(&|after| after.header.traces_python_allocators = !traced),
            [Caveat::PythonAllocatorsTraced(traced, !traced)]
        );
        let native = header.has_native_traces;
        assert_eq!(found(&|after| after.header.has_native_traces = !native), [Caveat::NativeStacks(native, !native)]);
        assert_eq!(
            found(&|after| after.header.file_format = memray_format::FileFormat::Aggregated),
            [Caveat::Aggregated(false, true)]
        );
        let allocator = header.python_allocator;
        assert_ne!(allocator, PythonAllocator::Malloc);
        assert_eq!(
            found(&|after| after.header.python_allocator = PythonAllocator::Malloc),
            [Caveat::PythonAllocator(allocator, PythonAllocator::Malloc)]
        );
        let is = |minor: u32| Some(3 << 24 | minor << 16 | 0xff00);
        assert_eq!(found(&|after| after.header.python_version = is(12)), [Caveat::PythonVersion(version, (3, 12))]);
        assert_eq!(found(&|after| after.header.python_version = is(13)), [], "another release of the same");
        assert_eq!(found(&|after| after.header.python_version = None), [], "old captures do not say");
        let cut = || Ending::Truncated { offset: 1, reason: String::new() };
        assert_eq!(found(&|after| after.ending = cut()), [Caveat::StopsEarly(false, true)]);
        for (duration_ms, is_caveat) in [(2000, false), (2001, true), (500, false), (499, true)] {
            let caveats = found(&|after| after.duration_ms = duration_ms);
            assert_eq!(caveats == [Caveat::Duration(1000, duration_ms)], is_caveat, "{duration_ms} ms");
        }
    }
}
