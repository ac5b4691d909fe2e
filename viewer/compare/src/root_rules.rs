// SPDX-License-Identifier: Apache-2.0
//! [`RootRules`]: the rules for roots that hold between two captures, and what they make of a file's name.
//!
//! Rules translate the paths of one side into the other's, and always those of the same capture: in one direction they may
//! find files that they would not in the other, where a capture has files below both roots.
//!
//! A rule speaks of all that lies below a folder, and is often true of some of it only: a file moved, the others stayed. So
//! files are paired one by one ([`Translation`]): one that both sides have is its own equal, each of the others is the equal of
//! one at most, and the rule that finds the most comes first.

use crate::canonical::{canonical_file, unqualified};
use crate::comparison::{Matching, Side};
use crate::roots::{self, RootRule};
use memray_index::{FrameKind, Index, Location, LocationId, StringId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

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
        let applied = |rule: &RootRule| match translated {
            Side::Before => rule.clone(),
            Side::After => rule.swapped(),
        };
        let applied: Vec<RootRule> = rules.iter().map(applied).collect();
        let translation = Translation::new(&applied, &files(from), &files(to));
        let mut counts = vec![0; rules.len()];
        for location in locations(from).filter(|location| location.kind == FrameKind::Python) {
            if let Some(pair) = translation.pair(from.bytes(location.file), location.kind) {
                counts[pair.rule] += 1;
            }
        }
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
        let pair = (side == self.translated).then(|| self.translation.pair(file, kind)).flatten();
        pair.map_or_else(|| canonical_file(file, kind), |pair| pair.there.clone())
    }
}

/// A file as a capture names it.
type File = (Vec<u8>, FrameKind);

/// Files of one side with their equals on the other, where rules say which these are.
struct Translation(FxHashMap<File, Pair>);

/// A file's equal.
struct Pair {
    /// Its canonical name.
    there: Vec<u8>,
    /// Which rule found it.
    rule: usize,
}

impl Translation {
    /// By rules as they are applied to the files `here`.
    fn new(rules: &[RootRule], here: &BTreeSet<File>, there: &BTreeSet<File>) -> Self {
        let canonical = |(file, kind): &File| canonical_file(file, *kind);
        let names_here: FxHashSet<Vec<u8>> = here.iter().map(canonical).collect();
        let names_there: FxHashSet<Vec<u8>> = there.iter().map(canonical).collect();
        let alone: Vec<(&File, Vec<u8>)> =
            here.iter().map(|file| (file, canonical(file))).filter(|(_, name)| !names_there.contains(name)).collect();
        let find = |rule: &RootRule, (file, kind): &File| {
            let found = canonical_file(&rule.translate(file)?, *kind);
            (names_there.contains(&found) && !names_here.contains(&found)).then_some(found)
        };
        let mut by_reach: Vec<(usize, &RootRule, usize)> = rules
            .iter()
            .enumerate()
            .map(|(at, rule)| (at, rule, alone.iter().filter(|(file, _)| find(rule, file).is_some()).count()))
            .collect();
        by_reach.sort_by_key(|(_, rule, found)| Reverse((*found, rule.before.len())));
        let mut pairs: FxHashMap<File, Pair> = FxHashMap::default();
        // Whose equal each is.
        let mut taken: FxHashMap<Vec<u8>, &[u8]> = FxHashMap::default();
        for (at, rule, _) in by_reach {
            for (file, name) in &alone {
                let Some(found) = find(rule, file).filter(|_| !pairs.contains_key(*file)) else { continue };
                if *taken.entry(found.clone()).or_insert(name) == name.as_slice() {
                    pairs.insert((*file).clone(), Pair { there: found, rule: at });
                }
            }
        }
        Self(pairs)
    }

    fn pair(&self, file: &[u8], kind: FrameKind) -> Option<&Pair> {
        if self.0.is_empty() { None } else { self.0.get(&(file.to_vec(), kind)) }
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

/// The files of a capture.
fn files(index: &Index) -> BTreeSet<File> {
    let files: FxHashSet<(StringId, FrameKind)> =
        locations(index).map(|location| (location.file, location.kind)).collect();
    files.into_iter().map(|(file, kind)| (index.bytes(file).to_vec(), kind)).collect()
}

/// All locations of a capture.
pub(crate) fn locations(index: &Index) -> impl Iterator<Item = Location> {
    (1..index.location_count() as u32).map(|id| *index.location(LocationId(id)))
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

    /// What the files of the first capture are called in the second.
    fn translated<const N: usize>(rules: &[(&str, &str)], files: [&'static str; N], there: &[&str]) -> [String; N] {
        let rule = |&(before, after): &(&str, &str)| RootRule { before: before.into(), after: after.into() };
        let rules: Vec<RootRule> = rules.iter().map(rule).collect();
        let set = |files: &[&str]| files.iter().map(|file| (file.as_bytes().to_vec(), FrameKind::Python)).collect();
        let translation = Translation::new(&rules, &set(&files), &set(there));
        let rules = RootRules { holding: Vec::new(), translation, translated: Side::Before };
        let name = |side, file: &str| rules.canonical_file(side, file.as_bytes(), FrameKind::Python);
        for file in files {
            assert_eq!(name(Side::After, file), canonical_file(file.as_bytes(), FrameKind::Python), "only one side's");
        }
        files.map(|file| String::from_utf8(name(Side::Before, file)).unwrap())
    }

    #[test]
    fn a_rule_also_leads_from_sources_to_where_they_are_installed() {
        let rules = [("/srv/src/shop", "/v/lib/python3.12/site-packages/shop")];
        let there = ["/v/lib/python3.12/site-packages/shop/cart.py"];
        assert_eq!(translated(&rules, ["/srv/src/shop/cart.py"], &there), ["site:shop/cart.py"]);
    }

    #[test]
    fn a_file_that_moved_takes_none_with_it_that_stayed() {
        let rules = [("/srv/app", "/srv/app/lib")];
        let there = ["/srv/app/main.py", "/srv/app/lib/util.py"];
        let files = ["/srv/app/main.py", "/srv/app/util.py"];
        assert_eq!(translated(&rules, files, &there), ["/srv/app/main.py", "/srv/app/lib/util.py"]);
    }

    #[test]
    fn a_file_that_both_sides_have_is_nobody_elses_equal() {
        let rules = [("/a", "/a/sub")];
        let there = ["/a/x.py", "/a/sub/y.py", "/a/sub2/y.py"];
        // It was moved to where no rule looks: it is gone, and not the other one.
        let files = ["/a/x.py", "/a/y.py", "/a/sub/y.py"];
        assert_eq!(translated(&rules, files, &there), ["/a/x.py", "/a/y.py", "/a/sub/y.py"]);
    }

    #[test]
    fn two_files_never_become_one() {
        // A folder was renamed, and another took its name.
        let rules = [("/v5/pkg/old", "/v1/pkg/a"), ("/v5", "/v1")];
        let files = ["/v5/main.py", "/v5/pkg/a/x.py", "/v5/pkg/old/x.py"];
        let there = ["/v1/main.py", "/v1/pkg/a/x.py"];
        assert_eq!(translated(&rules, files, &there), ["/v1/main.py", "/v1/pkg/a/x.py", "/v5/pkg/old/x.py"]);
    }

    #[test]
    fn of_rules_for_one_folder_that_holds_which_finds_the_file() {
        let rules = [("/a1", "/a2"), ("/a1/vendor", "/a2/third")];
        let there = ["/a2/x.py", "/a2/third/y.py", "/a2/vendor/z.py"];
        let files = ["/a1/x.py", "/a1/vendor/y.py", "/a1/vendor/z.py", "/a1/vendor/gone.py"];
        assert_eq!(
            translated(&rules, files, &there),
            ["/a2/x.py", "/a2/third/y.py", "/a2/vendor/z.py", "/a1/vendor/gone.py"]
        );
    }
}
