// SPDX-License-Identifier: Apache-2.0
//! Answers as tables. [`Key`] leads: it says what a row stands for, in names instead of numbers.

use super::{Frame, FrameId, Model, Part, add, modules};
use memray_format::{Allocator, ThreadId};
use memray_index::{Amount, GroupBy};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a row stands for.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Location(Frame),
    /// Function and file.
    Function(Vec<u8>, Vec<u8>),
    /// A file or a native library.
    File(Vec<u8>),
    Module(Vec<u8>),
    Thread(ThreadId),
    Allocator(Allocator),
    /// What has no such thing.
    None,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Self::Location((function, file, line)) => write!(f, "{} {}:{line}", text(function), text(file)),
            Self::Function(function, file) => write!(f, "{} {}", text(function), text(file)),
            Self::File(name) | Self::Module(name) => write!(f, "{}", text(name)),
            Self::Thread(thread) => write!(f, "{thread:?}"),
            Self::Allocator(allocator) => write!(f, "{allocator:?}"),
            Self::None => write!(f, "none"),
        }
    }
}

/// By row: of all stacks that contain it, and of those whose innermost frame it is.
pub type Table = BTreeMap<Key, (Amount, Amount)>;

impl Model {
    pub fn table(&self, parts: &[Part], by: GroupBy) -> Table {
        let mut rows = Rows::default();
        for part in parts {
            let site = &self.sites[part.site];
            // From the innermost outwards.
            let on_stack: Vec<usize> = match by {
                GroupBy::Location | GroupBy::Function | GroupBy::File | GroupBy::Module => {
                    part.shown.iter().map(|frame| rows.of_frame(*frame, || self.key(*frame, by))).collect()
                }
                GroupBy::OwnCodeLine => {
                    let own_code = site.stack.iter().find(|frame| self.is_own_code(**frame)).into_iter();
                    own_code.map(|frame| rows.of_frame(*frame, || self.key(*frame, by))).collect()
                }
                GroupBy::Thread => vec![rows.of(Key::Thread(site.thread))],
                GroupBy::Allocator => vec![rows.of(Key::Allocator(site.allocator))],
                GroupBy::NativeLibrary => site.library.iter().map(|path| rows.of(Key::File(path.clone()))).collect(),
            };
            let on_stack = if on_stack.is_empty() { vec![rows.of(Key::None)] } else { on_stack };
            add(&mut rows.amounts[on_stack[0]].1, part.amount);
            // However often a row is on a stack, that counts once.
            for row in on_stack.into_iter().collect::<BTreeSet<usize>>() {
                add(&mut rows.amounts[row].0, part.amount);
            }
        }
        let table = rows.numbers.into_iter().map(|(key, row)| (key, rows.amounts[row]));
        table.filter(|(_, amounts)| *amounts != Default::default()).collect()
    }

    /// The row of a frame.
    pub fn key(&self, frame: FrameId, by: GroupBy) -> Key {
        let (function, file, line) = frame.frame();
        match by {
            GroupBy::Function => Key::Function(function, file),
            GroupBy::File => Key::File(file),
            GroupBy::Module => Key::Module(modules::module(&self.header, &file)),
            _ => Key::Location((function, file, line)),
        }
    }

    /// Whether a frame is of the program's own code.
    pub fn is_own_code(&self, frame: FrameId) -> bool {
        self.own_code.contains(&frame)
    }
}

/// Rows by number, as comparing names takes long.
#[derive(Default)]
struct Rows {
    numbers: HashMap<Key, usize>,
    of_frames: HashMap<FrameId, usize>,
    amounts: Vec<(Amount, Amount)>,
}

impl Rows {
    fn of(&mut self, key: Key) -> usize {
        *self.numbers.entry(key).or_insert_with(|| {
            self.amounts.push(Default::default());
            self.amounts.len() - 1
        })
    }

    fn of_frame(&mut self, frame: FrameId, key: impl Fn() -> Key) -> usize {
        if let Some(row) = self.of_frames.get(&frame) {
            return *row;
        }
        let row = self.of(key());
        self.of_frames.insert(frame, row);
        row
    }
}
