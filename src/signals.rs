// SPDX-License-Identifier: Apache-2.0
//! Signals that would end the command where an error says more.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

/// Has a file that becomes larger than the user's limit be an error of the write, not the end of the process.
pub(crate) fn ignore_size_limit() {
    #[cfg(unix)]
    // SAFETY: no handler is installed, and no other thread runs yet that could change what is done about this signal.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Has Ctrl+C set what it gives from now on, and the command go on; a second one ends it. Whoever started the command with
/// Ctrl+C ignored, as `nohup` and a shell's background do, has it ignored still.
pub(crate) fn interrupted() -> &'static Arc<AtomicBool> {
    let interrupted = &*INTERRUPTED;
    #[cfg(unix)]
    // SAFETY: the handler stores into an atomic that was made above, and calls nothing but `signal`, which it may.
    unsafe {
        let handler: extern "C" fn(libc::c_int) = interrupt;
        if libc::signal(libc::SIGINT, handler as libc::sighandler_t) == libc::SIG_IGN {
            libc::signal(libc::SIGINT, libc::SIG_IGN);
        }
    }
    interrupted
}

#[cfg(unix)]
extern "C" fn interrupt(signal: libc::c_int) {
    INTERRUPTED.store(true, std::sync::atomic::Ordering::Relaxed);
    // SAFETY: it may be called by a signal's handler.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
    }
}

/// Ends the command as one that Ctrl+C ended, so that a script around it ends too. Returns where there are no signals.
pub(crate) fn end_by_interrupt() {
    #[cfg(unix)]
    // SAFETY: neither call has preconditions.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::raise(libc::SIGINT);
    }
}
