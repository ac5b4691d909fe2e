// SPDX-License-Identifier: Apache-2.0
//! Captures written and read back by this project's own reader: complete ones, and those of killed programs.

mod child;
mod read_by_memray;

use super::*;
use memray_format::container::{Container, Lz4Frame, sniff};
use memray_format::{
    Allocation, Allocator, CodeObject, Decoder, FileFormat, Header, ModulePaths, PythonAllocator, Record,
    RecordEncoder, StreamEnd, ThreadId, encode_header,
};
use std::cell::{Cell, RefCell};
use std::ffi::CString;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering;

fn header() -> Header {
    Header {
        version: 13,
        python_version: Some(0x030b_07f0),
        has_native_traces: false,
        file_format: FileFormat::AllAllocations,
        allocation_count: 0,
        frame_count: 0,
        start_time_ms: 1_700_000_000_000,
        end_time_ms: 0,
        command_line: b"program.py --verbose".to_vec(),
        pid: 4711,
        main_thread: ThreadId(1),
        skipped_frames_on_main_thread: 0,
        python_allocator: PythonAllocator::Pymalloc,
        traces_python_allocators: false,
        tracks_object_lifetimes: false,
        module_paths: Some(ModulePaths::default()),
    }
}

fn header_bytes(allocation_count: u64) -> Vec<u8> {
    encode_header(&Header { allocation_count, ..header() }).unwrap()
}

/// Numbers that look random and are the same each time.
fn scrambled(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20
}

/// The record of that number: mostly allocations, some code objects, of which some are long.
fn with_record<T>(number: u64, use_it: impl FnOnce(&Record<'_>) -> T) -> T {
    let random = scrambled(number);
    if !random.is_multiple_of(50) {
        let address = (random & 0xf_ffff) << 4;
        return use_it(&Record::Allocation(Allocation {
            address,
            size_bytes: random % 3000 + 1,
            allocator: Allocator::Malloc,
            native_frame: 0,
        }));
    }
    let length = if random.is_multiple_of(5000) { random / 7 % 60_000 } else { random / 7 % 900 } as usize;
    let line_table: Vec<u8> = (0..length as u64).map(|place| (scrambled(number ^ place) % 11) as u8).collect();
    use_it(&Record::CodeObject(CodeObject {
        id: number + 1,
        function: b"function",
        file: b"/a/file.py",
        first_line: number as i64,
        line_table: &line_table,
    }))
}

struct Writer {
    file: CaptureFile,
    encoder: RecordEncoder,
}

impl Writer {
    fn create(path: &Path, compresses: bool, max_size_bytes: Option<u64>) -> Self {
        let options = FileOptions { overwrites: true, compresses, max_size_bytes, appendix_bytes: 0 };
        let file = CaptureFile::create(path, options, &header_bytes(0)).unwrap();
        Self { file, encoder: RecordEncoder::new(&header()).unwrap() }
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), FileError> {
        let bound = RecordEncoder::bound(record);
        if bound > 1024 {
            let mut bytes = vec![0; bound];
            let length = self.encoder.encode(record, &mut bytes).unwrap();
            return self.file.write(&bytes[..length]);
        }
        let room = self.file.room(bound)?;
        let length = self.encoder.encode(record, room).unwrap();
        self.file.advance(length);
        Ok(())
    }

    fn records(&mut self, numbers: Range<u64>) -> Result<(), FileError> {
        for number in numbers {
            with_record(number, |record| self.record(record))?;
        }
        Ok(())
    }

    fn finish(mut self, allocation_count: u64, appendix: &[u8]) -> u64 {
        self.record(&Record::Trailer).unwrap();
        self.file.finish(&header_bytes(allocation_count), &[appendix]).unwrap()
    }
}

/// Hands over a file's records, up to the trailer or the end; returns its header, and how it ends.
fn records_of(path: &Path, mut visit: impl FnMut(Record<'_>)) -> (Header, StreamEnd) {
    let bytes = std::fs::read(path).unwrap();
    let mut records = Vec::new();
    match sniff(&bytes).unwrap() {
        Container::Raw => records = bytes,
        Container::Lz4 => {
            let mut frame = Lz4Frame::new(&bytes).unwrap();
            while frame.next_block(&mut records).unwrap() {}
        }
    }
    let mut decoder = Decoder::new();
    decoder.push(&records, &mut visit).unwrap();
    (decoder.header().unwrap().clone(), decoder.finish())
}

/// What a file holds: its header, how many records of the sequence, all right and in order, and how it ends.
fn read(path: &Path) -> (Header, u64, StreamEnd) {
    let mut count = 0;
    let mut is_cut = false;
    let (header, end) = records_of(path, |record| {
        assert!(!is_cut, "a record follows one that is cut");
        if record != Record::Trailer {
            with_record(count, |expected| is_cut = !is_same(expected, &record));
            count += 1;
        }
    });
    (header, count - u64::from(is_cut), end)
}

/// Whether a record is the expected one, and not merely the beginning of it.
fn is_same(expected: &Record<'_>, found: &Record<'_>) -> bool {
    if let (Record::CodeObject(expected), Record::CodeObject(found)) = (expected, found)
        && expected.id == found.id
    {
        // It is written in pieces, and nothing refers to it yet.
        return expected == found;
    }
    assert_eq!(expected, found);
    true
}

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("capture.bin")
    }
}

#[test]
fn a_finished_capture_holds_all_records_and_the_last_header() {
    for compresses in [false, true] {
        for count in [0, 1, 1000, 400_000] {
            let scratch = Scratch::new();
            let mut writer = Writer::create(&scratch.path(), compresses, None);
            writer.records(0..count).unwrap();
            let size_bytes = writer.finish(count, b"");
            assert_eq!(std::fs::metadata(scratch.path()).unwrap().len(), size_bytes);
            let (header, found, end) = read(&scratch.path());
            assert_eq!((header.allocation_count, found, end), (count, count, StreamEnd::Trailer));
        }
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_stays() {
    let scratch = Scratch::new();
    let path = std::ffi::CString::new(scratch.path().to_str().unwrap()).unwrap();
    // SAFETY: the path ends.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let options = FileOptions { overwrites: true, compresses: true, max_size_bytes: None, appendix_bytes: 0 };
    let refused = CaptureFile::create(&scratch.path(), options, &header_bytes(0)).err().unwrap();
    assert!(refused.to_string().ends_with("it is not a regular file"), "{refused}");
    assert!(scratch.path().exists());
}

thread_local! {
    /// Called after each step in which the file changes outside of the place for records.
    static ON_STEP: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// Told of each such step.
pub(super) fn observe() {
    // Not while it observes, or is being dropped.
    ON_STEP.with(|on_step| {
        if let Ok(mut on_step) = on_step.try_borrow_mut()
            && let Some(on_step) = on_step.as_mut()
        {
            on_step();
        }
    });
}

/// Records that cannot be compressed.
fn noise() -> Vec<Vec<u8>> {
    let table = |number: u64| (0..6000).map(|place| (scrambled(number * 6000 + place)) as u8).collect();
    (0..1500).map(table).collect()
}

#[test]
fn the_file_is_whole_after_every_step_that_changes_it() {
    for compresses in [false, true] {
        let scratch = Scratch::new();
        let path = scratch.path();
        let mut writer = Writer::create(&path, compresses, None);
        let (written, steps) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (all, taken, read_path) = (written.clone(), steps.clone(), path.clone());
        let (tables, expected) = (noise(), noise());
        ON_STEP.set(Some(Box::new(move || {
            taken.set(taken.get() + 1);
            let mut count = 0;
            records_of(&read_path, |record| {
                if let Record::CodeObject(code) = record {
                    assert!(code.line_table == expected[count]);
                    count += 1;
                }
            });
            assert_eq!(count, all.get());
        })));
        for (line_table, number) in tables.iter().zip(1..) {
            let (id, function, file) = (number as u64, b"function".as_slice(), b"file.py".as_slice());
            writer.record(&Record::CodeObject(CodeObject { id, function, file, first_line: 1, line_table })).unwrap();
            written.set(number);
        }
        writer.finish(0, b"appendix");
        ON_STEP.set(None);
        let expected_steps = if compresses { 40 } else { 4 };
        assert!(steps.get() >= expected_steps, "{}", steps.get());
    }
}

#[test]
fn a_capture_of_limited_size_ends_just_below_it_and_properly() {
    for compresses in [false, true] {
        for limit_bytes in [20_000, 300_000, 1_000_000, 5_000_000] {
            let scratch = Scratch::new();
            let mut writer = Writer::create(&scratch.path(), compresses, Some(limit_bytes));
            let mut count = 0;
            let error = loop {
                match writer.records(count..count + 1) {
                    Ok(()) => count += 1,
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, FileError::MaxSize), "{error}");
            let size_bytes = writer.finish(count, &vec![7; 100_000]);
            assert_eq!(std::fs::metadata(scratch.path()).unwrap().len(), size_bytes);
            // As far as a long record, and what is kept for last words, let it.
            assert!((limit_bytes - 70_000.min(limit_bytes / 2)..=limit_bytes).contains(&size_bytes), "{size_bytes}");
            let (header, found, end) = read(&scratch.path());
            assert_eq!((header.allocation_count, found, end), (count, count, StreamEnd::Trailer));
        }
    }
}

#[test]
fn an_appendix_has_its_part_of_what_a_file_may_be_long() {
    for compresses in [false, true] {
        let scratch = Scratch::new();
        let (limit_bytes, appendix_bytes) = (1_000_000, 30_000);
        let options = FileOptions { overwrites: true, compresses, max_size_bytes: Some(limit_bytes), appendix_bytes };
        let file = CaptureFile::create(&scratch.path(), options, &header_bytes(0)).unwrap();
        let mut writer = Writer { file, encoder: RecordEncoder::new(&header()).unwrap() };
        assert!(matches!(writer.records(0..u64::MAX), Err(FileError::MaxSize)));
        writer.record(&Record::Trailer).unwrap();
        let (too_large, fits) = (vec![7; 200_000], vec![8; 29_000]);
        let size_bytes = writer.file.finish(&header_bytes(1), &[&too_large, &fits, b"small"]).unwrap();
        assert!((limit_bytes - 20_000..=limit_bytes).contains(&size_bytes), "{size_bytes}");
        let bytes = std::fs::read(scratch.path()).unwrap();
        assert!(bytes.windows(fits.len()).any(|window| window == fits), "{compresses}");
        assert_eq!(read(&scratch.path()).2, StreamEnd::Trailer);
    }
}

/// Writes records until there is no room for more, and then those that room was kept for. Returns what ended the former, how
/// many records there are, and the file's size.
fn fill_and_end(path: &Path, compresses: bool, max_size_bytes: Option<u64>, kept_bytes: u64) -> (FileError, u64, u64) {
    let mut writer = Writer::create(path, compresses, max_size_bytes);
    writer.file.keep_for_the_end(kept_bytes / 2).unwrap();
    writer.records(0..100).unwrap();
    writer.file.keep_for_the_end(kept_bytes).unwrap();
    let mut count = 100;
    let error = loop {
        let before = writer.encoder.clone();
        match writer.records(count..count + 1) {
            Ok(()) => count += 1,
            Err(error) => {
                // It is not there, so what follows must not refer to it.
                writer.encoder = before;
                break error;
            }
        }
    };
    writer.file.begin_the_end();
    let mut left_bytes = kept_bytes;
    while let Some(rest) = left_bytes.checked_sub(with_record(count, |record| RecordEncoder::bound(record) as u64)) {
        writer.records(count..count + 1).unwrap();
        (left_bytes, count) = (rest, count + 1);
    }
    let size_bytes = writer.finish(count, b"");
    (error, count, size_bytes)
}

#[test]
fn what_room_was_kept_for_is_written_though_the_limit_was_reached() {
    for compresses in [false, true] {
        for (limit_bytes, kept_bytes) in [(200_000, 50_000), (1_000_000, 900_000), (9_000_000, 5_000_000)] {
            let scratch = Scratch::new();
            let (error, count, size_bytes) = fill_and_end(&scratch.path(), compresses, Some(limit_bytes), kept_bytes);
            assert!(matches!(error, FileError::MaxSize), "{error}");
            assert_eq!(std::fs::metadata(scratch.path()).unwrap().len(), size_bytes);
            assert!(size_bytes <= limit_bytes, "{size_bytes}");
            let (header, found, end) = read(&scratch.path());
            assert_eq!((header.allocation_count, found, end), (count, count, StreamEnd::Trailer));
        }
    }
}

#[test]
fn there_must_be_room_to_keep() {
    let scratch = Scratch::new();
    let mut writer = Writer::create(&scratch.path(), false, Some(100_000));
    assert!(matches!(writer.file.keep_for_the_end(95_000), Err(FileError::MaxSize)));
    assert!(matches!(writer.records(0..1), Err(FileError::MaxSize)));
    writer.file.begin_the_end();
    writer.records(0..1000).unwrap();
    writer.finish(1000, b"");
    assert_eq!(read(&scratch.path()).1, 1000);
}

#[test]
fn a_full_disk_ends_the_capture_and_it_is_complete_up_to_there() {
    // In a thread, as it goes into a mount namespace of its own.
    let test = || {
        let scratch = Scratch::new();
        let folder = CString::new(scratch.0.path().as_os_str().as_bytes()).unwrap();
        let (kind, size) = (c"tmpfs", c"size=24m");
        // SAFETY: the strings end with zero bytes.
        let is_mounted = unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(
                    c"none".as_ptr(),
                    c"/".as_ptr(),
                    std::ptr::null(),
                    libc::MS_REC | libc::MS_PRIVATE,
                    std::ptr::null(),
                ) == 0
                && libc::mount(kind.as_ptr(), folder.as_ptr(), kind.as_ptr(), 0, size.as_ptr().cast()) == 0
        };
        if !is_mounted {
            eprintln!("skipped: no file system may be mounted here");
            return;
        }
        for compresses in [false, true] {
            let path = scratch.path();
            let mut writer = Writer::create(&path, compresses, None);
            let mut count = 0;
            let error = loop {
                match writer.records(count..count + 1) {
                    Ok(()) => count += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.to_string(), "cannot write more of the capture: No space left on device (os error 28)");
            let size_bytes = writer.finish(count, &vec![7; 100_000]);
            assert!(size_bytes > 14_000_000, "{size_bytes}");
            let (header, found, end) = read(&path);
            assert_eq!((header.allocation_count, found, end), (count, count, StreamEnd::Trailer));
            std::fs::remove_file(&path).unwrap();
            let (error, count, _) = fill_and_end(&path, compresses, None, 3_000_000);
            assert_eq!(error.to_string(), "cannot write more of the capture: No space left on device (os error 28)");
            let (_, found, end) = read(&path);
            assert_eq!((found, end), (count, StreamEnd::Trailer));
            std::fs::remove_file(&path).unwrap();
        }
    };
    std::thread::Builder::new().name("full disk".to_owned()).spawn(test).unwrap().join().unwrap();
}

#[test]
fn a_limit_on_file_sizes_is_a_full_disk_and_no_signal() {
    let scratch = Scratch::new();
    let told = child::shared_number();
    let status = child::run(|| {
        let mut writer = Writer::create(&scratch.path(), true, None);
        let limit = libc::rlimit { rlim_cur: 4 << 20, rlim_max: 4 << 20 };
        // SAFETY: sets a limit of this child alone.
        unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
        let error = writer.records(0..u64::MAX).unwrap_err();
        told.store(u64::from(error.to_string().contains("File too large")), Ordering::Release);
        writer.finish(0, b"");
    });
    assert_eq!((status, told.load(Ordering::Acquire)), (0, 1));
    assert_eq!(read(&scratch.path()).2, StreamEnd::Trailer);
}

#[test]
fn a_forked_child_leaves_the_file_to_its_parent() {
    for compresses in [false, true] {
        let scratch = Scratch::new();
        let mut writer = Some(Writer::create(&scratch.path(), compresses, None));
        writer.as_mut().unwrap().records(0..1000).unwrap();
        let before = std::fs::read(scratch.path()).unwrap();
        let status = child::run(|| writer.take().unwrap().file.abandon());
        assert_eq!(status, 0);
        // A child that nobody told.
        let status = child::run(|| {
            let error = writer.as_mut().unwrap().records(1000..1001).unwrap_err();
            assert!(matches!(error, FileError::Forked));
            let error = writer.take().unwrap().file.finish(&header_bytes(9), &[]).unwrap_err();
            assert!(matches!(error, FileError::Forked));
        });
        assert_eq!(status, 0);
        assert!(std::fs::read(scratch.path()).unwrap() == before);
        let mut writer = writer.unwrap();
        writer.records(1000..2000).unwrap();
        writer.finish(2000, b"");
        assert_eq!(read(&scratch.path()).1, 2000);
    }
}

#[test]
fn a_program_that_closes_all_descriptors_is_traced_on_and_its_own_files_are_left_alone() {
    for compresses in [false, true] {
        let scratch = Scratch::new();
        let own = scratch.0.path().join("own");
        std::fs::write(&own, "the program's").unwrap();
        let status = child::run(|| {
            let mut writer = Writer::create(&scratch.path(), compresses, None);
            writer.records(0..1000).unwrap();
            // SAFETY: all descriptors of this child are nobody else's.
            unsafe {
                for descriptor in 3..1024 {
                    libc::close(descriptor);
                }
                let own = CString::new(own.as_os_str().as_bytes()).unwrap();
                while libc::open(own.as_ptr(), libc::O_RDWR) < 500 {}
            }
            writer.records(1000..400_000).unwrap();
            writer.finish(400_000, b"");
        });
        assert_eq!(status, 0);
        assert_eq!(std::fs::read_to_string(&own).unwrap(), "the program's");
        assert_eq!(read(&scratch.path()).1, 400_000);
    }
}

#[test]
fn a_file_that_is_there_is_replaced_only_if_asked() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path(), "precious").unwrap();
    let options = FileOptions { overwrites: false, compresses: true, max_size_bytes: None, appendix_bytes: 0 };
    let error = CaptureFile::create(&scratch.path(), options, &header_bytes(0)).map(|_| ()).unwrap_err();
    assert!(matches!(error, FileError::Exists(_)));
    assert_eq!(std::fs::read_to_string(scratch.path()).unwrap(), "precious");
    let before = std::fs::File::open(scratch.path()).unwrap();
    Writer::create(&scratch.path(), true, None).finish(0, b"");
    assert_eq!(read(&scratch.path()).2, StreamEnd::Trailer);
    assert_eq!(std::io::read_to_string(before).unwrap(), "precious", "who has it open keeps it");
    let nowhere = scratch.0.path().join("no/such/folder");
    let error = CaptureFile::create(&nowhere, options, &header_bytes(0)).map(|_| ()).unwrap_err();
    let expected =
        format!("Could not create output file {}: No such file or directory (os error 2)", nowhere.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_appendix_is_found_at_the_end() {
    for compresses in [false, true] {
        let scratch = Scratch::new();
        let mut writer = Writer::create(&scratch.path(), compresses, None);
        writer.records(0..100).unwrap();
        let size_bytes = writer.finish(100, b"symbols");
        let bytes = std::fs::read(scratch.path()).unwrap();
        assert_eq!(bytes.len() as u64, size_bytes);
        assert_eq!(appendix::find(&bytes), Ok(Some(b"symbols".as_slice())));
        assert_eq!(read(&scratch.path()).1, 100);
    }
}

#[test]
fn a_program_killed_at_any_moment_leaves_every_record_that_it_wrote() {
    for compresses in [false, true] {
        for round in 0..50 {
            let scratch = Scratch::new();
            let path = scratch.path();
            let written = child::shared_number();
            let when = scrambled(round) % if round % 5 == 0 { 200_000 } else { 20_000 };
            child::kill_at(when, written, || {
                let mut writer = Writer::create(&path, compresses, None);
                for number in 0.. {
                    writer.records(number..number + 1).unwrap();
                    written.store(number + 1, Ordering::Release);
                }
            });
            let (_, found, end) = read(&path);
            let written = written.load(Ordering::Acquire);
            assert!(found == written || found == written + 1, "{found} of {written}");
            assert!(matches!(end, StreamEnd::ZeroPadding { .. } | StreamEnd::Cut { .. }), "{end:?}");
        }
    }
}
