// SPDX-License-Identifier: Apache-2.0
//! What the files of a command line are to each other: [`Files`]. Two are compared, unless one is a child process of the
//! other: a parent and its children are one session. More open in tabs, and what is no capture is skipped.

use crate::failure::Failure;
use memray_index::family::{are_one_family, is_child};
use memray_index::recognise;
use memray_report::escape;
use std::io::{self, Write};
use std::path::PathBuf;

/// The files to open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// One; none for the start page.
    One(Option<PathBuf>),
    /// Two, before and after.
    Compared(PathBuf, PathBuf),
    /// Processes of one program.
    Session(Vec<PathBuf>),
    /// Several that have nothing to do with each other.
    Several(Vec<PathBuf>),
}

/// What the user says they are, if anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing.
    #[default]
    Nothing,
    /// Before and after.
    Compared,
    /// Processes of one program.
    Session,
}

impl Files {
    /// Sorts them out.
    ///
    /// # Errors
    /// If more or fewer than two are to be compared, or none of several is a capture.
    pub(crate) fn of(files: &[PathBuf], said: Said) -> Result<Self, Failure> {
        match (files, said) {
            ([before, after], Said::Compared) => Ok(Self::Compared(before.clone(), after.clone())),
            (_, Said::Compared) => {
                Err(Failure::Unanswerable("--compare takes two captures: before and after".to_owned()))
            }
            ([], Said::Session) => {
                Err(Failure::Unanswerable("--session takes the captures of its processes".to_owned()))
            }
            (processes, Said::Session) => captures_of(processes).map(Self::Session),
            ([], _) => Ok(Self::One(None)),
            ([one], _) => Ok(Self::One(Some(one.clone()))),
            ([parent, child], _) if is_child(parent, child) => {
                say("a process and its child, as one session; --compare compares them");
                Ok(Self::Session(files.to_vec()))
            }
            ([before, after], _) => Ok(Self::Compared(before.clone(), after.clone())),
            (several, _) => {
                let captures = captures_of(several)?;
                Ok(if are_one_family(&captures) { Self::Session(captures) } else { Self::Several(captures) })
            }
        }
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        match self {
            Self::One(file) => file.iter().cloned().collect(),
            Self::Compared(before, after) => vec![before.clone(), after.clone()],
            Self::Session(files) | Self::Several(files) => files.clone(),
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

fn say(words: &str) {
    // Where standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr(), "memray-view: {}", escape::visible(words));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn capture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/v13-py3.11").join(name)
    }

    fn files(names: &[&str], said: Said) -> Result<Files, Failure> {
        Files::of(&names.iter().map(|name| capture(name)).collect::<Vec<_>>(), said)
    }

    fn session(names: &[&str]) -> Files {
        Files::Session(names.iter().map(|name| capture(name)).collect())
    }

    const PARENT: &str = "forks.bin";
    const CHILD: &str = "forks.bin.20614";

    #[test]
    fn two_captures_are_compared_but_a_child_process_with_its_parent_only_if_asked_for() {
        let compared = |before, after| Files::Compared(capture(before), capture(after));
        let found = files(&["items.bin", "deep.bin"], Said::Nothing);
        assert!(matches!(found, Ok(it) if it == compared("items.bin", "deep.bin")));
        assert!(matches!(files(&[PARENT, CHILD], Said::Nothing), Ok(it) if it == session(&[PARENT, CHILD])));
        assert!(matches!(files(&[PARENT, CHILD], Said::Compared), Ok(it) if it == compared(PARENT, CHILD)));
        // The other way round nothing is whose child.
        assert!(matches!(files(&[CHILD, PARENT], Said::Nothing), Ok(it) if it == compared(CHILD, PARENT)));
        assert!(matches!(files(&[PARENT], Said::Compared), Err(Failure::Unanswerable(_))));
    }

    #[test]
    fn a_process_and_its_children_are_one_session_in_any_order_and_without_the_parent() {
        let children = ["forks.bin.20614", "forks.bin.20616", "forks.bin.20619"];
        let all = [children[2], PARENT, children[0], children[1]];
        assert!(matches!(files(&all, Said::Nothing), Ok(it) if it == session(&all)));
        assert!(matches!(files(&children, Said::Nothing), Ok(it) if it == session(&children)));
        let unrelated = ["items.bin", PARENT, CHILD];
        let several = Files::Several(unrelated.map(capture).to_vec());
        assert!(matches!(files(&unrelated, Said::Nothing), Ok(it) if it == several));
        assert!(matches!(files(&unrelated, Said::Session), Ok(it) if it == session(&unrelated)), "if it is said");
    }

    #[test]
    fn of_several_what_is_no_capture_is_skipped() {
        let several = Files::Several(vec![capture("items.bin"), capture("deep.bin")]);
        let found = files(&["items.bin", "items.bin.truth.json.gz", "deep.bin"], Said::Nothing);
        assert!(matches!(found, Ok(it) if it == several));
        let none = files(&["items.bin.truth.json.gz", "missing", "deep.bin.truth.json.gz"], Said::Nothing);
        assert!(matches!(none, Err(Failure::Unreadable(_))));
    }
}
