// SPDX-License-Identifier: Apache-2.0
//! Patterns, made ready to be compared with many names.

use crate::error::Refusal;
use crate::filter::Pattern;
use crate::ids::StringId;
use crate::location::Location;
use regex::{Regex, RegexBuilder};

/// Which of a location's names is compared.
pub(crate) type NameOf = fn(&Location) -> StringId;

/// A pattern, ready.
pub(crate) struct Matcher(Regex);

impl Matcher {
    /// Makes a pattern ready; a regular expression that is none is refused with what is wrong in it.
    pub(crate) fn new(pattern: &Pattern) -> Result<Self, Refusal> {
        let (source, ignores_case) = match pattern {
            Pattern::Substring(text) => (regex::escape(text), true),
            Pattern::Regex(source) => (source.clone(), false),
        };
        RegexBuilder::new(&source).case_insensitive(ignores_case).build().map(Self).map_err(|error| {
            Refusal(format!("`{}` is not a regular expression: {}", start_of(&source), what_is_wrong(&error)))
        })
    }

    /// Whether a name matches; bytes that are not UTF-8 are compared as they are shown, replaced.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        self.0.is_match(&String::from_utf8_lossy(name))
    }
}

/// Why a text is no regular expression, in a line: without the drawing of where.
pub fn what_is_wrong(error: &regex::Error) -> String {
    let words = error.to_string();
    words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// As much of a pattern as a sentence has room for.
fn start_of(source: &str) -> String {
    const MOST: usize = 60;
    match source.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &source[..end]),
        None => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_pattern_that_is_none_is_named_by_its_start() {
        let refused = |source: String| Matcher::new(&Pattern::Regex(source)).err().unwrap().0;
        assert_eq!(refused("(".to_owned()), "`(` is not a regular expression: unclosed group");
        let long = refused(format!("é{}", "(".repeat(5000)));
        assert!(long.starts_with(&format!("`é{}…` is not a regular expression: ", "(".repeat(59))), "{long}");
        assert!(long.len() < 200, "{long}");
    }
}
