// SPDX-License-Identifier: Apache-2.0
//! LZ4 frames, block by block. [`Lz4Frame`] leads. The frame is read here rather than by lz4_flex, so that a file that is
//! cut or damaged gives all that comes before.
//!
//! Files may hold several frames, and skippable ones, one after the other.

use std::hash::Hasher;

use twox_hash::XxHash32;

use super::Damage;
use super::lz4_block::decode_leniently;

/// Begins a frame.
pub(super) const MAGIC_NUMBER: u32 = 0x184d_2204;

/// How far back matches reach.
const HISTORY_BYTES: usize = 64 << 10;

/// Whether this begins a frame for other programs, to be skipped.
pub(super) fn is_skippable(magic_number: u32) -> bool {
    magic_number & !0xf == 0x184d_2a50
}

/// Reads the LZ4 frames that make up a file.
pub struct Lz4Frame<'a> {
    input: &'a [u8],
    position: usize,
    frame: Option<Descriptor>,
    /// The last bytes that the frame gave.
    history: Vec<u8>,
    content: XxHash32,
}

/// What stands at the start of a frame.
#[derive(Clone, Copy)]
struct Descriptor {
    blocks_are_linked: bool,
    has_block_checksums: bool,
    has_content_checksum: bool,
    max_block_bytes: usize,
}

impl<'a> Lz4Frame<'a> {
    /// Reads the start of the first frame.
    ///
    /// # Errors
    /// If the input does not begin with an LZ4 frame, or with one that cannot be read.
    pub fn new(input: &'a [u8]) -> Result<Self, Damage> {
        let mut frame = Self { input, position: 0, frame: None, history: Vec::new(), content: XxHash32::with_seed(0) };
        if frame.open_frame()? { Ok(frame) } else { Err(frame.damage(0, "there is no LZ4 frame")) }
    }

    /// Appends the next block's bytes to `out`; returns false at the end of the last frame.
    ///
    /// # Errors
    /// If the file is cut or damaged here; nothing can be read after that. What could be had of the block was appended
    /// nevertheless. All of it is good if the file was cut; if it was damaged, the last of it may not be.
    pub fn next_block(&mut self, out: &mut Vec<u8>) -> Result<bool, Damage> {
        loop {
            let Some(frame) = self.frame else { return Ok(false) };
            let size_word = self.u32()?;
            if size_word != 0 {
                let result = self.read_block(frame, size_word, out);
                if result.is_err() {
                    self.frame = None;
                }
                return result.map(|()| true);
            }
            if frame.has_content_checksum {
                let at = self.position;
                if u64::from(self.u32()?) != self.content.finish() {
                    self.frame = None;
                    return Err(self.damage(at, "the content does not match its checksum"));
                }
            }
            if !self.open_frame()? {
                return Ok(false);
            }
        }
    }

    /// How many bytes of the input were read.
    pub fn input_offset(&self) -> usize {
        self.position
    }

    fn read_block(&mut self, frame: Descriptor, size_word: u32, out: &mut Vec<u8>) -> Result<(), Damage> {
        const UNCOMPRESSED: u32 = 1 << 31;
        let at = self.position;
        let length = (size_word & !UNCOMPRESSED) as usize;
        if length > frame.max_block_bytes {
            return Err(self.damage(at - 4, "a block is larger than the frame allows"));
        }
        let rest = self.input.get(at..).unwrap_or_default();
        let block = rest.get(..length).unwrap_or(rest);
        self.position += block.len();
        let is_cut = block.len() < length;
        let checksum = if frame.has_block_checksums && !is_cut { Some(self.u32()) } else { None };
        if let Some(Ok(sum)) = &checksum
            && u64::from(*sum) != hash(block)
        {
            return Err(self.damage(at, "a block does not match its checksum"));
        }
        let start = out.len();
        let is_good = if size_word & UNCOMPRESSED != 0 {
            out.extend_from_slice(block);
            true
        } else if is_cut {
            decode_leniently(block, &self.history, out, frame.max_block_bytes);
            false
        } else {
            out.resize(start + frame.max_block_bytes, 0);
            match lz4_flex::block::decompress_into_with_dict(block, &mut out[start..], &self.history) {
                Ok(length) => {
                    out.truncate(start + length);
                    true
                }
                Err(_) => {
                    out.truncate(start);
                    decode_leniently(block, &self.history, out, frame.max_block_bytes)
                }
            }
        };
        if is_cut {
            return Err(self.cut("the file ends within a block"));
        }
        if !is_good {
            return Err(self.damage(at, "a block cannot be decompressed"));
        }
        if let Some(Err(cut)) = checksum {
            return Err(cut);
        }
        let decoded = out.get(start..).unwrap_or_default();
        if frame.has_content_checksum {
            self.content.write(decoded);
        }
        if frame.blocks_are_linked {
            remember(&mut self.history, decoded);
        }
        Ok(())
    }

    /// Goes on to the next frame, over those to be skipped; false if there is none. What follows the last frame and is
    /// not LZ4 is ignored.
    fn open_frame(&mut self) -> Result<bool, Damage> {
        self.frame = None;
        self.history.clear();
        self.content = XxHash32::with_seed(0);
        loop {
            let at = self.position;
            let magic_number = match self.input.get(at..).and_then(|rest| rest.first_chunk()) {
                Some(bytes) => u32::from_le_bytes(*bytes),
                None => return Ok(false),
            };
            if is_skippable(magic_number) {
                self.position += 4;
                let length = self.u32()? as usize;
                // Nothing of the capture is lost if it is cut; those who write as they go lay one over all that follows.
                self.position = self.position.saturating_add(length).min(self.input.len());
            } else if magic_number == MAGIC_NUMBER {
                self.position += 4;
                self.frame = Some(self.read_descriptor()?);
                return Ok(true);
            } else {
                return Ok(false);
            }
        }
    }

    fn read_descriptor(&mut self) -> Result<Descriptor, Damage> {
        let at = self.position;
        let [flags, sizes] = [self.byte()?, self.byte()?];
        if flags >> 6 != 1 {
            return Err(self.damage(at, "the LZ4 frame has an unknown version"));
        }
        if flags & 1 != 0 {
            return Err(self.damage(at, "the LZ4 frame needs a dictionary"));
        }
        let max_block_bytes = match sizes >> 4 & 7 {
            number @ 4..=7 => 1 << (8 + 2 * number),
            _ => return Err(self.damage(at + 1, "the LZ4 frame has an unknown block size")),
        };
        if flags & 0x08 != 0 {
            self.take(8)?; // The content's size, which only helps those who want it all at once.
        }
        let descriptor = self.input.get(at..self.position).unwrap_or_default();
        let checksum = (hash(descriptor) >> 8) as u8;
        if self.byte()? != checksum {
            return Err(self.damage(at, "the LZ4 frame's header does not match its checksum"));
        }
        Ok(Descriptor {
            blocks_are_linked: flags & 0x20 == 0,
            has_block_checksums: flags & 0x10 != 0,
            has_content_checksum: flags & 0x04 != 0,
            max_block_bytes,
        })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let rest = self.input.get(self.position..).unwrap_or_default();
        let Some(taken) = rest.get(..length) else {
            self.frame = None;
            return Err(self.cut("the file ends within its LZ4 frame"));
        };
        self.position += length;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Damage> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    fn u32(&mut self) -> Result<u32, Damage> {
        Ok(self.take(4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).unwrap_or_default())
    }

    fn damage(&self, offset: usize, reason: &str) -> Damage {
        Damage { offset: offset as u64, is_cut: false, reason: reason.to_owned() }
    }

    fn cut(&self, reason: &str) -> Damage {
        Damage { offset: self.input.len() as u64, is_cut: true, reason: reason.to_owned() }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    u64::from(XxHash32::oneshot(0, bytes))
}

/// Keeps the last [`HISTORY_BYTES`] of history and what was decoded.
fn remember(history: &mut Vec<u8>, decoded: &[u8]) {
    let from_decoded = decoded.len().min(HISTORY_BYTES);
    let surplus = (history.len() + from_decoded).saturating_sub(HISTORY_BYTES);
    history.drain(..surplus);
    history.extend_from_slice(&decoded[decoded.len() - from_decoded..]);
}
