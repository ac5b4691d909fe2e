// SPDX-License-Identifier: Apache-2.0
//! Two words for each thread, reached in two instructions: one that says where the thread is, and one that keeps where its
//! `errno` is, which else is a call to ask.
//!
//! `thread_local!` of a shared library asks the loader for its place, and the loader may allocate the first time, within
//! the very `malloc` that is being traced. The initial-exec model does not ask; stable Rust has no way to choose it, so the
//! words are declared in assembly.

use std::arch::{asm, global_asm};

global_asm!(
    ".section .tbss,\"awT\",@nobits",
    ".balign 8",
    ".globl memray_view_thread_word",
    ".hidden memray_view_thread_word",
    ".type memray_view_thread_word, @object",
    "memray_view_thread_word:",
    ".zero 16",
    ".size memray_view_thread_word, 16",
    ".previous",
);

/// This thread's word; 0 at first.
#[inline(always)]
pub(super) fn get() -> usize {
    get_at::<0>()
}

/// Sets this thread's word.
#[inline(always)]
pub(super) fn set(word: usize) {
    set_at::<0>(word);
}

/// Where this thread's `errno` is.
#[inline(always)]
pub(super) fn errno() -> *mut i32 {
    match get_at::<8>() {
        0 => ask_errno(),
        address => std::ptr::with_exposed_provenance_mut(address),
    }
}

#[cold]
fn ask_errno() -> *mut i32 {
    // SAFETY: has no preconditions.
    let address = unsafe { libc::__errno_location() };
    set_at::<8>(address.expose_provenance());
    address
}

/// The word at that many bytes.
#[inline(always)]
fn get_at<const OFFSET: usize>() -> usize {
    let word;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads this thread's own word, which exists from its first to its last instruction.
    unsafe {
        asm!(
            "mov {word}, qword ptr [rip + memray_view_thread_word@GOTTPOFF]",
            "mov {word}, qword ptr fs:[{word} + {offset}]",
            offset = const OFFSET,
            word = out(reg) word,
            options(nostack, preserves_flags, readonly),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "adrp {place}, :gottprel:memray_view_thread_word",
            "ldr {place}, [{place}, #:gottprel_lo12:memray_view_thread_word]",
            "mrs {base}, tpidr_el0",
            "add {base}, {base}, {place}",
            "ldr {word}, [{base}, #{offset}]",
            place = out(reg) _,
            base = out(reg) _,
            offset = const OFFSET,
            word = out(reg) word,
            options(nostack, preserves_flags, readonly),
        );
    }
    word
}

/// Sets the word at that many bytes.
#[inline(always)]
fn set_at<const OFFSET: usize>(word: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: writes this thread's own word, which nothing else reaches.
    unsafe {
        asm!(
            "mov {place}, qword ptr [rip + memray_view_thread_word@GOTTPOFF]",
            "mov qword ptr fs:[{place} + {offset}], {word}",
            place = out(reg) _,
            offset = const OFFSET,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "adrp {place}, :gottprel:memray_view_thread_word",
            "ldr {place}, [{place}, #:gottprel_lo12:memray_view_thread_word]",
            "mrs {base}, tpidr_el0",
            "add {base}, {base}, {place}",
            "str {word}, [{base}, #{offset}]",
            place = out(reg) _,
            base = out(reg) _,
            offset = const OFFSET,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        set(7);
        let other = std::thread::scope(|scope| {
            let seen = scope.spawn(|| {
                let before = get();
                set(9);
                (before, get(), errno().addr())
            });
            seen.join().unwrap()
        });
        assert_eq!((other.0, other.1, get()), (0, 9, 7));
        assert_ne!(other.2, errno().addr());
        set(0);
    }

    #[test]
    fn errno_is_where_the_c_library_has_it() {
        for _ in 0..2 {
            // SAFETY: has no preconditions.
            assert_eq!(errno(), unsafe { libc::__errno_location() });
        }
    }
}
