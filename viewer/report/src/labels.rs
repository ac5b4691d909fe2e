// SPDX-License-Identifier: Apache-2.0
//! How a location is named: `load_frame (loader.py:88)`.
//!
//! [`Labels`] is where names come from: an [`Index`], or hand-made tables in tests. All text made here is
//! [visible](crate::escape) and short, whatever a capture's names hold.

use crate::escape;
use crate::size::format_counted;
use memray_compare::Comparison;
use memray_index::{Index, Location, LocationId, StringId, ThreadIndex};

/// The longest name shown in a label, in characters. Real names are shorter; hostile ones may have a megabyte.
const MAX_NAME_CHARS: usize = 120;

/// Of a long stack so many frames are named at each end.
const END_FRAMES: usize = 5;

/// What is said of memory without a Python stack.
pub const NO_STACK: &str = "no Python stack";

/// Where names come from.
pub trait Labels {
    /// A location.
    fn location(&self, location: LocationId) -> Location;
    /// A name's bytes.
    fn bytes(&self, string: StringId) -> &[u8];
}

impl Labels for Index {
    fn location(&self, location: LocationId) -> Location {
        *Self::location(self, location)
    }

    fn bytes(&self, string: StringId) -> &[u8] {
        Self::bytes(self, string)
    }
}

impl Labels for Comparison {
    fn location(&self, location: LocationId) -> Location {
        Self::location(self, location)
    }

    fn bytes(&self, string: StringId) -> &[u8] {
        Self::bytes(self, string)
    }
}

/// A name as short visible text.
pub fn name(labels: &impl Labels, string: StringId) -> String {
    short_text(labels.bytes(string), MAX_NAME_CHARS)
}

/// A location's function: `load_frame`; of a library without symbols its file name.
pub fn function(labels: &impl Labels, location: LocationId) -> String {
    if location == LocationId::NONE {
        return NO_STACK.to_owned();
    }
    name(labels, labels.location(location).function)
}

/// A location's file name and line: `loader.py:88`, `json/__init__.py:231`; empty where it has none.
pub fn place(labels: &impl Labels, location: LocationId) -> String {
    if location == LocationId::NONE {
        return String::new();
    }
    let Location { file, line, .. } = labels.location(location);
    with_line(&short_text(escape::file_name(labels.bytes(file)), MAX_NAME_CHARS), line)
}

/// A location in one piece: `load_frame (loader.py:88)`.
pub fn label(labels: &impl Labels, location: LocationId) -> String {
    let (function, place) = (function(labels, location), place(labels, location));
    if place.is_empty() || place == function { function } else { format!("{function} ({place})") }
}

/// A stack in one line, the outermost frame first: `main (svc.py:201) → load (loader.py:88)`.
pub(crate) fn path(labels: &impl Labels, frames: &[LocationId]) -> String {
    if frames.is_empty() {
        return NO_STACK.to_owned();
    }
    let mut names: Vec<String> = frames.iter().map(|&frame| label(labels, frame)).collect();
    if let Some(left_out) = names.len().checked_sub(2 * END_FRAMES).filter(|&count| count > 1) {
        let dots = format!("\u{2026} {} \u{2026}", format_counted(left_out as u64, "frame"));
        names.splice(END_FRAMES..END_FRAMES + left_out, [dots]);
    }
    names.join(" \u{2192} ")
}

/// A thread as memray names it, unescaped: `0x2 (worker)`, so that two of one name stay apart.
pub(crate) fn thread_label(index: &Index, thread: ThreadIndex) -> String {
    let Some(thread) = index.threads().get(thread.index()) else { return String::new() };
    let id = format!("{:#x}", thread.id.0);
    match thread.name {
        Some(name) => format!("{id} ({})", index.text(name)),
        None => id,
    }
}

/// A file and a line, as far as there are any.
pub(crate) fn with_line(file: &str, line: u32) -> String {
    match (file, line) {
        (file, 0) => file.to_owned(),
        ("", line) => format!("line {line}"),
        (file, line) => format!("{file}:{line}"),
    }
}

/// Bytes as visible text of at most `max_chars` characters, cut in the middle. Looks at the ends of a long name only.
fn short_text(bytes: &[u8], max_chars: usize) -> String {
    // No character has more than four bytes, so each end holds all that is kept of it.
    let end_bytes = max_chars * 4;
    let text = if bytes.len() > end_bytes * 2 {
        let (head, tail) = (&bytes[..end_bytes], &bytes[bytes.len() - end_bytes..]);
        format!("{}{}", String::from_utf8_lossy(head), String::from_utf8_lossy(tail)).into()
    } else {
        String::from_utf8_lossy(bytes)
    };
    escape::shorten(&escape::visible(&text), max_chars).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::Names;

    #[test]
    fn a_label_names_function_file_and_line() {
        let mut names = Names::default();
        let package = names.library("dumps", "/usr/lib/python3.12/json/__init__.py", 231);
        assert_eq!(label(&names, package), "dumps (json/__init__.py:231)");
        let plain = names.own("load_frame", "/srv/app/loader.py", 88);
        let no_line = names.own("f", "x.py", 0);
        let no_file = names.own("f", "", 2);
        assert_eq!(label(&names, no_file), "f (line 2)");
        assert_eq!(label(&names, plain), "load_frame (loader.py:88)");
        assert_eq!(label(&names, no_line), "f (x.py)");
        assert_eq!(label(&names, LocationId::NONE), "no Python stack");
    }

    #[test]
    fn a_hostile_label_stays_one_short_visible_line() {
        let mut names = Names::default();
        let hostile = names.own("a\n\u{202e}b", "\u{1b}]0;x.py", 3);
        let huge = names.own(&"x".repeat(1_000_000), "y.py", 3);
        assert_eq!(label(&names, hostile), "a\\n\\u{202e}b (\\u{1b}]0;x.py:3)");
        assert_eq!(function(&names, huge).chars().count(), MAX_NAME_CHARS);
    }
}
