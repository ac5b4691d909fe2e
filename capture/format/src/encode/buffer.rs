// SPDX-License-Identifier: Apache-2.0
//! A caller's buffer being filled with the format's primitives.
//!
//! Callers make sure of the room first ([`super::RecordEncoder::bound`]), so that filling cannot fail midway.

/// Bytes written so far into a slice that is known to be long enough.
pub(super) struct Buffer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// How many bytes were written.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.out[self.len] = byte;
        self.len += 1;
    }

    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// A string, ended by NUL.
    pub(super) fn string(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
        self.byte(0);
    }

    #[inline]
    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// LEB128, at most 10 bytes.
    #[inline]
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    /// LEB128 of the zig-zag form.
    #[inline]
    pub(super) fn signed_varint(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// The difference to the field's last value, which it becomes.
    #[inline]
    pub(super) fn delta(&mut self, last: &mut u64, value: u64) {
        self.signed_varint(value.wrapping_sub(*last) as i64);
        *last = value;
    }
}
