// SPDX-License-Identifier: Apache-2.0
//! Reads of the interpreter's memory, at addresses that its own structures give; and the one write.

/// The value at an address.
///
/// # Safety
/// The address holds such a value, and nobody writes it meanwhile.
#[inline(always)]
pub(super) unsafe fn read<T: Copy>(address: usize) -> T {
    // SAFETY: as the caller promises. Fields of C structures are aligned; this does not rely on it.
    unsafe { std::ptr::with_exposed_provenance::<T>(address).read_unaligned() }
}

/// Bytes from an address on.
///
/// # Safety
/// So many bytes lie there, and nobody writes them meanwhile.
pub(super) unsafe fn bytes(address: usize, length: usize) -> Vec<u8> {
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance::<u8>(address), length) }.to_vec()
}

/// Writes a value at an address.
///
/// # Safety
/// There is room for such a value, which nobody reads or writes meanwhile, and nobody takes for another.
#[inline(always)]
pub(super) unsafe fn write<T: Copy>(address: usize, value: T) {
    // SAFETY: as the caller promises.
    unsafe { std::ptr::with_exposed_provenance_mut::<T>(address).write_unaligned(value) };
}
