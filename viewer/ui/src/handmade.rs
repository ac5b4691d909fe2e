// SPDX-License-Identifier: Apache-2.0
//! Names made by hand, for tests.

use crate::labels::{Labels, LocationLabel};
use memray_index::{FrameKind, LocationId, LocationTraits, StringId, ThreadIndex};
use std::borrow::Cow;

/// Locations, strings and threads by their row.
#[derive(Default)]
pub(crate) struct Names {
    locations: Vec<(StringId, StringId, u32, FrameKind, bool)>,
    strings: Vec<String>,
    pub(crate) threads: Vec<String>,
}

impl Names {
    /// With row 0 of the locations, which is none.
    pub(crate) fn new() -> Self {
        let mut names = Self::default();
        let none = names.intern("");
        names.locations.push((none, none, 0, FrameKind::Python, false));
        names
    }

    pub(crate) fn intern(&mut self, text: &str) -> StringId {
        let at = self.strings.iter().position(|known| known == text).unwrap_or_else(|| {
            self.strings.push(text.to_owned());
            self.strings.len() - 1
        });
        StringId(at as u32)
    }

    /// A line of the program's own code.
    pub(crate) fn own(&mut self, function: &str, file: &str, line: u32) -> LocationId {
        self.add(function, file, line, FrameKind::Python, true)
    }

    /// A line of a library.
    pub(crate) fn library(&mut self, function: &str, file: &str, line: u32) -> LocationId {
        self.add(function, file, line, FrameKind::Python, false)
    }

    fn add(&mut self, function: &str, file: &str, line: u32, kind: FrameKind, is_own: bool) -> LocationId {
        let (function, file) = (self.intern(function), self.intern(file));
        self.locations.push((function, file, line, kind, is_own));
        LocationId(self.locations.len() as u32 - 1)
    }
}

impl Labels for Names {
    fn location(&self, location: LocationId) -> LocationLabel<'_> {
        let (function, file, line, kind, is_own_code) = self.locations[location.index()];
        let file = Labels::string(self, file);
        let module = file.rsplit('/').next().unwrap_or("").trim_end_matches(".py").to_owned();
        LocationLabel {
            function: Labels::string(self, function),
            file,
            line,
            kind,
            module: Cow::Owned(module),
            traits: LocationTraits { is_own_code, is_interesting: true, ..LocationTraits::default() },
        }
    }

    fn string(&self, string: StringId) -> Cow<'_, str> {
        Cow::Borrowed(&self.strings[string.index()])
    }

    fn thread(&self, thread: ThreadIndex) -> String {
        self.threads[thread.index()].clone()
    }
}
