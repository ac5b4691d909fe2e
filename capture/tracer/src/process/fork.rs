// SPDX-License-Identifier: Apache-2.0
//! Forks: the tracer's locks are held across them, and the child writes a capture of its own, or none.

use super::{completion, session};
use crate::{native, private_heap, python, thread};
use std::sync::Once;

/// Has the C library tell of forks.
pub(super) fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        // SAFETY: the functions stay loaded, as this library is never unloaded.
        unsafe { libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
    });
}

/// The thread counts as inside the tracer until the fork is over: other handlers may allocate meanwhile, and the lock is
/// held by this very thread.
extern "C" fn prepare() {
    if !session::is_tracing() {
        completion::await_completion();
    } else if thread::enter_for_fork() {
        session::pause_sampling();
        // Before anything is held that a thread in the loader may wait for.
        native::stop_looking();
        session::before_fork();
        python::before_fork();
        native::before_fork();
        private_heap::heap().before_fork();
    }
}

extern "C" fn in_parent() {
    if thread::is_in_fork() {
        private_heap::heap().after_fork();
        native::after_fork();
        native::look_again();
        python::after_fork();
        session::after_fork();
        session::resume_sampling_soon();
        thread::leave_after_fork();
    }
}

extern "C" fn in_child() {
    completion::in_forked_child();
    native::in_forked_child();
    if thread::is_in_fork() {
        private_heap::heap().after_fork();
        native::after_fork();
        python::after_fork();
        session::after_fork();
        session::begin_in_child();
        thread::leave_after_fork();
    }
}
