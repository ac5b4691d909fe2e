// SPDX-License-Identifier: Apache-2.0
//! JSON that is harmless to look at: whoever reads it gets every name as it is, and a terminal that shows it obeys none.
//!
//! JSON's own escapes cover the C0 controls only. [`Harmless`] writes whatever else [`escape`](crate::escape) calls
//! deceptive as `\uXXXX` too, which means the same to a parser.

use crate::escape::is_deceptive;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::io::{self, Write};

/// A serializer of JSON in one line.
pub(crate) fn compact<W: Write>(out: W) -> serde_json::Serializer<W, Harmless<CompactFormatter>> {
    serde_json::Serializer::with_formatter(out, Harmless(CompactFormatter))
}

/// Writes a value as indented JSON.
pub(crate) fn write_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Harmless(PrettyFormatter::new()));
    Ok(value.serialize(&mut serializer)?)
}

/// Another formatter's layout, with strings that no terminal obeys.
pub(crate) struct Harmless<Layout>(Layout);

impl<Layout: Formatter> Formatter for Harmless<Layout> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_deceptive) {
            out.write_all(&rest.as_bytes()[..at])?;
            let Some(character) = rest[at..].chars().next() else { break };
            // Beyond the first plane a character is two such escapes.
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + character.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, is_first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, is_first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const DECEPTIVE: &str = "a\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{feff}\u{e0041}z \"é计😀\n";

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_means_the_same() {
        let value = json!({ DECEPTIVE: [DECEPTIVE, 1, null, []], "plain": {} });
        let mut compact_out = Vec::new();
        value.serialize(&mut compact(&mut compact_out)).unwrap();
        let mut pretty_out = Vec::new();
        write_pretty(&value, &mut pretty_out).unwrap();
        let escaped = r#""a\u001b[2J\u007f\u009b31m\u202e\ufeff\udb40\udc41z \"é计😀\n""#;
        let (compact, pretty) = (String::from_utf8(compact_out).unwrap(), String::from_utf8(pretty_out).unwrap());
        assert_eq!(compact, format!("{{{escaped}:[{escaped},1,null,[]],\"plain\":{{}}}}"));
        assert_eq!(
            pretty,
            format!("{{\n  {escaped}: [\n    {escaped},\n    1,\n    null,\n    []\n  ],\n  \"plain\": {{}}\n}}")
        );
        for text in [compact, pretty] {
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
