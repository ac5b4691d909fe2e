// SPDX-License-Identifier: Apache-2.0
//! Finds and opens the files that hold a library's symbols.
//!
//! Paths come from captures, which are untrusted: only absolute paths of regular files of bounded size are opened, and only
//! for reading. A separate debug file is used only if its build id, or its checksum, is the one that the library names.

use crate::build::mapping::CaptureMapping;
use addr2line::gimli::{DwarfSections, EndianSlice, RunTimeEndian};
use object::{Object as _, ObjectSection as _};
use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Larger files are left alone.
const MAX_FILE_BYTES: u64 = 8 << 30;

/// Compressed sections that claim to be larger than this are left alone.
const MAX_SECTION_BYTES: u64 = 2 << 30;

/// Where systems keep separate debug files.
const DEBUG_FOLDER: &str = "/usr/lib/debug";

/// Debug sections, decompressed.
pub(crate) type Sections<'data> = DwarfSections<Cow<'data, [u8]>>;

/// What debug sections are read with.
pub(crate) type Reader<'data> = EndianSlice<'data, RunTimeEndian>;

/// Maps a regular file.
pub(crate) fn map(path: &Path) -> Option<CaptureMapping> {
    // Asked before it is opened: to open a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).ok().filter(|_| path.is_absolute())?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return None;
    }
    CaptureMapping::new(File::open(path).ok()?).ok()
}

/// Parses a mapped file.
pub(crate) fn parse(file: &CaptureMapping) -> Option<object::File<'_>> {
    object::File::parse(&**file).ok()
}

/// The separate file that holds a library's debug information.
pub(crate) fn debug_file(path: &Path, library: &object::File<'_>) -> Option<CaptureMapping> {
    let build_id = library.build_id().ok().flatten();
    let by_build_id = build_id.and_then(|id| {
        let file = map(&build_id_path(id)?)?;
        has_build_id(&file, id).then_some(file)
    });
    by_build_id.or_else(|| {
        let (name, checksum) = library.gnu_debuglink().ok().flatten()?;
        let folder = path.parent()?;
        let name = file_name(name)?;
        let under_debug = Path::new(DEBUG_FOLDER).join(folder.strip_prefix("/").ok()?).join(name);
        [folder.join(name), folder.join(".debug").join(name), under_debug].iter().find_map(|candidate| {
            let file = map(candidate).filter(|_| candidate != path)?;
            let is_same = match build_id {
                Some(id) => has_build_id(&file, id),
                None => crc32(&file) == checksum,
            };
            is_same.then_some(file)
        })
    })
}

/// The file that several debug files share parts with.
pub(crate) fn supplementary_file(debug: &object::File<'_>) -> Option<CaptureMapping> {
    let (name, build_id) = debug.gnu_debugaltlink().ok().flatten()?;
    let linked = Path::new(std::str::from_utf8(name).ok()?);
    let by_path = map(linked).filter(|file| has_build_id(file, build_id));
    by_path.or_else(|| map(&build_id_path(build_id)?).filter(|file| has_build_id(file, build_id)))
}

/// All debug sections of a file; those that cannot be read are empty.
pub(crate) fn sections<'data>(file: &object::File<'data>) -> Sections<'data> {
    let section = |name: &str| -> Option<Cow<'data, [u8]>> {
        let data = file.section_by_name(name)?.compressed_data().ok()?;
        (data.uncompressed_size <= MAX_SECTION_BYTES).then(|| data.decompress().ok()).flatten()
    };
    let loaded: Result<Sections<'data>, std::convert::Infallible> =
        DwarfSections::load(|id| Ok(section(id.name()).unwrap_or_default()));
    match loaded {
        Ok(sections) => sections,
    }
}

fn build_id_path(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first().filter(|(_, rest)| !rest.is_empty() && rest.len() < 64)?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(PathBuf::from(format!("{DEBUG_FOLDER}/.build-id/{first:02x}/{rest}.debug")))
}

fn has_build_id(file: &CaptureMapping, id: &[u8]) -> bool {
    parse(file).is_some_and(|file| file.build_id().ok().flatten() == Some(id))
}

/// A name without folders.
fn file_name(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains('/') && *name != "..")
}

/// The checksum of debug links.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0u32; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut value = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc: u32, &byte| TABLE[(crc as u8 ^ byte) as usize] ^ crc >> 8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_debug_links() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn only_regular_files_by_absolute_paths_are_opened() {
        assert!(map(Path::new("/dev/zero")).is_none());
        assert!(map(Path::new("/")).is_none());
        assert!(map(Path::new("Cargo.toml")).is_none());
        assert!(map(&std::env::current_exe().unwrap()).is_some());
    }

    #[test]
    fn debug_links_name_no_folders() {
        assert_eq!(file_name(b"libz.so.debug"), Some("libz.so.debug"));
        assert_eq!(file_name(b"../../etc/passwd"), None);
        assert_eq!(file_name(b".."), None);
    }

    #[test]
    fn build_ids_name_their_debug_file() {
        let path = build_id_path(&[0xab, 0x01, 0xff]).unwrap();
        assert_eq!(path, Path::new("/usr/lib/debug/.build-id/ab/01ff.debug"));
        assert!(build_id_path(&[0xab]).is_none());
    }
}
