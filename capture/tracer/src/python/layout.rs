// SPDX-License-Identifier: Apache-2.0
//! [`Layout`]: where the interpreter keeps what the tracer reads, in bytes from the beginning of each structure.
//!
//! Up to 3.12 a table says it, made of CPython's headers (`cpython/pystate.h`, `cpython/frameobject.h` and
//! `internal/pycore_frame.h` for frames, `cpython/code.h`, `cpython/unicodeobject.h`, `internal/pycore_runtime.h`); from
//! 3.13 on the interpreter says it itself ([`debug_offsets`]). Either is only believed once the self-test has passed.
//!
//! The layouts are of 64-bit builds with the GIL and without `Py_DEBUG`; x86-64 and AArch64 lay structures out alike.

mod debug_offsets;
mod table;

use super::Refusal;
use super::version::Version;

/// Where things lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) thread: ThreadLayout,
    pub(super) frame: FrameLayout,
    pub(super) code: CodeLayout,
    pub(super) text: TextLayout,
}

/// Of a `PyThreadState`, and of how to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ThreadLayout {
    /// The current frame, or what holds it.
    pub(super) current: usize,
    /// Where in what the thread state points to the current frame is: `_PyCFrame`, 3.11 and 3.12.
    pub(super) current_in_holder: Option<usize>,
    /// The thread, as `pthread_self` names it.
    pub(super) thread_id: usize,
    /// In `_PyRuntime`: the thread state that ends the interpreter, or 0. From then on others may be freed under the threads
    /// that had them.
    pub(super) finalizing: usize,
    /// Of interpreters that keep no thread state in a variable of the thread, up to 3.11.
    pub(super) runtime: Option<RuntimeLayout>,
}

/// Of `_PyRuntime`, up to 3.11.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuntimeLayout {
    /// `gilstate.autoTSSkey`: whether there is the key, then the key.
    pub(super) key: usize,
    /// `gilstate.tstate_current`: the thread state that has the GIL.
    pub(super) holder: usize,
    /// `interpreters.head` and, next to it, `interpreters.main`.
    pub(super) interpreters: usize,
}

/// Of a frame: `PyFrameObject` up to 3.10, `_PyInterpreterFrame` since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrameLayout {
    pub(super) code: usize,
    /// The bits that are the code's address; the others are the reference's tag (`_PyStackRef`, 3.14).
    pub(super) code_mask: usize,
    pub(super) previous: usize,
    pub(super) instruction: usize,
    /// The bits that are the instruction; up to 3.10 it has 32.
    pub(super) instruction_mask: usize,
    /// Who owns the frame's memory, since 3.11.
    pub(super) owner: Option<usize>,
    /// Whether the interpreter was entered anew for it: a member of 3.11's frames only.
    pub(super) is_entry: Option<usize>,
    /// Where the walk's shortcut strings wires, if it has one.
    pub(super) wire: Option<WireLayout>,
}

/// Of what the walk's shortcut writes to in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WireLayout {
    /// Up to 3.10.
    Birth(BirthLayout),
    /// Since 3.11.
    Operand(OperandLayout),
}

/// Of what a frame is born with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BirthLayout {
    /// `f_trace_lines`, a byte.
    pub(super) member: usize,
    /// `f_gen`: the generator that the frame is of, or 0.
    pub(super) generator: usize,
}

/// Of a frame's operand stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OperandLayout {
    /// What says how many slots are taken, by locals first, while the frame waits for another.
    pub(super) top: usize,
    /// Whether it is the first free slot's address (`stackpointer`, since 3.14), and not their number (`stacktop`).
    pub(super) top_is_address: bool,
    /// `localsplus`: the first slot.
    pub(super) slots: usize,
}

/// The `owner` of frames of generators and coroutines (`enum _frameowner`), which are complete from their beginning.
pub(super) const OWNED_BY_GENERATOR: u8 = 1;

/// The least `owner` of frames that only mark where C code called the interpreter: `FRAME_OWNED_BY_CSTACK` in 3.12 and
/// 3.13, `FRAME_OWNED_BY_INTERPRETER` and, in 3.14, `FRAME_OWNED_BY_CSTACK` since. They run no code of the program.
pub(super) const OWNED_BY_NOBODY: u8 = 3;

/// Of a `PyCodeObject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeLayout {
    pub(super) file: usize,
    pub(super) name: usize,
    pub(super) first_line: usize,
    /// `co_linetable`, or `co_lnotab` in 3.9.
    pub(super) line_table: usize,
    /// The instructions, where they lie in the code object, since 3.11; frames point to the one that runs.
    pub(super) instructions: Option<Instructions>,
}

/// Where a code object keeps its instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instructions {
    /// `co_code_adaptive`.
    pub(super) first: usize,
    /// `_co_firsttraceable`: which instruction is the first of the function itself. Those before it make cells, or the
    /// generator; until then the frame is incomplete, and Python code does not see it.
    pub(super) first_traceable: usize,
}

/// Of `PyUnicodeObject` and `PyBytesObject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextLayout {
    pub(super) length: usize,
    pub(super) state: usize,
    /// Where characters follow, if all are ASCII.
    pub(super) ascii: usize,
    /// Where characters follow, if not; and where their address stands if they lie elsewhere.
    pub(super) wide: usize,
    pub(super) bytes_length: usize,
    pub(super) bytes: usize,
}

impl FrameLayout {
    /// Whether a frame has its instruction's address, which lies in its code object, and not an offset.
    pub(super) fn has_instruction_address(&self) -> bool {
        self.instruction_mask == usize::MAX
    }

    /// Where what is read of it ends.
    pub(super) fn bytes(&self) -> usize {
        let words = [self.code, self.previous, self.instruction].map(|word| word + size_of::<usize>());
        let wire = self.wire.as_ref().map(|wire| match wire {
            WireLayout::Birth(layout) => layout.member.max(layout.generator) + size_of::<usize>(),
            WireLayout::Operand(layout) => (layout.top + size_of::<usize>()).max(layout.slots),
        });
        let marks = [self.owner, self.is_entry].into_iter().flatten().map(|byte| byte + 1);
        words.into_iter().chain(marks).chain(wire).fold(0, usize::max)
    }
}

impl CodeLayout {
    /// Where what is read of it ends.
    pub(super) fn bytes(&self) -> usize {
        let words = [self.file, self.name, self.first_line, self.line_table].map(|word| word + size_of::<usize>());
        let instructions = self.instructions.as_ref().map(|instructions| instructions.first);
        words.into_iter().chain(instructions).fold(0, usize::max)
    }
}

impl Layout {
    /// The layout of a version. `runtime` is where `_PyRuntime` lies.
    ///
    /// # Safety
    /// `_PyRuntime` of that version lies there.
    pub(super) unsafe fn of(version: Version, runtime: usize) -> Result<Self, Refusal> {
        match version.release() {
            (3, 9..=12) => table::layout(version).ok_or(Refusal::Version(version)),
            // SAFETY: as the caller promises; these versions have such a structure.
            (3, 13..=15) => unsafe { debug_offsets::layout(version, runtime) },
            _ => Err(Refusal::Version(version)),
        }
    }
}
