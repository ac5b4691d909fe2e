// SPDX-License-Identifier: Apache-2.0
//! The layouts of 3.9 to 3.12, read with `offsetof` from the headers of 3.9.18, 3.10.13, 3.11.7 and 3.12.1. Minor
//! versions keep theirs from their first release on.

use super::{
    BirthLayout, CodeLayout, FrameLayout, Instructions, Layout, OperandLayout, RuntimeLayout, TextLayout, ThreadLayout,
    WireLayout,
};
use crate::python::version::Version;

/// The layout of a version, if it is one of these.
pub(super) fn layout(version: Version) -> Option<Layout> {
    let (_, minor) = version.release();
    let runtime = |key, holder, interpreters| Some(RuntimeLayout { key, holder, interpreters });
    let thread = match minor {
        9 | 10 => ThreadLayout {
            current: 24,
            current_in_holder: None,
            thread_id: 176,
            finalizing: 16,
            runtime: runtime(584, 568, 32),
        },
        11 => ThreadLayout {
            current: 56,
            current_in_holder: Some(8),
            thread_id: 152,
            finalizing: 24,
            runtime: runtime(592, 576, 40),
        },
        12 => ThreadLayout { current: 56, current_in_holder: Some(0), thread_id: 136, finalizing: 24, runtime: None },
        _ => return None,
    };
    let frame = FrameLayout {
        code: if minor == 12 { 0 } else { 32 },
        code_mask: usize::MAX,
        previous: [24, 24, 48, 8][usize::from(minor - 9)],
        instruction: [104, 96, 56, 56][usize::from(minor - 9)],
        instruction_mask: if minor < 11 { u32::MAX as usize } else { usize::MAX },
        owner: match minor {
            11 => Some(69),
            12 => Some(70),
            _ => None,
        },
        is_entry: (minor == 11).then_some(68),
        wire: Some(match minor {
            9 => WireLayout::Birth(BirthLayout { member: 88, generator: 96 }),
            10 => WireLayout::Birth(BirthLayout { member: 84, generator: 88 }),
            _ => WireLayout::Operand(OperandLayout { top: 64, top_is_address: false, slots: 72 }),
        }),
    };
    let code = match minor {
        9 | 10 => CodeLayout { file: 104, name: 112, first_line: 40, line_table: 120, instructions: None },
        _ => CodeLayout {
            file: 112,
            name: 120,
            first_line: if minor == 11 { 72 } else { 68 },
            line_table: 136,
            instructions: Some(match minor {
                11 => Instructions { first: 184, first_traceable: 168 },
                _ => Instructions { first: 192, first_traceable: 176 },
            }),
        },
    };
    let (ascii, wide) = if minor < 12 { (48, 72) } else { (40, 56) };
    let text = TextLayout { length: 16, state: 32, ascii, wide, bytes_length: 16, bytes: 32 };
    Some(Layout { thread, frame, code, text })
}
