// SPDX-License-Identifier: Apache-2.0
//! Forks: the tracer's locks are held across them, and the child writes a capture of its own, or none.

use super::session;
use crate::{native, private_heap, python, thread};
use std::path::{Path, PathBuf};
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
    if session::is_tracing() && thread::enter_for_fork() {
        session::pause_sampling();
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
        python::after_fork();
        session::after_fork();
        session::resume_sampling_soon();
        thread::leave_after_fork();
    }
}

extern "C" fn in_child() {
    if thread::is_in_fork() {
        private_heap::heap().after_fork();
        native::after_fork();
        python::after_fork();
        session::after_fork();
        session::begin_in_child();
        thread::leave_after_fork();
    }
}

/// Where a child records: memray's rule. `out.bin` becomes `out.bin.4711`; what ends in the parent's number, as
/// `out.bin.4711`, has it replaced.
pub(super) fn child_path(parent: &Path, parent_pid: u32) -> PathBuf {
    let name = parent.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(&format!(".{parent_pid}")).unwrap_or(&name);
    parent.with_file_name(format!("{stem}.{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_adds_its_number_and_a_grandchild_replaces_its_parents() {
        let own = std::process::id();
        let expected = |name: &str| PathBuf::from(format!("/tmp/{name}.{own}"));
        assert_eq!(child_path(Path::new("/tmp/out.bin"), 41), expected("out.bin"));
        assert_eq!(child_path(Path::new("/tmp/out.bin.41"), 41), expected("out.bin"));
        assert_eq!(child_path(Path::new("/tmp/memray-f.py.41.bin"), 41), expected("memray-f.py.41.bin"));
    }
}
