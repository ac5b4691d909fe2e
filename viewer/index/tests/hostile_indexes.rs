// SPDX-License-Identifier: Apache-2.0
//! Index files that this program did not write: refused in a sentence, or answered; never a panic, a hang or memory
//! without bound.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;

use asking::{Random, ask_all, open};
use memray_format::Encoder;
use memray_format::synth::Synthesis;
use memray_index::{Error, Index, Mode, Moment, Question};
use proptest::prelude::*;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

struct Place {
    folder: tempfile::TempDir,
}

/// A good index's bytes.
static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let synthesis = Synthesis { native: true, threads: 3, snapshots: 20, ..Synthesis::small(3) };
    let mut encoder = Encoder::new(Vec::new(), &synthesis.header()).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    let place = Place::new();
    std::fs::write(place.path("a.bin"), encoder.finish().unwrap()).unwrap();
    let mut bytes = Vec::new();
    open(&place.path("a.bin")).unwrap().write_to(&mut bytes).unwrap();
    bytes
});

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Opens the good index after SQL was run on it.
fn after(sql: &str) -> Result<Index, String> {
    let place = Place::new();
    let path = place.path("b.mvidx");
    std::fs::write(&path, &*GOOD).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
    opened(&path)
}

fn opened(path: &Path) -> Result<Index, String> {
    open(path).map_err(|error| match error {
        Error::BadIndex { message, .. } | Error::NotACapture { message, .. } => message,
        other => panic!("{other}"),
    })
}

fn refusal(sql: &str) -> String {
    match after(sql) {
        Err(message) => message,
        Ok(_) => panic!("opened after {sql}"),
    }
}

#[test]
fn the_good_one_answers() {
    let index = after("SELECT 1").unwrap();
    assert_eq!(index.threads().len(), 3);
    let answer = index.ask(&Question { mode: Mode::LiveAt(Moment::Snapshot(3)), ..Question::default() }).unwrap();
    assert!(answer.total.bytes > 0);
    assert_eq!(ask_all(&index).unwrap_err().0, "the range ends before it begins");
}

#[test]
fn only_our_tables_are_accepted_and_only_as_we_define_them() {
    for sql in [
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON sites BEGIN DELETE FROM sites; END",
        "CREATE INDEX i ON call_tree (parent)",
        "CREATE TABLE more (id INTEGER)",
        "DROP TABLE sizes",
        "DROP TABLE sizes; CREATE VIEW sizes AS SELECT 1 AS size_bytes, 2 AS allocations",
        "DROP TABLE sizes; CREATE TABLE sizes (size_bytes INTEGER PRIMARY KEY, allocations INTEGER NOT NULL DEFAULT 7)",
        "ALTER TABLE sizes ADD COLUMN other INTEGER GENERATED ALWAYS AS (length(zeroblob(1000000000)))",
        "DROP TABLE names; CREATE VIRTUAL TABLE names USING rtree(id, a, b)",
    ] {
        assert!(refusal(sql).contains("it has other tables than an index"), "{sql}: {}", refusal(sql));
    }
}

#[test]
fn handles_that_point_nowhere_are_refused() {
    for sql in [
        "UPDATE sites SET data = x'00'",
        "UPDATE sites SET data = zeroblob(100000)",
        "UPDATE sites SET data = data || x'00'",
        "UPDATE sites SET data = 7",
        "UPDATE sites SET id = 1",
        "DELETE FROM threads WHERE id > 0",
        "UPDATE call_tree SET parent = id WHERE id = 3",
        "UPDATE call_tree SET parent = 9 WHERE id = 3",
        "UPDATE call_tree SET location = 99999 WHERE id = 3",
        "UPDATE locations SET function = 99999 WHERE id = 1",
        "UPDATE locations SET module = -1 WHERE id = 1",
        "UPDATE threads SET name = 99999 WHERE id = 0",
        "UPDATE names SET name = (SELECT name FROM names WHERE id = 2) WHERE id = 1",
        "UPDATE names SET name = 5 WHERE id = 1",
        "DELETE FROM names WHERE id = 1",
        "DELETE FROM locations",
        "UPDATE call_tree SET id = id - 1",
        "UPDATE slices SET interval = 20 WHERE id = 1",
        "UPDATE slices SET interval = 20 - interval",
        "DELETE FROM slices WHERE id > 5",
        "UPDATE lifetimes SET kind = 9",
        "UPDATE lifetimes SET rows = 65537",
        "UPDATE lifetimes SET rows = -1",
        "UPDATE lifetimes SET max_birth = 4294967295",
        "UPDATE lifetimes SET min_birth = max_birth + 1",
        "UPDATE lifetimes SET max_death = 4294967296",
        "UPDATE meta SET value = 21 WHERE key = 'peak_interval'",
        "UPDATE meta SET value = -1 WHERE key = 'peak_interval'",
        "UPDATE meta SET value = x'00' WHERE key = 'header'",
        "UPDATE meta SET value = NULL WHERE key = 'header'",
        "DELETE FROM meta WHERE key = 'records'",
        "UPDATE meta SET value = 'many' WHERE key = 'records'",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2000000000",
        "PRAGMA application_id = 1",
    ] {
        assert!(!refusal(sql).is_empty(), "{sql}");
    }
}

#[test]
fn numbers_at_the_end_of_all_numbers_are_summed_without_harm() {
    const MAX: i64 = i64::MAX;
    for sql in [
        format!("UPDATE temporary SET bytes = {MAX}, allocations = {MAX}, distance = -distance"),
        format!("UPDATE size_buckets SET allocations = {MAX}; UPDATE sizes SET allocations = -1"),
        format!(
            "UPDATE snapshots SET time_ms = {MAX}, rss_bytes = -1, heap_bytes = -1 WHERE id % 2 = 0;
                 UPDATE snapshots SET time_ms = -{MAX} - 1 WHERE id % 2 = 1"
        ),
        format!("UPDATE slices SET peak_bytes = -1; UPDATE meta SET value = {MAX} WHERE key = 'duration_ms'"),
        "UPDATE meta SET value = -1 WHERE key NOT IN ('header', 'file_name', 'ending_reason', 'peak_interval')"
            .to_owned(),
        format!(
            "UPDATE above_tracker SET bytes = -1, allocations = -1; INSERT INTO above_tracker VALUES (1, {MAX}, {MAX});
                 INSERT INTO above_tracker VALUES (4000000000, 1, 1)"
        ),
        "UPDATE threads SET number = -1; UPDATE locations SET line = -2147483648, kind = 255, traits = 255".to_owned(),
        "UPDATE native_frames SET parent = id; UPDATE segments SET start = -1, end = -1, bias = -1, path = 99999"
            .to_owned(),
        "UPDATE temporary SET site = site + 99999".to_owned(),
        "UPDATE lifetimes SET min_birth = 0, max_birth = 0, min_death = 0, max_death = 0".to_owned(),
    ] {
        match after(&sql) {
            Ok(index) => drop(ask_all(&index)),
            Err(message) => assert!(!message.is_empty(), "{sql}"),
        }
    }
}

#[test]
fn sites_with_any_byte_changed_are_refused_or_answer() {
    let place = Place::new();
    let path = place.path("changed.mvidx");
    let change = |at: usize, byte: u8| {
        std::fs::write(&path, &*GOOD).unwrap();
        let connection = Connection::open(&path).unwrap();
        let mut data: Vec<u8> = connection.query_row("SELECT data FROM sites", [], |row| row.get(0)).unwrap();
        let length = data.len();
        if let Some(place) = data.get_mut(at) {
            *place = byte;
        }
        connection.execute("UPDATE sites SET data = ?1", [data]).unwrap();
        connection.close().unwrap();
        (length, opened(&path))
    };
    let (length, unchanged) = change(usize::MAX, 0);
    assert!(unchanged.is_ok());
    let mut refused = 0;
    // The parts that say how the others are packed are among the first and at every column's start.
    for at in (0..64.min(length)).chain((64..length).step_by(7)) {
        for byte in [0, 0xff] {
            match change(at, byte).1 {
                Ok(index) => drop(ask_all(&index)),
                Err(message) => {
                    assert!(message.contains("it anew from its capture"), "{message}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_chunk_that_is_not_what_is_said_of_it_refuses_answers_instead_of_falsifying_them() {
    for sql in [
        "UPDATE lifetimes SET data = x'00'",
        "UPDATE lifetimes SET data = zeroblob(100000)",
        "UPDATE lifetimes SET data = x'fdffffffffffffff7f'",
        "UPDATE lifetimes SET rows = rows + 1",
        "UPDATE lifetimes SET data = 7",
        // Bounds that its rows are not within: other questions would not look at these rows.
        "UPDATE lifetimes SET max_birth = min_birth WHERE kind = 0",
        "UPDATE lifetimes SET min_death = max_death WHERE kind = 0",
    ] {
        let index = after(sql).unwrap();
        let live = Question { mode: Mode::LiveAt(Moment::Snapshot(3)), ..Question::default() };
        let refused = index.ask(&live).unwrap_err();
        assert!(refused.0.starts_with("the index is damaged"), "{sql}: {refused}");
    }
}

#[test]
fn an_index_cut_anywhere_is_refused() {
    let place = Place::new();
    let path = place.path("cut.mvidx");
    for end in (0..GOOD.len()).step_by(997).chain([1, 15, 16, 71, 72, 99, 100, 101, GOOD.len() - 1]) {
        std::fs::write(&path, &GOOD[..end]).unwrap();
        let message = opened(&path).err().unwrap_or_else(|| panic!("opened {end} bytes"));
        assert!(!message.is_empty());
    }
    let longer = [&GOOD[..], &[0; 5000]].concat();
    std::fs::write(&path, longer).unwrap();
    assert!(opened(&path).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_flipped_bytes_are_survived(seed in any::<u64>(), flips in 1usize..30, first_page in any::<bool>()) {
        let mut bytes = GOOD.clone();
        let mut random = Random(seed);
        for _ in 0..flips {
            let end = if first_page { 16384 } else { bytes.len() };
            let at = random.below(end);
            bytes[at] = random.next() as u8;
        }
        let place = Place::new();
        let path = place.path("flipped.mvidx");
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(index) = opened(&path) {
            let _ = ask_all(&index);
        }
    }
}
