// SPDX-License-Identifier: Apache-2.0
//! [`PrivateHeap`]: the tracer's own memory, apart from the program's.
//!
//! The tracer runs inside the program's `malloc`, so it takes no memory from there: whatever the program uses for
//! `malloc` may be broken, replaced, or locked by a `fork` at that moment. Blocks are powers of two, kept in lists by size
//! and cut from chunks that the kernel gives; large ones are mappings of their own. It is used rarely (a new thread, a new
//! code object, a table that grows), so one lock will do.

use crate::lock::Lock;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;

/// The tracer's allocator.
pub(crate) struct PrivateHeap(Lock<Lists>);

#[cfg_attr(not(test), global_allocator)]
static HEAP: PrivateHeap = PrivateHeap::new();

/// What is cut into blocks at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Blocks of this size and larger are mapped one by one.
const MAPPED_BYTES: usize = 128 << 10;

const SMALLEST_LOG2: u32 = 4;
const SIZES: usize = (MAPPED_BYTES.ilog2() - SMALLEST_LOG2) as usize;

struct Lists {
    /// The first free block of each size; each holds the address of the next.
    free: [*mut u8; SIZES],
    chunk: *mut u8,
    chunk_left_bytes: usize,
}

// SAFETY: the blocks in the lists belong to nobody else.
unsafe impl Send for Lists {}

impl PrivateHeap {
    /// One that holds nothing yet.
    pub(crate) const fn new() -> Self {
        Self(Lock::new(Lists { free: [null_mut(); SIZES], chunk: null_mut(), chunk_left_bytes: 0 }))
    }

    /// Takes the lock until [`Self::after_fork`], so that a child finds the lists whole.
    pub(crate) fn before_fork(&self) {
        std::mem::forget(self.0.hold());
    }

    /// Gives the lock back, in parent and child.
    pub(crate) fn after_fork(&self) {
        self.0.release();
    }
}

/// The heap that the tracer uses, for those who fork.
pub(crate) fn heap() -> &'static PrivateHeap {
    &HEAP
}

/// What a request is rounded up to.
fn rounded(layout: Layout) -> usize {
    layout.size().max(layout.align()).max(1 << SMALLEST_LOG2).next_power_of_two()
}

fn list_of(size_bytes: usize) -> usize {
    (size_bytes.ilog2() - SMALLEST_LOG2) as usize
}

/// Fresh zeroed pages, or null.
fn map(size_bytes: usize) -> *mut u8 {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new anonymous mapping touches nothing that exists. This library's own calls are not hooked.
    let address = unsafe { libc::mmap(null_mut(), size_bytes, access, kind, -1, 0) };
    if address == libc::MAP_FAILED { null_mut() } else { address.cast() }
}

impl Lists {
    fn take(&mut self, size_bytes: usize) -> *mut u8 {
        let list = &mut self.free[list_of(size_bytes)];
        if !list.is_null() {
            let block = *list;
            // SAFETY: a block in a list is at least 16 bytes, aligned to its size, and begins with the next one's address.
            *list = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        // Blocks lie at multiples of their size, as chunks are cut from their ends and of sizes that divide them.
        let rest = self.chunk_left_bytes & !(size_bytes - 1);
        if rest < size_bytes {
            let chunk = map(CHUNK_BYTES);
            if chunk.is_null() {
                return null_mut();
            }
            self.chunk = chunk;
            self.chunk_left_bytes = CHUNK_BYTES;
            return self.take(size_bytes);
        }
        self.chunk_left_bytes = rest - size_bytes;
        // SAFETY: what is left of the chunk reaches beyond this place by `size_bytes`.
        unsafe { self.chunk.add(self.chunk_left_bytes) }
    }

    fn give(&mut self, block: *mut u8, size_bytes: usize) {
        let list = &mut self.free[list_of(size_bytes)];
        // SAFETY: the block is nobody's now, and large and aligned enough for an address.
        unsafe { block.cast::<*mut u8>().write(*list) };
        *list = block;
    }
}

// SAFETY: blocks are disjoint, as large and aligned as asked (pages are aligned to 4 KiB, and no layout here asks for more;
// chunks are page-aligned and blocks lie at multiples of their size up to a page).
unsafe impl GlobalAlloc for PrivateHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > 4096 {
            return null_mut();
        }
        let size_bytes = rounded(layout);
        if size_bytes >= MAPPED_BYTES { map(layout.size()) } else { self.0.hold().take(size_bytes) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let size_bytes = rounded(layout);
        if size_bytes >= MAPPED_BYTES {
            // SAFETY: `alloc` mapped this block with this size.
            unsafe { libc::munmap(block.cast(), layout.size()) };
        } else {
            self.0.hold().give(block, size_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_are_apart_aligned_and_used_again(
            requests in prop::collection::vec((1usize..140_000, 0u32..13, any::<bool>()), 1..60),
        ) {
            let heap = PrivateHeap::new();
            let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
            for (number, (size, align_log2, frees_one)) in requests.into_iter().enumerate() {
                let layout = Layout::from_size_align(size, 1 << align_log2).unwrap();
                let fill = number as u8;
                // SAFETY: the layout is not empty; the block is written within its size and freed once, with its layout.
                unsafe {
                    let block = heap.alloc(layout);
                    prop_assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()));
                    block.write_bytes(fill, size);
                    live.push((block, layout, fill));
                    if frees_one {
                        let (block, layout, fill) = live.swap_remove(number % live.len());
                        let bytes = std::slice::from_raw_parts(block, layout.size());
                        prop_assert!(bytes.iter().all(|&byte| byte == fill));
                        heap.dealloc(block, layout);
                    }
                }
            }
        }
    }
}
