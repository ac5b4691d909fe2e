// SPDX-License-Identifier: Apache-2.0
//! The traced program that never was: its functions, files and lines.
//!
//! A frame is named by function and instruction; how a capture spells that (a code object with a line table, or a frame
//! with its line) depends on the version, and is decided here alone, so that all versions of one synthesis mean the same.

use rustc_hash::FxHashMap;

use super::line_table::{instruction_offset, line_table};
use super::output::Output;
use super::random::Random;
use crate::record::{CodeObject, FrameDefinition, FrameKey, Record};

/// How many instructions, and so at most lines, a function has.
pub(super) const INSTRUCTIONS: usize = 12;

/// A place in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    pub(super) function: u32,
    /// Below 0 for a function that has not begun: no line.
    pub(super) instruction: i8,
    pub(super) is_entry: bool,
}

pub(super) struct Program {
    functions: Vec<Function>,
    version: i32,
    python_version: u32,
    code_ids: Vec<u64>,
    frame_ids: FxHashMap<Frame, u64>,
    defined: u64,
}

struct Function {
    name: Vec<u8>,
    file: Vec<u8>,
    first_line: i64,
    lines: [i64; INSTRUCTIONS],
    line_table: Vec<u8>,
}

/// What stands in a program besides what is usual.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oddities {
    /// Names that are not UTF-8.
    pub(super) bad_names: bool,
    /// Lines of 0 and below.
    pub(super) bad_lines: bool,
}

const PACKAGES: [(&str, &str); 6] = [
    ("/srv/app/", ""),
    ("/srv/app/jobs/", ""),
    ("/usr/lib/python3.13/", ""),
    ("/usr/lib/python3.13/json/", ""),
    ("/srv/venv/lib/python3.13/site-packages/", "numpy/"),
    ("/srv/venv/lib/python3.13/site-packages/", "pandas/core/"),
];
const VERBS: [&str; 10] = ["load", "parse", "read", "build", "merge", "encode", "fetch", "cache", "split", "apply"];
const NOUNS: [&str; 9] = ["frame", "rows", "config", "index", "batch", "tokens", "image", "reply", "table"];

impl Program {
    pub(super) fn new(
        random: &mut Random,
        functions: u32,
        version: i32,
        python_version: u32,
        oddities: Oddities,
    ) -> Self {
        let functions: Vec<Function> =
            (0..functions).map(|number| Function::new(random, number, python_version, oddities)).collect();
        Self {
            version,
            python_version,
            code_ids: vec![0; functions.len()],
            frame_ids: FxHashMap::default(),
            defined: 0,
            functions,
        }
    }

    /// Any frame of the program.
    pub(super) fn frame(&self, random: &mut Random) -> Frame {
        Frame {
            function: random.index(self.functions.len()) as u32,
            instruction: random.index(INSTRUCTIONS) as i8,
            is_entry: true,
        }
    }

    /// Pushes a frame, after its definition where this is its first time.
    #[inline]
    pub(super) fn push(&mut self, frame: Frame, out: &mut Output<'_>) {
        let key = if self.version >= 12 { self.code_frame(frame, out) } else { self.defined_frame(frame, out) };
        out.emit(Record::FramePush(key));
    }

    #[inline]
    fn code_frame(&mut self, frame: Frame, out: &mut Output<'_>) -> FrameKey {
        let index = frame.function as usize;
        if self.code_ids[index] == 0 {
            self.defined += 1;
            self.code_ids[index] = self.defined;
            let function = &self.functions[index];
            out.emit(Record::CodeObject(CodeObject {
                id: self.defined,
                function: &function.name,
                file: &function.file,
                first_line: function.first_line,
                line_table: &function.line_table,
            }));
        }
        FrameKey {
            code: self.code_ids[index],
            instruction_offset: instruction_offset(self.python_version, i64::from(frame.instruction)),
            is_entry: frame.is_entry,
        }
    }

    fn defined_frame(&mut self, frame: Frame, out: &mut Output<'_>) -> FrameKey {
        let next = self.frame_ids.len() as u64;
        let id = *self.frame_ids.entry(frame).or_insert(next);
        if id == next {
            let function = &self.functions[frame.function as usize];
            let line = usize::try_from(frame.instruction).ok().and_then(|index| function.lines.get(index));
            out.emit(Record::FrameDefinition(FrameDefinition {
                id,
                function: &function.name,
                file: &function.file,
                line: line.copied().unwrap_or(0),
                is_entry: frame.is_entry,
            }));
        }
        // The definition says whether it is an entry frame.
        FrameKey { code: id, instruction_offset: 0, is_entry: true }
    }
}

impl Function {
    fn new(random: &mut Random, number: u32, python_version: u32, oddities: Oddities) -> Self {
        let (folder, package) = random.pick(&PACKAGES);
        let mut name = format!("{}_{}_{number}", random.pick(&VERBS), random.pick(&NOUNS)).into_bytes();
        let mut file = format!("{folder}{package}{}_{}.py", random.pick(&NOUNS), number / 8).into_bytes();
        if oddities.bad_names && random.chance(1, 6) {
            name.push(0xff);
            file.insert(0, 0xc3);
        }
        let first_line = 1 + random.below(2000) as i64;
        let mut lines = [0; INSTRUCTIONS];
        let mut line = first_line;
        for each in &mut lines {
            line += random.pick(&[0, 0, 1, 1, 2, 5, 130, -1]);
            line = line.max(first_line);
            *each = line;
        }
        if oddities.bad_lines && random.chance(1, 5) {
            lines[random.index(INSTRUCTIONS)] = 0;
            lines[random.index(INSTRUCTIONS)] = -3;
        }
        let line_table = line_table(python_version, first_line, &lines);
        Self { name, file, first_line, lines, line_table }
    }
}
