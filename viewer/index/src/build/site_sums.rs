// SPDX-License-Identifier: Apache-2.0
//! What is summed of a site while its blocks come and go: [`SiteSums`], all in one cache line, as every operation changes
//! some of it.
//!
//! Of a slice's deaths those of blocks born before its peak so far are *undecided*: if the peak moves, they were before it
//! too, hence churn; if it stays, they were after it. They need not be kept one by one, since one instant decides about all
//! that died under the same peak.

/// Bytes and allocations of one slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SliceSum {
    pub(crate) bytes: u64,
    pub(crate) allocations: u32,
}

/// What a site ever allocated, in which thread, and what of it was born and died in the running slice.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(crate) struct SiteSums {
    /// Of all allocations. Not modulo 2^64, as other sums are: it tells whether those are right.
    pub(crate) bytes: u64,
    pub(crate) allocations: u64,
    /// Births and deaths in one half, and those that are undecided.
    slice_bytes: [u64; 2],
    slice_allocations: [u32; 2],
    /// The peak under which the undecided died.
    peak_position: u32,
    thread: u32,
    is_listed: bool,
}

const CHURN: usize = 0;
const UNDECIDED: usize = 1;

impl SiteSums {
    /// Of a site that allocated nothing yet.
    pub(crate) fn new(thread: u32) -> Self {
        Self { thread, ..Self::default() }
    }

    /// The site's thread.
    #[inline(always)]
    pub(crate) fn thread(&self) -> u32 {
        self.thread
    }

    /// It allocates.
    #[inline(always)]
    pub(crate) fn allocate(&mut self, size_bytes: u64) {
        self.bytes = self.bytes.saturating_add(size_bytes);
        self.allocations += 1;
    }

    /// What was born in the running slice dies, while the slice's peak is at a position. Says whether it is the site's
    /// first of the slice.
    #[inline(always)]
    pub(crate) fn die(&mut self, is_born_after_peak: bool, peak_position: u32, bytes: u64, allocations: u32) -> bool {
        if !is_born_after_peak && self.peak_position != peak_position {
            self.decide();
            self.peak_position = peak_position;
        }
        let which = if is_born_after_peak { CHURN } else { UNDECIDED };
        self.slice_bytes[which] = self.slice_bytes[which].wrapping_add(bytes);
        self.slice_allocations[which] += allocations;
        !std::mem::replace(&mut self.is_listed, true)
    }

    /// The peak has moved: what was undecided is churn.
    #[inline(always)]
    fn decide(&mut self) {
        self.slice_bytes[CHURN] = self.slice_bytes[CHURN].wrapping_add(self.slice_bytes[UNDECIDED]);
        self.slice_allocations[CHURN] += self.slice_allocations[UNDECIDED];
        self.slice_bytes[UNDECIDED] = 0;
        self.slice_allocations[UNDECIDED] = 0;
    }

    /// The slice ends, whose peak was at a position. Returns what was born and died in one half, and what in both.
    pub(crate) fn end_slice(&mut self, peak_position: u32) -> [SliceSum; 2] {
        if self.peak_position != peak_position {
            self.decide();
        }
        let sums = [CHURN, UNDECIDED]
            .map(|which| SliceSum { bytes: self.slice_bytes[which], allocations: self.slice_allocations[which] });
        (self.slice_bytes, self.slice_allocations, self.is_listed) = ([0; 2], [0; 2], false);
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_died_under_a_peak_that_moved_is_churn() {
        let mut sums = SiteSums::new(3);
        assert!(sums.die(false, 7, 100, 1));
        assert!(!sums.die(false, 7, 10, 1));
        assert!(!sums.die(true, 7, 1, 1));
        assert!(!sums.die(false, 20, 1000, 1));
        let sum = |bytes, allocations| SliceSum { bytes, allocations };
        assert_eq!(sums.end_slice(20), [sum(111, 3), sum(1000, 1)]);
        // The next slice has another peak at the same position.
        assert!(sums.die(true, 20, 5, 1));
        assert_eq!(sums.end_slice(20), [sum(5, 1), sum(0, 0)]);
        assert!(sums.die(false, 4, 5, 1));
        assert_eq!(sums.end_slice(20), [sum(5, 1), sum(0, 0)]);
    }

    #[test]
    fn a_site_takes_one_cache_line() {
        assert_eq!((size_of::<SiteSums>(), align_of::<SiteSums>()), (64, 64));
    }
}
