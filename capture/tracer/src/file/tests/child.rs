// SPDX-License-Identifier: Apache-2.0
//! Forked children of tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that a forked child tells its parent.
pub(super) fn shared_number() -> &'static AtomicU64 {
    // SAFETY: a new mapping, large enough and aligned for a number, never unmapped.
    unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let address = libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0);
        assert!(address != libc::MAP_FAILED);
        &*address.cast::<AtomicU64>()
    }
}

/// Runs `body` in a forked child; returns how it ended, 0 if well.
pub(super) fn run(body: impl FnOnce()) -> i32 {
    // SAFETY: the child runs `body` and ends without returning.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let is_well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_ok();
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!is_well)) };
    }
    let mut status = 0;
    // SAFETY: the child is this test's own.
    assert!(pid > 0 && unsafe { libc::waitpid(pid, &raw mut status, 0) } == pid);
    status
}

/// Runs `write` in a forked child until it says that it is at the number, and kills it.
pub(super) fn kill_at(number: u64, progress: &AtomicU64, write: impl FnOnce()) {
    // SAFETY: the child runs `write` and ends without returning.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        write();
        // SAFETY: ends the process.
        unsafe { libc::_exit(1) };
    }
    assert!(pid > 0);
    let mut status = 0;
    while progress.load(Ordering::Acquire) < number {
        // SAFETY: the child is this test's own.
        assert!(unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0, "the child ended: {status}");
        std::thread::yield_now();
    }
    // SAFETY: as above.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        assert!(libc::waitpid(pid, &raw mut status, 0) == pid);
    }
}
