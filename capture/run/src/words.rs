// SPDX-License-Identifier: Apache-2.0
//! Words as a shell reads them: `--python '"/opt/my python/bin/python3" -X dev'`. Quotes and backslashes only; nothing is
//! expanded.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The words of a text; `None` if a quote or a backslash has nothing after it.
pub(crate) fn split(text: &OsStr) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.as_bytes().iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' => quoted(&mut bytes, word.get_or_insert_default(), b'\'')?,
            b'"' => quoted(&mut bytes, word.get_or_insert_default(), b'"')?,
            b'\\' => word.get_or_insert_default().push(bytes.next()?),
            byte if byte.is_ascii_whitespace() => words.extend(word.take()),
            byte => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    Some(words.into_iter().map(OsString::from_vec).collect())
}

/// Reads to the closing quote.
fn quoted(bytes: &mut impl Iterator<Item = u8>, word: &mut Vec<u8>, quote: u8) -> Option<()> {
    loop {
        match bytes.next()? {
            byte if byte == quote => return Some(()),
            b'\\' if quote == b'"' => {
                let escaped = bytes.next()?;
                if !b"\"\\$`".contains(&escaped) {
                    word.push(b'\\');
                }
                word.push(escaped);
            }
            byte => word.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_shells() {
        for (text, words) in [
            ("python3", Some(vec!["python3"])),
            ("  /usr/bin/python3  -X dev\t-I ", Some(vec!["/usr/bin/python3", "-X", "dev", "-I"])),
            (
                "'/opt/my python/bin/python' -W 'error::UserWarning'",
                Some(vec!["/opt/my python/bin/python", "-W", "error::UserWarning"]),
            ),
            (r#"/opt/my\ python "a \"b\" \c""#, Some(vec!["/opt/my python", r#"a "b" \c"#])),
            ("a'b'\"c\"d ''", Some(vec!["abcd", ""])),
            ("", Some(vec![])),
            ("'a", None),
            ("\"a\\", None),
            ("a\\", None),
        ] {
            let words = words.map(|words| words.into_iter().map(OsString::from).collect::<Vec<_>>());
            assert_eq!(split(OsStr::new(text)), words, "{text}");
        }
    }
}
