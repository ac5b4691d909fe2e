// SPDX-License-Identifier: Apache-2.0
//! [`Capture`]: the records of a capture, put into its file; and what every capture defines once, whatever its form.

use super::RecordError;
use crate::file::CaptureFile;
use crate::native::{self, LoadedObjects, Naming, NativeStack, Trie};
use crate::python::{self, CodeIds, Frame, Interpreter};
use memray_format::appendix::{StoppedBy, encode_recorder, encode_stopped_by};
use memray_format::{
    Allocation, CodeObject, FrameKey, Header, Library, NativeFrame, Record, RecordEncoder, Segment, ShortRecord,
    ThreadId, encode_header,
};

/// A capture that is written.
pub(super) struct Capture {
    pub(super) header: Header,
    encoder: RecordEncoder,
    pub(super) file: CaptureFile,
    codes: CodeIds,
    native: Natives,
    current: ThreadId,
}

/// What the capture has of native stacks.
#[derive(Default)]
struct Natives {
    stacks: Trie,
    /// The generation of the objects that it has.
    objects: u32,
    /// How many lists of objects it has.
    lists: u32,
}

/// What captures say of who recorded them.
const RECORDER: &str = concat!("memray-view ", env!("CARGO_PKG_VERSION"));

/// Records up to this size are encoded in place.
const SHORT_BYTES: usize = 256;

impl Capture {
    /// One that begins with this header.
    pub(super) fn new(header: Header, file: CaptureFile) -> Result<Self, RecordError> {
        let encoder = RecordEncoder::new(&header)?;
        let (codes, native) = (CodeIds::default(), Natives::default());
        Ok(Self { header, encoder, file, codes, native, current: ThreadId(0) })
    }

    /// The records that follow are of this thread.
    #[inline(always)]
    pub(super) fn switch_to(&mut self, thread: ThreadId) -> Result<(), RecordError> {
        if self.current == thread { Ok(()) } else { self.switch(thread) }
    }

    #[inline(never)]
    fn switch(&mut self, thread: ThreadId) -> Result<(), RecordError> {
        self.current = thread;
        self.record(&Record::ContextSwitch(thread))
    }

    /// A frame as records name it; its code is defined if it is new.
    #[inline]
    pub(super) fn frame(&mut self, frame: &Frame, interpreter: &Interpreter) -> Result<FrameKey, RecordError> {
        let (code, is_new) = self.codes.number(frame.code);
        if is_new {
            self.define(code, frame.code, interpreter)?;
        }
        // Readers need to know it only to put native frames between them.
        let is_entry = frame.is_entry || !self.header.has_native_traces;
        Ok(FrameKey { code, instruction_offset: frame.instruction_offset, is_entry })
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

    /// The number of a native stack, of which what is new is written.
    pub(super) fn native_frame(&mut self, stack: &mut NativeStack) -> Result<u64, RecordError> {
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

    /// Which list of loaded objects native stacks refer to now, as readers count them.
    pub(super) fn segment_generation(&self) -> u32 {
        self.native.lists
    }

    /// What is loaded from here on.
    #[cold]
    fn objects(&mut self, objects: &LoadedObjects) -> Result<(), RecordError> {
        self.native.objects = objects.generation;
        self.native.lists += 1;
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

    /// Writes a record that nearly all are.
    #[inline(always)]
    pub(super) fn frequent(&mut self, allocation: Allocation) -> Result<(), RecordError> {
        self.header.allocation_count += 1;
        match self.encoder.encode_short(allocation) {
            Some(ShortRecord { bits, length }) => Ok(self.file.write_short(bits, length)?),
            None => self.infrequent(allocation),
        }
    }

    #[cold]
    fn infrequent(&mut self, allocation: Allocation) -> Result<(), RecordError> {
        self.record(&Record::Allocation(allocation))
    }

    #[inline]
    pub(super) fn record(&mut self, record: &Record<'_>) -> Result<(), RecordError> {
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

    /// Completes the file. Returns its size in bytes. Its appendix says who recorded and what `stopped` it, and names native
    /// functions, if all that has room.
    pub(super) fn finish(self, naming: Naming, stopped: Option<StoppedBy>) -> Result<u64, RecordError> {
        let mut facts = encode_recorder(RECORDER);
        facts.extend(stopped.map(encode_stopped_by).unwrap_or_default());
        let mut all = native::appendix(&self.native.stacks, naming);
        all.extend_from_slice(&facts);
        Ok(self.file.finish(&encode_header(&self.header)?, &[&all, &facts])?)
    }
}
