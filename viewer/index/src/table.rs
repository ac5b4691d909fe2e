// SPDX-License-Identifier: Apache-2.0
//! A table of an answer: rows by what they are grouped by.

use crate::answer::Amount;
use crate::ids::{LocationId, StringId, ThreadIndex};
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
