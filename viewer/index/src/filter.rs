// SPDX-License-Identifier: Apache-2.0
//! Which allocations a question is about: [`Filter`], by whose they are, how large they are and how long they lived.

use crate::charge::Charge;
use crate::ids::{StringId, ThreadIndex};
use crate::location::Location;
use crate::site::SizeClass;
use crate::table::RowKey;
use memray_format::Allocator;

/// Which allocations are asked about, and which frames of their stacks are shown. The default shows everything.
///
/// A filter never moves a peak: that is the whole heap's.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this thread.
    pub thread: Option<ThreadIndex>,
    /// Only this allocator.
    pub allocator: Option<Allocator>,
    /// Only stacks with a frame of a module that matches.
    pub module: Option<Pattern>,
    /// Only stacks with a frame of a file that matches.
    pub file: Option<Pattern>,
    /// Only stacks with a frame of a function that matches.
    pub function: Option<Pattern>,
    /// Only stacks with a frame of exactly this function. Patterns see names as they are shown, in which bytes that are not
    /// UTF-8 are replaced, so that different names may look alike; this does not.
    pub function_named: Option<NamedFunction>,
    /// Only stacks without a frame of any of these functions.
    pub without: Vec<NamedFunction>,
    /// Only stacks with a frame of this function, each shown from the outermost such frame on.
    pub starts_at: Option<NamedFunction>,
    /// Only what is charged to all of these: at most one of each [`Charge`].
    pub charged_to: Vec<ChargedTo>,
    /// Only allocations of these sizes. Aggregated captures do not hold sizes.
    pub size: Option<SizeRange>,
    /// Only allocations that lived so long.
    pub lifetime: Option<LifetimeRange>,
    /// Leave out frames of the import system (memray's definition).
    pub hide_import_system: bool,
    /// Leave out frames that memray calls irrelevant: `runpy`'s, CPython's own, and those of the import system.
    pub hide_irrelevant: bool,
    /// Leave out native frames.
    pub hide_native: bool,
    /// Leave out frames of functions of these names.
    pub hidden_functions: Vec<StringId>,
}

impl Filter {
    /// Shows only what is charged to this, as simply as a filter can say it.
    pub fn show_only(&mut self, charged_to: ChargedTo) {
        match charged_to.key {
            RowKey::Thread(thread) => self.thread = Some(thread),
            RowKey::Allocator(allocator) => self.allocator = Some(allocator),
            _ => {
                self.charged_to.retain(|other| other.charge != charged_to.charge);
                self.charged_to.push(charged_to);
            }
        }
    }
}

/// A function by its exact name and file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NamedFunction {
    /// Its name.
    pub name: StringId,
    /// The file that it is in.
    pub file: StringId,
}

impl NamedFunction {
    /// The function of a location.
    pub fn of(location: &Location) -> Self {
        Self { name: location.function, file: location.file }
    }

    /// Whether a location is a line of it.
    pub fn is_of(self, location: &Location) -> bool {
        self == Self::of(location)
    }
}

/// What a name is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Contained in the name, whatever the case.
    Substring(String),
    /// A regular expression found in the name.
    Regex(String),
}

/// One row of what memory is [charged](Charge) to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChargedTo {
    /// To what kind of thing.
    pub charge: Charge,
    /// To which.
    pub key: RowKey,
}

/// Sizes from one class to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SizeRange {
    /// The smallest sizes.
    pub from: SizeClass,
    /// The largest.
    pub to: SizeClass,
}

impl SizeRange {
    /// Whether a class of sizes is in it.
    pub fn contains(&self, class: SizeClass) -> bool {
        (self.from..=self.to).contains(&class)
    }
}

/// How long allocations lived. It is known from sample to sample: what counts is the time from the sample before an
/// allocation to the one after its end. What was never freed lived longer than anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LifetimeRange {
    /// Longer than this.
    pub more_than_ms: Option<u64>,
    /// No longer than this.
    pub at_most_ms: Option<u64>,
}

impl LifetimeRange {
    /// Whether a lifetime is in it; `None` of what was never freed.
    pub fn contains(&self, lifetime_ms: Option<u64>) -> bool {
        let is_longer = |than: u64| lifetime_ms.is_none_or(|lifetime| lifetime > than);
        self.more_than_ms.is_none_or(is_longer) && !self.at_most_ms.is_some_and(is_longer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_freed_lived_longer_than_anything() {
        let longer = LifetimeRange { more_than_ms: Some(10), at_most_ms: None };
        assert_eq!([Some(10), Some(11), None].map(|ms| longer.contains(ms)), [false, true, true]);
        let shorter = LifetimeRange { more_than_ms: None, at_most_ms: Some(10) };
        assert_eq!([Some(10), Some(11), None].map(|ms| shorter.contains(ms)), [true, false, false]);
        assert!(LifetimeRange::default().contains(None) && LifetimeRange::default().contains(Some(0)));
    }
}
