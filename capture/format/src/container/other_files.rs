// SPDX-License-Identifier: Apache-2.0
//! What a file that is no capture seems to be, in words: whoever opens the wrong file should see why at once.

/// Begins of files, and what they are.
const KNOWN: &[(&[u8], &str)] = &[
    (b"\x7fELF", "a program or library (ELF)"),
    (b"\xcf\xfa\xed\xfe", "a program or library (Mach-O)"),
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file; unpack it first"),
    (b"\xfd7zXZ\0", "an xz file; unpack it first"),
    (b"BZh", "a bzip2 file; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x02\x21\x4c\x18", "an LZ4 file of the old kind; unpack it first"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
];

/// Begins of text files (after white space, in lower case), and what they are.
const KNOWN_TEXT: &[(&[u8], &str)] = &[
    (b"<!doctype html", "an HTML page; open the capture (.bin) that it was made from"),
    (b"<html", "an HTML page; open the capture (.bin) that it was made from"),
    (b"<?xml", "an XML file"),
    (b"{", "a JSON file"),
    (b"[", "a JSON file"),
    (b"#!", "a script"),
];

/// What a file without a capture's first bytes seems to be, as a clause: a sentence without its capital letter and full
/// stop, as all errors here. A few hundred bytes suffice; none at all say that the file is empty.
pub fn describe_non_capture(first_bytes: &[u8]) -> String {
    let kind = if first_bytes.is_empty() {
        return "the file is empty".to_owned();
    } else if let Some((_, kind)) = KNOWN.iter().find(|(begin, _)| first_bytes.starts_with(begin)) {
        kind
    } else if first_bytes.get(257..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        "a tar archive; unpack it first"
    } else if first_bytes.iter().all(|byte| *byte == 0) {
        return "the file holds only zero bytes, as if the program was killed before memray wrote to it".to_owned();
    } else if is_text(first_bytes) {
        let text = first_bytes.trim_ascii_start().get(..16).unwrap_or(first_bytes.trim_ascii_start());
        let text = text.to_ascii_lowercase();
        KNOWN_TEXT.iter().find(|(begin, _)| text.starts_with(begin)).map_or("a text file", |(_, kind)| kind)
    } else {
        return "this is not a capture that memray wrote, nor any other kind of file known here".to_owned();
    };
    format!("this is not a capture that memray wrote but {kind}")
}

/// UTF-8 (possibly cut at the end) without control characters.
fn is_text(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => match bytes.get(..error.valid_up_to()) {
            Some(valid) => std::str::from_utf8(valid).unwrap_or_default(),
            None => return false,
        },
        Err(_) => return false,
    };
    !text.contains(|character: char| character.is_control() && !character.is_ascii_whitespace())
}
