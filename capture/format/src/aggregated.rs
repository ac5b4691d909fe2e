// SPDX-License-Identifier: Apache-2.0
//! Aggregated captures, versions 10 to 13. [`Aggregated`] is what their decoder remembers. Versions 10 and 11 define
//! frames with names and lines, 12 and 13 by code objects.

use crate::allocator::Allocator;
use crate::decoder::Dialect;
use crate::header::Header;
use crate::input::{Bytes, Input, Stop};
use crate::record::{AggregatedAllocation, FrameDefinition, FrameKey, Record, Snapshot, ThreadId};
use crate::shared_records::{
    CODE_OBJECT, CONTEXT_SWITCH, Deltas, LIBRARY, MAPPINGS_START, NATIVE_FRAME, SEGMENT, THREAD_NAME,
    UNKNOWN_ALLOCATOR, UNKNOWN_RECORD, read_context_switch, read_library, read_segment, read_thread_name,
};

const SNAPSHOT: u8 = 1;
const ALLOCATION: u8 = 2;
const STACK_ENTRY: u8 = 3;
const FRAME: u8 = 4;
const SURVIVING_OBJECT: u8 = 13;
const TRAILER: u8 = 15;

#[derive(Clone, Copy)]
pub(crate) struct Aggregated {
    has_code_objects: bool,
    has_native_traces: bool,
    deltas: Deltas,
}

impl Aggregated {
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            has_code_objects: header.version >= 12,
            has_native_traces: header.has_native_traces,
            deltas: Deltas::default(),
        }
    }

    fn stack_entry<'a>(&self, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
        if !self.has_code_objects {
            return Ok(Record::StackEntry { frame_id: input.u64()?, parent: u32::from_le_bytes(input.bytes()?) });
        }
        let frame_id = input.varint()?;
        let parent = u32::try_from(input.varint()?).map_err(|_| Stop::Damaged("a stack has an impossible parent"))?;
        Ok(Record::StackEntry { frame_id, parent })
    }

    /// Versions 12 and 13.
    fn frame<'a>(&self, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
        let frame_id = input.varint()?;
        let frame = FrameKey {
            code: input.varint()?,
            instruction_offset: input.signed_varint()?,
            is_entry: input.byte()? != 0,
        };
        Ok(Record::AggregatedFrame { frame_id, frame })
    }

    fn surviving_object<'a>(&self, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
        let address = input.varint()? << 3;
        let native_frame = if self.has_native_traces { input.varint()? } else { 0 };
        Ok(Record::SurvivingObject { address, native_frame })
    }

    fn allocation(&self, input: &mut Bytes<'_>) -> Result<AggregatedAllocation, Stop> {
        let thread = ThreadId(input.u64()?);
        let [number, _padding @ ..] = input.bytes::<8>()?;
        let allocator = if self.has_code_objects {
            Allocator::from_number(number)
        } else {
            Allocator::from_number_before_12(number)
        };
        Ok(AggregatedAllocation {
            thread,
            allocator: allocator.ok_or(UNKNOWN_ALLOCATOR)?,
            native_frame: input.u64()?,
            stack: input.u64()?,
            segment_generation: input.u64()?,
            peak_allocations: input.u64()?,
            leaked_allocations: input.u64()?,
            peak_bytes: input.u64()?,
            leaked_bytes: input.u64()?,
        })
    }
}

fn read_snapshot<'a>(input: &mut impl Input<'a>) -> Result<Snapshot, Stop> {
    Ok(Snapshot { time_ms: input.u64()? as i64, rss_bytes: input.u64()?, heap_bytes: Some(input.u64()?) })
}

/// Versions 10 and 11.
fn read_frame_definition<'a>(input: &mut Bytes<'a>) -> Result<FrameDefinition<'a>, Stop> {
    Ok(FrameDefinition {
        id: input.u64()?,
        function: input.text()?,
        file: input.text()?,
        line: i64::from(input.i32()?),
        is_entry: input.byte()? != 0,
    })
}

impl Dialect for Aggregated {
    fn is_short(token: u8) -> bool {
        !matches!(token, LIBRARY | THREAD_NAME | CODE_OBJECT | FRAME | ALLOCATION)
    }

    fn short<'a>(&mut self, token: u8, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
        Ok(match token {
            STACK_ENTRY => self.stack_entry(input)?,
            NATIVE_FRAME => self.deltas.read_native_frame(input)?,
            SNAPSHOT => Record::Snapshot(read_snapshot(input)?),
            SURVIVING_OBJECT if self.has_code_objects => self.surviving_object(input)?,
            CONTEXT_SWITCH => read_context_switch(input)?,
            MAPPINGS_START => Record::MappingsStart,
            SEGMENT => read_segment(input)?,
            TRAILER => Record::Trailer,
            _ => return Err(UNKNOWN_RECORD),
        })
    }

    fn long<'a>(&mut self, token: u8, input: &mut Bytes<'a>) -> Result<Record<'a>, Stop> {
        match token {
            ALLOCATION => Ok(Record::AggregatedAllocation(self.allocation(input)?)),
            FRAME if self.has_code_objects => self.frame(input),
            FRAME => Ok(Record::FrameDefinition(read_frame_definition(input)?)),
            LIBRARY => read_library(input),
            THREAD_NAME => read_thread_name(input),
            CODE_OBJECT if self.has_code_objects => self.deltas.read_code_object(input),
            _ => Err(UNKNOWN_RECORD),
        }
    }
}
