// SPDX-License-Identifier: Apache-2.0
//! Names of native functions in the appendix: those in which the addresses of the capture lie, library by library, so that
//! it can be read where the libraries are not. [`LibrarySymbols`] is what is said of one.
//!
//! A section of this kind is a count of libraries, and for each: its path and its build id; a count of mapped segments, each
//! an address in the file and a size; a count of functions, by ascending address, each the distance from the one before,
//! a size, and its name as the linker has it. Numbers are LEB128, strings a length and bytes.

use super::AppendixError;

/// What the appendix says of a library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibrarySymbols<'a> {
    /// As the capture's records have it.
    pub path: &'a [u8],
    /// What tells it from every other file; empty if it has none.
    pub build_id: &'a [u8],
    /// Address in the file, and size in memory, of each mapped segment.
    pub segments: Vec<(u64, u64)>,
    /// By ascending address.
    pub functions: Vec<FunctionSymbol<'a>>,
}

/// A function of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionSymbol<'a> {
    /// In the file.
    pub address: u64,
    /// In bytes.
    pub size_bytes: u64,
    /// Not demangled.
    pub name: &'a [u8],
}

/// A section's bytes.
pub(super) fn encode(libraries: &[LibrarySymbols<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, libraries.len() as u64);
    for library in libraries {
        push_string(&mut out, library.path);
        push_string(&mut out, library.build_id);
        push(&mut out, library.segments.len() as u64);
        for &(address, size_bytes) in &library.segments {
            push(&mut out, address);
            push(&mut out, size_bytes);
        }
        push(&mut out, library.functions.len() as u64);
        let mut last = 0;
        for function in &library.functions {
            push(&mut out, function.address.wrapping_sub(last));
            push(&mut out, function.size_bytes);
            push_string(&mut out, function.name);
            last = function.address;
        }
    }
    out
}

/// From a section's bytes.
pub(super) fn decode(section: &[u8]) -> Result<Vec<LibrarySymbols<'_>>, AppendixError> {
    libraries(&mut Rest(section)).ok_or(AppendixError::Damaged)
}

fn libraries<'a>(rest: &mut Rest<'a>) -> Option<Vec<LibrarySymbols<'a>>> {
    let count = rest.number()?;
    // What is counted takes bytes, so that a wrong count ends where they do; nothing is reserved by it.
    (0..count)
        .map(|_| {
            let (path, build_id) = (rest.string()?, rest.string()?);
            let segments = rest.number()?;
            let segments = (0..segments).map(|_| Some((rest.number()?, rest.number()?))).collect::<Option<_>>()?;
            let functions = rest.number()?;
            let mut address = 0u64;
            let function = |_| {
                address = address.wrapping_add(rest.number()?);
                Some(FunctionSymbol { address, size_bytes: rest.number()?, name: rest.string()? })
            };
            let functions = (0..functions).map(function).collect::<Option<_>>()?;
            Some(LibrarySymbols { path, build_id, segments, functions })
        })
        .collect()
}

fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn push_string(out: &mut Vec<u8>, string: &[u8]) {
    push(out, string.len() as u64);
    out.extend_from_slice(string);
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn library() -> LibrarySymbols<'static> {
        LibrarySymbols {
            path: b"/usr/lib/libm.so.6",
            build_id: &[0xab, 0xcd],
            segments: vec![(0, 0x1000), (0x2000, u64::MAX)],
            functions: vec![
                FunctionSymbol { address: 0x1200, size_bytes: 0x80, name: b"cos" },
                FunctionSymbol { address: u64::MAX, size_bytes: 1, name: b"" },
            ],
        }
    }

    #[test]
    fn what_is_said_of_libraries_is_read_as_written() {
        for libraries in [vec![], vec![library(), LibrarySymbols::default()]] {
            assert_eq!(decode(&encode(&libraries)), Ok(libraries));
        }
    }

    #[test]
    fn a_cut_section_is_damaged() {
        let section = encode(&[library()]);
        for length in 0..section.len() {
            assert_eq!(decode(&section[..length]), Err(AppendixError::Damaged), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_symbols_or_damaged(section: Vec<u8>) {
            let _ = decode(&section);
        }
    }
}
