// SPDX-License-Identifier: Apache-2.0
//! Numbers in words.

/// A count with thousands separated by commas and a true minus.
pub(crate) fn count(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 3);
    if value < 0 {
        out.push('\u{2212}');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share with one decimal: `38.2 %`, `<0.1 %` for little, `–` of nothing.
pub(crate) fn percent(part: i64, total: i64) -> String {
    if total == 0 {
        return "–".to_owned();
    }
    let share = part as f64 / total as f64 * 100.0;
    if part == 0 {
        "0 %".to_owned()
    } else if share.abs() < 0.1 {
        "<0.1 %".to_owned()
    } else {
        format!("{share:.1} %").replace('-', "\u{2212}")
    }
}

/// A change, always with its sign, written by `format` from its absolute value.
pub(crate) fn signed(value: i64, format: &dyn Fn(i64) -> String) -> String {
    let magnitude = format(value.saturating_abs());
    match value.signum() {
        0 => magnitude,
        1 => format!("+{magnitude}"),
        _ => format!("\u{2212}{magnitude}"),
    }
}

/// A slope: `+1.38 GiB/h`.
pub(crate) fn slope(bytes_per_hour: f64, format_bytes: &dyn Fn(i64) -> String) -> String {
    // `as` saturates, and turns what is not a number into 0.
    format!("{}/h", signed(bytes_per_hour.round() as i64, format_bytes))
}
