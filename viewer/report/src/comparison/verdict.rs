// SPDX-License-Identifier: Apache-2.0
//! The verdict in words: `Peak +412 MiB (+18 %): 390 MiB in parse_rows (parser.py:88), new in B`, and the facts below it.

use super::caveats::caveat_words;
use crate::headline::Segment;
use crate::labels::{self, Labels};
use crate::size::{Units, format_bytes, format_bytes_signed, format_share_signed};
use crate::time::format_duration;
use memray_compare::{Cause, Caveat, Change, Delta, Verdict};
use memray_index::LocationId;

/// The sentence that is said first.
pub fn verdict_sentence(verdict: &Verdict, names: &impl Labels, units: Units) -> String {
    verdict_segments(verdict, names, units).into_iter().map(|segment| segment.text).collect()
}

/// The same piece by piece: names can be followed, and changes have their kind.
pub fn verdict_segments(verdict: &Verdict, names: &impl Labels, units: Units) -> Vec<Segment> {
    let peak = verdict.peak;
    if peak.bytes() == 0 {
        return vec![Segment::plain(format!("Peak unchanged at {}", format_bytes(peak.after.bytes, units)))];
    }
    let change = if peak.bytes() > 0 { Change::More } else { Change::Less };
    let mut segments =
        vec![Segment::plain("Peak "), Segment { change: Some(change), ..Segment::plain(change_words(peak, units)) }];
    for (at, cause) in verdict.causes.iter().enumerate() {
        segments.push(Segment::plain(if at == 0 { ": " } else { "; " }));
        add_cause(cause, names, units, &mut segments);
    }
    segments
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

fn add_cause(cause: &Cause, names: &impl Labels, units: Units, segments: &mut Vec<Segment>) {
    let bytes = cause.delta.bytes();
    let (bytes, end) = match cause.change {
        Change::New => (format_bytes(bytes, units), ", new in B"),
        Change::Vanished => (format_bytes_signed(bytes, units), ", gone in B"),
        _ => (format_bytes_signed(bytes, units), ""),
    };
    segments.push(Segment::plain(format!("{bytes} in ")));
    let (function, place) = (labels::function(names, cause.location), labels::place(names, cause.location));
    let place = if place.is_empty() || place == function { String::new() } else { format!(" ({place})") };
    segments.push(match cause.location {
        LocationId::NONE => Segment::plain(function),
        location => Segment::name(function, location),
    });
    segments.push(Segment::plain(place + end));
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
    fn a_name_can_be_followed_and_the_peaks_change_has_its_kind() {
        let mut names = Names::default();
        let location = names.own("parse_rows", "/srv/parser.py", 88);
        let cause = |location| Cause { location, delta: delta(0, 390 * MIB), change: Change::New };
        let peak = delta(2289 * MIB, 2701 * MIB);
        let pieces = |peak, location| verdict_segments(&verdict(peak, vec![cause(location)]), &names, Units::Binary);
        let grown = pieces(peak, location);
        let links: Vec<_> = grown.iter().filter(|piece| piece.location.is_some()).collect();
        assert_eq!(links, [&Segment::name("parse_rows".to_owned(), location)]);
        let changes = |pieces: Vec<Segment>| -> Vec<_> {
            pieces.into_iter().filter_map(|piece| Some((piece.text, piece.change?))).collect()
        };
        assert_eq!(changes(grown), [("+412 MiB (+18 %)".to_owned(), Change::More)]);
        let shrunk = pieces(peak.swapped(), LocationId::NONE);
        assert!(shrunk.iter().all(|piece| piece.location.is_none()), "memory without a stack leads nowhere");
        assert_eq!(changes(shrunk), [("\u{2212}412 MiB (\u{2212}15 %)".to_owned(), Change::Less)]);
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
