// SPDX-License-Identifier: Apache-2.0
//! Native stacks, against those that memray records of the same program: a debug build of the tracer, loaded into a Python
//! that has memray and numpy, which `MEMRAY_PYTHON` names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/library.rs"]
mod library;

use memray_settings::{Settings, VARIABLE};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

fn python() -> PathBuf {
    std::env::var_os("MEMRAY_PYTHON").expect("set MEMRAY_PYTHON to a Python that has memray and numpy").into()
}

fn test_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native").join(name)
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Compiles a library.
fn compile(folder: &Path, name: &str) -> PathBuf {
    let library = folder.join(format!("{name}.so"));
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-g", "-fPIC", "-shared", &format!("-DNAME={name}"), "-o"]).arg(&library);
    succeeded(compiler.arg(test_file("descend.c")).output().unwrap());
    library
}

/// Records the program with us; the number of its process.
fn record_ours(capture: &Path, libraries: &[PathBuf; 2]) -> u32 {
    let settings = Settings {
        path: capture.into(),
        shown_path: capture.into(),
        overwrites: true,
        compresses: true,
        traces_python_allocators: false,
        traces_native: true,
        aggregates: false,
        follows_forks: true,
        follows_children: false,
        is_child: false,
        uses_shortcut: true,
        memory_interval: Settings::DEFAULT_MEMORY_INTERVAL,
        duration: None,
        max_size_bytes: None,
        is_quiet: true,
        command_line: Vec::new(),
        skipped_frames: 0,
        report: None,
    };
    let mut run = Command::new(python());
    run.arg(test_file("start.py")).args(libraries).env("PYTHONDONTWRITEBYTECODE", "1");
    let child: Child = run.env("LD_PRELOAD", library::library()).env(VARIABLE, settings.encode()).spawn().unwrap();
    let pid = child.id();
    succeeded(child.wait_with_output().unwrap());
    pid
}

fn record_theirs(capture: &Path, libraries: &[PathBuf; 2]) {
    let mut memray = Command::new(python());
    memray.args(["-m", "memray", "run", "--native", "--quiet", "--force", "--output"]).arg(capture);
    memray.arg(test_file("start.py")).args(libraries).env("PYTHONDONTWRITEBYTECODE", "1");
    succeeded(memray.output().unwrap());
}

fn compare(ours: &Path, theirs: &Path) -> Value {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tools/same_allocations.py");
    let mut command = Command::new(python());
    command
        .arg(tool)
        .args([ours, theirs])
        .arg("--program")
        .arg(test_file("program.py"))
        .args(["--hybrid", "--show", "10"]);
    serde_json::from_str(&succeeded(command.output().unwrap())).unwrap()
}

/// The hybrid stacks of allocations of a size, each with its functions in one line, innermost first, as memray reads them.
fn stacks_of(capture: &Path, size_bytes: usize) -> Vec<String> {
    let script = "import sys\n\
         from memray import FileReader\n\
         for record in FileReader(sys.argv[1]).get_allocation_records():\n    \
             if record.size == int(sys.argv[2]):\n        \
                 print(*(frame[0] for frame in record.hybrid_stack_trace()))";
    let mut command = Command::new(python());
    command.args(["-c", script]).arg(capture).arg(size_bytes.to_string());
    succeeded(command.output().unwrap()).lines().map(str::to_owned).collect()
}

/// What differs is how the interpreter calls C functions while memray's profile function is set: some of its instructions
/// specialise only without, and then go another way.
#[test]
fn hybrid_stacks_are_those_of_memray() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = ["first", "second"].map(|name| compile(folder.path(), name));
    let [ours, theirs] = ["ours.bin", "theirs.bin"].map(|name| folder.path().join(name));
    record_ours(&ours, &libraries);
    record_theirs(&theirs, &libraries);

    let result = compare(&ours, &theirs);
    let count = |name: &str| result[name].as_u64().unwrap();
    let [own, others, both, memrays] = ["ours", "theirs", "in_both", "memrays_own"].map(count);
    assert!(own > 3000, "{result:#}");
    assert!(both * 100 >= own * 99 && both * 100 >= (others - memrays) * 99, "{result:#}");

    // In C code of the test's own all is the same. 8 bytes come before a block.
    for (size_bytes, blocks) in [(2008, 8), (2047, 8), (1011, 2)] {
        let stacks = stacks_of(&ours, size_bytes);
        let in_library: Vec<&String> = stacks.iter().filter(|stack| stack.contains("_descend")).collect();
        assert_eq!(in_library.len(), blocks, "{size_bytes}: {stacks:?}");
        let memrays = stacks_of(&theirs, size_bytes);
        for stack in in_library {
            let in_c = |stack: &str| stack.split(" PyCFuncPtr_call ").next().unwrap().to_owned();
            let known = memrays.iter().any(|other| in_c(other) == in_c(stack));
            assert!(known && stack.starts_with("make_block "), "{stack}\n{memrays:?}");
        }
    }
}

#[test]
fn a_forked_childs_native_stacks_stand_in_its_own_capture() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = ["first", "second"].map(|name| compile(folder.path(), name));
    let capture = folder.path().join("ours.bin");
    record_ours(&capture, &libraries);
    let childs = folder
        .path()
        .read_dir()
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("ours.bin."));
    assert!(stacks_of(&capture, 123_464).is_empty());
    let stacks = stacks_of(&childs.unwrap(), 123_464);
    let descends = "second_descend ".repeat(21);
    assert_eq!(stacks.len(), 1);
    assert!(stacks[0].starts_with(&format!("make_block {descends}")), "{}", stacks[0]);
    assert!(stacks[0].contains(" ffi_call _call_function_pointer _ctypes_callproc "), "{}", stacks[0]);
    assert!(stacks[0].ends_with(" __libc_start_main_impl _start"), "{}", stacks[0]);
}
