// SPDX-License-Identifier: Apache-2.0
//! What the files of a command line are to each other: [`Files`]. Two are compared, unless one is a child process of the
//! other; of more, what is no capture is skipped.

use crate::failure::Failure;
use memray_index::recognise;
use memray_report::escape;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The files to open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// Each in a window of its own; none for the start page.
    Each(Vec<PathBuf>),
    /// Two in one window, before and after.
    Compared(PathBuf, PathBuf),
}

impl Files {
    /// Sorts them out. `compares` asks for a comparison whatever they are.
    ///
    /// # Errors
    /// If more or fewer than two are to be compared, or none of several is a capture.
    pub(crate) fn of(files: &[PathBuf], compares: bool) -> Result<Self, Failure> {
        match files {
            [before, after] if compares || !is_child(before, after) => {
                Ok(Self::Compared(before.clone(), after.clone()))
            }
            _ if compares => Err(Failure::Unanswerable("--compare takes two captures: before and after".to_owned())),
            [_, child] => {
                say(&format!("{} is a child process of the other; --compare compares them", child.display()));
                Ok(Self::Each(files.to_vec()))
            }
            [] | [_] => Ok(Self::Each(files.to_vec())),
            several => captures_of(several).map(Self::Each),
        }
    }
}

/// Those that are captures or indexes; what else there is is said.
fn captures_of(files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut captures = Vec::new();
    let mut last = None;
    for file in files {
        match recognise(file) {
            Ok(_) => captures.push(file.clone()),
            Err(error) => {
                say(&format!("skipped: {error}"));
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if captures.is_empty() => Err(error.into()),
        _ => Ok(captures),
    }
}

/// Whether the second is a child process that the first forked: by its name, `out.bin.4711`, and by its header.
fn is_child(parent: &Path, child: &Path) -> bool {
    let [parent, child_name] = [parent, child].map(|path| path.as_os_str().as_encoded_bytes());
    let pid = child_name.strip_prefix(parent).and_then(|rest| rest.strip_prefix(b"."));
    // Where a file of that name was there already, another number follows.
    let pid =
        pid.and_then(|pid| std::str::from_utf8(pid.split(|&byte| byte == b'.').next()?).ok()?.parse::<i32>().ok());
    pid.is_some() && recognise(child).is_ok_and(|header| header.map(|header| header.pid) == pid)
}

fn say(words: &str) {
    // Where standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "memray-view: {}", escape::visible(words));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/v13-py3.11").join(name)
    }

    fn files(names: &[&str], compares: bool) -> Result<Files, Failure> {
        Files::of(&names.iter().map(|name| capture(name)).collect::<Vec<_>>(), compares)
    }

    #[test]
    fn two_captures_are_compared_but_a_child_process_with_its_parent_only_if_asked_for() {
        let compared = |before, after| Files::Compared(capture(before), capture(after));
        assert!(matches!(files(&["items.bin", "deep.bin"], false), Ok(it) if it == compared("items.bin", "deep.bin")));
        let (parent, child) = ("forks.bin", "forks.bin.20614");
        let each = Files::Each(vec![capture(parent), capture(child)]);
        assert!(matches!(files(&[parent, child], false), Ok(it) if it == each));
        assert!(matches!(files(&[parent, child], true), Ok(it) if it == compared(parent, child)));
        // The other way round nothing is whose child.
        assert!(matches!(files(&[child, parent], false), Ok(it) if it == compared(child, parent)));
        assert!(matches!(files(&[parent], true), Err(Failure::Unanswerable(_))));
    }

    #[test]
    fn of_several_what_is_no_capture_is_skipped() {
        let each = Files::Each(vec![capture("items.bin"), capture("deep.bin")]);
        let found = files(&["items.bin", "items.bin.truth.json.gz", "deep.bin"], false);
        assert!(matches!(found, Ok(it) if it == each));
        let none = files(&["items.bin.truth.json.gz", "missing", "deep.bin.truth.json.gz"], false);
        assert!(matches!(none, Err(Failure::Unreadable(_))));
    }
}
