// SPDX-License-Identifier: Apache-2.0
//! How a program ends without a word to anybody: `_exit` and `abort`, and `exec`, by which it becomes another one.
//!
//! The capture is completed before. Most of it is in its file anyway; the sums of one that holds nothing else are not. Where a
//! signal ends the program, nobody is asked. What the program becomes is traced as a child is, if those are.

#![expect(non_snake_case, reason = "functions are named as those they stand for")]

use super::real;
use crate::process::children::{Executable, Strings, own_environment, with_tracer};
use crate::process::session::{go_on_untraced, stop_at_once};
use std::ffi::{c_char, c_int};

real! {
    fn _exit(status: c_int);
    fn _Exit(status: c_int);
    fn abort();
    fn execv(path: *const c_char, arguments: Strings) -> c_int;
    fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int;
    fn fexecve(file: c_int, arguments: Strings, environment: Strings) -> c_int;
}

// SAFETY of all hooks: each passes on what the program passed, to the function that the program meant to call.

unsafe extern "C" fn _exit(status: c_int) {
    stop_at_once();
    // SAFETY: see above.
    unsafe { real::_exit(status) };
}

unsafe extern "C" fn _Exit(status: c_int) {
    stop_at_once();
    // SAFETY: see above.
    unsafe { real::_Exit(status) };
}

unsafe extern "C" fn abort() {
    stop_at_once();
    // SAFETY: see above.
    unsafe { real::abort() };
}

unsafe extern "C" fn execv(path: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: as for `execve`, which is the same with a given environment.
    unsafe { execve(path, arguments, own_environment()) }
}

unsafe extern "C" fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
    // SAFETY: the program passed a path; for the call see above.
    unsafe {
        // Who is traced as a child is settled before the capture ends, and children's with it.
        with_tracer(Executable::Path(path), environment, |all| {
            become_another(is_program(libc::AT_FDCWD, path, 0), || real::execve(path, arguments, all))
        })
    }
}

unsafe extern "C" fn fexecve(file: c_int, arguments: Strings, environment: Strings) -> c_int {
    // SAFETY: the path is a C string; for the call see above.
    unsafe {
        with_tracer(Executable::Descriptor(file), environment, |all| {
            let is_program = is_program(file, c"".as_ptr(), libc::AT_EMPTY_PATH);
            become_another(is_program, || real::fexecve(file, arguments, all))
        })
    }
}

/// Calls a function that returns only if it fails. Whoever looks for a program in one folder after the other fails often: only
/// where there is one is this the end.
fn become_another(is_program: bool, call: impl FnOnce() -> c_int) -> c_int {
    let has_stopped = is_program && stop_at_once();
    let result = call();
    if has_stopped {
        go_on_untraced();
    }
    result
}

/// Whether there is a file that may be executed.
///
/// # Safety
/// The path is a C string, or null.
unsafe fn is_program(folder: c_int, path: *const c_char, flags: c_int) -> bool {
    if path.is_null() {
        return false;
    }
    // SAFETY: the path is one, as the caller promises, and the result is a place to write to. All zeros are a result.
    unsafe {
        let mut found: libc::stat = std::mem::zeroed();
        libc::fstatat(folder, path, &raw mut found, flags) == 0
            && found.st_mode & libc::S_IFMT == libc::S_IFREG
            && libc::faccessat(folder, path, libc::X_OK, flags | libc::AT_EACCESS) == 0
    }
}
