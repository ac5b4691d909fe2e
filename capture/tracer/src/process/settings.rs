// SPDX-License-Identifier: Apache-2.0
//! What is to be recorded, and where to: [`Settings`], as the command hands them through the environment.

use std::path::PathBuf;
use std::time::Duration;

/// What is to be recorded, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The capture. `{pid}` stands for the traced process's number.
    pub(crate) path: PathBuf,
    /// Replace a file that is there.
    pub(crate) overwrites: bool,
    /// LZ4, or records as they are.
    pub(crate) compresses: bool,
    /// Record the requests that Python's own allocators get.
    pub(crate) traces_python_allocators: bool,
    /// Record forked children too, each into a file of its own.
    pub(crate) follows_forks: bool,
    /// From one sample of memory use to the next.
    pub(crate) memory_interval: Duration,
    /// Stop tracing then.
    pub(crate) duration: Option<Duration>,
    /// Stop tracing when the capture is that large.
    pub(crate) max_size_bytes: Option<u64>,
    /// Say nothing but errors.
    pub(crate) is_quiet: bool,
    /// What the capture's header shows as the command line; empty for the process's own.
    pub(crate) command_line: Vec<u8>,
}
