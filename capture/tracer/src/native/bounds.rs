// SPDX-License-Identifier: Apache-2.0
//! Where a thread's stack lies.

use std::ffi::c_void;
use std::ops::Range;

/// Where the calling thread's stack lies, as the C library knows it. Asked once a thread: for the first one the C library
/// reads it from a file of the kernel's.
pub(super) fn of_this_thread() -> Option<Range<usize>> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: describes the calling thread, which exists, at a place to write to.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut lowest, mut size_bytes): (*mut c_void, usize) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes were just filled, and are given back once.
    let told = unsafe {
        let told = libc::pthread_attr_getstack(attributes.as_ptr(), &mut lowest, &mut size_bytes);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        told
    };
    (told == 0).then(|| lowest.addr()..lowest.addr().saturating_add(size_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_keeps_lies_on_its_threads_stack() {
        let look = || {
            let kept = 0u64;
            let bounds = of_this_thread().unwrap();
            (bounds.contains(&(&raw const kept).addr()), bounds.len() >= 16 << 10)
        };
        assert_eq!(look(), (true, true));
        let other = std::thread::Builder::new().name("another".to_owned()).spawn(look).unwrap();
        assert_eq!(other.join().unwrap(), (true, true));
    }
}
