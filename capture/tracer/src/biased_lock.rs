// SPDX-License-Identifier: Apache-2.0
//! [`BiasedLock`]: a mutex that costs a thread no atomic instruction while it is the only one that takes it.
//!
//! Such an instruction was two fifths of the time in the hook of `malloc`, by `perf`. So a thread that took the lock many times
//! in a row is given a *bias*: the lock then counts as held for it, and to enter it says so in a place of its own ([`Bias`]) and
//! looks whether it has the bias still. Who else wants the lock takes the bias away first, and asks the kernel to have all
//! processors that run this process finish their stores (`membarrier`): what the other thread said is then seen, or it sees
//! what was taken. That interrupts each processor on which another thread runs. Where threads take turns so fast that a bias
//! saves less than that costs, it is given ever more rarely.
//!
//! Otherwise it is a [`Lock`](crate::lock::Lock), as unfair as that; but a thread that may wait long sleeps the longer, the more
//! threads sleep, as each that wakes up takes the lock from who is at work.

#[cfg(test)]
mod tests;

use crate::lock::{FIRST_LOOKS, sleep, take_after_sleep, take_soon};
use std::cell::{Cell, UnsafeCell};
use std::ops::{Deref, DerefMut};
use std::ptr::{NonNull, null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering, compiler_fence};

/// A value that one thread at a time may use.
///
/// On cache lines of its own, as [`Lock`](crate::lock::Lock).
#[repr(align(128))]
pub(crate) struct BiasedLock<T> {
    gate: Gate,
    value: UnsafeCell<T>,
}

/// What is known of a lock without its value.
struct Gate {
    /// Also while a thread has the bias.
    is_held: AtomicBool,
    /// The bias of the thread that has it.
    biased_to: AtomicPtr<Bias>,
    /// How many threads wait for it for long.
    sleeping: AtomicU32,
    /// Used while the lock is held.
    row: UnsafeCell<Row>,
}

/// What tells who shall have the bias.
struct Row {
    /// Which thread, of those that do so often, took the lock last without a bias.
    last: *const Bias,
    /// How often it did so in a row.
    count: u32,
    /// How often it must, to be given the bias.
    needed: u32,
    /// Of the thread that was given it last: its turns by then.
    begun: u32,
}

/// What a thread says of itself to those who want the lock. It stays where it is until the thread has ended, on cache lines of
/// its own, as the thread writes there all the time.
#[repr(align(128))]
pub(crate) struct Bias {
    /// Odd while the thread uses the lock's value, or looks whether it may.
    turns: AtomicU32,
    /// The lock that has given it to the thread at some time. It may have been taken back since.
    given_by: Cell<*const Gate>,
    /// Whether nobody waits for what the thread does.
    is_patient: Cell<bool>,
}

/// A thread's [`Bias`], given back when this is dropped.
pub(crate) struct OwnBias(NonNull<Bias>);

/// Leave to use a lock's value, until it is dropped.
pub(crate) struct Held<'a, T> {
    lock: &'a BiasedLock<T>,
    /// By which the lock was entered, if it was.
    bias: Option<&'a Bias>,
}

// SAFETY: the value, and what else is not atomic, is reached by one thread at a time.
unsafe impl<T: Send> Sync for BiasedLock<T> {}

/// After how many turns in a row a thread gets the bias, at least and at most: more after each that did not pay, fewer after
/// each that did.
const ROW: u32 = 256;
const LONGEST_ROW: u32 = 1 << 20;

/// A bias that was used so often counts as one that has saved more time than it costs to take it away. Found by trial: with
/// 256, after rows of 64, four threads of C that only allocate took 1.5 s instead of the 0.9 s without biases.
const PAID: u32 = 1 << 12;

/// How much longer a patient thread sleeps for each other that does, and for how many at most.
const LONGER_NS: libc::c_long = 200_000;
const MOST_OTHERS: u32 = 4;

/// Whether the kernel lets biases be taken away, so that they may be given.
static CAN_BIAS: AtomicBool = AtomicBool::new(false);

/// Tells the kernel that [`finish_stores`] will be asked for. With more than one thread it waits for all processors the first
/// time (`membarrier_register_private_expedited` in Linux).
pub(crate) fn allow_biases() {
    CAN_BIAS.store(membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), Ordering::Relaxed);
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call touches no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Has every thread of this process finish its stores before its next instruction.
fn finish_stores() {
    if membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
        return;
    }
    // The program has forbidden it since, or there is no memory for it.
    CAN_BIAS.store(false, Ordering::Relaxed);
    await_finished_stores();
}

/// Processors finish their stores of their own accord, in far less time than this.
const FINISHED_NS: i64 = 10_000_000;

/// Returns after that time. A sleep may be cut short by a signal, or be forbidden too.
fn await_finished_stores() {
    let begun = monotonic_ns();
    // Should there be no clock, it is not waited for ever.
    for _ in 0..1_000_000 {
        if monotonic_ns().saturating_sub(begun) >= FINISHED_NS {
            return;
        }
        sleep(FINISHED_NS / 10);
    }
}

fn monotonic_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the time to where it is told. This clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

impl<T> BiasedLock<T> {
    /// A lock that nobody holds.
    pub(crate) const fn new(value: T) -> Self {
        let row = UnsafeCell::new(Row { last: null(), count: 0, needed: ROW, begun: 0 });
        let gate = Gate {
            is_held: AtomicBool::new(false),
            biased_to: AtomicPtr::new(null_mut()),
            sleeping: AtomicU32::new(0),
            row,
        };
        Self { gate, value: UnsafeCell::new(value) }
    }

    /// Waits until nobody else holds it, and takes the bias from whoever has it.
    pub(crate) fn hold(&self) -> Held<'_, T> {
        self.gate.take(None);
        Held { lock: self, bias: None }
    }

    /// The same, for a thread that does so often. Once it has the bias, this is a store and a look.
    #[inline(always)]
    pub(crate) fn hold_often<'a>(&'static self, bias: &'a Bias) -> Held<'a, T> {
        if self.gate.is_biased_to(bias) {
            bias.turn();
            // In this order for the processor, too, by the kernel's help.
            compiler_fence(Ordering::SeqCst);
            if self.gate.is_biased_to(bias) {
                return Held { lock: self, bias: Some(bias) };
            }
            bias.turn();
        }
        self.gate.take(Some(bias));
        // SAFETY: the lock is held.
        let is_given = unsafe { &mut *self.gate.row.get() }.is_long_with(bias) && self.gate.is_given(bias);
        Held { lock: self, bias: is_given.then_some(bias) }
    }

    /// Ends a hold whose guard was forgotten: the one that was taken by [`Self::hold`] before a `fork`.
    pub(crate) fn release(&self) {
        self.gate.is_held.store(false, Ordering::Release);
    }

    /// In a forked child: those who waited are not there.
    pub(crate) fn in_forked_child(&self) {
        self.gate.sleeping.store(0, Ordering::Relaxed);
    }
}

impl Gate {
    #[inline(always)]
    fn is_biased_to(&self, bias: &Bias) -> bool {
        std::ptr::eq(self.biased_to.load(Ordering::Acquire), bias)
    }

    #[inline(always)]
    fn is_taken(&self) -> bool {
        self.is_held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Looks without taking the line from who holds it.
    #[inline]
    fn is_taken_if_free(&self) -> bool {
        !self.is_held.load(Ordering::Relaxed) && self.is_taken()
    }

    /// For a thread that does so often, if it says which.
    #[inline(always)]
    fn take(&self, often: Option<&Bias>) {
        if !self.is_taken() {
            self.wait(often);
        }
    }

    #[cold]
    fn wait(&self, often: Option<&Bias>) {
        for look in 0..FIRST_LOOKS {
            (0..1 << look).for_each(|_| std::hint::spin_loop());
            if self.is_taken_if_free() {
                return;
            }
        }
        if self.is_taken_from_biased(often.is_some()) {
            return;
        }
        self.sleeping.fetch_add(1, Ordering::Relaxed);
        let longer_ns = || {
            if !often.is_some_and(|bias| bias.is_patient.get()) {
                return 0;
            }
            let others = self.sleeping.load(Ordering::Relaxed).saturating_sub(1).min(MOST_OTHERS);
            LONGER_NS * libc::c_long::from(others)
        };
        take_after_sleep(|| self.is_taken_if_free() || self.is_taken_from_biased(often.is_some()), longer_ns);
        self.sleeping.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes the lock from the thread that has the bias, if one has. That such a thread is disturbed now and then by one that
    /// seldom takes the lock is no reason to give it a bias more rarely.
    fn is_taken_from_biased(&self, by_often: bool) -> bool {
        if self.biased_to.load(Ordering::Relaxed).is_null() {
            return false;
        }
        let bias = self.biased_to.swap(null_mut(), Ordering::AcqRel);
        if bias.is_null() {
            return false;
        }
        finish_stores();
        // SAFETY: the thread waits for the lock before it takes its bias away ([`OwnBias::drop`]).
        let bias = unsafe { &*bias };
        take_soon(|| bias.turns.load(Ordering::Acquire).is_multiple_of(2));
        if by_often {
            // SAFETY: the lock is now held by this thread.
            unsafe { &mut *self.row.get() }.has_ended(bias.turns.load(Ordering::Relaxed));
        }
        true
    }

    /// Gives the bias to the thread that holds the lock, unless the kernel is against it; it has then entered by it.
    #[cold]
    fn is_given(&'static self, bias: &Bias) -> bool {
        // SAFETY: the lock is held.
        let row = unsafe { &mut *self.row.get() };
        let may_be_given = bias.given_by.get().is_null() || std::ptr::eq(bias.given_by.get(), self);
        if !may_be_given || !CAN_BIAS.load(Ordering::Relaxed) {
            row.count = 0;
            return false;
        }
        bias.given_by.set(self);
        bias.turn();
        row.begun = bias.turns.load(Ordering::Relaxed);
        self.biased_to.store(std::ptr::from_ref(bias).cast_mut(), Ordering::Release);
        true
    }
}

impl Row {
    /// Counts a thread's turn; says whether it had enough in a row.
    #[inline(always)]
    fn is_long_with(&mut self, bias: *const Bias) -> bool {
        self.count = if std::ptr::eq(self.last, bias) { self.count.saturating_add(1) } else { 0 };
        self.last = bias;
        self.count >= self.needed
    }

    /// The bias was taken from a thread that has had so many turns.
    fn has_ended(&mut self, turns: u32) {
        let has_paid = turns.wrapping_sub(self.begun) / 2 >= PAID;
        self.needed = if has_paid { self.needed / 2 } else { self.needed * 2 }.clamp(ROW, LONGEST_ROW);
        self.last = null();
    }
}

impl Bias {
    /// Nobody waits for what this thread does, so that it may wait long for the lock; or somebody does.
    #[inline(always)]
    pub(crate) fn be_patient(&self, is_patient: bool) {
        self.is_patient.set(is_patient);
    }

    /// Enters, or leaves.
    #[inline(always)]
    fn turn(&self) {
        // No other thread writes here.
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }
}

impl Default for OwnBias {
    fn default() -> Self {
        let bias = Bias { turns: AtomicU32::new(0), given_by: Cell::new(null()), is_patient: Cell::new(false) };
        Self(NonNull::from(Box::leak(Box::new(bias))))
    }
}

impl Deref for OwnBias {
    type Target = Bias;

    #[inline(always)]
    fn deref(&self) -> &Bias {
        // SAFETY: the box lives as long as this, and is only ever borrowed shared.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for OwnBias {
    fn drop(&mut self) {
        // SAFETY: biases are given by locks that live for ever.
        if let Some(gate) = unsafe { self.given_by.get().as_ref() } {
            let bias = self.0.as_ptr();
            if gate.biased_to.compare_exchange(bias, null_mut(), Ordering::AcqRel, Ordering::Relaxed).is_err() {
                // Whoever took the bias away has the lock until it is done with what lies here.
                gate.take(None);
            }
            // Another thread's may soon lie there. (That of a thread that was never given one may be taken for the next: it is
            // only compared.)
            // SAFETY: the lock is held.
            unsafe { &mut *gate.row.get() }.last = null();
            gate.is_held.store(false, Ordering::Release);
        }
        // SAFETY: the address of a box that this value leaked, which nobody else knows any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only way to the value while it lives.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Held<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        match self.bias {
            Some(bias) => bias.turn(),
            None => self.lock.release(),
        }
    }
}
