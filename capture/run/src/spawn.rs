// SPDX-License-Identifier: Apache-2.0
//! The program's process, started as a shell would start it.
//!
//! Not by the standard library, which would sort the environment and settle what is done about signals; the program is to
//! find both as this process did.

use crate::closed;
use crate::error::RunError;
use crate::signals::{CHANGED_HERE, Child, Signals};
use memray_settings::VARIABLE;
use std::ffi::{CString, OsStr, OsString, c_char};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

const PRELOAD: &str = "LD_PRELOAD";

/// An environment, and in it the tracer and what it is told; the order stays. Where another recording's are, as in a child
/// that it follows, these take their place.
pub(crate) fn environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
    preload: &OsStr,
    settings: &str,
) -> Vec<OsString> {
    let variables: Vec<_> = variables.collect();
    let has_other = variables.iter().any(|(name, _)| name == VARIABLE);
    let mut is_preloaded = false;
    let mut out = Vec::new();
    for (name, value) in variables.into_iter().filter(|(name, _)| name != VARIABLE) {
        if name == PRELOAD {
            is_preloaded = true;
            out.push(match if has_other { without_first(&value) } else { Some(value.as_os_str()) } {
                Some(others) => variable(PRELOAD, [preload, OsStr::new(":"), others]),
                None => variable(PRELOAD, [preload]),
            });
        } else {
            out.push(variable(&name, [value.as_os_str()]));
        }
    }
    if !is_preloaded {
        out.push(variable(PRELOAD, [preload]));
    }
    out.push(variable(VARIABLE, [OsStr::new(settings)]));
    out
}

/// What is preloaded beside a tracer, which comes first.
fn without_first(preload: &OsStr) -> Option<&OsStr> {
    let bytes = preload.as_bytes();
    let colon = bytes.iter().position(|&byte| byte == b':')?;
    Some(OsStr::from_bytes(&bytes[colon + 1..]))
}

/// The environment as it is.
pub(crate) fn unchanged(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<OsString> {
    variables.map(|(name, value)| variable(&name, [value.as_os_str()])).collect()
}

fn variable<const N: usize>(name: impl AsRef<OsStr>, parts: [&OsStr; N]) -> OsString {
    let mut variable = name.as_ref().to_owned();
    variable.push("=");
    parts.into_iter().for_each(|part| variable.push(part));
    variable
}

/// Starts a process that inherits all but the environment.
pub(crate) fn spawn(command_line: &[OsString], environment: &[OsString], signals: &Signals) -> Result<Child, RunError> {
    let command_line = texts(command_line)?;
    let environment = texts(environment)?;
    let [program, ..] = command_line.as_slice() else { return Err(RunError::NoInterpreter) };
    let attributes = Attributes::new(signals).map_err(RunError::Wait)?;
    let files = Files::new().map_err(RunError::Wait)?;
    let mut pid = 0;
    let ignored = signals.ignore_children_as_before();
    // SAFETY: all texts end, the lists of them end with a null, and they outlive the call.
    let error = unsafe {
        libc::posix_spawnp(
            &mut pid,
            program.as_ptr(),
            files.0.as_ptr(),
            attributes.0.as_ptr(),
            pointers(&command_line).as_ptr(),
            pointers(&environment).as_ptr(),
        )
    };
    drop(ignored);
    match error {
        0 => Ok(Child(pid)),
        error => Err(RunError::Spawn {
            program: OsString::from_vec(program.to_bytes().to_vec()),
            source: io::Error::from_raw_os_error(error),
        }),
    }
}

fn texts(texts: &[OsString]) -> Result<Vec<CString>, RunError> {
    texts.iter().map(|text| CString::new(text.as_encoded_bytes()).map_err(|_| RunError::ZeroByte)).collect()
}

fn pointers(texts: &[CString]) -> Vec<*mut c_char> {
    texts.iter().map(|text| text.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect()
}

/// What is done about signals in the new process: as it was before this one began to care.
struct Attributes(MaybeUninit<libc::posix_spawnattr_t>);

impl Attributes {
    fn new(signals: &Signals) -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: the place is there to be written to.
        check(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        let mut attributes = Self(attributes);
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        let at = attributes.0.as_mut_ptr();
        // SAFETY: the attributes were made, and both sets were filled in. The flags fit: they are bits of a byte.
        unsafe {
            check(libc::posix_spawnattr_setflags(at, flags as libc::c_short))?;
            check(libc::posix_spawnattr_setsigmask(at, signals.before()))?;
            check(libc::posix_spawnattr_setsigdefault(at, &crate::signals::set_of(&CHANGED_HERE)))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: the attributes were made.
        unsafe { libc::posix_spawnattr_destroy(self.0.as_mut_ptr()) };
    }
}

/// What is closed in the new process, as it was for this one.
struct Files(MaybeUninit<libc::posix_spawn_file_actions_t>);

impl Files {
    fn new() -> io::Result<Self> {
        let mut files = MaybeUninit::uninit();
        // SAFETY: the place is there to be written to.
        check(unsafe { libc::posix_spawn_file_actions_init(files.as_mut_ptr()) })?;
        let mut files = Self(files);
        for descriptor in closed::descriptors() {
            // SAFETY: the list was made.
            check(unsafe { libc::posix_spawn_file_actions_addclose(files.0.as_mut_ptr(), descriptor) })?;
        }
        Ok(files)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // SAFETY: the list was made.
        unsafe { libc::posix_spawn_file_actions_destroy(self.0.as_mut_ptr()) };
    }
}

fn check(error: i32) -> io::Result<()> {
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment_of(variables: &[(&str, &str)]) -> Vec<String> {
        let variables = variables.iter().map(|&(name, value)| (name.into(), value.into()));
        let environment = environment(variables, OsStr::new("/t.so"), "x=1");
        environment.into_iter().filter_map(|variable| variable.into_string().ok()).collect()
    }

    #[test]
    fn the_order_of_variables_stays() {
        assert_eq!(
            environment_of(&[("Z", "1"), ("A", "=2"), ("E", "")]),
            ["Z=1", "A==2", "E=", "LD_PRELOAD=/t.so", "MEMRAY_VIEW_TRACE=x=1"]
        );
    }

    #[test]
    fn what_the_user_preloads_comes_after_the_tracer() {
        assert_eq!(
            environment_of(&[("LD_PRELOAD", "/a.so /b.so"), ("A", "2")]),
            ["LD_PRELOAD=/t.so:/a.so /b.so", "A=2", "MEMRAY_VIEW_TRACE=x=1"]
        );
        assert_eq!(environment_of(&[("LD_PRELOAD", "")]), ["LD_PRELOAD=/t.so:", "MEMRAY_VIEW_TRACE=x=1"]);
    }

    #[test]
    fn a_recording_within_a_recording_takes_its_place() {
        for (preload, expected) in [
            ("/old.so:/a.so:/b.so", "LD_PRELOAD=/t.so:/a.so:/b.so"),
            ("/old.so:", "LD_PRELOAD=/t.so:"),
            ("/old.so", "LD_PRELOAD=/t.so"),
        ] {
            assert_eq!(
                environment_of(&[("MEMRAY_VIEW_TRACE", "old"), ("LD_PRELOAD", preload), ("A", "2")]),
                [expected, "A=2", "MEMRAY_VIEW_TRACE=x=1"]
            );
        }
    }
}
