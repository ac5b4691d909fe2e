// SPDX-License-Identifier: Apache-2.0
//! A thread's Python stack, and how it changed since it was written last.

use super::{CodeAddress, Interpreter};

/// One frame, as it was when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where the interpreter's frame lies.
    pub(crate) address: usize,
    pub(crate) code: CodeAddress,
    /// As the format wants it: bytes into the code (3.10: instructions).
    pub(crate) instruction_offset: i64,
    /// Whether the interpreter was entered anew for it.
    pub(crate) is_entry: bool,
}

/// A thread's stack as the capture has it.
#[derive(Default)]
pub(crate) struct PythonStack {
    written: Vec<Frame>,
}

/// What to write so that the capture has the stack as it is.
pub(crate) struct StackChange<'a> {
    /// Frames to pop.
    pub(crate) pops: usize,
    /// Frames to push then, outermost first.
    pub(crate) pushes: &'a [Frame],
}

impl PythonStack {
    /// Looks at the calling thread's stack, and takes it as written.
    pub(crate) fn observe(&mut self, _interpreter: &Interpreter) -> StackChange<'_> {
        StackChange { pops: 0, pushes: &self.written[self.written.len()..] }
    }
}
