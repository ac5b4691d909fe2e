// SPDX-License-Identifier: Apache-2.0
//! Indexes that are kept, so that a capture opens at once the second time.
//!
//! An index is kept under its capture's identity: size, header and a hash of blocks sampled from all over the file; not its
//! path, so that a moved capture still opens at once. Only complete indexes have that name. Whoever builds one holds a
//! lock on a file beside it, in which it says how far it is; whoever uses one holds a shared lock on it, so that it is never
//! thrown out.

use crate::build::Capture;
use crate::error::Error;
use crate::store::schema::INDEX_VERSION;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What the cache may hold, whatever the disk's size.
const MAX_BYTES: u64 = 10_000_000_000;

/// Blocks sampled from a capture.
const SAMPLES: usize = 256;

/// Bytes of a sampled block.
const SAMPLE_BYTES: usize = 1024;

/// Unfinished builds and locks older than this belong to nobody.
const STALE: Duration = Duration::from_hours(24);

/// A kept index.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// When it was last opened.
    pub last_used: SystemTime,
}

/// The user's cache folder; `None` where the system has none.
pub fn default_folder() -> Option<PathBuf> {
    Some(directories::ProjectDirs::from("", "", "memray-view")?.cache_dir().join("indexes"))
}

/// The kept indexes, the last used first.
pub fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "mvidx")
            && let Ok(metadata) = fs::metadata(&path)
        {
            let last_used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            entries.push(Entry { path, size_bytes: metadata.len(), last_used });
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.last_used));
    Ok(entries)
}

/// Throws out every index that is not in use; tells how many and how many bytes.
pub fn clear(folder: &Path) -> io::Result<(usize, u64)> {
    let mut cleared = (0, 0);
    for entry in entries(folder)? {
        if throw_out(&entry.path) {
            cleared = (cleared.0 + 1, cleared.1 + entry.size_bytes);
        }
    }
    remove_stale(folder);
    Ok(cleared)
}

/// Removes an index unless it is in use.
fn throw_out(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    file.try_lock().is_ok() && fs::remove_file(path).is_ok()
}

/// Throws out the indexes that were not used for longest, until the cache is within its bound.
pub(crate) fn evict(folder: &Path) {
    let allowed = disk_size(folder).map_or(MAX_BYTES, |disk| (disk / 10).min(MAX_BYTES));
    let Ok(entries) = entries(folder) else { return };
    let mut total: u64 = entries.iter().map(|entry| entry.size_bytes).sum();
    // The first was used last: now.
    for entry in entries.iter().skip(1).rev() {
        if total <= allowed {
            break;
        }
        if throw_out(&entry.path) {
            total -= entry.size_bytes;
        }
    }
    remove_stale(folder);
}

/// Removes what builds left behind that were killed.
fn remove_stale(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        let is_left_over = path.extension().is_some_and(|e| e == "building" || e == "partial");
        let age = fs::metadata(&path).and_then(|m| m.modified()).ok().and_then(|time| time.elapsed().ok());
        if is_left_over && age.is_some_and(|age| age > STALE) && File::open(&path).is_ok_and(|f| f.try_lock().is_ok()) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(unix)]
fn disk_size(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: `path` is a C string, and statvfs fills the structure or says that it did not.
    unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &raw mut found) == 0).then(|| found.f_blocks.saturating_mul(found.f_frsize))
    }
}

#[cfg(not(unix))]
fn disk_size(_: &Path) -> Option<u64> {
    None
}

/// A folder of indexes that can be written to.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens a folder, which only its owner may enter, making it if it is not there.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        builder.create(&folder)?;
        Ok(Self { folder })
    }

    /// Where the index of a capture is or would be.
    pub(crate) fn index_path(&self, identity: &str) -> PathBuf {
        self.folder.join(format!("{identity}.mvidx"))
    }

    /// Where it is built.
    pub(crate) fn partial_path(&self, identity: &str) -> PathBuf {
        self.folder.join(format!("{identity}.partial"))
    }

    /// The file that its builder locks.
    pub(crate) fn lock_file(&self, identity: &str) -> io::Result<(PathBuf, File)> {
        let path = self.folder.join(format!("{identity}.building"));
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        owner_only(&mut options);
        let file = options.open(&path)?;
        Ok((path, file))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Creates files that only their owner may read.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// A capture's identity, as a file name. The hash may change with the compiler's standard library: then an index is built
/// anew.
pub(crate) fn identity(capture: &Capture, path: &Path, names_native: bool) -> Result<String, Error> {
    let bytes = capture.bytes();
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    let mut write = |bytes: &[u8]| hashers.iter_mut().for_each(|hasher| hasher.write(bytes));
    write(capture.header_bytes());
    if capture.has_native_traces() && !names_native {
        write(b"without native names");
    }
    let last = bytes.len().saturating_sub(SAMPLE_BYTES);
    for sample in 0..SAMPLES {
        let start = (last as u128 * sample as u128 / (SAMPLES - 1) as u128) as usize;
        write(&bytes[start..(start + SAMPLE_BYTES).min(bytes.len())]);
    }
    if !capture.is_finished() {
        // It may still be written to, between the samples.
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let age = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
        write(&age.as_nanos().to_le_bytes());
    }
    let [a, b] = hashers.map(|hasher| hasher.finish());
    Ok(format!("{}-{a:016x}{b:016x}-v{INDEX_VERSION}", bytes.len()))
}
