// SPDX-License-Identifier: Apache-2.0
//! Strings and bytes of the interpreter, read where they lie.

use super::layout::TextLayout;
use super::memory;

/// The longest name of a file or function that is read, in characters.
const LONGEST_NAME: usize = 1 << 16;

/// The longest table of lines that is read. A code object that needs more has some hundred thousand lines.
const LONGEST_TABLE: usize = 1 << 24;

/// `PyUnicodeObject.state`, from the lowest bit: two of `interned`, three of `kind`, `compact`, `ascii`.
const KIND_SHIFT: u32 = 2;
const COMPACT: u32 = 1 << 5;
const ASCII: u32 = 1 << 6;

/// Where a string's characters lie.
#[derive(Clone, Copy)]
pub(super) struct Characters {
    pub(super) address: usize,
    length: usize,
    /// How large each is.
    bytes: usize,
}

impl Characters {
    /// Whether they follow the string's head, and do not lie elsewhere.
    ///
    /// # Safety
    /// The address is that of a live `str`.
    pub(super) unsafe fn follow(string: usize, layout: &TextLayout) -> bool {
        // SAFETY: as the caller promises.
        unsafe { memory::read::<u32>(string + layout.state) & COMPACT != 0 }
    }

    /// Of a `str`.
    ///
    /// # Safety
    /// The address is that of a live `str`.
    pub(super) unsafe fn of(string: usize, layout: &TextLayout) -> Self {
        // SAFETY: as the caller promises.
        unsafe {
            let state: u32 = memory::read(string + layout.state);
            let address = match (state & COMPACT != 0, state & ASCII != 0) {
                (true, true) => string + layout.ascii,
                (true, false) => string + layout.wide,
                (false, _) => memory::read(string + layout.wide),
            };
            let length = memory::read::<usize>(string + layout.length).min(LONGEST_NAME);
            Self { address, length, bytes: (state >> KIND_SHIFT & 7) as usize }
        }
    }

    pub(super) fn length_bytes(&self) -> usize {
        self.length * self.bytes
    }

    /// # Safety
    /// The characters are there.
    unsafe fn read(&self) -> Vec<u8> {
        let Self { address, length, bytes } = *self;
        // SAFETY: as the caller promises.
        unsafe {
            match bytes {
                _ if address == 0 => Vec::new(),
                1 => utf8(length, |at| u32::from(memory::read::<u8>(address + at))),
                2 => utf8(length, |at| u32::from(memory::read::<u16>(address + at * 2))),
                4 => utf8(length, |at| memory::read::<u32>(address + at * 4)),
                _ => Vec::new(),
            }
        }
    }
}

/// A `str` as UTF-8, whatever the interpreter keeps it as. What has no UTF-8, a lone surrogate, is replaced.
///
/// # Safety
/// The address is 0 or that of a live `str`.
pub(super) unsafe fn string(address: usize, layout: &TextLayout) -> Vec<u8> {
    if address == 0 {
        return Vec::new();
    }
    // SAFETY: as the caller promises. A string's characters do not change.
    unsafe { Characters::of(address, layout).read() }
}

fn utf8(length: usize, character: impl Fn(usize) -> u32) -> Vec<u8> {
    let characters = (0..length).map(character);
    let text: String = characters.map(|it| char::from_u32(it).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.into_bytes()
}

/// A `bytes`.
///
/// # Safety
/// The address is 0 or that of a live `bytes`.
pub(super) unsafe fn bytes(address: usize, layout: &TextLayout) -> Vec<u8> {
    if address == 0 {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { memory::bytes(address + layout.bytes, bytes_length(address, layout)) }
}

/// How long a `bytes` is.
///
/// # Safety
/// The address is that of a live `bytes`.
pub(super) unsafe fn bytes_length(address: usize, layout: &TextLayout) -> usize {
    // SAFETY: as the caller promises.
    unsafe { memory::read::<usize>(address + layout.bytes_length) }.min(LONGEST_TABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: TextLayout = TextLayout { length: 16, state: 32, ascii: 40, wide: 56, bytes_length: 16, bytes: 32 };

    /// An object as 3.12 lays it out.
    fn object(length: u64, kind: u32, flags: u32, characters: &[u8]) -> Vec<u8> {
        let mut object = vec![0; if flags & ASCII == 0 { 56 } else { 40 }];
        object[16..24].copy_from_slice(&length.to_ne_bytes());
        object[32..36].copy_from_slice(&(kind << KIND_SHIFT | flags | 1).to_ne_bytes());
        object.extend_from_slice(characters);
        object
    }

    fn read(object: &[u8]) -> Vec<u8> {
        // SAFETY: it is as long as its length says.
        unsafe { string(object.as_ptr().expose_provenance(), &LAYOUT) }
    }

    #[test]
    fn every_kind_of_string_is_read_as_utf_8() {
        assert_eq!(read(&object(4, 1, COMPACT | ASCII, b"main")), b"main");
        assert_eq!(read(&object(2, 1, COMPACT, &[0xfc, b'n'])), "ün".as_bytes());
        assert_eq!(read(&object(2, 2, COMPACT, &[0x34, 0x12, 0x41, 0])), "\u{1234}A".as_bytes());
        assert_eq!(read(&object(1, 4, COMPACT, &0x1f600u32.to_ne_bytes())), "😀".as_bytes());
        assert_eq!(read(&object(2, 2, COMPACT, &[0x00, 0xd8, 0x41, 0])), "\u{fffd}A".as_bytes());
        assert_eq!(read(&object(0, 1, COMPACT | ASCII, b"")), b"");
        let elsewhere = *b"far";
        let address = elsewhere.as_ptr().expose_provenance().to_ne_bytes();
        assert_eq!(read(&object(3, 1, 0, &address)), b"far");
    }

    #[test]
    fn no_object_is_no_text() {
        // SAFETY: there is no object.
        unsafe { assert_eq!((string(0, &LAYOUT), bytes(0, &LAYOUT)), (Vec::new(), Vec::new())) };
    }
}
