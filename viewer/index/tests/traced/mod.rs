// SPDX-License-Identifier: Apache-2.0
//! Records programs with the tracer of this project, native stacks too.

#[path = "../../../../capture/tracer/tests/support/library.rs"]
mod tracer;

use memray_settings::{Settings, VARIABLE};
use std::path::Path;
use std::process::Command;

/// Runs a Python program to its end and records it.
pub(crate) fn record(capture: &Path, compresses: bool, program: &mut Command) {
    let settings = Settings {
        uses_shortcut: true,
        path: capture.into(),
        shown_path: capture.into(),
        overwrites: false,
        compresses,
        traces_python_allocators: false,
        traces_native: true,
        aggregates: false,
        follows_forks: false,
        follows_children: false,
        is_child: false,
        memory_interval: Settings::DEFAULT_MEMORY_INTERVAL,
        duration: None,
        max_size_bytes: None,
        is_quiet: true,
        command_line: Vec::new(),
        skipped_frames: 0,
        report: None,
    };
    let output = program.env("LD_PRELOAD", tracer::library()).env(VARIABLE, settings.encode()).output().unwrap();
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
}
