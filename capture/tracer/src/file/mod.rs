// SPDX-License-Identifier: Apache-2.0
//! The capture's file, written so that nothing is lost when the process dies. [`CaptureFile`] leads.
//!
//! Records are written into a shared mapping of the file ([`disk`]), by a [`pen`], each at once ([`store`]); the kernel keeps
//!  what is there whatever becomes of the process. They lie in it as they are ([`raw`]) or in LZ4 frames, compressed as
//! they come ([`lz4`]). While it is written the file is up to 6 MiB longer than what it holds.

mod disk;
mod lz4;
mod pen;
mod raw;
mod store;
#[cfg(test)]
mod tests;

use disk::DiskFile;
use lz4::Lz4Records;
use memray_format::appendix;
use pen::Pen;
use raw::RawRecords;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How a capture's file is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileOptions {
    /// Replace a file that is there.
    pub(crate) overwrites: bool,
    /// LZ4, or records as they are.
    pub(crate) compresses: bool,
    /// Where to stop: the finished file is no longer than that.
    pub(crate) max_size_bytes: Option<u64>,
    /// How much of that is left for a large appendix: no more than a sixteenth.
    pub(crate) appendix_bytes: u64,
}

/// Why a capture's file cannot be written, or not further. Each is a sentence for the user.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// It is there, and may not be replaced.
    #[error("Output file {} already exists. Use --force to overwrite it.", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("Could not create output file {}: {source}", .path.display())]
    Create { path: PathBuf, source: io::Error },
    /// The disk is full, or the file may not grow.
    #[error("cannot write more of the capture: {0}")]
    Write(io::Error),
    /// As large as was allowed.
    #[error("the capture has reached the size that --max-size allows")]
    MaxSize,
    /// It belongs to the process that this one was forked from.
    #[error("the capture belongs to the parent process")]
    Forked,
}

/// Kept free until an error was given, so that the capture can be ended properly then.
const LAST_WORDS_BYTES: usize = 4096;

/// Longer records are written in pieces; there is always room for one of this length after a turn.
const WHOLE_RECORD_BYTES: usize = 250 << 10;

/// An appendix may take this part of what a file may be long.
const APPENDIX_PART: u64 = 16;

/// A place for records in the mapped file.
struct Place {
    next: *mut u8,
    /// So much can be written, and [`store::STORE_BYTES`] more be overwritten.
    left_bytes: usize,
}

/// How the records lie in the file.
enum Records {
    Raw(RawRecords),
    Lz4(Box<Lz4Records>),
}

/// A capture's file while it is written.
///
/// After an error there is room for 4 KiB more, less if so much was never allowed: for the end of the capture.
pub(crate) struct CaptureFile {
    pen: Pen,
    records: Records,
    disk: DiskFile,
    header_bytes: usize,
    limit_bytes: u64,
    /// Less by what is left for an appendix.
    records_limit_bytes: u64,
    /// Below that, for what is written after [`Self::begin_the_end`].
    end_bytes: u64,
    /// Of what the pen has no leave to write yet.
    kept_bytes: usize,
    stopped: Option<Stopped>,
}

/// Why nothing more is written.
#[derive(Clone, Copy)]
enum Stopped {
    MaxSize,
    Refused { errno: i32 },
}

impl From<Stopped> for FileError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::MaxSize => Self::MaxSize,
            Stopped::Refused { errno } => Self::Write(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl CaptureFile {
    /// Creates the file and writes the capture's header, so that it can be written over when all is known.
    pub(crate) fn create(path: &Path, options: FileOptions, header: &[u8]) -> Result<Self, FileError> {
        let failed = |source| FileError::Create { path: path.to_owned(), source };
        let mut disk = DiskFile::create(path, options.overwrites).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
            _ => failed(error),
        })?;
        let limit_bytes = options.max_size_bytes.unwrap_or(u64::MAX);
        let records_limit_bytes = limit_bytes - options.appendix_bytes.min(limit_bytes / APPENDIX_PART);
        let begin = |disk: &mut DiskFile| -> io::Result<_> {
            let pen = Pen::new()?;
            let (records, place) = if options.compresses {
                let (records, place) = Lz4Records::begin(disk, header, records_limit_bytes)?;
                (Records::Lz4(Box::new(records)), place)
            } else {
                let (records, place) = RawRecords::begin(disk, header, records_limit_bytes)?;
                (Records::Raw(records), place)
            };
            Ok((pen, records, place))
        };
        match begin(&mut disk) {
            Ok((pen, records, place)) => {
                let (header_bytes, end_bytes, kept_bytes, stopped) = (header.len(), 0, 0, None);
                let mut file = Self {
                    pen,
                    records,
                    disk,
                    header_bytes,
                    limit_bytes,
                    records_limit_bytes,
                    end_bytes,
                    kept_bytes,
                    stopped,
                };
                file.go_on_at(&place);
                Ok(file)
            }
            Err(error) => {
                disk.remove();
                Err(failed(error))
            }
        }
    }

    /// Room for at least `bytes`, which is at most 4 KiB. What is written there is in the file once [`Self::advance`]
    /// says so, all at once; the process may die at any instruction in between.
    #[inline]
    pub(crate) fn room(&mut self, bytes: usize) -> Result<&mut [u8], FileError> {
        if bytes > self.pen.left_bytes() {
            self.make_room(bytes)?;
        }
        Ok(self.pen.room())
    }

    /// Keeps the first `bytes` of the room.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.pen.advance(bytes);
    }

    /// Writes a record of up to 16 bytes, given as a number whose first byte is the lowest, with zeros behind.
    #[inline(always)]
    pub(crate) fn write_short(&mut self, bits: u128, bytes: usize) -> Result<(), FileError> {
        if bytes > self.pen.left_bytes() {
            self.make_room(bytes)?;
        }
        self.pen.write_short(bits, bytes);
        Ok(())
    }

    /// Writes a record of any length. One of up to 250 KiB is in the file as a whole, or not at all if there is no room.
    pub(crate) fn write(&mut self, record: &[u8]) -> Result<(), FileError> {
        let mut rest = record;
        loop {
            if rest.len() > self.pen.left_bytes() {
                self.make_room(rest.len().min(WHOLE_RECORD_BYTES))?;
            }
            rest = rest.get(self.pen.write(rest)..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Keeps room for so many bytes, on the disk and below the limit, until [`Self::begin_the_end`].
    pub(crate) fn keep_for_the_end(&mut self, bytes: u64) -> Result<(), FileError> {
        if self.pen.is_wiped() {
            return Err(FileError::Forked);
        }
        // Frames around it, and what is kept then too.
        self.end_bytes = bytes + bytes / 1024 + 2 * LAST_WORDS_BYTES as u64;
        let disk_bytes = match self.records {
            Records::Raw(_) => self.end_bytes,
            Records::Lz4(_) => lz4::disk_bytes(self.end_bytes),
        };
        self.disk.keep(disk_bytes).map_err(FileError::Write)?;
        if self.limit_bytes == u64::MAX {
            return Ok(());
        }
        // The pen goes as far as was allowed before.
        let place = self.turn().map_err(FileError::Write)?;
        self.go_on_at(&place);
        if place.left_bytes > LAST_WORDS_BYTES { Ok(()) } else { Err(self.stop(Stopped::MaxSize)) }
    }

    /// Gives leave to write what room was kept for, whatever has stopped the capture.
    pub(crate) fn begin_the_end(&mut self) {
        self.end_bytes = 0;
        self.disk.keep_nothing();
        if self.stopped.take().is_none() {
            // SAFETY: what was kept lies behind what was left.
            unsafe { self.pen.add(std::mem::take(&mut self.kept_bytes)) };
        }
    }

    /// Goes on elsewhere in the file; says where.
    fn turn(&mut self) -> io::Result<Place> {
        let (disk, end, limit_bytes) =
            (&mut self.disk, self.pen.next(), self.records_limit_bytes.saturating_sub(self.end_bytes));
        match &mut self.records {
            Records::Raw(records) => records.turn(disk, end, limit_bytes),
            Records::Lz4(records) => records.turn(disk, end, limit_bytes),
        }
    }

    #[cold]
    fn make_room(&mut self, bytes: usize) -> Result<(), FileError> {
        if self.pen.is_wiped() {
            return Err(FileError::Forked);
        }
        if let Some(stopped) = self.stopped {
            return Err(stopped.into());
        }
        let stopped = match self.turn() {
            Ok(place) => {
                self.go_on_at(&place);
                if bytes <= self.pen.left_bytes() {
                    return Ok(());
                }
                Stopped::MaxSize
            }
            Err(error) => Stopped::Refused { errno: error.raw_os_error().unwrap_or(libc::EIO) },
        };
        Err(self.stop(stopped))
    }

    fn stop(&mut self, stopped: Stopped) -> FileError {
        self.stopped = Some(stopped);
        // SAFETY: what was kept lies behind what was left.
        unsafe { self.pen.add(std::mem::take(&mut self.kept_bytes)) };
        stopped.into()
    }

    fn go_on_at(&mut self, place: &Place) {
        self.kept_bytes = place.left_bytes.min(LAST_WORDS_BYTES);
        // SAFETY: the records gave this place for no other use, and their window stays until the next turn.
        unsafe { self.pen.put(place.next, place.left_bytes - self.kept_bytes) };
    }

    /// Completes the file: the header as it is now, then an appendix for readers that know of it (the first that is not empty
    /// and has a place), no reserve behind the end. Returns the file's size in bytes.
    pub(crate) fn finish(mut self, header: &[u8], appendices: &[&[u8]]) -> Result<u64, FileError> {
        if self.pen.is_wiped() {
            return Err(FileError::Forked);
        }
        let end = match &mut self.records {
            Records::Raw(records) => records.close(self.pen.next()),
            Records::Lz4(records) => records.close(self.pen.next()),
        };
        // Whatever fails here, what can be done after it is.
        let header_written = self.write_header(header);
        let size_bytes = appendices.iter().find_map(|appendix| self.write_appendix(appendix, end)).unwrap_or(end);
        self.disk.cut_to(size_bytes).and(header_written).map_err(FileError::Write)?;
        Ok(size_bytes)
    }

    fn write_header(&mut self, header: &[u8]) -> io::Result<()> {
        if header.len() != self.header_bytes {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        match &self.records {
            Records::Raw(_) => self.disk.write_at(header, 0),
            Records::Lz4(_) => self.disk.write_at(&lz4::stored_frame(header), 0),
        }
    }

    /// Says where the file ends with it; none if it has no place.
    fn write_appendix(&mut self, content: &[u8], end: u64) -> Option<u64> {
        if content.is_empty() {
            return None;
        }
        let sealed = appendix::seal(content);
        let jump = match &self.records {
            Records::Raw(_) => None,
            Records::Lz4(_) => Some(lz4::jump(u32::try_from(sealed.len()).ok()?)),
        };
        let start = end + jump.map_or(0, |jump| jump.len() as u64);
        let size_bytes = start + sealed.len() as u64;
        if size_bytes > self.limit_bytes {
            return None;
        }
        self.disk.write_at(&sealed, start).ok()?;
        if let Some(jump) = jump {
            // Until then another lies there, which leads over the rest of the file.
            self.disk.write_at(&jump, end).ok()?;
        }
        Some(size_bytes)
    }

    /// Removes the file: it cannot hold what it should.
    pub(crate) fn remove(self) {
        self.disk.remove();
    }

    /// Lets go of the file without touching it: it belongs to the parent process.
    pub(crate) fn abandon(self) {}
}
