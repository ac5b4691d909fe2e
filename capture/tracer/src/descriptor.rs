// SPDX-License-Identifier: Apache-2.0
//! The tracer's own descriptors, kept out of the program's way: programs count on getting low numbers.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};

/// Descriptors from here on are seldom chosen by anybody.
const MIN_DESCRIPTOR: i32 = 400;

/// The same file under a high number, if there is one to be had. It is closed when the program executes another.
pub(crate) fn moved_up(file: File) -> File {
    // SAFETY: takes numbers only; a new descriptor belongs to nobody yet.
    unsafe {
        match libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, MIN_DESCRIPTOR) {
            -1 => file,
            descriptor => File::from_raw_fd(descriptor),
        }
    }
}
