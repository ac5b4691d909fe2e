// SPDX-License-Identifier: Apache-2.0
//! A table of an answer: rows by what they are grouped by.

use crate::answer::Amount;
use crate::charge::Charge;
use crate::ids::{LocationId, SiteId, StringId, ThreadIndex};
use crate::location::Location;
use memray_format::Allocator;

/// What a table's rows stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// Function, file and line.
    Location,
    /// Function and file.
    Function,
    /// File.
    File,
    /// Module, by memray's rule.
    Module,
    /// The innermost line of the program's own code on each stack.
    OwnCodeLine,
    /// Thread.
    Thread,
    /// Allocator.
    Allocator,
    /// The innermost native library of each stack.
    NativeLibrary,
}

impl GroupBy {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Location,
        Self::Function,
        Self::File,
        Self::Module,
        Self::OwnCodeLine,
        Self::Thread,
        Self::Allocator,
        Self::NativeLibrary,
    ];

    /// Whether each stack belongs to one row alone; else to as many as it has frames.
    pub fn parts_stacks(self) -> bool {
        self.charge().is_some()
    }

    /// What each stack is charged to, where it belongs to one row alone.
    pub(crate) fn charge(self) -> Option<Charge> {
        match self {
            Self::OwnCodeLine => Some(Charge::OwnCodeLine),
            Self::Thread => Some(Charge::Thread),
            Self::Allocator => Some(Charge::Allocator),
            Self::NativeLibrary => Some(Charge::NativeLibrary),
            Self::Location | Self::Function | Self::File | Self::Module => None,
        }
    }
}

/// What one row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKey {
    /// A location.
    Location(LocationId),
    /// A function (first) in a file (second).
    Function(StringId, StringId),
    /// A file or a native library, by path.
    File(StringId),
    /// A module, by name.
    Module(StringId),
    /// A thread.
    Thread(ThreadIndex),
    /// An allocator.
    Allocator(Allocator),
    /// What has no such thing: no Python stack, no own code, no native library.
    None,
}

impl RowKey {
    /// The row of a location; none where rows part the stacks.
    pub fn of_location(by: GroupBy, id: LocationId, location: &Location) -> Option<Self> {
        match by {
            GroupBy::Location => Some(Self::Location(id)),
            GroupBy::Function => Some(Self::Function(location.function, location.file)),
            GroupBy::File => Some(Self::File(location.file)),
            GroupBy::Module => Some(Self::Module(location.module)),
            GroupBy::OwnCodeLine | GroupBy::Thread | GroupBy::Allocator | GroupBy::NativeLibrary => None,
        }
    }
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it stands for.
    pub key: RowKey,
    /// Of all stacks that contain it, each counted once.
    pub inclusive: Amount,
    /// Of the stacks whose innermost frame it is. Equal to `inclusive` where rows part the stacks (own-code line,
    /// thread, allocator, native library).
    pub own: Amount,
}

/// The sites that a row sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSites {
    /// Those of [`Row::inclusive`].
    pub inclusive: Vec<SiteId>,
    /// Those of [`Row::own`].
    pub own: Vec<SiteId>,
}
