// SPDX-License-Identifier: Apache-2.0
//! What a table's row is called: [`RowName`].

use crate::labels::Labels;
use crate::shown::file_name;
use memray_index::{GroupBy, RowKey};

/// A row's name, and where it lies. Neither is escaped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RowName {
    /// Function, file name, module, thread or allocator.
    pub(crate) name: String,
    /// File or library by path; empty where a row has none.
    pub(crate) path: String,
    /// Line; 0 for none.
    pub(crate) line: u32,
}

impl RowName {
    /// Names a row of a table grouped by `group_by`.
    pub(crate) fn of(key: RowKey, group_by: GroupBy, labels: &dyn Labels) -> Self {
        let named = |name: &str| Self { name: name.to_owned(), ..Self::default() };
        match key {
            RowKey::Location(location) => {
                let label = labels.location(location);
                Self { name: label.function.into_owned(), path: label.file.into_owned(), line: label.line }
            }
            RowKey::Function(function, file) => {
                Self { name: labels.string(function).into_owned(), path: labels.string(file).into_owned(), line: 0 }
            }
            RowKey::File(file) => {
                let path = labels.string(file).into_owned();
                Self { name: file_name(&path).to_owned(), path, line: 0 }
            }
            RowKey::Module(module) => Self { name: labels.string(module).into_owned(), ..Self::default() },
            RowKey::Thread(thread) => Self { name: labels.thread(thread), ..Self::default() },
            RowKey::Allocator(allocator) => named(allocator.name()),
            RowKey::None => named(match group_by {
                GroupBy::OwnCodeLine => "no own code",
                GroupBy::NativeLibrary => "no native library",
                _ => "no Python stack",
            }),
        }
    }

    /// Where it lies: `loader.py:88`, or the path alone where there is no line.
    pub(crate) fn place(&self, path: &str) -> String {
        if self.line == 0 { path.to_owned() } else { format!("{path}:{}", self.line) }
    }

    /// What a screen reader says: name and short place.
    pub(crate) fn spoken(&self) -> String {
        let place = self.place(file_name(&self.path));
        if place.is_empty() || place == self.name { self.name.clone() } else { format!("{} {place}", self.name) }
    }
}
