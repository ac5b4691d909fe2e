// SPDX-License-Identifier: Apache-2.0
//! The appendix: what a capture of this project's own tells beyond memray's format, at the file's very end.
//!
//! Other readers do not see it: in a raw capture it lies behind the trailer, where they stop, and in a compressed one in a
//! skippable frame, which LZ4 readers pass over. Either way the file ends with a footer of 24 bytes, all numbers little-endian:
//!
//! | bytes | |
//! |---|---|
//! | 8 | length of the content, which ends where the footer begins |
//! | 4 | version of the content: [`VERSION`] |
//! | 4 | XXH32 of all before it, from the content's first byte on |
//! | 8 | `mrv-appx` |
//!
//! [`seal`] makes what lies at the end, [`find`] reads it. A capture is whole without it, so one that is wrong is ignored, with
//! a note.
//!
//! The content is made of sections: 4 bytes of a kind, 8 of a length, and as many as that says. Those whose kind a reader does
//! not know it passes over. There are three: 1, [`LibrarySymbols`], 2, [`StoppedBy`], and 3,
//! the name of the program that recorded.

mod native_symbols;
mod stopped_by;

pub use native_symbols::{FunctionSymbol, LibrarySymbols};
pub use stopped_by::StoppedBy;

use thiserror::Error;
use twox_hash::XxHash32;

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"mrv-appx";
/// Length, version, checksum, magic bytes.
const FOOTER_BYTES: usize = 24;

/// Why an appendix is ignored.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AppendixError {
    /// Written by a later version of this project.
    #[error("its appendix has version {0}, which this program does not know; update memray-view")]
    Version(u32),
    /// It does not match its checksum, or is longer than the file.
    #[error("its appendix is damaged")]
    Damaged,
}

/// The content with its footer.
pub fn seal(content: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(content.len() + FOOTER_BYTES);
    sealed.extend_from_slice(content);
    sealed.extend_from_slice(&(content.len() as u64).to_le_bytes());
    sealed.extend_from_slice(&VERSION.to_le_bytes());
    sealed.extend_from_slice(&checksum(&sealed).to_le_bytes());
    sealed.extend_from_slice(MAGIC);
    sealed
}

/// The content of a file's appendix; `None` if it has none.
///
/// # Errors
/// If there is one that cannot be used.
pub fn find(file: &[u8]) -> Result<Option<&[u8]>, AppendixError> {
    let Some(file) = file.strip_suffix(MAGIC) else { return Ok(None) };
    let damaged = AppendixError::Damaged;
    let (file, sum) = file.split_last_chunk().ok_or(damaged)?;
    let (before_version, version) = file.split_last_chunk().ok_or(damaged)?;
    let (before_footer, length) = before_version.split_last_chunk().ok_or(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged)?;
    let start = before_footer.len().checked_sub(length).ok_or(damaged)?;
    if checksum(file.get(start..).unwrap_or_default()) != u32::from_le_bytes(*sum) {
        return Err(damaged);
    }
    match u32::from_le_bytes(*version) {
        VERSION => Ok(before_footer.get(start..)),
        other => Err(AppendixError::Version(other)),
    }
}

/// The kind of sections that hold names of native functions.
const NATIVE_SYMBOLS: u32 = 1;

/// The kind of the section that says why the recording ended before its program.
const STOPPED_BY: u32 = 2;

/// The kind of the section that says which program recorded.
const RECORDER: u32 = 3;

/// No program has a longer name.
const MAX_RECORDER_BYTES: usize = 256;

/// Content that names native functions.
pub fn encode_native_symbols(libraries: &[LibrarySymbols<'_>]) -> Vec<u8> {
    section(NATIVE_SYMBOLS, &native_symbols::encode(libraries))
}

/// Content that says why the recording ended before its program. It may follow other content.
pub fn encode_stopped_by(stopped: StoppedBy) -> Vec<u8> {
    section(STOPPED_BY, &stopped_by::encode(stopped))
}

/// Content that says which program recorded, by name and version. It may follow other content.
pub fn encode_recorder(name: &str) -> Vec<u8> {
    section(RECORDER, name.as_bytes())
}

/// Which program recorded, if content says so.
///
/// # Errors
/// [`AppendixError::Damaged`]
pub fn decode_recorder(content: &[u8]) -> Result<Option<String>, AppendixError> {
    let mut recorder = None;
    for section in Sections(content) {
        if let (RECORDER, name) = section? {
            let name = name.get(..MAX_RECORDER_BYTES).unwrap_or(name);
            recorder = Some(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(recorder)
}

/// The names of native functions that content has.
///
/// # Errors
/// [`AppendixError::Damaged`]
pub fn decode_native_symbols(content: &[u8]) -> Result<Vec<LibrarySymbols<'_>>, AppendixError> {
    let mut libraries = Vec::new();
    for section in Sections(content) {
        if let (NATIVE_SYMBOLS, section) = section? {
            libraries.extend(native_symbols::decode(section)?);
        }
    }
    Ok(libraries)
}

/// Why the recording ended before its program, if content says so.
///
/// # Errors
/// [`AppendixError::Damaged`]
pub fn decode_stopped_by(content: &[u8]) -> Result<Option<StoppedBy>, AppendixError> {
    let mut stopped = None;
    for section in Sections(content) {
        if let (STOPPED_BY, section) = section? {
            stopped = stopped_by::decode(section)?;
        }
    }
    Ok(stopped)
}

fn section(kind: u32, bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(bytes.len() + 12);
    content.extend_from_slice(&kind.to_le_bytes());
    content.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    content.extend_from_slice(bytes);
    content
}

/// Sections of content that is left, with their kinds. After an error there are no more.
struct Sections<'a>(&'a [u8]);

impl<'a> Iterator for Sections<'a> {
    type Item = Result<(u32, &'a [u8]), AppendixError>;

    fn next(&mut self) -> Option<Self::Item> {
        let content = std::mem::take(&mut self.0);
        if content.is_empty() {
            return None;
        }
        let mut split = || {
            let (kind, after) = content.split_first_chunk()?;
            let (length, after) = after.split_first_chunk()?;
            let (section, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
            self.0 = after;
            Some((u32::from_le_bytes(*kind), section))
        };
        Some(split().ok_or(AppendixError::Damaged))
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_found_behind_anything() {
        for (before, content) in [("", "content"), ("the records", "content"), ("the records", "")] {
            let file = [before.as_bytes(), &seal(content.as_bytes())].concat();
            assert_eq!(file.len(), before.len() + content.len() + FOOTER_BYTES);
            assert_eq!(find(&file), Ok(Some(content.as_bytes())));
        }
    }

    #[test]
    fn files_without_one_have_none() {
        for file in [b"".as_slice(), b"short", &[0; 100], b"mrv-appx and then something else"] {
            assert_eq!(find(file), Ok(None));
        }
    }

    #[test]
    fn one_that_is_damaged_anywhere_is_not_used() {
        let file = seal(b"symbols");
        for place in 0..file.len() - MAGIC.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 0x40;
            assert_eq!(find(&damaged), Err(AppendixError::Damaged), "byte {place}");
            assert_eq!(find(&file[place + 1..]), Err(AppendixError::Damaged), "cut at {place}");
        }
        assert_eq!(find(&[&[0xff; 16], MAGIC.as_slice()].concat()), Err(AppendixError::Damaged));
    }

    #[test]
    fn one_of_a_later_version_is_refused_with_its_number() {
        let mut file = seal(b"symbols");
        file[15] = 2;
        let sum = checksum(&file[..19]);
        file[19..23].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(find(&file), Err(AppendixError::Version(2)));
    }

    #[test]
    fn sections_of_unknown_kinds_are_passed_over() {
        let libraries = [LibrarySymbols { path: b"/a.so", ..LibrarySymbols::default() }];
        let symbols = encode_native_symbols(&libraries);
        let unknown = [&7u32.to_le_bytes(), 3u64.to_le_bytes().as_slice(), b"abc"].concat();
        let content = [unknown.as_slice(), &symbols, &unknown].concat();
        assert_eq!(decode_native_symbols(&content), Ok(libraries.to_vec()));
        assert_eq!(decode_native_symbols(&content[..content.len() - 1]), Err(AppendixError::Damaged));
        assert_eq!(decode_native_symbols(b""), Ok(vec![]));
    }

    #[test]
    fn why_a_recording_stopped_stands_beside_other_content() {
        let symbols = encode_native_symbols(&[LibrarySymbols { path: b"/a.so", ..LibrarySymbols::default() }]);
        assert_eq!(decode_stopped_by(&symbols), Ok(None));
        for stopped in [StoppedBy::MaxSize(2 << 30), StoppedBy::Duration(u64::MAX), StoppedBy::WriteError(28)] {
            let content = [symbols.clone(), encode_stopped_by(stopped)].concat();
            assert_eq!(decode_stopped_by(&content), Ok(Some(stopped)));
            assert_eq!(decode_native_symbols(&content).map(|libraries| libraries.len()), Ok(1));
            assert_eq!(decode_stopped_by(&content[..content.len() - 1]), Err(AppendixError::Damaged));
        }
        let named = [encode_recorder("memray-view 1.2"), encode_stopped_by(StoppedBy::Duration(7))].concat();
        assert_eq!(decode_recorder(&named), Ok(Some("memray-view 1.2".to_owned())));
        assert_eq!(decode_stopped_by(&named), Ok(Some(StoppedBy::Duration(7))));
        assert_eq!(decode_recorder(&symbols), Ok(None));
        assert_eq!(
            decode_recorder(&encode_recorder(&"x".repeat(300))).map(|name| name.map_or(0, |it| it.len())),
            Ok(256)
        );
        let later = section(STOPPED_BY, &[4, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode_stopped_by(&later), Ok(None), "a cause that this version does not know");
        assert_eq!(decode_stopped_by(&section(STOPPED_BY, &[1, 2])), Err(AppendixError::Damaged));
        assert_eq!(decode_stopped_by(&section(STOPPED_BY, &[])), Err(AppendixError::Damaged));
    }
}
