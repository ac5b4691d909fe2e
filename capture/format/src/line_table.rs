// SPDX-License-Identifier: Apache-2.0
//! Instructions to lines, by the tables that CPython keeps in code objects. Three formats are in use; [`line_number`]
//! picks by the version of the traced interpreter.

const PYTHON_3_10: u32 = 0x030a_0000;
const PYTHON_3_11: u32 = 0x030b_0000;

/// The line of the instruction at `instruction_offset` in a code object, as memray's reports give it; 0 if the table
/// does not say. `python_version` is `PY_VERSION_HEX` of the traced interpreter. The offset counts bytes, but for CPython
/// 3.10, where it counts instructions.
pub fn line_number(python_version: u32, first_line: i64, line_table: &[u8], instruction_offset: i64) -> i64 {
    let Ok(offset) = u64::try_from(instruction_offset) else { return 0 };
    if line_table.is_empty() {
        return 0;
    }
    match python_version {
        PYTHON_3_11.. => location_table_line(first_line, line_table, offset / 2),
        PYTHON_3_10.. => line_table_line(first_line, line_table, offset.saturating_mul(2)),
        _ => lnotab_line(first_line, line_table, offset),
    }
}

/// CPython 3.11 and later: `co_linetable` with a location for each run of code units.
fn location_table_line(first_line: i64, table: &[u8], unit: u64) -> i64 {
    let mut entries = table.iter().copied();
    let mut line = first_line;
    let mut end = 0;
    while let Some(head) = entries.next() {
        // The high bit begins every entry.
        if head & 0x80 == 0 {
            break;
        }
        let advance = match head >> 3 & 15 {
            0..=9 => entries.next().map(|_columns| 0),
            kind @ 10..=12 => entries.nth(1).map(|_columns| i64::from(kind) - 10),
            13 => signed_varint(&mut entries),
            14 => {
                let advance = signed_varint(&mut entries);
                (0..3).fold(advance, |advance, _end_and_columns| varint(&mut entries).and(advance))
            }
            _ => Some(0),
        };
        let Some(advance) = advance else { break };
        line = line.wrapping_add(advance);
        end += u64::from(head & 7) + 1;
        if unit < end {
            return line;
        }
    }
    0
}

/// Six bits a byte, lowest first; the seventh says that more follow.
fn varint(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(6) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x3f) << shift;
        if byte & 0x40 == 0 {
            return Some(number);
        }
    }
    None
}

/// The sign is the lowest bit.
fn signed_varint(bytes: &mut impl Iterator<Item = u8>) -> Option<i64> {
    let number = varint(bytes)?;
    let magnitude = (number >> 1) as i64;
    Some(if number & 1 == 0 { magnitude } else { -magnitude })
}

/// CPython 3.10: `co_linetable` with pairs of (bytes of code, difference of lines), the difference coming first.
fn line_table_line(first_line: i64, table: &[u8], offset: u64) -> i64 {
    /// Stands for "no line".
    const NO_LINE: i8 = -128;
    let mut line = first_line;
    let mut end = 0;
    for pair in table.chunks_exact(2) {
        end += u64::from(pair[0]);
        let advance = pair[1] as i8;
        if advance != NO_LINE {
            line = line.wrapping_add(i64::from(advance));
        }
        if offset < end {
            break;
        }
    }
    line
}

/// CPython 3.9 and before: `co_lnotab` with pairs of (bytes of code, difference of lines), the code coming first.
fn lnotab_line(first_line: i64, table: &[u8], offset: u64) -> i64 {
    let mut line = first_line;
    let mut start = 0;
    for pair in table.chunks_exact(2) {
        start += u64::from(pair[0]);
        if offset < start {
            break;
        }
        line = line.wrapping_add(i64::from(pair[1] as i8));
    }
    line
}
