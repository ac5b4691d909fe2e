// SPDX-License-Identifier: Apache-2.0
//! What makes two captures hard to compare: a [`Caveat`] for each difference in how they were recorded.

use crate::canonical::python_of_folder;
use crate::root_rules::locations;
use memray_format::PythonAllocator;
use memray_index::{CaptureInfo, FrameKind, Index, Recorder};
use std::collections::BTreeMap;

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
    /// memray-view recorded one, memray the other.
    Recorder(bool, bool),
    /// Only one holds sums alone.
    Aggregated(bool, bool),
    /// One or both stop before their program's end.
    StopsEarly(bool, bool),
    /// One ran more than twice as long, in milliseconds.
    Duration(i64, i64),
}

/// What makes them hard to compare, the gravest first.
pub fn caveats(before: &Index, after: &Index) -> Vec<Caveat> {
    of_infos([before.info(), after.info()], [before, after].map(python_version))
}

/// By its header or, as captures before version 12 do not say, by the folder that most of its code of the standard library
/// or of packages lies in.
fn python_version(index: &Index) -> Option<(u8, u8)> {
    if let Some(hex) = index.info().header.python_version {
        return Some(((hex >> 24) as u8, (hex >> 16) as u8));
    }
    let mut counts: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    for location in locations(index).filter(|location| location.kind == FrameKind::Python) {
        if let Some(version) = python_of_folder(index.bytes(location.file)) {
            *counts.entry(version).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(version, _)| version)
}

fn of_infos([before, after]: [&CaptureInfo; 2], versions: [Option<(u8, u8)>; 2]) -> Vec<Caveat> {
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
    if let [Some(x), Some(y)] = versions
        && x != y
    {
        found.push(Caveat::PythonVersion(x, y));
    }
    let is_memrays = |info: &CaptureInfo| info.recorder.as_ref().map(|it| *it == Recorder::Memray);
    if let (Some(x), Some(y)) = (is_memrays(before), is_memrays(after))
        && x != y
    {
        found.push(Caveat::Recorder(!x, !y));
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

    fn open(folder: &str) -> Index {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(folder).join("items.bin");
        let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
        Index::open(&path, &options, &Progress::default()).expect("a capture")
    }

    #[test]
    fn old_captures_tell_their_python_by_its_folders() {
        for (folder, version) in
            [("v8-py3.8", (3, 8)), ("v9-py3.9", (3, 9)), ("v11-py3.12", (3, 12)), ("v13-py3.13", (3, 13))]
        {
            assert_eq!(python_version(&open(folder)), Some(version), "{folder}");
        }
    }

    #[test]
    fn each_difference_is_a_caveat_and_what_is_alike_is_none() {
        let before = CaptureInfo { duration_ms: 1000, ..open("v13-py3.13").info().clone() };
        let versions = [Some((3, 13)), Some((3, 13))];
        let found = |change: &dyn Fn(&mut CaptureInfo)| {
            let mut after = before.clone();
            change(&mut after);
            let caveats = of_infos([&before, &after], versions);
            assert_eq!(of_infos([&after, &before], versions).len(), caveats.len(), "whichever comes first");
            caveats
        };
        let (info, header) = (before.clone(), &before.header);
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
        let of_pythons = |before, after| of_infos([&info, &info], [before, after]);
        assert_eq!(of_pythons(Some((3, 13)), Some((3, 12))), [Caveat::PythonVersion((3, 13), (3, 12))]);
        assert_eq!(of_pythons(Some((3, 13)), None), [], "nothing tells");
        let ours = || Some(Recorder::Named("memray-view 0.1.0".to_owned()));
        assert_eq!(before.recorder, Some(Recorder::Memray));
        assert_eq!(found(&|after| after.recorder = ours()), [Caveat::Recorder(false, true)]);
        assert_eq!(found(&|after| after.recorder = None), [], "captures that were killed do not say");
        let cut = || Ending::Truncated { offset: 1, reason: String::new() };
        assert_eq!(found(&|after| after.ending = cut()), [Caveat::StopsEarly(false, true)]);
        for (duration_ms, is_caveat) in [(2000, false), (2001, true), (500, false), (499, true)] {
            let caveats = found(&|after| after.duration_ms = duration_ms);
            assert_eq!(caveats == [Caveat::Duration(1000, duration_ms)], is_caveat, "{duration_ms} ms");
        }
    }
}
