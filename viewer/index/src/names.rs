// SPDX-License-Identifier: Apache-2.0
//! Interned names. Names are bytes: two that differ stay apart even where both show as the same text.

use crate::ids::StringId;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Interned names, by [`StringId`]. Row 0 is the empty name.
#[derive(Clone, Debug)]
pub struct Names {
    rows: Vec<Arc<[u8]>>,
    ids: FxHashMap<Arc<[u8]>, StringId>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { rows: Vec::new(), ids: FxHashMap::default() };
        names.intern(b"");
        names
    }
}

impl Names {
    /// The id of a name, new or not.
    pub fn intern(&mut self, name: &[u8]) -> StringId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = StringId(self.rows.len() as u32);
        let row: Arc<[u8]> = name.into();
        self.rows.push(Arc::clone(&row));
        self.ids.insert(row, id);
        id
    }

    /// The id of a name, if it has one.
    pub fn find(&self, name: &[u8]) -> Option<StringId> {
        self.ids.get(name).copied()
    }

    /// A name's bytes; empty for an id that these names did not give out.
    pub fn get(&self, id: StringId) -> &[u8] {
        self.rows.get(id.index()).map_or(&[], |row| row)
    }

    /// All names, by id.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.rows.iter().map(|row| &**row)
    }
}
