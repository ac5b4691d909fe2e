// SPDX-License-Identifier: Apache-2.0
//! Which C library an executable is made for. The tracer is made for glibc, and another loader does not ignore what it cannot
//! preload, as glibc's does: musl's ends the program.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const PT_INTERP: u32 = 3;
const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: usize = 56;

/// Whether a program, named as a shell would find it, asks for musl's loader.
pub(crate) fn is_musl(program: &OsStr) -> bool {
    found(program).and_then(|path| loader(&path)).is_some_and(|loader| {
        let name = loader.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        name.starts_with(b"ld-musl-")
    })
}

fn found(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(program.into());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The path of the loader that a 64-bit ELF file asks for.
fn loader(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()))?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0).ok()?;
    if !header.starts_with(b"\x7fELF\x02") {
        return None;
    }
    let segments = number_at(&header, 32, 8)?;
    let (bytes, count) = (number_at(&header, 54, 2)?, number_at(&header, 56, 2)?);
    for i in 0..count {
        let mut segment = [0; SEGMENT_BYTES];
        file.read_exact_at(&mut segment, segments.checked_add(i * bytes)?).ok()?;
        if number_at(&segment, 0, 4)? == u64::from(PT_INTERP) {
            let mut path = vec![0; usize::try_from(number_at(&segment, 32, 8)?).ok()?.min(4096)];
            file.read_exact_at(&mut path, number_at(&segment, 8, 8)?).ok()?;
            return CStr::from_bytes_until_nul(&path).ok().map(|path| path.to_bytes().to_vec());
        }
    }
    None
}

/// Numbers are little-endian on all processors that are supported.
fn number_at(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let mut number = [0; 8];
    number.get_mut(..length)?.copy_from_slice(bytes.get(at..at + length)?);
    Some(u64::from_le_bytes(number))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A file of one segment that names a loader.
    fn executable(loader: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(HEADER_BYTES, 0);
        bytes[32] = HEADER_BYTES as u8;
        bytes[54] = SEGMENT_BYTES as u8;
        bytes[56] = 1;
        let mut segment = vec![0; SEGMENT_BYTES];
        segment[0] = 3;
        segment[8] = (HEADER_BYTES + SEGMENT_BYTES) as u8;
        segment[32] = loader.len() as u8;
        [bytes, segment, loader.to_vec()].concat()
    }

    #[test]
    fn the_loader_says_which_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("python");
        for (content, expected) in [
            (executable(b"/lib/ld-musl-x86_64.so.1\0"), true),
            (executable(b"/lib64/ld-linux-x86-64.so.2\0"), false),
            (executable(b"/ld-musl-folder/ld-linux-x86-64.so.2\0"), false),
            (executable(b"/lib/ld-musl-x86_64.so.1"), false),
            (executable(b"/lib/ld-musl-x86_64.so.1\0")[..100].to_vec(), false),
            (b"#!/bin/sh\n".to_vec(), false),
            (Vec::new(), false),
        ] {
            std::fs::write(&path, &content).unwrap();
            assert_eq!(is_musl(path.as_os_str()), expected, "{}", String::from_utf8_lossy(&content));
        }
        assert!(!is_musl(folder.path().as_os_str()));
        assert!(!is_musl(OsStr::new("no-such-program-anywhere")));
        assert!(!is_musl(OsStr::new("sh")), "found in PATH");
    }

    #[test]
    fn any_damage_is_no_loader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("python");
        let whole = executable(b"/lib/ld-musl-x86_64.so.1\0");
        for at in 4..HEADER_BYTES + SEGMENT_BYTES {
            let mut content = whole.clone();
            content[at] ^= 0xff;
            std::fs::write(&path, &content).unwrap();
            // It ends, and does not panic.
            is_musl(path.as_os_str());
        }
    }
}
