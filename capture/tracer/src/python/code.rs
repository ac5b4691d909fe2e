// SPDX-License-Identifier: Apache-2.0
//! Code objects: their numbers in the capture, and what they say of themselves.

/// Where a code object lies. It may die, and another begin at the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CodeAddress(pub(crate) usize);

/// Numbers of code objects in one capture.
#[derive(Default)]
pub(crate) struct CodeIds {}

/// What a capture says of a code object, read from the interpreter's memory.
pub(crate) struct CodeText {
    pub(crate) function: Vec<u8>,
    pub(crate) file: Vec<u8>,
    pub(crate) first_line: i64,
    pub(crate) line_table: Vec<u8>,
}

impl CodeIds {
    /// The number of a code object, and whether it is new: then the capture needs its text.
    pub(crate) fn number(&mut self, code: CodeAddress) -> (u64, bool) {
        (code.0 as u64, false)
    }
}
