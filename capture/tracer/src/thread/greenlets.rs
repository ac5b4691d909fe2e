// SPDX-License-Identifier: Apache-2.0
//! Greenlets: each is a thread of its own in the capture, as memray has them. [`Greenlets`] are those of a thread that do
//! not run now.
//!
//! A greenlet has a chain of frames of its own, and switching to it makes its chain the thread's. So when nothing of a
//! thread's stack is as it was, and its outermost frame is another one, another greenlet runs; it is known by the address
//! of that frame, which no other has while it lives. One that ended leaves its address, and its number, to the next that
//! begins there with the same code: both are there one after the other, as calls of a function are. The
//! [`PythonStack`] is compared in full in either case, so stacks are right whoever has the number.
//!
//! Programs have thousands of greenlets; those that have not run for long are forgotten, and get another number should
//! they run again.

use crate::python::{Interpreter, Outermost, PythonStack};
use memray_format::ThreadId;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there may be any.
static ARE_THERE: AtomicBool = AtomicBool::new(false);

/// Whether there may be any in this process.
#[inline]
pub(crate) fn are_there() -> bool {
    ARE_THERE.load(Ordering::Relaxed)
}

/// From now on there may be.
pub(crate) fn begin() {
    ARE_THERE.store(true, Ordering::Relaxed);
}

/// Of a thread: those that do not run now, by the addresses of their outermost frames.
#[derive(Default)]
pub(super) struct Greenlets {
    /// Those that ran last.
    young: FxHashMap<usize, Greenlet>,
    /// Those that ran before all of these.
    old: FxHashMap<usize, Greenlet>,
}

struct Greenlet {
    id: ThreadId,
    stack: PythonStack,
    outermost: Outermost,
}

/// How many are young at most; then the young become the old.
const MOST_YOUNG: usize = 1024;

impl Greenlets {
    /// If another greenlet runs now, puts its number and stack in the place of those that ran before. Whether it did.
    pub(super) fn switch(&mut self, id: &mut ThreadId, stack: &mut PythonStack, interpreter: &Interpreter) -> bool {
        let Some(before) = stack.outermost() else { return false };
        // No frame is the end of one, or the beginning of another: nobody knows yet.
        let Some(now) = stack.outermost_now(interpreter) else { return false };
        if now.address == before.address {
            return false;
        }
        let known = self.take(now.address).filter(|greenlet| greenlet.outermost.code == now.code);
        let mut next = known.map_or_else(|| (super::next_id(), PythonStack::default()), |it| (it.id, it.stack));
        next.1.take_memory_of(stack);
        let (id, stack) = (std::mem::replace(id, next.0), std::mem::replace(stack, next.1));
        self.put(Greenlet { id, stack, outermost: before });
        true
    }

    fn take(&mut self, address: usize) -> Option<Greenlet> {
        self.young.remove(&address).or_else(|| self.old.remove(&address))
    }

    fn put(&mut self, greenlet: Greenlet) {
        if self.young.len() >= MOST_YOUNG {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(greenlet.outermost.address, greenlet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greenlet(address: usize) -> Greenlet {
        let outermost = Outermost { address, code: 1 };
        Greenlet { id: ThreadId(address as u64), stack: PythonStack::default(), outermost }
    }

    #[test]
    fn those_that_ran_last_are_known_and_there_are_never_many() {
        let mut greenlets = Greenlets::default();
        for address in 0..100_000 {
            greenlets.put(greenlet(address));
            // One that runs every now and then stays known.
            if address % 1000 == 0 {
                let kept = greenlets.take(0).unwrap();
                assert_eq!(kept.id, ThreadId(0));
                greenlets.put(kept);
            }
            assert!(greenlets.young.len() + greenlets.old.len() <= 2 * MOST_YOUNG);
        }
        assert!((99_000..100_000).all(|address| greenlets.take(address).is_some()));
        assert!(greenlets.take(50_000).is_none());
        assert!(greenlets.take(99_999).is_none(), "it was taken");
    }
}
