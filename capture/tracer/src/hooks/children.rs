// SPDX-License-Identifier: Apache-2.0
//! By what a program starts others: see [`crate::process::children`]. Hooked only where children are to be traced; `execv`
//! and `execve` always are, in [`super::ending`].
//!
//! `system` and `popen` hand the C library's own environment to a shell, so it is the shell that is told. Functions with
//! a variable number of arguments (`execl`) are not hooked: Python calls none of them.

use super::real;
use crate::process::children::{Executable, Strings, own_environment, traced_command, with_tracer};
use std::ffi::{CStr, c_char, c_int, c_void};

real! {
    fn execvpe(name: *const c_char, arguments: Strings, environment: Strings) -> c_int;
    fn execvp(name: *const c_char, arguments: Strings) -> c_int;
    fn posix_spawn(
        pid: *mut c_int,
        path: *const c_char,
        actions: *const c_void,
        attributes: *const c_void,
        arguments: Strings,
        environment: Strings
    ) -> c_int;
    fn posix_spawnp(
        pid: *mut c_int,
        name: *const c_char,
        actions: *const c_void,
        attributes: *const c_void,
        arguments: Strings,
        environment: Strings
    ) -> c_int;
    fn system(command: *const c_char) -> c_int;
    fn popen(command: *const c_char, kind: *const c_char) -> *mut c_void;
}

// SAFETY of all hooks: each passes on what the program passed, but for an environment or a command that has more in it, to
// the function that the program meant to call, or to one that does the same with a given environment. What the program passed
// is what that function asks for.

unsafe extern "C" fn execvpe(name: *const c_char, arguments: Strings, environment: Strings) -> c_int {
    // SAFETY: see above.
    unsafe { with_tracer(Executable::Name(name), environment, |all| real::execvpe(name, arguments, all)) }
}

unsafe extern "C" fn execvp(name: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: see above.
    unsafe { with_tracer(Executable::Name(name), own_environment(), |all| real::execvpe(name, arguments, all)) }
}

unsafe extern "C" fn posix_spawn(
    pid: *mut c_int,
    path: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: Strings,
    environment: Strings,
) -> c_int {
    // SAFETY: see above.
    unsafe {
        with_tracer(Executable::Path(path), environment, |all| {
            real::posix_spawn(pid, path, actions, attributes, arguments, all)
        })
    }
}

unsafe extern "C" fn posix_spawnp(
    pid: *mut c_int,
    name: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: Strings,
    environment: Strings,
) -> c_int {
    // SAFETY: see above.
    unsafe {
        with_tracer(Executable::Name(name), environment, |all| {
            real::posix_spawnp(pid, name, actions, attributes, arguments, all)
        })
    }
}

unsafe extern "C" fn system(command: *const c_char) -> c_int {
    // SAFETY: see above.
    unsafe { with_traced_command(command, |command| real::system(command)) }
}

unsafe extern "C" fn popen(command: *const c_char, kind: *const c_char) -> *mut c_void {
    // SAFETY: see above.
    unsafe { with_traced_command(command, |command| real::popen(command, kind)) }
}

/// # Safety
/// The command is null or a C string.
unsafe fn with_traced_command<R>(command: *const c_char, call: impl FnOnce(*const c_char) -> R) -> R {
    // SAFETY: the caller's.
    let text = (!command.is_null()).then(|| unsafe { CStr::from_ptr(command) });
    match text.and_then(traced_command) {
        Some(traced) => call(traced.as_ptr()),
        None => call(command),
    }
}
