// SPDX-License-Identifier: Apache-2.0
//! [`Recorder`]: encodes what happens, in one order for all threads.
//!
//! It is used under one lock, as the order of records is what peaks are computed from. What can be done before, such as
//! looking at a thread's stack, is done before.

use crate::file::{CaptureFile, FileError};
use crate::native::{self, LoadedObjects, NativeStack, Trie};
use crate::python::{self, CodeIds, Interpreter, StackChange};
use memray_format::{
    Allocation, CodeObject, EncodeError, FrameKey, Header, Library, NativeFrame, Record, RecordEncoder, Segment,
    ShortRecord, Snapshot, ThreadId, encode_header,
};
use thiserror::Error;

/// Why nothing more can be recorded.
#[derive(Debug, Error)]
pub(crate) enum RecordError {
    /// The file takes no more.
    #[error(transparent)]
    File(#[from] FileError),
    /// The program has used up all memory.
    #[error("there is no memory left for the tracer")]
    NoMemory,
    /// A record that the format cannot spell.
    #[error("a record cannot be written: {0}")]
    Encode(#[from] EncodeError),
}

/// Writes one capture.
pub(crate) struct Recorder {
    header: Header,
    encoder: RecordEncoder,
    file: CaptureFile,
    codes: CodeIds,
    native: Natives,
    current: ThreadId,
    epoch: u32,
}

/// What the capture has of native stacks.
#[derive(Default)]
struct Natives {
    stacks: Trie,
    /// The generation of the objects that it has.
    objects: u32,
}

/// Records up to this size are encoded in place.
const SHORT_BYTES: usize = 256;

impl Recorder {
    /// A capture that begins with this header. `epoch` tells it from those that this process wrote before.
    pub(crate) fn new(header: Header, file: CaptureFile, epoch: u32) -> Result<Self, RecordError> {
        let encoder = RecordEncoder::new(&header)?;
        Ok(Self {
            header,
            encoder,
            file,
            codes: CodeIds::default(),
            native: Natives::default(),
            current: ThreadId(0),
            epoch,
        })
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
        change: &StackChange<'_>,
        native: Option<&mut NativeStack>,
        mut allocation: Allocation,
        interpreter: &Interpreter,
    ) -> Result<(), RecordError> {
        self.switch_to(thread)?;
        if change.pops > 0 {
            self.record(&Record::FramePop { count: u32::try_from(change.pops).unwrap_or(u32::MAX) })?;
        }
        for frame in change.pushes {
            let (code, is_new) = self.codes.number(frame.code);
            if is_new {
                self.define(code, frame.code, interpreter)?;
            }
            // Readers need to know it only to put native frames between them.
            let (instruction_offset, is_entry) = (frame.instruction_offset, frame.is_entry || native.is_none());
            self.record(&Record::FramePush(FrameKey { code, instruction_offset, is_entry }))?;
        }
        if let Some(native) = native {
            allocation.native_frame = self.native_frame(native)?;
        }
        self.frequent(allocation)
    }

    /// The number of a native stack, of which what is new is written.
    fn native_frame(&mut self, stack: &mut NativeStack) -> Result<u64, RecordError> {
        if let Some(objects) = stack.objects()
            && objects.generation > self.native.objects
        {
            self.objects(objects)?;
        }
        stack.number(|parent, instruction_pointer| {
            let (id, is_new) = self.native.stacks.number(parent, instruction_pointer);
            if is_new {
                self.record(&Record::NativeFrame(NativeFrame { instruction_pointer, parent }))?;
            }
            Ok(id)
        })
    }

    /// What is loaded from here on.
    #[cold]
    fn objects(&mut self, objects: &LoadedObjects) -> Result<(), RecordError> {
        self.native.objects = objects.generation;
        self.record(&Record::MappingsStart)?;
        for object in &objects.list {
            let (path, segment_count) = (object.path.as_slice(), object.segments.len() as u64);
            self.record(&Record::Library(Library { path, segment_count, address: object.bias }))?;
            for &(virtual_address, size_bytes) in &object.segments {
                self.record(&Record::Segment(Segment { virtual_address, size_bytes }))?;
            }
        }
        Ok(())
    }

    /// A thread freed.
    #[inline]
    pub(crate) fn free(&mut self, thread: ThreadId, free: Allocation) -> Result<(), RecordError> {
        self.switch_to(thread)?;
        self.frequent(free)
    }

    #[inline(always)]
    fn frequent(&mut self, allocation: Allocation) -> Result<(), RecordError> {
        self.header.allocation_count += 1;
        match self.encoder.encode_short(allocation) {
            Some(ShortRecord { bits, length }) => Ok(self.file.write_short(bits, length)?),
            None => self.record(&Record::Allocation(allocation)),
        }
    }

    /// A thread got a name.
    #[cold]
    pub(crate) fn thread_name(&mut self, thread: ThreadId, name: &[u8]) -> Result<(), RecordError> {
        self.switch_to(thread)?;
        self.record(&Record::ThreadName(name))
    }

    /// A sample of memory use.
    pub(crate) fn snapshot(&mut self, time_ms: i64, rss_bytes: u64) -> Result<(), RecordError> {
        self.record(&Record::Snapshot(Snapshot { time_ms, rss_bytes, heap_bytes: None }))
    }

    #[inline]
    fn switch_to(&mut self, thread: ThreadId) -> Result<(), RecordError> {
        if self.current != thread {
            self.current = thread;
            self.record(&Record::ContextSwitch(thread))?;
        }
        Ok(())
    }

    #[cold]
    fn define(&mut self, id: u64, code: python::CodeObject, interpreter: &Interpreter) -> Result<(), RecordError> {
        let text = interpreter.text(code);
        let record = Record::CodeObject(CodeObject {
            id,
            function: &text.function,
            file: &text.file,
            first_line: text.first_line,
            line_table: &text.line_table,
        });
        self.record(&record)
    }

    #[inline]
    fn record(&mut self, record: &Record<'_>) -> Result<(), RecordError> {
        let bound = RecordEncoder::bound(record);
        if bound > SHORT_BYTES {
            return self.long_record(record, bound);
        }
        let room = self.file.room(bound)?;
        let length = self.encoder.encode(record, room)?;
        self.file.advance(length);
        Ok(())
    }

    #[cold]
    fn long_record(&mut self, record: &Record<'_>, bound: usize) -> Result<(), RecordError> {
        let mut bytes = vec![0; bound];
        let length = self.encoder.encode(record, &mut bytes)?;
        bytes.truncate(length);
        Ok(self.file.write(&bytes)?)
    }

    /// Ends the capture; its file is then complete. Returns the file's size in bytes. If `names_native`, its appendix names
    /// native functions, for which files are read.
    pub(crate) fn finish(mut self, end_time_ms: i64, names_native: bool) -> Result<u64, RecordError> {
        self.header.end_time_ms = end_time_ms;
        // Should there be no room even for this, the capture reads as one that was cut.
        let _ = self.record(&Record::Trailer);
        let appendix = if names_native { native::appendix(&self.native.stacks) } else { Vec::new() };
        Ok(self.file.finish(&encode_header(&self.header)?, &appendix)?)
    }

    /// In a forked child: leaves the file to the parent. The header serves the child's own capture.
    pub(crate) fn abandon(self) -> Header {
        self.file.abandon();
        self.header
    }
}
