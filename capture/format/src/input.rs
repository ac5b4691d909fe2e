// SPDX-License-Identifier: Apache-2.0
//! How the decoders take bytes: numbers of the format, read from an [`Input`].
//!
//! There are two inputs with one set of decoders above them. [`Window`] holds [`WINDOW_BYTES`] bytes, more than any
//! record without text takes, so it never runs out and needs no checks; nearly all records are read from it. [`Bytes`]
//! knows its end and reads the rest: records with text, and whatever stands near the end of a chunk.

use std::ffi::CStr;

/// More than the longest record that is read from a [`Window`]: a token, an allocator and three varints.
pub(crate) const WINDOW_BYTES: usize = 64;

/// No name, path or line table of a real program is longer.
pub(crate) const MAX_TEXT_BYTES: usize = 64 << 20;

/// Why a record was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It goes on after the bytes at hand.
    Incomplete(Need),
    /// No writer would write this.
    Damaged(&'static str),
}

/// What an incomplete record waits for, so that a long text that arrives in small pieces is not searched anew with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To be at least so many bytes long.
    Bytes(usize),
    /// A NUL among the bytes to come, or to be so many bytes long, which are too many.
    NulBefore(usize),
}

/// Bytes of a record, taken from the front.
pub(crate) trait Input<'a> {
    fn byte(&mut self) -> Result<u8, Stop>;
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Stop>;

    /// An unsigned LEB128 number of at most 64 bits. Bits beyond the 64th are dropped, as the format's own reader does.
    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Stop> {
        // Most numbers have up to three bytes. The bit that says that a byte is not the last is taken off afterwards.
        let first = u64::from(self.byte()?);
        if first < 0x80 {
            return Ok(first);
        }
        let second = u64::from(self.byte()?);
        let two = first + (second << 7) - 0x80;
        if second < 0x80 {
            return Ok(two);
        }
        let third = u64::from(self.byte()?);
        let three = two + (third << 14) - (0x80 << 7);
        if third < 0x80 {
            return Ok(three);
        }
        self.varint_from_fourth(three - (0x80 << 14))
    }

    /// The rest of a number whose first three bytes are known.
    #[inline(always)]
    fn varint_from_fourth(&mut self, first_three: u64) -> Result<u64, Stop> {
        let mut number = first_three;
        let mut shift = 21;
        loop {
            if shift >= 64 {
                return Err(LONG_VARINT);
            }
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return Ok(number);
            }
        }
    }

    /// A signed (zig-zag) LEB128 number.
    #[inline(always)]
    fn signed_varint(&mut self) -> Result<i64, Stop> {
        let number = self.varint()?;
        Ok(((number >> 1) as i64) ^ -((number & 1) as i64))
    }

    /// A number written as the difference from the last of its kind.
    #[inline(always)]
    fn delta(&mut self, last: &mut u64) -> Result<u64, Stop> {
        *last = last.wrapping_add(self.signed_varint()? as u64);
        Ok(*last)
    }

    #[inline(always)]
    fn u64(&mut self) -> Result<u64, Stop> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    #[inline(always)]
    fn i32(&mut self) -> Result<i32, Stop> {
        Ok(i32::from_le_bytes(self.bytes()?))
    }
}

const LONG_VARINT: Stop = Stop::Damaged("a number is longer than 64 bits");

/// Enough bytes for any record without text.
pub(crate) struct Window<'a> {
    bytes: &'a [u8; WINDOW_BYTES],
    position: usize,
}

impl<'a> Window<'a> {
    #[inline(always)]
    pub(crate) fn after_token(bytes: &'a [u8; WINDOW_BYTES]) -> Self {
        Self { bytes, position: 1 }
    }

    /// Bytes taken so far.
    #[inline(always)]
    pub(crate) fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Input<'a> for Window<'a> {
    #[inline(always)]
    fn byte(&mut self) -> Result<u8, Stop> {
        // The mask never changes a position (see WINDOW_BYTES); it proves to the compiler that it lies within.
        let byte = self.bytes[self.position & (WINDOW_BYTES - 1)];
        self.position += 1;
        Ok(byte)
    }

    #[inline(always)]
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }
}

/// Where the first NUL is.
pub(crate) fn find_nul(bytes: &[u8]) -> Option<usize> {
    // The standard library's fast search.
    CStr::from_bytes_until_nul(bytes).ok().map(CStr::count_bytes)
}

/// Bytes with an end.
pub(crate) struct Bytes<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes taken so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.position.checked_add(length).ok_or(Stop::Damaged("a length is beyond any memory"))?;
        let taken = self.bytes.get(self.position..end).ok_or(Stop::Incomplete(Need::Bytes(end)))?;
        self.position = end;
        Ok(taken)
    }

    /// The bytes up to the next NUL, which is taken too.
    pub(crate) fn text(&mut self) -> Result<&'a [u8], Stop> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let searched = rest.get(..=MAX_TEXT_BYTES).unwrap_or(rest);
        match find_nul(searched) {
            Some(length) => {
                self.position += length + 1;
                Ok(&searched[..length])
            }
            None if searched.len() > MAX_TEXT_BYTES => Err(Stop::Damaged("a name is longer than 64 MiB")),
            None => Err(Stop::Incomplete(Need::NulBefore(self.position + MAX_TEXT_BYTES + 1))),
        }
    }

    /// Bytes preceded by their number.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], Stop> {
        let length = self.varint()?;
        match usize::try_from(length) {
            Ok(length) if length <= MAX_TEXT_BYTES => self.take(length),
            _ => Err(Stop::Damaged("a line table is longer than 64 MiB")),
        }
    }
}

impl<'a> Input<'a> for Bytes<'a> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = *self.bytes.get(self.position).ok_or(Stop::Incomplete(Need::Bytes(self.position + 1)))?;
        self.position += 1;
        Ok(byte)
    }

    #[inline]
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let incomplete = Stop::Incomplete(Need::Bytes(self.position + N));
        let taken = *self.bytes.get(self.position..).and_then(|rest| rest.first_chunk::<N>()).ok_or(incomplete)?;
        self.position += N;
        Ok(taken)
    }
}
