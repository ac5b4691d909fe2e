// SPDX-License-Identifier: Apache-2.0
//! An opened index: what is known of a capture, and the answers to every question about it.

use crate::answer::{Answer, StackAmount};
use crate::call_tree::CallTree;
use crate::error::{Error, Refusal};
use crate::growth::{GrowthBy, GrowthRow};
use crate::ids::{LocationId, SiteId, StringId, ThreadIndex};
use crate::info::CaptureInfo;
use crate::location::Location;
use crate::progress::Progress;
use crate::question::{Question, TimeRange};
use crate::site::Site;
use crate::statistics::Statistics;
use crate::table::{GroupBy, Row};
use crate::timeline::Timeline;
use crate::tree::Tree;
use std::path::Path;
use std::sync::Arc;

/// How to open a capture.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Build anew, in a temporary file, and leave the cache alone.
    pub no_cache: bool,
    /// Where indexes are kept; the user's cache folder if `None`.
    pub cache_folder: Option<std::path::PathBuf>,
}

/// How a tree is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TreeOptions {
    /// Callees above, callers below.
    pub is_inverted: bool,
    /// Fold frames outside the program's own code into the own-code frame that called them.
    pub folds_libraries: bool,
}

/// A thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The capture's own number.
    pub id: memray_format::ThreadId,
    /// Its last name, if it has one.
    pub name: Option<StringId>,
}

/// An opened index. Cheap to clone; may be asked from any thread.
#[derive(Clone)]
pub struct Index {
    inner: Arc<crate::store::Store>,
}

impl Index {
    /// Opens a capture, from the cache if it was indexed before, or an index file (`.mvidx`).
    pub fn open(path: &Path, options: &OpenOptions, progress: &Progress) -> Result<Self, Error> {
        let _ = (path, options, progress);
        Err(Error::Cancelled)
    }

    /// What is known of the capture as a whole.
    pub fn info(&self) -> &CaptureInfo {
        &self.inner.info
    }

    /// Memory over time.
    pub fn timeline(&self) -> &Timeline {
        &self.inner.timeline
    }

    /// Threads, by [`ThreadIndex`].
    pub fn threads(&self) -> &[Thread] {
        &self.inner.threads
    }

    /// A thread's name, or `thread 0x2` where it has none; `main` for the thread that started tracking.
    pub fn thread_label(&self, thread: ThreadIndex) -> String {
        let _ = thread;
        String::new()
    }

    /// A name's bytes, as the program had them.
    pub fn bytes(&self, string: StringId) -> &[u8] {
        let _ = string;
        &[]
    }

    /// A name as text; what is not UTF-8 is replaced. Control characters are still in it: escape before showing.
    pub fn text(&self, string: StringId) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(string))
    }

    /// A location.
    pub fn location(&self, location: LocationId) -> &Location {
        &self.inner.locations[location.index()]
    }

    /// How many locations there are.
    pub fn location_count(&self) -> usize {
        self.inner.locations.len()
    }

    /// An allocation site.
    pub fn site(&self, site: SiteId) -> Site {
        self.inner.sites[site.index()]
    }

    /// The call tree, unfiltered.
    pub fn call_tree(&self) -> &CallTree {
        &self.inner.call_tree
    }

    /// Answers a question; [`Refusal`] says in a sentence why this capture cannot.
    pub fn ask(&self, question: &Question) -> Result<Answer, Refusal> {
        let _ = question;
        Err(Refusal("not built yet".to_owned()))
    }

    /// An answer by stack: sites of one filtered stack (and thread, where split) summed, the largest bytes first.
    pub fn stacks(&self, answer: &Answer) -> Vec<StackAmount> {
        let _ = answer;
        Vec::new()
    }

    /// The frames of one of [`Self::stacks`], innermost first, those that the filter hides left out.
    pub fn frames(&self, answer: &Answer, stack: &StackAmount) -> Vec<LocationId> {
        let _ = (answer, stack);
        Vec::new()
    }

    /// An answer as a tree. Threads are towers of their own below the root where they are split.
    pub fn tree(&self, answer: &Answer, options: TreeOptions) -> Tree {
        let _ = (answer, options);
        Tree::default()
    }

    /// An answer as a table, the largest inclusive bytes first.
    pub fn table(&self, answer: &Answer, by: GroupBy) -> Vec<Row> {
        let _ = (answer, by);
        Vec::new()
    }

    /// The sites of an answer that a tree node stands for: those whose stack passes through it.
    pub fn sites_below(&self, answer: &Answer, options: TreeOptions, path: &[LocationId]) -> Vec<SiteId> {
        let _ = (answer, options, path);
        Vec::new()
    }

    /// The sites of an answer with a frame for which `matches` holds.
    pub fn sites_with(&self, answer: &Answer, matches: &dyn Fn(LocationId) -> bool) -> Vec<SiteId> {
        let _ = (answer, matches);
        Vec::new()
    }

    /// Live bytes of some sites at each snapshot and at the end: one value longer than `timeline().snapshots`.
    pub fn live_bytes_over_time(&self, sites: &[SiteId]) -> Result<Vec<u64>, Refusal> {
        let _ = sites;
        Err(Refusal("not built yet".to_owned()))
    }

    /// What grew in a range, the largest growth first, at most `limit` rows.
    pub fn growth(&self, range: TimeRange, by: GrowthBy, limit: usize) -> Result<Vec<GrowthRow>, Refusal> {
        let _ = (range, by, limit);
        Err(Refusal("not built yet".to_owned()))
    }

    /// The whole run's statistics.
    pub fn statistics(&self) -> Result<Statistics, Refusal> {
        Err(Refusal("not built yet".to_owned()))
    }
}
