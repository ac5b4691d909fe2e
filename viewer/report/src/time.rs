// SPDX-License-Identifier: Apache-2.0
//! Times as people read them: elapsed since the start of tracking, durations, and wall-clock time.
//!
//! Snapshots are ten milliseconds apart, so elapsed times are shown no finer than that; [`format_elapsed_exact`] shows
//! the millisecond for those who type it back. Local time comes from the C library, which alone knows the machine's zone
//! and its history.

const MS_PER_S: i64 = 1000;
const MS_PER_MINUTE: i64 = 60 * MS_PER_S;
const MS_PER_HOUR: i64 = 60 * MS_PER_MINUTE;
const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;

/// An elapsed time: `12 ms`, `1.25 s`, `14.2 s`, past a minute `3:05`, past an hour `1:20:00`.
pub fn format_elapsed(elapsed_ms: i64) -> String {
    let (sign, ms) = split_sign(elapsed_ms);
    if ms < MS_PER_S {
        format!("{sign}{ms} ms")
    } else if round_to(ms, 10) < 10 * MS_PER_S {
        let hundredths = round_to(ms, 10) / 10;
        format!("{sign}{}.{:02} s", hundredths / 100, hundredths % 100)
    } else if round_to(ms, 100) < MS_PER_MINUTE {
        let tenths = round_to(ms, 100) / 100;
        format!("{sign}{}.{} s", tenths / 10, tenths % 10)
    } else if round_to(ms, MS_PER_S) < MS_PER_HOUR {
        let s = round_to(ms, MS_PER_S) / MS_PER_S;
        format!("{sign}{}:{:02}", s / 60, s % 60)
    } else {
        format_elapsed_clock(elapsed_ms)
    }
}

/// An elapsed time as a clock with hours, whatever its length: `0:20:00`.
pub fn format_elapsed_clock(elapsed_ms: i64) -> String {
    let (sign, ms) = split_sign(elapsed_ms);
    let s = round_to(ms, MS_PER_S) / MS_PER_S;
    format!("{sign}{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// An elapsed time to the millisecond, without idle zeros: `14.203 s`, `90 s`, `0:20:00.12`.
pub fn format_elapsed_exact(elapsed_ms: i64) -> String {
    let (sign, ms) = split_sign(elapsed_ms);
    let (s, fraction_ms) = (ms / MS_PER_S, ms % MS_PER_S);
    let fraction = format!(".{fraction_ms:03}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    if s < 60 {
        format!("{sign}{s}{fraction} s")
    } else {
        format!("{sign}{}:{:02}:{:02}{fraction}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// A range of elapsed times, both ends in the form that suits the later one: `1.20 s–14.2 s`, `0:20:00–3:00:00`; to the
/// millisecond where they would look alike.
pub fn format_elapsed_range(from_ms: i64, to_ms: i64) -> String {
    let is_clock = round_to(from_ms.saturating_abs().max(to_ms.saturating_abs()), MS_PER_S) >= MS_PER_MINUTE;
    let format = if is_clock { format_elapsed_clock } else { format_elapsed };
    let [from, to] = told_apart([from_ms, to_ms], format);
    format!("{from}\u{2013}{to}")
}

/// Two elapsed times in a form; to the millisecond where they would look alike and are not.
pub fn told_apart(elapsed_ms: [i64; 2], format: impl Fn(i64) -> String) -> [String; 2] {
    let words = elapsed_ms.map(format);
    if words[0] == words[1] && elapsed_ms[0] != elapsed_ms[1] { elapsed_ms.map(format_elapsed_exact) } else { words }
}

/// How long something took, in words: `12 ms`, `14.2 s`, `41 min 12 s`, `3 h 5 min`.
pub fn format_duration(duration_ms: i64) -> String {
    let (sign, ms) = split_sign(duration_ms);
    let s = round_to(ms, MS_PER_S) / MS_PER_S;
    if round_to(ms, 100) < MS_PER_MINUTE {
        format_elapsed(duration_ms)
    } else if s < 3600 {
        format!("{sign}{} min {} s", s / 60, s % 60)
    } else {
        let minutes = (s + 30) / 60;
        format!("{sign}{} h {} min", minutes / 60, minutes % 60)
    }
}

/// Which wall clock is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WallClock {
    /// This machine's, with its offset from UTC at that time.
    #[default]
    Local,
    /// Universal time.
    Utc,
}

/// A wall-clock time of day to the second: `14:03:20`.
pub fn format_time_of_day(time_ms: i64, clock: WallClock) -> String {
    let civil = Civil::at(time_ms, clock);
    format!("{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second)
}

/// A time of day to what a step of an axis needs, which steps by so many milliseconds: `14:03:20.5`, `14:03:20`, `14:03`; at
/// midnight, and where steps are days, the date.
pub fn format_time_of_day_at_step(time_ms: i64, step_ms: i64, clock: WallClock) -> String {
    let civil = Civil::at(time_ms, clock);
    let to_seconds = format_time_of_day(time_ms, clock);
    let into_second_ms = time_ms.saturating_add(offset_ms(time_ms, clock)).rem_euclid(MS_PER_S);
    let is_midnight = to_seconds == "00:00:00" && into_second_ms == 0;
    if is_midnight || step_ms >= MS_PER_DAY {
        format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day)
    } else if step_ms < 10 {
        format!("{to_seconds}.{into_second_ms:03}")
    } else if step_ms < 100 {
        format!("{to_seconds}.{:02}", into_second_ms / 10)
    } else if step_ms < MS_PER_S {
        format!("{to_seconds}.{}", into_second_ms / 100)
    } else if step_ms < MS_PER_MINUTE {
        to_seconds
    } else {
        format!("{:02}:{:02}", civil.hour, civil.minute)
    }
}

/// Date, time and zone: `2026-11-22 14:03:20 +01:00`, `2026-11-22 13:03:20 UTC`.
pub fn format_date_time(time_ms: i64, clock: WallClock) -> String {
    let civil = Civil::at(time_ms, clock);
    format!(
        "{:04}-{:02}-{:02} {} {}",
        civil.year,
        civil.month,
        civil.day,
        format_time_of_day(time_ms, clock),
        format_offset(time_ms, clock)
    )
}

/// A time as Python prints a `datetime` in UTC, which is how memray's JSON has it: `2026-11-22 13:03:20.500000+00:00`.
pub(crate) fn format_iso_utc(time_ms: i64) -> String {
    let date_time = format_date_time(time_ms, WallClock::Utc);
    let seconds = date_time.trim_end_matches(" UTC");
    match time_ms.rem_euclid(MS_PER_S) {
        0 => format!("{seconds}+00:00"),
        fraction_ms => format!("{seconds}.{fraction_ms:03}000+00:00"),
    }
}

/// A clock's zone at a time: `+01:00`, or `UTC`.
pub fn format_offset(time_ms: i64, clock: WallClock) -> String {
    match clock {
        WallClock::Utc => "UTC".to_owned(),
        WallClock::Local => {
            let offset_minutes = offset_ms(time_ms, clock) / MS_PER_MINUTE;
            let sign = if offset_minutes < 0 { '\u{2212}' } else { '+' };
            format!("{sign}{:02}:{:02}", offset_minutes.abs() / 60, offset_minutes.abs() % 60)
        }
    }
}

/// The moment of a time of day on the day of `start_ms`, or on the day after where that is past already.
pub(crate) fn time_of_day_after(start_ms: i64, time_of_day_ms: i64, clock: WallClock) -> i64 {
    let local_ms = start_ms.saturating_add(offset_ms(start_ms, clock));
    let midnight_ms = local_ms.saturating_sub(local_ms.rem_euclid(MS_PER_DAY));
    let on_that_day_ms = midnight_ms.saturating_add(time_of_day_ms);
    // The start's own second counts as not yet past: what is typed has no fraction.
    let is_past = on_that_day_ms < local_ms.saturating_sub(local_ms.rem_euclid(MS_PER_S));
    let at_ms = if is_past { on_that_day_ms.saturating_add(MS_PER_DAY) } else { on_that_day_ms };
    at_ms.saturating_sub(offset_ms(start_ms, clock))
}

/// A date and time of day.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    fn at(time_ms: i64, clock: WallClock) -> Self {
        let ms = time_ms.saturating_add(offset_ms(time_ms, clock));
        let s = ms.rem_euclid(MS_PER_DAY) / MS_PER_S;
        let (year, month, day) = date(ms.div_euclid(MS_PER_DAY));
        Self { year, month, day, hour: s / 3600, minute: s / 60 % 60, second: s % 60 }
    }
}

/// The Gregorian date of a day counted from 1970-01-01. Years are taken to begin in March, so that the leap day is
/// their last; 400 of them always have 146,097 days.
fn date(days_since_epoch: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    // 719,468 days lie between 0000-03-01 and 1970-01-01. A count of days made of milliseconds cannot overflow here.
    let days = days_since_epoch + 719_468;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// How much later a clock is than UTC at a time.
pub fn offset_ms(time_ms: i64, clock: WallClock) -> i64 {
    match clock {
        WallClock::Utc => 0,
        WallClock::Local => local_offset_s(time_ms.div_euclid(MS_PER_S)).saturating_mul(MS_PER_S),
    }
}

/// The local zone's offset from UTC at a time, in seconds; 0 where it is not known.
#[cfg(unix)]
fn local_offset_s(time_s: i64) -> i64 {
    let time = time_s as libc::time_t;
    let mut civil = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, which fills `civil` or returns null; all-zero is a valid `tm`.
    let filled = unsafe { libc::localtime_r(&time, civil.as_mut_ptr()) };
    if filled.is_null() {
        return 0;
    }
    // SAFETY: zeroed above, and filled by a call that succeeded.
    let civil = unsafe { civil.assume_init() };
    #[allow(clippy::useless_conversion)] // `c_long` is 32 bits wide on some platforms
    i64::from(civil.tm_gmtoff)
}

#[cfg(not(unix))]
fn local_offset_s(_time_s: i64) -> i64 {
    0
}

fn split_sign(ms: i64) -> (&'static str, i64) {
    (if ms < 0 { "\u{2212}" } else { "" }, ms.saturating_abs())
}

fn round_to(ms: i64, step_ms: i64) -> i64 {
    ms.saturating_add(step_ms / 2) / step_ms * step_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elapsed_times_grow_coarser_as_they_grow() {
        assert_eq!(format_elapsed(0), "0 ms");
        assert_eq!(format_elapsed(12), "12 ms");
        assert_eq!(format_elapsed(1254), "1.25 s");
        assert_eq!(format_elapsed(9_996), "10.0 s");
        assert_eq!(format_elapsed(14_200), "14.2 s");
        assert_eq!(format_elapsed(59_960), "1:00");
        assert_eq!(format_elapsed(185_000), "3:05");
        assert_eq!(format_elapsed(20 * MS_PER_MINUTE), "20:00");
        assert_eq!(format_elapsed(3_599_700), "1:00:00");
        assert_eq!(format_elapsed(-1500), "\u{2212}1.50 s");
        assert_eq!(format_elapsed(i64::MIN), format_elapsed(-i64::MAX));
    }

    #[test]
    fn both_ends_of_a_range_have_one_form() {
        assert_eq!(format_elapsed_range(20 * MS_PER_MINUTE, 180 * MS_PER_MINUTE), "0:20:00\u{2013}3:00:00");
        assert_eq!(format_elapsed_range(1_200, 14_200), "1.20 s\u{2013}14.2 s");
        assert_eq!(format_elapsed_range(12_203, 12_244), "12.203 s\u{2013}12.244 s");
        assert_eq!(format_elapsed_range(185_020, 185_300), "0:03:05.02\u{2013}0:03:05.3");
        assert_eq!(format_elapsed_range(12_203, 12_203), "12.2 s\u{2013}12.2 s");
        assert_eq!(format_elapsed_range(1_200, 185_000), "0:00:01\u{2013}0:03:05");
    }

    #[test]
    fn exact_times_show_the_millisecond() {
        assert_eq!(format_elapsed_exact(14_203), "14.203 s");
        assert_eq!(format_elapsed_exact(20 * MS_PER_MINUTE + 120), "0:20:00.12");
        assert_eq!(format_elapsed_exact(5_000), "5 s");
    }

    #[test]
    fn durations_are_words() {
        assert_eq!(format_duration(41 * MS_PER_MINUTE + 12_000), "41 min 12 s");
        assert_eq!(format_duration(41_300), "41.3 s");
        assert_eq!(format_duration(3 * MS_PER_HOUR + 5 * MS_PER_MINUTE + 29_000), "3 h 5 min");
    }

    #[test]
    fn dates_hold_across_leap_days_centuries_and_before_the_epoch() {
        assert_eq!(format_date_time(0, WallClock::Utc), "1970-01-01 00:00:00 UTC");
        assert_eq!(format_date_time(951_782_400_000, WallClock::Utc), "2000-02-29 00:00:00 UTC");
        assert_eq!(format_date_time(1_795_352_600_999, WallClock::Utc), "2026-11-22 13:03:20 UTC");
        assert_eq!(format_date_time(-1, WallClock::Utc), "1969-12-31 23:59:59 UTC");
        assert_eq!(format_date_time(4_107_542_400_000, WallClock::Utc), "2100-03-01 00:00:00 UTC");
    }

    #[test]
    fn times_of_day_are_as_fine_as_the_steps_between_them() {
        let at = |ms: i64, step_ms| format_time_of_day_at_step(1_795_352_600_000 + ms, step_ms, WallClock::Utc);
        let steps = [1, 20, 500, 1000, 30_000, MS_PER_MINUTE, MS_PER_HOUR];
        let all = ["13:03:20.512", "13:03:20.51", "13:03:20.5", "13:03:20", "13:03:20", "13:03", "13:03"];
        assert_eq!(steps.map(|step_ms| at(512, step_ms)), all);
        let midnight_ms = (10 * 60 + 56) * MS_PER_MINUTE + 40 * MS_PER_S;
        assert_eq!(at(midnight_ms, MS_PER_HOUR), "2026-11-23");
        assert_eq!(at(midnight_ms + 5, 5), "00:00:00.005");
        assert_eq!(at(0, 2 * MS_PER_DAY), "2026-11-22");
    }

    #[test]
    fn times_beyond_any_calendar_do_not_panic() {
        for time_ms in [i64::MIN, i64::MAX] {
            for clock in [WallClock::Local, WallClock::Utc] {
                assert!(!format_date_time(time_ms, clock).is_empty());
                time_of_day_after(time_ms, 1, clock);
            }
        }
    }

    #[test]
    fn a_time_of_day_before_the_start_is_the_next_days() {
        let start_ms = 1_795_352_600_500; // 13:03:20.5
        let at = |hours: i64, minutes: i64, seconds: i64| {
            let of_day_ms = hours * MS_PER_HOUR + minutes * MS_PER_MINUTE + seconds * MS_PER_S;
            time_of_day_after(start_ms, of_day_ms, WallClock::Utc) - start_ms
        };
        assert_eq!(at(13, 3, 21), 500);
        assert_eq!(at(13, 3, 20), -500);
        assert_eq!(at(13, 3, 19), MS_PER_DAY - 1500);
    }
}
