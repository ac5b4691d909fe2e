// SPDX-License-Identifier: Apache-2.0
//! Those who take records as they are decoded. [`Visit`] has a method of its own for each of the three kinds that nearly
//! all records are of: a reader that handles them there spares building and taking apart a [`Record`] for each.

use crate::record::{Allocation, FrameKey, Record};

/// Takes records. Any `FnMut(Record<'_>)` does.
pub trait Visit {
    /// A record; those of the kinds below come here only if their own method leads here, as it does unless it is written
    /// anew.
    fn record(&mut self, record: Record<'_>);

    /// A [`Record::Allocation`].
    #[inline(always)]
    fn allocation(&mut self, allocation: Allocation) {
        self.record(Record::Allocation(allocation));
    }

    /// A [`Record::FramePush`].
    #[inline(always)]
    fn frame_push(&mut self, frame: FrameKey) {
        self.record(Record::FramePush(frame));
    }

    /// A [`Record::FramePop`].
    #[inline(always)]
    fn frame_pop(&mut self, count: u32) {
        self.record(Record::FramePop { count });
    }
}

impl<F: FnMut(Record<'_>)> Visit for F {
    #[inline(always)]
    fn record(&mut self, record: Record<'_>) {
        self(record);
    }
}

/// Hands a record to the method that it belongs to.
#[inline(always)]
pub(crate) fn hand_over<V: Visit>(record: Record<'_>, visit: &mut V) {
    match record {
        Record::Allocation(allocation) => visit.allocation(allocation),
        Record::FramePush(frame) => visit.frame_push(frame),
        Record::FramePop { count } => visit.frame_pop(count),
        other => visit.record(other),
    }
}
