// SPDX-License-Identifier: Apache-2.0
//! Columns of numbers, packed: [`Packed`]. All numbers of one have the same count of bits, as few as their range needs, so that
//! any is found by its row, and what is stored need not be unpacked to be read. This module is the only one that knows how
//! `bincode` stores them; those who do store them derive its traits.

use crate::columns::CHUNK_ROWS;
use crate::error::Error;
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{Decode, Encode};

/// No chunk is larger; a hostile index cannot make us allocate more.
const CODEC: Configuration<LittleEndian, Varint, Limit<{ CHUNK_ROWS * 128 }>> =
    bincode::config::standard().with_limit::<{ CHUNK_ROWS * 128 }>();

/// Columns as stored.
pub(crate) fn encode(columns: &impl Encode) -> Result<Vec<u8>, Error> {
    bincode::encode_to_vec(columns, CODEC).map_err(|error| Error::Write(error.to_string()))
}

/// Columns from what was stored; `None` if that is not of one piece.
pub(crate) fn decode<Columns: Decode<()>>(data: &[u8]) -> Option<Columns> {
    let (columns, used) = bincode::decode_from_slice(data, CODEC).ok()?;
    (used == data.len()).then_some(columns)
}

/// Numbers, each in as many bits as the largest of them is beyond the least.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Packed {
    least: u64,
    bits: u8,
    data: Vec<u8>,
}

/// A number is read with the seven bytes after its first.
const PADDING: usize = 8;

/// More bits than this, at any place in a byte, do not lie in eight bytes: then all 64 are stored.
const MAX_ODD_BITS: u32 = 57;

impl Packed {
    /// Packs numbers.
    pub(crate) fn new(numbers: impl Iterator<Item = u64> + Clone) -> Self {
        let least = numbers.clone().min().unwrap_or(0);
        let most = numbers.clone().max().unwrap_or(0);
        let bits = match u64::BITS - (most - least).leading_zeros() {
            bits @ 0..=MAX_ODD_BITS => bits,
            _ => u64::BITS,
        } as usize;
        let mut data = vec![0; numbers.clone().count() * bits / 8 + PADDING];
        for (row, number) in numbers.enumerate() {
            let at = row * bits;
            let place = &mut data[at / 8..][..8];
            let mut word = [0; 8];
            word.copy_from_slice(place);
            let word = u64::from_le_bytes(word) | (number - least) << (at % 8);
            place.copy_from_slice(&word.to_le_bytes());
        }
        Self { least, bits: bits as u8, data }
    }

    /// Whether it is what [`Self::new`] makes of so many numbers.
    pub(crate) fn has(&self, rows: usize) -> bool {
        let bits = u32::from(self.bits);
        (bits <= MAX_ODD_BITS || bits == u64::BITS) && self.data.len() == rows * bits as usize / 8 + PADDING
    }

    /// Memory that it takes besides itself.
    pub(crate) fn size_bytes(&self) -> usize {
        self.data.capacity()
    }

    /// The numbers, about to be read.
    #[inline]
    pub(crate) fn numbers(&self) -> Numbers<'_> {
        let bits = usize::from(self.bits);
        let mask = if bits == 0 { 0 } else { u64::MAX >> (64 - bits) };
        Numbers { data: &self.data, bits, mask, least: self.least }
    }
}

/// [`Packed`] numbers, about to be read.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a> {
    data: &'a [u8],
    bits: usize,
    mask: u64,
    least: u64,
}

impl Numbers<'_> {
    /// The number of a row.
    #[inline(always)]
    pub(crate) fn get(&self, row: usize) -> u64 {
        let at = row * self.bits;
        let mut word = [0; 8];
        word.copy_from_slice(&self.data[at / 8..at / 8 + 8]);
        self.least.wrapping_add(u64::from_le_bytes(word) >> (at % 8) & self.mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_of_any_width_are_packed_and_found(numbers in prop::collection::vec(any::<u64>(), 1..40), by in 0u32..64) {
            let numbers: Vec<u64> = numbers.into_iter().map(|number| number >> by).collect();
            let packed = Packed::new(numbers.iter().copied());
            prop_assert!(packed.has(numbers.len()));
            prop_assert_eq!((0..numbers.len()).map(|row| packed.numbers().get(row)).collect::<Vec<_>>(), numbers);
        }
    }
}
