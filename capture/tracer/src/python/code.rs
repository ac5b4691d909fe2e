// SPDX-License-Identifier: Apache-2.0
//! Code objects: their numbers in the capture, and what they say of themselves. [`CodeObject`] leads.

use super::layout::{CodeLayout, Layout};
use super::{memory, text};

/// A code object in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CodeObject {
    /// Where it lies. It may die, and another begin at the same address.
    pub(crate) address: usize,
    /// The number of its life in this process, from 1: see [`super::lives`].
    pub(crate) life: u64,
}

/// Which code objects one capture knows. There they have the numbers of their lives.
#[derive(Default)]
pub(crate) struct CodeIds {
    /// A bit for each.
    known: Vec<u64>,
}

impl CodeIds {
    /// The number of a code object, and whether it is new: then the capture needs its text.
    #[inline]
    pub(crate) fn number(&mut self, code: CodeObject) -> (u64, bool) {
        let (word, bit) = ((code.life / 64) as usize, 1 << (code.life % 64));
        if word >= self.known.len() {
            self.known.resize(word + 1, 0);
        }
        let is_new = self.known[word] & bit == 0;
        self.known[word] |= bit;
        (code.life, is_new)
    }
}

/// What a capture says of a code object, read from the interpreter's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeText {
    /// `co_name`.
    pub(crate) function: Vec<u8>,
    /// `co_filename`.
    pub(crate) file: Vec<u8>,
    /// `co_firstlineno`.
    pub(crate) first_line: i64,
    /// `co_linetable`, or `co_lnotab` in 3.9.
    pub(crate) line_table: Vec<u8>,
}

impl CodeText {
    /// Reads it.
    ///
    /// # Safety
    /// A code object of that layout lies there, and lives on meanwhile: a frame of the calling thread holds it.
    pub(super) unsafe fn read(code: usize, layout: &Layout) -> Self {
        let CodeLayout { file, name, first_line, line_table, .. } = layout.code;
        // SAFETY: members of a live code object that never change, and refer to strings and bytes that it holds.
        unsafe {
            Self {
                function: text::string(memory::read(code + name), &layout.text),
                file: text::string(memory::read(code + file), &layout.text),
                first_line: i64::from(memory::read::<i32>(code + first_line)),
                line_table: text::bytes(memory::read(code + line_table), &layout.text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_object_is_new_once_in_a_capture() {
        let mut ids = CodeIds::default();
        let code = |life| CodeObject { address: 0x1000, life };
        assert_eq!(ids.number(code(1)), (1, true));
        assert_eq!(ids.number(code(200)), (200, true));
        assert_eq!(ids.number(code(1)), (1, false));
        assert_eq!(ids.number(code(64)), (64, true));
        assert_eq!(ids.number(code(200)), (200, false));
    }
}
