// SPDX-License-Identifier: Apache-2.0
//! [`Recorder`]: encodes what happens, in one order for all threads.
//!
//! It is used under one lock, as the order of records is what peaks are computed from. What can be done before, such as
//! looking at a thread's stack, is done before.
//!
//! A capture has one of two forms. Most hold every allocation and every free, as they come. In those that hold sums only,
//! what is defined once (code, frames, stacks) is written as it comes too, and so are samples; the sums themselves
//! ([`Aggregation`]) are known at the end, and written then. There is always room for them.

mod capture;

use crate::aggregation::{Aggregation, NoMemory, Site};
use crate::file::{CaptureFile, FileError};
use crate::native::{Naming, NativeStack};
use crate::python::{Interpreter, StackChange};
use capture::Capture;
use memray_format::appendix::StoppedBy;
use memray_format::{Allocation, AllocatorKind, EncodeError, FileFormat, FrameKey, Header, Record, Snapshot, ThreadId};
use thiserror::Error;

/// Why nothing more can be recorded.
#[derive(Debug, Error)]
pub(crate) enum RecordError {
    /// The file takes no more.
    #[error(transparent)]
    File(#[from] FileError),
    /// The program has used up all memory.
    #[error("there is no memory left for the tracer")]
    Exhausted,
    /// A record that the format cannot spell.
    #[error("a record cannot be written: {0}")]
    Encode(#[from] EncodeError),
    /// What is live cannot be kept.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
}

/// Writes one capture.
pub(crate) struct Recorder {
    capture: Capture,
    form: Form,
    epoch: u32,
}

enum Form {
    /// Everything is written as it comes.
    Streaming,
    /// Sums are written at the end.
    Aggregating(Box<Aggregating>),
}

struct Aggregating {
    aggregation: Aggregation,
    /// There is room for the sums of so many sites.
    room_for: usize,
}

/// The sums of a site take no more, in a compressed file neither.
const SITE_BYTES: u64 = 74;

/// For how many sites room is made at once, beside those of which there are as many already.
const ROOM_FOR_MORE: usize = 256;

impl Recorder {
    /// A capture that begins with this header. `epoch` tells it from those that this process wrote before.
    pub(crate) fn new(header: Header, file: CaptureFile, epoch: u32) -> Result<Self, RecordError> {
        let mut form = match header.file_format {
            FileFormat::AllAllocations => Form::Streaming,
            FileFormat::Aggregated => {
                Form::Aggregating(Box::new(Aggregating { aggregation: Aggregation::new(), room_for: 0 }))
            }
        };
        let mut capture = Capture::new(header, file)?;
        if let Form::Aggregating(aggregating) = &mut form {
            match aggregating.make_room(&mut capture) {
                // That is said when the first record comes.
                Ok(()) | Err(RecordError::File(FileError::MaxSize)) => {}
                Err(error) => {
                    capture.file.remove();
                    return Err(error);
                }
            }
        }
        Ok(Self { capture, form, epoch })
    }

    /// Which of this process's captures this is.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// A thread's stack changed, and then it allocated. `native` is the native stack that it did so with, if that is
    /// recorded.
    #[inline]
    pub(crate) fn allocation(
        &mut self,
        thread: ThreadId,
        change: StackChange<'_>,
        native: Option<&mut NativeStack>,
        mut allocation: Allocation,
        interpreter: &Interpreter,
    ) -> Result<(), RecordError> {
        let capture = &mut self.capture;
        if let Form::Aggregating(aggregating) = &mut self.form {
            return aggregating.allocation(capture, thread, change, native, allocation, interpreter);
        }
        capture.switch_to(thread)?;
        if change.pops > 0 {
            capture.record(&Record::FramePop { count: u32::try_from(change.pops).unwrap_or(u32::MAX) })?;
        }
        for frame in change.pushes {
            let frame = capture.frame(frame, interpreter)?;
            capture.record(&Record::FramePush(frame))?;
        }
        if let Some(native) = native {
            allocation.native_frame = capture.native_frame(native)?;
        }
        capture.frequent(allocation)
    }

    /// A thread freed, or allocated with no Python stack, as before.
    #[inline(always)]
    pub(crate) fn operation(&mut self, thread: ThreadId, operation: Allocation) -> Result<(), RecordError> {
        if let Form::Aggregating(aggregating) = &mut self.form {
            return aggregating.operation(&mut self.capture, thread, operation);
        }
        self.capture.switch_to(thread)?;
        self.capture.frequent(operation)
    }

    /// A thread got a name.
    #[cold]
    pub(crate) fn thread_name(&mut self, thread: ThreadId, name: &[u8]) -> Result<(), RecordError> {
        self.capture.switch_to(thread)?;
        self.capture.record(&Record::ThreadName(name))
    }

    /// A sample of memory use.
    pub(crate) fn snapshot(&mut self, time_ms: i64, rss_bytes: u64) -> Result<(), RecordError> {
        let heap_bytes = match &self.form {
            Form::Streaming => None,
            Form::Aggregating(aggregating) => Some(aggregating.aggregation.heap_bytes()),
        };
        self.capture.record(&Record::Snapshot(Snapshot { time_ms, rss_bytes, heap_bytes }))
    }

    /// Ends the capture; its file is then complete. Returns the file's size in bytes. Its appendix says what `stopped` it, and
    /// names native functions.
    pub(crate) fn finish(
        mut self,
        end_time_ms: i64,
        naming: Naming,
        stopped: Option<StoppedBy>,
    ) -> Result<u64, RecordError> {
        let capture = &mut self.capture;
        capture.header.end_time_ms = end_time_ms;
        let summed = match &mut self.form {
            Form::Streaming => Ok(()),
            Form::Aggregating(aggregating) => aggregating.write_sums(capture),
        };
        if summed.is_ok() {
            // Should there be no room even for this, the capture reads as one that was cut.
            let _ = capture.record(&Record::Trailer);
        }
        let size_bytes = self.capture.finish(naming, stopped)?;
        summed.map(|()| size_bytes)
    }

    /// In a forked child: leaves the file to the parent. The header serves the child's own capture.
    pub(crate) fn abandon(self) -> Header {
        self.capture.file.abandon();
        self.capture.header
    }
}

impl Aggregating {
    #[inline]
    fn allocation(
        &mut self,
        capture: &mut Capture,
        thread: ThreadId,
        change: StackChange<'_>,
        native: Option<&mut NativeStack>,
        mut allocation: Allocation,
        interpreter: &Interpreter,
    ) -> Result<(), RecordError> {
        for frame in change.pushes {
            let frame = capture.frame(frame, interpreter)?;
            let number = self.stack(capture, change.numbers.last().map_or(0, |&parent| parent), frame)?;
            change.numbers.push(number);
        }
        let mut generation = 0;
        if let Some(native) = native {
            allocation.native_frame = capture.native_frame(native)?;
            generation = capture.segment_generation();
        }
        let stack = change.numbers.last().map_or(0, |&stack| stack);
        self.allocated(capture, Site::new(stack, thread, &allocation, generation), &allocation)
    }

    /// A free, or an allocation with no stack.
    #[inline(never)]
    fn operation(&mut self, capture: &mut Capture, thread: ThreadId, operation: Allocation) -> Result<(), RecordError> {
        match operation.allocator.kind() {
            AllocatorKind::Simple | AllocatorKind::Ranged => {
                self.allocated(capture, Site::new(0, thread, &operation, 0), &operation)
            }
            _ => {
                self.aggregation.free(&operation);
                Ok(())
            }
        }
    }

    #[inline]
    fn allocated(&mut self, capture: &mut Capture, site: Site, allocation: &Allocation) -> Result<(), RecordError> {
        if self.aggregation.allocate(site, allocation)? && self.aggregation.site_count() > self.room_for {
            self.make_room(capture)?;
        }
        Ok(())
    }

    /// The number of the stack in which another one called a frame, of which what is new is written.
    fn stack(&mut self, capture: &mut Capture, parent: u32, frame: FrameKey) -> Result<u32, RecordError> {
        let (frame_id, is_new) = self.aggregation.frame(frame);
        if is_new {
            capture.record(&Record::AggregatedFrame { frame_id: u64::from(frame_id), frame })?;
        }
        let (number, is_new) = self.aggregation.stack(parent, frame_id);
        if is_new {
            capture.record(&Record::StackEntry { frame_id: u64::from(frame_id), parent })?;
        }
        Ok(number)
    }

    /// Sees to it that the sums will find room.
    #[cold]
    fn make_room(&mut self, capture: &mut Capture) -> Result<(), RecordError> {
        self.room_for = self.aggregation.site_count() + self.aggregation.site_count() / 4 + ROOM_FOR_MORE;
        Ok(capture.file.keep_for_the_end(self.room_for as u64 * SITE_BYTES)?)
    }

    #[cold]
    fn write_sums(&mut self, capture: &mut Capture) -> Result<(), RecordError> {
        capture.header.allocation_count = self.aggregation.count();
        capture.file.begin_the_end();
        for sum in self.aggregation.finish() {
            capture.record(&Record::AggregatedAllocation(sum))?;
        }
        Ok(())
    }
}
