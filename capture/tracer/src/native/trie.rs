// SPDX-License-Identifier: Apache-2.0
//! [`Trie`]: numbers for native stacks, the same for the same stack.

use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;

/// A tree of return addresses. Each node is a stack: its address, called by that of the node above.
#[derive(Default)]
pub(crate) struct Trie {
    ids: FxHashMap<(u64, u64), u64>,
    /// Those of nodes that were forgotten: there are far fewer of them, as many stacks share an address.
    forgotten: FxHashSet<u64>,
    /// How many nodes were ever numbered.
    count: u64,
}

/// When there are more nodes they are forgotten: the same stack then gets another number, which costs the capture a few
/// bytes, and takes no more of the program's memory.
const MOST_NODES: usize = 7 << 16;

/// So many addresses of forgotten nodes are kept, to be named at the end: 4 MiB of memory at most.
const MOST_FORGOTTEN: usize = 7 << 15;

impl Trie {
    /// The number of the node with this address below `parent`, 0 being the root; and whether it is new. Numbers count
    /// from 1, in the order in which they are new.
    #[inline]
    pub(crate) fn number(&mut self, parent: u64, address: u64) -> (u64, bool) {
        if self.ids.len() >= MOST_NODES {
            self.forget();
        }
        match self.ids.entry((parent, address)) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(place) => {
                self.count += 1;
                (*place.insert(self.count), true)
            }
        }
    }

    #[cold]
    fn forget(&mut self) {
        for (_, address) in self.ids.drain().map(|(node, _)| node) {
            if self.forgotten.len() < MOST_FORGOTTEN {
                self.forgotten.insert(address);
            }
        }
    }

    /// The addresses of all nodes, those that were forgotten included; some more than once.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        self.ids.keys().map(|&(_, address)| address).chain(self.forgotten.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_stack_has_the_same_number() {
        let mut trie = Trie::default();
        assert_eq!(trie.number(0, 7), (1, true));
        assert_eq!(trie.number(1, 8), (2, true));
        assert_eq!(trie.number(0, 8), (3, true));
        assert_eq!(trie.number(1, 8), (2, false));
    }

    #[test]
    fn numbers_are_given_once_though_nodes_are_forgotten() {
        let mut trie = Trie::default();
        for address in 1..=MOST_NODES as u64 + 1 {
            assert_eq!(trie.number(0, address), (address, true));
        }
        assert_eq!(trie.number(0, 1), (MOST_NODES as u64 + 2, true));
        // What is named at the end was not forgotten with them, up to a bound.
        let addresses: FxHashSet<u64> = trie.addresses().collect();
        assert!((MOST_FORGOTTEN..=MOST_FORGOTTEN + 2).contains(&addresses.len()), "{}", addresses.len());
    }
}
