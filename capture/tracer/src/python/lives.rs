// SPDX-License-Identifier: Apache-2.0
//! The lives of code objects: which of those that were seen are still the same.
//!
//! A code object's address says little: once it is dead another may lie there, at which frames point that look like the
//! old ones to the byte. So each life gets a number when it is first seen, and `PyCode_Type.tp_dealloc` is wrapped by a
//! function that forgets the number when the life ends. [`deaths`] counts those; a thread that finds it unchanged since it
//! looked last knows that equal addresses are equal code, which is nearly always. Else it asks for the numbers again
//! ([`Numbers::of`]).
//!
//! Why this is sound: frames hold references to their code, so code in a frame of a running thread does not die while that
//! thread looks. A frame and another that took its place can only be confused if the first one's code died in between,
//! and then the count has changed, as the wrapper counts before the memory is given back.

use super::symbols::Symbols;
use crate::lock::{Held, Lock};
use crate::thread::Entered;
use rustc_hash::FxHashMap;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// How many lives that had a number have ended.
static DEATHS: AtomicU64 = AtomicU64::new(0);

/// Some died unseen: no number holds.
static MISSED: AtomicBool = AtomicBool::new(false);

static LIVING: Lock<Living> = Lock::new(Living { numbers: None, last: 0 });

/// The interpreter's own function, while ours stands in its place.
static DEALLOCATE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// `offsetof(PyTypeObject, tp_dealloc)`: after the object's head with its size, the name, and two sizes. The same in all
/// versions, as the stable ABI of 3.2 fixed it for those that were compiled before.
const DEALLOCATE_IN_TYPE: usize = 48;

type Deallocate = unsafe extern "C" fn(*mut c_void);

struct Living {
    /// By address. Made when first needed, as a map is not made in a constant.
    numbers: Option<FxHashMap<usize, u64>>,
    last: u64,
}

/// Numbers of lives, while this is held.
pub(super) struct Numbers(Held<'static, Living>);

/// How many lives that had a number have ended so far.
#[inline]
pub(super) fn deaths() -> u64 {
    DEATHS.load(Ordering::Acquire)
}

/// Leave to ask for numbers. Nothing else may be waited for meanwhile.
#[inline]
pub(super) fn numbers() -> Numbers {
    let mut living = LIVING.hold();
    if MISSED.load(Ordering::Relaxed) && MISSED.swap(false, Ordering::Relaxed) {
        living.numbers = None;
    }
    Numbers(living)
}

impl Numbers {
    /// The number of the life that is led at an address, from 1.
    #[inline]
    pub(super) fn of(&mut self, code: usize) -> u64 {
        let Living { numbers, last } = &mut *self.0;
        *numbers.get_or_insert_default().entry(code).or_insert_with(|| {
            *last += 1;
            *last
        })
    }
}

/// Puts the wrapper in its place, and forgets all numbers: nobody has watched so far. To be called with the GIL held.
pub(super) fn watch(symbols: &Symbols) {
    let (slot, known) = (slot(symbols), DEALLOCATE.load(Ordering::Acquire));
    let present = slot.load(Ordering::Relaxed);
    // If it is neither ours nor the interpreter's, then another wrapper stands above ours since we were here last.
    if present != wrapper() && (known.is_null() || present == known) {
        DEALLOCATE.store(present, Ordering::Release);
        slot.store(wrapper(), Ordering::Release);
    }
    forget_all();
}

/// Takes the wrapper away, unless another one stands above it. To be called with the GIL held.
pub(super) fn unwatch(symbols: &Symbols) {
    let original = DEALLOCATE.load(Ordering::Acquire);
    if !original.is_null() {
        let _ = slot(symbols).compare_exchange(wrapper(), original, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Whether the wrapper is in its place.
#[cfg(feature = "walk-check")]
pub(super) fn is_watched(symbols: &Symbols) -> bool {
    slot(symbols).load(Ordering::Relaxed) == wrapper()
}

/// All lives begin anew, as far as we know.
pub(super) fn forget_all() {
    MISSED.store(true, Ordering::Relaxed);
    DEATHS.fetch_add(1, Ordering::Release);
}

/// Holds the numbers, so that a forked child finds them whole.
pub(crate) fn before_fork() {
    std::mem::forget(LIVING.hold());
}

/// In parent and child: gives them back.
pub(crate) fn after_fork() {
    LIVING.release();
}

fn wrapper() -> *mut c_void {
    deallocate as Deallocate as *mut c_void
}

fn slot(symbols: &Symbols) -> &'static AtomicPtr<c_void> {
    // SAFETY: the type object is a static variable of the interpreter, and this member is an aligned pointer to a function
    // which the interpreter reads whenever a code object dies.
    unsafe { AtomicPtr::from_ptr(symbols.code_type.add(DEALLOCATE_IN_TYPE).cast()) }
}

/// What the interpreter calls when a code object dies.
unsafe extern "C" fn deallocate(code: *mut c_void) {
    end(code.addr());
    let original = DEALLOCATE.load(Ordering::Acquire);
    // SAFETY: it was `tp_dealloc` when ours took its place, and stays loaded as the interpreter does.
    let original = unsafe { std::mem::transmute::<*mut c_void, Option<Deallocate>>(original) };
    if let Some(original) = original {
        // SAFETY: passes on what the interpreter gave.
        unsafe { original(code) };
    }
}

fn end(code: usize) {
    // A thread that is inside may hold the numbers.
    let Some(_entered) = Entered::enter() else { return forget_all() };
    let mut living = LIVING.hold();
    if living.numbers.as_mut().is_some_and(|numbers| numbers.remove(&code).is_some()) {
        DEATHS.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_has_one_number_and_the_next_at_its_address_another() {
        let first = numbers().of(0x1000);
        let other = numbers().of(0x2000);
        let before = deaths();
        assert_eq!(numbers().of(0x1000), first);
        end(0x3000);
        assert_eq!(deaths(), before, "a code object that was never seen");
        end(0x1000);
        assert_eq!(deaths(), before + 1);
        let next = numbers().of(0x1000);
        assert!(next > other && other > first);
        assert_eq!(numbers().of(0x2000), other);
        // A thread that is inside cannot say which life ended: all numbers are given anew.
        let inside = Entered::enter().unwrap();
        end(0x9999);
        drop(inside);
        assert_eq!(deaths(), before + 2);
        assert!(numbers().of(0x2000) > next);
    }
}
