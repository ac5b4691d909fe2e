// SPDX-License-Identifier: Apache-2.0
//! [`Registers`]: what must be known of a frame to find the one that called it.

use framehop::UnwindRegsNative;
use std::arch::asm;

/// Where a frame is, and where its stack is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Registers {
    /// The instruction at which it goes on.
    pub(super) instruction: usize,
    /// The end of its stack.
    pub(super) stack: usize,
    /// What its callers may tell their places by; whatever it uses it for itself.
    pub(super) frame: usize,
    /// Where the innermost function returns to, unless it has put that on its stack; always 0 on x86-64.
    pub(super) link: usize,
}

impl Registers {
    /// Those of the function that this is inlined into.
    #[inline(always)]
    pub(super) fn here() -> Self {
        let (instruction, stack, frame, link);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: reads registers.
        unsafe {
            asm!(
                "lea {instruction}, [rip]",
                "mov {stack}, rsp",
                "mov {frame}, rbp",
                instruction = out(reg) instruction,
                stack = out(reg) stack,
                frame = out(reg) frame,
                options(nostack, preserves_flags, nomem),
            );
            link = 0;
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: reads registers.
        unsafe {
            asm!(
                "adr {instruction}, .",
                "mov {stack}, sp",
                "mov {frame}, x29",
                "mov {link}, x30",
                instruction = out(reg) instruction,
                stack = out(reg) stack,
                frame = out(reg) frame,
                link = out(reg) link,
                options(nostack, preserves_flags, nomem),
            );
        }
        Self { instruction, stack, frame, link }
    }

    /// As the unwinder wants them.
    #[inline]
    pub(super) fn to_unwinder(self) -> UnwindRegsNative {
        #[cfg(target_arch = "x86_64")]
        return UnwindRegsNative::new(self.instruction as u64, self.stack as u64, self.frame as u64);
        #[cfg(target_arch = "aarch64")]
        return UnwindRegsNative::new(self.link as u64, self.stack as u64, self.frame as u64);
    }

    /// Those of the calling frame, which goes on at `instruction`, as the unwinder left them.
    #[inline]
    pub(super) fn of_caller(instruction: u64, unwinder: &UnwindRegsNative) -> Self {
        #[cfg(target_arch = "x86_64")]
        let (frame, link) = (unwinder.bp(), 0);
        #[cfg(target_arch = "aarch64")]
        let (frame, link) = (unwinder.fp(), unwinder.lr());
        let [instruction, stack, frame, link] = [instruction, unwinder.sp(), frame, link].map(|word| word as usize);
        Self { instruction, stack, frame, link }
    }
}
