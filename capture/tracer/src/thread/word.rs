// SPDX-License-Identifier: Apache-2.0
//! One word for each thread, reached in two instructions.
//!
//! `thread_local!` of a shared library asks the loader for its place, and the loader may allocate the first time, within
//! the very `malloc` that is being traced. The initial-exec model does not ask; stable Rust has no way to choose it, so the
//! word is declared in assembly.

use std::arch::{asm, global_asm};

global_asm!(
    ".section .tbss,\"awT\",@nobits",
    ".balign 8",
    ".globl memray_view_thread_word",
    ".hidden memray_view_thread_word",
    ".type memray_view_thread_word, @object",
    "memray_view_thread_word:",
    ".zero 8",
    ".size memray_view_thread_word, 8",
    ".previous",
);

/// This thread's word; 0 at first.
#[inline(always)]
pub(super) fn get() -> usize {
    let word;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads this thread's own word, which exists from its first to its last instruction.
    unsafe {
        asm!(
            "mov {word}, qword ptr [rip + memray_view_thread_word@GOTTPOFF]",
            "mov {word}, qword ptr fs:[{word}]",
            word = out(reg) word,
            options(nostack, preserves_flags, readonly),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "adrp {offset}, :gottprel:memray_view_thread_word",
            "ldr {offset}, [{offset}, #:gottprel_lo12:memray_view_thread_word]",
            "mrs {base}, tpidr_el0",
            "ldr {word}, [{base}, {offset}]",
            offset = out(reg) _,
            base = out(reg) _,
            word = out(reg) word,
            options(nostack, preserves_flags, readonly),
        );
    }
    word
}

/// Sets this thread's word.
#[inline(always)]
pub(super) fn set(word: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: writes this thread's own word, which nothing else reaches.
    unsafe {
        asm!(
            "mov {offset}, qword ptr [rip + memray_view_thread_word@GOTTPOFF]",
            "mov qword ptr fs:[{offset}], {word}",
            offset = out(reg) _,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        asm!(
            "adrp {offset}, :gottprel:memray_view_thread_word",
            "ldr {offset}, [{offset}, #:gottprel_lo12:memray_view_thread_word]",
            "mrs {base}, tpidr_el0",
            "str {word}, [{base}, {offset}]",
            offset = out(reg) _,
            base = out(reg) _,
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
                (before, get())
            });
            seen.join().unwrap()
        });
        assert_eq!((other, get()), ((0, 9), 7));
        set(0);
    }
}
