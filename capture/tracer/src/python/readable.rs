// SPDX-License-Identifier: Apache-2.0
//! [`Readable`]: whether memory can be read, asked of the kernel.
//!
//! The self-test follows pointers by a layout that may not be this interpreter's. The kernel reads for us first: a `write`
//! from an address that cannot be read is refused, where a read of our own would end the program.

use super::frames::ThisThread;
use super::layout::{Layout, TextLayout};
use super::text::{self, Characters};
use super::{frames, memory};
use std::ffi::c_int;

/// Asks the kernel.
pub(super) struct Readable {
    read_end: c_int,
    write_end: c_int,
}

/// What is read of a structure ends here, or before.
const MOST_BYTES: usize = 1024;

const WORD: usize = size_of::<usize>();

/// The least size that pages have.
const PAGE_BYTES: usize = 4096;

/// More frames than any program has when it begins to be traced.
const MOST_FRAMES: usize = 1 << 16;

impl Readable {
    /// Nothing if the process may not open files.
    pub(super) fn new() -> Option<Self> {
        let mut ends = [0; 2];
        // SAFETY: writes two numbers.
        let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) };
        (result == 0).then_some(Self { read_end: ends[0], write_end: ends[1] })
    }

    /// Whether a structure of so many bytes at an address can be read.
    pub(super) fn has(&self, address: usize, length: usize) -> bool {
        address != 0 && address.is_multiple_of(WORD) && self.has_some(address, length)
    }

    /// Whether so many bytes, of which there are few, can be read.
    fn has_some(&self, address: usize, length: usize) -> bool {
        let mut drain = [0u8; MOST_BYTES];
        if length > MOST_BYTES {
            return false;
        }
        let from = std::ptr::with_exposed_provenance(address);
        // SAFETY: the kernel checks the address that is read from; the one that is written to is ours.
        unsafe {
            let written = libc::write(self.write_end, from, length);
            libc::read(self.read_end, drain.as_mut_ptr().cast(), MOST_BYTES);
            written == length as isize
        }
    }

    /// Whether all that a walk of the calling thread's frames reads can be read, and the walk ends.
    pub(super) fn has_stack(&self, this_thread: &ThisThread, layout: &Layout) -> bool {
        let state = this_thread.state(layout);
        if !self.has(state, layout.thread.current + WORD) {
            return false;
        }
        if let Some(current) = layout.thread.current_in_holder {
            // SAFETY: the kernel has just read it.
            let holder = unsafe { memory::read(state + layout.thread.current) };
            if !self.has(holder, current + WORD) {
                return false;
            }
        }
        let frame_bytes = layout.frame.bytes();
        let mut frame = this_thread.current_frame(layout);
        for _ in 0..MOST_FRAMES {
            if frame == 0 {
                return true;
            }
            if !self.has(frame, frame_bytes) {
                return false;
            }
            // SAFETY: the kernel has just read it.
            let (raw, has_code) =
                unsafe { (frames::read(frame, &layout.frame), frames::has_code(frame, &layout.frame)) };
            if has_code && !self.has(raw.code, layout.code.bytes()) {
                return false;
            }
            frame = raw.previous;
        }
        false
    }

    /// Whether what a code object says of itself can be read.
    pub(super) fn has_text(&self, code: usize, layout: &Layout) -> bool {
        let (members, text) = (&layout.code, &layout.text);
        // SAFETY: the kernel reads the code object and the objects before their members are read.
        unsafe {
            self.has(code, members.bytes())
                && self.has_string(memory::read(code + members.name), text)
                && self.has_string(memory::read(code + members.file), text)
                && self.has_table(memory::read(code + members.line_table), text)
        }
    }

    fn has_string(&self, string: usize, layout: &TextLayout) -> bool {
        if !self.has(string, layout.state + WORD / 2) {
            return false;
        }
        // SAFETY: the kernel has just read it.
        if !unsafe { Characters::follow(string, layout) } && !self.has(string, layout.wide + WORD) {
            return false;
        }
        // SAFETY: as above.
        let characters = unsafe { Characters::of(string, layout) };
        self.has_pages(characters.address, characters.length_bytes())
    }

    fn has_table(&self, table: usize, layout: &TextLayout) -> bool {
        // SAFETY: the kernel reads it before its members are read.
        self.has(table, layout.bytes_length + WORD)
            && self.has_pages(table + layout.bytes, unsafe { text::bytes_length(table, layout) })
    }

    /// Whether so many bytes from an address on can be read, as far as pages tell.
    fn has_pages(&self, address: usize, length: usize) -> bool {
        let Some(end) = address.checked_add(length) else { return false };
        let pages = (address..end).step_by(PAGE_BYTES);
        pages.chain(end.checked_sub(1)).all(|byte| self.has_some(byte, 1))
    }
}

impl Drop for Readable {
    fn drop(&mut self) {
        // SAFETY: the ends are open, and nobody else's.
        unsafe {
            libc::close(self.read_end);
            libc::close(self.write_end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_asked_for() {
        let readable = Readable::new().unwrap();
        // SAFETY: a new mapping, whose second page is given back.
        let pages = unsafe {
            let (access, kind) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let pages = libc::mmap(std::ptr::null_mut(), 2 * PAGE_BYTES, access, kind, -1, 0);
            libc::munmap(pages.byte_add(PAGE_BYTES), PAGE_BYTES);
            pages.expose_provenance()
        };
        assert!(readable.has_pages(pages + 10, PAGE_BYTES - 10));
        assert!(!readable.has_pages(pages + 10, PAGE_BYTES - 9));
        assert!(!readable.has_pages(pages + 10, usize::MAX));
        assert!(readable.has_pages(pages + 10, 0));
    }

    #[test]
    fn what_cannot_be_read_is_told_without_reading_it() {
        let readable = Readable::new().unwrap();
        let structure = vec![1u64; MOST_BYTES / 8];
        let address = structure.as_ptr().expose_provenance();
        assert!(readable.has(address, MOST_BYTES));
        assert!(!readable.has(address, MOST_BYTES + 1));
        for address in [0, 8, 4, 1 << 47, usize::MAX & !7] {
            assert!(!readable.has(address, 8), "{address:#x}");
        }
        // So it is a hundred times on: what was written is taken out again.
        assert!((0..1000).all(|_| readable.has(address, MOST_BYTES)));
    }
}
