// SPDX-License-Identifier: Apache-2.0
//! The tracer as a library that a running program loads: what the Python package calls, through `ctypes`.
//!
//! A program that loads it itself keeps the GIL in these calls (`ctypes.PyDLL`).

use super::message::remember_standard_error;
use super::session;
use super::settings::{Settings, tracer_version};
use std::ffi::{c_char, c_int};

/// Starts tracing. Settings are spelled as in the environment variable. Returns 0; or 1, and then writes the reason to
/// `message`, ended by NUL and cut to its size; 2 if the settings cannot be read, 3 if tracing was started already, 4 if the
/// capture's file cannot be written.
///
/// # Safety
/// `settings` points to `length` bytes, `message` to `capacity` bytes that may be written. The calling thread holds the GIL.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn memray_view_start(
    settings: *const u8,
    length: usize,
    message: *mut c_char,
    capacity: usize,
) -> c_int {
    if settings.is_null() {
        return 2;
    }
    remember_standard_error();
    // SAFETY: as the caller promises.
    let settings = unsafe { std::slice::from_raw_parts(settings, length) };
    let (result, reason) = match Settings::decode(settings) {
        Err(error) => (2, error.to_string()),
        Ok(settings) => match session::start(settings) {
            Ok(_) => return 0,
            Err(error @ session::StartError::IsTraced) => (3, error.to_string()),
            Err(error @ session::StartError::File(_)) => (4, error.to_string()),
            Err(error) => (1, error.to_string()),
        },
    };
    if capacity > 0 && !message.is_null() {
        let told = reason.len().min(capacity - 1);
        // SAFETY: there is room for so many bytes and the NUL, as the caller promises.
        unsafe {
            message.copy_from_nonoverlapping(reason.as_ptr().cast(), told);
            message.add(told).write(0);
        }
    }
    result
}

/// Stops tracing and completes the capture; nothing if nothing is traced.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_stop() {
    session::stop();
}

/// Whether tracing goes on: 1, or 0 if it was not started or has ended, for whatever reason.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_is_tracing() -> c_int {
    c_int::from(session::is_tracing())
}

/// The version, which is that of the settings; ended by NUL.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_version() -> *const c_char {
    tracer_version().as_ptr()
}
