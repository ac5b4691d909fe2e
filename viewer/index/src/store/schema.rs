// SPDX-License-Identifier: Apache-2.0
//! The tables of an index file.

/// Marks a database as an index of ours: `mvix`.
pub(crate) const APPLICATION_ID: i32 = 0x6d76_6978;

/// Changes whenever what is stored, or how it is computed, changes: older indexes are then built anew.
pub(crate) const INDEX_VERSION: i32 = 9;

/// All tables: an index file must hold these, and nothing else. Names and paths are blobs: they are bytes of the traced program.
pub(crate) const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE names (id INTEGER PRIMARY KEY, name BLOB NOT NULL);
CREATE TABLE locations (id INTEGER PRIMARY KEY, function INTEGER NOT NULL, file INTEGER NOT NULL, line INTEGER NOT NULL,
    kind INTEGER NOT NULL, module INTEGER NOT NULL, traits INTEGER NOT NULL);
CREATE TABLE call_tree (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, location INTEGER NOT NULL);
CREATE TABLE threads (id INTEGER PRIMARY KEY, number INTEGER NOT NULL, name INTEGER);
CREATE TABLE sites (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE snapshots (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, rss_bytes INTEGER NOT NULL,
    heap_bytes INTEGER NOT NULL);
CREATE TABLE slices (id INTEGER PRIMARY KEY, interval INTEGER NOT NULL, peak_bytes INTEGER NOT NULL,
    end_bytes INTEGER NOT NULL);
CREATE TABLE lifetimes (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, rows INTEGER NOT NULL,
    min_birth INTEGER NOT NULL, max_birth INTEGER NOT NULL, min_death INTEGER NOT NULL, max_death INTEGER NOT NULL,
    data BLOB NOT NULL);
CREATE TABLE temporary (distance INTEGER NOT NULL, site INTEGER NOT NULL, bytes INTEGER NOT NULL,
    allocations INTEGER NOT NULL, PRIMARY KEY (distance, site)) WITHOUT ROWID;
CREATE TABLE sizes (size_bytes INTEGER PRIMARY KEY, allocations INTEGER NOT NULL);
CREATE TABLE size_buckets (bucket INTEGER PRIMARY KEY, allocations INTEGER NOT NULL);
CREATE TABLE above_tracker (location INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, allocations INTEGER NOT NULL);
CREATE TABLE native_frames (id INTEGER PRIMARY KEY, instruction_pointer INTEGER NOT NULL, parent INTEGER NOT NULL);
CREATE TABLE segments (generation INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, path INTEGER NOT NULL,
    bias INTEGER NOT NULL);
CREATE TABLE native_names (library INTEGER NOT NULL, address INTEGER NOT NULL, depth INTEGER NOT NULL,
    location INTEGER NOT NULL, PRIMARY KEY (library, address, depth)) WITHOUT ROWID;
";
