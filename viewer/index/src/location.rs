// SPDX-License-Identifier: Apache-2.0
//! Locations: what a stack's frames show.

use crate::ids::StringId;

/// A location: a line of a Python function, or a native library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// Function name; of a native frame the symbol, or the library's file name where there is none.
    pub function: StringId,
    /// File; of a native frame without debug information its library's path.
    pub file: StringId,
    /// Line; 0 for none.
    pub line: u32,
    /// What kind of frame.
    pub kind: FrameKind,
    /// The module it belongs to, by memray's rule; `<root>` where there is none.
    pub module: StringId,
    /// What it is to the program.
    pub traits: LocationTraits,
}

/// What tells locations apart: function, file, line, and what kind of frame it is.
pub(crate) type LocationIdentity = (StringId, StringId, u32, FrameKind);

impl Location {
    /// What tells it from others.
    pub(crate) fn identity(&self) -> LocationIdentity {
        (self.function, self.file, self.line, self.kind)
    }

    /// Where nothing is known.
    pub(crate) const NONE: Self = Self {
        function: StringId(0),
        file: StringId(0),
        line: 0,
        kind: FrameKind::Python,
        module: StringId(0),
        traits: LocationTraits {
            is_own_code: false,
            is_standard_library: false,
            is_import_system: false,
            is_interesting: false,
            is_cpython_internal: false,
        },
    };
}

/// What kind of frame a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameKind {
    /// A Python frame.
    Python,
    /// A native frame with a symbol.
    Native,
    /// A native library without symbols.
    Library,
}

/// What a location is to the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LocationTraits {
    /// Outside the standard library, installed packages and frozen modules.
    pub is_own_code: bool,
    /// Of the standard library, frozen modules included.
    pub is_standard_library: bool,
    /// Of the import system, by memray's definition.
    pub is_import_system: bool,
    /// Not irrelevant: not `runpy`, not CPython-internal, not of the import system.
    pub is_interesting: bool,
    /// One of the interpreter's own C functions, which memray never shows.
    pub is_cpython_internal: bool,
}
