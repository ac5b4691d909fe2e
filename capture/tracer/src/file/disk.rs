// SPDX-License-Identifier: Apache-2.0
//! The file on disk: [`DiskFile`] makes it longer, and [`Window`] is a part of it in memory.
//!
//! What is mapped has been allocated on disk before, so that a full disk is an error here and no SIGBUS in the program. That
//! cannot be promised on file systems that write all data anew elsewhere (btrfs, compressed ones), nor if somebody else
//! shortens the file.

use crate::descriptor::moved_up;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr::{NonNull, null_mut};

/// An open file, known by more than its descriptor: programs close descriptors that they did not open, and open others
/// under the same number.
pub(super) struct DiskFile {
    /// Forgotten, not closed, once its number is another file's.
    file: Option<File>,
    path: PathBuf,
    /// Device and number.
    identity: (u64, u64),
    length_bytes: u64,
    /// How long it is in truth.
    allocated_bytes: u64,
    /// By how much that is more, at least.
    kept_bytes: u64,
}

impl DiskFile {
    /// Creates an empty file.
    pub(super) fn create(path: &Path, overwrites: bool) -> io::Result<Self> {
        // The program may go elsewhere before the path is needed again.
        let path = std::path::absolute(path)?;
        // Whoever has the old file open or mapped, maybe another tracer, keeps it. What is no file, or cannot be removed, is
        // written over.
        if overwrites && std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            let _ = std::fs::remove_file(&path);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o644).custom_flags(libc::O_CLOEXEC);
        if overwrites {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let file = options.open(&path)?;
        if !file.metadata()?.is_file() {
            // A device or a pipe can be written, not mapped; and it must not be removed, as what cannot be written is.
            return Err(io::Error::other("it is not a regular file"));
        }
        let file = moved_up(file);
        let identity = identity(&file)?;
        Ok(Self { file: Some(file), path, identity, length_bytes: 0, allocated_bytes: 0, kept_bytes: 0 })
    }

    /// Removes it: nothing could be written.
    pub(super) fn remove(self) {
        let _ = std::fs::remove_file(&self.path);
    }

    /// How long it was made.
    pub(super) fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// The file, opened anew if the program closed it.
    fn file(&mut self) -> io::Result<&File> {
        if let Some(file) = &self.file
            && identity(file).ok() != Some(self.identity)
            && let Some(file) = self.file.take()
        {
            // Whatever has this number now is the program's.
            let _ = file.into_raw_fd();
        }
        if self.file.is_none() {
            let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC).open(&self.path)?;
            if identity(&file)? != self.identity {
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
            self.file = Some(moved_up(file));
        }
        self.file.as_ref().ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))
    }

    /// Makes it longer, by zeros for which there is a place on the disk.
    pub(super) fn grow_to(&mut self, length_bytes: u64) -> io::Result<()> {
        self.allocate(length_bytes.saturating_add(self.kept_bytes))?;
        self.length_bytes = length_bytes;
        #[cfg(test)]
        super::tests::observe();
        Ok(())
    }

    /// Makes it longer, or only by what was kept if the disk is full. Says how long it is then.
    pub(super) fn grow_towards(&mut self, length_bytes: u64) -> io::Result<u64> {
        match self.grow_to(length_bytes) {
            Err(_) if self.kept_bytes == 0 && self.length_bytes < self.allocated_bytes => {
                self.length_bytes = self.allocated_bytes;
            }
            grown => grown?,
        }
        Ok(self.length_bytes)
    }

    /// Keeps a place on the disk for so much more, so that it can be made longer when the disk is full.
    pub(super) fn keep(&mut self, bytes: u64) -> io::Result<()> {
        self.allocate(self.length_bytes.saturating_add(bytes))?;
        self.kept_bytes = bytes;
        Ok(())
    }

    /// It can be made longer by what was kept.
    pub(super) fn keep_nothing(&mut self) {
        self.kept_bytes = 0;
    }

    fn allocate(&mut self, bytes: u64) -> io::Result<()> {
        let old = self.allocated_bytes;
        if bytes <= old {
            return Ok(());
        }
        // The kernel would not only refuse, but send a signal.
        if bytes > size_limit() {
            return Err(io::Error::from_raw_os_error(libc::EFBIG));
        }
        let file = self.file()?;
        let (start, more) = (offset(old)?, offset(bytes - old)?);
        loop {
            // SAFETY: a call that takes numbers only. Where the file system cannot allocate, the C library writes zeros.
            match unsafe { libc::posix_fallocate(file.as_raw_fd(), start, more) } {
                0 => break,
                libc::EINTR => {}
                error => return Err(io::Error::from_raw_os_error(error)),
            }
        }
        self.allocated_bytes = bytes;
        Ok(())
    }

    /// Writes at a place that may lie behind the end.
    pub(super) fn write_at(&mut self, bytes: &[u8], offset_bytes: u64) -> io::Result<()> {
        if offset_bytes + bytes.len() as u64 > size_limit() {
            return Err(io::Error::from_raw_os_error(libc::EFBIG));
        }
        self.file()?.write_all_at(bytes, offset_bytes)?;
        #[cfg(test)]
        super::tests::observe();
        Ok(())
    }

    /// Cuts it.
    pub(super) fn cut_to(&mut self, length_bytes: u64) -> io::Result<()> {
        self.file()?.set_len(length_bytes)
    }

    /// Maps the part between two places, of which the first may lie within a page.
    pub(super) fn map(&mut self, start: u64, end: u64) -> io::Result<Window> {
        let start = start & !(page_bytes() - 1);
        let length = usize::try_from(end - start).map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
        let (file, access) = (self.file()?, libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: a new mapping touches nothing that exists. It is reached by raw pointers only, as others may write to
        // the file too.
        let address =
            unsafe { libc::mmap(null_mut(), length, access, libc::MAP_SHARED, file.as_raw_fd(), offset(start)?) };
        match NonNull::new(address.cast::<u8>()) {
            Some(found) if address != libc::MAP_FAILED => Ok(Window { address: found, start, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take()
            && identity(&file).ok() != Some(self.identity)
        {
            let _ = file.into_raw_fd();
        }
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

fn offset(bytes: u64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(bytes).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))
}

/// How long files of this process may be.
fn size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is a place to write to.
    match unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } {
        0 => limit.rlim_cur,
        _ => u64::MAX,
    }
}

fn page_bytes() -> u64 {
    // SAFETY: reads a constant.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// A part of the file in memory. What is written there is in the file at once, and stays there when the process dies.
pub(super) struct Window {
    address: NonNull<u8>,
    /// Of its first byte in the file.
    start: u64,
    length: usize,
}

// SAFETY: the mapping belongs to this value.
unsafe impl Send for Window {}

impl Window {
    /// Where its end lies in the file.
    pub(super) fn end(&self) -> u64 {
        self.start + self.length as u64
    }

    /// The address of a place in the file, and how many bytes follow it in this window; none if it lies outside.
    pub(super) fn at(&self, place: u64) -> (*mut u8, usize) {
        let within = place.checked_sub(self.start).and_then(|within| usize::try_from(within).ok());
        let within = within.map_or(self.length, |within| within.min(self.length));
        // SAFETY: not beyond the mapping's end.
        (unsafe { self.address.as_ptr().add(within) }, self.length - within)
    }

    /// The place in the file of an address within.
    pub(super) fn place(&self, address: *const u8) -> u64 {
        self.start + address.addr().saturating_sub(self.address.addr().get()) as u64
    }

    /// Writes bytes, if they lie within.
    pub(super) fn write(&self, place: u64, bytes: &[u8]) {
        let (to, left) = self.at(place);
        // SAFETY: as many bytes as are copied follow that address; a window and a slice do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len().min(left)) };
        #[cfg(test)]
        super::tests::observe();
    }

    /// Reads bytes, if they lie within.
    pub(super) fn read(&self, place: u64, out: &mut [u8]) {
        let (from, left) = self.at(place);
        // SAFETY: as for `write`.
        unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len().min(left)) };
    }

    /// Writes zeros, as far as they lie within.
    pub(super) fn clear(&self, place: u64, bytes: usize) {
        let (to, left) = self.at(place);
        // SAFETY: as for `write`.
        unsafe { std::ptr::write_bytes(to, 0, bytes.min(left)) };
        #[cfg(test)]
        super::tests::observe();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: this value made the mapping; pointers into it are not used any more.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}
