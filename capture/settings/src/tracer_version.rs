// SPDX-License-Identifier: Apache-2.0
//! The version of a tracer's library, as it stands in the file: so that it is known without loading it.

use crate::VERSION;
use memchr::memmem;
use std::ffi::CStr;

/// What the library holds: words that nothing else does, the version, and a zero byte.
const MARK: &str = concat!("memray-view's tracer ", env!("CARGO_PKG_VERSION"), "\0");

/// Where the version begins in it.
const WORDS_BYTES: usize = MARK.len() - VERSION.len() - 1;

/// The version of this tracer. It lies within the mark, so a library that answers with it holds the mark too.
pub fn tracer_version() -> &'static CStr {
    CStr::from_bytes_with_nul(&MARK.as_bytes()[WORDS_BYTES..]).unwrap_or_default()
}

/// The version of the tracer whose file has this content; `None` if it is no tracer.
pub fn tracer_version_in(library: &[u8]) -> Option<&str> {
    let words = &MARK.as_bytes()[..WORDS_BYTES];
    let (_, rest) = library.split_at_checked(memmem::find(library, words)? + WORDS_BYTES)?;
    CStr::from_bytes_until_nul(rest).ok()?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_in_what_holds_it_and_in_nothing_else() {
        assert_eq!(tracer_version().to_str(), Ok(VERSION));
        let library = |mark: &str| [b"\x7fELF\0\xff memray-view's ", mark.as_bytes(), b"\0\xff"].concat();
        assert_eq!(tracer_version_in(&library(MARK)), Some(VERSION));
        assert_eq!(tracer_version_in(&library(&MARK.replace(VERSION, "0.0.9-rc.1"))), Some("0.0.9-rc.1"));
        for none in [&b""[..], &library(""), &MARK.as_bytes()[..MARK.len() - 1], &MARK.as_bytes()[1..]] {
            assert_eq!(tracer_version_in(none), None);
        }
    }
}
