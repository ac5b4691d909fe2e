// SPDX-License-Identifier: Apache-2.0
//! Names of native functions, looked up in one library at a time.
//!
//! Debug information gives functions, those inlined into them, files and lines; where there is none the symbol table gives
//! the function alone. A library is opened, asked for all addresses at once, and closed: nothing of it stays in memory.
//! DWARF is read lazily, only the units in which an address lies.

use super::object_file::{self, Reader, Sections};
use addr2line::gimli::{EndianSlice, RunTimeEndian};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _, SymbolKind};
use std::collections::BTreeSet;
use std::path::Path;

/// Functions inlined into one another at one address: more are left out.
const MAX_INLINED: usize = 64;

/// Names and paths are cut to this.
const MAX_NAME_BYTES: usize = 1 << 16;

/// A function at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// Its name, demangled.
    pub(crate) function: String,
    /// Its source file, where debug information says.
    pub(crate) file: Option<String>,
    /// The line in it; 0 for none.
    pub(crate) line: u32,
}

/// A segment as recorded or as in a file: its address in the file, and its size in memory.
pub(crate) type Extent = (u64, u64);

/// The functions at each of some addresses of a library, the innermost first; `None` if the library is not there, or was
/// not laid out as recorded or has another build id, and so is another. Addresses are as in the file; ascending ones are
/// looked up fastest.
pub(crate) fn look_up(
    path: &Path,
    segments: &BTreeSet<Extent>,
    build_id: Option<&[u8]>,
    addresses: &[u64],
) -> Option<Vec<Vec<Symbol>>> {
    let file = object_file::map(path)?;
    let library = object_file::parse(&file)?;
    let has: BTreeSet<Extent> = library.segments().map(|segment| (segment.address(), segment.size())).collect();
    if !segments.is_subset(&has) {
        return None;
    }
    if build_id.is_some() && library.build_id().ok().flatten() != build_id {
        return None;
    }
    let debug_file = if library.has_debug_symbols() { None } else { object_file::debug_file(path, &library) };
    let debug = debug_file.as_ref().and_then(object_file::parse);
    let debug = debug.as_ref().unwrap_or(&library);
    let supplementary_file = object_file::supplementary_file(debug);
    let supplementary = supplementary_file.as_ref().and_then(object_file::parse);

    let sections = object_file::sections(debug);
    let supplementary = supplementary.as_ref().map(object_file::sections);
    let dwarf = Dwarf::new(&sections, supplementary.as_ref(), debug.is_little_endian());
    let table = SymbolTable::new(&[debug, &library]);
    Some(addresses.iter().map(|&address| symbols_at(dwarf.as_ref(), &table, address)).collect())
}

fn symbols_at(dwarf: Option<&Dwarf<'_>>, table: &SymbolTable<'_>, address: u64) -> Vec<Symbol> {
    let mut symbols = dwarf.map_or_else(Vec::new, |dwarf| dwarf.symbols_at(address));
    match symbols.last_mut() {
        None => symbols.extend(table.function_at(address).map(|function| Symbol { function, file: None, line: 0 })),
        // Assembly has lines but no functions.
        Some(outermost) if outermost.function.is_empty() => {
            outermost.function = table.function_at(address).unwrap_or_default();
        }
        Some(_) => {}
    }
    symbols.retain(|symbol| !symbol.function.is_empty());
    symbols
}

/// Debug information of one library.
struct Dwarf<'data> {
    context: addr2line::Context<Reader<'data>>,
}

impl<'data> Dwarf<'data> {
    fn new(sections: &'data Sections<'_>, supplementary: Option<&'data Sections<'_>>, is_little: bool) -> Option<Self> {
        let endian = if is_little { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let dwarf = sections.borrow_with_sup(supplementary, |section| EndianSlice::new(section, endian));
        Some(Self { context: addr2line::Context::from_dwarf(dwarf).ok()? })
    }

    fn symbols_at(&self, address: u64) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        let Ok(mut frames) = self.context.find_frames(address).skip_all_loads() else { return symbols };
        let folder = self.compilation_folder(address);
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let location = frame.location;
            let file = location.as_ref().and_then(|location| location.file);
            symbols.push(Symbol {
                function: shortened(function.unwrap_or_default()),
                file: file.map(|file| shortened(without_folder(file, folder.as_deref()).to_owned())),
                line: location.as_ref().and_then(|location| location.line).unwrap_or(0),
            });
            if symbols.len() == MAX_INLINED {
                break;
            }
        }
        symbols
    }

    /// The folder in which a unit was compiled whose own file is named relative to it.
    fn compilation_folder(&self, address: u64) -> Option<String> {
        let unit = self.context.find_dwarf_and_unit(address).skip_all_loads()?;
        if unit.name.as_ref()?.to_string_lossy().starts_with('/') {
            return None;
        }
        Some(unit.comp_dir.as_ref()?.to_string_lossy().into_owned())
    }
}

/// A file's path as it was given to the compiler, like memray's: who built it, and where, tells nothing. Of a file that
/// lies in the folder itself, only that tells where it belongs.
fn without_folder<'file>(file: &'file str, folder: Option<&str>) -> &'file str {
    folder
        .and_then(|folder| file.strip_prefix(folder)?.strip_prefix('/'))
        .filter(|rest| rest.contains('/'))
        .unwrap_or(file)
}

fn shortened(mut name: String) -> String {
    if name.len() > MAX_NAME_BYTES {
        name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
    }
    name
}

/// Functions by address, from symbol tables.
pub(super) struct SymbolTable<'data> {
    /// Address, size, name; sorted by address, the best name of those at one address last.
    rows: Vec<(u64, u64, &'data str)>,
}

impl<'data> SymbolTable<'data> {
    /// The functions of some files; those of the first count first.
    fn new(files: &[&object::File<'data>]) -> Self {
        let mut rows = Vec::new();
        for file in files {
            rows.extend(file.symbols().chain(file.dynamic_symbols()).filter_map(|symbol| {
                let is_function = symbol.kind() == SymbolKind::Text && symbol.is_definition() && symbol.size() > 0;
                let name = symbol.name().ok().filter(|name| is_function && !name.is_empty())?;
                Some((symbol.address(), symbol.size(), name, symbol.is_global()))
            }));
        }
        rows.sort_by(|a, b| (a.0, a.3, std::cmp::Reverse(a.2)).cmp(&(b.0, b.3, std::cmp::Reverse(b.2))));
        Self { rows: rows.into_iter().map(|(address, size, name, _)| (address, size, name)).collect() }
    }

    /// Of functions that are known: address, size, name.
    pub(super) fn of_rows(mut rows: Vec<(u64, u64, &'data str)>) -> Self {
        rows.sort_by_key(|row| row.0);
        Self { rows }
    }

    /// The function at an address, demangled.
    pub(super) fn function_at(&self, address: u64) -> Option<String> {
        let after = self.rows.partition_point(|row| row.0 <= address);
        let &(start, size, name) = self.rows[..after].last()?;
        // A function of C that is called `f` is not `float`, which is what that letter stands for in mangled names.
        let is_mangled = name.starts_with('_');
        let function = || if is_mangled { addr2line::demangle_auto(name.into(), None) } else { name.into() };
        (address - start < size).then(|| shortened(function().into_owned()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// This program, the segments of its file, and the address in the file of one of its functions.
    fn this_program(function: usize) -> (PathBuf, BTreeSet<Extent>, u64) {
        let path = std::env::current_exe().unwrap();
        let file = object_file::map(&path).unwrap();
        let program = object_file::parse(&file).unwrap();
        let segments = program.segments().map(|segment| (segment.address(), segment.size())).collect();
        // Where the program was loaded follows from where one of its own functions is.
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let start = maps.lines().find(|line| line.ends_with(path.to_str().unwrap())).unwrap();
        let bias = u64::from_str_radix(start.split('-').next().unwrap(), 16).unwrap();
        (path, segments, function as u64 - bias)
    }

    #[inline(never)]
    fn a_function_to_be_found() -> usize {
        std::hint::black_box(std::process::id() as usize)
    }

    #[test]
    fn a_function_of_this_program_is_found_with_file_and_line() {
        assert!(a_function_to_be_found() > 0);
        let (path, segments, address) = this_program(a_function_to_be_found as *const () as usize);
        let found = look_up(&path, &segments, None, &[address]).unwrap();
        let outermost = found[0].last().unwrap();
        // What it lies in is left out where the build has no more than lines.
        assert!(outermost.function.ends_with("a_function_to_be_found"), "{outermost:?}");
        assert!(outermost.file.as_ref().unwrap().ends_with("native/symbols.rs"), "{outermost:?}");
        assert!(outermost.line > 100, "{outermost:?}");
    }

    #[test]
    fn addresses_outside_any_function_have_no_symbols() {
        let (path, segments, _) = this_program(a_function_to_be_found as *const () as usize);
        assert_eq!(look_up(&path, &segments, None, &[u64::MAX - 1]).unwrap(), [[]]);
    }

    #[test]
    fn a_library_laid_out_otherwise_than_recorded_gives_no_names() {
        let (path, mut segments, address) = this_program(a_function_to_be_found as *const () as usize);
        segments.insert((0x1234_5000, 0x42));
        assert_eq!(look_up(&path, &segments, None, &[address]), None);
    }

    #[test]
    fn damaged_libraries_give_no_names_and_no_panic() {
        let (path, ..) = this_program(a_function_to_be_found as *const () as usize);
        let whole = std::fs::read(path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (number, length) in [0, 3, 64, 200, 4096, 70_000].into_iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, &whole[..length]).unwrap();
            let found = look_up(&path, &BTreeSet::new(), None, &[0x1000, 0x20_000]);
            assert!(found.is_none_or(|found| found.iter().all(Vec::is_empty)), "{length} bytes");
        }
    }

    #[test]
    fn paths_are_shown_as_the_compiler_was_given_them() {
        assert_eq!(without_folder("/build/py/Objects/call.c", Some("/build/py")), "Objects/call.c");
        assert_eq!(without_folder("/build/python/call.c", Some("/build/py")), "/build/python/call.c");
        assert_eq!(without_folder("/usr/include/x.h", None), "/usr/include/x.h");
        assert_eq!(without_folder("./misc/../sysdeps/clone3.S", Some("./misc")), "../sysdeps/clone3.S");
        assert_eq!(without_folder("./nptl/pthread_create.c", Some("./nptl")), "./nptl/pthread_create.c");
    }
}
