// SPDX-License-Identifier: Apache-2.0
//! [`PrivateHeap`]: the tracer's own memory, apart from the program's.
//!
//! The tracer runs inside the program's `malloc`, so it takes no memory from there: whatever the program uses for
//! `malloc` may be broken, replaced, or locked by a `fork` at that moment. Blocks are powers of two, kept in lists by size
//! and cut from chunks that the kernel gives; large ones are mappings of their own. It is used rarely (a new thread, a new
//! code object, a table that grows), so one lock will do.
//!
//! A program may run out of memory and go on, and then the tracer must not end it: a reserve lets it finish what it does, and
//! whoever records asks [`PrivateHeap::is_short`], and stops.

use crate::lock::Lock;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

/// The tracer's allocator.
pub(crate) struct PrivateHeap {
    lists: Lock<Lists>,
    is_short: AtomicBool,
}

#[cfg_attr(not(test), global_allocator)]
static HEAP: PrivateHeap = PrivateHeap::new();

/// What is cut into blocks at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Blocks of this size and larger are mapped one by one.
const MAPPED_BYTES: usize = 128 << 10;

/// Address space that is kept, and not touched, for when the kernel gives no more: for the largest table's next size, and
/// what is needed to end.
const RESERVE_BYTES: usize = 8 << 20;

const SMALLEST_LOG2: u32 = 4;
const SIZES: usize = (MAPPED_BYTES.ilog2() - SMALLEST_LOG2) as usize;

struct Lists {
    /// The first free block of each size; each holds the address of the next.
    free: [*mut u8; SIZES],
    chunk: *mut u8,
    chunk_left_bytes: usize,
    reserve: *mut u8,
    reserve_left_bytes: usize,
}

// SAFETY: the blocks in the lists belong to nobody else.
unsafe impl Send for Lists {}

impl PrivateHeap {
    /// One that holds nothing yet.
    pub(crate) const fn new() -> Self {
        let lists = Lists {
            free: [null_mut(); SIZES],
            chunk: null_mut(),
            chunk_left_bytes: 0,
            reserve: null_mut(),
            reserve_left_bytes: 0,
        };
        Self { lists: Lock::new(lists), is_short: AtomicBool::new(false) }
    }

    /// Sees that the reserve is whole, before it may be needed. Returns whether it is.
    pub(crate) fn reserve(&self) -> bool {
        let mut lists = self.lists.hold();
        if lists.reserve_left_bytes < RESERVE_BYTES {
            // Nothing is given back of one that was begun: blocks of it may be in use.
            let reserve = map(RESERVE_BYTES);
            if reserve.is_null() {
                return false;
            }
            (lists.reserve, lists.reserve_left_bytes) = (reserve, RESERVE_BYTES);
        }
        self.is_short.store(false, Ordering::Relaxed);
        true
    }

    /// Whether the kernel gave no more, and the reserve is being used up.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Takes the lock until [`Self::after_fork`], so that a child finds the lists whole.
    pub(crate) fn before_fork(&self) {
        std::mem::forget(self.lists.hold());
    }

    /// Gives the lock back, in parent and child.
    pub(crate) fn after_fork(&self) {
        self.lists.release();
    }
}

/// The heap that the tracer uses, for those who fork, and for those who ask how much is left.
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

/// Whether the kernel would give so much.
pub(crate) fn has_room(size_bytes: usize) -> bool {
    let block = map(size_bytes);
    // SAFETY: this mapping was just made, and nobody knows of it.
    !block.is_null() && unsafe { libc::munmap(block.cast(), size_bytes) } == 0
}

impl Lists {
    /// Fresh zeroed pages of the reserve, or null. Given back, they are unmapped as others are.
    fn map_reserved(&mut self, size_bytes: usize) -> *mut u8 {
        let size_bytes = size_bytes.next_multiple_of(4096);
        let Some(left) = self.reserve_left_bytes.checked_sub(size_bytes) else { return null_mut() };
        self.reserve_left_bytes = left;
        // SAFETY: what is left of the reserve reaches beyond this place by `size_bytes`.
        unsafe { self.reserve.add(left) }
    }

    fn take(&mut self, size_bytes: usize, is_short: &AtomicBool) -> *mut u8 {
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
            let mut chunk = map(CHUNK_BYTES);
            if chunk.is_null() {
                is_short.store(true, Ordering::Relaxed);
                chunk = self.map_reserved(CHUNK_BYTES);
            }
            if chunk.is_null() {
                return null_mut();
            }
            self.chunk = chunk;
            self.chunk_left_bytes = CHUNK_BYTES;
            return self.take(size_bytes, is_short);
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
        if size_bytes < MAPPED_BYTES {
            return self.lists.hold().take(size_bytes, &self.is_short);
        }
        let block = map(layout.size());
        if !block.is_null() {
            return block;
        }
        self.is_short.store(true, Ordering::Relaxed);
        self.lists.hold().map_reserved(layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let size_bytes = rounded(layout);
        if size_bytes >= MAPPED_BYTES {
            // SAFETY: `alloc` mapped this block with this size.
            unsafe { libc::munmap(block.cast(), layout.size()) };
        } else {
            self.lists.hold().give(block, size_bytes);
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
