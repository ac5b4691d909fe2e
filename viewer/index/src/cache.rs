// SPDX-License-Identifier: Apache-2.0
//! Indexes that are kept, so that a capture opens at once the second time.
//!
//! An index is kept under its capture's identity: size, header and a hash of blocks sampled from all over the file; not its
//! path, so that a moved capture still opens at once. Only complete indexes have that name. Whoever builds one holds a
//! lock on a file beside it, in which it says how far it is; whoever uses one holds a shared lock on it, so that it is never
//! thrown out.

use crate::build::Capture;
use crate::store::reader::capture_name;
use crate::store::schema::INDEX_VERSION;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What the cache may hold, whatever the disk's size.
const MAX_BYTES: u64 = 10_000_000_000;

/// Blocks sampled from a capture.
const SAMPLES: usize = 256;

/// Bytes of a sampled block.
const SAMPLE_BYTES: usize = 1024;

/// A kept index.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// The name of the capture it was made of, when it was made; `None` if this version cannot read the index.
    pub capture_name: Option<String>,
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
            let capture_name = capture_name(&path);
            entries.push(Entry { path, capture_name, size_bytes: metadata.len(), last_used });
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
    file.try_lock().is_ok() && is_named(&file, path) && fs::remove_file(path).is_ok()
}

/// Whether a name still means the file that was opened by it; always, where that cannot be told.
fn is_named(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        file.metadata().is_ok_and(|opened| fs::metadata(path).is_ok_and(|named| same(opened, named)))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

/// Throws out the indexes that were not used for longest, until the cache is within its bound.
pub(crate) fn evict(folder: &Path) {
    evict_to(folder, allowed_bytes(disk_size(folder)));
    remove_stale(folder);
}

/// What the cache may hold on a disk of a size.
fn allowed_bytes(disk_bytes: Option<u64>) -> u64 {
    disk_bytes.map_or(MAX_BYTES, |disk_bytes| (disk_bytes / 10).min(MAX_BYTES))
}

fn evict_to(folder: &Path, allowed: u64) {
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
}

/// Removes what builds left behind that were killed: nobody holds their locks.
fn remove_stale(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        let is_left_over = path.extension().is_some_and(|e| e == "building" || e == "partial");
        let Some(identity) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_left_over) else { continue };
        let cache = Cache { folder: folder.to_owned() };
        if let Ok(lock) = cache.lock(identity)
            && let Ok(Some(lock)) = lock.take()
        {
            let _ = fs::remove_file(cache.partial_path(identity));
            lock.release();
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
        #[allow(clippy::unnecessary_cast, reason = "macOS counts blocks in 32 bits")]
        (libc::statvfs(path.as_ptr(), &raw mut found) == 0)
            .then(|| (found.f_blocks as u64).saturating_mul(found.f_frsize as u64))
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
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // One that was there may be open to others; if it is not ours, it stays as it is.
            if fs::metadata(&folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
                let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
            }
        }
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

    /// The lock that its builder holds, not taken yet.
    pub(crate) fn lock(&self, identity: &str) -> io::Result<BuildLock> {
        let path = self.folder.join(format!("{identity}.building"));
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        owner_only(&mut options);
        let file = options.open(&path)?;
        Ok(BuildLock { path, file })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The file that whoever builds an index locks. Killed builders hold no lock, so nobody waits for them.
pub(crate) struct BuildLock {
    path: PathBuf,
    /// In it stands how far the builder is.
    pub(crate) file: File,
}

impl BuildLock {
    /// Takes the lock; `None` if another has it, or had it and took it away with it: then look again for what was built.
    pub(crate) fn take(self) -> io::Result<Option<Self>> {
        match self.file.try_lock() {
            // The name may mean another file by now, which others lock.
            Ok(()) => Ok(is_named(&self.file, &self.path).then_some(self)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives the lock back and takes its file away.
    pub(crate) fn release(self) {
        let _ = fs::remove_file(&self.path);
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
pub(crate) fn identity(capture: &Capture, names_native: bool) -> String {
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
        let age =
            capture.modified().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
        write(&age.as_nanos().to_le_bytes());
    }
    let [a, b] = hashers.map(|hasher| hasher.finish());
    format!("{}-{a:016x}{b:016x}-v{INDEX_VERSION}", bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Files of 100 bytes, each used a second after the one before it.
    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (second, name) in names.iter().enumerate() {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + second as u64);
            File::options().write(true).open(&path).unwrap().set_modified(used).unwrap();
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_longest_unused_go_first_those_in_use_and_the_last_used_never() {
        let folder = folder_of(&["b.mvidx", "in-use.mvidx", "a.mvidx", "d.mvidx", "last.mvidx", "other.txt"]);
        let in_use = File::open(folder.path().join("in-use.mvidx")).unwrap();
        in_use.try_lock_shared().unwrap();
        evict_to(folder.path(), 500);
        assert_eq!(names(folder.path()).len(), 6, "they fit");
        evict_to(folder.path(), 350);
        assert_eq!(names(folder.path()), ["d.mvidx", "in-use.mvidx", "last.mvidx", "other.txt"]);
        evict_to(folder.path(), 0);
        assert_eq!(names(folder.path()), ["in-use.mvidx", "last.mvidx", "other.txt"]);
        assert_eq!(clear(folder.path()).unwrap(), (1, 100));
        assert_eq!(names(folder.path()), ["in-use.mvidx", "other.txt"]);
    }

    #[test]
    fn a_tenth_of_a_small_disk_and_ten_gigabytes_of_a_large_one() {
        const GB: u64 = 1_000_000_000;
        assert_eq!(allowed_bytes(Some(60 * GB)), 6 * GB);
        assert_eq!(allowed_bytes(Some(100 * GB)), 10 * GB);
        assert_eq!(allowed_bytes(Some(4000 * GB)), 10 * GB);
        assert_eq!(allowed_bytes(Some(0)), 0);
        assert_eq!(allowed_bytes(None), 10 * GB);
    }

    #[cfg(unix)]
    #[test]
    fn the_disk_is_the_one_that_the_folder_lies_on() {
        let folder = tempfile::tempdir().unwrap();
        let df = std::process::Command::new("df").args(["-P", "-k"]).arg(folder.path()).output().unwrap();
        let df = String::from_utf8(df.stdout).unwrap();
        let kibibytes: u64 = df.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
        assert_eq!(disk_size(folder.path()).unwrap() / 1024, kibibytes);
        assert_eq!(disk_size(&folder.path().join("missing")), None);
    }

    #[test]
    fn what_killed_builds_left_goes_and_what_is_being_built_stays() {
        let folder = folder_of(&["dead.building", "dead.partial", "alone.partial", "busy.building", "busy.partial"]);
        let builder = File::open(folder.path().join("busy.building")).unwrap();
        builder.try_lock().unwrap();
        remove_stale(folder.path());
        assert_eq!(names(folder.path()), ["busy.building", "busy.partial"]);
    }

    #[test]
    fn a_lock_on_a_file_that_was_taken_away_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned()).unwrap();
        let (first, second) = (cache.lock("x").unwrap(), cache.lock("x").unwrap());
        let first = first.take().unwrap().unwrap();
        assert!(cache.lock("x").unwrap().take().unwrap().is_none());
        first.release();
        assert!(second.take().unwrap().is_none(), "others would lock a file of that name beside us");
        assert!(cache.lock("x").unwrap().take().unwrap().is_some());
    }
}
