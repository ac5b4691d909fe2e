// SPDX-License-Identifier: Apache-2.0
//! The tracer and the command, as they are built for users, run on systems as old as glibc 2.28: they need no newer symbol,
//! and no library that such a system may lack.
//!
//! The files are read that `scripts/build-portable` made, named by `MEMRAY_VIEW_TRACER_LIBRARY` and `MEMRAY_VIEW_BIN`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use object::Endianness;
use object::elf::{
    DF_1_NOW, DT_FLAGS_1, DT_NEEDED, DT_RELR, DT_RPATH, DT_RUNPATH, DT_TEXTREL, FileHeader64, PF_X, PT_GNU_STACK,
    SHT_DYNSYM,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, Sym};
use std::path::PathBuf;

/// The oldest C library that users may have.
const OLDEST_GLIBC: [u32; 2] = [2, 28];

/// What every system with it has. The first five are one library since 2.34.
const LIBRARIES: [&str; 8] = [
    "libc.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libm.so.6",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

/// What is asked of a file.
struct Built {
    /// Where it lies, for messages.
    name: String,
    /// Its whole content.
    content: Vec<u8>,
}

/// Its dynamic entries.
struct Needs {
    libraries: Vec<String>,
    /// Versions of symbols, as in `GLIBC_2.14`.
    versions: Vec<String>,
    undefined: Vec<String>,
    defined: Vec<String>,
    /// Tags and values.
    dynamic: Vec<(i64, u64)>,
    has_executable_stack: bool,
}

impl Built {
    /// The file that a variable names.
    fn named(variable: &str) -> Self {
        let path = std::env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| {
            panic!("{variable} names no file that scripts/build-portable made; scripts/test builds both and names them")
        });
        Self { name: path.display().to_string(), content: std::fs::read(path).unwrap() }
    }

    fn needs(&self) -> Needs {
        let data = self.content.as_slice();
        let header = FileHeader64::<Endianness>::parse(data).unwrap();
        let endian = header.endian().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();

        let sections = header.sections(endian, data).unwrap();
        let (mut libraries, mut dynamic) = (Vec::new(), Vec::new());
        let (entries, strings) = sections.dynamic(endian, data).unwrap().expect("it is linked dynamically");
        let strings = sections.strings(endian, data, strings).unwrap();
        for entry in entries {
            if entry.tag(endian) == DT_NEEDED {
                libraries.push(text(entry.string(endian, strings).unwrap()));
            }
            dynamic.push((entry.tag(endian), entry.val(endian)));
        }

        let mut versions = Vec::new();
        let (mut needed, link) = sections.gnu_verneed(endian, data).unwrap().expect("it needs versions of symbols");
        let strings = sections.strings(endian, data, link).unwrap();
        while let Some((_, mut of_library)) = needed.next().unwrap() {
            while let Some(version) = of_library.next().unwrap() {
                versions.push(text(version.name(endian, strings).unwrap()));
            }
        }

        let symbols = sections.symbols(endian, data, SHT_DYNSYM).unwrap();
        let (mut undefined, mut defined) = (Vec::new(), Vec::new());
        for symbol in symbols.iter().filter(|symbol| symbol.st_name(endian) != 0) {
            let name = text(symbols.symbol_name(endian, symbol).unwrap());
            if symbol.is_undefined(endian) { &mut undefined } else { &mut defined }.push(name);
        }

        let stack =
            header.program_headers(endian, data).unwrap().iter().find(|part| part.p_type(endian) == PT_GNU_STACK);
        let has_executable_stack = stack.is_none_or(|stack| stack.p_flags(endian) & PF_X != 0);
        Needs { libraries, versions, undefined, defined, dynamic, has_executable_stack }
    }
}

/// Whether a system with the oldest C library has the symbols of a version. What is not numbered stands for abilities that
/// came later, such as `GLIBC_ABI_DT_RELR`.
fn is_old_enough(version: &str) -> bool {
    let numbers = version
        .strip_prefix("GLIBC_")
        .and_then(|numbers| numbers.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>());
    numbers.is_some_and(|numbers| numbers.len() >= 2 && numbers[..2] <= OLDEST_GLIBC[..])
}

#[test]
fn versions_are_numbers_and_not_texts() {
    for old in ["GLIBC_2.2.5", "GLIBC_2.3", "GLIBC_2.17", "GLIBC_2.28", "GLIBC_2.3.4"] {
        assert!(is_old_enough(old), "{old}");
    }
    for new in ["GLIBC_2.29", "GLIBC_2.30", "GLIBC_2.100", "GLIBC_3.0", "GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE", "GCC_3.0"]
    {
        assert!(!is_old_enough(new), "{new}");
    }
}

fn assert_runs_on_old_systems(built: &Built) -> Needs {
    let needs = built.needs();
    let name = &built.name;
    let new: Vec<_> = needs.versions.iter().filter(|version| !is_old_enough(version)).collect();
    assert!(new.is_empty(), "{name} needs {new:?}: it is to be built by scripts/build-portable");
    assert!(!needs.versions.is_empty(), "{name}: nothing was read");
    let other: Vec<_> = needs.libraries.iter().filter(|library| !LIBRARIES.contains(&library.as_str())).collect();
    assert!(other.is_empty() && needs.libraries.iter().any(|it| it == "libc.so.6"), "{name}: {:?}", needs.libraries);
    let of_python: Vec<_> =
        needs.undefined.iter().filter(|symbol| symbol.starts_with("Py") || symbol.starts_with("_Py")).collect();
    assert!(of_python.is_empty(), "{name} links {of_python:?}");
    for (tag, _) in &needs.dynamic {
        assert!(![DT_RELR, DT_RPATH, DT_RUNPATH, DT_TEXTREL].contains(tag), "{name}: {tag:#x}");
    }
    assert!(!needs.has_executable_stack, "{name}");
    needs
}

#[test]
fn the_tracer_runs_on_old_systems_and_gives_the_program_nothing_but_its_own() {
    let built = Built::named("MEMRAY_VIEW_TRACER_LIBRARY");
    let needs = assert_runs_on_old_systems(&built);
    // It is loaded before all other libraries, which would take anything else from it, an unwinder for example.
    let mut exported = needs.defined.clone();
    exported.sort();
    assert_eq!(exported, ["memray_view_is_tracing", "memray_view_start", "memray_view_stop", "memray_view_version"]);
    // All its symbols are found before the program runs: the first call of one does not enter the linker from a hook.
    assert!(needs.dynamic.iter().any(|&(tag, value)| tag == DT_FLAGS_1 && value & u64::from(DF_1_NOW) != 0));
}

#[test]
fn the_command_runs_on_old_systems() {
    let built = Built::named("MEMRAY_VIEW_BIN");
    assert_runs_on_old_systems(&built);
    let tracer = Built::named("MEMRAY_VIEW_TRACER_LIBRARY");
    assert!(
        memchr::memmem::find(&built.content, &tracer.content).is_some(),
        "{} carries another tracer than {}",
        built.name,
        tracer.name
    );
}
