// SPDX-License-Identifier: Apache-2.0
//! What the command and the tracer tell each other: the one contract between them.
//!
//! The command writes [`Settings`] into one environment variable of the program's process; the tracer reads it there and
//! takes it away before the program can see it. The tracer answers with [`Report`]s in a file that the settings name. Both
//! sides are built of the same source, so a value of another version is refused rather than understood halfway.

#![cfg(unix)]

mod fields;
mod report;
mod tracer_version;

use fields::{Fields, push};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

pub use report::Report;
pub use tracer_version::{tracer_version, tracer_version_in};

/// The environment variable that holds [`Settings`].
pub const VARIABLE: &str = "MEMRAY_VIEW_TRACE";

/// The version of this contract, which is that of the command and of the tracer.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What stands in paths for the number of the traced process: what no path of a user's can hold.
pub const PID: &str = "\0";

/// What is to be recorded, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The capture. [`PID`] stands for the traced process's number.
    pub path: PathBuf,
    /// The capture as the user wrote it, for messages. [`PID`] as in `path`.
    pub shown_path: PathBuf,
    /// Replace a file that is there.
    pub overwrites: bool,
    /// LZ4, or records as they are.
    pub compresses: bool,
    /// Record the requests that Python's own allocators get.
    pub traces_python_allocators: bool,
    /// Record native stacks too.
    pub traces_native: bool,
    /// Record sums only: what was live at the peak and at the end.
    pub aggregates: bool,
    /// Record forked children too, each into a file of its own.
    pub follows_forks: bool,
    /// Record the Python programs that the program starts, too.
    pub follows_children: bool,
    /// This is such a child: `path` is the capture of the program that was recorded first, and the child's own is named
    /// after it. What the tracer has to say goes to the report, as the child's standard error is its parent's to read.
    pub is_child: bool,
    /// Let the walk of Python's stack take its shortcut, which writes into the interpreter's frames, where it is known to
    /// be right. See the tracer's `shortcut`.
    pub uses_shortcut: bool,
    /// From one sample of memory use to the next.
    pub memory_interval: Duration,
    /// Stop tracing then.
    pub duration: Option<Duration>,
    /// Stop tracing when the capture is that large.
    pub max_size_bytes: Option<u64>,
    /// Say nothing but errors.
    pub is_quiet: bool,
    /// What the capture's header shows as the command line; empty for the process's own.
    pub command_line: Vec<u8>,
    /// So many of the outermost frames of the thread that starts tracing are not the traced program's.
    pub skipped_frames: u64,
    /// Where the tracer's [`Report`] goes.
    pub report: Option<PathBuf>,
}

/// Why settings cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// They are of another version.
    #[error("the tracer is of version {VERSION}, memray-view of version {0}")]
    OtherVersion(String),
    /// They are no settings.
    #[error("{VARIABLE} does not hold what memray-view writes: {0}")]
    Malformed(&'static str),
}

impl Settings {
    /// How often memory use is sampled, unless asked otherwise.
    pub const DEFAULT_MEMORY_INTERVAL: Duration = Duration::from_millis(10);

    /// As the value of [`VARIABLE`]: printable ASCII without spaces, whatever the paths hold.
    pub fn encode(&self) -> String {
        let mut out = String::new();
        push(&mut out, "version", VERSION.as_bytes());
        push(&mut out, "path", self.path.as_os_str().as_bytes());
        push(&mut out, "shown_path", self.shown_path.as_os_str().as_bytes());
        let flags = [
            ("overwrites", self.overwrites),
            ("compresses", self.compresses),
            ("traces_python_allocators", self.traces_python_allocators),
            ("traces_native", self.traces_native),
            ("aggregates", self.aggregates),
            ("follows_forks", self.follows_forks),
            ("follows_children", self.follows_children),
            ("is_child", self.is_child),
            ("uses_shortcut", self.uses_shortcut),
            ("is_quiet", self.is_quiet),
        ];
        for (name, is_set) in flags {
            push(&mut out, name, if is_set { b"1" } else { b"0" });
        }
        push_number(&mut out, "memory_interval_us", Some(micros(self.memory_interval)));
        push_number(&mut out, "duration_us", self.duration.map(micros));
        push_number(&mut out, "max_size_bytes", self.max_size_bytes);
        push(&mut out, "command_line", &self.command_line);
        push_number(&mut out, "skipped_frames", Some(self.skipped_frames));
        if let Some(report) = &self.report {
            push(&mut out, "report", report.as_os_str().as_bytes());
        }
        out
    }

    /// From the value of [`VARIABLE`].
    ///
    /// # Errors
    /// [`DecodeError`]
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let fields = Fields::parse(value).ok_or(DecodeError::Malformed("it is not made of fields"))?;
        let version = fields.bytes("version").ok_or(DecodeError::Malformed("version"))?;
        if version != VERSION.as_bytes() {
            return Err(DecodeError::OtherVersion(String::from_utf8_lossy(version).into_owned()));
        }
        let path = |name| fields.bytes(name).map(|bytes| PathBuf::from(OsString::from_vec(bytes.to_vec())));
        let needed = |name| path(name).ok_or(DecodeError::Malformed(name));
        let flag = |name| match fields.bytes(name) {
            Some(b"1") => Ok(true),
            Some(b"0") => Ok(false),
            _ => Err(DecodeError::Malformed(name)),
        };
        let number = |name| match fields.bytes(name) {
            Some(digits) => parse_number(digits).map(Some).ok_or(DecodeError::Malformed(name)),
            None => Ok(None),
        };
        let interval_us = number("memory_interval_us")?.ok_or(DecodeError::Malformed("memory_interval_us"))?;
        Ok(Self {
            path: needed("path")?,
            shown_path: needed("shown_path")?,
            overwrites: flag("overwrites")?,
            compresses: flag("compresses")?,
            traces_python_allocators: flag("traces_python_allocators")?,
            traces_native: flag("traces_native")?,
            aggregates: flag("aggregates")?,
            follows_forks: flag("follows_forks")?,
            follows_children: flag("follows_children")?,
            is_child: flag("is_child")?,
            uses_shortcut: flag("uses_shortcut")?,
            memory_interval: Duration::from_micros(interval_us),
            duration: number("duration_us")?.map(Duration::from_micros),
            max_size_bytes: number("max_size_bytes")?,
            is_quiet: flag("is_quiet")?,
            command_line: fields.bytes("command_line").unwrap_or_default().to_vec(),
            skipped_frames: number("skipped_frames")?.unwrap_or(0),
            report: path("report"),
        })
    }

    /// Where the process of that number is recorded.
    pub fn path_of(&self, pid: u32) -> PathBuf {
        with_pid(&self.path, pid)
    }

    /// The same, as the user wrote it.
    pub fn shown_path_of(&self, pid: u32) -> PathBuf {
        with_pid(&self.shown_path, pid)
    }
}

/// A path with a number where [`PID`] stands.
fn with_pid(path: &Path, pid: u32) -> PathBuf {
    let mut rest = path.as_os_str().as_bytes();
    let mut out = Vec::with_capacity(rest.len() + 8);
    while let Some(at) = rest.windows(PID.len()).position(|window| window == PID.as_bytes()) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(pid.to_string().as_bytes());
        rest = &rest[at + PID.len()..];
    }
    out.extend_from_slice(rest);
    OsString::from_vec(out).into()
}

fn push_number(out: &mut String, name: &str, number: Option<u64>) {
    if let Some(number) = number {
        push(out, name, number.to_string().as_bytes());
    }
}

fn parse_number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whole microseconds; more than fit are as good as for ever.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settings() -> Settings {
        Settings {
            path: "/srv/memray-svc.py.\0.bin".into(),
            shown_path: "memray-svc.py.\0.bin".into(),
            overwrites: false,
            compresses: true,
            traces_python_allocators: false,
            traces_native: false,
            aggregates: false,
            follows_forks: true,
            follows_children: false,
            is_child: false,
            uses_shortcut: true,
            memory_interval: Settings::DEFAULT_MEMORY_INTERVAL,
            duration: Some(Duration::from_secs(600)),
            max_size_bytes: Some(2 << 30),
            is_quiet: false,
            command_line: Vec::new(),
            skipped_frames: 0,
            report: Some("/tmp/x/report".into()),
        }
    }

    #[test]
    fn the_processs_number_stands_where_it_is_asked_for() {
        assert_eq!(settings().path_of(4711), Path::new("/srv/memray-svc.py.4711.bin"));
        assert_eq!(with_pid(Path::new("\0\0/{pid}"), 7), Path::new("77/{pid}"));
        assert_eq!(with_pid(Path::new(""), 7), Path::new(""));
    }

    #[test]
    fn another_version_is_named() {
        let value = settings().encode().replacen(VERSION, "0.0.9", 1);
        assert_eq!(Settings::decode(value.as_bytes()), Err(DecodeError::OtherVersion("0.0.9".to_owned())));
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        for (from, to, why) in [
            (";path=", ";bath=", "path"),
            ("compresses=1", "compresses=2", "compresses"),
            ("max_size_bytes=2147483648", "max_size_bytes=-1", "max_size_bytes"),
            ("memory_interval_us=10000", "memory_interval_us=", "memory_interval_us"),
            ("version=", "vision=", "version"),
        ] {
            let value = settings().encode();
            assert!(value.contains(from), "{from}");
            let decoded = Settings::decode(value.replacen(from, to, 1).as_bytes());
            assert_eq!(decoded, Err(DecodeError::Malformed(why)));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_of_paths_come_through(path: Vec<u8>, report: Option<Vec<u8>>, flags: [bool; 10], us: u64, skipped: u64) {
            let os = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
            let settings = Settings {
                path: os(path.clone()),
                shown_path: os(path.iter().rev().copied().collect()),
                overwrites: flags[0],
                compresses: flags[1],
                traces_python_allocators: flags[2],
                follows_forks: flags[3],
                follows_children: flags[7],
                is_child: flags[8],
                is_quiet: flags[4],
                traces_native: flags[5],
                uses_shortcut: flags[6],
                aggregates: flags[7],
                memory_interval: Duration::from_micros(us),
                command_line: path,
                skipped_frames: skipped,
                report: report.map(os),
                ..settings()
            };
            let value = settings.encode();
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "{}", value);
            prop_assert_eq!(Settings::decode(value.as_bytes()), Ok(settings));
        }

        #[test]
        fn any_value_is_settings_or_an_error(value: Vec<u8>) {
            prop_assert!(Settings::decode(&value).is_err());
        }
    }
}
