// SPDX-License-Identifier: Apache-2.0
//! Where an opened index comes from: an index file, the cache, or a build.

use crate::answer::Amount;
use crate::build::{Capture, build, system_message, temporary_within};
use crate::cache::{self, Cache};
use crate::error::{Error, Refusal};
use crate::ids::SiteId;
use crate::index::{OpenOptions, Origin};
use crate::progress::Progress;
use crate::store::Store;
use crate::store::reader::index_version;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often a waiting process looks whether the building one is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where an opened index comes from.
pub(crate) struct Source {
    pub(crate) origin: Origin,
    /// The index file. Open, so that it can be copied even when nothing names it any more; locked, so that it is kept.
    file: File,
    /// The capture, for questions that its index cannot answer: where it was, and its identity.
    capture: Option<CaptureSource>,
}

/// The capture that an index was made of.
struct CaptureSource {
    path: PathBuf,
    identity: String,
    names_native: bool,
}

/// Opens a capture or an index file.
pub(crate) fn open(path: &Path, options: &OpenOptions, progress: &Progress) -> Result<(Store, Source), Error> {
    if index_version(path).is_some() {
        let store = Store::open(path)?;
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        return Ok((store, Source { origin: Origin::IndexFile, file, capture: None }));
    }
    let capture = Capture::open(path)?;
    let names_native = !options.no_native_symbols;
    let identity = cache::identity(&capture, path, names_native);
    let folder = options.cache_folder.clone().or_else(cache::default_folder).filter(|_| !options.no_cache);
    let (store, file, origin) = match folder.map(Cache::open) {
        Some(Ok(cache)) => open_cached(&capture, &identity, &cache, names_native, progress)?,
        // No cache is wanted, or none can be had: the index lives as long as it is open.
        Some(Err(_)) | None => build_unnamed(&capture, names_native, progress)?,
    };
    Ok((store, Source { origin, file, capture: Some(CaptureSource { path: path.to_owned(), identity, names_native }) }))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Unreadable { message: system_message(error), path: path.to_owned() }
}

fn open_cached(
    capture: &Capture,
    identity: &str,
    cache: &Cache,
    names_native: bool,
    progress: &Progress,
) -> Result<(Store, File, Origin), Error> {
    let index_path = cache.index_path(identity);
    let lock = loop {
        if let Some((store, file)) = open_kept(&index_path) {
            return Ok((store, file, Origin::Cached));
        }
        // Opened anew each time: whoever built before us took the file away.
        let Ok(lock) = cache.lock(identity) else { return build_unnamed(capture, names_native, progress) };
        let progress_file = lock.file.try_clone();
        match lock.take() {
            Ok(Some(lock)) => break lock,
            Ok(None) => follow(progress_file.ok(), progress)?,
            Err(_) => return build_unnamed(capture, names_native, progress),
        }
    };
    // Another may have built it between our look and our lock.
    if let Some((store, file)) = open_kept(&index_path) {
        lock.release();
        return Ok((store, file, Origin::Cached));
    }
    let partial = cache.partial_path(identity);
    let built = build_named(capture, &partial, &index_path, &lock.file, names_native, progress);
    if built.is_err() {
        let _ = fs::remove_file(&partial);
    }
    lock.release();
    let in_use = built?;
    cache::evict(cache.folder());
    let store = Store::open(&index_path)?;
    Ok((store, in_use, Origin::Built))
}

/// Opens a kept index and marks it as used. One that cannot be used is as good as none.
fn open_kept(index_path: &Path) -> Option<(Store, File)> {
    let file = File::options().read(true).write(true).open(index_path).or_else(|_| File::open(index_path)).ok()?;
    let _ = file.try_lock_shared();
    let store = Store::open(index_path).ok()?;
    let _ = file.set_modified(SystemTime::now());
    Some((store, file))
}

/// Shows how far the process is that builds the index we want.
fn follow(lock: Option<File>, progress: &Progress) -> Result<(), Error> {
    if progress.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let mut text = String::new();
    if lock.is_some_and(|lock| lock.take(100).read_to_string(&mut text).is_ok()) {
        let mut numbers = text.split_whitespace().map_while(|number| number.parse::<u64>().ok());
        if let (Some(done), Some(total), Some(records)) = (numbers.next(), numbers.next(), numbers.next()) {
            progress.set_total(total);
            progress.advance(done, records);
        }
    }
    std::thread::sleep(LOOK_EVERY);
    Ok(())
}

fn build_named(
    capture: &Capture,
    partial: &Path,
    index_path: &Path,
    lock: &File,
    names_native: bool,
    progress: &Progress,
) -> Result<File, Error> {
    let _ = fs::remove_file(partial);
    create_empty(partial)?;
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Others that wait for this index read here how far we are.
        let telling = std::thread::Builder::new().name("tell progress".to_owned()).spawn_scoped(scope, || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let (bytes, total) = progress.bytes();
                let line = format!("{bytes} {total} {} \n", progress.records());
                let mut lock = lock;
                let _ = lock.seek(SeekFrom::Start(0)).and_then(|_| lock.write_all(line.as_bytes()));
                std::thread::park_timeout(LOOK_EVERY);
            }
        });
        let built = build(capture, partial, names_native, progress);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Ok(telling) = telling {
            telling.thread().unpark();
        }
        built
    })?;
    // In use before it has its name, so that nobody throws it out between the two.
    let write_error = |e: io::Error| Error::Write(e.to_string());
    let file = File::open(partial).map_err(write_error)?;
    let _ = file.try_lock_shared();
    fs::rename(partial, index_path).map_err(write_error)?;
    Ok(file)
}

fn create_empty(path: &Path) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    options.create_new(true).write(true);
    cache::owner_only(&mut options);
    options.open(path).map(drop).map_err(|e| Error::Write(e.to_string()))
}

/// Builds an index that goes away with the process.
fn build_unnamed(capture: &Capture, names_native: bool, progress: &Progress) -> Result<(Store, File, Origin), Error> {
    let file = tempfile::Builder::new()
        .prefix("memray-view-")
        .suffix(".mvidx")
        .tempfile()
        .map_err(|e| Error::Write(e.to_string()))?;
    build(capture, file.path(), names_native, progress)?;
    let store = Store::open(file.path())?;
    // The name goes; the open file and SQLite's own hold what it named.
    let kept = file.into_file();
    Ok((store, kept, Origin::Built))
}

impl Source {
    /// Size of the index file.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Copies the index to a file of its own.
    pub(crate) fn save_as(&self, path: &Path) -> Result<(), Error> {
        let cannot = |e: io::Error| Error::Save { path: path.to_owned(), reason: e.kind() };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut new = tempfile::Builder::new().prefix(".memray-view-").tempfile_in(folder).map_err(cannot)?;
        let mut from = &self.file;
        from.seek(SeekFrom::Start(0)).map_err(cannot)?;
        io::copy(&mut from, new.as_file_mut()).map_err(cannot)?;
        new.persist(path).map(drop).map_err(|e| cannot(e.error))
    }

    /// Reads the capture again.
    pub(crate) fn temporary_within(&self, threshold: u64) -> Result<Vec<(SiteId, Amount)>, Refusal> {
        let stored = crate::build::MAX_TEMPORARY_DISTANCE;
        let Some(CaptureSource { path, identity, names_native }) = &self.capture else {
            return Err(Refusal(format!(
                "an index file knows temporary allocations up to a threshold of {stored}: open the capture itself for more"
            )));
        };
        let refused =
            |why: String| Refusal(format!("a threshold above {stored} needs the capture read again, but {why}"));
        let capture = Capture::open(path).map_err(|error| refused(error.to_string()))?;
        if cache::identity(&capture, path, *names_native) != *identity {
            // Its sites would not be those of the index.
            return Err(refused(format!("it changed since it was opened: {}", path.display())));
        }
        temporary_within(&capture, threshold).map_err(|error| refused(error.to_string()))
    }
}
