// SPDX-License-Identifier: Apache-2.0
//! [`Lock`]: a mutex that a hook may take anywhere.
//!
//! The standard library's would do but for two things: it asks whether the thread panics, and it cannot be held across
//! `fork`, where the child must open what the parent closed.
//!
//! It is held for the encoding of one record, by threads that do little else, and what is changed under it lies in a dozen
//! cache lines. Handing it on costs as much as many records. So it is unfair: who finds it held and not free soon sleeps
//! for a while, and the others go on at the speed of one. Nobody is woken, so that to let go of it is one plain store. Who
//! has slept looks closely, and then gets it before long whatever the others do.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

/// A value that one thread at a time may use.
///
/// On cache lines of its own, of which processors fetch two at a time: others wait for what is written here.
#[repr(align(128))]
pub(crate) struct Lock<T> {
    is_held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a guard only, of which there is one at a time.
unsafe impl<T: Send> Sync for Lock<T> {}

/// Leave to use a lock's value, until it is dropped.
pub(crate) struct Held<'a, T>(&'a Lock<T>);

/// How often a thread that finds the lock held looks again, after twice as long each time: a holder that met nobody is
/// done by then.
pub(crate) const FIRST_LOOKS: u32 = 4;

/// How often a thread looks that has slept.
const CLOSE_LOOKS: u32 = 100;

/// How long a thread sleeps, to which the kernel adds some 50 µs.
const SLEEP_NS: libc::c_long = 1_000;

impl<T> Lock<T> {
    /// A lock that nobody holds.
    pub(crate) const fn new(value: T) -> Self {
        Self { is_held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Waits until nobody else holds it.
    #[inline]
    pub(crate) fn hold(&self) -> Held<'_, T> {
        if !self.is_taken() {
            self.wait();
        }
        Held(self)
    }

    /// Takes it if it is free.
    #[inline(always)]
    fn is_taken(&self) -> bool {
        self.is_held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Looks without taking the line from who holds it.
    #[inline(always)]
    fn is_taken_if_free(&self) -> bool {
        !self.is_held.load(Ordering::Relaxed) && self.is_taken()
    }

    #[cold]
    fn wait(&self) {
        for look in 0..FIRST_LOOKS {
            (0..1 << look).for_each(|_| std::hint::spin_loop());
            if self.is_taken_if_free() {
                return;
            }
        }
        take_after_sleep(|| self.is_taken_if_free(), || 0);
    }

    /// Ends a hold whose guard was forgotten: the one that was taken before a `fork`.
    #[inline]
    pub(crate) fn release(&self) {
        self.is_held.store(false, Ordering::Release);
    }
}

/// Looks closely, then sleeps and looks in turn, until it is taken.
pub(crate) fn take_soon(is_taken: impl Fn() -> bool) {
    if !is_taken_by_close_looks(&is_taken) {
        take_after_sleep(is_taken, || 0);
    }
}

/// Sleeps and looks closely in turn, until it is taken. Each sleep is longer by `longer_ns`.
pub(crate) fn take_after_sleep(is_taken: impl Fn() -> bool, longer_ns: impl Fn() -> libc::c_long) {
    loop {
        sleep(SLEEP_NS + longer_ns());
        if is_taken_by_close_looks(&is_taken) {
            return;
        }
    }
}

fn is_taken_by_close_looks(is_taken: &impl Fn() -> bool) -> bool {
    for _ in 0..CLOSE_LOOKS {
        if is_taken() {
            return true;
        }
        std::hint::spin_loop();
    }
    false
}

/// Not by the C library's function, in which threads may be cancelled. For less than a second.
pub(crate) fn sleep(time_ns: libc::c_long) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: time_ns };
    // SAFETY: the kernel reads the time; it is not asked how much of it is left, should a signal end the sleep.
    unsafe { libc::syscall(libc::SYS_nanosleep, &raw const time, 0) };
}

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
    fn who_waits_gets_it_however_often_others_take_it() {
        let lock = Lock::new(0u64);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        *lock.hold() += 1;
                    }
                });
            }
            for _ in 0..200 {
                let seen = *lock.hold();
                // The others go on.
                while *lock.hold() < seen + 1000 {}
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn who_finds_it_held_for_long_waits() {
        let lock = Lock::new(0);
        std::thread::scope(|scope| {
            let mut held = lock.hold();
            let waiting = scope.spawn(|| *lock.hold());
            std::thread::sleep(std::time::Duration::from_millis(20));
            *held = 7;
            drop(held);
            assert_eq!(waiting.join().unwrap(), 7);
        });
    }

    #[test]
    fn a_forgotten_hold_is_released_by_hand() {
        let lock = Lock::new(());
        std::mem::forget(lock.hold());
        lock.release();
        drop(lock.hold());
    }
}
