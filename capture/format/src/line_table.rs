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

#[cfg(test)]
mod tests {
    use super::line_number;

    /// Holds the lines of the first instruction of each run, and of the last instruction.
    fn assert_lines(python_version: u32, first_line: i64, table: &[u8], expected: &[(i64, i64)]) {
        for (offset, line) in expected {
            assert_eq!(line_number(python_version, first_line, table, *offset), *line, "at {offset}");
        }
    }

    // The tables and lines of these three are CPython's own, of functions of its library.

    #[test]
    fn python_3_8_puts_code_before_lines() {
        let table = [0, 1, 22, 1, 8, 1, 14, 1, 2, 0, 2, 255, 6, 2];
        let lines = [(0, 1602), (20, 1602), (22, 1603), (30, 1604), (44, 1605), (48, 1604), (54, 1606), (64, 1606)];
        assert_lines(0x0308_12f0, 1601, &table, &lines);
    }

    #[test]
    fn python_3_10_puts_lines_before_code_and_counts_instructions() {
        let table = [2, 128, 2, 3, 18, 1, 8, 4, 16, 253, 6, 1, 2, 255];
        let lines = [(1, 235), (2, 236), (10, 236), (11, 240), (15, 237), (23, 238), (26, 237)];
        assert_lines(0x030a_0df0, 232, &table, &lines);
    }

    #[test]
    fn python_3_13_has_a_location_for_each_run_of_code_units() {
        let table =
            [128, 0, 227, 21, 26, 136, 69, 216, 15, 20, 141, 125, 217, 23, 28, 241, 5, 0, 22, 27, 240, 6, 0, 16, 20];
        let lines = [(0, 629), (2, 631), (10, 631), (12, 632), (26, 633), (30, 631), (34, 634)];
        assert_lines(0x030d_00f0, 629, &table, &lines);
    }

    #[test]
    fn differences_of_lines_have_a_sign() {
        let no_columns = [0xe8, 0b100_0001, 1, 0xe8, 0b100_0000, 1]; // back by 32, then on by 32
        assert_lines(0x030c_0000, 100, &no_columns, &[(0, 68), (2, 100)]);
    }

    #[test]
    fn what_a_table_does_not_say_is_line_0() {
        for version in [0x0308_0000, 0x030a_0000, 0x030d_0000] {
            assert_eq!(line_number(version, 7, &[], 0), 0);
            assert_eq!(line_number(version, 7, &[0x80, 0], -1), 0);
        }
        assert_eq!(line_number(0x030d_0000, 7, &[0x80, 0], 2), 0);
    }

    #[test]
    fn a_table_that_is_cut_is_read_as_far_as_it_goes() {
        assert_eq!(line_number(0x030d_0000, 7, &[0x80, 0, 0xd8], 0), 7);
        assert_eq!(line_number(0x030d_0000, 7, &[0x80, 0, 0xd8], 2), 0);
        assert_eq!(line_number(0x030d_0000, 7, &[0xf0, 0x40, 0x40], 0), 0);
        assert_eq!(line_number(0x0308_0000, 7, &[0, 5, 9], 20), 12);
    }
}
