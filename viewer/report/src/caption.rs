// SPDX-License-Identifier: Apache-2.0
//! What a view shows, in words: `Allocated 0:20:00–3:00:00 and still live at 3:00:00: 2.90 GiB in 1,204,311 allocations`.
//!
//! [`caption`] leads. [`rss_gap`] sets a moment's heap beside the process's resident set, and names what may lie between.

use crate::filtering::filter_words_of;
use crate::moments::elapsed_ms;
use crate::size::{Units, format_bytes, format_bytes_signed, format_count_signed, format_counted, format_sum};
use crate::time::{format_elapsed, format_elapsed_range};
use memray_index::{Answer, CaptureInfo, Index, Mode, Moment, TimeRange, Timeline};

/// The caption of an answer.
pub fn caption(index: &Index, answer: &Answer, units: Units) -> String {
    let what = mode_words(&answer.question.mode, index.info(), index.timeline());
    let only = filter_words_of(index, &answer.question.filter);
    format!("{what}{only}: {}", amount_words(answer, units))
}

/// What a mode asks for, with its times: `Live at 14.2 s`.
pub fn mode_words(mode: &Mode, info: &CaptureInfo, timeline: &Timeline) -> String {
    let at = |moment: Moment| elapsed_ms(timeline, moment);
    let range = |range: &TimeRange| format_elapsed_range(at(range.from), at(range.to));
    match mode {
        Mode::Peak if info.is_aggregated() => "Live at the peak".to_owned(),
        Mode::Peak => format!("Live at the peak, {}", format_elapsed(timeline.peak_elapsed_ms())),
        Mode::Leaked if info.stops_early() => "Live when the recording stops".to_owned(),
        Mode::Leaked => "Still live at the end".to_owned(),
        Mode::LiveAt(Moment::Start) => "Live at the start".to_owned(),
        Mode::LiveAt(Moment::End) if info.stops_early() => "Live when the recording stops".to_owned(),
        Mode::LiveAt(Moment::End) => "Live at the end".to_owned(),
        Mode::LiveAt(moment) => format!("Live at {}", format_elapsed(at(*moment))),
        Mode::RangeLive(times) => {
            format!("Allocated {} and still live at {}", range(times), end_of(range(times)))
        }
        Mode::RangePeak(times) => format!("Live at the highest peak of {}", range(times)),
        Mode::RangeGrowth(times) => format!("Growth over {}", range(times)),
        Mode::RangeChurn(times) => format!("Allocated {}, freed or not", range(times)),
        Mode::Temporary { threshold } => {
            format!("Freed after at most {} of the same thread", format_counted(*threshold, "further allocation"))
        }
        Mode::Total => "Allocated in the whole run, freed or not".to_owned(),
    }
}

/// The later end of a worded range, in the range's own form.
fn end_of(range: String) -> String {
    range.rsplit('\u{2013}').next().unwrap_or_default().to_owned()
}

/// What a mode is called where room is short, and in exports: `leaked`, or what stands for it where the recording stops
/// before its end.
pub fn mode_label(mode: &Mode, info: &CaptureInfo) -> &'static str {
    match mode {
        Mode::Peak => "peak",
        Mode::Leaked if info.stops_early() => "live when the recording stops",
        Mode::Leaked => "leaked",
        Mode::LiveAt(_) => "live at a moment",
        Mode::RangeLive(_) => "allocated in a range and live at its end",
        Mode::RangePeak(_) => "highest peak of a range",
        Mode::RangeGrowth(_) => "growth over a range",
        Mode::RangeChurn(_) => "allocated in a range",
        Mode::Temporary { .. } => "temporary",
        Mode::Total => "allocated in the whole run",
    }
}

fn amount_words(answer: &Answer, units: Units) -> String {
    let total = answer.total;
    if let Mode::RangeGrowth(_) = answer.question.mode {
        let plural = if total.allocations.unsigned_abs() == 1 { "" } else { "s" };
        let allocations = format_count_signed(total.allocations);
        return format!("{} in {allocations} allocation{plural}", format_bytes_signed(total.bytes, units));
    }
    format!("{} in {}", format_sum(total.bytes, units), format_counted(total.allocations, "allocation"))
}

/// A moment's resident set beside its heap, and what the difference may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RssGap {
    /// `RSS 7.90 GiB, heap 3.20 GiB: 4.70 GiB is not in the recorded heap`.
    pub text: String,
    /// What may cause it; possible causes, none of them shown to be one.
    pub possible_causes: &'static str,
}

/// Sets a moment's heap beside the resident set of the process.
pub fn rss_gap(rss_bytes: u64, heap_bytes: u64, units: Units) -> RssGap {
    let both = format!("RSS {}, heap {}", format_bytes(rss_bytes, units), format_bytes(heap_bytes, units));
    let gap = format_bytes(rss_bytes.abs_diff(heap_bytes), units);
    if rss_bytes >= heap_bytes {
        RssGap {
            text: format!("{both}: {gap} is not in the recorded heap"),
            possible_causes: "Possible causes: the interpreter and its libraries; memory from before tracking began; \
                              freed blocks that the allocator keeps; fragmentation; allocators that memray does not \
                              see; memray itself.",
        }
    } else {
        RssGap {
            text: format!("{both}: {gap} of the recorded heap is not resident"),
            possible_causes: "Possible causes: memory that was allocated and not yet touched; mapped files that were \
                              not read; memory that was swapped out.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{START_MS, info, timeline};
    use memray_format::FileFormat;
    use memray_index::{Amount, Ending, Question};

    fn answer(mode: Mode, bytes: i64, allocations: i64) -> Answer {
        Answer {
            question: Question { mode, ..Question::default() },
            total: Amount { bytes, allocations },
            sites: Vec::new(),
            heap_bytes: None,
        }
    }

    fn words(mode: Mode) -> String {
        mode_words(&mode, &info(), &timeline())
    }

    const RANGE: TimeRange = TimeRange { from: Moment::Snapshot(2), to: Moment::Snapshot(14) };

    #[test]
    fn every_mode_is_a_sentence_of_its_own() {
        assert_eq!(words(Mode::Peak), "Live at the peak, 14.5 s");
        assert_eq!(words(Mode::Leaked), "Still live at the end");
        assert_eq!(words(Mode::LiveAt(Moment::Snapshot(14))), "Live at 14.0 s");
        assert_eq!(words(Mode::LiveAt(Moment::End)), "Live at the end");
        assert_eq!(words(Mode::RangeLive(RANGE)), "Allocated 2.00 s–14.0 s and still live at 14.0 s");
        assert_eq!(words(Mode::RangePeak(RANGE)), "Live at the highest peak of 2.00 s–14.0 s");
        assert_eq!(words(Mode::RangeGrowth(RANGE)), "Growth over 2.00 s–14.0 s");
        assert_eq!(words(Mode::RangeChurn(RANGE)), "Allocated 2.00 s–14.0 s, freed or not");
        assert_eq!(
            words(Mode::Temporary { threshold: 1 }),
            "Freed after at most 1 further allocation of the same thread"
        );
        assert_eq!(
            words(Mode::Temporary { threshold: 20 }),
            "Freed after at most 20 further allocations of the same thread"
        );
        assert_eq!(words(Mode::Total), "Allocated in the whole run, freed or not");
    }

    #[test]
    fn long_ranges_show_clocks_at_both_ends() {
        let mut timeline = timeline();
        timeline.snapshots[2].time_ms = START_MS + 20 * 60_000;
        timeline.snapshots[14].time_ms = START_MS + 180 * 60_000;
        let what = mode_words(&Mode::RangeLive(RANGE), &info(), &timeline);
        let amount = amount_words(&answer(Mode::RangeLive(RANGE), 3_113_851_290, 1_204_311), Units::Binary);
        assert_eq!(
            format!("{what}: {amount}"),
            "Allocated 0:20:00–3:00:00 and still live at 3:00:00: 2.90 GiB in 1,204,311 allocations"
        );
    }

    #[test]
    fn nothing_is_called_leaked_where_the_recording_stops() {
        let mut info = info();
        assert_eq!(mode_label(&Mode::Leaked, &info), "leaked");
        info.ending = Ending::Truncated { offset: 1, reason: String::new() };
        assert_eq!(mode_label(&Mode::Leaked, &info), "live when the recording stops");
        for mode in [Mode::Leaked, Mode::LiveAt(Moment::End)] {
            assert_eq!(mode_words(&mode, &info, &timeline()), "Live when the recording stops");
        }
    }

    #[test]
    fn an_aggregated_peak_has_no_time() {
        let mut info = info();
        info.header.file_format = FileFormat::Aggregated;
        assert_eq!(mode_words(&Mode::Peak, &info, &timeline()), "Live at the peak");
    }

    #[test]
    fn growth_has_a_sign() {
        let shrunk = answer(Mode::RangeGrowth(RANGE), -2048, -1);
        assert_eq!(amount_words(&shrunk, Units::Binary), "\u{2212}2.00 KiB in \u{2212}1 allocation");
        let grown = answer(Mode::RangeGrowth(RANGE), 2048, 1204);
        assert_eq!(amount_words(&grown, Units::Binary), "+2.00 KiB in +1,204 allocations");
    }

    #[test]
    fn sizes_that_no_program_has_are_called_impossible() {
        let wrapped = answer(Mode::Peak, -10, 10);
        assert_eq!(amount_words(&wrapped, Units::Binary), "an impossible size in 10 allocations");
    }

    #[test]
    fn what_lies_between_rss_and_heap_is_not_asserted() {
        let above = rss_gap(8_482_560_410, 3_435_973_837, Units::Binary);
        assert_eq!(above.text, "RSS 7.90 GiB, heap 3.20 GiB: 4.70 GiB is not in the recorded heap");
        assert!(above.possible_causes.starts_with("Possible causes: "));
        let below = rss_gap(1 << 30, 3 << 30, Units::Binary);
        assert_eq!(below.text, "RSS 1.00 GiB, heap 3.00 GiB: 2.00 GiB of the recorded heap is not resident");
    }
}
