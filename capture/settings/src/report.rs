// SPDX-License-Identifier: Apache-2.0
//! [`Report`]: what became of a recording, told to the command, which cannot know in which of the processes below it the
//! interpreter began.

use crate::fields::{Fields, push};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What the tracer tells the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Recording began.
    Recording {
        /// The capture.
        path: PathBuf,
        /// The capture as the user wrote it.
        shown_path: PathBuf,
    },
    /// There is an interpreter, and it cannot be recorded. The tracer has said why.
    Refused,
}

impl Report {
    /// Writes it to the file that the settings name.
    ///
    /// # Errors
    /// The system's.
    pub fn write_to(&self, file: &Path) -> io::Result<()> {
        let mut out = String::new();
        match self {
            Self::Recording { path, shown_path } => {
                push(&mut out, "path", path.as_os_str().as_bytes());
                push(&mut out, "shown_path", shown_path.as_os_str().as_bytes());
            }
            Self::Refused => push(&mut out, "refused", b""),
        }
        fs::write(file, out)
    }

    /// Reads it; `None` if nothing was written.
    pub fn read_from(file: &Path) -> Option<Self> {
        let text = fs::read(file).ok()?;
        let fields = Fields::parse(&text)?;
        if fields.bytes("refused").is_some() {
            return Some(Self::Refused);
        }
        let path = |name| fields.bytes(name).map(|bytes| PathBuf::from(OsString::from_vec(bytes.to_vec())));
        Some(Self::Recording { path: path("path")?, shown_path: path("shown_path")? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report");
        assert_eq!(Report::read_from(&file), None);
        let path = PathBuf::from(OsString::from_vec(b"/a;b=c%\n\xff".to_vec()));
        for report in [Report::Recording { path, shown_path: "b=c".into() }, Report::Refused] {
            report.write_to(&file).unwrap();
            assert_eq!(Report::read_from(&file), Some(report));
        }
    }
}
