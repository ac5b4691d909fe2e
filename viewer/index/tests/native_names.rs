// SPDX-License-Identifier: Apache-2.0
//! Names of native functions, from a C++ program that is compiled here: inlined functions, demangled names, and debug
//! information in a file of its own. Without a compiler nothing is tested, and that is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use memray_format::synth::Synthesis;
use memray_format::{
    Allocation, Allocator, CodeObject, Encoder, FrameKey, Header, Library, NativeFrame, Record, Segment, ThreadId,
};
use memray_index::{Index, OpenOptions, Progress, Question};
use object::{Object as _, ObjectSegment as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints where `note` returns to: into `add`, which is inlined into `check_out`.
const PROGRAM: &str = r#"#include <cstdio>
__attribute__((noinline)) void note() { std::printf("%p\n", __builtin_return_address(0)); }
namespace shop {
template <class T> struct Cart {
    static inline __attribute__((always_inline)) T add(T n) {
        note();
        return n * n + OFFSET;
    }
};
__attribute__((noinline)) int check_out(int n) {
    return Cart<int>::add(n + 1) * 3;
}
}
int main(int count, char **) { return shop::check_out(count) == 0; }
"#;

struct Program {
    folder: tempfile::TempDir,
    path: PathBuf,
    /// Where `note` returns to; as in the file, which is loaded where it was linked to.
    return_address: u64,
}

/// Runs a tool; `None` where it is not there.
fn tool(command: &mut Command) -> Option<String> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("NOT TESTED: {:?} cannot be run here: {error}", command.get_program());
            return None;
        }
    };
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn compile(folder: &Path, name: &str, offset: u32) -> Option<PathBuf> {
    let (source, program) = (folder.join("shop.cc"), folder.join(name));
    std::fs::write(&source, PROGRAM).unwrap();
    let mut compiler = Command::new("g++");
    compiler.args(["-O2", "-g", "-no-pie", "-fno-pie", "-Wl,--build-id"]).arg(format!("-DOFFSET={offset}"));
    tool(compiler.arg(&source).arg("-o").arg(&program))?;
    Some(program)
}

fn program() -> Option<Program> {
    let folder = tempfile::tempdir().unwrap();
    let path = compile(folder.path(), "shop", 5)?;
    let printed = tool(&mut Command::new(&path))?;
    let return_address = u64::from_str_radix(printed.trim().trim_start_matches("0x"), 16).unwrap();
    Some(Program { folder, path, return_address })
}

impl Program {
    /// A capture in which the program allocated where it called `note`.
    fn capture(&self) -> PathBuf {
        let bytes = std::fs::read(&self.path).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let header =
            Header { has_native_traces: true, skipped_frames_on_main_thread: 0, ..Synthesis::small(0).header() };
        let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
        let mut record = |record: Record<'_>| encoder.record(&record).unwrap();
        record(Record::MappingsStart);
        let path = self.path.to_str().unwrap().as_bytes();
        record(Record::Library(Library { path, segment_count: file.segments().count() as u64, address: 0 }));
        for segment in file.segments() {
            record(Record::Segment(Segment { virtual_address: segment.address(), size_bytes: segment.size() }));
        }
        let code = CodeObject { id: 1, function: b"main", file: b"/srv/app/main.py", line_table: b"", first_line: 1 };
        record(Record::CodeObject(code));
        record(Record::ContextSwitch(ThreadId(1)));
        record(Record::FramePush(FrameKey { code: 1, instruction_offset: 0, is_entry: true }));
        record(Record::NativeFrame(NativeFrame { instruction_pointer: self.return_address, parent: 0 }));
        let block = Allocation { address: 64, size_bytes: 100, allocator: Allocator::Malloc, native_frame: 1 };
        record(Record::Allocation(block));
        let capture = self.folder.path().join("capture.bin");
        std::fs::write(&capture, encoder.finish().unwrap()).unwrap();
        capture
    }

    /// The stack of the allocation, innermost first: function, file's name, line.
    fn stack(&self) -> Vec<(String, String, u32)> {
        let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
        let index = Index::open(&self.capture(), &options, &Progress::default()).unwrap();
        let answer = index.ask(&Question::default()).unwrap();
        let frames = index.frames(&answer, &index.stacks(&answer)[0]);
        let frame = |id| {
            let location = index.location(id);
            let file = index.text(location.file).rsplit('/').next().unwrap().to_owned();
            (index.text(location.function).into_owned(), file, location.line)
        };
        frames.into_iter().map(frame).collect()
    }

    /// Moves the debug information into a file of its own, which the program names.
    fn part_debug_information(&self) -> Option<PathBuf> {
        let debug = self.folder.path().join("shop.debug");
        tool(Command::new("objcopy").arg("--only-keep-debug").arg(&self.path).arg(&debug))?;
        tool(Command::new("strip").arg("--strip-debug").arg(&self.path))?;
        let link = format!("--add-gnu-debuglink={}", debug.display());
        tool(Command::new("objcopy").arg(link).arg(&self.path))?;
        Some(debug)
    }
}

fn frame(function: &str, file: &str, line: u32) -> (String, String, u32) {
    (function.to_owned(), file.to_owned(), line)
}

fn with_inlined() -> [(String, String, u32); 3] {
    [
        frame("shop::Cart<int>::add(int)", "shop.cc", 6),
        frame("shop::check_out(int)", "shop.cc", 11),
        frame("main", "main.py", 0),
    ]
}

#[test]
fn inlined_functions_are_frames_of_their_own_and_names_are_demangled() {
    let Some(program) = program() else { return };
    assert_eq!(program.stack(), with_inlined());
}

#[test]
fn a_debug_file_of_its_own_is_read_if_it_is_of_the_same_build() {
    let Some(program) = program() else { return };
    let Some(debug) = program.part_debug_information() else { return };
    assert_eq!(program.stack(), with_inlined());

    // The symbol table is still there: the function that was not inlined, demangled, in its library.
    let by_symbol_table = [frame("shop::check_out(int)", "shop", 0), frame("main", "main.py", 0)];
    std::fs::remove_file(&debug).unwrap();
    assert_eq!(program.stack(), by_symbol_table);
    let Some(other) = compile(program.folder.path(), "other", 6) else { return };
    std::fs::rename(other, &debug).unwrap();
    assert_eq!(program.stack(), by_symbol_table, "a file of another build");

    tool(Command::new("strip").arg(&program.path)).unwrap();
    assert_eq!(program.stack(), [frame("shop", "shop", 0), frame("main", "main.py", 0)]);
}
