// SPDX-License-Identifier: Apache-2.0
//! Captures, written.
//!
//! [`RecordEncoder`] turns one record into bytes in a buffer of the caller's, without allocating: what a traced process
//! uses. [`Encoder`] is a front to it for everyone else: it writes a whole capture to any [`Write`].

mod aggregated;
mod before_12;
mod buffer;
mod error;
mod header;
mod record_encoder;
mod short_record;
mod since_12;
mod youngest_bytes;

use std::io::{self, Seek, SeekFrom, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

pub use error::EncodeError;
pub use header::encode_header;
pub use record_encoder::RecordEncoder;
pub use short_record::ShortRecord;

use crate::header::Header;
use crate::record::Record;

/// How many bytes are gathered before they are handed to the writer.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes a capture: header, records, trailer.
pub struct Encoder<W: Write> {
    writer: W,
    records: RecordEncoder,
    buffer: Vec<u8>,
    filled: usize,
}

impl<W: Write> Encoder<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// The writer's, and [`EncodeError`]s as [`io::ErrorKind::InvalidInput`].
    pub fn new(mut writer: W, header: &Header) -> io::Result<Self> {
        writer.write_all(&encode_header(header)?)?;
        Ok(Self { writer, records: RecordEncoder::new(header)?, buffer: vec![0; BUFFER_BYTES], filled: 0 })
    }

    /// Writes a record.
    ///
    /// # Errors
    /// As [`Encoder::new`].
    #[inline]
    pub fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let needed_bytes = RecordEncoder::bound(record);
        if self.buffer.len() - self.filled < needed_bytes {
            self.make_room(needed_bytes)?;
        }
        self.filled += self.records.encode(record, &mut self.buffer[self.filled..])?;
        Ok(())
    }

    /// Writes the trailer and hands the writer back. A capture without one reads as cut off.
    ///
    /// # Errors
    /// As [`Encoder::new`].
    pub fn finish(mut self) -> io::Result<W> {
        self.record(&Record::Trailer)?;
        self.make_room(0)?;
        self.writer.flush()?;
        Ok(self.writer)
    }

    #[cold]
    fn make_room(&mut self, needed_bytes: usize) -> io::Result<()> {
        self.writer.write_all(&self.buffer[..self.filled])?;
        self.filled = 0;
        if self.buffer.len() < needed_bytes {
            self.buffer.resize(needed_bytes, 0);
        }
        Ok(())
    }
}

/// Writes a header over the one at the start of a raw capture: the same but for counts and times.
///
/// # Errors
/// The file's, and [`EncodeError`]s as [`io::ErrorKind::InvalidInput`].
pub fn rewrite_header(mut capture: impl Write + Seek, header: &Header) -> io::Result<()> {
    let bytes = encode_header(header)?;
    capture.seek(SeekFrom::Start(0))?;
    capture.write_all(&bytes)?;
    capture.seek(SeekFrom::End(0))?;
    Ok(())
}

/// Compresses what is written into an LZ4 frame like memray's: linked blocks of 64 KiB, no checksums. Call its `finish`.
pub fn lz4_frame<W: Write>(writer: W) -> FrameEncoder<W> {
    let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Linked);
    FrameEncoder::with_frame_info(info, writer)
}
