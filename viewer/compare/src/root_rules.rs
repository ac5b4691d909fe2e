// SPDX-License-Identifier: Apache-2.0
//! [`RootRules`]: the rules for roots that hold between two captures, and what they make of a file's name.
//!
//! Rules translate the paths of one side into the other's, and always those of the same capture: in one direction they may
//! find files that they would not in the other, where a capture has files below both roots.
//!
//! A rule speaks of all that lies below a folder, and is often true of some of it only: a file moved, the others stayed. So
//! a file that the other side has too stays as it is, and of several rules that one holds which finds a file.

use crate::canonical::{canonical_file, unqualified};
use crate::comparison::{Matching, Side};
use crate::roots::{self, RootRule};
use memray_index::{FrameKind, Index, Location, LocationId, StringId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The rules between two captures.
pub(crate) struct RootRules {
    /// Those that hold, with the number of locations in the files that each finds.
    pub(crate) holding: Vec<(RootRule, usize)>,
    translation: Translation,
    translated: Side,
}

impl RootRules {
    /// Those that were given or, without any, those that are proposed.
    pub(crate) fn new(before: &Index, after: &Index, matching: &Matching) -> Self {
        let translated = matching.translated;
        let rules = matching.roots.clone().unwrap_or_else(|| proposed(before, after));
        let (from, to) = match translated {
            Side::Before => (before, after),
            Side::After => (after, before),
        };
        let translation = Translation::new(&rules, translated, canonical_files(to));
        let counts = translation.locations_found(from);
        let counted = rules.into_iter().zip(counts);
        // What was given is kept, so that it can be seen to find nothing.
        let holding = counted.filter(|(_, count)| matching.roots.is_some() || *count > 0).collect();
        Self { holding, translation, translated }
    }

    /// The side whose names stay as they are.
    pub(crate) fn kept(&self) -> Side {
        self.translated.other()
    }

    /// The name that a side's file has in common with the same file of the other.
    pub(crate) fn canonical_file(&self, side: Side, file: &[u8], kind: FrameKind) -> Vec<u8> {
        let own = canonical_file(file, kind);
        if side != self.translated {
            return own;
        }
        self.translation.of(file, &own, kind).map_or(own, |translated| translated.file)
    }
}

/// Rules as they are applied to the paths of one side.
struct Translation {
    /// With their number among all. A longer path says more of what lies below it, so it comes first.
    rules: Vec<(usize, RootRule)>,
    /// The files of the other side.
    known: FxHashSet<Vec<u8>>,
}

struct Translated {
    file: Vec<u8>,
    rule: usize,
    is_known: bool,
}

impl Translation {
    fn new(rules: &[RootRule], translated: Side, known: FxHashSet<Vec<u8>>) -> Self {
        let applied = |rule: &RootRule| match translated {
            Side::Before => rule.clone(),
            Side::After => rule.swapped(),
        };
        let mut rules: Vec<_> = rules.iter().map(applied).enumerate().collect();
        rules.sort_by_key(|(_, rule)| Reverse(rule.before.len()));
        Self { rules, known }
    }

    /// What rules make of a file, unless the other side has it as it is: the first that finds a file of the other side, or
    /// just the first.
    fn of(&self, file: &[u8], own: &[u8], kind: FrameKind) -> Option<Translated> {
        if self.rules.is_empty() || self.known.contains(own) {
            return None;
        }
        let mut first = None;
        for (rule, applied) in &self.rules {
            let Some(file) = applied.translate(file) else { continue };
            let file = canonical_file(&file, kind);
            let is_known = self.known.contains(&file);
            let translated = Translated { file, rule: *rule, is_known };
            if is_known {
                return Some(translated);
            }
            first.get_or_insert(translated);
        }
        first
    }

    /// In how many locations each rule finds a file.
    fn locations_found(&self, index: &Index) -> Vec<usize> {
        let mut counts = vec![0; self.rules.len()];
        for (file, locations) in python_files(index) {
            let file = index.bytes(file);
            let translated = self.of(file, &canonical_file(file, FrameKind::Python), FrameKind::Python);
            if let Some(Translated { rule, is_known: true, .. }) = translated {
                counts[rule] += locations;
            }
        }
        counts
    }
}

fn proposed(before: &Index, after: &Index) -> Vec<RootRule> {
    let files = [before, after].map(own_files);
    let mut rules = proposed_by_files(&files);
    let is_file = |rule: &RootRule| files[0].contains_key(&rule.before);
    rules.retain(|rule| !is_file(rule) || are_alike(before, after, rule));
    rules
}

fn proposed_by_files(files: &[BTreeMap<Vec<u8>, usize>; 2]) -> Vec<RootRule> {
    let [before, after] = files
        .each_ref()
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

/// The names of all files of a capture.
fn canonical_files(index: &Index) -> FxHashSet<Vec<u8>> {
    let files: FxHashSet<(StringId, FrameKind)> =
        locations(index).map(|location| (location.file, location.kind)).collect();
    files.into_iter().map(|(file, kind)| canonical_file(index.bytes(file), kind)).collect()
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
        let translation = Translation::new(&[rule], Side::Before, FxHashSet::default());
        let rules = RootRules { holding: Vec::new(), translation, translated: Side::Before };
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

    /// What the files of the first capture are called in the second.
    fn translated<const N: usize>(rules: &[(&str, &str)], known: &[&str], files: [&'static str; N]) -> [String; N] {
        let rule = |&(before, after): &(&str, &str)| RootRule { before: before.into(), after: after.into() };
        let rules: Vec<RootRule> = rules.iter().map(rule).collect();
        let known = known.iter().map(|file| file.as_bytes().to_vec()).collect();
        let translation = Translation::new(&rules, Side::Before, known);
        let rules = RootRules { holding: Vec::new(), translation, translated: Side::Before };
        files.map(|file| {
            String::from_utf8(rules.canonical_file(Side::Before, file.as_bytes(), FrameKind::Python)).unwrap()
        })
    }

    #[test]
    fn a_file_that_moved_takes_none_with_it_that_stayed() {
        let rules = [("/srv/app", "/srv/app/lib")];
        let known = ["/srv/app/main.py", "/srv/app/lib/util.py"];
        let files = ["/srv/app/main.py", "/srv/app/util.py"];
        assert_eq!(translated(&rules, &known, files), ["/srv/app/main.py", "/srv/app/lib/util.py"]);
    }

    #[test]
    fn of_rules_for_one_folder_that_holds_which_finds_the_file() {
        let rules = [("/a1", "/a2"), ("/a1/vendor", "/a2/third")];
        let known = ["/a2/x.py", "/a2/third/y.py", "/a2/vendor/z.py", "/a2/vendor/both.py", "/a2/third/both.py"];
        let files = ["/a1/x.py", "/a1/vendor/y.py", "/a1/vendor/z.py", "/a1/vendor/both.py", "/a1/vendor/gone.py"];
        assert_eq!(
            translated(&rules, &known, files),
            ["/a2/x.py", "/a2/third/y.py", "/a2/vendor/z.py", "/a2/third/both.py", "/a2/third/gone.py"]
        );
    }
}
