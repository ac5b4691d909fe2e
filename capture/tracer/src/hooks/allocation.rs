// SPDX-License-Identifier: Apache-2.0
//! `malloc` and its kin.

use super::real;
use crate::process::session::{allocated, freed};
use memray_format::Allocator;
use std::ffi::{c_int, c_void};

real! {
    fn malloc(size: usize) -> *mut c_void;
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void;
    fn posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int;
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn memalign(alignment: usize, size: usize) -> *mut c_void;
    fn valloc(size: usize) -> *mut c_void;
    fn pvalloc(size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
    fn free_sized(block: *mut c_void, size: usize);
    fn free_aligned_sized(block: *mut c_void, alignment: usize, size: usize);
}

/// Records what a function returned, unless it failed.
#[inline(always)]
fn returned(allocator: Allocator, block: *mut c_void, size_bytes: usize) -> *mut c_void {
    if !block.is_null() {
        allocated(allocator, block.addr(), size_bytes);
    }
    block
}

#[inline(always)]
fn frees(block: *mut c_void) {
    if !block.is_null() {
        freed(Allocator::Free, block.addr(), 0);
    }
}

// SAFETY of all hooks: each passes on what the program passed, to the function that the program meant to call.

unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: see above.
    returned(Allocator::Malloc, unsafe { real::malloc(size) }, size)
}

unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: see above.
    returned(Allocator::Calloc, unsafe { real::calloc(count, size) }, count.wrapping_mul(size))
}

unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: see above.
    reallocate(block, size, || unsafe { real::realloc(block, size) })
}

unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: see above.
    reallocate(block, count.wrapping_mul(size), || unsafe { real::reallocarray(block, count, size) })
}

/// The old block's free is recorded first: once it is free, another thread may get and record its address. Should the
/// function fail, the block is there still, and is recorded again.
#[inline(always)]
fn reallocate(block: *mut c_void, size: usize, call: impl FnOnce() -> *mut c_void) -> *mut c_void {
    frees(block);
    let moved = call();
    if moved.is_null() && !block.is_null() && size > 0 {
        // SAFETY: the block is live, since the function failed.
        let size_bytes = unsafe { libc::malloc_usable_size(block) };
        allocated(Allocator::Realloc, block.addr(), size_bytes);
    }
    returned(Allocator::Realloc, moved, size)
}

unsafe extern "C" fn posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    // SAFETY: see above.
    let result = unsafe { real::posix_memalign(block, alignment, size) };
    if result == 0 {
        // SAFETY: the function succeeded, so it wrote the block's address there.
        returned(Allocator::PosixMemalign, unsafe { *block }, size);
    }
    result
}

unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: see above.
    returned(Allocator::AlignedAlloc, unsafe { real::aligned_alloc(alignment, size) }, size)
}

unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: see above.
    returned(Allocator::Memalign, unsafe { real::memalign(alignment, size) }, size)
}

unsafe extern "C" fn valloc(size: usize) -> *mut c_void {
    // SAFETY: see above.
    returned(Allocator::Valloc, unsafe { real::valloc(size) }, size)
}

unsafe extern "C" fn pvalloc(size: usize) -> *mut c_void {
    // SAFETY: see above.
    returned(Allocator::Pvalloc, unsafe { real::pvalloc(size) }, size)
}

unsafe extern "C" fn free(block: *mut c_void) {
    frees(block);
    // SAFETY: see above.
    unsafe { real::free(block) };
}

unsafe extern "C" fn free_sized(block: *mut c_void, size: usize) {
    frees(block);
    // SAFETY: see above.
    unsafe { real::free_sized(block, size) };
}

unsafe extern "C" fn free_aligned_sized(block: *mut c_void, alignment: usize, size: usize) {
    frees(block);
    // SAFETY: see above.
    unsafe { real::free_aligned_sized(block, alignment, size) };
}
