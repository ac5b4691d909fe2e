// SPDX-License-Identifier: Apache-2.0
//! The honest notes: what a capture does not hold, and how far it may be trusted.
//!
//! [`notes`] leads: it finds which of them apply. Each is one or two sentences that say what is missing, why, and what
//! to do about it.

use crate::escape;
use crate::labels::{self, Labels};
use crate::size::{Units, format_bytes, format_count};
use crate::time::{format_duration, format_elapsed};
use memray_format::{Allocator, PythonAllocator};
use memray_index::{
    CaptureInfo, Ending, FrameKind, Index, LocationId, Mode, NativeSymbols, Question, StoppedBy, StringId, Timeline,
};
use std::collections::BTreeSet;

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteKind {
    /// The recording stops before its end.
    StopsEarly,
    /// The sizes add up to more than can be counted.
    ImpossibleSizes,
    /// The capture holds sums only.
    Aggregated,
    /// Small Python objects were not traced.
    SmallObjectsUntraced,
    /// Native frames show libraries only.
    LibrariesWithoutSymbols,
    /// Native names come from libraries that need not be the capture's.
    NativeNamesUnverified,
    /// The machine's clock stepped back.
    ClockSteppedBack,
    /// What the capture tells beyond memray's format is not used.
    AppendixIgnored,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// Its sentences.
    pub text: String,
    /// What was found, for those who ask further.
    pub detail: Option<String>,
}

/// The notes that apply to a capture, the gravest first.
pub fn notes(index: &Index) -> Vec<Note> {
    let info = index.info();
    let mut notes: Vec<Note> =
        stops_early(info).into_iter().chain(impossible_sizes(info)).chain(aggregated(info)).collect();
    if may_lack_small_objects(info) && !holds_small_objects(index) {
        notes.push(small_objects_untraced());
    }
    if info.header.has_native_traces {
        notes.extend(libraries_without_symbols(index, index.location_count()));
        notes.extend(native_names_unverified(index.native_symbols()));
    }
    notes.extend(clock_stepped_back(index.timeline()));
    notes.extend(appendix_ignored(info));
    notes
}

/// The note on a recording that stops early.
pub fn stops_early(info: &CaptureInfo) -> Option<Note> {
    let (what, detail) = match &info.ending {
        Ending::Complete => return None,
        Ending::Stopped(stopped) => return Some(stopped_by_choice(info, *stopped)),
        // How much of the file that is says nothing: a writer that is killed leaves room for what it would have written.
        Ending::Truncated { offset, reason } => {
            (escape::visible(reason).into_owned(), format!("The recording ends at byte {}.", format_count(*offset)))
        }
        Ending::Damaged { offset, reason } => {
            let percent = readable_percent(*offset, info.file_size_bytes);
            let what = format!("{percent} % of the file readable; damaged at byte {}", format_count(*offset));
            (what, escape::visible(reason).into_owned())
        }
    };
    let totals = if info.is_aggregated() {
        "Its sums are written at the end, so that some or all of them are missing."
    } else {
        "Totals are exact up to there."
    };
    Some(Note {
        kind: NoteKind::StopsEarly,
        text: format!("The recording stops after {} ({what}). {totals}", format_duration(info.duration_ms)),
        detail: Some(detail),
    })
}

/// The note on a recording that ended while its program ran on.
fn stopped_by_choice(info: &CaptureInfo, stopped: StoppedBy) -> Note {
    let ran = format_duration(info.duration_ms);
    let why = match stopped {
        StoppedBy::MaxSize(bytes) => {
            format!("when the capture had the {} that --max-size allowed", format_bytes(bytes, Units::Binary))
        }
        StoppedBy::Duration(_) => "as --duration asked".to_owned(),
        StoppedBy::WriteError(ENOSPC | EDQUOT) => "when the disk was full".to_owned(),
        StoppedBy::WriteError(ENOMEM) => "when there was no memory left to record in".to_owned(),
        StoppedBy::WriteError(EFBIG) => "when the file had the size that the system allows".to_owned(),
        StoppedBy::WriteError(errno) => format!("when the file could not be written further (error {errno})"),
    };
    Note {
        kind: NoteKind::StopsEarly,
        text: format!("The recording stops after {ran}, {why}; the program ran on. Totals are exact up to there."),
        detail: None,
    }
}

// Linux's numbers: captures of our own come from there.
const ENOMEM: i32 = 12;
const EFBIG: i32 = 27;
const ENOSPC: i32 = 28;
const EDQUOT: i32 = 122;

/// The note on an appendix that cannot be used.
pub fn appendix_ignored(info: &CaptureInfo) -> Option<Note> {
    info.appendix_problem.as_ref().map(|problem| Note {
        kind: NoteKind::AppendixIgnored,
        text: format!(
            "Part of this capture is not used: {}. It holds names of native functions; all records are whole.",
            escape::visible(problem)
        ),
        detail: None,
    })
}

/// Whole percents, rounded down: all of a file is readable only if all of it is.
fn readable_percent(offset: u64, size_bytes: u64) -> u128 {
    if size_bytes == 0 { 0 } else { (u128::from(offset) * 100 / u128::from(size_bytes)).min(100) }
}

/// The note on sizes that no program can have allocated. Where their sum can be counted, so can every other sum.
pub fn impossible_sizes(info: &CaptureInfo) -> Option<Note> {
    (info.total_bytes_allocated > i64::MAX as u64).then(|| Note {
        kind: NoteKind::ImpossibleSizes,
        text:
            "The sizes in this capture are impossible: they add up to more than can be counted. It is damaged, or no \
               recording; no sum of its sizes means anything."
                .to_owned(),
        detail: None,
    })
}

/// The note on a capture that holds sums only.
pub fn aggregated(info: &CaptureInfo) -> Option<Note> {
    info.is_aggregated().then(|| Note {
        kind: NoteKind::Aggregated,
        text: "This capture holds only sums: what was live at the peak, and at the end. Moments, ranges, temporary \
               allocations, churn and statistics need one recorded without --aggregate."
            .to_owned(),
        detail: None,
    })
}

/// Whether Python's own allocator stood between small objects and the recorded heap, as far as the header says.
fn may_lack_small_objects(info: &CaptureInfo) -> bool {
    let allocator = info.header.python_allocator;
    !info.header.traces_python_allocators && !matches!(allocator, PythonAllocator::Malloc | PythonAllocator::Other)
}

/// Whether there are small objects all the same: headers before version 11 do not say, but their records do.
fn holds_small_objects(index: &Index) -> bool {
    const VERSION_THAT_SAYS: i32 = 11;
    if index.info().header.version >= VERSION_THAT_SAYS {
        return false;
    }
    let mode = if index.info().is_aggregated() { Mode::Peak } else { Mode::Total };
    let Ok(answer) = index.ask(&Question { mode, ..Question::default() }) else { return false };
    answer.sites.iter().any(|&(site, _)| {
        matches!(
            index.site(site).allocator,
            Allocator::PymallocMalloc | Allocator::PymallocCalloc | Allocator::PymallocRealloc
        )
    })
}

fn small_objects_untraced() -> Note {
    Note {
        kind: NoteKind::SmallObjectsUntraced,
        text: "Small Python objects were not traced; they appear as arenas, charged to the line that happened to need \
               a new one. Record with --trace-python-allocators to see them."
            .to_owned(),
        detail: None,
    }
}

/// The note on native frames of which only the library is known.
fn libraries_without_symbols(names: &impl Labels, location_count: usize) -> Option<Note> {
    let locations = || (0..location_count as u32).map(|i| names.location(LocationId(i)));
    // Of a library with symbols some functions may lack one.
    let with_symbols: BTreeSet<StringId> =
        locations().filter(|location| location.kind == FrameKind::Native).map(|location| location.module).collect();
    let mut libraries: Vec<StringId> = locations()
        .filter(|location| location.kind == FrameKind::Library && !with_symbols.contains(&location.function))
        .map(|location| location.function)
        .collect();
    libraries.sort_unstable();
    libraries.dedup();
    let mut shown: Vec<String> = libraries.iter().map(|&library| labels::name(names, library)).collect();
    shown.sort_unstable();
    let text = match shown.as_slice() {
        [] => return None,
        [only] => format!("{only} has no symbols here: its native frames show the library alone."),
        [first, second] => {
            format!("{first} and {second} have no symbols here: their native frames show the library alone.")
        }
        [first, rest @ ..] => format!(
            "{first} and {} other libraries have no symbols here: their native frames show the library alone.",
            format_count(rest.len() as u64)
        ),
    };
    Some(Note { kind: NoteKind::LibrariesWithoutSymbols, text, detail: Some(shown.join(", ")) })
}

/// The note on native names that need not be right.
fn native_names_unverified(symbols: NativeSymbols) -> Option<Note> {
    (symbols == NativeSymbols::Unverified).then(|| Note {
        kind: NoteKind::NativeNamesUnverified,
        text: "Names of native functions are unverified: they come from the libraries now on this machine, and the \
               capture does not say which builds it ran. If a library was replaced since, its names may be wrong."
            .to_owned(),
        detail: None,
    })
}

/// The note on a clock that stepped back.
pub fn clock_stepped_back(timeline: &Timeline) -> Option<Note> {
    let steps: Vec<(i64, i64)> = timeline
        .snapshots
        .windows(2)
        .filter(|pair| pair[1].time_ms < pair[0].time_ms)
        .map(|pair| (pair[0].time_ms, pair[0].time_ms.saturating_sub(pair[1].time_ms)))
        .collect();
    let &(time_ms, step_ms) = steps.iter().max_by_key(|(_, step_ms)| *step_ms)?;
    let elapsed = format_elapsed(time_ms.saturating_sub(timeline.start_time_ms));
    let step = format_duration(step_ms);
    let text = match steps.len() {
        1 => {
            format!("The machine's clock stepped back by {step} at {elapsed}; times of day after that are not certain.")
        }
        n => format!(
            "The machine's clock stepped back {} times, by {step} at {elapsed} at most; times of day after that are not \
             certain.",
            format_count(n as u64)
        ),
    };
    Some(Note { kind: NoteKind::ClockSteppedBack, text, detail: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{Names, START_MS, info, timeline};
    use memray_format::FileFormat;

    #[test]
    fn sums_that_may_have_wrapped_are_told_of() {
        let of_total = |total_bytes_allocated| impossible_sizes(&CaptureInfo { total_bytes_allocated, ..info() });
        assert_eq!(of_total(i64::MAX as u64), None);
        let note = of_total(i64::MAX as u64 + 1).unwrap();
        assert!(note.text.starts_with("The sizes in this capture are impossible: they add up"), "{note:?}");
        assert_eq!(of_total(u64::MAX), Some(note));
    }

    #[test]
    fn damage_is_told_with_its_time_its_share_and_its_byte() {
        let mut info = info();
        info.file_size_bytes = 6_000_000_000;
        info.duration_ms = (41 * 60 + 12) * 1000;
        info.ending = Ending::Damaged { offset: 4_311_220_992, reason: "unknown record 0x0b".to_owned() };
        let note = stops_early(&info).unwrap();
        assert_eq!(
            note.text,
            "The recording stops after 41 min 12 s (71 % of the file readable; damaged at byte 4,311,220,992). Totals \
             are exact up to there."
        );
        assert_eq!(note.detail.as_deref(), Some("unknown record 0x0b"));
    }

    #[test]
    fn a_cut_file_is_not_called_damaged() {
        let mut info = info();
        let reason = "the program was killed, or is still running".to_owned();
        info.ending = Ending::Truncated { offset: 999_999, reason };
        let note = stops_early(&info).unwrap();
        assert_eq!(
            note.text,
            "The recording stops after 41.3 s (the program was killed, or is still running). Totals are exact up to there."
        );
        assert_eq!(note.detail.as_deref(), Some("The recording ends at byte 999,999."));
        info.header.file_format = FileFormat::Aggregated;
        assert_eq!(
            stops_early(&info).unwrap().text,
            "The recording stops after 41.3 s (the program was killed, or is still running). Its sums are written at the \
             end, so that some or all of them are missing."
        );
        info.ending = Ending::Complete;
        assert_eq!(stops_early(&info), None);
    }

    #[test]
    fn a_recording_that_ended_before_its_program_says_what_ended_it() {
        let mut info = info();
        for (stopped, why) in [
            (StoppedBy::MaxSize(2 << 30), "when the capture had the 2.00 GiB that --max-size allowed"),
            (StoppedBy::Duration(41_300), "as --duration asked"),
            (StoppedBy::WriteError(28), "when the disk was full"),
            (StoppedBy::WriteError(12), "when there was no memory left to record in"),
            (StoppedBy::WriteError(27), "when the file had the size that the system allows"),
            (StoppedBy::WriteError(5), "when the file could not be written further (error 5)"),
        ] {
            info.ending = Ending::Stopped(stopped);
            let expected =
                format!("The recording stops after 41.3 s, {why}; the program ran on. Totals are exact up to there.");
            assert_eq!(stops_early(&info).map(|note| note.text), Some(expected));
        }
    }

    #[test]
    fn an_appendix_that_is_not_used_is_told_of() {
        let mut info = info();
        assert_eq!(appendix_ignored(&info), None);
        info.appendix_problem = Some("its appendix is damaged".to_owned());
        let text = appendix_ignored(&info).unwrap().text;
        let rest = "It holds names of native functions; all records are whole.";
        assert_eq!(text, format!("Part of this capture is not used: its appendix is damaged. {rest}"));
    }

    #[test]
    fn a_share_of_an_empty_file_is_no_division_by_zero() {
        assert_eq!(readable_percent(0, 0), 0);
        assert_eq!(readable_percent(u64::MAX, u64::MAX), 100);
        assert_eq!(readable_percent(5, 4), 100);
    }

    #[test]
    fn sums_alone_are_said_to_be_that() {
        let mut info = info();
        assert_eq!(aggregated(&info), None);
        info.header.file_format = FileFormat::Aggregated;
        assert!(aggregated(&info).unwrap().text.starts_with("This capture holds only sums"));
    }

    #[test]
    fn untraced_small_objects_depend_on_allocator_and_tracing() {
        let mut info = info();
        assert!(!may_lack_small_objects(&info), "traced");
        info.header.traces_python_allocators = false;
        for allocator in [PythonAllocator::Pymalloc, PythonAllocator::PymallocDebug, PythonAllocator::Mimalloc] {
            info.header.python_allocator = allocator;
            assert!(may_lack_small_objects(&info), "{allocator:?}");
        }
        info.header.python_allocator = PythonAllocator::Malloc;
        assert!(!may_lack_small_objects(&info), "each object is a malloc of its own");
        assert_eq!(
            small_objects_untraced().text,
            "Small Python objects were not traced; they appear as arenas, charged to the line that happened to need a \
             new one. Record with --trace-python-allocators to see them."
        );
    }

    #[test]
    fn libraries_are_counted_once_however_often_they_occur() {
        let mut names = Names::default();
        assert_eq!(libraries_without_symbols(&names, 1), None);
        names.native_library("libarrow.so.1900");
        assert_eq!(
            libraries_without_symbols(&names, 2).unwrap().text,
            "libarrow.so.1900 has no symbols here: its native frames show the library alone."
        );
        names.native_library("libz.so.1");
        names.native_library("libm.so.6");
        let note = libraries_without_symbols(&names, 4).unwrap();
        assert_eq!(
            note.text,
            "libarrow.so.1900 and 2 other libraries have no symbols here: their native frames show the library alone."
        );
        assert_eq!(note.detail.as_deref(), Some("libarrow.so.1900, libm.so.6, libz.so.1"));
    }

    #[test]
    fn names_from_libraries_that_need_not_be_the_same_are_said_to_be_unverified() {
        assert_eq!(native_names_unverified(NativeSymbols::None), None);
        assert_eq!(native_names_unverified(NativeSymbols::Verified), None);
        let note = native_names_unverified(NativeSymbols::Unverified).unwrap();
        assert!(note.text.starts_with("Names of native functions are unverified: "), "{}", note.text);
    }

    #[test]
    fn a_clock_that_steps_back_is_told_with_its_largest_step() {
        let mut timeline = timeline();
        assert_eq!(clock_stepped_back(&timeline), None);
        for snapshot in &mut timeline.snapshots[20..] {
            snapshot.time_ms -= 5_000;
        }
        assert_eq!(
            clock_stepped_back(&timeline).unwrap().text,
            "The machine's clock stepped back by 4.00 s at 19.0 s; times of day after that are not certain."
        );
        timeline.snapshots[1].time_ms = START_MS - 10;
        assert!(clock_stepped_back(&timeline).unwrap().text.contains("2 times, by 4.00 s at 19.0 s at most"));
    }
}
