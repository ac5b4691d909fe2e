// SPDX-License-Identifier: Apache-2.0
//! How values are written: `name=value` fields with `;` between them, values percent-encoded. No byte of a path can end a
//! field, and a shell between the two sides has nothing to interpret.

/// Fields, read.
pub(crate) struct Fields<'a>(Vec<(&'a [u8], Vec<u8>)>);

impl<'a> Fields<'a> {
    /// Reads fields; `None` if these are none.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let field = |field: &'a [u8]| {
            let equals = field.iter().position(|&byte| byte == b'=')?;
            Some((&field[..equals], decode(&field[equals + 1..])?))
        };
        text.split(|&byte| byte == b';').map(field).collect::<Option<_>>().map(Self)
    }

    /// The value of a field.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.0.iter().find(|(key, _)| *key == name.as_bytes())?;
        Some(value)
    }
}

/// Adds a field.
pub(crate) fn push(out: &mut String, name: &str, value: &[u8]) {
    if !out.is_empty() {
        out.push(';');
    }
    out.push_str(name);
    out.push('=');
    for &byte in value {
        if byte.is_ascii_alphanumeric() || b"-._/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => (digit(bytes.next()?)? << 4) | digit(bytes.next()?)?,
            byte => byte,
        });
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
