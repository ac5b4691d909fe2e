// SPDX-License-Identifier: Apache-2.0
//! The memory graph's behaviour, driven by mouse as a user would.

use memray_index::{SnapshotRow, Timeline};

/// Snapshots as (elapsed milliseconds, heap, RSS), from a start of 1,000,000 ms.
pub(super) fn timeline(snapshots: &[(i64, u64, u64)]) -> Timeline {
    let start_time_ms = 1_000_000;
    let snapshots: Vec<_> = snapshots
        .iter()
        .map(|&(elapsed, heap_bytes, rss_bytes)| SnapshotRow {
            time_ms: start_time_ms + elapsed,
            rss_bytes,
            heap_bytes,
        })
        .collect();
    let heaps = || snapshots.iter().map(|s| s.heap_bytes);
    let mut interval_peaks: Vec<u64> = std::iter::once(0).chain(heaps()).zip(heaps()).map(|(a, b)| a.max(b)).collect();
    let end_heap_bytes = heaps().last().unwrap_or(0);
    interval_peaks.push(end_heap_bytes);
    let peak_bytes = interval_peaks.iter().copied().max().unwrap_or(0);
    Timeline {
        start_time_ms,
        end_time_ms: snapshots.last().map_or(start_time_ms, |s| s.time_ms),
        peak_interval: interval_peaks.iter().position(|&peak| peak == peak_bytes).unwrap_or(0),
        snapshots,
        interval_peaks,
        end_heap_bytes,
        peak_bytes,
    }
}
