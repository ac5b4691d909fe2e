// SPDX-License-Identifier: Apache-2.0
//! Captures written and read back by this project's own reader: complete ones, and those of killed programs.

use super::*;
use memray_format::container::{Container, Lz4Frame, sniff};
use memray_format::{
    Allocation, Allocator, CodeObject, Decoder, FileFormat, Header, ModulePaths, PythonAllocator, Record,
    RecordEncoder, StreamEnd, ThreadId, encode_header,
};
use std::ops::Range;
use std::path::PathBuf;

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
    if random % 50 != 0 {
        let address = (random & 0xf_ffff) << 4;
        return use_it(&Record::Allocation(Allocation {
            address,
            size_bytes: random % 3000 + 1,
            allocator: Allocator::Malloc,
            native_frame: 0,
        }));
    }
    let length = if random % 5000 == 0 { random / 7 % 60_000 } else { random / 7 % 900 } as usize;
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
        let options = FileOptions { overwrites: true, compresses, max_size_bytes };
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
        self.file.finish(&header_bytes(allocation_count), appendix).unwrap()
    }
}

/// What a file holds: its header, how many records of the sequence, all right and in order, and how it ends.
fn read(path: &Path) -> (Header, u64, StreamEnd) {
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
    let mut count = 0;
    let mut is_cut = false;
    let mut check = |record: Record<'_>| {
        assert!(!is_cut, "a record follows one that is cut");
        if record != Record::Trailer {
            with_record(count, |expected| is_cut = !is_same(expected, &record));
            count += 1;
        }
    };
    decoder.push(&records, &mut check).unwrap();
    count -= u64::from(is_cut);
    (decoder.header().unwrap().clone(), count, decoder.finish())
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

/// Calls that only the tests need.
mod child {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A number that a forked child tells its parent.
    pub(super) fn shared_number() -> &'static AtomicU64 {
        // SAFETY: a new mapping, large enough and aligned for a number, never unmapped.
        unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
            let address = libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0);
            assert!(address != libc::MAP_FAILED);
            &*address.cast::<AtomicU64>()
        }
    }

    /// Runs `write` in a forked child until it says that it is at the number, and kills it.
    pub(super) fn kill_at(number: u64, progress: &AtomicU64, write: impl FnOnce()) {
        // SAFETY: the child runs `write` and ends without returning.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            write();
            // SAFETY: ends the process.
            unsafe { libc::_exit(1) };
        }
        assert!(pid > 0);
        let mut status = 0;
        while progress.load(Ordering::Acquire) < number {
            // SAFETY: the child is this test's own.
            assert!(unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0, "the child ended: {status}");
            std::thread::yield_now();
        }
        // SAFETY: as above.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            assert!(libc::waitpid(pid, &raw mut status, 0) == pid);
        }
    }
}

#[test]
fn a_program_killed_at_any_moment_leaves_every_record_that_it_wrote() {
    use std::sync::atomic::Ordering;
    for compresses in [false, true] {
        for round in 0..50 {
            let scratch = Scratch::new();
            let path = scratch.path();
            let written = child::shared_number();
            let when = scrambled(round) % if round % 5 == 0 { 600_000 } else { 60_000 };
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
