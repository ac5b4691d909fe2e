// SPDX-License-Identifier: Apache-2.0
//! Opens an index file. It may come from anybody: it is opened read-only, must hold our tables and no others (no views, no
//! triggers), and every handle in it is checked against the table that it points into.

use super::chunks::ChunkInfo;
use super::lifetimes::Lifetimes;
use super::schema::{APPLICATION_ID, INDEX_VERSION, TABLES};
use super::{SiteSums, Store};
use crate::answer::Amount;
use crate::build::MAX_TEMPORARY_DISTANCE;
use crate::call_tree::CallTree;
use crate::columns::{Bounds, CHUNK_ROWS, Half, RowKind};
use crate::error::Error;
use crate::ids::{LocationId, NodeId, SiteId, StringId};
use crate::index::Thread;
use crate::info::{CaptureInfo, Ending, RecordCounts, Recorder, StoppedBy};
use crate::location::{FrameKind, Location, LocationTraits};
use crate::names::Names;
use crate::native::NativeSymbols;
use crate::native::frames::{MappedSegment, NativeFrames, Place};
use crate::native::place::NativeNames;
use crate::native::stack::NativeTables;
use crate::site::Site;
use crate::site_columns::{SiteColumns, SiteRow};
use crate::timeline::{SnapshotRow, Timeline};
use memray_format::{Header, NativeFrame, ThreadId};
use rusqlite::{Connection, OpenFlags, Row};
use std::path::Path;
use std::sync::{Mutex, OnceLock};

/// More generations of segments than any program has: each is a library loaded or unloaded.
const MAX_GENERATIONS: usize = 1 << 20;

/// Why a file is no index: what is wrong, or what SQLite said.
enum Fault {
    Wrong(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn wrong<T>(what: &str) -> Result<T, Fault> {
    Err(Fault::Wrong(what.to_owned()))
}

impl Store {
    /// Opens an index file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        load(path).map_err(|fault| {
            let message = match fault {
                Fault::Wrong(what) => format!("the index cannot be used ({what}); make it anew from its capture"),
                Fault::Sqlite(error) => {
                    format!("the index cannot be read ({error}); make it anew from its capture")
                }
            };
            Error::BadIndex { message, path: path.to_owned() }
        })
    }

    /// Native stacks. What is wrong in them counts as not there, as they are not needed to answer questions.
    pub(crate) fn native(&self) -> &NativeTables {
        self.native.get_or_init(|| {
            let (names, locations) = (self.names.rows().len(), self.locations.len());
            self.lifetimes.with_connection(|connection| load_native(connection, names, locations)).unwrap_or_default()
        })
    }
}

/// The version of an index file; `None` if the file is none.
pub(crate) fn index_version(path: &Path) -> Option<i32> {
    let head = file_head(path)?;
    Some(head_number(&head, 60))
}

/// The first bytes of an index file.
fn file_head(path: &Path) -> Option<[u8; 100]> {
    use std::io::Read as _;
    // Opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut head = [0u8; 100];
    std::fs::File::open(path).ok()?.read_exact(&mut head).ok()?;
    (head.starts_with(b"SQLite format 3\0") && head_number(&head, 68) == APPLICATION_ID).then_some(head)
}

fn head_number(head: &[u8; 100], at: usize) -> i32 {
    i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
}

/// Whether a file is as long as its first bytes say: SQLite itself would only notice when it reads what is not there.
fn is_whole(path: &Path, head: &[u8; 100]) -> bool {
    let page_bytes = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 1 << 16,
        bytes => u64::from(bytes),
    };
    let pages = u64::from(head_number(head, 28) as u32);
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == page_bytes * pages)
}

/// The name of the capture that an index was made of; `None` if this is no index that can be read.
pub(crate) fn capture_name(path: &Path) -> Option<String> {
    if index_version(path) != Some(INDEX_VERSION) {
        return None;
    }
    let connection = connect(path).ok()?;
    check_tables(&connection).ok()?;
    meta(&connection, "file_name").ok()
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(byte as char),
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;")?;
    Ok(connection)
}

fn load(path: &Path) -> Result<Store, Fault> {
    let Some(head) = file_head(path) else { return wrong("it is not an index of memray-view") };
    match head_number(&head, 60) {
        INDEX_VERSION => {}
        other => return wrong(&format!("it has version {other}, this program reads {INDEX_VERSION}")),
    }
    if !is_whole(path, &head) {
        return wrong("the file is not as long as it should be");
    }
    let connection = connect(path)?;
    check_tables(&connection)?;

    let names = load_names(&connection)?;
    let locations = load_locations(&connection, names.rows().len())?;
    let call_tree = load_tree(&connection, locations.len())?;
    let threads = load_threads(&connection, names.rows().len())?;
    let (sites, sums) = load_sites(&connection, &call_tree, threads.len())?;
    let (mut timeline, last_slices, slice_peaks) = load_timeline(&connection)?;
    let info = load_info(&connection)?;
    timeline.start_time_ms = info.header.start_time_ms;
    timeline.end_time_ms = info.header.start_time_ms.saturating_add(info.duration_ms);
    timeline.end_heap_bytes = meta_u64(&connection, "end_heap_bytes")?;
    timeline.peak_bytes = meta_u64(&connection, "peak_bytes")?;
    timeline.peak_interval = meta_u64(&connection, "peak_interval")? as usize;
    if info.is_aggregated() {
        timeline.interval_peaks.clear();
    }
    if timeline.peak_interval > timeline.snapshots.len() {
        return wrong("its peak lies beyond its end");
    }
    let peak_half = meta_u64(&connection, "peak_half")?;
    let peak_half = match u32::try_from(peak_half) {
        Ok(half) if peak_half < 2 * slice_peaks.len().max(1) as u64 => Half(half),
        _ => return wrong("its peak lies beyond its end"),
    };
    let temporary_known = meta_u64(&connection, "temporary_known")?.min(u64::from(MAX_TEMPORARY_DISTANCE));
    let chunks = load_chunks(&connection, slice_peaks.len())?;
    let has_names = connection.query_row("SELECT EXISTS (SELECT * FROM native_names)", [], |row| row.get(0))?;
    let native_symbols = match (has_names, meta_u64(&connection, "native_names_verified")?) {
        (false, _) => NativeSymbols::None,
        (true, 0) => NativeSymbols::Unverified,
        (true, _) => NativeSymbols::Verified,
    };
    let lifetimes = Lifetimes::new(connection, chunks, sites.len());
    Ok(Store {
        info,
        timeline,
        names,
        threads,
        locations,
        call_tree,
        sites,
        sums,
        temporary_known,
        last_slices,
        slice_peaks,
        peak_half,
        ages: OnceLock::new(),
        lifetimes,
        native_symbols,
        native: OnceLock::new(),
        spare_connection: Mutex::new(Some(connect(path)?)),
    })
}

/// Refuses a database that holds anything but our tables, defined as we define them.
fn check_tables(connection: &Connection) -> Result<(), Fault> {
    let mut found: Vec<String> = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?
        .query_map([], |row| row.get(0))?
        .take(100)
        .collect::<Result<_, _>>()?;
    let mut ours: Vec<&str> = TABLES.split(';').map(str::trim).filter(|sql| !sql.is_empty()).collect();
    found.sort_unstable();
    ours.sort_unstable();
    if found == ours { Ok(()) } else { wrong("it has other tables than an index") }
}

/// Reads all rows of a query whose first column counts from `first` without gaps.
fn rows<T>(
    connection: &Connection,
    select: &str,
    mut read: impl FnMut(&Row<'_>, usize) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare(select)?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? != all.len() as i64 {
            return wrong("a table has a gap");
        }
        all.push(read(row, all.len())?);
    }
    Ok(all)
}

/// A handle that must lie below `count`.
fn handle(row: &Row<'_>, column: usize, count: usize) -> Result<u32, Fault> {
    let value: u32 = row.get(column)?;
    if (value as usize) < count { Ok(value) } else { wrong("a table points beyond another's end") }
}

fn load_names(connection: &Connection) -> Result<Names, Fault> {
    let mut names = Names::default();
    rows(connection, "SELECT id, name FROM names ORDER BY id", |row, id| {
        let name = row.get_ref(1)?.as_blob().map_err(|_| Fault::Wrong("a name is no bytes".to_owned()))?;
        if names.intern(name).index() == id { Ok(()) } else { wrong("a name occurs twice") }
    })?;
    Ok(names)
}

fn load_locations(connection: &Connection, names: usize) -> Result<Vec<Location>, Fault> {
    let select = "SELECT id, function, file, line, kind, module, traits FROM locations ORDER BY id";
    let locations = rows(connection, select, |row, _| {
        let traits: u8 = row.get(6)?;
        let is_set = |bit: u8| traits >> bit & 1 == 1;
        Ok(Location {
            function: StringId(handle(row, 1, names)?),
            file: StringId(handle(row, 2, names)?),
            line: row.get(3)?,
            kind: match row.get::<_, u8>(4)? {
                0 => FrameKind::Python,
                1 => FrameKind::Native,
                _ => FrameKind::Library,
            },
            module: StringId(handle(row, 5, names)?),
            traits: LocationTraits {
                is_own_code: is_set(0),
                is_standard_library: is_set(1),
                is_import_system: is_set(2),
                is_interesting: is_set(3),
                is_cpython_internal: is_set(4),
            },
        })
    })?;
    if locations.is_empty() { wrong("it has no locations") } else { Ok(locations) }
}

fn load_tree(connection: &Connection, locations: usize) -> Result<CallTree, Fault> {
    let mut tree = CallTree::default();
    rows(connection, "SELECT id, parent, location FROM call_tree ORDER BY id", |row, id| {
        let (parent, location) = (handle(row, 1, id.max(1))?, handle(row, 2, locations)?);
        if id > 0 {
            tree.push(NodeId(parent), LocationId(location));
        }
        Ok(())
    })?;
    Ok(tree)
}

fn load_threads(connection: &Connection, names: usize) -> Result<Vec<Thread>, Fault> {
    rows(connection, "SELECT id, number, name FROM threads ORDER BY id", |row, _| {
        let name: Option<u32> = row.get(2)?;
        if name.is_some_and(|name| name as usize >= names) {
            return wrong("a thread's name does not exist");
        }
        Ok(Thread { id: ThreadId(row.get::<_, i64>(1)? as u64), name: name.map(StringId) })
    })
}

fn load_sites(connection: &Connection, tree: &CallTree, threads: usize) -> Result<(Vec<Site>, SiteSums), Fault> {
    let mut sites: Vec<Site> = Vec::new();
    let mut sums = SiteSums::default();
    rows(connection, "SELECT id, data FROM sites ORDER BY id", |row, _| {
        let data = row.get_ref(1)?.as_blob().map_err(|_| Fault::Wrong("a chunk of sites is no bytes".to_owned()))?;
        let Some(columns) = SiteColumns::decode(data) else { return wrong("a chunk of sites is not whole") };
        for row in columns.rows(tree.len(), threads) {
            let Some(SiteRow { site, peak, leaked, total }) = row else { return wrong("a site points nowhere") };
            let id = SiteId(sites.len() as u32);
            for (sums, amount) in [(&mut sums.peak, peak), (&mut sums.leaked, leaked), (&mut sums.total, total)] {
                if amount != Amount::default() {
                    sums.push((id, amount));
                }
            }
            sites.push(site);
        }
        Ok(())
    })?;
    Ok((sites, sums))
}

fn load_timeline(connection: &Connection) -> Result<(Timeline, Vec<u32>, Vec<u64>), Fault> {
    let select = "SELECT id, time_ms, rss_bytes, heap_bytes FROM snapshots ORDER BY id";
    let snapshots = rows(connection, select, |row, _| {
        Ok(SnapshotRow {
            time_ms: row.get(1)?,
            rss_bytes: row.get::<_, i64>(2)? as u64,
            heap_bytes: row.get::<_, i64>(3)? as u64,
        })
    })?;
    let intervals = snapshots.len() + 1;
    let mut last_slices = vec![0; intervals];
    let mut interval_peaks = vec![0; intervals];
    let mut last_interval = 0;
    let slice_peaks = rows(connection, "SELECT id, interval, peak_bytes FROM slices ORDER BY id", |row, id| {
        let interval = handle(row, 1, intervals)? as usize;
        // Each interval has a slice of its own, so that moments follow each other as their slices do.
        if interval != last_interval && interval != last_interval + 1 {
            return wrong("its slices are out of order");
        }
        last_interval = interval;
        let peak = row.get::<_, i64>(2)? as u64;
        last_slices[interval] = id as u32;
        interval_peaks[interval] = peak.max(interval_peaks[interval]);
        Ok(peak)
    })?;
    if !slice_peaks.is_empty() && last_interval + 1 != intervals {
        return wrong("its slices end before it does");
    }
    Ok((Timeline { snapshots, interval_peaks, ..Timeline::default() }, last_slices, slice_peaks))
}

fn load_chunks(connection: &Connection, slices: usize) -> Result<Vec<ChunkInfo>, Fault> {
    let mut statement = connection
        .prepare("SELECT id, kind, rows, min_birth, max_birth, min_death, max_death FROM lifetimes ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut chunks = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(kind) = RowKind::from_number(row.get(1)?) else { return wrong("a chunk is of no known kind") };
        let count: usize = row.get(2)?;
        let births = (Half(row.get(3)?), Half(row.get(4)?));
        if count > CHUNK_ROWS || births.0 > births.1 || births.1.0 as usize >= 2 * slices {
            return wrong("a chunk lies beyond the end");
        }
        let deaths = (Half(row.get(5)?), Half(row.get(6)?));
        chunks.push(ChunkInfo { id: row.get(0)?, kind, rows: count, bounds: Bounds { births, deaths } });
    }
    Ok(chunks)
}

fn load_native(connection: &Connection, names: usize, locations: usize) -> Result<NativeTables, Fault> {
    let mut statement = connection.prepare("SELECT instruction_pointer, parent FROM native_frames ORDER BY id")?;
    let frames = statement
        .query_map([], |row| {
            Ok(NativeFrame { instruction_pointer: row.get::<_, i64>(0)? as u64, parent: row.get::<_, i64>(1)? as u64 })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut generations: Vec<Vec<MappedSegment>> = Vec::new();
    let mut statement =
        connection.prepare("SELECT generation, path, start, end, bias FROM segments ORDER BY generation")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let generation: usize = row.get(0)?;
        if generation == 0 || generation > MAX_GENERATIONS {
            return wrong("a segment's generation cannot be");
        }
        if generation > generations.len() {
            generations.resize_with(generation, Vec::new);
        }
        generations[generation - 1].push(MappedSegment {
            path: StringId(handle(row, 1, names)?),
            start: row.get::<_, i64>(2)? as u64,
            end: row.get::<_, i64>(3)? as u64,
            bias: row.get::<_, i64>(4)? as u64,
        });
    }
    let mut native_names = NativeNames::new();
    let mut statement =
        connection.prepare("SELECT library, location, address FROM native_names ORDER BY library, address, depth")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let place = Place { library: StringId(handle(row, 0, names)?), address: row.get::<_, i64>(2)? as u64 };
        native_names.entry(place).or_default().push(LocationId(handle(row, 1, locations)?));
    }
    Ok(NativeTables { frames: NativeFrames::from_rows(frames, generations), names: native_names })
}

fn meta<T: rusqlite::types::FromSql>(connection: &Connection, key: &str) -> Result<T, Fault> {
    Ok(connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))?)
}

fn meta_u64(connection: &Connection, key: &str) -> Result<u64, Fault> {
    Ok(meta::<i64>(connection, key)? as u64)
}

fn load_info(connection: &Connection) -> Result<CaptureInfo, Fault> {
    let header: Vec<u8> = meta(connection, "header")?;
    let Ok((header, _)) = Header::decode(&header) else { return wrong("its header does not decode") };
    let count = |key: &str| meta_u64(connection, key);
    let (offset, reason) = (count("ending_offset")?, meta(connection, "ending_reason")?);
    let ending = match meta::<i64>(connection, "ending")? {
        0 => Ending::Complete,
        1 => Ending::Truncated { offset, reason },
        3 => Ending::Stopped(StoppedBy::MaxSize(offset)),
        4 => Ending::Stopped(StoppedBy::Duration(offset)),
        5 => Ending::Stopped(StoppedBy::WriteError(i32::try_from(offset).unwrap_or(i32::MAX))),
        _ => Ending::Damaged { offset, reason },
    };
    Ok(CaptureInfo {
        header,
        file_name: meta(connection, "file_name")?,
        file_size_bytes: count("file_size_bytes")?,
        counts: RecordCounts {
            records: count("records")?,
            allocations_and_frees: count("allocations_and_frees")?,
            allocations: count("allocations")?,
            unmatched_frees: count("unmatched_frees")?,
            locations: count("locations")?,
        },
        total_bytes_allocated: count("total_bytes_allocated")?,
        peak_rss: meta::<Option<i64>>(connection, "peak_rss_bytes")?
            .map(|bytes| Ok::<_, Fault>((bytes as u64, meta(connection, "peak_rss_time_ms")?)))
            .transpose()?,
        recorder: meta::<Option<String>>(connection, "recorder")?
            .map(|name| if name == Recorder::Memray.name() { Recorder::Memray } else { Recorder::Named(name) }),
        ending,
        duration_ms: meta(connection, "duration_ms")?,
        appendix_problem: meta(connection, "appendix_problem")?,
    })
}
