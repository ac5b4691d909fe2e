// SPDX-License-Identifier: Apache-2.0
//! Stores that a killed process has done as a whole or not at all: one instruction each, after all stores before it.
//!
//! (Where a processor may interrupt a store that reaches into another page, as aarch64 may, half of it can be done then.
//! x86_64 begins it anew.)

/// What is stored at once of a record.
pub(super) const STORE_BYTES: usize = 16;

/// Copies a record, from its start to its end. One of up to 16 bytes, as nearly all are, is there at once. Of a longer one
/// readers may find the start and zeros: the definition of something, cut, which no record refers to yet.
///
/// # Safety
/// `from` must be readable for `bytes`, and on to a multiple of [`STORE_BYTES`]. `to` must be writable so far too, and hold
/// zeros.
#[inline]
pub(super) unsafe fn store_record(to: *mut u8, from: *const u8, bytes: usize) {
    let mut done = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while bytes - done >= STORE_BYTES {
            store_16(to.add(done), from.add(done).cast::<[u8; STORE_BYTES]>().read());
            done += STORE_BYTES;
        }
        if done < bytes {
            // Zeros behind it stay zeros.
            let last = u128::from_le_bytes(from.add(done).cast::<[u8; STORE_BYTES]>().read());
            let kept = last & (u128::MAX >> (8 * (STORE_BYTES - (bytes - done))));
            store_16(to.add(done), kept.to_le_bytes());
        }
    }
}

/// Stores 16 bytes, at any alignment.
///
/// # Safety
/// `to` must be writable for them.
#[inline(always)]
pub(super) unsafe fn store_16(to: *mut u8, bytes: [u8; 16]) {
    // SAFETY: the caller's promise; any bytes are a vector of this type. Without the option `nomem` the compiler keeps all
    // stores before it before it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        let bytes: std::arch::x86_64::__m128i = std::mem::transmute(bytes);
        std::arch::asm!("movups xmmword ptr [{to}], {bytes}", to = in(reg) to, bytes = in(xmm_reg) bytes, options(nostack, preserves_flags));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        let bytes: std::arch::aarch64::uint8x16_t = std::mem::transmute(bytes);
        std::arch::asm!("str {bytes:q}, [{to}]", to = in(reg) to, bytes = in(vreg) bytes, options(nostack, preserves_flags));
    }
}

/// Stores eight bytes, at any alignment.
///
/// # Safety
/// `to` must be writable for them.
#[inline(always)]
pub(super) unsafe fn store_8(to: *mut u8, bytes: [u8; 8]) {
    let bytes = u64::from_ne_bytes(bytes);
    // SAFETY: as for `store_16`.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("mov qword ptr [{to}], {bytes}", to = in(reg) to, bytes = in(reg) bytes, options(nostack, preserves_flags));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!("str {bytes}, [{to}]", to = in(reg) to, bytes = in(reg) bytes, options(nostack, preserves_flags));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("say how this processor stores 16 bytes at once");
