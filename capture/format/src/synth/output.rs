// SPDX-License-Identifier: Apache-2.0
//! Where a synthesis puts its records, counted; and the clock of its snapshots.

use crate::record::{Record, Snapshot};

/// Counts records on their way to the caller's sink.
pub(super) struct Output<'a> {
    sink: &'a mut dyn FnMut(Record<'_>),
    records: u64,
}

impl<'a> Output<'a> {
    pub(super) fn new(sink: &'a mut dyn FnMut(Record<'_>)) -> Self {
        Self { sink, records: 0 }
    }

    /// How many records went out, definitions of frames aside: versions differ in these, and must not in what follows.
    #[inline]
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    #[inline]
    pub(super) fn emit(&mut self, record: Record<'_>) {
        self.records += u64::from(!matches!(record, Record::CodeObject(_) | Record::FrameDefinition(_)));
        (self.sink)(record);
    }

    /// Counts a record that this version cannot say.
    pub(super) fn omit(&mut self) {
        self.records += 1;
    }
}

/// Snapshots at equal distances of progress.
pub(super) struct Clock {
    start_time_ms: i64,
    interval_ms: i64,
    taken: u64,
    planned: u64,
}

impl Clock {
    pub(super) fn new(start_time_ms: i64, interval_ms: i64, planned: u64) -> Self {
        Self { start_time_ms, interval_ms, taken: 0, planned }
    }

    /// Takes the snapshots that are due when `done` of `total` is done, the first at the start.
    #[inline]
    pub(super) fn tick(&mut self, done: u64, total: u64, heap_bytes: u64, out: &mut Output<'_>) {
        while self.taken < self.planned
            && u128::from(done) * u128::from(self.planned) >= u128::from(self.taken) * u128::from(total)
        {
            out.emit(Record::Snapshot(Snapshot {
                time_ms: self.start_time_ms + self.taken as i64 * self.interval_ms,
                rss_bytes: 20_000_000 + heap_bytes + heap_bytes / 8,
                heap_bytes: None,
            }));
            self.taken += 1;
        }
    }
}
