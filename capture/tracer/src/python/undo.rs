// SPDX-License-Identifier: Apache-2.0
//! How the interpreter gets back what tracing took the place of, whoever ends it: maybe a thread that knows no Python, and
//! may not wait for the GIL. The interpreter's main thread is asked to do it, as it is for signal handlers.

use super::{Interpreter, allocators, lives};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether tracing has ended and not begun again since it was asked for.
static IS_WANTED: AtomicBool = AtomicBool::new(false);

impl Interpreter {
    /// Begins to learn of code objects that die. Needed while stacks are observed; to be called with the GIL held.
    pub(crate) fn watch(&self) {
        IS_WANTED.store(false, Ordering::Release);
        lives::watch(&self.symbols);
    }

    /// Ends what [`Self::watch`] and [`allocators::install`] began, soon. May be called by any thread; until then, what is
    /// in their places does as the interpreter's own.
    pub(crate) fn undo(&'static self) {
        // SAFETY: may be called at any time.
        if unsafe { (self.symbols.is_initialized)() } == 0 {
            // It has ended, and there is nothing left to give back to.
            return;
        }
        IS_WANTED.store(true, Ordering::Release);
        let this = std::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: may be called by any thread at any time. Should there be too many such calls, ours is not made, and what
        // tracing put in place stays.
        unsafe { (self.symbols.add_pending_call)(undo, this) };
    }
}

/// The main thread calls this, with the GIL.
unsafe extern "C" fn undo(interpreter: *mut c_void) -> c_int {
    // SAFETY: `Interpreter::undo` gave one that lives as long as the process.
    let interpreter = unsafe { &*interpreter.cast::<Interpreter>() };
    if IS_WANTED.swap(false, Ordering::AcqRel) {
        allocators::remove(interpreter);
        lives::unwatch(&interpreter.symbols);
    }
    0
}
