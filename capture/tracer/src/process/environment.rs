// SPDX-License-Identifier: Apache-2.0
//! The environment that the tracer came by: the program must not see it.
//!
//! What the user had in `LD_PRELOAD` stays, in its place; so does the order of all variables.

use std::ffi::{CStr, CString, c_void};
use std::os::unix::ffi::OsStrExt;

pub(super) const PRELOAD: &CStr = c"LD_PRELOAD";

/// Takes a variable, and this library out of those that children preload.
///
/// # Safety
/// No other thread may use the environment meanwhile.
pub(crate) unsafe fn clean(variable: &str) {
    if let Ok(variable) = CString::new(variable) {
        // SAFETY: the name ends; the rest as the caller promises.
        unsafe { libc::unsetenv(variable.as_ptr()) };
    }
    let (Some(preload), Some(own)) = (std::env::var_os("LD_PRELOAD"), own_path()) else { return };
    match without(preload.as_bytes(), &own).map(CString::new) {
        // SAFETY: name and value end; the rest as the caller promises. The C library keeps the variable's place.
        Some(Ok(rest)) => unsafe { libc::setenv(PRELOAD.as_ptr(), rest.as_ptr(), 1) },
        // SAFETY: as above.
        _ => unsafe { libc::unsetenv(PRELOAD.as_ptr()) },
    };
}

/// This library's path as the dynamic linker was told it.
pub(super) fn own_path() -> Option<Vec<u8>> {
    let own: *const c_void = (own_path as fn() -> Option<Vec<u8>> as *const ()).cast();
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // SAFETY: `info` is there to be written to.
    let is_found = unsafe { libc::dladdr(own, &mut info) } != 0 && !info.dli_fname.is_null();
    // SAFETY: the linker keeps the name as long as this library is loaded, which it is as it runs.
    is_found.then(|| unsafe { CStr::from_ptr(info.dli_fname) }.to_bytes().to_vec())
}

/// A list of libraries without one of them and without one separator beside it; `None` if it had no more than that.
fn without(list: &[u8], entry: &[u8]) -> Option<Vec<u8>> {
    let mut start = 0;
    loop {
        let length = list[start..].iter().position(|byte| matches!(byte, b':' | b' ')).unwrap_or(list.len() - start);
        let end = start + length;
        if &list[start..end] == entry {
            let (before, after) = (&list[..start], &list[end..]);
            return match (before.split_last(), after.split_first()) {
                (_, Some((_, after))) => Some([before, after].concat()),
                (Some((_, before)), None) => Some(before.to_vec()),
                (None, None) => None,
            };
        }
        if end == list.len() {
            return Some(list.to_vec());
        }
        start = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn what_the_user_preloads_stays_as_it_was() {
        for (list, rest) in [
            ("/t.so", None),
            ("/t.so:", Some("")),
            ("/t.so:/a.so", Some("/a.so")),
            ("/t.so:/a.so /b.so", Some("/a.so /b.so")),
            ("/a.so:/t.so", Some("/a.so")),
            ("/a.so /t.so:/b.so", Some("/a.so /b.so")),
            ("/t.so::/a.so", Some(":/a.so")),
            ("/other/t.so:/t.so.1", Some("/other/t.so:/t.so.1")),
            ("", Some("")),
        ] {
            assert_eq!(without(list.as_bytes(), b"/t.so").as_deref(), rest.map(str::as_bytes), "{list}");
        }
    }
}
