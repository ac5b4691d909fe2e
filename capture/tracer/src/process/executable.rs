// SPDX-License-Identifier: Apache-2.0
//! Whether a program can have this library preloaded, told by its file.
//!
//! The GNU C library's dynamic linker says so on standard error where a library is of another class, and that of musl ends
//! the program. A statically linked program has no linker, and passes on what it was given.
//!
//! Hooks ask between `vfork` and `exec`: system calls and the stack are all there is.

use std::ffi::{c_char, c_int};

/// How many scripts in turn may be interpreters of each other: as many as the kernel allows.
const MOST_SCRIPTS: u32 = 4;

/// All that is looked at of most files.
const HEAD_BYTES: usize = 1024;

/// How many of its program headers are looked at; the linker's comes early.
const MOST_ENTRIES: u64 = 64;

/// The longest path that is compared, and that of a script's interpreter.
const PATH_BYTES: usize = 256;

const ELF_CLASS_64: u8 = 2;
#[cfg(target_arch = "x86_64")]
const OWN_MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const OWN_MACHINE: u16 = 183;

/// Whether the file at a path can; one that cannot be read may.
///
/// # Safety
/// It is a C string.
pub(super) unsafe fn can_preload_at(path: *const c_char) -> bool {
    // SAFETY: the caller's.
    unsafe { at_path(path, MOST_SCRIPTS) }
}

/// Whether an open file can.
pub(super) fn can_preload_in(descriptor: c_int) -> bool {
    in_file(descriptor, MOST_SCRIPTS)
}

/// # Safety
/// It is a C string.
unsafe fn at_path(path: *const c_char, scripts: u32) -> bool {
    // SAFETY: the caller's.
    let descriptor = unsafe { libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK) };
    if descriptor < 0 {
        return true;
    }
    let can = in_file(descriptor, scripts);
    // SAFETY: it was opened here.
    unsafe { libc::close(descriptor) };
    can
}

fn in_file(descriptor: c_int, scripts: u32) -> bool {
    let mut head = [0; HEAD_BYTES];
    let head = read(descriptor, 0, &mut head);
    if let Some(line) = head.strip_prefix(b"#!") {
        return script(line, scripts);
    }
    let Some(elf) = head.strip_prefix(b"\x7fELF") else { return true };
    if elf.first() != Some(&ELF_CLASS_64) || u16_at(head, 18) != Some(OWN_MACHINE) {
        return false;
    }
    let (Some(table), Some(entry_bytes), Some(entries)) = (u64_at(head, 32), u16_at(head, 54), u16_at(head, 56)) else {
        return true;
    };
    for i in 0..u64::from(entries).min(MOST_ENTRIES) {
        let mut entry = [0; size_of::<libc::Elf64_Phdr>()];
        let at = table.wrapping_add(i.wrapping_mul(u64::from(entry_bytes)));
        let entry = match head.get(at as usize..).and_then(|rest| rest.get(..entry.len())) {
            Some(within) => within,
            None => read(descriptor, at, &mut entry),
        };
        if entry.get(..4) == Some(&libc::PT_INTERP.to_le_bytes()) {
            return u64_at(entry, 8).is_none_or(|linker| is_ours(descriptor, linker));
        }
    }
    true
}

/// Whether the dynamic linker that a file names at a place is the GNU C library's.
fn is_ours(descriptor: c_int, at: u64) -> bool {
    let mut path = [0; PATH_BYTES];
    let path = read(descriptor, at, &mut path);
    let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.starts_with(b"ld-linux") || name.starts_with(b"ld64")
}

/// A script's first line, behind `#!`: its interpreter can, or cannot.
fn script(line: &[u8], scripts: u32) -> bool {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let is_end = |byte: &u8| is_blank(byte) || matches!(byte, b'\n' | 0);
    let start = line.iter().position(|byte| !is_blank(byte)).unwrap_or(0);
    let name = line.get(start..).and_then(|rest| rest.split(is_end).next()).unwrap_or_default();
    let mut path = [0; PATH_BYTES];
    match path.get_mut(..name.len()) {
        Some(place) if scripts > 0 && name.len() < PATH_BYTES => {
            place.copy_from_slice(name);
            // SAFETY: the name is shorter than the path, so a zero is behind it.
            unsafe { at_path(path.as_ptr().cast(), scripts - 1) }
        }
        _ => true,
    }
}

/// Reads what can be read at a place in a file.
fn read(descriptor: c_int, at: u64, into: &mut [u8]) -> &[u8] {
    let at = libc::off_t::try_from(at).unwrap_or(libc::off_t::MAX);
    // SAFETY: so many bytes can be written there.
    let bytes = unsafe { libc::pread(descriptor, into.as_mut_ptr().cast(), into.len(), at) };
    usize::try_from(bytes).ok().and_then(|bytes| into.get(..bytes)).unwrap_or_default()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::CString;
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    fn can(path: &Path) -> bool {
        let opened = std::fs::File::open(path).ok().map(|file| can_preload_in(file.as_raw_fd()));
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: it ends.
        let can = unsafe { can_preload_at(path.as_ptr()) };
        assert!(opened.is_none_or(|it| it == can));
        can
    }

    /// A file that holds some bytes.
    fn file(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An executable's head, with one program header, which is far behind it, and the linker's path behind that.
    fn elf(class: u8, machine: u16, linker: Option<&[u8]>) -> Vec<u8> {
        const TABLE: usize = 5000;
        let mut bytes = vec![0; TABLE + 56];
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[4] = class;
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&(TABLE as u64).to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes[TABLE..TABLE + 4].copy_from_slice(&(if linker.is_some() { 3_u32 } else { 1 }).to_le_bytes());
        let at = bytes.len() as u64;
        bytes[TABLE + 8..TABLE + 16].copy_from_slice(&at.to_le_bytes());
        bytes.extend(linker.unwrap_or_default());
        bytes
    }

    #[test]
    fn what_another_linker_starts_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let can_elf = |class, machine, linker: Option<&str>| {
            let linker = linker.map(|path| [path.as_bytes(), b"\0"].concat());
            can(&file(&folder, &elf(class, machine, linker.as_deref())))
        };
        let gnu = Some("/lib64/ld-linux-x86-64.so.2");
        assert!(can_elf(2, OWN_MACHINE, gnu));
        assert!(can_elf(2, OWN_MACHINE, None), "static");
        assert!(!can_elf(1, OWN_MACHINE, gnu), "32 bits");
        assert!(!can_elf(2, 243, gnu), "another processor");
        assert!(!can_elf(2, OWN_MACHINE, Some("/lib/ld-musl-x86_64.so.1")));
        assert!(!can_elf(2, OWN_MACHINE, Some("/system/bin/linker64")));
    }

    #[test]
    fn this_systems_programs_and_scripts_can() {
        let folder = tempfile::tempdir().unwrap();
        for program in ["/bin/sh", "/usr/bin/env", "/proc/self/exe"] {
            assert!(can(Path::new(program)), "{program}");
        }
        for script in ["#!/bin/sh\n", "#! /usr/bin/env python3\n", "#!/none/python", "#!", "text", ""] {
            assert!(can(&file(&folder, script.as_bytes())), "{script:?}");
        }
        assert!(can(Path::new("/none/program")));
    }

    #[test]
    fn a_script_can_what_its_interpreter_can() {
        let folder = tempfile::tempdir().unwrap();
        let interpreter = folder.path().join("interpreter");
        std::fs::write(&interpreter, elf(1, OWN_MACHINE, None)).unwrap();
        for rest in ["\n", " -x\n", "\t", "\0x", ""] {
            let script = format!("#! {}{rest}", interpreter.display());
            assert!(!can(&file(&folder, script.as_bytes())), "{script:?}");
        }
        let itself = format!("#!{}\n", folder.path().join("file").display());
        assert!(can(&file(&folder, itself.as_bytes())));
        let long = format!("#!{}\n", "x".repeat(PATH_BYTES));
        assert!(can(&file(&folder, long.as_bytes())));
    }

    proptest! {
        #[test]
        fn any_file_gets_an_answer(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), is_elf: bool) {
            if is_elf {
                let head = elf(2, OWN_MACHINE, None);
                bytes.splice(..bytes.len().min(32), head[..32].iter().copied());
            }
            let folder = tempfile::tempdir().unwrap();
            can(&file(&folder, &bytes));
        }
    }
}
