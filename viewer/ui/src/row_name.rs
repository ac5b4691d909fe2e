// SPDX-License-Identifier: Apache-2.0
//! What a table's row is called: [`RowName`].

use crate::labels::Labels;
use crate::shown::{file_name, shown};
use crate::theme::Palette;
use egui::{RichText, Ui};
use memray_compare::DeltaKey;
use memray_index::{GroupBy, LocationId, RowKey};
use memray_report::labels::NO_STACK;
use std::borrow::Cow;

/// A row's name, and where it lies. The fields are not escaped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RowName<'a> {
    /// Function, file name, module, thread or allocator.
    pub(crate) name: Cow<'a, str>,
    /// File or library by path; empty where a row has none.
    pub(crate) path: Cow<'a, str>,
    /// Line; 0 for none.
    pub(crate) line: u32,
}

impl<'a> RowName<'a> {
    /// Names a row of a table grouped by `group_by`.
    pub(crate) fn of(key: RowKey, group_by: GroupBy, labels: &'a dyn Labels) -> Self {
        let named = |name: Cow<'a, str>| Self { name, ..Self::default() };
        match key {
            RowKey::Location(LocationId::NONE) => named(NO_STACK.into()),
            RowKey::Location(location) => {
                let label = labels.location(location);
                Self { name: label.function, path: label.file, line: label.line }
            }
            RowKey::Function(function, file) => {
                Self { name: labels.string(function), path: labels.string(file), line: 0 }
            }
            RowKey::File(file) => {
                let path = labels.string(file);
                Self { name: file_name(&path).to_owned().into(), path, line: 0 }
            }
            RowKey::Module(module) => named(labels.string(module)),
            RowKey::Thread(thread) => named(labels.thread(thread).into()),
            RowKey::Allocator(allocator) => named(allocator.name().into()),
            RowKey::None => named(Cow::Borrowed(match group_by {
                GroupBy::OwnCodeLine => "no own code",
                GroupBy::NativeLibrary => "no native library",
                _ => NO_STACK,
            })),
        }
    }

    /// Names a row of a table of two captures.
    pub(crate) fn of_delta(key: &'a DeltaKey, group_by: GroupBy, labels: &'a dyn Labels) -> Self {
        let key = match key {
            DeltaKey::Location(location) => RowKey::Location(*location),
            DeltaKey::Function(function, file) => RowKey::Function(*function, *file),
            DeltaKey::File(file) => RowKey::File(*file),
            DeltaKey::Module(module) => RowKey::Module(*module),
            DeltaKey::Name(name) => return Self { name: String::from_utf8_lossy(name), ..Self::default() },
            DeltaKey::Allocator(allocator) => RowKey::Allocator(*allocator),
            DeltaKey::None => RowKey::None,
        };
        Self::of(key, group_by, labels)
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
        match self.line {
            0 => path.to_owned(),
            line if path.is_empty() => format!("line {line}"),
            line => format!("{path}:{line}"),
        }
    }

    /// What a screen reader says: name and short place.
    pub(crate) fn spoken(&self) -> String {
        let (name, place) = (self.shown(), self.short_place());
        if place.is_empty() || place == name { name.into_owned() } else { format!("{name} {place}") }
    }

    /// Its name as it is compared when rows are sorted: whatever the case.
    pub(crate) fn sorted_name(&self) -> String {
        folded(&self.name)
    }

    /// Where it lies, as it is compared when rows are sorted.
    pub(crate) fn sorted_place(&self) -> (String, u32) {
        (folded(&self.path), self.line)
    }

    /// Begins a row's tooltip: the name, and below it the place with its folders.
    pub(crate) fn hover(&self, ui: &mut Ui) {
        let palette = Palette::of(ui.visuals());
        ui.label(RichText::new(self.shown()).color(palette.text_strong));
        if !self.path.is_empty() {
            ui.label(RichText::new(self.full_place()).color(palette.text_weak));
        }
    }

    /// Fills a menu that copies the name, the place, or what `row` writes of the whole row; returns whether it did.
    pub(crate) fn copy_menu(&self, ui: &mut Ui, row: Option<&dyn Fn() -> String>) -> bool {
        let mut copied = None;
        if ui.button("Copy name").clicked() {
            copied = Some(self.shown().into_owned());
        }
        if !self.path.is_empty() && ui.button("Copy place").clicked() {
            copied = Some(self.full_place());
        }
        if let Some(row) = row
            && ui.button("Copy row").clicked()
        {
            copied = Some(row());
        }
        let is_copied = copied.is_some();
        if let Some(text) = copied {
            ui.ctx().copy_text(text);
            ui.close();
        }
        is_copied
    }
}

/// Names are compared by this much of them.
const COMPARED_BYTES: usize = 256;

fn folded(name: &str) -> String {
    let end = (0..=COMPARED_BYTES.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    name[..end].to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::Names;

    #[test]
    fn a_line_without_a_file_and_memory_without_a_stack_have_names() {
        let mut names = Names::new();
        let no_file = names.own("f", "", 2);
        let name = RowName::of(RowKey::Location(no_file), GroupBy::Location, &names);
        assert_eq!(name.spoken(), "f line 2");
        let none = RowName::of(RowKey::Location(LocationId::NONE), GroupBy::Location, &names);
        assert_eq!(none.spoken(), "no Python stack");
        assert_eq!(RowName::of(RowKey::None, GroupBy::OwnCodeLine, &names).name, "no own code");
    }

    #[test]
    fn names_are_sorted_whatever_their_case_by_as_much_as_can_be_told_apart() {
        let name = |name: &str| RowName { name: name.to_owned().into(), ..RowName::default() }.sorted_name();
        assert_eq!(name("Cache.PUT"), "cache.put");
        let long = "é".repeat(500);
        assert_eq!(name(&long), "é".repeat(128));
    }
}
