// SPDX-License-Identifier: Apache-2.0
//! What a capture's header says of the traced process.

use super::settings::Settings;
use crate::python::Interpreter;
use memray_format::{FileFormat, Header, ThreadId};

/// The header of a capture that begins now. To be called with the GIL held.
pub(super) fn describe(settings: &Settings, interpreter: &Interpreter, start_time_ms: i64) -> Header {
    Header {
        version: *memray_format::VERSIONS.end(),
        python_version: Some(interpreter.version),
        has_native_traces: settings.traces_native,
        file_format: if settings.aggregates { FileFormat::Aggregated } else { FileFormat::AllAllocations },
        allocation_count: 0,
        frame_count: 0,
        start_time_ms,
        end_time_ms: start_time_ms,
        command_line: command_line(settings),
        pid: std::process::id() as i32,
        main_thread: ThreadId(1),
        skipped_frames_on_main_thread: settings.skipped_frames,
        python_allocator: interpreter.allocator(),
        traces_python_allocators: settings.traces_python_allocators,
        tracks_object_lifetimes: false,
        module_paths: Some(interpreter.module_paths()),
    }
}

/// The header of a forked child's capture.
pub(super) fn of_child(parent: Header, start_time_ms: i64) -> Header {
    Header { allocation_count: 0, start_time_ms, end_time_ms: start_time_ms, pid: std::process::id() as i32, ..parent }
}

/// What was asked for, else the words that the kernel has, with spaces between.
fn command_line(settings: &Settings) -> Vec<u8> {
    if !settings.command_line.is_empty() {
        return settings.command_line.iter().copied().filter(|&byte| byte != 0).collect();
    }
    let words = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    let mut line: Vec<u8> = words.iter().map(|&byte| if byte == 0 { b' ' } else { byte }).collect();
    while line.last() == Some(&b' ') {
        line.pop();
    }
    line
}
