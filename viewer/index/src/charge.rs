// SPDX-License-Identifier: Apache-2.0
//! What memory is charged to: [`Charge`], by which each allocation belongs to one thing alone, so that parts add up.

use crate::table::GroupBy;

/// A kind of thing that each allocation is charged to one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charge {
    /// The module of the innermost Python frame outside the standard library, as memray's statistics have it.
    Module,
    /// The function of the innermost Python frame, those left out that memray calls irrelevant.
    Function,
    /// The innermost line of the program's own code.
    OwnCodeLine,
    /// The thread.
    Thread,
    /// The allocator.
    Allocator,
    /// The innermost native library.
    NativeLibrary,
}

impl Charge {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Module, Self::Function, Self::OwnCodeLine, Self::Thread, Self::Allocator, Self::NativeLibrary];

    /// The grouping of a table whose rows name such things.
    pub fn group_by(self) -> GroupBy {
        match self {
            Self::Module => GroupBy::Module,
            Self::Function => GroupBy::Function,
            Self::OwnCodeLine => GroupBy::OwnCodeLine,
            Self::Thread => GroupBy::Thread,
            Self::Allocator => GroupBy::Allocator,
            Self::NativeLibrary => GroupBy::NativeLibrary,
        }
    }
}
