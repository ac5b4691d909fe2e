// SPDX-License-Identifier: Apache-2.0
//! Bytes, counts and shares as people read them.
//!
//! [`format_bytes`] leads. Everything is computed in integers, so that a size near a boundary is never shown on its
//! wrong side, and a share is `100 %` or `0 %` only where it is exactly that.

/// In which units sizes are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Units {
    /// KiB, MiB, GiB: powers of 1,024.
    #[default]
    Binary,
    /// kB, MB, GB: powers of 1,000, as memray's reports show them.
    DecimalAsMemray,
}

impl Units {
    const fn base(self) -> u128 {
        match self {
            Self::Binary => 1024,
            Self::DecimalAsMemray => 1000,
        }
    }

    const fn names(self) -> [&'static str; 6] {
        match self {
            Self::Binary => ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"],
            Self::DecimalAsMemray => ["kB", "MB", "GB", "TB", "PB", "EB"],
        }
    }
}

/// The minus sign of typography, U+2212: as wide as a digit, and no hyphen.
pub const MINUS: char = '\u{2212}';

/// What stands in place of a size that no program can have: half of all addresses there are, or more. A capture may claim any
/// sizes, and those of a hostile one add up to anything.
const IMPOSSIBLE: &str = "an impossible size";

/// A size with three significant digits: `812 B`, `1.00 KiB`, `23.4 MiB`, `3.20 GiB`. Bytes below the first unit are
/// exact.
pub fn format_bytes(bytes: impl Into<i128>, units: Units) -> String {
    let bytes = bytes.into();
    if bytes > i128::from(i64::MAX) {
        return IMPOSSIBLE.to_owned();
    }
    with_sign(bytes, false, magnitude(bytes.unsigned_abs(), units))
}

/// The sum of a capture's sizes, as [`format_bytes`] shows it. A capture may claim any sizes: where they are more than can
/// be counted, their sum is negative.
pub fn format_sum(bytes: i64, units: Units) -> String {
    if bytes < 0 { IMPOSSIBLE.to_owned() } else { format_bytes(bytes, units) }
}

/// As [`format_bytes`], with a `+` where there is growth: for differences.
pub fn format_bytes_signed(bytes: impl Into<i128>, units: Units) -> String {
    let bytes = bytes.into();
    with_sign(bytes, true, magnitude(bytes.unsigned_abs(), units))
}

/// All digits of a size: `4,311,220,992 B`.
pub fn format_bytes_exact(bytes: impl Into<i128>) -> String {
    format!("{} B", format_count(bytes))
}

/// A count with separated thousands: `1,204,311`.
pub fn format_count(count: impl Into<i128>) -> String {
    let count = count.into();
    with_sign(count, false, separated(count.unsigned_abs()))
}

/// As [`format_count`], with a `+` where there is growth: for differences.
pub fn format_count_signed(count: impl Into<i128>) -> String {
    let count = count.into();
    with_sign(count, true, separated(count.unsigned_abs()))
}

/// A count and what is counted: `1 thread`, `1,204,311 allocations`. `singular` takes an `s` for the plural.
pub fn format_counted(count: impl Into<i128>, singular: &str) -> String {
    let count = count.into();
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", format_count(count))
}

/// A share for prose: `61 %`, one decimal below ten (`3.4 %`). Never `0.0 %`: `<0.1 %` instead. `–` where the whole is 0.
pub fn format_share(part: impl Into<i128>, whole: impl Into<i128>) -> String {
    share(part.into(), whole.into(), false)
}

/// As [`format_share`], with a `+` where there is growth: for differences. Nothing is `−100 %` but what is gone.
pub fn format_share_signed(part: impl Into<i128>, whole: impl Into<i128>) -> String {
    let (part, whole) = (part.into(), whole.into());
    let is_growth = (part < 0) == (whole < 0);
    let plus = if part != 0 && whole != 0 && is_growth { "+" } else { "" };
    match share(part, whole, false) {
        most if most.ends_with(">99 %") && is_growth => "+100 %".to_owned(),
        most if most.ends_with(">99 %") => format!("{MINUS}99.9 %"),
        share => format!("{plus}{share}"),
    }
}

/// A share for tables and counters, always with one decimal: `38.2 %`, `100 %` and `0 %` only where it is exact.
pub fn format_share_precise(part: impl Into<i128>, whole: impl Into<i128>) -> String {
    share(part.into(), whole.into(), true)
}

fn share(part: i128, whole: i128, is_precise: bool) -> String {
    let (part_abs, whole_abs) = (part.unsigned_abs(), whole.unsigned_abs());
    if whole_abs == 0 {
        return "\u{2013}".to_owned();
    }
    // Counts and bytes are 64-bit, so neither product nor sum can overflow; hand-made larger ones saturate.
    let tenths = (part_abs.saturating_mul(1000).saturating_add(whole_abs / 2)) / whole_abs;
    let text = if part_abs == 0 {
        "0 %".to_owned()
    } else if part_abs == whole_abs {
        "100 %".to_owned()
    } else if tenths == 0 {
        "<0.1 %".to_owned()
    } else if is_precise {
        if part_abs < whole_abs && tenths >= 1000 { ">99.9 %".to_owned() } else { one_decimal(tenths) }
    } else if tenths < 100 {
        one_decimal(tenths)
    } else {
        let percent = (part_abs.saturating_mul(100).saturating_add(whole_abs / 2)) / whole_abs;
        if part_abs < whole_abs && percent >= 100 { ">99 %".to_owned() } else { format!("{} %", separated(percent)) }
    };
    if (part < 0) == (whole < 0) || part == 0 { text } else { format!("{MINUS}{text}") }
}

fn one_decimal(tenths: u128) -> String {
    format!("{}.{} %", separated(tenths / 10), tenths % 10)
}

fn with_sign(value: i128, always: bool, magnitude: String) -> String {
    match value.signum() {
        -1 => format!("{MINUS}{magnitude}"),
        1 if always => format!("+{magnitude}"),
        _ => magnitude,
    }
}

fn magnitude(bytes: u128, units: Units) -> String {
    if bytes < units.base() {
        return format!("{} B", separated(bytes));
    }
    let mut unit: u128 = 1;
    let mut text = String::new();
    for name in units.names() {
        unit = unit.saturating_mul(units.base());
        let rounded = (bytes.saturating_add(unit / 2)) / unit;
        text = format!("{} {name}", three_digits(bytes, unit));
        if rounded < units.base() {
            break;
        }
    }
    text
}

/// `value / unit` with as many decimals as make three significant digits; none from a hundred on.
fn three_digits(value: u128, unit: u128) -> String {
    for (decimals, scale) in [(2_usize, 100_u128), (1, 10)] {
        let scaled = (value.saturating_mul(scale).saturating_add(unit / 2)) / unit;
        if scaled < 1000 {
            return format!("{}.{:0decimals$}", scaled / scale, scaled % scale);
        }
    }
    separated((value.saturating_add(unit / 2)) / unit)
}

fn separated(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(bytes: u64) -> String {
        format_bytes(bytes, Units::Binary)
    }

    #[test]
    fn sizes_have_three_significant_digits() {
        assert_eq!(binary(0), "0 B");
        assert_eq!(binary(812), "812 B");
        assert_eq!(binary(1023), "1,023 B");
        assert_eq!(binary(1024), "1.00 KiB");
        assert_eq!(binary(10 * 1024), "10.0 KiB");
        assert_eq!(binary(123 * 1024 + 512), "124 KiB");
        assert_eq!(binary(3_435_973_837), "3.20 GiB");
        assert_eq!(binary(5 << 40), "5.00 TiB");
        assert_eq!(binary(i64::MAX as u64), "8.00 EiB");
        assert_eq!(binary(i64::MAX as u64 + 1), "an impossible size");
        assert_eq!(binary(u64::MAX), "an impossible size");
    }

    #[test]
    fn rounding_up_never_shows_a_thousand_and_twenty_four() {
        assert_eq!(binary(1023 * 1024 + 511), "1,023 KiB");
        assert_eq!(binary(1023 * 1024 + 512), "1.00 MiB");
        assert_eq!(binary((1 << 30) - 1), "1.00 GiB");
        assert_eq!(binary(9 * 1024 + 1023), "10.0 KiB");
        assert_eq!(format_bytes(999_999_u64, Units::DecimalAsMemray), "1.00 MB");
    }

    #[test]
    fn decimal_units_count_in_thousands() {
        assert_eq!(format_bytes(999_u64, Units::DecimalAsMemray), "999 B");
        assert_eq!(format_bytes(8_042_673_u64, Units::DecimalAsMemray), "8.04 MB");
    }

    #[test]
    fn differences_have_a_sign_and_a_true_minus() {
        assert_eq!(format_bytes(-2048_i64, Units::Binary), "\u{2212}2.00 KiB");
        assert_eq!(format_bytes_signed(2048_i64, Units::Binary), "+2.00 KiB");
        assert_eq!(format_bytes_signed(0_i64, Units::Binary), "0 B");
        assert_eq!(format_bytes(i64::MIN, Units::Binary), "\u{2212}8.00 EiB");
        assert_eq!(format_count_signed(-1_204_311_i64), "\u{2212}1,204,311");
        assert_eq!(format_count_signed(12_i64), "+12");
    }

    #[test]
    fn counts_have_separated_thousands() {
        assert_eq!(format_count(0_u64), "0");
        assert_eq!(format_count(999_u64), "999");
        assert_eq!(format_count(1000_u64), "1,000");
        assert_eq!(format_count(1_204_311_u64), "1,204,311");
        assert_eq!(format_bytes_exact(4_311_220_992_u64), "4,311,220,992 B");
        assert_eq!(format_counted(1_u64, "thread"), "1 thread");
        assert_eq!(format_counted(1_204_311_u64, "allocation"), "1,204,311 allocations");
    }

    #[test]
    fn a_share_is_whole_or_nothing_only_where_it_is_exactly_that() {
        assert_eq!(format_share(61_i64, 100_i64), "61 %");
        assert_eq!(format_share(34_i64, 1000_i64), "3.4 %");
        assert_eq!(format_share(1_i64, 1_000_000_i64), "<0.1 %");
        assert_eq!(format_share(0_i64, 7_i64), "0 %");
        assert_eq!(format_share(7_i64, 7_i64), "100 %");
        assert_eq!(format_share(999_999_i64, 1_000_000_i64), ">99 %");
        assert_eq!(format_share_precise(999_999_i64, 1_000_000_i64), ">99.9 %");
        assert_eq!(format_share_precise(382_i64, 1000_i64), "38.2 %");
        assert_eq!(format_share_precise(1_i64, 1_000_000_i64), "<0.1 %");
        assert_eq!(format_share(5_i64, 0_i64), "\u{2013}");
    }

    #[test]
    fn a_share_of_growth_may_be_negative_or_beyond_the_whole() {
        assert_eq!(format_share(-20_i64, 100_i64), "\u{2212}20 %");
        assert_eq!(format_share(-20_i64, -100_i64), "20 %");
        assert_eq!(format_share(250_i64, 100_i64), "250 %");
        assert_eq!(format_share_precise(250_i64, 100_i64), "250.0 %");
    }

    #[test]
    fn a_difference_that_rounds_to_the_whole_is_all_of_it_only_when_nothing_is_left() {
        assert_eq!(format_share_signed(51_900_i64, 51_901_i64), "+100 %");
        assert_eq!(format_share_signed(-51_900_i64, 51_901_i64), "\u{2212}99.9 %");
        assert_eq!(format_share_signed(-7_i64, 7_i64), "\u{2212}100 %");
        assert_eq!(format_share_signed(18_i64, 100_i64), "+18 %");
    }

    #[test]
    fn sums_that_are_beyond_counting_are_not_shown_as_sizes() {
        assert_eq!(format_sum(1024, Units::Binary), "1.00 KiB");
        assert_eq!(format_sum(0, Units::Binary), "0 B");
        for bytes in [-10, i64::MIN] {
            assert_eq!(format_sum(bytes, Units::Binary), "an impossible size");
        }
    }
}
