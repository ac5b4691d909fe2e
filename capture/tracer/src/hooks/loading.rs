// SPDX-License-Identifier: Apache-2.0
//! `dlopen`, `dlsym` and `dlclose`: objects that are loaded later are hooked too.
//!
//! The loader asks who calls `dlopen`, as a path may be relative to the caller; so the hook must not be on the way: it
//! notes that something is being loaded and jumps. Whoever loads an object asks for a name in it next, and then its slots
//! are changed. What the object's constructors allocate is not seen; no tracer that works this way sees it.

use super::{all, real};
use crate::elf::patch;
use crate::process::session::is_tracing;
use crate::thread::{Entered, greenlets};
use std::arch::naked_asm;
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};

real! {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlmopen(namespace: isize, path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(object: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlvsym(object: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
    fn dlclose(object: *mut c_void) -> c_int;
}

/// How often something was being loaded, or unloaded.
static NOTED: AtomicU32 = AtomicU32::new(0);

/// How often it had been when slots were changed last, in all objects.
static CHANGED: AtomicU32 = AtomicU32::new(0);

/// How often what is loaded may have changed.
static CHANGES: AtomicU32 = AtomicU32::new(0);

/// How often what is loaded may have changed, and whether it may be changing now: slots of what was loaded last are not
/// changed yet.
#[inline]
pub(crate) fn changes() -> (u32, bool) {
    let has_loaded = CHANGED.load(Ordering::Relaxed) != NOTED.load(Ordering::Relaxed);
    (CHANGES.load(Ordering::Acquire), has_loaded)
}

/// Slots will be looked at again when the next name is asked for.
extern "C" fn note_loading() {
    NOTED.fetch_add(1, Ordering::AcqRel);
    CHANGES.fetch_add(1, Ordering::AcqRel);
}

/// Several threads may do this at once: none goes on to call what is not hooked, as another is about to. But what was noted and
/// begins to be loaded only after this is hooked after the next load.
extern "C" fn hook_loaded() {
    let noted = NOTED.load(Ordering::Acquire);
    // The loader's list is not asked for else: another thread may go through it, and wait for the GIL that this one has.
    if CHANGED.load(Ordering::Acquire) != noted
        && let Some(_entered) = Entered::enter()
    {
        CHANGES.fetch_add(1, Ordering::AcqRel);
        let is_done = !is_tracing() || patch::install_in_new(all(), is_tracing);
        if is_done {
            CHANGED.store(noted, Ordering::Release);
        }
        if is_tracing() {
            look_for_greenlets();
        }
    }
}

/// Threads look for greenlets only once there can be any.
pub(super) fn look_for_greenlets() {
    if !greenlets::are_there() && patch::is_loaded(b"greenlet") {
        greenlets::begin();
    }
}

/// Calls `before` with all registers of arguments kept, and jumps to the real function, whose caller is then the program.
macro_rules! jumps {
    ($name:ident($($type:ty),*) -> $result:ty, $before:ident) => {
        #[cfg(target_arch = "x86_64")]
        #[unsafe(naked)]
        unsafe extern "C" fn $name($(_: $type),*) -> $result {
            naked_asm!(
                "push rdi",
                "push rsi",
                "push rdx",
                "call {before}",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                "jmp qword ptr [rip + {real}]",
                before = sym $before,
                real = sym real::address::$name,
            )
        }
        #[cfg(target_arch = "aarch64")]
        #[unsafe(naked)]
        unsafe extern "C" fn $name($(_: $type),*) -> $result {
            naked_asm!(
                "stp x0, x1, [sp, #-32]!",
                "stp x2, x30, [sp, #16]",
                "bl {before}",
                "ldp x2, x30, [sp, #16]",
                "ldp x0, x1, [sp], #32",
                "adrp x16, {real}",
                "ldr x16, [x16, #:lo12:{real}]",
                "br x16",
                before = sym $before,
                real = sym real::address::$name,
            )
        }
    };
}

jumps!(dlopen(*const c_char, c_int) -> *mut c_void, note_loading);
jumps!(dlmopen(isize, *const c_char, c_int) -> *mut c_void, note_loading);
jumps!(dlsym(*mut c_void, *const c_char) -> *mut c_void, hook_loaded);
jumps!(dlvsym(*mut c_void, *const c_char, *const c_char) -> *mut c_void, hook_loaded);
jumps!(dlclose(*mut c_void) -> c_int, note_loading);
