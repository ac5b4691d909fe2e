// SPDX-License-Identifier: Apache-2.0
//! Patterns, made ready to be compared with many names.

use crate::error::Refusal;
use crate::ids::StringId;
use crate::location::Location;
use crate::question::Pattern;
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
            let what = error.to_string();
            let what = what.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Refusal(format!("`{source}` is not a regular expression: {what}"))
        })
    }

    /// Whether a name matches; bytes that are not UTF-8 are compared as they are shown, replaced.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        self.0.is_match(&String::from_utf8_lossy(name))
    }
}
