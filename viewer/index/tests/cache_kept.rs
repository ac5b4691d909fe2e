// SPDX-License-Identifier: Apache-2.0
//! Indexes that are kept: found again wherever their capture is, never trusted, never waited for in vain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;

use asking::ask_all;
use memray_format::Encoder;
use memray_format::synth::Synthesis;
use memray_index::{Error, Index, Mode, OpenOptions, Origin, Progress, Question, cache};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// No test waits longer for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A place with a capture `a.bin`.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(place.path("a.bin"), capture(1)).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cache(&self) -> PathBuf {
        self.path("cache/indexes")
    }

    fn try_open(&self, name: &str, cache: PathBuf, progress: &Progress) -> Result<Index, Error> {
        Index::open(&self.path(name), &OpenOptions { cache_folder: Some(cache), ..OpenOptions::default() }, progress)
    }

    fn open(&self, name: &str) -> Index {
        self.try_open(name, self.cache(), &Progress::default()).unwrap()
    }

    /// Where `a.bin`'s index is kept, which is built elsewhere for that; and its bytes.
    fn kept_index(&self) -> (PathBuf, Vec<u8>) {
        let elsewhere = self.path("elsewhere");
        self.try_open("a.bin", elsewhere.clone(), &Progress::default()).unwrap();
        let path = cache::entries(&elsewhere).unwrap().remove(0).path;
        (self.cache().join(path.file_name().unwrap()), fs::read(path).unwrap())
    }
}

fn capture(seed: u64) -> Vec<u8> {
    let synthesis = Synthesis { snapshots: 20, ..Synthesis::small(seed) };
    let header = memray_format::Header { allocation_count: 300, ..synthesis.header() };
    let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
    synthesis.generate(&mut |record| encoder.record(&record).unwrap());
    encoder.finish().unwrap()
}

/// The peak by site and the sum of all that was allocated.
fn answers(index: &Index) -> (Vec<(memray_index::SiteId, memray_index::Amount)>, i64) {
    let total = index.ask(&Question { mode: Mode::Total, ..Question::default() }).unwrap();
    (index.ask(&Question::default()).unwrap().sites, total.total.bytes)
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_cache() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let place = Place::new();
    place.open("a.bin");
    assert_eq!((mode(&place.path("cache")), mode(&place.cache())), (0o700, 0o700));
    let entries = cache::entries(&place.cache()).unwrap();
    assert_eq!((entries.len(), mode(&entries[0].path)), (1, 0o600));
    // One that somebody made for all to see is closed.
    fs::set_permissions(place.cache(), fs::Permissions::from_mode(0o755)).unwrap();
    place.open("a.bin");
    assert_eq!(mode(&place.cache()), 0o700);
}

#[test]
fn a_moved_or_copied_capture_opens_warm_and_a_changed_one_does_not() {
    let place = Place::new();
    let first = place.open("a.bin");
    assert_eq!(first.origin(), Origin::Built);
    assert_eq!(place.open("a.bin").origin(), Origin::Cached);
    fs::copy(place.path("a.bin"), place.path("copy.bin")).unwrap();
    assert_eq!(place.open("copy.bin").origin(), Origin::Cached);
    fs::rename(place.path("a.bin"), place.path("moved.bin")).unwrap();
    let moved = place.open("moved.bin");
    assert_eq!((moved.origin(), answers(&moved)), (Origin::Cached, answers(&first)));
    let entries = cache::entries(&place.cache()).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].capture_name.as_deref(), Some("a.bin"), "its name when it was indexed");

    let mut changed = capture(1);
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(place.path("changed.bin"), changed).unwrap();
    assert_eq!(place.open("changed.bin").origin(), Origin::Built);
    fs::write(place.path("moved.bin"), capture(2)).unwrap();
    assert_eq!(place.open("moved.bin").origin(), Origin::Built);
}

#[test]
fn a_kept_index_that_is_broken_or_old_is_built_anew_without_a_word() {
    let place = Place::new();
    let good = answers(&place.open("a.bin"));
    let path = cache::entries(&place.cache()).unwrap().remove(0).path;
    let whole = fs::read(&path).unwrap();
    let patched = |at: usize, bytes: &[u8]| {
        let mut patched = whole.clone();
        patched[at..at + bytes.len()].copy_from_slice(bytes);
        patched
    };
    let broken = [
        ("empty", Vec::new()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("a page short", whole[..whole.len() - 16384].to_vec()),
        ("text", b"not an index".to_vec()),
        ("an older version", patched(60, &0i32.to_be_bytes())),
        ("a newer version", patched(60, &9999i32.to_be_bytes())),
        ("another application's", patched(68, &7i32.to_be_bytes())),
        ("its schema overwritten", patched(200, &[0xff; 16000])),
        ("all but its first page overwritten", patched(16384, &vec![0xff; whole.len() - 16384])),
    ];
    for (what, bytes) in broken {
        fs::write(&path, bytes).unwrap();
        let index = place.open("a.bin");
        assert_eq!((index.origin(), answers(&index)), (Origin::Built, good.clone()), "{what}");
        assert_eq!(fs::read(&path).unwrap().len(), whole.len(), "{what}");
        assert_eq!(place.open("a.bin").origin(), Origin::Cached, "{what}");
    }
}

#[test]
fn an_index_that_cannot_be_read_is_listed_without_its_captures_name() {
    let place = Place::new();
    place.open("a.bin");
    fs::write(place.cache().join("5-ab-v0.mvidx"), b"short").unwrap();
    let mut names: Vec<_> =
        cache::entries(&place.cache()).unwrap().into_iter().map(|entry| entry.capture_name).collect();
    names.sort();
    assert_eq!(names, [None, Some("a.bin".to_owned())]);
}

#[test]
fn where_no_cache_can_be_had_a_capture_opens_all_the_same() {
    let place = Place::new();
    let good = answers(&place.open("a.bin"));
    fs::write(place.path("file"), b"in the way").unwrap();
    for folder in [place.path("file"), place.path("file/below"), place.path("file/below/deeper")] {
        let index = place.try_open("a.bin", folder, &Progress::default()).unwrap();
        assert_eq!((index.origin(), answers(&index)), (Origin::Built, good.clone()));
        assert!(index.not_kept().unwrap().starts_with("the cache in "), "{:?}", index.not_kept());
        let _ = ask_all(&index);
    }
    assert_eq!(fs::read(place.path("file")).unwrap(), b"in the way");
}

#[test]
fn where_the_index_cannot_be_named_it_is_built_elsewhere_and_nothing_is_left_behind() {
    let place = Place::new();
    let (path, _) = place.kept_index();
    let good = answers(&place.try_open("a.bin", place.path("elsewhere"), &Progress::default()).unwrap());
    // A folder stands where the index should be: it can neither be opened nor replaced.
    fs::create_dir_all(path.join("in the way")).unwrap();
    let index = place.open("a.bin");
    assert_eq!((index.origin(), answers(&index)), (Origin::Built, good));
    let start = format!("the cache in {} cannot be used (the index cannot be written (", place.cache().display());
    assert!(index.not_kept().unwrap().starts_with(&start), "{:?}", index.not_kept());
    assert_eq!(files_in(&place.cache()), [path.file_name().unwrap().to_str().unwrap()]);
}

#[test]
fn what_a_killed_build_left_is_nothing_to_wait_for() {
    let place = Place::new();
    let (path, whole) = place.kept_index();
    fs::create_dir_all(place.cache()).unwrap();
    fs::write(path.with_extension("building"), b"10 100 5 \n").unwrap();
    fs::write(path.with_extension("partial"), &whole[..whole.len() / 2]).unwrap();
    fs::write(place.cache().join("7-other-v1.building"), b"").unwrap();
    fs::write(place.cache().join("7-other-v1.partial"), b"half").unwrap();
    assert_eq!(place.open("a.bin").origin(), Origin::Built);
    assert_eq!(files_in(&place.cache()), [path.file_name().unwrap().to_str().unwrap()]);
}

/// Takes the lock of `a.bin`'s index as another process would that builds it, and says how far it is.
fn build_elsewhere(place: &Place) -> (File, PathBuf, Vec<u8>) {
    let (path, whole) = place.kept_index();
    fs::create_dir_all(place.cache()).unwrap();
    let mut lock = File::create(path.with_extension("building")).unwrap();
    lock.try_lock().unwrap();
    lock.write_all(b"50 100 7 \n").unwrap();
    (lock, path, whole)
}

/// Opens `a.bin` in another thread and waits until it shows the progress of whoever builds its index.
fn while_waiting(place: &Place, then: impl FnOnce(&Progress)) -> Result<Index, Error> {
    let progress = Progress::default();
    thread::scope(|scope| {
        let opening = scope.spawn(|| place.try_open("a.bin", place.cache(), &progress));
        let started = Instant::now();
        while (progress.bytes(), progress.records()) != ((50, 100), 7) {
            assert!(!opening.is_finished() && started.elapsed() < DEADLINE);
            thread::yield_now();
        }
        then(&progress);
        opening.join().unwrap()
    })
}

#[test]
fn a_second_process_shows_how_far_the_first_is_and_takes_what_it_built() {
    let place = Place::new();
    let (lock, path, whole) = build_elsewhere(&place);
    let index = while_waiting(&place, |_| {
        fs::write(path.with_extension("partial"), &whole).unwrap();
        fs::rename(path.with_extension("partial"), &path).unwrap();
        fs::remove_file(path.with_extension("building")).unwrap();
        drop(lock);
    })
    .unwrap();
    assert_eq!((index.origin(), index.info().file_name.as_str()), (Origin::Cached, "a.bin"));
}

#[test]
fn if_the_first_process_dies_the_second_builds() {
    let place = Place::new();
    let (lock, path, whole) = build_elsewhere(&place);
    let index = while_waiting(&place, |_| {
        fs::write(path.with_extension("partial"), &whole[..1000]).unwrap();
        drop(lock);
    })
    .unwrap();
    assert_eq!(index.origin(), Origin::Built);
    assert_eq!(files_in(&place.cache()), [path.file_name().unwrap().to_str().unwrap()]);
}

#[test]
fn a_process_that_stands_still_while_it_builds_is_not_waited_for() {
    let place = Place::new();
    let (lock, path, _) = build_elsewhere(&place);
    let index = while_waiting(&place, |_| {}).unwrap();
    assert_eq!(index.origin(), Origin::Built);
    assert_eq!(index.not_kept(), Some("another process that began to index this capture stands still"));
    let name = path.with_extension("building").file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(files_in(&place.cache()), [name], "what the other does is left to it");
    drop(lock);
    assert_eq!(place.open("a.bin").not_kept(), None);
}

#[test]
fn waiting_for_another_process_can_be_cancelled() {
    let place = Place::new();
    let (_lock, _, _) = build_elsewhere(&place);
    assert!(matches!(while_waiting(&place, Progress::cancel), Err(Error::Cancelled)));
}

#[test]
fn of_many_at_once_one_builds_and_all_answer_the_same() {
    let place = Place::new();
    let indexes: Vec<Index> = thread::scope(|scope| {
        let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| place.open("a.bin"))).collect();
        opening.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(indexes.iter().filter(|index| index.origin() == Origin::Built).count(), 1);
    assert!(indexes.iter().all(|index| answers(index) == answers(&indexes[0])));
    assert_eq!(files_in(&place.cache()).len(), 1);
}

#[test]
fn an_index_in_use_is_not_cleared_and_answers_on() {
    let place = Place::new();
    let in_use = place.open("a.bin");
    fs::write(place.path("b.bin"), capture(2)).unwrap();
    place.open("b.bin");
    assert_eq!(cache::clear(&place.cache()).unwrap().0, 1);
    let left = cache::entries(&place.cache()).unwrap();
    assert_eq!((left.len(), left[0].capture_name.as_deref()), (1, Some("a.bin")));
    let _ = ask_all(&in_use);
    drop(in_use);
    assert_eq!(cache::clear(&place.cache()).unwrap().0, 1);
    assert!(files_in(&place.cache()).is_empty());
}

#[test]
fn a_build_that_is_cancelled_leaves_nothing_and_can_be_begun_anew() {
    let place = Place::new();
    let progress = Progress::default();
    progress.cancel();
    assert!(matches!(place.try_open("a.bin", place.cache(), &progress), Err(Error::Cancelled)));
    assert!(files_in(&place.cache()).is_empty(), "{:?}", files_in(&place.cache()));
    let index = place.open("a.bin");
    assert_eq!((index.origin(), index.not_kept()), (Origin::Built, None));
    assert_eq!(place.open("a.bin").origin(), Origin::Cached);
}

#[test]
fn reading_a_capture_again_can_be_cancelled() {
    let place = Place::new();
    let index = place.open("a.bin");
    let question = Question { mode: Mode::Temporary { threshold: 5000 }, ..Question::default() };
    let progress = Progress::default();
    let whole = index.ask_until_cancelled(&question, &progress).unwrap();
    assert_eq!(whole.sites, index.ask(&question).unwrap().sites);
    let size_bytes = fs::metadata(place.path("a.bin")).unwrap().len();
    assert_eq!((progress.bytes(), progress.records()), ((size_bytes, size_bytes), index.info().counts.records));
    progress.cancel();
    let refused = index.ask_until_cancelled(&question, &progress).unwrap_err();
    assert_eq!(refused.0, "reading the capture again was cancelled");
    let stored = Question { mode: Mode::Temporary { threshold: 5 }, ..Question::default() };
    assert!(index.ask_until_cancelled(&stored, &progress).is_ok(), "for which nothing is read");
}
