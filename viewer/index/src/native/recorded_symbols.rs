// SPDX-License-Identifier: Apache-2.0
//! Names of native functions that a capture brings itself, in its appendix: for libraries that are not on this machine, or
//! are others here. [`RecordedSymbols`] leads.

use super::symbols::{Extent, Symbol, SymbolTable};
use memray_format::appendix::{self, AppendixError, LibrarySymbols};
use std::collections::BTreeSet;

/// What a capture's appendix says of its libraries.
#[derive(Default)]
pub(crate) struct RecordedSymbols<'a>(Vec<LibrarySymbols<'a>>);

impl<'a> RecordedSymbols<'a> {
    /// Those of a capture's file; none if it has no appendix.
    ///
    /// # Errors
    /// If its appendix cannot be used.
    pub(crate) fn of(file: &'a [u8]) -> Result<Self, AppendixError> {
        let content = appendix::find(file)?;
        Ok(Self(content.map_or(Ok(Vec::new()), appendix::decode_native_symbols)?))
    }

    /// Of the library with that path that was laid out so.
    pub(crate) fn library(&self, path: &[u8], segments: &BTreeSet<Extent>) -> Option<RecordedLibrary<'_>> {
        let is_it = |library: &&LibrarySymbols<'_>| {
            library.path == path && library.segments.iter().all(|segment| segments.contains(segment))
        };
        self.0.iter().find(is_it).map(RecordedLibrary)
    }
}

/// What a capture's appendix says of one library.
pub(crate) struct RecordedLibrary<'a>(&'a LibrarySymbols<'a>);

impl<'a> RecordedLibrary<'a> {
    /// Its build id, if it has one.
    pub(crate) fn build_id(&self) -> Option<&'a [u8]> {
        Some(self.0.build_id).filter(|id| !id.is_empty())
    }

    /// The function at each of some addresses, if there is any.
    pub(crate) fn look_up(&self, addresses: &[u64]) -> Vec<Vec<Symbol>> {
        let functions = self.0.functions.iter().filter(|function| function.size_bytes > 0);
        let named = |name| std::str::from_utf8(name).ok();
        let rows = functions.filter_map(|it| Some((it.address, it.size_bytes, named(it.name)?)));
        let table = SymbolTable::of_rows(rows.collect());
        let symbols_at = |&address| {
            table.function_at(address).map(|function| Symbol { function, file: None, line: 0 }).into_iter().collect()
        };
        addresses.iter().map(symbols_at).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use memray_format::appendix::FunctionSymbol;

    fn capture() -> Vec<u8> {
        let function = |address, size_bytes, name| FunctionSymbol { address, size_bytes, name };
        let library = LibrarySymbols {
            path: b"/srv/lib.so",
            build_id: &[1, 2, 3],
            segments: vec![(0, 0x1000)],
            functions: vec![
                function(0x100, 0x10, b"_Znwm".as_slice()),
                function(0x200, 0x10, b"f"),
                function(0x300, 8, b"\xff"),
            ],
        };
        [b"records".to_vec(), appendix::seal(&appendix::encode_native_symbols(&[library]))].concat()
    }

    #[test]
    fn functions_are_found_by_address_and_demangled() {
        let capture = capture();
        let recorded = RecordedSymbols::of(&capture).unwrap();
        let library = recorded.library(b"/srv/lib.so", &BTreeSet::from([(0, 0x1000), (0x2000, 5)])).unwrap();
        assert_eq!(library.build_id(), Some([1, 2, 3].as_slice()));
        let names: Vec<Option<String>> = library
            .look_up(&[0x100, 0x10f, 0x110, 0x205, 0x300, 0])
            .into_iter()
            .map(|symbols| symbols.into_iter().next().map(|symbol| symbol.function))
            .collect();
        let name = |name: &str| Some(name.to_owned());
        let new = || name("operator new(unsigned long)");
        assert_eq!(names, [new(), new(), None, name("f"), None, None]);
    }

    #[test]
    fn another_layout_is_another_library() {
        let capture = capture();
        let recorded = RecordedSymbols::of(&capture).unwrap();
        assert!(recorded.library(b"/srv/lib.so", &BTreeSet::from([(0, 0x2000)])).is_none());
        assert!(recorded.library(b"/srv/other.so", &BTreeSet::from([(0, 0x1000)])).is_none());
    }

    #[test]
    fn captures_without_an_appendix_bring_no_names_and_damaged_ones_say_so() {
        assert!(RecordedSymbols::of(b"records").unwrap().0.is_empty());
        let mut damaged = capture();
        damaged[10] ^= 1;
        assert_eq!(RecordedSymbols::of(&damaged).err(), Some(AppendixError::Damaged));
    }
}
