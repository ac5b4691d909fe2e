// SPDX-License-Identifier: Apache-2.0
//! What is said at the end of a recording: one line of what it holds, one of its children's, and the command that opens it.

use crate::escape;
use crate::size::{Units, format_bytes, format_count, format_counted, format_sum};
use crate::time::format_duration;
use memray_index::{CaptureInfo, Ending, Timeline};

/// A recording in one line: `Peak 3.20 GiB, 1.10 GiB live at the end, 4.1 M allocations in 41.3 s → svc.bin (38.0 MiB)`.
pub fn summary_line(info: &CaptureInfo, timeline: &Timeline, name: &str, units: Units) -> String {
    let file = format!("{} ({})", escape::visible(name), format_bytes(info.file_size_bytes, units));
    if info.is_aggregated() && matches!(info.ending, Ending::Truncated { .. } | Ending::Damaged { .. }) {
        return format!("With --aggregate the sums are written at the end, which did not come: they are not in {file}");
    }
    let live = if info.stops_early() { "live when the recording stops" } else { "live at the end" };
    let sum = |bytes: u64| format_sum(i64::try_from(bytes).unwrap_or(-1), units);
    format!(
        "Peak {}, {} {live}{} in {} \u{2192} {file}",
        sum(timeline.peak_bytes),
        sum(timeline.end_heap_bytes),
        how_many(info),
        format_duration(info.duration_ms),
    )
}

/// Of captures that hold only sums, ours say how many allocations and frees there were; memray's do not.
fn how_many(info: &CaptureInfo) -> String {
    match (info.is_aggregated(), info.header.allocation_count) {
        (false, _) => format!(", {}", allocations(info.counts.allocations)),
        (true, 0) => String::new(),
        (true, count) => format!(", {} and frees", allocations(count)),
    }
}

/// How many children of a recorded program have captures of their own, and how those are called; nothing if none has.
pub fn children_line(count: usize, name: &str) -> Option<String> {
    (count > 0)
        .then(|| format!("and {} of its children \u{2192} {}.*", format_count(count as u64), escape::visible(name)))
}

/// What the tracer had to say in children, each sentence once.
pub fn children_said(sentences: &[(u32, String)]) -> Vec<String> {
    let mut said: Vec<(&str, Vec<u32>)> = Vec::new();
    for (pid, sentence) in sentences {
        match said.iter_mut().find(|(known, _)| known == sentence) {
            Some((_, pids)) => pids.push(*pid),
            None => said.push((sentence, vec![*pid])),
        }
    }
    let line = |(sentence, pids): (&str, Vec<u32>)| match pids.as_slice() {
        [pid] => format!("in process {pid}: {sentence}"),
        _ => format!("in {} processes: {sentence}", format_count(pids.len() as u64)),
    };
    said.into_iter().map(line).collect()
}

/// The command that opens a capture, as it can be given to a shell.
pub fn opening_command(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./+,:@%=".contains(c);
    let name = escape::visible(name);
    // A name like an option's or a subcommand's would be taken for one.
    let path = if name.contains('/') { name.into_owned() } else { format!("./{name}") };
    let path = if path.starts_with("./memray-") { path.trim_start_matches("./").to_owned() } else { path };
    if path.chars().all(is_plain) {
        format!("memray-view {path}")
    } else {
        format!("memray-view '{}'", path.replace('\'', r"'\''"))
    }
}

/// All digits while they can be taken in, then millions.
fn allocations(count: u64) -> String {
    if count < 1_000_000 {
        return format_counted(count, "allocation");
    }
    let tenths = (u128::from(count) + 50_000) / 100_000;
    format!("{}.{} M allocations", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{info, timeline};
    use memray_format::FileFormat;

    #[test]
    fn one_line_says_what_a_recording_holds() {
        let mut info = info();
        info.counts.allocations = 4_149_999;
        info.duration_ms = 41_300;
        info.file_size_bytes = 38 << 20;
        let timeline = Timeline { peak_bytes: 3_435_973_836, end_heap_bytes: 1_181_116_006, ..timeline() };
        let line = |info: &CaptureInfo| summary_line(info, &timeline, "memray-svc.py.4711.bin", Units::Binary);
        assert_eq!(
            line(&info),
            "Peak 3.20 GiB, 1.10 GiB live at the end, 4.1 M allocations in 41.3 s → memray-svc.py.4711.bin (38.0 MiB)"
        );
        info.ending = Ending::Truncated { offset: 1, reason: String::new() };
        assert!(line(&info).contains("1.10 GiB live when the recording stops"));
    }

    #[test]
    fn of_sums_it_says_how_many_allocations_and_frees_were_summed_if_it_is_known() {
        let mut info = info();
        (info.header.file_format, info.header.allocation_count) = (FileFormat::Aggregated, 8_250_000);
        info.duration_ms = 41_300;
        info.file_size_bytes = 38 << 10;
        let timeline = Timeline { peak_bytes: 3 << 30, end_heap_bytes: 0, ..timeline() };
        let line = |info: &CaptureInfo| summary_line(info, &timeline, "svc.bin", Units::Binary);
        assert_eq!(
            line(&info),
            "Peak 3.00 GiB, 0 B live at the end, 8.3 M allocations and frees in 41.3 s → svc.bin (38.0 KiB)"
        );
        info.header.allocation_count = 0;
        assert_eq!(line(&info), "Peak 3.00 GiB, 0 B live at the end in 41.3 s → svc.bin (38.0 KiB)");
        info.ending = Ending::Truncated { offset: 1, reason: String::new() };
        assert_eq!(
            line(&info),
            "With --aggregate the sums are written at the end, which did not come: they are not in svc.bin (38.0 KiB)"
        );
    }

    #[test]
    fn children_are_counted_and_their_captures_named() {
        assert_eq!(children_line(0, "x.bin"), None);
        assert_eq!(children_line(1, "x.bin").as_deref(), Some("and 1 of its children \u{2192} x.bin.*"));
        let many = format!("and 1,200 of its children \u{2192} {}.*", escape::visible("/a\n.bin"));
        assert_eq!(children_line(1_200, "/a\n.bin"), Some(many));
    }

    #[test]
    fn what_many_children_say_is_said_once() {
        let said = |sentences: &[(u32, &str)]| {
            children_said(&sentences.iter().map(|&(pid, sentence)| (pid, sentence.to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(said(&[]), [""; 0]);
        assert_eq!(
            said(&[(7, "it runs untraced"), (9, "the disk is full"), (8, "it runs untraced")]),
            ["in 2 processes: it runs untraced", "in process 9: the disk is full"]
        );
    }

    #[test]
    fn few_allocations_are_counted_and_many_rounded() {
        assert_eq!(allocations(1), "1 allocation");
        assert_eq!(allocations(999_999), "999,999 allocations");
        assert_eq!(allocations(1_000_000), "1.0 M allocations");
        assert_eq!(allocations(1_049_999), "1.0 M allocations");
        assert_eq!(allocations(1_050_000), "1.1 M allocations");
    }

    #[test]
    fn a_shell_can_be_given_the_command() {
        assert_eq!(opening_command("memray-svc.py.4711.bin"), "memray-view memray-svc.py.4711.bin");
        assert_eq!(opening_command("/srv/it's.bin"), r"memray-view '/srv/it'\''s.bin'");
        assert_eq!(opening_command("stats"), "memray-view ./stats");
        assert_eq!(opening_command("a b\n.bin"), format!("memray-view './{}'", escape::visible("a b\n.bin")));
    }
}
