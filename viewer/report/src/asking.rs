// SPDX-License-Identifier: Apache-2.0
//! Questions as people type them: `range-live@0:20:00..3:00:00`, `temporary=3`, `/^load_/`.
//!
//! [`parse_mode`] leads, [`parse_mode_of_both`] asks two captures; [`parse_pattern`], [`parse_allocator`] and [`find_thread`]
//! read the filters. The window's search field and the command line's options share them.

use crate::escape;
use crate::moments::{MomentError, parse_moment, parse_range, same_moment, same_range};
use crate::time::WallClock;
use memray_format::{Allocator, AllocatorKind};
use memray_index::{Index, Mode, Pattern, ThreadIndex, Timeline};

/// The modes, as [`parse_mode`] reads them.
pub const MODES: &str = "peak, leaked, allocated, temporary[=N], live@T, range-live@A..B, range-peak@A..B, range-growth@A..B, \
                         range-churn@A..B";

/// Why a text asks for nothing that a capture could answer. The message is a whole sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskingError {
    /// No such mode.
    #[error("“{0}” is no mode: write one of {MODES}")]
    NotAMode(String),
    /// A mode with a threshold that is no number.
    #[error("“{0}” is no number of allocations: write temporary=1, temporary=20")]
    NotAThreshold(String),
    /// A wrong moment or range.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// No such allocator.
    #[error("“{asked}” is no allocator: write one of {known}")]
    NotAnAllocator {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// No such thread.
    #[error("there is no thread “{asked}”: this capture has {known}")]
    NoSuchThread {
        /// What was asked for.
        asked: String,
        /// Some of those that there are.
        known: String,
    },
    /// Several threads of one name.
    #[error("{count} threads are called “{asked}”: name one by its number: {known}")]
    AmbiguousThread {
        /// What was asked for.
        asked: String,
        /// How many have that name.
        count: usize,
        /// Some of their numbers.
        known: String,
    },
}

/// The mode that a text names; see [`MODES`].
pub fn parse_mode(text: &str, timeline: &Timeline, clock: WallClock) -> Result<Mode, AskingError> {
    let not_a_mode = || AskingError::NotAMode(text.to_owned());
    if let Some((name, time)) = text.split_once('@') {
        return match name {
            "live" => Ok(Mode::LiveAt(parse_moment(time, timeline, clock)?)),
            "range-live" => Ok(Mode::RangeLive(parse_range(time, timeline, clock)?)),
            "range-peak" => Ok(Mode::RangePeak(parse_range(time, timeline, clock)?)),
            "range-growth" => Ok(Mode::RangeGrowth(parse_range(time, timeline, clock)?)),
            "range-churn" => Ok(Mode::RangeChurn(parse_range(time, timeline, clock)?)),
            _ => Err(not_a_mode()),
        };
    }
    if let Some(threshold) = text.strip_prefix("temporary=") {
        let threshold = threshold.parse().map_err(|_| AskingError::NotAThreshold(threshold.to_owned()))?;
        return Ok(Mode::Temporary { threshold });
    }
    match text {
        "peak" => Ok(Mode::Peak),
        "leaked" => Ok(Mode::Leaked),
        "allocated" => Ok(Mode::Total),
        "temporary" => Ok(Mode::Temporary { threshold: 1 }),
        _ => Err(not_a_mode()),
    }
}

/// The mode that a text names, of two captures: a time that only one of them reached is the other's end.
pub fn parse_mode_of_both(text: &str, timelines: [&Timeline; 2], clock: WallClock) -> [Result<Mode, AskingError>; 2] {
    let [before, after] = timelines;
    let is_too_late = |mode: &Result<Mode, AskingError>| {
        use MomentError::{AfterTheEnd, NeitherElapsedNorOfDay};
        matches!(mode, Err(AskingError::Moment(AfterTheEnd { .. } | NeitherElapsedNorOfDay { .. })))
    };
    match timelines.map(|timeline| parse_mode(text, timeline, clock)) {
        [a, Ok(b)] if is_too_late(&a) => [Ok(same_mode(b, after, before)), Ok(b)],
        [Ok(a), b] if is_too_late(&b) => [Ok(a), Ok(same_mode(a, before, after))],
        modes => modes,
    }
}

/// A mode with the times that are as long after another capture's beginning.
fn same_mode(mode: Mode, from: &Timeline, to: &Timeline) -> Mode {
    let same = |range| same_range(range, from, to);
    match mode {
        Mode::LiveAt(moment) => Mode::LiveAt(same_moment(moment, from, to)),
        Mode::RangeLive(range) => Mode::RangeLive(same(range)),
        Mode::RangePeak(range) => Mode::RangePeak(same(range)),
        Mode::RangeGrowth(range) => Mode::RangeGrowth(same(range)),
        Mode::RangeChurn(range) => Mode::RangeChurn(same(range)),
        Mode::Peak | Mode::Leaked | Mode::Total | Mode::Temporary { .. } => mode,
    }
}

/// A pattern: `/…/` is a regular expression, anything else is contained in the name.
pub fn parse_pattern(text: &str) -> Pattern {
    match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(regex) if !regex.is_empty() => Pattern::Regex(regex.to_owned()),
        _ => Pattern::Substring(text.to_owned()),
    }
}

/// An allocator by its name, whatever the case.
pub fn parse_allocator(text: &str) -> Result<Allocator, AskingError> {
    let mut allocators = Allocator::ALL.into_iter().filter(|allocator| is_allocating(*allocator));
    allocators.clone().find(|allocator| allocator.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let known: Vec<&str> = allocators.by_ref().map(Allocator::name).collect();
        AskingError::NotAnAllocator { asked: text.to_owned(), known: known.join(", ") }
    })
}

fn is_allocating(allocator: Allocator) -> bool {
    matches!(allocator.kind(), AllocatorKind::Simple | AllocatorKind::Ranged)
}

/// What one can call a thread: the capture's number of it, and its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadName {
    /// The capture's own number.
    pub id: u64,
    /// Its name or what stands for it.
    pub label: String,
}

/// An index's threads by their names, in its order.
pub fn thread_names(index: &Index) -> Vec<ThreadName> {
    (0..index.threads().len() as u32)
        .zip(index.threads())
        .map(|(i, thread)| ThreadName { id: thread.id.0, label: index.thread_label(ThreadIndex(i)) })
        .collect()
}

/// A thread by its name, or by its number as `2` or `0x2`.
pub fn find_thread(text: &str, threads: &[ThreadName]) -> Result<ThreadIndex, AskingError> {
    let named: Vec<usize> = (0..threads.len()).filter(|&i| threads[i].label == text).collect();
    match named.as_slice() {
        [only] => return Ok(ThreadIndex(*only as u32)),
        [] => {}
        several => {
            let known = list(several.iter().map(|&i| format!("{:#x}", threads[i].id)));
            return Err(AskingError::AmbiguousThread { asked: text.to_owned(), count: several.len(), known });
        }
    }
    let number = match text.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
        None => text.parse().ok(),
    };
    threads.iter().position(|thread| Some(thread.id) == number).map(|i| ThreadIndex(i as u32)).ok_or_else(|| {
        let known = list(threads.iter().map(|thread| format!("{:#x} ({})", thread.id, escape::visible(&thread.label))));
        AskingError::NoSuchThread { asked: text.to_owned(), known }
    })
}

/// The first few of many.
fn list(mut items: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let count = items.len();
    let mut shown: Vec<String> = items.by_ref().take(SHOWN).collect();
    if count > SHOWN {
        shown.push(format!("{} more", count - SHOWN));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::timeline;
    use memray_index::{Moment, TimeRange};

    fn mode(text: &str) -> Result<Mode, AskingError> {
        parse_mode(text, &timeline(), WallClock::Utc)
    }

    #[test]
    fn every_mode_can_be_typed() {
        let range = TimeRange { from: Moment::Snapshot(2), to: Moment::End };
        assert_eq!(mode("peak"), Ok(Mode::Peak));
        assert_eq!(mode("leaked"), Ok(Mode::Leaked));
        assert_eq!(mode("allocated"), Ok(Mode::Total));
        assert_eq!(mode("temporary"), Ok(Mode::Temporary { threshold: 1 }));
        assert_eq!(mode("temporary=0"), Ok(Mode::Temporary { threshold: 0 }));
        assert_eq!(mode("live@#3"), Ok(Mode::LiveAt(Moment::Snapshot(3))));
        assert_eq!(mode("live@2s"), Ok(Mode::LiveAt(Moment::Snapshot(2))));
        assert_eq!(mode("range-live@#2..end"), Ok(Mode::RangeLive(range)));
        assert_eq!(mode("range-peak@#2..end"), Ok(Mode::RangePeak(range)));
        assert_eq!(mode("range-growth@#2..end"), Ok(Mode::RangeGrowth(range)));
        assert_eq!(mode("range-churn@#2..end"), Ok(Mode::RangeChurn(range)));
    }

    #[test]
    fn a_time_that_only_one_capture_reached_is_the_others_end() {
        let short = timeline();
        let mut long = timeline();
        long.end_time_ms += 60_000;
        let last = long.snapshots.last().map_or(0, |last| last.time_ms);
        long.snapshots.push(memray_index::SnapshotRow { time_ms: last + 50_000, rss_bytes: 0, heap_bytes: 0 });
        let late = Moment::Snapshot(long.snapshots.len() as u32 - 1);
        let elapsed_s = long.elapsed_ms(late) / 1000;
        let both = |text: &str, timelines| parse_mode_of_both(text, timelines, WallClock::Utc);
        let live = format!("live@{elapsed_s}s");
        let (of_short, of_long) = (Ok(Mode::LiveAt(Moment::End)), Ok(Mode::LiveAt(late)));
        assert_eq!(both(&live, [&short, &long]), [of_short.clone(), of_long.clone()]);
        assert_eq!(both(&live, [&long, &short]), [of_long, of_short]);
        let (hours, minutes) = (elapsed_s / 3600, elapsed_s / 60 % 60);
        let of_day = format!("live@{hours}:{minutes:02}:{:02}", elapsed_s % 60);
        assert_eq!(both(&of_day, [&short, &long]), both(&live, [&short, &long]));
        let range = format!("range-live@#2..{elapsed_s}s");
        let [a, b] = both(&range, [&short, &long]);
        assert_eq!(a, Ok(Mode::RangeLive(TimeRange { from: Moment::Snapshot(2), to: Moment::End })));
        assert!(b.is_ok());
        let refused = both("live@9999s", [&short, &long]);
        assert!(refused.iter().all(|mode| matches!(mode, Err(AskingError::Moment(MomentError::AfterTheEnd { .. })))));
    }

    #[test]
    fn what_is_no_mode_is_told_what_is() {
        assert_eq!(
            mode("heap").unwrap_err().to_string(),
            "“heap” is no mode: write one of peak, leaked, allocated, temporary[=N], live@T, range-live@A..B, range-peak@A..B, \
             range-growth@A..B, range-churn@A..B"
        );
        assert_eq!(mode("peak@3s"), Err(AskingError::NotAMode("peak@3s".to_owned())));
        assert_eq!(mode("temporary=-1"), Err(AskingError::NotAThreshold("-1".to_owned())));
        assert!(matches!(mode("range-live@3s"), Err(AskingError::Moment(MomentError::NotARange(_)))));
    }

    #[test]
    fn slashes_make_a_regular_expression() {
        assert_eq!(parse_pattern("/^load_/"), Pattern::Regex("^load_".to_owned()));
        assert_eq!(parse_pattern("/srv/app/"), Pattern::Regex("srv/app".to_owned()));
        assert_eq!(parse_pattern("/srv/app"), Pattern::Substring("/srv/app".to_owned()));
        assert_eq!(parse_pattern("//"), Pattern::Substring("//".to_owned()));
        assert_eq!(parse_pattern("/"), Pattern::Substring("/".to_owned()));
    }

    #[test]
    fn an_allocator_is_one_that_allocates() {
        assert_eq!(parse_allocator("MMAP"), Ok(Allocator::Mmap));
        assert_eq!(parse_allocator("pymalloc_malloc"), Ok(Allocator::PymallocMalloc));
        let message = parse_allocator("free").unwrap_err().to_string();
        assert!(message.starts_with("“free” is no allocator: write one of pymalloc_malloc,"), "{message}");
    }

    #[test]
    fn threads_go_by_name_or_number() {
        let thread = |id, label: &str| ThreadName { id, label: label.to_owned() };
        let threads = [thread(1, "main"), thread(2, "pool"), thread(26, "pool"), thread(4, "\u{1b}[31m")];
        assert_eq!(find_thread("main", &threads), Ok(ThreadIndex(0)));
        assert_eq!(find_thread("0x1a", &threads), Ok(ThreadIndex(2)));
        assert_eq!(find_thread("26", &threads), Ok(ThreadIndex(2)));
        assert_eq!(
            find_thread("pool", &threads).unwrap_err().to_string(),
            "2 threads are called “pool”: name one by its number: 0x2, 0x1a"
        );
        assert_eq!(
            find_thread("gpu", &threads).unwrap_err().to_string(),
            "there is no thread “gpu”: this capture has 0x1 (main), 0x2 (pool), 0x1a (pool), 0x4 (\\u{1b}[31m)"
        );
        assert!(find_thread("gpu", &[]).unwrap_err().to_string().ends_with("this capture has none"));
    }
}
