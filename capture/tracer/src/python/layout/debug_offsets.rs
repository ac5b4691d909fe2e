// SPDX-License-Identifier: Apache-2.0
//! The layouts that the interpreter gives itself: `_Py_DebugOffsets`, at the beginning of `_PyRuntime` since 3.13.
//!
//! It is an array of 64-bit words in sections, of which the first word is a size. Sections grow from version to version
//! (`internal/pycore_runtime.h` of 3.13, `internal/pycore_debug_offsets.h` of 3.14 and 3.15), so where they begin is told
//! by version here; within those that are read, the words that are needed stand where they stood.

use super::{CodeLayout, FrameLayout, Instructions, Layout, OperandLayout, TextLayout, ThreadLayout, WireLayout};
use crate::python::version::Version;
use crate::python::{Refusal, memory};

/// The first eight bytes.
const COOKIE: [u8; 8] = *b"xdebugpy";

/// Where in the array things stand: sections by their first word.
struct Positions {
    current_frame: usize,
    thread_id: usize,
    interpreter_frame: usize,
    code_object: usize,
    bytes_object: usize,
    unicode_object: usize,
}

/// 3.13.
const IN_3_13: Positions = Positions {
    current_frame: 23,
    thread_id: 24,
    interpreter_frame: 28,
    code_object: 34,
    bytes_object: 64,
    unicode_object: 67,
};

/// 3.14: more of the interpreter state, two words more of frames (`stackpointer` the first), one of code, and sets.
const IN_3_14: Positions = Positions {
    current_frame: 26,
    thread_id: 27,
    interpreter_frame: 31,
    code_object: 39,
    bytes_object: 74,
    unicode_object: 77,
};

/// 3.15: more of the thread state, the current exception, and more of types.
const IN_3_15: Positions = Positions {
    current_frame: 26,
    thread_id: 30,
    interpreter_frame: 39,
    code_object: 47,
    bytes_object: 86,
    unicode_object: 89,
};

/// Of the runtime state, which comes first in all.
const FINALIZING: usize = 4;

/// How many bytes there are at most from a structure's beginning to a field.
const LARGEST_OFFSET: u64 = 1 << 16;

/// From `_co_firsttraceable` to `co_code_adaptive`, between which only `co_extra` lies in builds with the GIL.
const FIRST_TRACEABLE_BEFORE_CODE: usize = 16;

/// From `stacktop` to `localsplus`, between which are `return_offset` and `owner`; 3.13.
const COUNT_BEFORE_SLOTS: usize = 8;

/// From the end of an ASCII string's head to that of another's, which has `utf8_length` and `utf8` besides.
const WIDE_BEHIND_ASCII: usize = 16;

/// The layout of a version, as `_PyRuntime` has it.
///
/// # Safety
/// `_PyRuntime` of that version lies at `runtime`.
pub(super) unsafe fn layout(version: Version, runtime: usize) -> Result<Layout, Refusal> {
    // SAFETY: as the caller promises.
    if unsafe { memory::read::<[u8; 8]>(runtime) } != COOKIE {
        return Err(Refusal::Layout(version));
    }
    let positions = match version.release() {
        (3, 13) => IN_3_13,
        (3, 14) => IN_3_14,
        _ => IN_3_15,
    };
    // SAFETY: the array is as long as the largest position of its version says.
    let word = |position: usize| unsafe { memory::read::<u64>(runtime + position * 8) };
    if word(1) != u64::from(version.0) {
        return Err(Refusal::Layout(version));
    }
    if word(2) != 0 {
        return Err(Refusal::FreeThreaded(version));
    }
    let offset = |position| match word(position) {
        offset if offset < LARGEST_OFFSET => Ok(offset as usize),
        _ => Err(Refusal::Layout(version)),
    };
    let (frame, code, bytes, text) =
        (positions.interpreter_frame, positions.code_object, positions.bytes_object, positions.unicode_object);
    let first = offset(code + 9)?;
    let ascii = offset(text + 3)?;
    Ok(Layout {
        thread: ThreadLayout {
            current: offset(positions.current_frame)?,
            current_in_holder: None,
            thread_id: offset(positions.thread_id)?,
            finalizing: offset(FINALIZING)?,
            runtime: None,
        },
        frame: FrameLayout {
            code: offset(frame + 2)?,
            // Two bits of a reference may be tags; no object lies at an address that has them.
            code_mask: !3,
            previous: offset(frame + 1)?,
            instruction: offset(frame + 3)?,
            instruction_mask: usize::MAX,
            owner: Some(offset(frame + 5)?),
            is_entry: None,
            wire: Some(WireLayout::Operand(match version.release() {
                (3, 13) => {
                    let slots = offset(frame + 4)?;
                    let top = slots.checked_sub(COUNT_BEFORE_SLOTS).ok_or(Refusal::Layout(version))?;
                    OperandLayout { top, top_is_address: false, slots }
                }
                _ => OperandLayout { top: offset(frame + 6)?, top_is_address: true, slots: offset(frame + 4)? },
            })),
        },
        code: CodeLayout {
            file: offset(code + 1)?,
            name: offset(code + 2)?,
            first_line: offset(code + 5)?,
            line_table: offset(code + 4)?,
            instructions: Some(Instructions {
                first,
                first_traceable: first.checked_sub(FIRST_TRACEABLE_BEFORE_CODE).ok_or(Refusal::Layout(version))?,
            }),
        },
        text: TextLayout {
            length: offset(text + 2)?,
            state: offset(text + 1)?,
            ascii,
            wide: ascii + WIDE_BEHIND_ASCII,
            bytes_length: offset(bytes + 1)?,
            bytes: offset(bytes + 2)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What 3.13.0 has.
    fn runtime_of_3_13() -> [u64; 71] {
        let mut words = [0; 71];
        words[0] = u64::from_ne_bytes(COOKIE);
        words[1] = 0x030d_00f0;
        (words[4], words[23], words[24]) = (608, 72, 152);
        words[29..34].copy_from_slice(&[8, 0, 56, 72, 70]);
        words[35..44].copy_from_slice(&[112, 120, 128, 136, 68, 52, 88, 96, 200]);
        (words[65], words[66]) = (16, 32);
        words[68..71].copy_from_slice(&[32, 16, 40]);
        words
    }

    fn read(words: &[u64; 71], version: u32) -> Result<Layout, Refusal> {
        // SAFETY: the array is as long as 3.13's.
        unsafe { layout(Version(version), words.as_ptr().expose_provenance()) }
    }

    #[test]
    fn layout_of_3_13_is_what_its_headers_say() {
        let layout = read(&runtime_of_3_13(), 0x030d_00f0).unwrap();
        assert_eq!((layout.thread.current, layout.thread.thread_id, layout.thread.finalizing), (72, 152, 608));
        assert_eq!((layout.frame.code, layout.frame.previous, layout.frame.instruction), (0, 8, 56));
        assert_eq!(layout.frame.owner, Some(70));
        let operands = OperandLayout { top: 64, top_is_address: false, slots: 72 };
        assert_eq!(layout.frame.wire, Some(WireLayout::Operand(operands)));
        assert_eq!(layout.code.instructions, Some(Instructions { first: 200, first_traceable: 184 }));
        assert_eq!((layout.code.file, layout.code.name, layout.code.first_line), (112, 120, 68));
        assert_eq!(layout.code.line_table, 136);
        let text = TextLayout { length: 16, state: 32, ascii: 40, wide: 56, bytes_length: 16, bytes: 32 };
        assert_eq!(layout.text, text);
    }

    #[test]
    fn what_is_not_that_versions_array_is_refused() {
        let mut other = runtime_of_3_13();
        other[0] = 0;
        assert!(matches!(read(&other, 0x030d_00f0), Err(Refusal::Layout(_))));
        assert!(matches!(read(&runtime_of_3_13(), 0x030d_01f0), Err(Refusal::Layout(_))));
        let mut huge = runtime_of_3_13();
        huge[30] = 1 << 40;
        assert!(matches!(read(&huge, 0x030d_00f0), Err(Refusal::Layout(_))));
    }

    #[test]
    fn free_threaded_is_refused() {
        let mut words = runtime_of_3_13();
        words[2] = 1;
        assert!(matches!(read(&words, 0x030d_00f0), Err(Refusal::FreeThreaded(_))));
    }
}
