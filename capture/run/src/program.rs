// SPDX-License-Identifier: Apache-2.0
//! [`Program`]: what the interpreter is to run.

use crate::error::RunError;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the interpreter is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A script, a folder or archive with a `__main__`, or `-` for what comes on standard input.
    Script(PathBuf),
    /// `-m`: a module.
    Module(OsString),
    /// `-c`: source text.
    Command(OsString),
}

impl Program {
    /// Refuses what cannot run, before anything does.
    ///
    /// # Errors
    /// [`RunError`]
    pub fn check(&self) -> Result<(), RunError> {
        match self {
            Self::Script(path) if path == Path::new("-") => Ok(()),
            Self::Script(path) => match fs::metadata(path) {
                Ok(_) => Ok(()),
                Err(source) => Err(RunError::NoScript { path: path.clone(), source }),
            },
            Self::Command(text) if Path::new(text).exists() => Err(RunError::CommandIsFile),
            Self::Module(_) | Self::Command(_) => Ok(()),
        }
    }

    /// What memray names a capture of it after, and the folder that it puts it into.
    pub(crate) fn folder_and_name(&self) -> (&Path, &OsStr) {
        match self {
            Self::Script(path) if path == Path::new("-") => (Path::new(""), OsStr::new("stdin")),
            Self::Script(path) => {
                (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or(OsStr::new("main")))
            }
            Self::Module(name) => {
                let name = name.as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
                (Path::new(""), OsStr::from_bytes(name))
            }
            Self::Command(_) => (Path::new(""), OsStr::new("string")),
        }
    }

    /// What follows the interpreter's own flags.
    pub(crate) fn words(&self) -> Vec<&OsStr> {
        match self {
            Self::Script(path) => vec![path.as_os_str()],
            Self::Module(name) => vec![OsStr::new("-m"), name],
            Self::Command(text) => vec![OsStr::new("-c"), text],
        }
    }
}
