// SPDX-License-Identifier: Apache-2.0
//! Line tables in the simplest form that CPython accepts, one entry an instruction.

/// The table for code whose instruction `i` stands on `lines[i]`; see CPython's `Objects/locations.md`,
/// `Objects/lnotab_notes.txt`. `python_version` is `PY_VERSION_HEX`.
pub(super) fn line_table(python_version: u32, first_line: i64, lines: &[i64]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut line = first_line;
    for (index, &next) in lines.iter().enumerate() {
        let delta = next - line;
        line = next;
        if python_version >= 0x030b_0000 {
            // Form 13, no columns, one code unit; then the line's delta, signed by the lowest bit, six bits a byte.
            table.push(0x80 | 13 << 3);
            let mut rest = delta.unsigned_abs() << 1 | u64::from(delta < 0);
            while rest >= 0x40 {
                table.push(rest as u8 & 0x3f | 0x40);
                rest >>= 6;
            }
            table.push(rest as u8);
        } else if python_version >= 0x030a_0000 {
            // Pairs: the line's delta counts first, then the entry spans its bytes. -128 would mean no line.
            let last = push_wide_deltas(&mut table, delta, |step| [0, step as u8]);
            table.extend([2, last as u8]);
        } else {
            // Pairs: the bytes are skipped first, then the line's delta counts.
            let skipped = if index == 0 { 0 } else { 2 };
            let mut skip = skipped;
            let last = push_wide_deltas(&mut table, delta, |step| [std::mem::take(&mut skip), step as u8]);
            table.extend([skip, last as u8]);
        }
    }
    table
}

/// Pushes pairs until what remains of a delta fits a signed byte; returns that.
fn push_wide_deltas(table: &mut Vec<u8>, mut delta: i64, mut pair: impl FnMut(i8) -> [u8; 2]) -> i8 {
    loop {
        match i8::try_from(delta) {
            Ok(last) if last != i8::MIN => return last,
            _ => {
                let step = if delta > 0 { i8::MAX } else { -i8::MAX };
                table.extend(pair(step));
                delta -= i64::from(step);
            }
        }
    }
}

/// The offset of an instruction as captures of that interpreter hold it: 3.10 counts instructions, others bytes.
pub(super) fn instruction_offset(python_version: u32, instruction: i64) -> i64 {
    if python_version >> 16 == 0x030a { instruction } else { instruction * 2 }
}
