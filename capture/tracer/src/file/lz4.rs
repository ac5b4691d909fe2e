// SPDX-License-Identifier: Apache-2.0
//! [`Lz4Records`]: the capture compressed as it grows, in a file that is valid LZ4 after every single instruction.
//!
//! LZ4 files may hold several frames, one after the other, and *skippable* ones that readers jump over. So the file is:
//!
//! | what | |
//! |---|---|
//! | a frame | the capture's header, stored as it is, so that it can be written over at the end |
//! | a frame for each full block | records, compressed |
//! | a jump | a skippable frame that leads over the reserve to the slot in use |
//! | the reserve | where the next frames will be |
//! | two slots | each a frame that stores one block as it is, zeros where it is not filled yet, and a jump over the rest |
//!
//! Records go into one slot. When it is full, all that will be needed is written where readers do not look: its block,
//! compressed, as a frame in the reserve, from behind the jump's first eight bytes on; a jump behind that; the other slot,
//! cleared. Then one store puts the first eight bytes of the frame over those of the jump. Before it, readers find the records
//! in the slot, after it in the frame. When the reserve is used up, the slots move on, and become the next reserve.
//!
//! A killed program thus leaves a file whose last block ends with zeros, which is how memray's own captures end then. No
//! reader needs to know of any of this.

use super::Place;
use super::disk::{DiskFile, Window};
use super::store::{STORE_BYTES, store_8};
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use std::io;

/// What a slot holds at most, and a frame. Programs that do the same again and again write the same again and again, and a
/// block knows nothing of the one before: it should be much longer than the 64 KiB that LZ4 looks back.
const BLOCK_BYTES: usize = 1 << 20;

/// How a frame begins: magic number; version 1, blocks independent, no checksums; blocks of up to 1 MiB; the checksum of these
/// two bytes.
const FRAME_START: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x60, 0x51];

/// In the word before a block: it is not compressed.
const STORED: u32 = 1 << 31;

/// How a frame ends.
const END_MARK: [u8; 4] = [0; 4];

/// What stands before a block in its frame, and around it.
const BEFORE_BLOCK_BYTES: usize = FRAME_START.len() + 4;
const FRAME_BYTES: usize = BEFORE_BLOCK_BYTES + END_MARK.len();

const JUMP_BYTES: usize = 8;

/// A jump to the end of the file and beyond.
const JUMP_OVER_REST: [u8; JUMP_BYTES] = jump(u32::MAX);

/// A frame and the jump behind it take no more.
const LARGEST_STEP_BYTES: u64 = (FRAME_BYTES + BLOCK_BYTES + JUMP_BYTES) as u64;

const SLOT_BYTES: u64 = LARGEST_STEP_BYTES;

/// How far from the last frame the slots are laid.
const RESERVE_BYTES: u64 = 2 << 20;

/// The start of a skippable frame of this length.
pub(super) const fn jump(length_bytes: u32) -> [u8; JUMP_BYTES] {
    (0x184d_2a50 | (length_bytes as u64) << 32).to_le_bytes()
}

/// Records in LZ4 frames.
pub(super) struct Lz4Records {
    window: Window,
    /// Where the last frame ends, and the jump lies.
    end: u64,
    slots: [Slot; 2],
    current: usize,
    press: Press,
}

#[derive(Clone, Copy)]
struct Slot {
    place: u64,
    /// To be cleared before it is used again.
    filled_bytes: usize,
}

impl Slot {
    fn block(self) -> u64 {
        self.place + BEFORE_BLOCK_BYTES as u64
    }
}

impl Lz4Records {
    /// Writes the header.
    pub(super) fn begin(disk: &mut DiskFile, header: &[u8], limit_bytes: u64) -> io::Result<(Self, Place)> {
        let header_frame = stored_frame(header);
        disk.write_at(&header_frame, 0)?;
        let end = header_frame.len() as u64;
        let (window, slots) = lay_slots(disk, end)?;
        window.write(end, &jump_between(end, slots[0].place));
        let records = Self { window, end, slots, current: 0, press: Press::new() };
        let place = records.place(limit_bytes);
        Ok((records, place))
    }

    /// Compresses what the slot in use holds up to `filled_to`, and goes on in the other.
    pub(super) fn turn(&mut self, disk: &mut DiskFile, filled_to: *const u8, limit_bytes: u64) -> io::Result<Place> {
        let frame_bytes = self.press_slot(filled_to);
        if frame_bytes == 0 {
            return Ok(self.place(limit_bytes));
        }
        let next_end = self.end + frame_bytes as u64;
        let other = 1 - self.current;
        if next_end + LARGEST_STEP_BYTES <= self.slots[0].place {
            let slot = self.slots[other];
            self.window.clear(slot.block(), slot.filled_bytes);
            self.add_frame(jump_between(next_end, slot.place));
            self.current = other;
        } else {
            let (window, slots) = lay_slots(disk, next_end)?;
            self.add_frame(jump_between(next_end, slots[0].place));
            (self.window, self.slots, self.current) = (window, slots, 0);
        }
        Ok(self.place(limit_bytes))
    }

    /// Compresses what the slot in use holds; says where the frames end. What follows there is a jump over all the rest.
    pub(super) fn close(&mut self, filled_to: *const u8) -> u64 {
        if self.press_slot(filled_to) > 0 {
            self.add_frame(JUMP_OVER_REST);
        } else {
            let (jump, _) = self.window.at(self.end);
            // SAFETY: the jump lies in the window, and this value alone writes there.
            unsafe { store_8(jump, JUMP_OVER_REST) };
        }
        self.end
    }

    /// Makes a frame of what the slot in use holds; says how long it is.
    fn press_slot(&mut self, filled_to: *const u8) -> usize {
        let slot = &mut self.slots[self.current];
        let filled_bytes = self.window.place(filled_to).saturating_sub(slot.block());
        slot.filled_bytes = usize::try_from(filled_bytes).map_or(BLOCK_BYTES, |bytes| bytes.min(BLOCK_BYTES));
        let block = &mut self.press.block[..slot.filled_bytes];
        self.window.read(slot.block(), block);
        self.press.press(slot.filled_bytes)
    }

    /// Puts the frame that was made, and a jump behind it, in the place of the jump that is there.
    fn add_frame(&mut self, jump: [u8; JUMP_BYTES]) {
        let frame = self.press.frame();
        let next_end = self.end + frame.len() as u64;
        let Some((start, rest)) = frame.split_first_chunk::<JUMP_BYTES>() else { return };
        self.window.write(next_end, &jump);
        self.window.write(self.end + JUMP_BYTES as u64, rest);
        let (first, _) = self.window.at(self.end);
        // SAFETY: eight bytes follow that place in the window, as a frame and a jump do, and this value alone writes there.
        unsafe { store_8(first, *start) };
        self.end = next_end;
    }

    /// The whole of the slot in use, as far as a file that must not be longer than the limit may be filled.
    fn place(&self, limit_bytes: u64) -> Place {
        let (next, _) = self.window.at(self.slots[self.current].block());
        // Two frames: one for what is written before the limit is found to be reached, and one for what is said then.
        let left_bytes = limit_bytes.saturating_sub(self.end + 2 * FRAME_BYTES as u64);
        let block_bytes = BLOCK_BYTES - STORE_BYTES;
        Place { next, left_bytes: usize::try_from(left_bytes).map_or(block_bytes, |left| left.min(block_bytes)) }
    }
}

/// How much longer the file may become by so many bytes of records: slots are laid anew each time that a reserve is used up.
pub(super) fn disk_bytes(records_bytes: u64) -> u64 {
    let slots_bytes = 2 * SLOT_BYTES;
    records_bytes + (records_bytes / (RESERVE_BYTES - LARGEST_STEP_BYTES) + 1) * slots_bytes + RESERVE_BYTES
}

/// Makes the file longer, and lays two slots near its end.
fn lay_slots(disk: &mut DiskFile, end: u64) -> io::Result<(Window, [Slot; 2])> {
    let first = (end + RESERVE_BYTES).max(disk.length_bytes());
    let slots = [first, first + SLOT_BYTES].map(|place| Slot { place, filled_bytes: 0 });
    disk.grow_to(first + 2 * SLOT_BYTES)?;
    let window = disk.map(end, first + 2 * SLOT_BYTES)?;
    for slot in slots {
        let block_bytes = BLOCK_BYTES as u32 | STORED;
        window.write(slot.place, &FRAME_START);
        window.write(slot.block() - 4, &block_bytes.to_le_bytes());
        // The end mark is there already: zeros.
        window.write(slot.place + SLOT_BYTES - JUMP_BYTES as u64, &JUMP_OVER_REST);
    }
    Ok((window, slots))
}

/// From the end of the frames to a slot.
fn jump_between(from: u64, to: u64) -> [u8; JUMP_BYTES] {
    jump(u32::try_from(to.saturating_sub(from + JUMP_BYTES as u64)).unwrap_or(u32::MAX))
}

/// A frame that holds bytes as they are.
pub(super) fn stored_frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = FRAME_START.to_vec();
    for block in bytes.chunks(BLOCK_BYTES) {
        frame.extend_from_slice(&(block.len() as u32 | STORED).to_le_bytes());
        frame.extend_from_slice(block);
    }
    frame.extend_from_slice(&END_MARK);
    frame
}

/// Makes frames of blocks, in memory taken once.
struct Press {
    /// A copy of the slot: what is mapped may change under the compressor's hands if somebody else writes to the file.
    block: Box<[u8]>,
    frame: Box<[u8]>,
    frame_bytes: usize,
    table: CompressTable,
}

impl Press {
    fn new() -> Self {
        let frame_bytes = FRAME_BYTES + get_maximum_output_size(BLOCK_BYTES);
        let [block, mut frame] = [BLOCK_BYTES, frame_bytes].map(|bytes| vec![0; bytes].into_boxed_slice());
        frame[..FRAME_START.len()].copy_from_slice(&FRAME_START);
        Self { block, frame, frame_bytes: 0, table: CompressTable::large() }
    }

    /// Makes a frame of the block's first bytes; says how long it is. Of nothing there is none.
    fn press(&mut self, filled_bytes: usize) -> usize {
        let block = &self.block[..filled_bytes];
        self.frame_bytes = 0;
        if block.is_empty() {
            return 0;
        }
        let room = &mut self.frame[BEFORE_BLOCK_BYTES..];
        let (size_word, packed_bytes) = match compress_into_with_table(block, room, &mut self.table) {
            Ok(packed_bytes) if packed_bytes < block.len() => (packed_bytes as u32, packed_bytes),
            _ => {
                room[..block.len()].copy_from_slice(block);
                (block.len() as u32 | STORED, block.len())
            }
        };
        self.frame[FRAME_START.len()..BEFORE_BLOCK_BYTES].copy_from_slice(&size_word.to_le_bytes());
        self.frame_bytes = FRAME_BYTES + packed_bytes;
        self.frame[BEFORE_BLOCK_BYTES + packed_bytes..self.frame_bytes].copy_from_slice(&END_MARK);
        self.frame_bytes
    }

    fn frame(&self) -> &[u8] {
        &self.frame[..self.frame_bytes]
    }
}
