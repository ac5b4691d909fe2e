// SPDX-License-Identifier: Apache-2.0
//! The interpreter's frames of the calling thread, read without calling the interpreter.
//!
//! A thread's chain of frames changes only while that thread runs Python, so it can be read at any time by the thread
//! itself: with the GIL or without, within an allocation or a collection. Frames hold references to their code.

use super::layout::{FrameLayout, Instructions, Layout, OWNED_BY_GENERATOR, OWNED_BY_NOBODY, RuntimeLayout};
use super::memory;
use super::symbols::Symbols;

/// What a frame says, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawFrame {
    /// Its code object's address.
    pub(super) code: usize,
    /// The instruction that runs: its address, or its offset up to 3.10.
    pub(super) instruction: usize,
    /// The frame that called this one; 0 if none did.
    pub(super) previous: usize,
}

/// Reads a frame.
///
/// # Safety
/// A frame of that layout lies there, in the calling thread's chain.
#[inline(always)]
pub(super) unsafe fn read(frame: usize, layout: &FrameLayout) -> RawFrame {
    // SAFETY: as the caller promises; the members are words, but for `f_lasti` up to 3.10, which is followed by another
    // member of its size.
    unsafe {
        RawFrame {
            code: memory::read::<usize>(frame + layout.code) & layout.code_mask,
            instruction: memory::read::<usize>(frame + layout.instruction) & layout.instruction_mask,
            previous: memory::read(frame + layout.previous),
        }
    }
}

/// Where in its code a frame is, as the format wants it; nothing for a frame that Python code does not see, as it is
/// incomplete or no function's. One that has yet to begin, for which CPython says -1, is at its first instruction.
///
/// # Safety
/// As for [`read`], and `raw` is what it gave.
#[inline]
pub(super) unsafe fn instruction_offset(frame: usize, raw: &RawFrame, layout: &Layout) -> Option<i64> {
    let Some(Instructions { first, first_traceable }) = layout.code.instructions else {
        return Some(i64::from(raw.instruction as u32 as i32).max(0));
    };
    // SAFETY: as the caller promises.
    let owner = unsafe { owner(frame, &layout.frame) };
    if owner >= OWNED_BY_NOBODY || raw.code == 0 {
        return None;
    }
    let offset = raw.instruction.wrapping_sub(raw.code).wrapping_sub(first) as i64;
    if owner != OWNED_BY_GENERATOR {
        // SAFETY: a frame that runs has a live code object.
        let first_traceable: i32 = unsafe { memory::read(raw.code + first_traceable) };
        if offset < i64::from(first_traceable) * INSTRUCTION_BYTES {
            return None;
        }
    }
    Some(offset.max(0))
}

/// Who owns a frame's memory; 0, the thread, before 3.11.
///
/// # Safety
/// As for [`read`].
#[inline(always)]
unsafe fn owner(frame: usize, layout: &FrameLayout) -> u8 {
    // SAFETY: the frame has the member.
    layout.owner.map_or(0, |owner| unsafe { memory::read(frame + owner) })
}

/// Whether a frame runs code, and does not only mark where C code called the interpreter.
///
/// # Safety
/// As for [`read`].
pub(super) unsafe fn has_code(frame: usize, layout: &FrameLayout) -> bool {
    // SAFETY: as the caller promises.
    unsafe { owner(frame, layout) < OWNED_BY_NOBODY }
}

/// Whether the interpreter was entered anew for a frame, rather than going on with it within the call that ran its caller.
///
/// # Safety
/// As for [`read`], and `raw` is what it gave.
#[inline]
pub(super) unsafe fn is_entry(frame: usize, raw: &RawFrame, layout: &FrameLayout) -> bool {
    match (layout.is_entry, layout.owner) {
        // SAFETY: the frame has the member.
        (Some(is_entry), _) => unsafe { memory::read::<u8>(frame + is_entry) != 0 },
        // Each call of the interpreter begins with a frame that marks it.
        // SAFETY: a frame's caller is a frame too.
        (None, Some(_)) => raw.previous == 0 || unsafe { !has_code(raw.previous, layout) },
        // Up to 3.10 each frame is run by a call of its own.
        (None, None) => true,
    }
}

/// `sizeof(_Py_CODEUNIT)`.
const INSTRUCTION_BYTES: i64 = 2;

/// How to find the calling thread's state and its current frame.
#[derive(Clone)]
pub(super) struct ThisThread {
    /// The thread state in a variable of the thread, since 3.12; 0 while it has released the GIL.
    attached: Option<unsafe extern "C" fn() -> usize>,
    /// That which the thread is known by to C code.
    known: unsafe extern "C" fn() -> usize,
    runtime: usize,
}

impl ThisThread {
    pub(super) fn new(symbols: &Symbols, layout: &Layout) -> Self {
        // Up to 3.11 the function gives the thread state that has the GIL, whoever asks.
        let attached = symbols.unchecked_thread_state.or(symbols.private_unchecked_thread_state);
        Self {
            attached: attached.filter(|_| layout.thread.runtime.is_none()),
            known: symbols.this_thread_state,
            runtime: symbols.runtime.expose_provenance(),
        }
    }

    /// The calling thread's state; 0 if it has none.
    #[inline]
    pub(super) fn state(&self, layout: &Layout) -> usize {
        if let Some(runtime) = &layout.thread.runtime {
            return self.unless_freed(self.state_before_3_12(runtime, layout.thread.thread_id), layout);
        }
        // SAFETY: the function may be called by any thread at any time; it only reads.
        let attached = self.attached.map_or(0, |attached| unsafe { attached() });
        if attached != 0 {
            return attached;
        }
        // SAFETY: as above.
        self.unless_freed(unsafe { (self.known)() }, layout)
    }

    /// A state of a thread that may not have the GIL; 0 if another thread may be freeing it, as the interpreter ends.
    #[inline]
    fn unless_freed(&self, state: usize, layout: &Layout) -> usize {
        if state == 0 {
            return 0;
        }
        // SAFETY: a member of `_PyRuntime`, a static variable.
        let finalizing: usize = unsafe { memory::read(self.runtime + layout.thread.finalizing) };
        if finalizing == 0 || finalizing == state { state } else { 0 }
    }

    /// Whether the calling thread has the GIL.
    pub(super) fn holds_gil(&self, layout: &Layout) -> bool {
        // SAFETY: as for `state`; and members of `_PyRuntime` and of a thread state that has the GIL at this moment: it is
        // compared only, and the calling thread's own if it is equal.
        unsafe {
            match &layout.thread.runtime {
                None => self.attached.is_some_and(|attached| attached() != 0),
                Some(runtime) => {
                    let holder: usize = memory::read(self.runtime + runtime.holder);
                    holder != 0 && holder == self.state_before_3_12(runtime, layout.thread.thread_id)
                }
            }
        }
    }

    #[inline]
    fn state_before_3_12(&self, layout: &RuntimeLayout, thread_id: usize) -> usize {
        let runtime = self.runtime;
        // SAFETY: members of `_PyRuntime`, a static variable. The key is one of this process while the word before it is
        // not 0, and may be asked for by any thread.
        unsafe {
            let known = match memory::read::<i32>(runtime + layout.key) {
                0 => 0,
                _ => libc::pthread_getspecific(memory::read(runtime + layout.key + 4)).expose_provenance(),
            };
            // With several interpreters, the one that runs may not be the one that the thread is known by.
            let [newest, main] = memory::read::<[usize; 2]>(runtime + layout.interpreters);
            if newest == main { known } else { self.state_of_several(known, layout, thread_id) }
        }
    }

    #[cold]
    fn state_of_several(&self, known: usize, layout: &RuntimeLayout, thread_id: usize) -> usize {
        // SAFETY: as above; the state of the thread that has the GIL is compared only, unless it is the calling thread's.
        unsafe {
            let holder: usize = memory::read(self.runtime + layout.holder);
            let is_ours = holder != 0 && holder != known && memory::read::<usize>(holder + thread_id) == this_thread();
            if is_ours { holder } else { known }
        }
    }

    /// Whether `_PyRuntime` knows the calling thread, which has the GIL, as it should up to 3.11; later it is not asked.
    pub(super) fn has_expected_state(&self, layout: &Layout) -> bool {
        let Some(runtime) = &layout.thread.runtime else { return true };
        // SAFETY: members of `_PyRuntime`, and of the thread's state, which has more than that.
        unsafe {
            let holder: usize = memory::read(self.runtime + runtime.holder);
            let [newest, main] = memory::read::<[usize; 2]>(self.runtime + runtime.interpreters);
            holder != 0
                && holder == self.state(layout)
                && newest != 0
                && main != 0
                && memory::read::<usize>(holder + layout.thread.thread_id) == this_thread()
        }
    }

    /// The calling thread's current frame; 0 if it has none.
    #[inline]
    pub(super) fn current_frame(&self, layout: &Layout) -> usize {
        let state = self.state(layout);
        if state == 0 {
            return 0;
        }
        // SAFETY: the thread's state is its own; `cframe` points to a structure on its stack, or into the state.
        unsafe {
            let current = memory::read::<usize>(state + layout.thread.current);
            match layout.thread.current_in_holder {
                Some(offset) if current != 0 => memory::read(current + offset),
                _ => current,
            }
        }
    }
}

/// As `PyThreadState.thread_id` names the calling thread.
pub(super) fn this_thread() -> usize {
    // SAFETY: has no preconditions.
    unsafe { libc::pthread_self() as usize }
}
