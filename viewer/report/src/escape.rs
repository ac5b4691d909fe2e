// SPDX-License-Identifier: Apache-2.0
//! Names of a capture made harmless to look at.
//!
//! A capture is untrusted, and so are the names in it: they may hold escape sequences that a terminal obeys,
//! bidirectional controls that turn a line around, newlines that forge a second row. [`visible`] shows each as what it
//! is. [`csv_cell`] keeps a spreadsheet from running a name as a formula. JSON has escapes of its own, which `json` uses.

use std::borrow::Cow;
use std::fmt::Write;

/// Text with control, bidirectional and invisible characters shown as escapes: `\n`, `\u{1b}`, `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_deceptive) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(first);
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(clean);
    for character in rest.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_deceptive(c) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// A name's bytes as [`visible`] text; what is not UTF-8 is replaced by U+FFFD.
pub fn visible_bytes(bytes: &[u8]) -> String {
    visible(&String::from_utf8_lossy(bytes)).into_owned()
}

/// Whether a character changes how others look, or cannot be seen itself.
pub(crate) fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text cut in its middle to at most `max_chars` characters, the cut marked by `…`: the start of a name says what it is,
/// and its end which one.
pub fn shorten(text: &str, max_chars: usize) -> Cow<'_, str> {
    // A name may have a megabyte: look no further than needed.
    if text.chars().nth(max_chars).is_none() {
        return Cow::Borrowed(text);
    }
    let kept = max_chars.saturating_sub(1);
    let tail = kept / 2;
    let head: String = text.chars().take(kept - tail).collect();
    let start_of_tail = text.char_indices().rev().take(tail).last().map_or(text.len(), |(i, _)| i);
    Cow::Owned(format!("{head}…{}", &text[start_of_tail..]))
}

/// A file's name without its folders, for where room is short; `__init__.py` and `__main__.py` say nothing without
/// theirs. To be taken before escaping, not after.
pub fn file_name(path: &[u8]) -> &[u8] {
    let is_slash = |&byte: &u8| byte == b'/';
    let start = path.iter().rposition(is_slash).map_or(0, |slash| slash + 1);
    let name = &path[start..];
    if name.is_empty() {
        return path;
    }
    if !matches!(name, b"__init__.py" | b"__main__.py") {
        return name;
    }
    let folders = &path[..start.saturating_sub(1)];
    &path[folders.iter().rposition(is_slash).map_or(0, |slash| slash + 1)..]
}

/// Text as one cell of a CSV file. What a spreadsheet would take for a formula (a leading `=`, `+`, `-`, `@`) gets an
/// apostrophe, which marks it as text. For text only: a negative number is no formula.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\n', '\r', ';', '\t']) {
        return Cow::Borrowed(text);
    }
    let apostrophe = if is_formula { "'" } else { "" };
    Cow::Owned(format!("\"{apostrophe}{}\"", text.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_as_they_are() {
        for name in ["load_frame", "<listcomp>", "C:\\data\\x.py", "zoë", "计算", ""] {
            assert!(matches!(visible(name), Cow::Borrowed(same) if same == name), "{name}");
        }
    }

    #[test]
    fn terminal_sequences_and_turned_lines_are_shown_not_obeyed() {
        assert_eq!(visible("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(visible("evil\u{202e}yp.txt"), "evil\\u{202e}yp.txt");
        assert_eq!(visible("two\nlines\r\tend"), "two\\nlines\\r\\tend");
        assert_eq!(visible("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(visible("\u{2066}x\u{2069}\u{feff}"), "\\u{2066}x\\u{2069}\\u{feff}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(visible_bytes(b"caf\xe9\x07"), "caf\u{fffd}\\u{7}");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shorten("abcdefghij", 10), "abcdefghij");
        assert_eq!(shorten("abcdefghijk", 6), "abc…jk");
        assert_eq!(shorten("äöüäöüäöü", 4), "äö…ü");
        assert_eq!(shorten("abc", 1), "…");
        assert_eq!(shorten("abc", 0), "…");
        assert_eq!(shorten("", 0), "");
    }

    #[test]
    fn file_names_lose_their_folders() {
        assert_eq!(file_name(b"/usr/lib/x.py"), b"x.py");
        assert_eq!(file_name(b"odd\\name.py"), b"odd\\name.py");
        assert_eq!(file_name(b"<frozen runpy>"), b"<frozen runpy>");
        assert_eq!(file_name(b"folder/"), b"folder/");
        assert_eq!(file_name(b"/usr/lib/json/__init__.py"), b"json/__init__.py");
        assert_eq!(file_name(b"/__main__.py"), b"/__main__.py");
        assert_eq!(file_name(b"__init__.py"), b"__init__.py");
    }

    #[test]
    fn a_spreadsheet_runs_no_name() {
        assert_eq!(csv_cell("plain"), "plain");
        assert_eq!(csv_cell("=1+2"), "\"'=1+2\"");
        assert_eq!(csv_cell("+x"), "\"'+x\"");
        assert_eq!(csv_cell("-x"), "\"'-x\"");
        assert_eq!(csv_cell("@x"), "\"'@x\"");
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("two\nlines"), "\"two\nlines\"");
    }
}
