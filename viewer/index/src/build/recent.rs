// SPDX-License-Identifier: Apache-2.0
//! What was found last: a small table in which each key has one place, kept or overwritten.
//!
//! Programs do the same again and again, so nearly all that is looked up for a record was looked up shortly before. A look
//! here costs a fraction of one into a hash map, and never more than a fixed amount of memory.

/// A key that knows its place.
pub(crate) trait RecentKey: Copy + PartialEq {
    /// A key that is never asked for.
    const NEVER: Self;
    /// A number whose high bits are spread well.
    fn spread(&self) -> u64;
}

/// Entries, as a power of two: few enough to stay in the second-level cache.
const ENTRIES_LOG2: u32 = 11;

/// What was found last for keys.
pub(crate) struct Recent<K, V> {
    entries: Box<[(K, V); 1 << ENTRIES_LOG2]>,
}

impl<K: RecentKey, V: Copy + Default> Recent<K, V> {
    /// Nothing found yet.
    pub(crate) fn new() -> Self {
        Self { entries: Box::new([(K::NEVER, V::default()); 1 << ENTRIES_LOG2]) }
    }

    /// What was found for a key, if it was found shortly before.
    #[inline(always)]
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let (found, value) = &self.entries[place(key)];
        (found == key).then_some(*value)
    }

    /// Remembers what was found.
    #[inline]
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.entries[place(&key)] = (key, value);
    }
}

#[inline(always)]
fn place(key: &impl RecentKey) -> usize {
    (key.spread() >> (64 - ENTRIES_LOG2)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    impl RecentKey for u64 {
        const NEVER: Self = u64::MAX;

        fn spread(&self) -> u64 {
            *self << 60
        }
    }

    #[test]
    fn a_key_is_found_until_another_takes_its_place() {
        let mut recent = Recent::new();
        assert_eq!(recent.get(&1), None);
        recent.put(1u64, 'a');
        recent.put(2, 'b');
        assert_eq!((recent.get(&1), recent.get(&2), recent.get(&17)), (Some('a'), Some('b'), None));
        recent.put(17, 'c');
        assert_eq!((recent.get(&1), recent.get(&2), recent.get(&17)), (None, Some('b'), Some('c')));
    }
}
