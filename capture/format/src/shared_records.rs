// SPDX-License-Identifier: Apache-2.0
//! The records that all versions and both kinds of capture spell alike. [`Deltas`] leads: most numbers are written as
//! the difference from the last of their kind, whichever thread or kind of record it stood in.

use crate::input::{Bytes, Input, Stop};
use crate::record::{CodeObject, Library, NativeFrame, Record, Segment, ThreadId};

pub(crate) const NATIVE_FRAME: u8 = 5;
pub(crate) const MAPPINGS_START: u8 = 6;
pub(crate) const LIBRARY: u8 = 7;
pub(crate) const SEGMENT: u8 = 8;
pub(crate) const THREAD_NAME: u8 = 10;
pub(crate) const CONTEXT_SWITCH: u8 = 12;
pub(crate) const CODE_OBJECT: u8 = 14;

pub(crate) const UNKNOWN_RECORD: Stop = Stop::Damaged("no record begins with this byte");
pub(crate) const UNKNOWN_ALLOCATOR: Stop = Stop::Damaged("an allocation names no known allocator");

/// The last number of each kind. Differences wrap at 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deltas {
    /// An allocation's or object's address; in versions 12 and 13 its eighth.
    pub(crate) data_pointer: u64,
    /// An allocation's or object's native frame, or a native frame's parent.
    pub(crate) native_frame: u64,
    /// A code object's first line, or a frame's line.
    pub(crate) line: u64,
    instruction_pointer: u64,
}

impl Deltas {
    #[inline(always)]
    pub(crate) fn read_native_frame<'a>(&mut self, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
        let instruction_pointer = input.delta(&mut self.instruction_pointer)?;
        let parent = input.delta(&mut self.native_frame)?;
        Ok(Record::NativeFrame(NativeFrame { instruction_pointer, parent }))
    }

    pub(crate) fn read_code_object<'a>(&mut self, input: &mut Bytes<'a>) -> Result<Record<'a>, Stop> {
        let id = input.varint()?;
        let function = input.text()?;
        let file = input.text()?;
        let first_line = input.delta(&mut self.line)? as i64;
        let line_table = input.sized()?;
        Ok(Record::CodeObject(CodeObject { id, function, file, first_line, line_table }))
    }
}

pub(crate) fn read_library<'a>(input: &mut Bytes<'a>) -> Result<Record<'a>, Stop> {
    let path = input.text()?;
    let segment_count = input.varint()?;
    let address = input.u64()?;
    Ok(Record::Library(Library { path, segment_count, address }))
}

pub(crate) fn read_segment<'a>(input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
    let virtual_address = input.u64()?;
    let size_bytes = input.varint()?;
    Ok(Record::Segment(Segment { virtual_address, size_bytes }))
}

pub(crate) fn read_thread_name<'a>(input: &mut Bytes<'a>) -> Result<Record<'a>, Stop> {
    Ok(Record::ThreadName(input.text()?))
}

#[inline(always)]
pub(crate) fn read_context_switch<'a>(input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
    Ok(Record::ContextSwitch(ThreadId(input.u64()?)))
}
