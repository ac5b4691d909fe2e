// SPDX-License-Identifier: Apache-2.0
//! An opened index: what is known of a capture, and the answers to every question about it.

use crate::answer::{Answer, StackAmount};
use crate::ask::bands::Bands;
use crate::ask::distribution::Distribution;
use crate::ask::inverted::callees_first;
use crate::ask::sandwich::{Sandwich, sandwich};
use crate::ask::shown_tree::{Hiding, ShownTree};
use crate::ask::tables;
use crate::ask::tree_layout::{LooseNode, callers_first, loose_callers_first};
use crate::call_tree::CallTree;
use crate::charge::Charge;
use crate::error::{Error, Refusal};
use crate::filter::{Filter, NamedFunction, Pattern};
use crate::growth::{GrowthBy, GrowthRow};
use crate::ids::{LocationId, SiteId, StringId, ThreadIndex};
use crate::info::CaptureInfo;
use crate::location::Location;
use crate::native::NativeSymbols;
use crate::native::frames::file_name;
use crate::native::stack::NativeFrameInfo;
use crate::progress::Progress;
use crate::question::{Question, TimeRange};
use crate::site::Site;
use crate::source::{self, Source};
use crate::sql::Sql;
use crate::statistics::Statistics;
use crate::store::Store;
use crate::table::{GroupBy, Row, RowKey, RowSites};
use crate::timeline::Timeline;
use crate::tree::{Tree, TreeNodeId};
use rustc_hash::FxHashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

/// How to open a capture.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Build anew, in a temporary file, and leave the cache alone.
    pub no_cache: bool,
    /// Where indexes are kept; the user's cache folder if `None`.
    pub cache_folder: Option<std::path::PathBuf>,
    /// Leave native functions unnamed, as on a machine without the capture's libraries: native stacks show one frame a
    /// library. Else their names are looked up in the libraries on this machine, when an index is built.
    pub no_native_symbols: bool,
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

/// So many trees with frames left out are kept.
const MOST_SHOWN_TREES: usize = 16;

/// An opened index. Cheap to clone; may be asked from any thread.
#[derive(Clone)]
pub struct Index {
    store: Arc<Store>,
    source: Arc<Source>,
    shown: Arc<RwLock<FxHashMap<Hiding, Arc<ShownTree>>>>,
}

/// How an index came to be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was built now.
    Built,
    /// It was in the cache.
    Cached,
    /// It is an index file that the user opened.
    IndexFile,
}

impl Index {
    /// Opens a capture, from the cache if it was indexed before, or an index file (`.mvidx`).
    pub fn open(path: &Path, options: &OpenOptions, progress: &Progress) -> Result<Self, Error> {
        let (store, source) = source::open(path, options, progress)?;
        Ok(Self { store: Arc::new(store), source: Arc::new(source), shown: Arc::default() })
    }

    /// How it came to be open.
    pub fn origin(&self) -> Origin {
        self.source.origin
    }

    /// Why the index is not kept, as a clause, where it was to be and is not; it then lives as long as it is open.
    pub fn not_kept(&self) -> Option<&str> {
        self.source.not_kept.as_deref()
    }

    /// Writes the index out as it is: a file of it opens by itself, where the capture is not.
    pub fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        self.source.write_to(out)
    }

    /// Size of the index file.
    pub fn size_bytes(&self) -> u64 {
        self.source.size_bytes()
    }

    /// What is known of the capture as a whole.
    pub fn info(&self) -> &CaptureInfo {
        &self.store.info
    }

    /// Memory over time.
    pub fn timeline(&self) -> &Timeline {
        &self.store.timeline
    }

    /// Number of stored lifetimes: distinct (site, born, died).
    pub fn lifetime_count(&self) -> usize {
        self.store.lifetimes.row_count()
    }

    /// The index as tables of SQL. A statement ends soon after `interrupted` is set. Can be had once.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn sql(&self, interrupted: Arc<AtomicBool>) -> Result<Sql, Error> {
        let spare = self.store.spare_connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        let connection = spare.ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(Sql::new(connection, &self.store, interrupted)?)
    }

    /// Threads, by [`ThreadIndex`].
    pub fn threads(&self) -> &[Thread] {
        &self.store.threads
    }

    /// A thread's name; where it has none, `main` for the thread that started tracking, else `thread 0x2`.
    pub fn thread_label(&self, thread: ThreadIndex) -> String {
        let Some(thread) = self.store.threads.get(thread.index()) else { return String::new() };
        match thread.name {
            Some(name) if !self.bytes(name).is_empty() => self.text(name).into_owned(),
            _ if thread.id == self.info().header.main_thread => "main".to_owned(),
            _ => format!("thread {:#x}", thread.id.0),
        }
    }

    /// A name's bytes, as the program had them.
    pub fn bytes(&self, string: StringId) -> &[u8] {
        self.store.names.get(string)
    }

    /// A name by its bytes, if it occurs.
    pub fn name(&self, bytes: &[u8]) -> Option<StringId> {
        self.store.names.find(bytes)
    }

    /// A name as text; what is not UTF-8 is replaced. Control characters are still in it: escape before showing.
    pub fn text(&self, string: StringId) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(string))
    }

    /// A location; of a handle that another index gave, and that this one has not, one without names.
    pub fn location(&self, location: LocationId) -> &Location {
        self.store.locations.get(location.index()).unwrap_or(&Location::NONE)
    }

    /// The names of functions that match a pattern, to be hidden by a [`Filter`].
    pub fn functions_named(&self, pattern: &Pattern) -> Result<Vec<StringId>, Refusal> {
        self.store.functions_named(pattern)
    }

    /// How many locations there are.
    pub fn location_count(&self) -> usize {
        self.store.locations.len()
    }

    /// An allocation site.
    pub fn site(&self, site: SiteId) -> Site {
        self.store.sites[site.index()]
    }

    /// A site's native stack, the innermost frame first; empty where none was recorded.
    pub fn native_stack(&self, site: SiteId) -> Vec<NativeFrameInfo> {
        self.site(site).native.map_or_else(Vec::new, |native| self.store.native().stack(native))
    }

    /// The frame that puts a site into its row of a table by native library: the innermost one that lies in a library.
    pub fn innermost_native_frame(&self, site: SiteId) -> Option<NativeFrameInfo> {
        self.site(site).native.and_then(|native| self.store.native().innermost_in_library(native))
    }

    /// A native frame in a line: `libarrow.so.1900+0x12ab arrow::Buffer::Resize`. Names may hold control characters.
    pub fn native_frame_text(&self, frame: &NativeFrameInfo) -> String {
        let Some(library) = frame.library else { return format!("{:#x}", frame.address) };
        let name = String::from_utf8_lossy(file_name(self.bytes(library)));
        let offset = frame.offset_in_library;
        match frame.functions.last() {
            Some(&function) => format!("{name}+{offset:#x} {}", self.text(self.location(function).function)),
            None => format!("{name}+{offset:#x}"),
        }
    }

    /// Where the names of native functions come from.
    pub fn native_symbols(&self) -> NativeSymbols {
        self.store.native_symbols
    }

    /// The call tree, unfiltered.
    pub fn call_tree(&self) -> &CallTree {
        &self.store.call_tree
    }

    /// Answers a question; [`Refusal`] says in a sentence why this capture cannot.
    pub fn ask(&self, question: &Question) -> Result<Answer, Refusal> {
        self.ask_until_cancelled(question, &Progress::default())
    }

    /// As [`Self::ask`]. What needs the capture read again, as temporary allocations do at distances that the index does not know, shows
    /// its progress and stops when that is cancelled.
    pub fn ask_until_cancelled(&self, question: &Question, progress: &Progress) -> Result<Answer, Refusal> {
        self.store
            .ask(question, |threshold| self.source.temporary_within(threshold, self.store.temporary_known, progress))
    }

    /// An answer by stack: sites of one filtered stack (and thread, where split) summed, the largest bytes first.
    pub fn stacks(&self, answer: &Answer) -> Vec<StackAmount> {
        let shown = self.shown_tree(Hiding::of(&answer.question.filter, false));
        let mut stacks = self.store.stacks_of(answer, &shown);
        stacks
            .sort_by_key(|stack| (std::cmp::Reverse(stack.amount.bytes), std::cmp::Reverse(stack.amount.allocations)));
        stacks
    }

    /// The frames of one of [`Self::stacks`], innermost first, those that the filter hides left out.
    pub fn frames(&self, answer: &Answer, stack: &StackAmount) -> Vec<LocationId> {
        self.shown_tree(Hiding::of(&answer.question.filter, false)).tree.frames(stack.node).collect()
    }

    /// An answer as a tree. Threads are towers of their own below the root where they are split.
    pub fn tree(&self, answer: &Answer, options: TreeOptions) -> Tree {
        let shown = self.shown_tree(Hiding::of(&answer.question.filter, options.folds_libraries));
        let stacks = self.store.stacks_of(answer, &shown);
        if options.is_inverted { callees_first(&shown, &stacks) } else { callers_first(&shown, &stacks) }
    }

    /// An answer's tree with callers first, each before its callees, whose nodes have no places yet: for those who make
    /// another tree of it, which has its own.
    pub fn loose_tree(&self, answer: &Answer, folds_libraries: bool) -> Vec<LooseNode> {
        let shown = self.shown_tree(Hiding::of(&answer.question.filter, folds_libraries));
        loose_callers_first(&shown, &self.store.stacks_of(answer, &shown))
    }

    /// An answer's stacks with a function in them, cut at its outermost frame: who calls it, and whom it calls. Threads are
    /// merged.
    pub fn sandwich(&self, answer: &Answer, function: NamedFunction) -> Sandwich {
        let shown = self.shown_tree(Hiding::of(&answer.question.filter, false));
        let stacks = self.store.stacks_of(answer, &shown);
        let merged: Vec<StackAmount> = stacks.into_iter().map(|stack| StackAmount { thread: None, ..stack }).collect();
        sandwich(&shown, &merged, |location| {
            let location = self.location(location);
            (location.function, location.file) == (function.name, function.file)
        })
    }

    /// An answer as a table, the largest inclusive bytes first.
    pub fn table(&self, answer: &Answer, by: GroupBy) -> Vec<Row> {
        match by.charge() {
            Some(charge) => tables::by_site(&self.store, answer, charge),
            None => tables::by_frame(&self.store, &self.tree(answer, TreeOptions::default()), by),
        }
    }

    /// The sites of an answer that a node of its tree stands for: those whose stack passes through it.
    pub fn sites_below(&self, answer: &Answer, options: TreeOptions, tree: &Tree, node: TreeNodeId) -> Vec<SiteId> {
        let shown = self.shown_tree(Hiding::of(&answer.question.filter, options.folds_libraries));
        let thread = tree.node(node).thread;
        let path: Vec<LocationId> = tree
            .path(node)
            .into_iter()
            .map(|id| tree.node(id).location)
            .filter(|&location| location != LocationId::NONE)
            .collect();
        let passes = if tree.is_inverted { shown.ending_with(&path) } else { shown.beginning_with(&path) };
        let sites = answer.sites.iter().map(|(site, _)| *site);
        sites
            .filter(|&id| {
                let site = self.site(id);
                thread.is_none_or(|thread| site.thread == thread) && passes[shown.shown(site.node).index()]
            })
            .collect()
    }

    /// The sites of an answer that a row of its table sums.
    pub fn sites_of_row(&self, answer: &Answer, by: GroupBy, key: RowKey) -> RowSites {
        let shown = self.shown_tree(Hiding::of(&answer.question.filter, false));
        tables::sites_of_row(&self.store, answer, &shown, by, key)
    }

    /// Live bytes of some sites at each snapshot and at the end: one value longer than `timeline().snapshots`. Of a filter
    /// only the lifetime counts, as sites have none.
    pub fn live_bytes_over_time(&self, sites: &[SiteId], filter: &Filter) -> Result<Vec<u64>, Refusal> {
        self.store.live_bytes_over_time(sites, filter)
    }

    /// What is live over time of the stacks that a filter asks about, by what it is charged to: at most so many bands, and
    /// one for all else.
    pub fn bands(&self, charge: Charge, filter: &Filter, most: usize) -> Result<Bands, Refusal> {
        self.store.bands(charge, filter, most)
    }

    /// How large allocations of some sites were and how long they lived, of those made in a range. Of a filter only the
    /// lifetime counts.
    pub fn distribution(&self, sites: &[SiteId], born_in: TimeRange, filter: &Filter) -> Result<Distribution, Refusal> {
        self.store.distribution(sites, born_in, filter)
    }

    /// What grew in a range, of the stacks and frames that a filter shows, the largest growth first, at most `limit` rows.
    pub fn growth(
        &self,
        range: TimeRange,
        by: GrowthBy,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<GrowthRow>, Refusal> {
        let shown = self.shown_tree(Hiding::of(filter, false));
        self.store.growth(range, by, filter, &shown, limit)
    }

    /// The whole run's statistics.
    pub fn statistics(&self) -> Result<Statistics, Refusal> {
        self.store.statistics()
    }

    fn shown_tree(&self, hiding: Hiding) -> Arc<ShownTree> {
        if let Some(shown) = self.shown.read().unwrap_or_else(PoisonError::into_inner).get(&hiding) {
            return Arc::clone(shown);
        }
        let shown = ShownTree::new(&self.store.call_tree, &self.store.locations, &hiding);
        let mut known = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_SHOWN_TREES {
            // Each is about as large as the call tree, and any set of functions may be hidden.
            known.clear();
        }
        known.insert(hiding, Arc::clone(&shown));
        drop(known);
        shown
    }
}
