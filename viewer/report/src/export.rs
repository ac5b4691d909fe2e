// SPDX-License-Identifier: Apache-2.0
//! An answer by stack, for other programs: JSON, CSV, and collapsed lines as flame graph tools read them.
//!
//! [`export`] leads. Stacks are written as they come, one at a time, so that an export needs no memory of its own size.
//! Names are as the program had them, except that what is not UTF-8 is replaced; JSON escapes what a terminal would obey,
//! and collapsed lines show that and separators as escapes.

use crate::caption::mode_label;
use crate::json;
use crate::labels::Labels;
use crate::metadata::Metadata;
use crate::{escape, labels};
use memray_index::{Amount, Answer, Index, LocationId};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object: metadata, totals, stacks.
    Json,
    /// One line a stack: frames from the root, `;` between them, then bytes.
    Collapsed,
    /// RFC 4180: a heading, then bytes, allocations, thread and stack, frames from the root with `;` between them.
    Csv,
}

/// A stack to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// What it contributes.
    pub amount: Amount,
    /// Its thread's label, where threads are split.
    pub thread: Option<String>,
    /// Its frames, innermost first.
    pub frames: Vec<LocationId>,
}

/// Writes an answer.
pub fn export(index: &Index, answer: &Answer, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let stacks = index.stacks(answer);
    let stacks = stacks.iter().map(|stack| Stack {
        amount: stack.amount,
        thread: stack.thread.map(|thread| labels::thread_label(index, thread)),
        frames: index.frames(answer, stack),
    });
    match format {
        Format::Json => {
            let metadata = Metadata::of_answer(index, answer, mode_label(&answer.question.mode, index.info()));
            write_json(&metadata, answer.total, stacks, index, out)
        }
        Format::Collapsed => write_collapsed(stacks, index, out),
        Format::Csv => write_csv(stacks, index, out),
    }
}

/// Writes stacks as one JSON object, with a newline at its end.
pub fn write_json(
    metadata: &impl Serialize,
    total: Amount,
    stacks: impl Iterator<Item = Stack>,
    names: &impl Labels,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut serializer = json::compact(&mut *out);
    let mut object = serializer.serialize_map(Some(4))?;
    object.serialize_entry("metadata", metadata)?;
    object.serialize_entry("total_bytes", &total.bytes)?;
    object.serialize_entry("total_allocations", &total.allocations)?;
    object.serialize_entry("stacks", &Stacks { stacks: std::cell::RefCell::new(stacks), names })?;
    SerializeMap::end(object)?;
    out.write_all(b"\n")
}

/// Stacks that are serialized as they come. Serde asks for a shared reference, and an iterator must move on.
struct Stacks<'a, I, L> {
    stacks: std::cell::RefCell<I>,
    names: &'a L,
}

impl<I: Iterator<Item = Stack>, L: Labels> Serialize for Stacks<'_, I, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let mut stacks = self.stacks.borrow_mut();
        for stack in stacks.by_ref() {
            list.serialize_element(&NamedStack { stack: &stack, names: self.names })?;
        }
        list.end()
    }
}

struct NamedStack<'a, L> {
    stack: &'a Stack,
    names: &'a L,
}

impl<L: Labels> Serialize for NamedStack<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("stack", 4)?;
        object.serialize_field("bytes", &self.stack.amount.bytes)?;
        object.serialize_field("allocations", &self.stack.amount.allocations)?;
        if let Some(thread) = &self.stack.thread {
            object.serialize_field("thread", thread)?;
        }
        object.serialize_field("frames", &Frames { frames: &self.stack.frames, names: self.names })?;
        object.end()
    }
}

struct Frames<'a, L> {
    frames: &'a [LocationId],
    names: &'a L,
}

impl<L: Labels> Serialize for Frames<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Frame<'a> {
            function: &'a str,
            file: &'a str,
            line: u32,
        }
        let mut list = serializer.serialize_seq(Some(self.frames.len()))?;
        for &frame in self.frames {
            let location = self.names.location(frame);
            list.serialize_element(&Frame {
                function: &String::from_utf8_lossy(self.names.bytes(location.function)),
                file: &String::from_utf8_lossy(self.names.bytes(location.file)),
                line: location.line,
            })?;
        }
        list.end()
    }
}

/// Writes stacks as collapsed lines: `thread;outer (a.py:1);inner (b.py:2) 4096`.
pub fn write_collapsed(
    stacks: impl Iterator<Item = Stack>,
    names: &impl Labels,
    out: &mut dyn Write,
) -> io::Result<()> {
    for stack in stacks {
        if let Some(thread) = &stack.thread {
            write!(out, "{};", collapsed_name(thread.as_bytes()))?;
        }
        write_frames(&stack.frames, names, out)?;
        writeln!(out, " {}", stack.amount.bytes)?;
    }
    Ok(())
}

/// Writes stacks as CSV.
pub fn write_csv(stacks: impl Iterator<Item = Stack>, names: &impl Labels, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "bytes,allocations,thread,stack\r\n")?;
    for stack in stacks {
        let mut frames = Vec::new();
        write_frames(&stack.frames, names, &mut frames)?;
        let thread = escape::visible(stack.thread.as_deref().unwrap_or_default());
        let (thread, frames) = (escape::csv_cell(&thread), String::from_utf8_lossy(&frames));
        let Amount { bytes, allocations } = stack.amount;
        write!(out, "{bytes},{allocations},{thread},{}\r\n", escape::csv_cell(&frames))?;
    }
    Ok(())
}

/// A stack's frames from the root: `outer (a.py:1);inner (b.py:2)`.
pub(crate) fn write_frames(frames: &[LocationId], names: &impl Labels, out: &mut dyn Write) -> io::Result<()> {
    if frames.is_empty() {
        write!(out, "[{}]", labels::NO_STACK)?;
    }
    for (i, &frame) in frames.iter().rev().enumerate() {
        let location = names.location(frame);
        let function = collapsed_name(names.bytes(location.function));
        let file = collapsed_name(names.bytes(location.file));
        let separator = if i == 0 { "" } else { ";" };
        write!(out, "{separator}{function} ({})", labels::with_line(&file, location.line))?;
    }
    Ok(())
}

fn collapsed_name(bytes: &[u8]) -> String {
    escape::visible_bytes(bytes).replace(';', "\\u{3b}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::Names;
    use serde_json::{Value, json};

    fn stack(bytes: i64, allocations: i64, frames: Vec<LocationId>) -> Stack {
        Stack { amount: Amount { bytes, allocations }, thread: None, frames }
    }

    #[test]
    fn csv_has_a_stack_a_row_and_no_formula() {
        let mut names = Names::default();
        let (outer, inner) = (names.own("=cmd()", "a, b.py", 1), names.own("in;ner", "b.py", 2));
        let mut stacks = vec![stack(10, 1, vec![inner, outer]), stack(5, 2, Vec::new())];
        stacks[1].thread = Some("-1+1".to_owned());
        let mut out = Vec::new();
        write_csv(stacks.into_iter(), &names, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "bytes,allocations,thread,stack\r\n10,1,,\"'=cmd() (a, b.py:1);in\\u{3b}ner (b.py:2)\"\r\n5,2,\"'-1+1\",[no Python stack]\r\n"
        );
    }

    fn json_of(names: &Names, stacks: Vec<Stack>) -> Value {
        let total = Amount { bytes: stacks.iter().map(|s| s.amount.bytes).sum(), allocations: 3 };
        let mut out = Vec::new();
        write_json(&json!({"pid": 7}), total, stacks.into_iter(), names, &mut out).unwrap();
        assert_eq!(out.last(), Some(&b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    fn collapsed_of(names: &Names, stacks: Vec<Stack>) -> String {
        let mut out = Vec::new();
        write_collapsed(stacks.into_iter(), names, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_has_the_agreed_shape_leaf_first() {
        let mut names = Names::default();
        let (outer, inner) = (names.own("main", "/srv/a.py", 1), names.own("load", "/srv/b.py", 0));
        let mut in_thread = stack(-5, 1, vec![]);
        in_thread.thread = Some("0x2 (worker)".to_owned());
        assert_eq!(
            json_of(&names, vec![stack(4096, 2, vec![inner, outer]), in_thread]),
            json!({
                "metadata": {"pid": 7},
                "total_bytes": 4091,
                "total_allocations": 3,
                "stacks": [
                    {"bytes": 4096, "allocations": 2, "frames": [
                        {"function": "load", "file": "/srv/b.py", "line": 0},
                        {"function": "main", "file": "/srv/a.py", "line": 1},
                    ]},
                    {"bytes": -5, "allocations": 1, "thread": "0x2 (worker)", "frames": []},
                ],
            })
        );
    }

    #[test]
    fn json_keeps_hostile_names_as_data() {
        let mut names = Names::default();
        let evil = names.own("\"}\n\u{1b}[31m\u{202e}", "x;y.py", 1);
        let bytes = names.not_utf8(b"caf\xe9", "x.py", 1);
        let value = json_of(&names, vec![stack(1, 1, vec![evil, bytes])]);
        assert_eq!(value["stacks"][0]["frames"][0]["function"], "\"}\n\u{1b}[31m\u{202e}");
        assert_eq!(value["stacks"][0]["frames"][1]["function"], "caf\u{fffd}");
    }

    #[test]
    fn an_empty_answer_is_an_empty_list() {
        assert_eq!(json_of(&Names::default(), vec![])["stacks"], json!([]));
        assert_eq!(collapsed_of(&Names::default(), vec![]), "");
    }

    #[test]
    fn collapsed_lines_run_from_the_root_to_the_leaf() {
        let mut names = Names::default();
        let (outer, inner) = (names.own("main", "/srv/a.py", 1), names.own("load", "/srv/b.py", 0));
        let mut in_thread = stack(7, 1, vec![inner]);
        in_thread.thread = Some("0x2 (worker)".to_owned());
        assert_eq!(
            collapsed_of(&names, vec![stack(4096, 2, vec![inner, outer]), in_thread, stack(-3, 1, vec![])]),
            "main (/srv/a.py:1);load (/srv/b.py) 4096\n0x2 (worker);load (/srv/b.py) 7\n[no Python stack] -3\n"
        );
    }

    #[test]
    fn no_name_breaks_a_collapsed_line() {
        let mut names = Names::default();
        let evil = names.own("a;b\n", "x;\r.py", 1);
        let bytes = names.not_utf8(b"caf\xe9", "x.py", 1);
        assert_eq!(
            collapsed_of(&names, vec![stack(1, 1, vec![bytes, evil])]),
            "a\\u{3b}b\\n (x\\u{3b}\\r.py:1);caf\u{fffd} (x.py:1) 1\n"
        );
    }

    #[test]
    fn a_reader_that_leaves_is_an_error_not_a_panic() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let total = Amount::default();
        let error = write_json(&json!({}), total, std::iter::empty(), &Names::default(), &mut Closed).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
