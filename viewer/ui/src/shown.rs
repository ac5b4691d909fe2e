// SPDX-License-Identifier: Apache-2.0
//! Names of a capture as they may be shown: bounded, and with control and bidirectional characters made visible.

use memray_report::escape::{self, visible};
use std::borrow::Cow;

/// More of a name than this is never laid out: a capture's names may be megabytes long.
const MAX_CHARS: usize = 400;

/// A name, escaped, its end replaced by `…` where it is longer than 400 characters.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(MAX_CHARS) {
        None => visible(name),
        Some((end, _)) => Cow::Owned(format!("{}…", visible(&name[..end]))),
    }
}

/// The end of a path in at most about `max_chars`, cut before a folder: `…/parsers/readers.py`. The file's name is whole.
pub(crate) fn shown_path(path: &str, max_chars: usize) -> Cow<'_, str> {
    if path.len() <= max_chars {
        return shown(path);
    }
    // Only the end is looked at, so that a path of a megabyte costs no more than another.
    let mut start = path.len();
    let mut chars = 0;
    for (at, c) in path.char_indices().rev().take(MAX_CHARS) {
        chars += 1;
        if chars > max_chars && start < path.len() {
            break;
        }
        if c == '/' || c == '\\' {
            start = at;
        }
    }
    match start {
        0 => shown(path),
        start if start == path.len() => shown(path),
        start => Cow::Owned(format!("…{}", shown(&path[start..]))),
    }
}

/// A file's name without its folders; `__init__.py` and `__main__.py` keep one.
pub(crate) fn file_name(path: &str) -> &str {
    // It cuts at slashes only, so the rest is as much UTF-8 as the whole.
    std::str::from_utf8(escape::file_name(path.as_bytes())).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bidirectional_overrides_are_shown_as_escapes() {
        assert_eq!(shown("a\u{202e}b\n"), "a\\u{202e}b\\n");
    }

    #[test]
    fn a_name_of_a_megabyte_is_cut() {
        let name = "é".repeat(1 << 20);
        assert_eq!(shown(&name).chars().count(), MAX_CHARS + 1);
        assert!(shown_path(&name, 20).chars().count() <= MAX_CHARS + 1);
    }

    #[test]
    fn a_long_path_keeps_its_end() {
        assert_eq!(
            shown_path("/usr/lib/python3/site-packages/pandas/io/parsers/readers.py", 24),
            "…/io/parsers/readers.py"
        );
        assert_eq!(shown_path("/a/b.py", 24), "/a/b.py");
        assert_eq!(shown_path("/x/a_file_name_longer_than_that.py", 10), "…/a_file_name_longer_than_that.py");
        assert_eq!(file_name("/x/json/__init__.py"), "json/__init__.py");
    }
}
