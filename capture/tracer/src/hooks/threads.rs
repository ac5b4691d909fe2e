// SPDX-License-Identifier: Apache-2.0
//! Threads and their names: `pthread_create`, in which `threading` starts a thread whose name it knows, and `prctl` and
//! `pthread_setname_np`, by which a thread names itself.

use super::real;
use crate::process::session::{thread_is_named, traced_interpreter};
use crate::thread::{Entered, SYSTEMS_NAME_BYTES};
use std::arch::naked_asm;
use std::ffi::{c_char, c_int, c_ulong, c_void};

type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

real! {
    fn pthread_create(thread: *mut c_void, attributes: *const c_void, start: Start, argument: *mut c_void) -> c_int;
    fn pthread_setname_np(thread: libc::pthread_t, name: *const c_char) -> c_int;
    fn prctl(option: c_int, second: c_ulong, third: c_ulong, fourth: c_ulong, fifth: c_ulong) -> c_int;
}

/// What a thread with a name begins with.
struct Beginning {
    start: Start,
    argument: *mut c_void,
    name: Vec<u8>,
}

/// What is left to do then.
#[repr(C)]
struct StartOf {
    start: Start,
    argument: *mut c_void,
}

unsafe extern "C" fn pthread_create(
    thread: *mut c_void,
    attributes: *const c_void,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let entered = Entered::enter();
    let name = match (&entered, traced_interpreter()) {
        (Some(_), Some(interpreter)) => interpreter.name_of_started_thread(),
        _ => None,
    };
    drop(entered);
    let Some(name) = name else {
        // SAFETY: what the program passed, to the function that it meant to call.
        return unsafe { real::pthread_create(thread, attributes, start, argument) };
    };
    let beginning = Box::into_raw(Box::new(Beginning { start, argument, name }));
    // SAFETY: as above, but for the function that the thread begins in, which goes on with the program's.
    let result = unsafe { real::pthread_create(thread, attributes, begin_named, beginning.cast()) };
    if result != 0 {
        // SAFETY: no thread began that would take it.
        drop(unsafe { Box::from_raw(beginning) });
    }
    result
}

/// Takes the name, and jumps to the function that the program gave: no frame of ours stays on the thread's stack, so that
/// `pthread_exit` need not unwind through one.
#[unsafe(naked)]
unsafe extern "C" fn begin_named(_: *mut c_void) -> *mut c_void {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "sub rsp, 8",
        "call {take_name}",
        "add rsp, 8",
        "mov rdi, rdx",
        "jmp rax",
        take_name = sym take_name,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "stp x29, x30, [sp, #-16]!",
        "bl {take_name}",
        "ldp x29, x30, [sp], #16",
        "mov x9, x0",
        "mov x0, x1",
        "br x9",
        take_name = sym take_name,
    );
}

extern "C" fn take_name(beginning: *mut Beginning) -> StartOf {
    // SAFETY: the box that `pthread_create` was given for this thread alone.
    let Beginning { start, argument, name } = *unsafe { Box::from_raw(beginning) };
    if let Some(mut entered) = Entered::enter() {
        thread_is_named(&mut entered, name);
    }
    StartOf { start, argument }
}

// A function of a variable number of arguments: those that an option does not have are registers that it ignores.
unsafe extern "C" fn prctl(option: c_int, second: c_ulong, third: c_ulong, fourth: c_ulong, fifth: c_ulong) -> c_int {
    // SAFETY: what the program passed, to the function that it meant to call.
    let result = unsafe { real::prctl(option, second, third, fourth, fifth) };
    if option == libc::PR_SET_NAME && result == 0 {
        // SAFETY: the kernel read a name from there.
        unsafe { has_named_itself(second as *const c_char) };
    }
    result
}

unsafe extern "C" fn pthread_setname_np(thread: libc::pthread_t, name: *const c_char) -> c_int {
    // SAFETY: what the program passed, to the function that it meant to call.
    let result = unsafe { real::pthread_setname_np(thread, name) };
    // SAFETY: asks who calls. Then, the function took the name.
    unsafe {
        if result == 0 && thread == libc::pthread_self() {
            has_named_itself(name);
        }
    }
    result
}

/// The calling thread has a name from now on, which ends, or is cut where the system cuts it.
///
/// # Safety
/// It is a C string, or at least as long as the system's names may be.
unsafe fn has_named_itself(name: *const c_char) {
    if traced_interpreter().is_some()
        && let Some(mut entered) = Entered::enter()
    {
        // SAFETY: the caller's.
        let name = unsafe {
            let length = libc::strnlen(name, SYSTEMS_NAME_BYTES);
            std::slice::from_raw_parts(name.cast::<u8>(), length)
        };
        thread_is_named(&mut entered, name.to_vec());
    }
}
