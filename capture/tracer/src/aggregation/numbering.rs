// SPDX-License-Identifier: Apache-2.0
//! [`Numbering`]: numbers for what is met again and again, in the order in which it is met first.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::{BuildHasher, Hash};

/// Numbers from 0 on.
pub(super) struct Numbering<K> {
    keys: Vec<K>,
    numbers: HashTable<u32>,
}

impl<K> Default for Numbering<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), numbers: HashTable::new() }
    }
}

impl<K: Copy + Eq + Hash> Numbering<K> {
    /// The number of a key, and whether it is new.
    #[inline]
    pub(super) fn number(&mut self, key: K) -> (u32, bool) {
        let hash = |key: &K| FxBuildHasher.hash_one(key);
        let keys = &self.keys;
        if let Some(&number) = self.numbers.find(hash(&key), |&number| keys[number as usize] == key) {
            return (number, false);
        }
        // Memory ends long before numbers do.
        let number = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key);
        let keys = &self.keys;
        self.numbers.insert_unique(hash(&key), number, |&number| hash(&keys[number as usize]));
        (number, true)
    }

    /// All keys, by their numbers.
    pub(super) fn keys(&self) -> &[K] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_key_has_the_number_of_its_first_time(keys in prop::collection::vec(0u16..300, 0..2000)) {
            let mut numbering = Numbering::default();
            let mut first: Vec<u16> = Vec::new();
            for key in keys {
                let known = first.iter().position(|&other| other == key);
                if known.is_none() {
                    first.push(key);
                }
                let expected = known.unwrap_or(first.len() - 1) as u32;
                prop_assert_eq!(numbering.number(key), (expected, known.is_none()));
            }
            prop_assert_eq!(numbering.keys(), &first);
        }
    }
}
