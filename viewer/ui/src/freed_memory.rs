// SPDX-License-Identifier: Apache-2.0
//! Each change of what is shown makes trees anew and frees the old ones: tens of megabytes, which the C library gives back to
//! the system, and takes and clears again for the next. Kept, they cost nothing.

/// The most that is kept at the end of a heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: libc::c_int = 64 << 20;
/// What is larger is given back at once; no version of glibc takes more.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGEST_KEPT_BYTES: libc::c_int = 32 << 20;

/// Has this process keep memory that it freed, within bounds. Other platforms do as they do.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt may be called at any time, and takes any numbers; what it refuses stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}
