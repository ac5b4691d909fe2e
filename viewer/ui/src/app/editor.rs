// SPDX-License-Identifier: Apache-2.0
//! A source line opened in the user's editor: a template such as `code -g {file}:{line}`, run as a list of arguments and
//! never through a shell, as paths come from captures.

use memray_report::source_folders::SourceFolders;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is run where the user named nothing else.
pub(super) const DEFAULT_TEMPLATE: &str = "code -g {file}:{line}";

/// Why no editor was opened. The message is shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum EditorError {
    /// Nothing is selected that has a file.
    #[error("Select a frame that has a source file")]
    NoPlace,
    /// The file is not there.
    #[error("The source is not on this machine")]
    NotHere,
    /// The template cannot be read.
    #[error("“{0}” is no command: its quotes do not match")]
    BadTemplate(String),
    /// The command cannot be run.
    #[error("{0} cannot be started: {1}. Settings → Sources and editor names another")]
    CannotStart(String, std::io::Error),
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourcePlace {
    /// As the capture names it.
    pub(super) file: PathBuf,
    pub(super) line: u32,
}

impl SourcePlace {
    /// Opens it where it is on this machine. The editor runs on by itself.
    pub(super) fn open(&self, template: &str, folders: &SourceFolders) -> Result<(), EditorError> {
        let file = folders.find(&self.file).filter(|path| path.is_file()).ok_or(EditorError::NotHere)?;
        let words = arguments(template, &file, self.line)?;
        let (program, arguments) = words.split_first().ok_or_else(|| EditorError::BadTemplate(template.to_owned()))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| EditorError::CannotStart(program.display().to_string(), error))?;
        // Whoever started it has to take note of its end.
        let wait = move || {
            let mut child = child;
            let _ = child.wait();
        };
        // Without a thread the end is noted when this program ends.
        let _ = std::thread::Builder::new().name("editor".to_owned()).spawn(wait);
        Ok(())
    }
}

/// The template's words, with file and line put in. Only then is a path one word, whatever is in it.
fn arguments(template: &str, file: &Path, line: u32) -> Result<Vec<OsString>, EditorError> {
    const FILE: &str = "{file}";
    let words = shlex::split(template).ok_or_else(|| EditorError::BadTemplate(template.to_owned()))?;
    let has_file = words.iter().any(|word| word.contains(FILE));
    let put_in = |word: &String| {
        // The line first: a path may have braces in it.
        let word = word.replace("{line}", &line.to_string());
        let mut parts = word.split(FILE);
        let mut whole = OsString::from(parts.next().unwrap_or_default());
        for part in parts {
            whole.push(file);
            whole.push(part);
        }
        whole
    };
    let mut words: Vec<OsString> = words.iter().map(put_in).collect();
    if !has_file && !words.is_empty() {
        words.push(file.into());
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(template: &str, file: &str) -> Vec<OsString> {
        arguments(template, Path::new(file), 7).unwrap()
    }

    #[test]
    fn a_path_is_one_argument_whatever_is_in_it() {
        let nasty = "/srv/a b; rm -rf $HOME/{line}'.py";
        assert_eq!(words(DEFAULT_TEMPLATE, nasty), ["code", "-g", &format!("{nasty}:7")]);
        assert_eq!(words("'my editor' +{line}", "/a.py"), ["my editor", "+7", "/a.py"]);
        #[cfg(unix)]
        {
            let odd = <OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"/a\xff.py".to_vec());
            let expected = <OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"/a\xff.py:7".to_vec());
            assert_eq!(arguments("code {file}:{line}", Path::new(&odd), 7).unwrap()[1], expected);
        }
        assert!(matches!(arguments("code 'oops", Path::new("/a"), 1), Err(EditorError::BadTemplate(_))));
    }

    #[test]
    fn an_editor_is_given_the_file_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("here.py"), "x").unwrap();
        let seen = folder.path().join("seen");
        let template = format!("cp {{file}} {}", seen.display());
        let place = SourcePlace { file: "here.py".into(), line: 1 };
        let folders = SourceFolders::beside(vec![PathBuf::from("/nowhere"), folder.path().to_owned()]);
        place.open(&template, &folders).unwrap();
        // It runs on by itself.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while std::fs::read_to_string(&seen).ok().as_deref() != Some("x") {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let missing = SourcePlace { file: "missing.py".into(), line: 1 };
        assert!(matches!(missing.open(&template, &folders), Err(EditorError::NotHere)));
        let none = place.open("/no/such/editor {file}", &folders);
        assert!(none.unwrap_err().to_string().contains("cannot be started"));
    }
}
