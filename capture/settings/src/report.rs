// SPDX-License-Identifier: Apache-2.0
//! [`Report`]: what became of a recording, told to the command, which cannot know in which of the processes below it the
//! interpreter began, nor what its children are. Each report is a line at the end of one file, written at once, so that
//! many processes can tell.

use crate::fields::{Fields, push};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
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
    /// Recording began in a child of the program that is recorded.
    Child {
        /// The child's capture.
        path: PathBuf,
    },
    /// What the tracer has to say in a child whose standard error is not the command's.
    Said {
        /// The child.
        pid: u32,
        /// A sentence for the user.
        sentence: String,
    },
}

impl Report {
    /// Adds it to the file that the settings name.
    ///
    /// # Errors
    /// The system's.
    pub fn append_to(&self, file: &Path) -> io::Result<()> {
        let mut line = String::new();
        match self {
            Self::Recording { path, shown_path } => {
                push(&mut line, "path", path.as_os_str().as_bytes());
                push(&mut line, "shown_path", shown_path.as_os_str().as_bytes());
            }
            Self::Refused => push(&mut line, "refused", b""),
            Self::Child { path } => push(&mut line, "child", path.as_os_str().as_bytes()),
            Self::Said { pid, sentence } => {
                push(&mut line, "pid", pid.to_string().as_bytes());
                push(&mut line, "said", sentence.as_bytes());
            }
        }
        line.push('\n');
        OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())
    }

    /// Reads all that was written until now, in order. Lines that nobody could have written are left out.
    pub fn read_all(file: &Path) -> Vec<Self> {
        let text = fs::read(file).unwrap_or_default();
        text.split(|&byte| byte == b'\n').filter_map(Self::parse).collect()
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let fields = Fields::parse(line)?;
        let path = |name| fields.bytes(name).map(|bytes| PathBuf::from(OsString::from_vec(bytes.to_vec())));
        if fields.bytes("refused").is_some() {
            return Some(Self::Refused);
        }
        if let Some(path) = path("child") {
            return Some(Self::Child { path });
        }
        if let Some(sentence) = fields.bytes("said") {
            let pid = std::str::from_utf8(fields.bytes("pid")?).ok()?.parse().ok()?;
            return Some(Self::Said { pid, sentence: String::from_utf8_lossy(sentence).into_owned() });
        }
        Some(Self::Recording { path: path("path")?, shown_path: path("shown_path")? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report");
        assert_eq!(Report::read_all(&file), []);
        let path = PathBuf::from(OsString::from_vec(b"/a;b=c%\n\xff".to_vec()));
        let reports = [
            Report::Recording { path: path.clone(), shown_path: "b=c".into() },
            Report::Refused,
            Report::Child { path },
            Report::Said { pid: 4711, sentence: "it\u{2019}s: a=b;\n".to_owned() },
        ];
        for report in &reports {
            report.append_to(&file).unwrap();
        }
        assert_eq!(Report::read_all(&file), reports);
    }

    #[test]
    fn a_line_that_is_no_report_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report");
        fs::write(&file, "said=x\npid=x;said=x\npath=/a\n\n;\nrefused=\nchild=%\n").unwrap();
        assert_eq!(Report::read_all(&file), [Report::Refused]);
    }

    #[test]
    fn nothing_is_left_where_the_command_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gone/report");
        assert!(Report::Refused.append_to(&file).is_err());
        assert!(!file.exists());
    }
}
