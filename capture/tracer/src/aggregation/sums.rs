// SPDX-License-Identifier: Apache-2.0
//! [`Sums`]: what each site holds now, and what it held when the heap was largest.
//!
//! The peak is the last instant at which the heap was largest, as memray has it. It is known only when the heap falls from
//! there; then no site is touched but the one that falls. Each remembers instead of which peak it knows: where that is not
//! the last, the site has not changed since, and what it holds is what it held then.

/// Of one site, at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) allocations: u64,
    pub(super) bytes: u64,
}

#[derive(Clone, Copy, Default)]
struct SiteSums {
    live: Amount,
    at_peak: Amount,
    /// The peak that `at_peak` is of.
    peak: u64,
}

/// Sums by site.
#[derive(Default)]
pub(super) struct Sums {
    sites: Vec<SiteSums>,
    heap_bytes: u64,
    /// Of the last peak.
    peak_bytes: u64,
    /// How many peaks there were, each as high as those before it, or higher.
    peaks: u64,
}

impl Sums {
    /// What all sites hold.
    pub(super) fn heap_bytes(&self) -> u64 {
        self.heap_bytes
    }

    /// A site got memory.
    #[inline]
    pub(super) fn grow(&mut self, site: u32, bytes: u64) {
        self.heap_bytes = self.heap_bytes.wrapping_add(bytes);
        let site = self.site(site);
        site.live.allocations = site.live.allocations.wrapping_add(1);
        site.live.bytes = site.live.bytes.wrapping_add(bytes);
    }

    /// A site lost memory, and by that so many allocations: one, none if it still has a part of it, and -1 if what it has
    /// left of it is in two parts.
    #[inline]
    pub(super) fn shrink(&mut self, site: u32, allocations: i64, bytes: u64) {
        if bytes > 0 {
            self.note_peak();
        }
        self.heap_bytes = self.heap_bytes.wrapping_sub(bytes);
        let site = self.site(site);
        site.live.allocations = site.live.allocations.wrapping_sub(allocations as u64);
        site.live.bytes = site.live.bytes.wrapping_sub(bytes);
    }

    /// What each site held at the peak, and what it holds now, which is the end.
    pub(super) fn at_peak_and_end(&mut self) -> impl Iterator<Item = (Amount, Amount)> + '_ {
        self.note_peak();
        let peaks = self.peaks;
        self.sites.iter().map(move |site| (if site.peak == peaks { site.at_peak } else { site.live }, site.live))
    }

    /// The heap is going to fall.
    #[inline]
    fn note_peak(&mut self) {
        if self.heap_bytes >= self.peak_bytes {
            self.peak_bytes = self.heap_bytes;
            self.peaks += 1;
        }
    }

    /// A site that is going to change.
    #[inline]
    fn site(&mut self, site: u32) -> &mut SiteSums {
        let site = site as usize;
        if site >= self.sites.len() {
            // One that was not there at the last peak.
            self.sites.resize(site + 1, SiteSums::default());
        }
        let (peaks, site) = (self.peaks, &mut self.sites[site]);
        if site.peak != peaks {
            (site.at_peak, site.peak) = (site.live, peaks);
        }
        site
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(sums: &mut Sums) -> Vec<[u64; 4]> {
        let all = sums.at_peak_and_end();
        all.map(|(peak, end)| [peak.allocations, peak.bytes, end.allocations, end.bytes]).collect()
    }

    #[test]
    fn of_two_peaks_of_one_height_the_later_counts() {
        let mut sums = Sums::default();
        sums.grow(0, 10);
        sums.shrink(0, 1, 10);
        sums.grow(1, 4);
        sums.grow(2, 6);
        sums.shrink(1, 1, 4);
        assert_eq!(amounts(&mut sums), [[0, 0, 0, 0], [1, 4, 0, 0], [1, 6, 1, 6]]);
    }

    #[test]
    fn what_has_no_bytes_does_not_end_a_peak() {
        let mut sums = Sums::default();
        sums.grow(0, 10);
        sums.grow(1, 0);
        sums.shrink(1, 1, 0);
        sums.grow(2, 0);
        sums.shrink(0, 1, 10);
        sums.shrink(2, 1, 0);
        assert_eq!(amounts(&mut sums), [[1, 10, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]);
    }

    #[test]
    fn the_end_may_be_the_peak() {
        let mut sums = Sums::default();
        sums.grow(0, 5);
        sums.shrink(0, 1, 5);
        sums.grow(0, 3);
        sums.grow(1, 2);
        assert_eq!(amounts(&mut sums), [[1, 3, 1, 3], [1, 2, 1, 2]]);
        assert_eq!(amounts(&mut Sums::default()), Vec::<[u64; 4]>::new());
    }
}
