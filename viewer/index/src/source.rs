// SPDX-License-Identifier: Apache-2.0
//! Where an opened index comes from: an index file, the cache, or a build.

use crate::answer::Amount;
use crate::build::{Capture, build, system_message, temporary_within};
use crate::cache::{self, Cache};
use crate::error::{Error, Refusal};
use crate::ids::SiteId;
use crate::index::{OpenOptions, Origin};
use crate::progress::{Progress, Provisional};
use crate::store::Store;
use crate::store::reader::index_version;
use crate::waiting::{Builder, LOOK_EVERY, follow, while_telling};
use memray_format::Header;
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// Where an opened index comes from.
pub(crate) struct Source {
    pub(crate) origin: Origin,
    /// Why it is not in the cache, where it was to be.
    pub(crate) not_kept: Option<String>,
    /// The index file. Open, so that it can be copied even when nothing names it any more; locked, so that it is kept.
    file: File,
    /// The capture, for questions that its index cannot answer: where it was, and its identity.
    capture: Option<CaptureSource>,
}

/// The capture that an index was made of.
struct CaptureSource {
    path: PathBuf,
    /// `None` if it changed while it was read: the index is then of no state that could be read again.
    identity: Option<String>,
    names_native: bool,
}

/// An index of a capture, opened.
struct Opened {
    store: Store,
    file: File,
    origin: Origin,
    not_kept: Option<String>,
}

impl Opened {
    fn not_kept(self, why: String) -> Self {
        Self { not_kept: Some(why), ..self }
    }
}

/// Opens a capture or an index file.
pub(crate) fn open(path: &Path, options: &OpenOptions, progress: &Progress) -> Result<(Store, Source), Error> {
    if index_version(path).is_some() {
        let store = Store::open(path)?;
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        return Ok((store, Source { origin: Origin::IndexFile, not_kept: None, file, capture: None }));
    }
    let capture = Capture::open(path)?;
    let names_native = !options.no_native_symbols;
    let identity = cache::identity(&capture, names_native);
    let folder = options.cache_folder.clone().or_else(cache::default_folder).filter(|_| !options.no_cache);
    let opened = match folder.map(|folder| Cache::open(folder.clone()).map_err(|error| (folder, error))) {
        Some(Ok(cache)) => open_cached(&capture, &identity, &cache, names_native, progress)?,
        // None can be had: the index lives as long as it is open.
        Some(Err((folder, error))) => {
            build_unnamed(&capture, names_native, progress)?.not_kept(unusable(&folder, &error))
        }
        None => build_unnamed(&capture, names_native, progress)?,
    };
    let identity = (opened.origin == Origin::Cached || capture.is_as_opened()).then_some(identity);
    let Opened { store, file, origin, not_kept } = opened;
    let capture = Some(CaptureSource { path: path.to_owned(), identity, names_native });
    Ok((store, Source { origin, not_kept, file, capture }))
}

/// Looks whether a file is a capture, whose header it gives, or an index.
///
/// # Errors
/// If it is neither, or cannot be read.
pub fn recognise(path: &Path) -> Result<Option<Header>, Error> {
    if index_version(path).is_some() {
        return Ok(None);
    }
    Ok(Some(Capture::open(path)?.header().clone()))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Unreadable { message: system_message(error), path: path.to_owned() }
}

fn unusable(folder: &Path, error: &dyn std::fmt::Display) -> String {
    format!("the cache in {} cannot be used ({error})", folder.display())
}

fn open_cached(
    capture: &Capture,
    identity: &str,
    cache: &Cache,
    names_native: bool,
    progress: &Progress,
) -> Result<Opened, Error> {
    let unkept = |why: String| Ok(build_unnamed(capture, names_native, progress)?.not_kept(why));
    let index_path = cache.index_path(identity);
    let mut builder = Builder::default();
    let lock = loop {
        if let Some(kept) = open_kept(&index_path) {
            return Ok(kept);
        }
        // Opened anew each time: whoever built before us took the file away.
        let lock = match cache.lock(identity) {
            Ok(lock) => lock,
            Err(error) => return unkept(unusable(cache.folder(), &error)),
        };
        let told = lock.file.try_clone();
        match lock.take() {
            Ok(Some(lock)) => break lock,
            Ok(None) if progress.is_cancelled() => return Err(Error::Cancelled),
            Ok(None) => {
                let told = told.ok();
                if builder.stands_still(follow(told.as_ref(), progress), Instant::now()) {
                    return unkept("another process that began to index this capture stands still".to_owned());
                }
                // With the file open: it shows that we wait.
                std::thread::sleep(LOOK_EVERY);
            }
            Err(error) => return unkept(unusable(cache.folder(), &error)),
        }
    };
    // Another may have built it between our look and our lock.
    if let Some(kept) = open_kept(&index_path) {
        lock.release();
        return Ok(kept);
    }
    let partial = cache.partial_path(identity);
    let built = build_named(capture, &partial, &index_path, &lock.file, names_native, progress);
    if built.is_err() {
        let _ = fs::remove_file(&partial);
    }
    lock.release();
    match built {
        Ok(opened) => {
            cache::evict(cache.folder());
            Ok(opened)
        }
        // The cache's disk may be full, and another not.
        Err(error @ (Error::Write(_) | Error::Database(_))) => {
            progress.update(|known| *known = Provisional::default());
            unkept(unusable(cache.folder(), &error))
        }
        Err(error) => Err(error),
    }
}

/// Opens a kept index and marks it as used. One that cannot be used is as good as none.
fn open_kept(index_path: &Path) -> Option<Opened> {
    let file = File::options().read(true).write(true).open(index_path).or_else(|_| File::open(index_path)).ok()?;
    let _ = file.try_lock_shared();
    let store = Store::open(index_path).ok()?;
    let _ = file.set_modified(SystemTime::now());
    Some(Opened { store, file, origin: Origin::Cached, not_kept: None })
}

/// Builds an index in the cache, and names it if it is worth keeping.
fn build_named(
    capture: &Capture,
    partial: &Path,
    index_path: &Path,
    lock: &File,
    names_native: bool,
    progress: &Progress,
) -> Result<Opened, Error> {
    let _ = fs::remove_file(partial);
    create_empty(partial)?;
    while_telling(lock, progress, || build(capture, partial, names_native, progress))?;
    // In use before it has its name, so that nobody throws it out between the two.
    let write_error = |e: io::Error| Error::Write(e.to_string());
    let file = File::open(partial).map_err(write_error)?;
    let _ = file.try_lock_shared();
    let opened = |path: &Path| Ok(Opened { store: Store::open(path)?, file, origin: Origin::Built, not_kept: None });
    if !capture.is_as_opened() {
        // It would be found under the identity of what the capture was, or will be again.
        let opened: Result<Opened, Error> = opened(partial);
        let _ = fs::remove_file(partial);
        return Ok(opened?.not_kept("the capture changed while it was read".to_owned()));
    }
    fs::rename(partial, index_path).map_err(write_error)?;
    opened(index_path)
}

fn create_empty(path: &Path) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    options.create_new(true).write(true);
    cache::owner_only(&mut options);
    options.open(path).map(drop).map_err(|e| Error::Write(e.to_string()))
}

/// Builds an index that goes away with the process.
fn build_unnamed(capture: &Capture, names_native: bool, progress: &Progress) -> Result<Opened, Error> {
    let cannot = |message: String| Error::WriteTemporary { message, folder: tempfile::env::temp_dir() };
    let file = tempfile::Builder::new()
        .prefix("memray-view-")
        .suffix(".mvidx")
        .tempfile()
        .map_err(|error| cannot(error.to_string()))?;
    build(capture, file.path(), names_native, progress).map_err(|error| match error {
        Error::Write(message) => cannot(message),
        error => error,
    })?;
    let store = Store::open(file.path())?;
    // The name goes; the open file and SQLite's own hold what it named.
    Ok(Opened { store, file: file.into_file(), origin: Origin::Built, not_kept: None })
}

impl Source {
    /// Size of the index file.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Copies the index.
    pub(crate) fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut from = &self.file;
        from.seek(SeekFrom::Start(0))?;
        io::copy(&mut from, out).map(drop)
    }

    /// Reads the capture again, as the index knows temporary allocations only up to a threshold.
    pub(crate) fn temporary_within(
        &self,
        threshold: u64,
        known: u64,
        progress: &Progress,
    ) -> Result<Vec<(SiteId, Amount)>, Refusal> {
        let Some(CaptureSource { path, identity, names_native }) = &self.capture else {
            return Err(Refusal(format!(
                "this index file knows temporary allocations up to a threshold of {known}: open the capture itself for more"
            )));
        };
        let refused =
            |why: String| Refusal(format!("a threshold above {known} needs the capture read again, but {why}"));
        let capture = Capture::open(path).map_err(|error| refused(error.to_string()))?;
        if identity.as_ref() != Some(&cache::identity(&capture, *names_native)) {
            // Its sites would not be those of the index.
            return Err(refused(format!("it changed since it was opened: {}", path.display())));
        }
        temporary_within(&capture, threshold, progress).map_err(|error| match error {
            Error::Cancelled => Refusal("reading the capture again was cancelled".to_owned()),
            error => refused(error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::info::Ending;
    use memray_format::Encoder;
    use memray_format::synth::Synthesis;
    use std::io::Write as _;
    use std::time::Duration;

    /// A finished capture `a.bin` in a folder of its own, and what it holds.
    fn place() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let synthesis = Synthesis { snapshots: 20, ..Synthesis::small(1) };
        let header = memray_format::Header { allocation_count: 300, ..synthesis.header() };
        let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
        synthesis.generate(&mut |record| encoder.record(&record).unwrap());
        let bytes = encoder.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        fs::write(&path, &bytes).unwrap();
        (folder, path, bytes)
    }

    #[test]
    fn a_capture_that_changes_while_it_is_indexed_leaves_nothing_in_the_cache() {
        let (folder, path, whole) = place();
        let cache_folder = folder.path().join("cache");
        let write = |bytes: &[u8]| fs::write(&path, bytes).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let in_place = |at: u64| {
            let mut file = File::options().write(true).open(&path).unwrap();
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&[0xff; 4]).unwrap();
        };
        let changes: [(&str, &dyn Fn()); 4] = [
            ("cut", &|| write(&whole[..whole.len() / 2])),
            ("cut and whole again", &|| {
                write(b"");
                write(&whole);
            }),
            ("longer", &|| write(&[&whole[..], &whole[..]].concat())),
            ("overwritten", &|| in_place(whole.len() as u64 / 2)),
        ];
        for (what, change) in changes {
            write(&whole);
            File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
            let capture = Capture::open(&path).unwrap();
            let identity = cache::identity(&capture, true);
            change();
            let cache = Cache::open(cache_folder.clone()).unwrap();
            let opened = open_cached(&capture, &identity, &cache, true, &Progress::default()).unwrap();
            assert_eq!(opened.not_kept.as_deref(), Some("the capture changed while it was read"), "{what}");
            assert_eq!(fs::read_dir(&cache_folder).unwrap().count(), 0, "{what}");
        }
        write(&whole);
        let options = OpenOptions { cache_folder: Some(cache_folder), ..OpenOptions::default() };
        let (store, source) = open(&path, &options, &Progress::default()).unwrap();
        assert_eq!((source.origin, source.not_kept, store.info.ending), (Origin::Built, None, Ending::Complete));
        assert_eq!(open(&path, &options, &Progress::default()).unwrap().1.origin, Origin::Cached);
    }
}
