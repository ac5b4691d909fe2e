// SPDX-License-Identifier: Apache-2.0
//! `memray-view run`: runs a Python program and records its memory. [`memray_run`] does it; here is what is asked of it,
//! and what is said of the result.

#[cfg(target_os = "linux")]
mod recording;

#[cfg(target_os = "linux")]
pub(crate) use recording::run;

/// Says that there is no tracer for this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(
    _: &crate::arguments::RunArguments,
    _: &memray_index::OpenOptions,
) -> Result<std::process::ExitCode, crate::failure::Failure> {
    Err(crate::failure::Failure::Unanswerable(
        "programs are recorded on Linux only: use `memray run -o out.bin script.py`, then open out.bin".to_owned(),
    ))
}
