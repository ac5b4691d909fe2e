// SPDX-License-Identifier: Apache-2.0
//! [`Interpreter`]: which Python runs the program, with which flags of its own.

use crate::error::RunError;
use crate::program::Program;
use crate::words;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Which Python runs the program: its name as a user would type it, and its own flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    name: OsString,
    flags: Vec<OsString>,
}

impl Interpreter {
    /// The one that is named, else that of the active virtual environment, else `python3`.
    ///
    /// # Errors
    /// [`RunError`], if what is named is no name.
    pub fn choose(named: Option<&OsStr>) -> Result<Self, RunError> {
        Self::choose_from(named, std::env::var_os("VIRTUAL_ENV").as_deref())
    }

    fn choose_from(named: Option<&OsStr>, virtual_environment: Option<&OsStr>) -> Result<Self, RunError> {
        let Some(named) = named else {
            let active = virtual_environment.filter(|folder| !folder.is_empty());
            let python = active.map(|folder| Path::new(folder).join("bin/python")).filter(|python| python.exists());
            return Ok(Self::without_flags(python.unwrap_or_else(|| PathBuf::from("python3"))));
        };
        if Path::new(named).is_file() {
            // A path with spaces in it.
            return Ok(Self::without_flags(named));
        }
        let mut words = words::split(named).ok_or_else(|| RunError::Unquoted(named.to_owned()))?.into_iter();
        match words.next() {
            Some(name) if !name.is_empty() => Ok(Self { name, flags: words.collect() }),
            _ => Err(RunError::NoInterpreter),
        }
    }

    fn without_flags(name: impl Into<OsString>) -> Self {
        Self { name: name.into(), flags: Vec::new() }
    }

    /// As a user typed it.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The whole command line.
    pub(crate) fn command_line(&self, program: &Program, arguments: &[OsString]) -> Vec<OsString> {
        let flags = self.flags.iter().map(OsString::as_os_str);
        let own = [self.name.as_os_str()].into_iter().chain(flags).chain(program.words());
        own.chain(arguments.iter().map(OsString::as_os_str)).map(OsStr::to_owned).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn line(named: Option<&str>, virtual_environment: Option<&Path>) -> String {
        let environment = virtual_environment.map(Path::as_os_str);
        let interpreter = Interpreter::choose_from(named.map(OsStr::new), environment).unwrap();
        let line = interpreter.command_line(&Program::Module("mod".into()), &["a".into(), "-m".into()]);
        line.join(OsStr::new("|")).into_string().unwrap()
    }

    #[test]
    fn the_command_line_is_the_one_that_a_user_would_type() {
        assert_eq!(line(None, None), "python3|-m|mod|a|-m");
        assert_eq!(line(Some("/usr/bin/python3 -X dev"), None), "/usr/bin/python3|-X|dev|-m|mod|a|-m");
    }

    #[test]
    fn the_active_virtual_environment_goes_before_the_path() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(line(None, Some(folder.path())), "python3|-m|mod|a|-m", "an environment that is gone");
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let python = folder.path().join("bin/python");
        std::fs::write(&python, "").unwrap();
        assert_eq!(line(None, Some(folder.path())), format!("{}|-m|mod|a|-m", python.display()));
        assert_eq!(line(Some("python3.12"), Some(folder.path())), "python3.12|-m|mod|a|-m");
        assert_eq!(line(None, Some(Path::new(""))), "python3|-m|mod|a|-m");
    }

    #[test]
    fn a_path_with_spaces_needs_no_quotes() {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("my python");
        std::fs::write(&python, "").unwrap();
        assert_eq!(line(python.to_str(), None), format!("{}|-m|mod|a|-m", python.display()));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for named in ["", "  ", "'' -I"] {
            assert!(matches!(Interpreter::choose_from(Some(OsStr::new(named)), None), Err(RunError::NoInterpreter)));
        }
        assert!(matches!(Interpreter::choose_from(Some(OsStr::new("'python")), None), Err(RunError::Unquoted(_))));
    }
}
