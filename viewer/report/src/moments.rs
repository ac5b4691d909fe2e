// SPDX-License-Identifier: Apache-2.0
//! Moments and ranges as people type them: `#12`, `end`, `14.2s`, `0:20:00`, `14:03:20`; `0:20:00..3:00:00`.
//!
//! [`parse_moment`] and [`parse_range`] lead. Times count from the start of tracking and name snapshots by memray's rule.
//! A time with hours, minutes and seconds that lies beyond the recording's length is taken as a time of day, if one of
//! the recording's; so `14:03:20` needs no mark of its own. Where times of day are what the reader looks at they go before
//! ([`Clock`]), and both ends of a range are read alike.

use crate::size::format_counted;
use crate::time::{WallClock, format_duration, format_elapsed_exact, format_time_of_day, time_of_day_after};
use memray_index::{Moment, TimeRange, Timeline};

/// How times with hours are read.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Whose times of day.
    pub wall: WallClock,
    /// Whether a time that may be elapsed or of the day is of the day.
    pub prefers_day: bool,
}

impl From<WallClock> for Clock {
    fn from(wall: WallClock) -> Self {
        Self { wall, prefers_day: false }
    }
}

/// Why a text names no moment or range of a capture. The message is a whole sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It is no moment at all.
    #[error("“{0}” is no moment: write #12 for a snapshot, start, end, 14.2s, 1m30s, 0:20:00 or a time of day")]
    NotAMoment(String),
    /// It is no range at all.
    #[error("“{0}” is no range: write two moments with .. between them, as in 0:20:00..3:00:00, #3..end or 2s..5s")]
    NotARange(String),
    /// There is no such snapshot.
    #[error("there is no snapshot #{asked}: this capture has {}", snapshots(*.count))]
    NoSuchSnapshot {
        /// What was asked for.
        asked: u64,
        /// How many snapshots there are, counted from 0.
        count: usize,
    },
    /// The time lies beyond the recording's end.
    #[error("{time} lies after the end of the recording, which is {length} long")]
    AfterTheEnd {
        /// What was asked for.
        time: String,
        /// How long the recording is.
        length: String,
    },
    /// Neither an elapsed time nor a time of day of the recording.
    #[error("{time} is neither within the recording’s {length} nor a time of day in it ({first} to {last})")]
    NeitherElapsedNorOfDay {
        /// What was asked for.
        time: String,
        /// How long the recording is.
        length: String,
        /// When it begins.
        first: String,
        /// When it ends.
        last: String,
    },
    /// The range runs backwards.
    #[error("the range {0} ends before it starts: swap its ends")]
    Backwards(String),
}

fn snapshots(count: usize) -> String {
    match count {
        0 => "none".to_owned(),
        1 => "one, #0".to_owned(),
        n => format!("{}, #0 to #{}", format_counted(n as u64, "snapshot"), n - 1),
    }
}

/// The moment that a text names.
pub fn parse_moment(text: &str, timeline: &Timeline, clock: impl Into<Clock>) -> Result<Moment, MomentError> {
    Ok(match point(text.trim(), timeline, clock.into())? {
        Point::Moment(moment) => moment,
        Point::Elapsed(elapsed_ms) | Point::OfDay(elapsed_ms) => timeline.moment_at(elapsed_ms),
    })
}

/// The range that a text names: two moments with `..`, `–` or `-` between them.
pub fn parse_range(text: &str, timeline: &Timeline, clock: impl Into<Clock>) -> Result<TimeRange, MomentError> {
    let clock = clock.into();
    let text = text.trim();
    let (from, to) = ["..", "\u{2013}", "-"]
        .iter()
        .find_map(|separator| text.split_once(separator))
        .ok_or_else(|| MomentError::NotARange(text.to_owned()))?;
    let points = |clock| Ok((point(from.trim(), timeline, clock)?, point(to.trim(), timeline, clock)?));
    let (from, to) = match points(clock)? {
        (Point::OfDay(_), Point::Elapsed(_)) | (Point::Elapsed(_), Point::OfDay(_)) => {
            points(Clock { prefers_day: true, ..clock })?
        }
        alike => alike,
    };
    let from_elapsed_ms = match from {
        Point::Elapsed(elapsed_ms) | Point::OfDay(elapsed_ms) => elapsed_ms,
        Point::Moment(_) => 0,
    };
    let range = TimeRange {
        from: match from {
            Point::Moment(moment) => moment,
            Point::Elapsed(elapsed_ms) | Point::OfDay(elapsed_ms) => timeline.moment_at(elapsed_ms),
        },
        to: match to {
            Point::Moment(moment) => moment,
            Point::Elapsed(elapsed_ms) | Point::OfDay(elapsed_ms) => timeline.range_at(from_elapsed_ms, elapsed_ms).to,
        },
    };
    let is_backwards = match (from, to) {
        (Point::Moment(_), _) | (_, Point::Moment(_)) => false,
        (Point::Elapsed(from_ms) | Point::OfDay(from_ms), Point::Elapsed(to_ms) | Point::OfDay(to_ms)) => {
            from_ms > to_ms
        }
    };
    if is_backwards || range.from > range.to { Err(MomentError::Backwards(text.to_owned())) } else { Ok(range) }
}

/// A moment as [`parse_moment`] reads it back: `start`, `#12`, `end`.
pub fn format_moment(moment: Moment) -> String {
    match moment {
        Moment::Start => "start".to_owned(),
        Moment::Snapshot(i) => format!("#{i}"),
        Moment::End => "end".to_owned(),
    }
}

/// The moment of another capture that is as long after its beginning; its end, if it did not run so long.
pub fn same_moment(moment: Moment, from: &Timeline, to: &Timeline) -> Moment {
    match moment {
        Moment::Start => Moment::Start,
        moment => to.moment_at(elapsed_ms(from, moment)),
    }
}

/// The same of a range; the whole run is each capture's own.
pub fn same_range(range: TimeRange, from: &Timeline, to: &Timeline) -> TimeRange {
    if range == (TimeRange { from: Moment::Start, to: Moment::End }) {
        return range;
    }
    TimeRange { from: same_moment(range.from, from, to), to: same_moment(range.to, from, to) }
}

/// A moment's time, from the start of tracking.
pub fn elapsed_ms(timeline: &Timeline, moment: Moment) -> i64 {
    timeline.elapsed_ms(moment)
}

#[derive(Clone, Copy)]
enum Point {
    Moment(Moment),
    /// A time from the start.
    Elapsed(i64),
    /// The same, given as a time of day.
    OfDay(i64),
}

fn point(text: &str, timeline: &Timeline, clock: Clock) -> Result<Point, MomentError> {
    let not_a_moment = || MomentError::NotAMoment(text.to_owned());
    if text.eq_ignore_ascii_case("start") {
        return Ok(Point::Moment(Moment::Start));
    }
    if text.eq_ignore_ascii_case("end") {
        return Ok(Point::Moment(Moment::End));
    }
    if let Some(number) = text.strip_prefix('#') {
        let asked: u64 = digits(number).ok_or_else(not_a_moment)?;
        let count = timeline.snapshots.len();
        return match u32::try_from(asked) {
            Ok(i) if (i as usize) < count => Ok(Point::Moment(Moment::Snapshot(i))),
            _ => Err(MomentError::NoSuchSnapshot { asked, count }),
        };
    }
    if text.contains(':') {
        let (elapsed_ms, has_hours) = clock_time(text).ok_or_else(not_a_moment)?;
        return clock_point(elapsed_ms, has_hours, timeline, clock);
    }
    let elapsed_ms = duration(text).ok_or_else(not_a_moment)?;
    within(elapsed_ms, timeline)
}

/// How long the recording is, by the latest of its times.
fn length_ms(timeline: &Timeline) -> i64 {
    let last_ms = timeline.snapshots.iter().map(|s| s.time_ms).max().unwrap_or(timeline.end_time_ms);
    last_ms.max(timeline.end_time_ms).saturating_sub(timeline.start_time_ms)
}

/// A time may lie a second beyond the end: what is read off a rounded label can be typed.
const SLACK_MS: i64 = 1000;

fn within(elapsed_ms: i64, timeline: &Timeline) -> Result<Point, MomentError> {
    let length_ms = length_ms(timeline);
    if elapsed_ms <= length_ms.saturating_add(SLACK_MS) {
        return Ok(Point::Elapsed(elapsed_ms));
    }
    Err(MomentError::AfterTheEnd { time: format_elapsed_exact(elapsed_ms), length: format_duration(length_ms) })
}

fn clock_point(elapsed_ms: i64, has_hours: bool, timeline: &Timeline, clock: Clock) -> Result<Point, MomentError> {
    let elapsed = within(elapsed_ms, timeline);
    if !has_hours {
        return elapsed;
    }
    let length_ms = length_ms(timeline);
    let at_ms = time_of_day_after(timeline.start_time_ms, elapsed_ms, clock.wall);
    let from_start_ms = at_ms.saturating_sub(timeline.start_time_ms);
    let of_day = (from_start_ms <= length_ms).then_some(Point::OfDay(from_start_ms.max(0)));
    let (first, second) = if clock.prefers_day { (of_day, elapsed.ok()) } else { (elapsed.ok(), of_day) };
    first.or(second).ok_or_else(|| MomentError::NeitherElapsedNorOfDay {
        time: format_elapsed_exact(elapsed_ms),
        length: format_duration(length_ms),
        first: format_time_of_day(timeline.start_time_ms, clock.wall),
        last: format_time_of_day(timeline.start_time_ms.saturating_add(length_ms), clock.wall),
    })
}

/// `h:mm:ss` or `m:ss`, with a fraction or without, in milliseconds; and whether it has hours.
fn clock_time(text: &str) -> Option<(i64, bool)> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hours, minutes, seconds) = match parts.as_slice() {
        [minutes, seconds] => ("0", minutes, seconds),
        [hours, minutes, seconds] => (*hours, minutes, seconds),
        _ => return None,
    };
    let whole_minutes = digits(hours)?.checked_mul(60)?.checked_add(digits(minutes)?)?;
    let (seconds_ms, minutes_ms) =
        (decimal_ms(seconds, 1000)?, i64::try_from(whole_minutes.checked_mul(60_000)?).ok()?);
    let has_hours = parts.len() == 3;
    if seconds_ms >= 60_000 || (has_hours && digits(minutes)? >= 60) {
        return None;
    }
    Some((minutes_ms.checked_add(seconds_ms)?, has_hours))
}

/// `14.2s`, `250ms`, `1m30s`, `2h`, `1.5`, in milliseconds. A number alone is seconds.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total_ms: i64 = 0;
    let mut smallest_ms = i64::MAX;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_end);
        let tail = tail.trim_start();
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit_ms = match unit {
            "ms" => 1,
            "" | "s" | "sec" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        // Units go from large to small, each once: "30s1m" and "5 5" are slips, not times.
        if unit_ms >= smallest_ms {
            return None;
        }
        smallest_ms = unit_ms;
        total_ms = total_ms.checked_add(decimal_ms(number, unit_ms)?)?;
        rest = tail.trim_start();
    }
    (smallest_ms != i64::MAX).then_some(total_ms)
}

/// A decimal number of units, in whole milliseconds; digits beyond the millisecond are dropped.
fn decimal_ms(text: &str, unit_ms: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { i64::try_from(digits(whole)?).ok()? };
    // Nine digits are finer than a millisecond in any unit, and cannot overflow when multiplied by one.
    let fraction_ms = match fraction.get(..9.min(fraction.len()))? {
        "" => 0,
        used => i64::try_from(digits(used)?).ok()? * unit_ms / 10_i64.pow(used.len() as u32),
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    whole.checked_mul(unit_ms)?.checked_add(fraction_ms)
}

/// A whole number of ASCII digits and nothing else.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::timeline;

    fn moment(text: &str) -> Result<Moment, MomentError> {
        parse_moment(text, &timeline(), WallClock::Utc)
    }

    fn range(text: &str) -> Result<TimeRange, MomentError> {
        parse_range(text, &timeline(), WallClock::Utc)
    }

    #[test]
    fn names_of_moments() {
        assert_eq!(moment("start"), Ok(Moment::Start));
        assert_eq!(moment(" END "), Ok(Moment::End));
        assert_eq!(moment("#12"), Ok(Moment::Snapshot(12)));
        assert_eq!(format_moment(Moment::Snapshot(12)), "#12");
    }

    #[test]
    fn elapsed_times_name_the_first_snapshot_at_or_after_them() {
        // The sample's snapshots are a second apart, from 0 to 41 s, and it ends at 41.3 s.
        for text in ["14.2s", "14.2 s", "14.2", "14200ms", "0:14.2", "0:00:14.2", "14 s 200 ms"] {
            assert_eq!(moment(text), Ok(Moment::Snapshot(15)), "{text}");
        }
        assert_eq!(moment("0"), Ok(Moment::Snapshot(0)));
        assert_eq!(moment("41s"), Ok(Moment::Snapshot(41)));
        assert_eq!(moment("41.1s"), Ok(Moment::End));
    }

    #[test]
    fn units_go_from_large_to_small() {
        assert_eq!(duration("1m30s"), Some(90_000));
        assert_eq!(duration("1h 2min 3.5s"), Some(3_723_500));
        assert_eq!(duration("1.5m"), Some(90_000));
        assert_eq!(duration("0.0019s"), Some(1));
        assert_eq!(duration("2.123456789123h"), Some(7_644_444));
        for text in ["", "s", "5x", "30s1m", "5 5", "1.2.3s", "1e3", "-1s", "99999999999999999999s", "5s5s", "1.é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_read_off_a_rounded_label_may_be_typed() {
        assert_eq!(moment("42s"), Ok(Moment::End));
        assert_eq!(moment("0:00:42"), Ok(Moment::End));
    }

    #[test]
    fn a_clock_time_beyond_the_recording_is_a_time_of_day() {
        assert_eq!(moment("13:03:20"), Ok(Moment::Snapshot(0)));
        assert_eq!(moment("13:03:34"), Ok(Moment::Snapshot(14)));
        assert_eq!(
            moment("14:03:20").unwrap_err().to_string(),
            "14:03:20 is neither within the recording’s 41.3 s nor a time of day in it (13:03:20 to 13:04:01)"
        );
    }

    /// The sample, begun so many seconds after midnight.
    fn begun_after_midnight(seconds: i64) -> Timeline {
        let mut timeline = timeline();
        let midnight_ms = timeline.start_time_ms - timeline.start_time_ms.rem_euclid(86_400_000);
        let shift_ms = midnight_ms + seconds * 1000 - timeline.start_time_ms;
        timeline.start_time_ms += shift_ms;
        timeline.end_time_ms += shift_ms;
        timeline.snapshots.iter_mut().for_each(|snapshot| snapshot.time_ms += shift_ms);
        timeline
    }

    #[test]
    fn where_the_axis_has_times_of_day_they_go_before_elapsed_ones() {
        let timeline = begun_after_midnight(4);
        let prefers_day = Clock { wall: WallClock::Utc, prefers_day: true };
        let at = |text: &str, clock: Clock| parse_moment(text, &timeline, clock);
        assert_eq!(at("00:00:10", WallClock::Utc.into()), Ok(Moment::Snapshot(10)));
        assert_eq!(at("00:00:10", prefers_day), Ok(Moment::Snapshot(6)));
        // It had not begun then.
        assert_eq!(at("00:00:02", prefers_day), Ok(Moment::Snapshot(2)));
        assert_eq!(at("10s", prefers_day), Ok(Moment::Snapshot(10)));
        assert_eq!(at("0:10", prefers_day), Ok(Moment::Snapshot(10)));
    }

    #[test]
    fn both_ends_of_a_range_are_times_of_day_if_one_can_only_be_that() {
        let timeline = begun_after_midnight(-15);
        let range = parse_range("23:59:50..00:00:05", &timeline, WallClock::Utc);
        assert_eq!(range, Ok(TimeRange { from: Moment::Snapshot(5), to: Moment::Snapshot(21) }));
    }

    #[test]
    fn ranges_follow_memrays_rule() {
        // From the first snapshot at or after the start, to the first after the end.
        let expected = TimeRange { from: Moment::Snapshot(2), to: Moment::Snapshot(6) };
        for text in ["2s..5s", "2s-5s", "2s – 5s", "0:00:02-0:00:05", "13:03:22..13:03:25", "#2..5s", "2s..#6"] {
            assert_eq!(range(text), Ok(expected), "{text}");
        }
        assert_eq!(range("start..end"), Ok(TimeRange { from: Moment::Start, to: Moment::End }));
        assert_eq!(range("#3..#3"), Ok(TimeRange { from: Moment::Snapshot(3), to: Moment::Snapshot(3) }));
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let said = |text: &str| range(text).unwrap_err().to_string();
        assert_eq!(
            moment("soon").unwrap_err().to_string(),
            "“soon” is no moment: write #12 for a snapshot, start, end, 14.2s, 1m30s, 0:20:00 or a time of day"
        );
        assert_eq!(
            moment("#42").unwrap_err().to_string(),
            "there is no snapshot #42: this capture has 42 snapshots, #0 to #41"
        );
        assert_eq!(moment("#-1"), Err(MomentError::NotAMoment("#-1".to_owned())));
        assert_eq!(
            moment("90s").unwrap_err().to_string(),
            "0:01:30 lies after the end of the recording, which is 41.3 s long"
        );
        assert!(said("5s").starts_with("“5s” is no range"));
        assert_eq!(said("5s..2s"), "the range 5s..2s ends before it starts: swap its ends");
        assert_eq!(said("end..start"), "the range end..start ends before it starts: swap its ends");
        assert!(said("..5s").starts_with("“” is no moment"));
        assert!(said("0:61:00..end").starts_with("“0:61:00” is no moment"));
        assert!(said("1:2:3:4..end").starts_with("“1:2:3:4” is no moment"));
    }

    #[test]
    fn a_capture_without_snapshots_has_a_start_and_an_end() {
        let empty = Timeline::default();
        assert_eq!(parse_moment("end", &empty, WallClock::Utc), Ok(Moment::End));
        assert_eq!(parse_moment("0s", &empty, WallClock::Utc), Ok(Moment::End));
        assert_eq!(
            parse_moment("#0", &empty, WallClock::Utc).unwrap_err().to_string(),
            "there is no snapshot #0: this capture has none"
        );
    }
}
