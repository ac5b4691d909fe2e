// SPDX-License-Identifier: Apache-2.0
//! A few lines of a source file: [`Excerpt`]. Its path comes from the capture, so nothing but regular files of a
//! bounded size is opened, and no device or pipe is ever waited for.

use crate::escape::visible;
use crate::source_folders::SourceFolders;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Larger files are not read.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// Of a longer line the rest is cut.
const MAX_LINE_CHARS: usize = 300;
/// Lines shown on either side.
const CONTEXT_LINES: usize = 4;
const TAB: &str = "    ";

/// A few lines of a source file, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The file that was read.
    pub path: PathBuf,
    /// Number of the first of `lines`.
    pub first_line: u32,
    /// Escaped, without the indentation that they share.
    pub lines: Vec<String>,
    /// When the file was last changed, milliseconds since the Unix epoch.
    pub modified_ms: Option<i64>,
}

/// Why there is no excerpt. Its words are shown to the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Such as `<string>`.
    #[error("This code came from no file.")]
    NoFile,
    /// Neither where the capture says nor in any folder that the user names.
    #[error("The source is not on this machine.")]
    NotHere,
    /// A device, a pipe, a folder.
    #[error("The source is not shown: what has its name is not a regular file.")]
    NotRegular,
    /// More than 8 MB.
    #[error("The source is not shown: the file is larger than 8 MB.")]
    TooLarge,
    /// As the system says.
    #[error("The source cannot be read: {0}.")]
    Unreadable(io::ErrorKind),
    /// It changed since.
    #[error("The file has only {line_count} lines now; line {line} is not among them.")]
    NoSuchLine {
        /// What was asked for.
        line: u32,
        /// How many there are.
        line_count: usize,
    },
}

impl Excerpt {
    /// The text of `line` of `file` alone, if it can be read and was not changed since `time_ms`.
    pub fn line_as_of(file: &str, line: u32, folders: &SourceFolders, time_ms: i64) -> Option<String> {
        let excerpt = Self::read(file, line, folders).ok()?;
        if excerpt.modified_ms.is_some_and(|modified_ms| modified_ms > time_ms) {
            return None;
        }
        let text = excerpt.lines.get(line.checked_sub(excerpt.first_line)? as usize)?;
        Some(text.trim().to_owned())
    }

    /// Reads the lines around `line` of `file`.
    ///
    /// # Errors
    /// [`Unavailable`]
    pub fn read(file: &str, line: u32, folders: &SourceFolders) -> Result<Self, Unavailable> {
        // `<string>`, `<frozen importlib._bootstrap>`
        if file.is_empty() || line == 0 || (file.starts_with('<') && file.ends_with('>')) {
            return Err(Unavailable::NoFile);
        }
        let path = folders.find(Path::new(file)).ok_or(Unavailable::NotHere)?;
        let (text, metadata) = read_regular(&path)?;
        let modified_ms = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok());
        let (first_line, lines) = around(&text, line)?;
        Ok(Self { path, first_line, lines, modified_ms })
    }
}

/// The bytes of a regular file.
fn read_regular(path: &Path) -> Result<(Vec<u8>, Metadata), Unavailable> {
    let unavailable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unavailable::NotHere,
        kind => Unavailable::Unreadable(kind),
    };
    let check = |metadata: &Metadata| {
        if !metadata.is_file() {
            Err(Unavailable::NotRegular)
        } else if metadata.len() > MAX_FILE_BYTES {
            Err(Unavailable::TooLarge)
        } else {
            Ok(())
        }
    };
    // To open a device can already do something, so the name is looked at first; what it names may change before it is
    // opened, so the open file is looked at again.
    check(&std::fs::metadata(path).map_err(unavailable)?)?;
    let file = open_without_waiting(path).map_err(unavailable)?;
    let metadata = file.metadata().map_err(unavailable)?;
    check(&metadata)?;
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(unavailable)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Unavailable::TooLarge);
    }
    Ok((text, metadata))
}

#[cfg(unix)]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

#[cfg(not(unix))]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// The lines around `line`, and the number of the first of them.
fn around(text: &[u8], line: u32) -> Result<(u32, Vec<String>), Unavailable> {
    let lines = || text.split(|byte| *byte == b'\n');
    // A newline at the end begins no further line.
    let line_count = lines().count() - usize::from(text.is_empty() || text.ends_with(b"\n"));
    let index = line as usize - 1;
    if index >= line_count {
        return Err(Unavailable::NoSuchLine { line, line_count });
    }
    let first = index.saturating_sub(CONTEXT_LINES);
    let last = index.saturating_add(CONTEXT_LINES).min(line_count - 1);
    let shown: Vec<String> = lines().skip(first).take(last - first + 1).map(shown_line).collect();
    let indentation = shown
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let lines = shown.iter().map(|line| line.get(indentation..).unwrap_or("").to_owned()).collect();
    Ok((first as u32 + 1, lines))
}

fn shown_line(bytes: &[u8]) -> String {
    // A character has at most four bytes.
    let cut = &bytes[..bytes.len().min(MAX_LINE_CHARS * 4)];
    let text: String = String::from_utf8_lossy(cut).trim_end().chars().take(MAX_LINE_CHARS).collect();
    visible(&text.replace('\t', TAB)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.py");
        std::fs::write(&path, text).unwrap();
        (folder, path.to_string_lossy().into_owned())
    }

    #[test]
    fn lines_around_are_read_and_shared_indentation_is_left_out() {
        let text: String = (1..=20).map(|line| format!("    line {line}\n")).collect();
        let (_folder, path) = file(&text);
        let excerpt = Excerpt::read(&path, 10, &SourceFolders::default()).unwrap();
        assert_eq!(excerpt.first_line, 6);
        assert_eq!(excerpt.lines.len(), 9);
        assert_eq!(excerpt.lines[4], "line 10");
        let line = |line, time_ms| Excerpt::line_as_of(&path, line, &SourceFolders::default(), time_ms);
        assert_eq!(line(10, i64::MAX).as_deref(), Some("line 10"));
        assert_eq!((line(21, i64::MAX), line(10, 0)), (None, None), "there is none; it changed since");
        assert_eq!(Excerpt::read(&path, 1, &SourceFolders::default()).unwrap().lines[0], "line 1");
        assert_eq!(Excerpt::read(&path, 20, &SourceFolders::default()).unwrap().lines.last().unwrap(), "line 20");
    }

    #[test]
    fn a_line_beyond_the_end_says_that_the_file_changed() {
        let (_folder, path) = file("one\ntwo\n");
        let error = Excerpt::read(&path, 3, &SourceFolders::default()).unwrap_err();
        assert_eq!(error.to_string(), "The file has only 2 lines now; line 3 is not among them.");
    }

    #[test]
    fn a_relative_path_is_looked_for_beside_the_capture() {
        let (folder, _) = file("x = 1\n");
        let excerpt = Excerpt::read("cache.py", 1, &SourceFolders::beside(vec![folder.path().to_path_buf()])).unwrap();
        assert_eq!(excerpt.lines, ["x = 1"]);
        assert_eq!(Excerpt::read("cache.py", 1, &SourceFolders::default()), Err(Unavailable::NotHere));
    }

    #[test]
    fn control_characters_of_a_source_file_are_shown_as_escapes() {
        let (_folder, path) = file("a\tb\u{202e}\u{1b}[31m\n");
        assert_eq!(Excerpt::read(&path, 1, &SourceFolders::default()).unwrap().lines, ["a    b\\u{202e}\\u{1b}[31m"]);
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        assert_eq!(Excerpt::read("<string>", 1, &SourceFolders::default()), Err(Unavailable::NoFile));
        assert_eq!(Excerpt::read("/nowhere/at/all.py", 1, &SourceFolders::default()), Err(Unavailable::NotHere));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            Excerpt::read(&folder.path().to_string_lossy(), 1, &SourceFolders::default()),
            Err(Unavailable::NotRegular)
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_a_device_or_a_link_to_one_is_never_waited_for() {
        assert_eq!(Excerpt::read("/dev/zero", 1, &SourceFolders::default()), Err(Unavailable::NotRegular));
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.py");
        let name = std::ffi::CString::new(pipe.to_string_lossy().as_bytes()).unwrap();
        // SAFETY: `name` is a string that ends in a nul byte, and mkfifo only reads it.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert_eq!(Excerpt::read(&pipe.to_string_lossy(), 1, &SourceFolders::default()), Err(Unavailable::NotRegular));
        let link = folder.path().join("link.py");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        assert_eq!(Excerpt::read(&link.to_string_lossy(), 1, &SourceFolders::default()), Err(Unavailable::NotRegular));
    }

    #[test]
    fn a_file_of_more_than_8_mb_is_not_read() {
        let (folder, path) = file("");
        File::options().write(true).open(folder.path().join("cache.py")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert_eq!(Excerpt::read(&path, 1, &SourceFolders::default()), Err(Unavailable::TooLarge));
    }
}
