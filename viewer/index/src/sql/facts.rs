// SPDX-License-Identifier: Apache-2.0
//! The capture as a whole as rows of a table: what its header and its index say, by readable names.

use crate::store::Store;
use rusqlite::types::Value;
use rusqlite::{Connection, Result};

/// Fills the table `capture` of a connection.
pub(super) fn fill(connection: &Connection, store: &Store) -> Result<()> {
    connection.execute_batch("CREATE TEMP TABLE capture (key TEXT PRIMARY KEY, value) WITHOUT ROWID")?;
    let mut insert = connection.prepare("INSERT INTO capture VALUES (?1, ?2)")?;
    for (key, value) in facts(store) {
        insert.execute((key, value))?;
    }
    Ok(())
}

fn facts(store: &Store) -> Vec<(&'static str, Value)> {
    // SQLite's numbers have a sign.
    let number = |value: u64| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    let text = |bytes: &[u8]| Value::Text(String::from_utf8_lossy(bytes).into_owned());
    let (info, timeline) = (&store.info, &store.timeline);
    let header = &info.header;
    let python = header
        .python_version
        .map_or(Value::Null, |hex| Value::Text(format!("{}.{}.{}", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff)));
    let (rss, rss_ms) = info.peak_rss.map_or((Value::Null, Value::Null), |(bytes, unix_ms)| {
        (number(bytes), Value::Integer(unix_ms.saturating_sub(timeline.start_time_ms)))
    });
    vec![
        ("file_name", Value::Text(info.file_name.clone())),
        ("file_bytes", number(info.file_size_bytes)),
        ("format_version", Value::Integer(header.version.into())),
        ("command_line", text(&header.command_line)),
        ("pid", Value::Integer(header.pid.into())),
        ("python_version", python),
        ("recorder", info.recorder.as_ref().map_or(Value::Null, |recorder| Value::Text(recorder.name().to_owned()))),
        ("is_aggregated", Value::Integer(info.is_aggregated().into())),
        ("has_native_stacks", Value::Integer(header.has_native_traces.into())),
        ("traces_python_allocators", Value::Integer(header.traces_python_allocators.into())),
        ("stops_early", Value::Integer(info.stops_early().into())),
        ("start_unix_ms", Value::Integer(timeline.start_time_ms)),
        ("duration_ms", Value::Integer(info.duration_ms)),
        ("records", number(info.counts.records)),
        ("allocations", number(info.counts.allocations)),
        ("total_bytes", number(info.total_bytes_allocated)),
        ("peak_bytes", number(timeline.peak_bytes)),
        ("peak_ms", Value::Integer(timeline.peak_elapsed_ms())),
        ("end_bytes", number(timeline.end_heap_bytes)),
        ("peak_rss_bytes", rss),
        ("peak_rss_ms", rss_ms),
    ]
}
