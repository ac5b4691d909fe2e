// SPDX-License-Identifier: Apache-2.0
//! [`RootRules`]: the rules for roots that hold between two captures, and what they make of a file's name.
//!
//! Rules translate the paths of one side into the other's, and always those of the same capture: in one direction they may
//! find files that they would not in the other, where a capture has files below both roots.

use crate::canonical::{canonical_file, unqualified};
use crate::comparison::{Matching, Side};
use crate::roots::{self, RootRule};
use memray_index::{FrameKind, Index, Location, LocationId, StringId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// The rules between two captures.
pub(crate) struct RootRules {
    /// Those that hold, with the number of locations that each matches.
    pub(crate) holding: Vec<(RootRule, usize)>,
    /// As they are applied to paths of the side that is translated.
    translations: Vec<RootRule>,
    translated: Side,
}

impl RootRules {
    /// Those that were given or, without any, those that are proposed.
    pub(crate) fn new(before: &Index, after: &Index, matching: &Matching) -> Self {
        let translated = matching.translated;
        let translation = |rule: &RootRule| match translated {
            Side::Before => rule.clone(),
            Side::After => rule.swapped(),
        };
        let Some(rules) = &matching.roots else {
            let holding = proposed(before, after);
            let translations = holding.iter().map(|(rule, _)| translation(rule)).collect();
            return Self { holding, translations, translated };
        };
        let translations: Vec<RootRule> = rules.iter().map(translation).collect();
        let (from, to) = match translated {
            Side::Before => (before, after),
            Side::After => (after, before),
        };
        let counts = translations.iter().map(|translation| matched_locations(translation, from, to));
        Self { holding: rules.iter().cloned().zip(counts).collect(), translations, translated }
    }

    /// The side whose names stay as they are.
    pub(crate) fn kept(&self) -> Side {
        self.translated.other()
    }

    /// The name that a side's file has in common with the same file of the other.
    pub(crate) fn canonical_file(&self, side: Side, file: &[u8], kind: FrameKind) -> Vec<u8> {
        let translate = || self.translations.iter().find_map(|rule| rule.translate(file));
        match (side == self.translated).then(translate).flatten() {
            Some(file) => canonical_file(&file, kind),
            None => canonical_file(file, kind),
        }
    }
}

fn proposed(before: &Index, after: &Index) -> Vec<(RootRule, usize)> {
    let mut rules = proposed_by_files(&own_files(before), &own_files(after));
    rules.retain(|(rule, _)| !rule.before.ends_with(b".py") || are_alike(before, after, rule));
    rules
}

fn proposed_by_files(before: &BTreeMap<Vec<u8>, usize>, after: &BTreeMap<Vec<u8>, usize>) -> Vec<(RootRule, usize)> {
    let [before, after] = [before, after]
        .map(|files| -> Vec<roots::File<'_>> { files.iter().map(|(file, count)| (file.as_slice(), *count)).collect() });
    roots::propose(&before, &after)
}

/// Whether two files may be one that was renamed: their names or the functions of the smaller are alike. A script each is not
/// enough: they may be of two programs.
fn are_alike(before: &Index, after: &Index, rule: &RootRule) -> bool {
    let functions = |index: &Index, file: &[u8]| -> FxHashSet<Vec<u8>> {
        let of_file = locations(index).filter(|location| {
            location.kind == FrameKind::Python && canonical_file(index.bytes(location.file), location.kind) == file
        });
        let names = of_file.map(|location| unqualified(index.bytes(location.function)).to_vec());
        names.filter(|name| name != b"<module>").collect()
    };
    let (before, after) = (functions(before, &rule.before), functions(after, &rule.after));
    let fewer = before.len().min(after.len());
    (fewer > 0 && before.intersection(&after).count() * 2 >= fewer) || are_names_alike(&rule.before, &rule.after)
}

/// A shorter name is within many.
const SHORTEST_NAME: usize = 3;

/// Whether two files' names have half of their letters in common, at the beginning and the end, or one is within the other.
fn are_names_alike(before: &[u8], after: &[u8]) -> bool {
    let stem = |path: &[u8]| {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        name.strip_suffix(b".py").unwrap_or(name).to_vec()
    };
    let (before, after) = (stem(before), stem(after));
    let shorter = before.len().min(after.len());
    let first = before.iter().zip(&after).take_while(|(x, y)| x == y).count();
    let last = before.iter().rev().zip(after.iter().rev()).take_while(|(x, y)| x == y).count();
    let shared = (first + last).min(shorter);
    shared * 2 >= before.len().max(after.len()) || (shared == shorter && shorter >= SHORTEST_NAME)
}

/// In how many locations a rule finds the other side's file; what is equal without it is not its doing.
fn matched_locations(translation: &RootRule, from: &Index, to: &Index) -> usize {
    let known: FxHashSet<Vec<u8>> =
        python_files(to).into_keys().map(|file| canonical_file(to.bytes(file), FrameKind::Python)).collect();
    let is_matched = |file: &[u8]| {
        let found = translation.translate(file).map(|file| canonical_file(&file, FrameKind::Python));
        found.is_some_and(|found| known.contains(&found) && found != canonical_file(file, FrameKind::Python))
    };
    let matched = python_files(from).into_iter().filter(|(file, _)| is_matched(from.bytes(*file)));
    matched.map(|(_, locations)| locations).sum()
}

/// All locations of a capture.
pub(crate) fn locations(index: &Index) -> impl Iterator<Item = Location> {
    (1..index.location_count() as u32).map(|id| *index.location(LocationId(id)))
}

/// The files of Python code, with their number of locations.
fn python_files(index: &Index) -> FxHashMap<StringId, usize> {
    let mut files: FxHashMap<StringId, usize> = FxHashMap::default();
    for location in locations(index).filter(|location| location.kind == FrameKind::Python) {
        *files.entry(location.file).or_default() += 1;
    }
    files
}

/// The files of the program's own code, with their number of locations.
fn own_files(index: &Index) -> BTreeMap<Vec<u8>, usize> {
    let mut files: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for location in locations(index) {
        if location.kind == FrameKind::Python && location.traits.is_own_code {
            *files.entry(canonical_file(index.bytes(location.file), location.kind)).or_default() += 1;
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_were_renamed_have_names_alike() {
        let alike = |before: &str, after: &str| are_names_alike(before.as_bytes(), after.as_bytes());
        assert!(alike("/tmp/v1.py", "/tmp/v2.py") && alike("svc_old.py", "/srv/svc.py") && alike("a.py", "/x/a.py"));
        assert!(
            !alike("numpy_arrays.py", "/srv/demo/cli.py")
                && !alike("<string>", "cli.py")
                && !alike("aa.py", "aaaaa.py")
        );
    }

    #[test]
    fn a_rule_also_leads_from_sources_to_where_they_are_installed() {
        let rule =
            RootRule { before: b"/srv/src/shop".to_vec(), after: b"/v/lib/python3.12/site-packages/shop".to_vec() };
        let rules = RootRules { holding: Vec::new(), translations: vec![rule], translated: Side::Before };
        let name = |side, file: &str| {
            String::from_utf8(rules.canonical_file(side, file.as_bytes(), FrameKind::Python)).unwrap()
        };
        assert_eq!(name(Side::Before, "/srv/src/shop/cart.py"), "site:shop/cart.py");
        assert_eq!(name(Side::After, "/v/lib/python3.12/site-packages/shop/cart.py"), "site:shop/cart.py");
        assert_eq!(
            name(Side::After, "/srv/src/shop/cart.py"),
            "/srv/src/shop/cart.py",
            "only one side's are translated"
        );
    }
}
