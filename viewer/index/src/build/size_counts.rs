// SPDX-License-Identifier: Apache-2.0
//! How many allocations there were of each size: [`SizeCounts`], a plain array for the small ones that nearly all are.

use rustc_hash::FxHashMap;

/// Sizes below are counted in a plain array.
const SMALL_SIZES: usize = 4096;

/// Distinct larger sizes that are counted exactly.
const MAX_DISTINCT_SIZES: usize = 1 << 18;

/// Allocations by size.
pub(crate) struct SizeCounts {
    /// Of small sizes; behind them, a place for what is no allocation.
    small: Box<[u64; SMALL_SIZES + 1]>,
    large: FxHashMap<u64, u64>,
    /// Of large sizes, by power of two.
    buckets: Vec<u64>,
}

impl SizeCounts {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { small: Box::new([0; SMALL_SIZES + 1]), large: FxHashMap::default(), buckets: vec![0; 65] }
    }

    /// Whether [`Self::add_small`] takes it.
    #[inline(always)]
    pub(crate) fn is_small(size_bytes: u64) -> bool {
        size_bytes < SMALL_SIZES as u64
    }

    /// Counts an allocation of a small size, and what is a free not; without a branch on which it is.
    #[inline(always)]
    pub(crate) fn add_small(&mut self, size_bytes: u64, is_free: bool) {
        let if_free = 0usize.wrapping_sub(usize::from(is_free));
        self.small[(size_bytes as usize & !if_free) | (SMALL_SIZES & if_free)] += 1;
    }

    /// Counts an allocation.
    pub(crate) fn add(&mut self, size_bytes: u64) {
        if Self::is_small(size_bytes) {
            self.add_small(size_bytes, false);
            return;
        }
        self.buckets[bucket(size_bytes)] += 1;
        let is_exact = self.large.len() < MAX_DISTINCT_SIZES || self.large.contains_key(&size_bytes);
        let counted_as = if is_exact { size_bytes } else { rounded(size_bytes) };
        *self.large.entry(counted_as).or_default() += 1;
    }

    /// Sizes with their number of allocations, by size, and those by power of two.
    pub(crate) fn finish(mut self) -> (Vec<(u64, u64)>, Vec<u64>) {
        let mut sizes: Vec<(u64, u64)> = Vec::new();
        for (size, &count) in (0..).zip(&self.small[..SMALL_SIZES]).filter(|(_, count)| **count > 0) {
            sizes.push((size, count));
            self.buckets[bucket(size)] += count;
        }
        let small = sizes.len();
        sizes.extend(self.large);
        sizes[small..].sort_unstable();
        (sizes, self.buckets)
    }
}

fn bucket(size_bytes: u64) -> usize {
    64 - size_bytes.leading_zeros() as usize
}

/// A size to twelve bits, which few are: as what further sizes are counted where there are too many to count each.
fn rounded(size_bytes: u64) -> u64 {
    size_bytes & (u64::MAX << (64 - 12)) >> size_bytes.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down_to_twelve_bits() {
        assert_eq!([4096, 4097, 0x1_0000, 0x1_003f].map(rounded), [4096, 4096, 0x1_0000, 0x1_0020]);
        assert_eq!(rounded(u64::MAX), 0xfff << 52);
    }

    #[test]
    fn sizes_are_counted_and_frees_are_not() {
        let mut counts = SizeCounts::new();
        [0, 1, 4095, 4096, u64::MAX, 1].iter().for_each(|&size| counts.add(size));
        counts.add_small(1, false);
        counts.add_small(1, true);
        counts.add_small(0, true);
        let (sizes, buckets) = counts.finish();
        assert_eq!(sizes, [(0, 1), (1, 3), (4095, 1), (4096, 1), (u64::MAX, 1)]);
        let buckets: Vec<(usize, u64)> = buckets.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
        assert_eq!(buckets, [(0, 1), (1, 3), (12, 1), (13, 1), (64, 1)]);
    }
}
