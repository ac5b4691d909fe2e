// SPDX-License-Identifier: Apache-2.0
//! Whether a capture is being completed at this moment: [`Completion`] says so, and [`await_completion`] waits until none is.
//!
//! Tracing has ended by then, so a program that ends or forks finds nothing to stop. But another thread may still be writing
//! sums or names, which takes seconds for large captures, and holds memory of the tracer: the process's end would cut it, and
//! a forked child would find that memory locked for ever.

use crate::lock;
use crate::thread::Entered;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How many threads are at it.
static UNDER_WAY: AtomicU32 = AtomicU32::new(0);

/// Should a thread never come to its end, the program shall.
const LONGEST: Duration = Duration::from_secs(60);

/// How long a thread sleeps between two looks.
const SLEEP_NS: libc::c_long = 1_000_000;

/// A capture being completed, until this is dropped.
pub(super) struct Completion(());

impl Completion {
    /// To be begun before others can see that tracing has ended.
    pub(super) fn begin() -> Self {
        UNDER_WAY.fetch_add(1, Ordering::AcqRel);
        Self(())
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::AcqRel);
    }
}

/// In a forked child: who was at it is not there.
pub(super) fn in_forked_child() {
    UNDER_WAY.store(0, Ordering::Release);
}

/// Returns when no other thread is completing a capture. Whoever is inside the tracer, as is who completes one, does not wait.
pub(super) fn await_completion() {
    if UNDER_WAY.load(Ordering::Acquire) == 0 {
        return;
    }
    let Some(_entered) = Entered::enter() else { return };
    let begun = Instant::now();
    while UNDER_WAY.load(Ordering::Acquire) != 0 && begun.elapsed() < LONGEST {
        lock::sleep(SLEEP_NS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn who_waits_goes_on_when_the_capture_is_complete() {
        let (is_begun, is_complete) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let completion = Completion::begin();
                is_begun.store(true, Ordering::Release);
                std::thread::sleep(Duration::from_millis(20));
                is_complete.store(true, Ordering::Release);
                drop(completion);
            });
            while !is_begun.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            await_completion();
            assert!(is_complete.load(Ordering::Acquire));
            // Nor does a thread that is inside wait for anybody.
            let inside = Entered::enter();
            let completion = Completion::begin();
            let begun = Instant::now();
            await_completion();
            assert!(begun.elapsed() < LONGEST / 2);
            drop((completion, inside));
        });
    }
}
