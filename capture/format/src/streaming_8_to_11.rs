// SPDX-License-Identifier: Apache-2.0
//! Streaming captures of versions 8 to 11, which differ in their headers only. [`Streaming8To11`] is what their decoder
//! remembers.

use crate::allocator::{Allocator, AllocatorKind};
use crate::decoder::Dialect;
use crate::header::Header;
use crate::input::{Bytes, Input, Stop};
use crate::record::{Allocation, FrameDefinition, FrameKey, Record, Snapshot};
use crate::shared_records::{
    CONTEXT_SWITCH, Deltas, LIBRARY, MAPPINGS_START, NATIVE_FRAME, SEGMENT, THREAD_NAME, UNKNOWN_ALLOCATOR,
    UNKNOWN_RECORD, read_context_switch, read_library, read_segment, read_thread_name,
};

// A token's low four bits say what it is; the high four are flags.
const OTHER: u8 = 0;
const ALLOCATION: u8 = 1;
const ALLOCATION_WITH_NATIVE_FRAME: u8 = 2;
const FRAME_DEFINITION: u8 = 3;
const FRAME_PUSH: u8 = 4;
const FRAME_POP: u8 = 9;
const SNAPSHOT: u8 = 11;
/// The flags of [`OTHER`] that end the capture.
const TRAILER: u8 = 1;

#[derive(Clone, Copy)]
pub(crate) struct Streaming8To11 {
    start_time_ms: i64,
    deltas: Deltas,
    /// The frame that was defined or pushed last.
    frame: u64,
}

impl Streaming8To11 {
    pub(crate) fn new(header: &Header) -> Self {
        Self { start_time_ms: header.start_time_ms, deltas: Deltas::default(), frame: 0 }
    }

    #[inline(always)]
    fn allocation<'a>(&mut self, number: u8, input: &mut impl Input<'a>) -> Result<Allocation, Stop> {
        let allocator = Allocator::from_number_before_12(number).ok_or(UNKNOWN_ALLOCATOR)?;
        let address = input.delta(&mut self.deltas.data_pointer)?;
        let size_bytes = if allocator.kind() == AllocatorKind::SimpleFree { 0 } else { input.varint()? };
        Ok(Allocation { address, size_bytes, allocator, native_frame: 0 })
    }

    #[inline(always)]
    fn allocation_with_native_frame<'a>(&mut self, number: u8, input: &mut impl Input<'a>) -> Result<Allocation, Stop> {
        let allocator = Allocator::from_number_before_12(number).ok_or(UNKNOWN_ALLOCATOR)?;
        let address = input.delta(&mut self.deltas.data_pointer)?;
        let size_bytes = input.varint()?;
        let native_frame = input.delta(&mut self.deltas.native_frame)?;
        Ok(Allocation { address, size_bytes, allocator, native_frame })
    }

    fn snapshot<'a>(&self, input: &mut impl Input<'a>) -> Result<Snapshot, Stop> {
        let rss_bytes = input.varint()?;
        let time_ms = self.start_time_ms.wrapping_add(input.varint()? as i64);
        Ok(Snapshot { time_ms, rss_bytes, heap_bytes: None })
    }

    fn frame_definition<'a>(&mut self, flags: u8, input: &mut Bytes<'a>) -> Result<FrameDefinition<'a>, Stop> {
        Ok(FrameDefinition {
            id: input.delta(&mut self.frame)?,
            function: input.text()?,
            file: input.text()?,
            line: input.delta(&mut self.deltas.line)? as i64,
            is_entry: flags & 1 == 0,
        })
    }
}

impl Dialect for Streaming8To11 {
    #[inline(always)]
    fn is_short(token: u8) -> bool {
        !matches!(token & 0xf, LIBRARY | THREAD_NAME | FRAME_DEFINITION)
    }

    #[inline(always)]
    fn short<'a>(&mut self, token: u8, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
        let flags = token >> 4;
        Ok(match token & 0xf {
            ALLOCATION => Record::Allocation(self.allocation(flags, input)?),
            ALLOCATION_WITH_NATIVE_FRAME => Record::Allocation(self.allocation_with_native_frame(flags, input)?),
            FRAME_PUSH => {
                let code = input.delta(&mut self.frame)?;
                // Whether it is an entry frame, its definition says.
                Record::FramePush(FrameKey { code, instruction_offset: 0, is_entry: true })
            }
            FRAME_POP => Record::FramePop { count: u32::from(flags) + 1 },
            CONTEXT_SWITCH => read_context_switch(input)?,
            SNAPSHOT => Record::Snapshot(self.snapshot(input)?),
            NATIVE_FRAME => self.deltas.read_native_frame(input)?,
            MAPPINGS_START => Record::MappingsStart,
            SEGMENT => read_segment(input)?,
            OTHER if flags == TRAILER => Record::Trailer,
            _ => return Err(UNKNOWN_RECORD),
        })
    }

    fn long<'a>(&mut self, token: u8, input: &mut Bytes<'a>) -> Result<Record<'a>, Stop> {
        match token & 0xf {
            LIBRARY => read_library(input),
            THREAD_NAME => read_thread_name(input),
            FRAME_DEFINITION => Ok(Record::FrameDefinition(self.frame_definition(token >> 4, input)?)),
            _ => Err(UNKNOWN_RECORD),
        }
    }
}
