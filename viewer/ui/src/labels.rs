// SPDX-License-Identifier: Apache-2.0
//! What the views need to know of an index to name things: [`Labels`]. Tests give them names made by hand.

use memray_compare::{Comparison, Side};
use memray_index::{FrameKind, Index, LocationId, LocationTraits, StringId, ThreadIndex};
use std::borrow::Cow;
use std::sync::Arc;

/// Names of what handles stand for. They come from the capture: escape them before showing.
pub trait Labels: Send + Sync {
    /// A location.
    fn location(&self, location: LocationId) -> LocationLabel<'_>;
    /// A name.
    fn string(&self, string: StringId) -> Cow<'_, str>;
    /// A thread's name, or its number where it has none.
    fn thread(&self, thread: ThreadIndex) -> String;
    /// The location that stands for all that a frame may be shown as: paths that are to outlive a tree are made of these.
    fn representative(&self, location: LocationId) -> LocationId {
        location
    }
}

/// The names of a location.
#[derive(Clone, Debug, PartialEq)]
pub struct LocationLabel<'a> {
    /// Function, native symbol or library.
    pub function: Cow<'a, str>,
    /// File, as the program named it.
    pub file: Cow<'a, str>,
    /// Line; 0 for none.
    pub line: u32,
    /// What kind of frame.
    pub kind: FrameKind,
    /// Module.
    pub module: Cow<'a, str>,
    /// What it is to the program.
    pub traits: LocationTraits,
}

impl Labels for Index {
    fn location(&self, location: LocationId) -> LocationLabel<'_> {
        let known = Index::location(self, location);
        LocationLabel {
            function: self.text(known.function),
            file: self.text(known.file),
            line: known.line,
            kind: known.kind,
            module: self.text(known.module),
            traits: known.traits,
        }
    }

    fn string(&self, string: StringId) -> Cow<'_, str> {
        self.text(string)
    }

    fn thread(&self, thread: ThreadIndex) -> String {
        self.thread_label(thread)
    }
}

/// The names of a comparison, as one of its sides has them.
#[derive(Clone)]
pub struct SideLabels {
    /// What is compared.
    pub comparison: Arc<Comparison>,
    /// Whose names go first.
    pub side: Side,
}

impl Labels for SideLabels {
    fn location(&self, location: LocationId) -> LocationLabel<'_> {
        let known = self.comparison.location_of(self.side, location);
        LocationLabel {
            function: self.string(known.function),
            file: self.string(known.file),
            line: known.line,
            kind: known.kind,
            module: self.string(known.module),
            traits: known.traits,
        }
    }

    fn string(&self, string: StringId) -> Cow<'_, str> {
        String::from_utf8_lossy(self.comparison.bytes(string))
    }

    fn representative(&self, location: LocationId) -> LocationId {
        self.comparison.representative(location)
    }

    /// None: threads are merged where captures are compared.
    fn thread(&self, _: ThreadIndex) -> String {
        String::new()
    }
}
