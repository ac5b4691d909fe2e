// SPDX-License-Identifier: Apache-2.0
//! Streaming captures of versions 12 and 13. [`Streaming12`] is what their decoder remembers.

use crate::allocator::{Allocator, AllocatorKind};
use crate::decoder::Dialect;
use crate::header::Header;
use crate::input::{Bytes, Input, Stop, Window};
use crate::record::{Allocation, FrameKey, Object, Record, Snapshot};
use crate::shared_records::{
    CODE_OBJECT, CONTEXT_SWITCH, Deltas, LIBRARY, MAPPINGS_START, NATIVE_FRAME, SEGMENT, THREAD_NAME,
    UNKNOWN_ALLOCATOR, UNKNOWN_RECORD, read_context_switch, read_library, read_segment, read_thread_name,
};
use crate::visit::Visit;

const TRAILER: u8 = 1;
const SNAPSHOT: u8 = 2;
// The other records are told by their token's highest bit that is set.
const FRAME_POP: u8 = 0x10;
const OBJECT: u8 = 0x20;
const FRAME_PUSH: u8 = 0x40;
const ALLOCATION: u8 = 0x80;

#[derive(Clone, Copy)]
pub(crate) struct Streaming12 {
    has_native_traces: bool,
    start_time_ms: i64,
    deltas: Deltas,
    recent: RecentAddresses,
}

impl Streaming12 {
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            has_native_traces: header.has_native_traces,
            start_time_ms: header.start_time_ms,
            deltas: Deltas::default(),
            recent: RecentAddresses::default(),
        }
    }

    #[inline(always)]
    fn address<'a>(&mut self, cache_index: u8, input: &mut impl Input<'a>) -> Result<u64, Stop> {
        if cache_index != RecentAddresses::MISS {
            return Ok(self.recent.get(cache_index));
        }
        let address = input.delta(&mut self.deltas.data_pointer)? << 3;
        self.recent.insert(address);
        Ok(address)
    }

    #[inline(always)]
    fn allocation<'a>(&mut self, token: u8, input: &mut impl Input<'a>) -> Result<Allocation, Stop> {
        let (address, allocator) = self.address_and_allocator(token, input)?;
        if allocator.kind() == AllocatorKind::SimpleFree {
            return Ok(free(address, allocator));
        }
        self.rest_of_allocation(address, allocator, input)
    }

    #[inline(always)]
    fn address_and_allocator<'a>(&mut self, token: u8, input: &mut impl Input<'a>) -> Result<(u64, Allocator), Stop> {
        let address = self.address(token >> 3 & 0xf, input)?;
        let number = match token & 7 {
            0 => input.byte()?,
            number => number,
        };
        Ok((address, Allocator::from_number(number).ok_or(UNKNOWN_ALLOCATOR)?))
    }

    /// Of any but the free of a block.
    #[inline(always)]
    fn rest_of_allocation<'a>(
        &mut self,
        address: u64,
        allocator: Allocator,
        input: &mut impl Input<'a>,
    ) -> Result<Allocation, Stop> {
        let native_frame = if self.has_native_traces { input.delta(&mut self.deltas.native_frame)? } else { 0 };
        let size_bytes = input.varint()?;
        Ok(Allocation { address, size_bytes, allocator, native_frame })
    }

    #[inline(always)]
    fn object<'a>(&mut self, token: u8, input: &mut impl Input<'a>) -> Result<Object, Stop> {
        let is_created = token & 1 != 0;
        let address = self.address(token >> 1 & 0xf, input)?;
        let native_frame =
            if self.has_native_traces && is_created { input.delta(&mut self.deltas.native_frame)? } else { 0 };
        Ok(Object { address, is_created, native_frame })
    }

    fn snapshot<'a>(&self, input: &mut impl Input<'a>) -> Result<Snapshot, Stop> {
        let rss_bytes = input.varint()?;
        let time_ms = self.start_time_ms.wrapping_add(input.varint()? as i64);
        Ok(Snapshot { time_ms, rss_bytes, heap_bytes: None })
    }
}

impl Dialect for Streaming12 {
    #[inline(always)]
    fn is_short(token: u8) -> bool {
        token >= FRAME_POP || !matches!(token, LIBRARY | THREAD_NAME | CODE_OBJECT)
    }

    #[inline(always)]
    fn frequent<V: Visit>(&mut self, token: u8, input: &mut Window<'_>, visit: &mut V) -> Result<bool, Stop> {
        match token {
            ALLOCATION.. => {
                let (address, allocator) = self.address_and_allocator(token, input)?;
                // Two calls, so that what a visitor does with either is decided here, once.
                if allocator.kind() == AllocatorKind::SimpleFree {
                    visit.allocation(free(address, allocator));
                } else {
                    visit.allocation(self.rest_of_allocation(address, allocator, input)?);
                }
            }
            FRAME_PUSH.. => visit.frame_push(read_frame_push(token, input)?),
            OBJECT.. => return Ok(false),
            FRAME_POP.. => visit.frame_pop(popped(token)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    #[inline(always)]
    fn short<'a>(&mut self, token: u8, input: &mut impl Input<'a>) -> Result<Record<'a>, Stop> {
        Ok(match token {
            ALLOCATION.. => Record::Allocation(self.allocation(token, input)?),
            FRAME_PUSH.. => Record::FramePush(read_frame_push(token, input)?),
            OBJECT.. => Record::Object(self.object(token, input)?),
            FRAME_POP.. => Record::FramePop { count: popped(token) },
            CONTEXT_SWITCH => read_context_switch(input)?,
            SNAPSHOT => Record::Snapshot(self.snapshot(input)?),
            NATIVE_FRAME => self.deltas.read_native_frame(input)?,
            MAPPINGS_START => Record::MappingsStart,
            SEGMENT => read_segment(input)?,
            TRAILER => Record::Trailer,
            _ => return Err(UNKNOWN_RECORD),
        })
    }

    fn long<'a>(&mut self, token: u8, input: &mut Bytes<'a>) -> Result<Record<'a>, Stop> {
        match token {
            LIBRARY => read_library(input),
            THREAD_NAME => read_thread_name(input),
            CODE_OBJECT => self.deltas.read_code_object(input),
            _ => Err(UNKNOWN_RECORD),
        }
    }
}

#[inline(always)]
fn free(address: u64, allocator: Allocator) -> Allocation {
    Allocation { address, size_bytes: 0, allocator, native_frame: 0 }
}

#[inline(always)]
fn read_frame_push<'a>(token: u8, input: &mut impl Input<'a>) -> Result<FrameKey, Stop> {
    let is_entry = token & 1 != 0;
    Ok(FrameKey { code: input.varint()?, instruction_offset: input.signed_varint()?, is_entry })
}

/// How many frames a token pops.
#[inline(always)]
fn popped(token: u8) -> u32 {
    u32::from(token & 0xf) + 1
}

/// The 15 addresses that were written last, newest first. An address that is found here is not written again, nor does
/// it move.
#[derive(Clone, Copy, Default)]
struct RecentAddresses {
    /// A ring; its sixteenth place is spare.
    ring: [u64; 16],
    newest: u8,
}

impl RecentAddresses {
    /// The index that says that an address follows.
    const MISS: u8 = 15;

    #[inline(always)]
    fn get(&self, index: u8) -> u64 {
        self.ring[usize::from(self.newest.wrapping_add(index) & 15)]
    }

    #[inline(always)]
    fn insert(&mut self, address: u64) {
        self.newest = self.newest.wrapping_sub(1) & 15;
        self.ring[usize::from(self.newest)] = address;
    }
}
