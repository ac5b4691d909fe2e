// SPDX-License-Identifier: Apache-2.0
//! What is searched for, in the tree and in tables.

use crate::table_view;
use memray_index::Pattern;
use std::sync::Arc;

/// What a table's rows are compared with; `None` for a broken pattern.
pub(in crate::app) fn row_matcher(pattern: &Pattern) -> Option<table_view::Hits> {
    let expression = match pattern {
        Pattern::Substring(text) => regex::escape(text),
        Pattern::Regex(text) => text.clone(),
    };
    let regex = regex::RegexBuilder::new(&expression).case_insensitive(true).build().ok()?;
    Some(Arc::new(move |name| regex.is_match(name)))
}

/// What the search field holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::app) struct SearchField {
    /// Its text.
    pub text: String,
    /// Whether it is a regular expression.
    pub is_regex: bool,
}

impl SearchField {
    /// What is searched for.
    pub(in crate::app) fn pattern(&self) -> Option<Pattern> {
        let text = self.text.trim().to_owned();
        match (text.is_empty(), self.is_regex) {
            (true, _) => None,
            (false, true) => Some(Pattern::Regex(text)),
            (false, false) => Some(Pattern::Substring(text)),
        }
    }
}
