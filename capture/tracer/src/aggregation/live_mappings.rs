// SPDX-License-Identifier: Apache-2.0
//! [`LiveMappings`]: the ranges that are mapped now, each with its site.
//!
//! An unmapping may trim, split or remove any number of them. No two overlap: what lies where the kernel puts a new mapping
//! was unmapped, though nobody told. There are few, as the kernel allows 65,530 in a process.

use std::collections::BTreeMap;

/// Mapped ranges, by their first address.
#[derive(Default)]
pub(super) struct LiveMappings(BTreeMap<u64, Mapping>);

#[derive(Clone, Copy)]
struct Mapping {
    /// The first address that is not part of it.
    end: u64,
    site: u32,
}

/// What an unmapping took from a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unmapped {
    pub(super) site: u32,
    pub(super) bytes: u64,
    /// How many parts are left of it: none, one, or two.
    pub(super) parts: u8,
}

impl LiveMappings {
    /// A range was mapped. `visit` is told what was there.
    pub(super) fn insert(&mut self, start: u64, size_bytes: u64, site: u32, visit: impl FnMut(Unmapped)) {
        self.remove(start, size_bytes, visit);
        let end = start.saturating_add(size_bytes);
        if start < end {
            self.0.insert(start, Mapping { end, site });
        }
    }

    /// A range is unmapped. `visit` is told what was there.
    pub(super) fn remove(&mut self, start: u64, size_bytes: u64, mut visit: impl FnMut(Unmapped)) {
        let end = start.saturating_add(size_bytes);
        // As none overlap, those in the range are the last that begin before its end.
        while let Some((&first, &Mapping { end: last, site })) = self.0.range(..end).next_back()
            && start < last
            && start < end
        {
            let bytes = last.min(end) - first.max(start);
            let mut parts = 0;
            if first < start {
                self.0.insert(first, Mapping { end: start, site });
                parts += 1;
            } else {
                self.0.remove(&first);
            }
            if end < last {
                self.0.insert(end, Mapping { end: last, site });
                parts += 1;
            }
            visit(Unmapped { site, bytes, parts });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn remove(live: &mut LiveMappings, start: u64, size_bytes: u64) -> Vec<(u32, u64, u8)> {
        let mut seen = Vec::new();
        live.remove(start, size_bytes, |it| seen.push((it.site, it.bytes, it.parts)));
        seen
    }

    #[test]
    fn mappings_are_trimmed_split_and_removed() {
        let mut live = LiveMappings::default();
        live.insert(0x1000, 0x4000, 7, |_| unreachable!());
        assert_eq!(remove(&mut live, 0x2000, 0x1000), [(7, 0x1000, 2)]);
        assert_eq!(remove(&mut live, 0, 0x1800), [(7, 0x800, 1)]);
        assert_eq!(remove(&mut live, 0x4000, 0x9000), [(7, 0x1000, 1)]);
        assert_eq!(remove(&mut live, 0x2000, 0x1000), []);
        assert_eq!(remove(&mut live, 0, u64::MAX), [(7, 0x1000, 0), (7, 0x800, 0)]);
        assert!(live.0.is_empty());
    }

    #[test]
    fn nothing_is_an_empty_range_nor_beyond_the_address_space() {
        let mut live = LiveMappings::default();
        live.insert(0x1000, 0, 1, |_| unreachable!());
        live.insert(u64::MAX - 10, 100, 2, |_| unreachable!());
        assert_eq!(remove(&mut live, u64::MAX - 5, 0), []);
        assert_eq!(remove(&mut live, 0, u64::MAX), [(2, 10, 0)]);
    }

    proptest! {
        /// Each byte's site, and where the bytes of a mapping that is whole or trimmed begin a part.
        #[test]
        fn behaves_as_a_list_of_bytes(
            steps in prop::collection::vec((any::<bool>(), 0usize..100, 0usize..40), 0..80)
        ) {
            let mut live = LiveMappings::default();
            // The step that mapped a byte, and the part of it: parts are what unmapping left apart.
            let mut bytes: Vec<Option<u32>> = vec![None; 140];
            for (number, (maps, start, length)) in (0u32..).zip(steps) {
                let range = start..start + length;
                let mut seen: Vec<Unmapped> = Vec::new();
                let mut expected: Vec<Unmapped> = Vec::new();
                // Runs of one site are its parts, as no site maps twice.
                let mut first = 0;
                while first < bytes.len() {
                    let site = bytes[first];
                    let last = first + bytes[first..].iter().take_while(|&&other| other == site).count();
                    let cut = first.max(range.start)..last.min(range.end);
                    if let (Some(site), false) = (site, cut.is_empty()) {
                        let parts = u8::from(first < cut.start) + u8::from(cut.end < last);
                        expected.push(Unmapped { site, bytes: cut.len() as u64, parts });
                    }
                    first = last;
                }
                if maps {
                    live.insert(start as u64, length as u64, number, |it| seen.push(it));
                } else {
                    live.remove(start as u64, length as u64, |it| seen.push(it));
                }
                bytes[range].fill(maps.then_some(number));
                seen.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(seen, expected);
            }
            let sites: BTreeSet<u32> = bytes.iter().copied().flatten().collect();
            prop_assert_eq!(live.0.values().map(|it| it.site).collect::<BTreeSet<_>>(), sites);
        }
    }
}
