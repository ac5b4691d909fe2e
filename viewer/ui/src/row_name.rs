// SPDX-License-Identifier: Apache-2.0
//! What a table's row is called: [`RowName`].

use crate::labels::Labels;
use crate::shown::{file_name, shown};
use memray_index::{GroupBy, LocationId, RowKey};
use memray_report::labels::NO_STACK;
use std::borrow::Cow;

/// A row's name, and where it lies. The fields are not escaped.
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
            RowKey::Location(LocationId::NONE) => named(NO_STACK),
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
                _ => NO_STACK,
            }),
        }
    }

    /// Its name, escaped and bounded.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        shown(&self.name)
    }

    /// Where it lies, escaped and bounded: `loader.py:88`; empty where it lies nowhere.
    pub(crate) fn short_place(&self) -> String {
        self.with_line(&shown(file_name(&self.path)))
    }

    /// Where it lies, with its folders.
    pub(crate) fn full_place(&self) -> String {
        self.with_line(&shown(&self.path))
    }

    /// `path`, and the line where there is one.
    pub(crate) fn with_line(&self, path: &str) -> String {
        if self.line == 0 { path.to_owned() } else { format!("{path}:{}", self.line) }
    }

    /// What a screen reader says: name and short place.
    pub(crate) fn spoken(&self) -> String {
        let (name, place) = (self.shown(), self.short_place());
        if place.is_empty() || place == name { name.into_owned() } else { format!("{name} {place}") }
    }
}
