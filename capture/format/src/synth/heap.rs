// SPDX-License-Identifier: Apache-2.0
//! Addresses as a real allocator gives them out: 16-byte aligned, neighbours for blocks of one size, the block freed
//! last given out first.

/// Each size class takes this much address space at a time, or one block if that is larger.
const RUN_BYTES: u64 = 64 * 1024;
const CLASSES: usize = 128;

pub(super) struct Heap {
    classes: Vec<Class>,
    top: u64,
}

#[derive(Clone, Default)]
struct Class {
    /// Most recently freed last.
    free: Vec<u64>,
    next: u64,
    end: u64,
}

impl Heap {
    pub(super) fn new(base: u64) -> Self {
        Self { classes: vec![Class::default(); CLASSES], top: base }
    }

    /// An address for a block of that size.
    #[inline]
    pub(super) fn allocate(&mut self, size_bytes: u64) -> u64 {
        let (index, block_bytes) = class(size_bytes);
        let class = &mut self.classes[index];
        if let Some(address) = class.free.pop() {
            return address;
        }
        if class.next + block_bytes > class.end {
            class.next = self.top;
            class.end = self.top + RUN_BYTES.max(block_bytes);
            self.top = class.end;
        }
        let address = class.next;
        class.next += block_bytes;
        address
    }

    /// Takes a block back.
    #[inline]
    pub(super) fn free(&mut self, address: u64, size_bytes: u64) {
        let (index, _) = class(size_bytes);
        self.classes[index].free.push(address);
    }
}

/// The class of a size, and its blocks' length: multiples of 16 up to 512, then four steps to each power of two.
#[inline]
fn class(size_bytes: u64) -> (usize, u64) {
    let size = size_bytes.clamp(1, 1 << 32);
    if size <= 512 {
        let index = (size - 1) / 16;
        return (index as usize, (index + 1) * 16);
    }
    let power = 63 - (size - 1).leading_zeros(); // 2^power <= size - 1
    let step = 1u64 << (power - 2);
    let quarter = ((size - 1) >> (power - 2)) & 3;
    let index = 32 + (power as usize - 9) * 4 + quarter as usize;
    (index, (1 << power) + (quarter + 1) * step)
}
