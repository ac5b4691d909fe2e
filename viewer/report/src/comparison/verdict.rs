// SPDX-License-Identifier: Apache-2.0
//! The verdict in words: `Peak +412 MiB (+18 %): 390 MiB in parse_rows (parser.py:88), new in B`, and the facts below it.

use super::caveats::caveat_words;
use crate::labels::{self, Labels};
use crate::size::{Units, format_bytes, format_bytes_signed, format_share_signed};
use crate::time::format_duration;
use memray_compare::{Cause, Caveat, Change, Delta, Verdict};

/// The sentence that is said first.
pub fn verdict_sentence(verdict: &Verdict, names: &impl Labels, units: Units) -> String {
    let peak = verdict.peak;
    if peak.bytes() == 0 {
        return format!("Peak unchanged at {}", format_bytes(peak.after.bytes, units));
    }
    let mut sentence = format!("Peak {}", change_words(peak, units));
    let causes: Vec<String> = verdict.causes.iter().map(|cause| cause_words(cause, names, units)).collect();
    if !causes.is_empty() {
        sentence += ": ";
        sentence += &causes.join("; ");
    }
    sentence
}

/// What is said below it: what leaked, what was allocated, how long it ran, and what makes the two hard to compare.
pub fn verdict_facts(verdict: &Verdict, caveats: &[Caveat], units: Units) -> Vec<String> {
    let mut facts = vec![match verdict.leaked.bytes() {
        0 => format!("leaked unchanged at {}", format_bytes(verdict.leaked.after.bytes, units)),
        _ => format!("leaked {}", change_words(verdict.leaked, units)),
    }];
    if let Some(total) = verdict.total {
        facts.push(match total.bytes() {
            0 => format!("total allocated unchanged at {}", format_bytes(total.after.bytes, units)),
            _ => format!("total allocated {}", change_words(total, units)),
        });
    }
    if let Some((before, after)) = verdict.peak_rss_bytes {
        facts.push(format!("peak RSS {} \u{2192} {}", format_bytes(before, units), format_bytes(after, units)));
    }
    let (before, after) = verdict.duration_ms;
    facts.push(format!("ran {} \u{2192} {}", format_duration(before), format_duration(after)));
    if !caveats.is_empty() {
        let words: Vec<String> = caveats.iter().map(caveat_words).collect();
        facts.push(format!("hard to compare: {}", words.join(", ")));
    }
    facts
}

/// `+412 MiB (+18 %)`; no share where there was nothing.
fn change_words(delta: Delta, units: Units) -> String {
    let bytes = format_bytes_signed(delta.bytes(), units);
    match delta.before.bytes {
        0 => bytes,
        before => format!("{bytes} ({})", format_share_signed(delta.bytes(), before)),
    }
}

fn cause_words(cause: &Cause, names: &impl Labels, units: Units) -> String {
    let place = labels::label(names, cause.location);
    let bytes = cause.delta.bytes();
    match cause.change {
        Change::New => format!("{} in {place}, new in B", format_bytes(bytes, units)),
        Change::Vanished => format!("{} in {place}, gone in B", format_bytes_signed(bytes, units)),
        _ => format!("{} in {place}", format_bytes_signed(bytes, units)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::Names;
    use memray_index::Amount;

    const MIB: i64 = 1 << 20;

    fn delta(before: i64, after: i64) -> Delta {
        let amount = |bytes| Amount { bytes, allocations: 1 };
        Delta { before: amount(before), after: amount(after) }
    }

    fn verdict(peak: Delta, causes: Vec<Cause>) -> Verdict {
        Verdict {
            peak,
            causes,
            leaked: delta(10 * MIB, 16 * MIB),
            total: Some(delta(100 * MIB, 97 * MIB)),
            duration_ms: (41_300, 38_800),
            peak_rss_bytes: None,
        }
    }

    #[test]
    fn the_peaks_change_and_its_cause_are_said_first() {
        let mut names = Names::default();
        let location = names.own("parse_rows", "/srv/parser.py", 88);
        let cause = |delta, change| Cause { location, delta, change };
        let said = |peak, causes| verdict_sentence(&verdict(peak, causes), &names, Units::Binary);
        let grown = delta(2289 * MIB, 2701 * MIB);
        assert_eq!(
            said(grown, vec![cause(delta(0, 390 * MIB), Change::New)]),
            "Peak +412 MiB (+18 %): 390 MiB in parse_rows (parser.py:88), new in B"
        );
        assert_eq!(
            said(grown.swapped(), vec![cause(delta(390 * MIB, 0), Change::Vanished)]),
            "Peak \u{2212}412 MiB (\u{2212}15 %): \u{2212}390 MiB in parse_rows (parser.py:88), gone in B"
        );
        assert_eq!(
            said(grown, vec![cause(delta(100 * MIB, 490 * MIB), Change::More)]),
            "Peak +412 MiB (+18 %): +390 MiB in parse_rows (parser.py:88)"
        );
        assert_eq!(said(grown, vec![]), "Peak +412 MiB (+18 %)");
        assert_eq!(said(delta(MIB, MIB), vec![]), "Peak unchanged at 1.00 MiB");
        assert_eq!(said(delta(0, MIB), vec![]), "Peak +1.00 MiB");
    }

    #[test]
    fn facts_follow_and_repeat_what_makes_it_hard_to_compare() {
        let facts = verdict_facts(&verdict(delta(1, 2), vec![]), &[Caveat::NativeStacks(true, false)], Units::Binary);
        assert_eq!(
            facts,
            [
                "leaked +6.00 MiB (+60 %)",
                "total allocated \u{2212}3.00 MiB (\u{2212}3.0 %)",
                "ran 41.3 s \u{2192} 38.8 s",
                "hard to compare: native stacks in A only"
            ]
        );
    }
}
