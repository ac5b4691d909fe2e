// SPDX-License-Identifier: Apache-2.0
//! [`Pen`]: where in the file's mapping the next record goes, and how it gets there.
//!
//! Readers take a zero where a record should begin for the end. A record is made elsewhere, and put there at once
//! ([`super::store`]).
//!
//! All of it lies in a page that the kernel empties in a forked child: even one that was forked behind this library's back
//! finds no place to write to in its parent's file.

use super::store::{STORE_BYTES, store_16, store_record};
use std::ptr::{NonNull, null_mut};

/// The longest record that is made in [`Pen::room`].
pub(super) const ROOM_BYTES: usize = 4096;

/// What lies in the page.
struct Page {
    /// In the file's mapping.
    next: *mut u8,
    /// So far records may go.
    end: *mut u8,
    room: [u8; ROOM_BYTES],
}

impl Page {
    #[inline(always)]
    fn left_bytes(&self) -> usize {
        // Never negative: no record goes further.
        self.end.addr().wrapping_sub(self.next.addr())
    }
}

/// The place in a file's mapping that the next record goes to.
pub(super) struct Pen(NonNull<Page>);

// SAFETY: the page belongs to this value.
unsafe impl Send for Pen {}

impl Pen {
    /// A pen without a place to write to.
    pub(super) fn new() -> std::io::Result<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new anonymous mapping touches nothing that exists.
        let address = unsafe { libc::mmap(null_mut(), size_of::<Page>(), access, kind, -1, 0) };
        let Some(page) = NonNull::new(address.cast::<Page>()).filter(|_| address != libc::MAP_FAILED) else {
            return Err(std::io::Error::last_os_error());
        };
        // A kernel that cannot do this (before 4.14) leaves the child what it has: the library's own fork handler helps.
        // SAFETY: the mapping was just made. All zeros are a page's value: no place, no bytes left.
        unsafe { libc::madvise(address, size_of::<Page>(), libc::MADV_WIPEONFORK) };
        Ok(Self(page))
    }

    #[inline]
    fn page(&self) -> &Page {
        // SAFETY: the mapping lives as long as `self`, is never anything but a page, and is borrowed with it.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    fn page_mut(&mut self) -> &mut Page {
        // SAFETY: as for `page`.
        unsafe { self.0.as_mut() }
    }

    /// Goes on at `next`, where `left_bytes` can be written and [`STORE_BYTES`] more be overwritten; all of them zeros.
    ///
    /// # Safety
    /// They must be mapped and nobody else's until the next call.
    pub(super) unsafe fn put(&mut self, next: *mut u8, left_bytes: usize) {
        *self.page_mut() = Page { next, end: next.wrapping_add(left_bytes), room: [0; ROOM_BYTES] };
    }

    /// Adds to what is left.
    ///
    /// # Safety
    /// As for [`Self::put`].
    pub(super) unsafe fn add(&mut self, more_bytes: usize) {
        let page = self.page_mut();
        page.end = page.end.wrapping_add(more_bytes);
    }

    /// Whether this process was forked from the one that writes.
    pub(super) fn is_wiped(&self) -> bool {
        self.page().next.is_null()
    }

    /// The address that the next record goes to.
    pub(super) fn next(&self) -> *mut u8 {
        self.page().next
    }

    /// How much can be written.
    #[inline]
    pub(super) fn left_bytes(&self) -> usize {
        self.page().left_bytes()
    }

    /// Where a record is made.
    #[inline]
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.page_mut().room
    }

    /// Writes the first `bytes` of the room.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        let page = self.page_mut();
        if let Some(record) = page.room.get(..bytes.min(page.left_bytes())) {
            // SAFETY: as `put` promised, for no more than is left. The room's length is a multiple of what is stored at once.
            unsafe { store_record(page.next, record.as_ptr(), record.len()) };
            page.next = page.next.wrapping_add(record.len());
        }
    }

    /// Writes a record of up to 16 bytes that is a number, with zeros behind; nothing if less is left.
    #[inline]
    pub(super) fn write_short(&mut self, bits: u128, bytes: usize) {
        let page = self.page_mut();
        if bytes <= page.left_bytes().min(STORE_BYTES) {
            // SAFETY: as `put` promised, so much is left, and what is overwritten behind it are zeros, by zeros.
            unsafe { store_16(page.next, bits.to_le_bytes()) };
            page.next = page.next.wrapping_add(bytes);
        }
    }

    /// Writes a record made anywhere, or its beginning if less is left; returns how much.
    pub(super) fn write(&mut self, record: &[u8]) -> usize {
        let page = self.page_mut();
        let (record, _) = record.split_at(record.len().min(page.left_bytes()));
        let (whole, rest) = record.split_at(record.len() - record.len() % STORE_BYTES);
        let mut last = [0; STORE_BYTES];
        last[..rest.len()].copy_from_slice(rest);
        // SAFETY: as for `advance`; both are readable for a multiple of what is stored at once.
        unsafe {
            store_record(page.next, whole.as_ptr(), whole.len());
            store_record(page.next.add(whole.len()), last.as_ptr(), rest.len());
        }
        page.next = page.next.wrapping_add(record.len());
        record.len()
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        // SAFETY: this value made the mapping, and nobody borrows from it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<Page>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_all_lengths_follow_each_other_and_leave_zeros_behind_them() {
        let mut memory = vec![0_u8; 70_000];
        let mut pen = Pen::new().unwrap();
        assert!(pen.is_wiped(), "no place yet");
        // SAFETY: the memory outlives the pen's use of it.
        unsafe { pen.put(memory.as_mut_ptr(), memory.len() - STORE_BYTES) };
        let mut expected = Vec::new();
        for length in (0..40).chain([255, 4000, ROOM_BYTES]) {
            let record: Vec<u8> = (0..length).map(|number| number as u8 | 1).collect();
            pen.room()[..length].copy_from_slice(&record);
            pen.room()[length..].fill(0xee);
            pen.advance(length);
            assert_eq!(pen.write(&record), length);
            expected.extend([&record[..], &record].concat());
            let short = &record[..length.min(STORE_BYTES)];
            let mut bytes = [0; STORE_BYTES];
            bytes[..short.len()].copy_from_slice(short);
            pen.write_short(u128::from_le_bytes(bytes), short.len());
            expected.extend(short);
        }
        assert_eq!(pen.left_bytes(), memory.len() - STORE_BYTES - expected.len());
        assert!(memory[..expected.len()] == expected);
        assert!(memory[expected.len()..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn no_more_is_written_than_there_is_room_for() {
        let mut memory = [0_u8; 20 + STORE_BYTES];
        let mut pen = Pen::new().unwrap();
        // SAFETY: as above.
        unsafe { pen.put(memory.as_mut_ptr(), 20) };
        assert_eq!(pen.write(&[7; 13]), 13);
        pen.room().fill(9);
        pen.advance(100);
        pen.write_short(8, 1);
        assert_eq!((pen.left_bytes(), pen.write(&[8; 5])), (0, 0));
        assert_eq!(memory[..], [[7; 13].as_slice(), &[9; 7], &[0; 16]].concat());
    }
}
