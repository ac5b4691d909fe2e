// SPDX-License-Identifier: Apache-2.0
//! Captures from macOS: the same format, with paths, libraries and addresses as they are there. None of their libraries
//! is on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use memray_format::synth::Synthesis;
use memray_format::{
    Allocation, Allocator, CodeObject, Encoder, FrameKey, Header, Library, ModulePaths, NativeFrame, Record, Segment,
    Snapshot, ThreadId,
};
use memray_index::{FrameKind, GroupBy, Index, NativeSymbols, OpenOptions, Progress, Question, RowKey};

const FRAMEWORK: &str = "/opt/homebrew/Cellar/python@3.12/3.12.4/Frameworks/Python.framework/Versions/3.12";
/// Where each library is loaded; the last is the interpreter, whose file is named like no other system's.
const LIBRARIES: [(&str, u64); 3] = [
    ("/usr/lib/system/libsystem_malloc.dylib", 0x1_8f00_0000),
    (
        "/Users/ann/shop/.venv/lib/python3.12/site-packages/numpy/core/_multiarray_umath.cpython-312-darwin.so",
        0x1_0500_0000,
    ),
    ("", 0x1_0100_0000),
];
const MAIN_THREAD: ThreadId = ThreadId(0x1_f0b5_b240);

fn header() -> Header {
    let library = format!("{FRAMEWORK}/lib/python3.12");
    Header {
        python_version: Some(0x030c_04f0),
        has_native_traces: true,
        main_thread: MAIN_THREAD,
        skipped_frames_on_main_thread: 0,
        command_line: b"/Users/ann/shop/.venv/bin/memray run --native shop.py".to_vec(),
        module_paths: Some(ModulePaths {
            standard_library: library.clone().into_bytes(),
            site_packages: vec![b"/Users/ann/shop/.venv/lib/python3.12/site-packages".to_vec()],
            sys_path: vec![b"/Users/ann/shop".to_vec(), library.into_bytes()],
        }),
        ..Synthesis::small(0).header()
    }
}

fn open() -> Index {
    let mut encoder = Encoder::new(Vec::new(), &header()).unwrap();
    let interpreter = format!("{FRAMEWORK}/Python");
    let mut record = |record: Record<'_>| encoder.record(&record).unwrap();
    record(Record::MappingsStart);
    for (path, address) in LIBRARIES {
        let path = if path.is_empty() { &interpreter } else { path };
        record(Record::Library(Library { path: path.as_bytes(), segment_count: 1, address }));
        record(Record::Segment(Segment { virtual_address: 0, size_bytes: 0x10_0000 }));
    }
    let json = format!("{FRAMEWORK}/lib/python3.12/json/decoder.py");
    let code = [("main", "/Users/ann/shop/shop.py"), ("decode", json.as_str())];
    for (id, (function, file)) in code.into_iter().enumerate() {
        let (function, file) = (function.as_bytes(), file.as_bytes());
        record(Record::CodeObject(CodeObject { id: id as u64 + 1, function, file, line_table: b"", first_line: 3 }));
    }
    record(Record::ContextSwitch(MAIN_THREAD));
    for code in [1, 2] {
        record(Record::FramePush(FrameKey { code, instruction_offset: 0, is_entry: true }));
    }
    // From the interpreter's main function inwards.
    for (parent, (_, address)) in LIBRARIES.into_iter().rev().enumerate() {
        let instruction_pointer = address + 0x400;
        record(Record::NativeFrame(NativeFrame { instruction_pointer, parent: parent as u64 }));
    }
    record(Record::Snapshot(Snapshot { time_ms: Synthesis::START_TIME_MS, rss_bytes: 1 << 24, heap_bytes: None }));
    // Pages of 16 KiB, and a block.
    record(Record::Allocation(Allocation {
        address: 0x1_4000_0000,
        size_bytes: 1 << 14,
        allocator: Allocator::Mmap,
        native_frame: 3,
    }));
    record(Record::Allocation(Allocation {
        address: 0x6000_0120_4000,
        size_bytes: 48,
        allocator: Allocator::Malloc,
        native_frame: 3,
    }));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macos.bin");
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    Index::open(&path, &OpenOptions { no_cache: true, ..OpenOptions::default() }, &Progress::default()).unwrap()
}

#[test]
fn they_open_and_tell_own_code_from_the_frameworks() {
    let index = open();
    let answer = index.ask(&Question::default()).unwrap();
    assert_eq!((answer.total.bytes, answer.total.allocations), (16_432, 2));
    assert!(!index.info().stops_early());
    let rows = index.table(&answer, GroupBy::OwnCodeLine);
    let [RowKey::Location(line)] = rows.iter().map(|row| row.key).collect::<Vec<_>>()[..] else { panic!("{rows:?}") };
    assert_eq!(index.text(index.location(line).file), "/Users/ann/shop/shop.py");
    let modules = index.table(&answer, GroupBy::Module).into_iter().map(|row| match row.key {
        RowKey::Module(module) => index.text(module).into_owned(),
        other => panic!("{other:?}"),
    });
    let mut modules: Vec<String> = modules.collect();
    modules.sort();
    assert_eq!(modules, ["_multiarray_umath.cpython-312-darwin.so", "json", "libsystem_malloc.dylib", "shop"]);
}

#[test]
fn the_frameworks_library_is_the_interpreter_and_ends_what_lies_below_python() {
    let index = open();
    assert_eq!(index.native_symbols(), NativeSymbols::None);
    let answer = index.ask(&Question::default()).unwrap();
    let frames = index.frames(&answer, &index.stacks(&answer)[0]);
    let frames: Vec<_> = frames.into_iter().map(|frame| *index.location(frame)).collect();
    let names: Vec<_> = frames.iter().map(|frame| index.text(frame.function).into_owned()).collect();
    assert_eq!(names, ["libsystem_malloc.dylib", "_multiarray_umath.cpython-312-darwin.so", "decode", "main"]);
    let kinds = [FrameKind::Library, FrameKind::Library, FrameKind::Python, FrameKind::Python];
    assert_eq!(frames.iter().map(|frame| frame.kind).collect::<Vec<_>>(), kinds);
    let stack = index.native_stack(answer.sites[0].0);
    let texts: Vec<String> = stack.iter().map(|frame| index.native_frame_text(frame)).collect();
    assert_eq!(
        texts,
        ["libsystem_malloc.dylib+0x400", "_multiarray_umath.cpython-312-darwin.so+0x400", "Python+0x400"]
    );
}
