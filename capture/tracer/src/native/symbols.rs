// SPDX-License-Identifier: Apache-2.0
//! Names of the functions in which a capture's addresses lie, for its appendix: so that it can be read where the libraries
//! are not. Looked up once, when tracing ends, in the files that were loaded.
//!
//! Only symbol tables are read, as this still is the program's process: debug information, which knows lines too, takes more
//! memory than is right to take here. Where the very same libraries are, readers use that. Nor are files mapped, as one that
//! is cut meanwhile would end the program.

use super::objects::{LoadedObject, LoadedObjects};
use crate::descriptor::moved_up;
use memray_format::appendix::{FunctionSymbol, LibrarySymbols, encode_native_symbols};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _, ReadCache, ReadRef, SymbolKind};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;

/// Where separate symbol tables lie, by build id.
const DEBUG_FOLDER: &str = "/usr/lib/debug/.build-id";

/// A function: its address, then its size and name.
type Functions = BTreeMap<u64, (u64, Vec<u8>)>;

/// The content of an appendix that names what lies at return addresses.
pub(super) fn describe(objects: &LoadedObjects, return_addresses: impl Iterator<Item = u64>) -> Vec<u8> {
    // A call may be a function's last instruction.
    let mut calls: Vec<u64> = return_addresses.map(|address| address.wrapping_sub(1)).collect();
    calls.sort_unstable();
    calls.dedup();
    let looked_up: Vec<_> = objects.list.iter().filter_map(|object| look_up(object, &calls)).collect();
    let libraries = looked_up.iter().map(|(object, build_id, functions)| LibrarySymbols {
        path: &object.path,
        build_id,
        segments: object.segments.clone(),
        functions: functions
            .iter()
            .map(|(&address, (size_bytes, name))| FunctionSymbol { address, size_bytes: *size_bytes, name })
            .collect(),
    });
    let libraries: Vec<_> = libraries.collect();
    if libraries.is_empty() { Vec::new() } else { encode_native_symbols(&libraries) }
}

/// An object's build id, and its functions in which any of the calls lie; nothing if none lies in it, or if its file is not
/// there.
fn look_up<'a>(object: &'a LoadedObject, calls: &[u64]) -> Option<(&'a LoadedObject, Vec<u8>, Functions)> {
    let mut touched = Vec::new();
    for &(address, size_bytes) in &object.segments {
        let start = object.bias.wrapping_add(address);
        let first = calls.partition_point(|&call| call < start);
        let within = calls.get(first..).unwrap_or_default();
        let within = within.iter().take_while(|&&call| call - start < size_bytes);
        touched.extend(within.map(|call| call.wrapping_sub(object.bias)));
    }
    if touched.is_empty() {
        return None;
    }
    touched.sort_unstable();
    let file = open(OsStr::from_bytes(&object.path))?;
    let parsed = object::File::parse(&file).ok()?;
    let is_mapped = |segment: &(u64, u64)| parsed.segments().any(|it| (it.address(), it.size()) == *segment);
    if !object.segments.iter().all(is_mapped) {
        // It was replaced since it was loaded.
        return None;
    }
    let build_id = parsed.build_id().ok().flatten().unwrap_or_default().to_vec();
    let mut functions = Functions::new();
    if let Some(file) = debug_file(&build_id)
        && let Ok(debug) = object::File::parse(&file)
        && debug.build_id().ok().flatten() == Some(&build_id)
    {
        collect(&debug, &touched, &mut functions);
    }
    collect(&parsed, &touched, &mut functions);
    Some((object, build_id, functions))
}

/// Adds a file's functions in which addresses lie. Of names for one function the best is kept: one that others see, and of
/// those the first in alphabetical order.
fn collect<'data, R: ReadRef<'data>>(file: &object::File<'data, R>, addresses: &[u64], functions: &mut Functions) {
    let mut best: BTreeMap<u64, (bool, std::cmp::Reverse<&[u8]>, u64)> = BTreeMap::new();
    for symbol in file.symbols().chain(file.dynamic_symbols()) {
        let (start, size_bytes) = (symbol.address(), symbol.size());
        let at = addresses.partition_point(|&address| address < start);
        let is_touched = addresses.get(at).is_some_and(|&address| address - start < size_bytes);
        if !is_touched || symbol.kind() != SymbolKind::Text || !symbol.is_definition() {
            continue;
        }
        let Some(name) = symbol.name_bytes().ok().filter(|name| !name.is_empty()) else { continue };
        let found = (symbol.is_global(), std::cmp::Reverse(name), size_bytes);
        let kept = best.entry(start).or_insert(found);
        if *kept < found {
            *kept = found;
        }
    }
    for (start, (_, std::cmp::Reverse(name), size_bytes)) in best {
        functions.entry(start).or_insert_with(|| (size_bytes, name.to_vec()));
    }
}

fn debug_file(build_id: &[u8]) -> Option<ReadCache<File>> {
    let (first, rest) = build_id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    open(OsStr::new(&format!("{DEBUG_FOLDER}/{first:02x}/{rest}.debug")))
}

/// Opens a regular file.
fn open(path: &OsStr) -> Option<ReadCache<File>> {
    // Asked before it is opened: to open a pipe would wait for its writer.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    // The program may close what it did not open, and have this number itself.
    Some(ReadCache::new(moved_up(File::open(path).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::super::objects;
    use super::*;
    use memray_format::appendix::decode_native_symbols;

    #[inline(never)]
    fn a_function_with_a_name() -> usize {
        std::hint::black_box(std::process::id() as usize)
    }

    #[test]
    fn functions_of_this_program_are_named_and_others_are_not_there() {
        assert!(a_function_with_a_name() > 0);
        let objects = objects::looked_at();
        let address = a_function_with_a_name as *const () as u64 + 2;
        let content = describe(&objects, [address, 1, 0, u64::MAX, address].into_iter());
        let libraries = decode_native_symbols(&content).unwrap();
        assert_eq!(libraries.len(), 1);
        assert_eq!(libraries[0].path, std::env::current_exe().unwrap().as_os_str().as_bytes());
        let functions = &libraries[0].functions;
        assert_eq!(functions.len(), 1);
        let name = String::from_utf8_lossy(functions[0].name);
        assert!(name.contains("a_function_with_a_name"), "{name}");
        assert_eq!(functions[0].address + objects.list[0].bias, address - 2);
    }

    #[test]
    fn addresses_of_nothing_need_no_appendix() {
        assert!(describe(&objects::looked_at(), [0, 1, u64::MAX].into_iter()).is_empty());
    }
}
