// SPDX-License-Identifier: Apache-2.0
//! The command, run as a user runs it: without a display, with a cache of its own.

#![allow(dead_code)] // each test program uses its own part

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A place to run the command in: its own cache and its own working folder.
pub(crate) struct Place {
    folder: TempDir,
}

/// What the command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
    /// The exit code.
    pub(crate) code: i32,
}

/// The optimised binary that `scripts/test` builds, else cargo's own.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("MEMRAY_VIEW_BIN").map_or_else(|| env!("CARGO_BIN_EXE_memray-view").into(), PathBuf::from)
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in the working folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command, ready for its arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("TZ", "UTC")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Runs the command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(self.command().args(arguments).output().unwrap())
    }

    /// Runs the command on a sample capture: `arguments` with `FILE` replaced by its path.
    pub(crate) fn run_on(&self, capture: &str, arguments: &[&str]) -> Said {
        let path = capture_path(capture);
        let path = path.to_str().unwrap();
        let arguments: Vec<&str> =
            arguments.iter().map(|&argument| if argument == "FILE" { path } else { argument }).collect();
        self.run(&arguments)
    }

    /// Exports a sample capture as JSON, which must succeed.
    pub(crate) fn export(&self, capture: &str, arguments: &[&str]) -> serde_json::Value {
        let mut all = vec!["export", "FILE"];
        all.extend(arguments);
        let said = self.run_on(capture, &all);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        serde_json::from_str(&said.out).unwrap()
    }
}

/// What came out of the command, as text.
pub(crate) fn said(output: Output) -> Said {
    Said {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

/// A sample capture, by its folder and name.
pub(crate) fn capture_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name)
}

/// Whether a text could make a terminal do anything but print lines.
pub(crate) fn is_harmless(text: &str) -> bool {
    let bidirectional = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| (c.is_control() && c != '\n') || bidirectional(c))
}
