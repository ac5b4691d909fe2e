// SPDX-License-Identifier: Apache-2.0
//! `mmap` and its kin. A range that goes away is recorded before it does, as a free is; one that is replaced afterwards, as
//! that may fail.

use super::real;
use crate::process::session::{allocated, freed};
use memray_format::Allocator;
use std::ffi::{c_int, c_void};

/// More than any processor gives a program.
const ADDRESSES: usize = 1 << 56;

real! {
    fn mmap(address: *mut c_void, length: usize, access: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
    fn mmap64(address: *mut c_void, length: usize, access: c_int, flags: c_int, file: c_int, offset: i64) -> *mut c_void;
    fn munmap(address: *mut c_void, length: usize) -> c_int;
    fn mremap(old: *mut c_void, old_length: usize, length: usize, flags: c_int, new: *mut c_void) -> *mut c_void;
}

unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: usize,
    access: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: what the program passed, to the function that it meant to call.
    mapped(address, length, flags, || unsafe { real::mmap(address, length, access, flags, file, offset) })
}

unsafe extern "C" fn mmap64(
    address: *mut c_void,
    length: usize,
    access: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: what the program passed, to the function that it meant to call.
    mapped(address, length, flags, || unsafe { real::mmap64(address, length, access, flags, file, offset) })
}

#[inline(always)]
fn mapped(address: *mut c_void, length: usize, flags: c_int, call: impl FnOnce() -> *mut c_void) -> *mut c_void {
    let replaces = flags & libc::MAP_FIXED != 0 && flags & libc::MAP_FIXED_NOREPLACE != libc::MAP_FIXED_NOREPLACE;
    let mapping = call();
    if mapping != libc::MAP_FAILED {
        if replaces {
            // What was mapped there is gone. Nobody else can have been given the range, as it was never free.
            freed(Allocator::Munmap, address.addr(), length);
        }
        allocated(Allocator::Mmap, mapping.addr(), length);
    }
    mapping
}

unsafe extern "C" fn munmap(address: *mut c_void, length: usize) -> c_int {
    // The kernel refuses all others.
    let ends_below = address.addr().checked_add(length).is_some_and(|end| end <= ADDRESSES);
    if length > 0 && address.addr().is_multiple_of(4096) && ends_below {
        freed(Allocator::Munmap, address.addr(), length);
    }
    // SAFETY: what the program passed, to the function that it meant to call.
    unsafe { real::munmap(address, length) }
}

// The last argument is there for some flags only; a function that takes none ignores the register that it comes in.
unsafe extern "C" fn mremap(
    old: *mut c_void,
    old_length: usize,
    length: usize,
    flags: c_int,
    new: *mut c_void,
) -> *mut c_void {
    if old_length > 0 {
        freed(Allocator::Munmap, old.addr(), old_length);
    }
    // SAFETY: what the program passed, to the function that it meant to call.
    let mapping = unsafe { real::mremap(old, old_length, length, flags, new) };
    if mapping != libc::MAP_FAILED {
        if flags & libc::MREMAP_FIXED != 0 {
            freed(Allocator::Munmap, new.addr(), length);
        }
        allocated(Allocator::Mmap, mapping.addr(), length);
    } else if old_length > 0 {
        allocated(Allocator::Mmap, old.addr(), old_length);
    }
    mapping
}
