// SPDX-License-Identifier: Apache-2.0
//! Which of the three standard descriptors this process was started without: the program is to be without them too.
//!
//! Rust opens `/dev/null` in their places before `main`, so they are looked at before that.

use std::sync::atomic::{AtomicU8, Ordering};

/// A bit for each that is closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: asks of a number whether it is a descriptor.
    let is_closed = |&descriptor: &i32| unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1;
    let closed = (0..3).filter(is_closed).fold(0, |closed, descriptor| closed | 1 << descriptor);
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Those that were closed when this process began.
pub(crate) fn descriptors() -> impl Iterator<Item = i32> {
    let closed = CLOSED.load(Ordering::Relaxed);
    (0..3).filter(move |descriptor| closed & 1 << descriptor != 0)
}
