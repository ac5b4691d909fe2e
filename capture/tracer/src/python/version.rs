// SPDX-License-Identifier: Apache-2.0
//! [`Version`]: of the interpreter, from what `Py_GetVersion` says.

use std::fmt;

/// A version of Python, as `PY_VERSION_HEX` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32);

impl Version {
    /// Reads what `Py_GetVersion` begins with: `3.13.0`, `3.14.0rc2`, `3.9.18+`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (major, rest) = number(text)?;
        let (minor, rest) = number(rest.strip_prefix(b".")?)?;
        let (micro, rest) = number(rest.strip_prefix(b".")?)?;
        let level = match rest.first() {
            Some(b'a') => 0xa,
            Some(b'b') => 0xb,
            Some(b'r') => 0xc,
            _ => 0xf,
        };
        let serial = if level == 0xf { 0 } else { number(after_letters(rest)).map_or(0, |(n, _)| n) };
        Some(Self(major << 24 | minor << 16 | micro << 8 | level << 4 | serial & 0xf))
    }

    /// `(3, 13)`.
    pub(super) fn release(self) -> (u8, u8) {
        ((self.0 >> 24) as u8, (self.0 >> 16) as u8)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.release();
        write!(formatter, "{major}.{minor}.{}", self.0 >> 8 & 0xff)?;
        match self.0 >> 4 & 0xf {
            0xa => write!(formatter, "a{}", self.0 & 0xf),
            0xb => write!(formatter, "b{}", self.0 & 0xf),
            0xc => write!(formatter, "rc{}", self.0 & 0xf),
            _ => Ok(()),
        }
    }
}

/// A number of at most two hexadecimal digits' size, and what follows it.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number < 256).then_some((number, rest))
}

fn after_letters(text: &[u8]) -> &[u8] {
    text.iter().position(|byte| !byte.is_ascii_alphabetic()).map_or(&[], |at| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_py_version_hex() {
        let cases: [(&[u8], u32, &str); 5] = [
            (b"3.11.7 (main, Dec 4 2023, 18:10:11) [GCC 12.2.0]", 0x030b_07f0, "3.11.7"),
            (b"3.14.0rc2 (main)", 0x030e_00c2, "3.14.0rc2"),
            (b"3.15.0a1+ (heads/main)", 0x030f_00a1, "3.15.0a1"),
            (b"3.9.18+ (default)", 0x0309_12f0, "3.9.18"),
            (b"3.13.0b4", 0x030d_00b4, "3.13.0b4"),
        ];
        for (text, version, shown) in cases {
            assert_eq!(Version::parse(text), Some(Version(version)));
            assert_eq!(Version(version).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        for text in [&b""[..], b"3", b"3.11", b"three", b"3.999.1", b"3..1"] {
            assert_eq!(Version::parse(text), None);
        }
    }
}
