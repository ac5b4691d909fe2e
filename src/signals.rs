// SPDX-License-Identifier: Apache-2.0
//! Signals that would end the command where an error says more.

/// Has a file that becomes larger than the user's limit be an error of the write, not the end of the process.
pub(crate) fn ignore_size_limit() {
    #[cfg(unix)]
    // SAFETY: no handler is installed, and no other thread runs yet that could change what is done about this signal.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
