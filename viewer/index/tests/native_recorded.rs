// SPDX-License-Identifier: Apache-2.0
//! Captures of the tracer of this project bring the names of their native functions. One is recorded here, by the Python that
//! `MEMRAY_PYTHON` names, and read when its library is gone, and when another is in its place.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod traced;

use memray_index::{Index, Mode, NativeSymbols, OpenOptions, Progress, Question};
use std::path::Path;
use std::process::Command;

const LIBRARY: &str = "
#include <stdlib.h>
static volatile int sum;
__attribute__((noinline)) void *NAME(int depth, unsigned long size) {
    void *block = depth ? NAME(depth - 1, size) : malloc(size);
    sum += depth;
    return block;
}
";

/// A library with one function, of that name.
fn compile(library: &Path, name: &str) {
    let source = library.with_extension("c");
    std::fs::write(&source, LIBRARY).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-g", "-fPIC", "-shared", "-Wl,--build-id", &format!("-DNAME={name}"), "-o"]);
    assert!(compiler.arg(library).arg(source).status().unwrap().success());
}

/// Records a program that has the library allocate 123,456 bytes, four calls deep.
fn record(capture: &Path, library: &Path, compresses: bool) {
    let python = std::env::var_os("MEMRAY_PYTHON").expect("set MEMRAY_PYTHON to a Python");
    let program = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).shop(3, 123456)";
    traced::record(capture, compresses, Command::new(python).args(["-c", program]).arg(library));
}

/// The functions of the library's that led to its allocation, with their lines, the innermost first.
fn functions(capture: &Path) -> Vec<(String, u32)> {
    let options = OpenOptions { no_cache: true, ..OpenOptions::default() };
    let index = Index::open(capture, &options, &Progress::default()).unwrap();
    assert_eq!(index.native_symbols(), NativeSymbols::Verified);
    let answer = index.ask(&Question { mode: Mode::Leaked, ..Question::default() }).unwrap();
    let stacks = index.stacks(&answer);
    let stack = stacks.iter().find(|stack| stack.amount.bytes == 123_456).unwrap();
    let locations = index.frames(&answer, stack).into_iter().map(|frame| index.location(frame));
    let functions = locations.map(|location| (index.text(location.function).into_owned(), location.line));
    functions.take_while(|(function, _)| function != "<module>" && !function.contains("ffi_call")).take(4).collect()
}

#[test]
fn names_are_those_of_the_library_that_was_loaded_wherever_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("library.so");
    compile(&library, "shop");
    let captures = [true, false].map(|compresses| {
        let capture = folder.path().join(format!("{compresses}.bin"));
        record(&capture, &library, compresses);
        capture
    });
    let named = |line| vec![("shop".to_owned(), line); 4];
    for capture in &captures {
        assert_eq!(functions(capture), named(5), "debug information knows the line");
    }
    std::fs::rename(&library, folder.path().join("elsewhere.so")).unwrap();
    for capture in &captures {
        assert_eq!(functions(capture), named(0), "its appendix knows the name");
    }
    compile(&library, "shed");
    for capture in &captures {
        assert_eq!(functions(capture), named(0), "another library of the same layout");
    }
}
