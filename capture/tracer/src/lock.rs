// SPDX-License-Identifier: Apache-2.0
//! [`Lock`]: a mutex that a hook may take anywhere.
//!
//! The standard library's would do but for two things: it asks whether the thread panics, and it cannot be held across
//! `fork`, where the child must open what the parent closed. This one is a word and a futex.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep for it.
const AWAITED: u32 = 2;

/// How often a thread looks before it sleeps: holders encode one record, which takes less.
const LOOKS: u32 = 100;

/// A value that one thread at a time may use.
pub(crate) struct Lock<T> {
    state: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a guard only, of which there is one at a time.
unsafe impl<T: Send> Sync for Lock<T> {}

/// Leave to use a lock's value, until it is dropped.
pub(crate) struct Held<'a, T>(&'a Lock<T>);

impl<T> Lock<T> {
    /// A lock that nobody holds.
    pub(crate) const fn new(value: T) -> Self {
        Self { state: AtomicU32::new(FREE), value: UnsafeCell::new(value) }
    }

    /// Waits until nobody else holds it.
    #[inline]
    pub(crate) fn hold(&self) -> Held<'_, T> {
        if self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait();
        }
        Held(self)
    }

    #[cold]
    fn wait(&self) {
        for _ in 0..LOOKS {
            if self.state.compare_exchange_weak(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return;
            }
            std::hint::spin_loop();
        }
        while self.state.swap(AWAITED, Ordering::Acquire) != FREE {
            // SAFETY: the word outlives the call; the kernel compares it before it sleeps.
            unsafe { libc::syscall(libc::SYS_futex, &raw const self.state, FUTEX_WAIT, AWAITED, 0) };
        }
    }

    /// Ends a hold whose guard was forgotten: the one that was taken before a `fork`.
    pub(crate) fn release(&self) {
        if self.state.swap(FREE, Ordering::Release) == AWAITED {
            // SAFETY: the word outlives the call.
            unsafe { libc::syscall(libc::SYS_futex, &raw const self.state, FUTEX_WAKE, 1) };
        }
    }
}

const FUTEX_WAIT: i32 = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
const FUTEX_WAKE: i32 = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard is the only way to the value while it lives.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_add_under_it_lose_nothing() {
        let lock = Lock::new(0u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100_000).for_each(|_| *lock.hold() += 1));
            }
        });
        assert_eq!(*lock.hold(), 400_000);
    }

    #[test]
    fn a_forgotten_hold_is_released_by_hand() {
        let lock = Lock::new(());
        std::mem::forget(lock.hold());
        lock.release();
        drop(lock.hold());
    }
}
