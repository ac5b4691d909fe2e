// SPDX-License-Identifier: Apache-2.0
//! The index file: one SQLite database, written once and then only read.
//!
//! What is looked up by its name or number is in tables; lifetimes and sites, of which there may be millions, are columns in
//! blobs ([`crate::columns`], [`crate::site_columns`]). `schema` has the
//! tables, `writer` fills them, `reader` loads all but lifetimes into memory, `lifetimes` sums
//! those: `chunks` reads them, `counting` says which count, `ages` how long they were.

pub(crate) mod ages;
pub(crate) mod chunks;
pub(crate) mod counting;
pub(crate) mod lifetimes;
pub(crate) mod reader;
pub(crate) mod schema;
pub(crate) mod writer;

use crate::answer::Amount;
use crate::call_tree::CallTree;
use crate::columns::Half;
use crate::ids::SiteId;
use crate::index::Thread;
use crate::info::CaptureInfo;
use crate::location::Location;
use crate::names::Names;
use crate::native::NativeSymbols;
use crate::native::stack::NativeTables;
use crate::site::Site;
use crate::timeline::Timeline;
use rusqlite::Connection;
use std::sync::{Mutex, OnceLock};

/// What an opened index holds in memory.
pub(crate) struct Store {
    pub(crate) info: CaptureInfo,
    pub(crate) timeline: Timeline,
    pub(crate) names: Names,
    pub(crate) threads: Vec<Thread>,
    pub(crate) locations: Vec<Location>,
    pub(crate) call_tree: CallTree,
    pub(crate) sites: Vec<Site>,
    pub(crate) sums: SiteSums,
    /// The largest threshold for which the index knows temporary allocations.
    pub(crate) temporary_known: u64,
    /// For every interval between snapshots, its last slice.
    pub(crate) last_slices: Vec<u32>,
    /// Largest heap of every slice, its start included.
    pub(crate) slice_peaks: Vec<u64>,
    /// At whose end the heap was largest.
    pub(crate) peak_half: Half,
    pub(crate) ages: OnceLock<ages::Ages>,
    pub(crate) lifetimes: lifetimes::Lifetimes,
    pub(crate) native_symbols: NativeSymbols,
    /// Native stacks, loaded when first asked for.
    pub(crate) native: OnceLock<NativeTables>,
    /// For who asks in SQL. Opened with the rest, as the file may have no name later.
    pub(crate) spare_connection: Mutex<Option<Connection>>,
}

impl Store {
    /// How long allocations lived.
    pub(crate) fn ages(&self) -> &ages::Ages {
        self.ages.get_or_init(|| ages::Ages::new(&self.timeline, &self.last_slices))
    }
}

/// Sums by site that are kept ready.
#[derive(Default)]
pub(crate) struct SiteSums {
    pub(crate) peak: Vec<(SiteId, Amount)>,
    pub(crate) leaked: Vec<(SiteId, Amount)>,
    pub(crate) total: Vec<(SiteId, Amount)>,
}
