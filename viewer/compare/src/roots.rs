// SPDX-License-Identifier: Apache-2.0
//! Roots that differ: `/srv/app-1.4.2` before and `/srv/app-1.5.0` after are the same program. A [`RootRule`] says so; which
//! rules there are to be is proposed by [`propose`], from the files of own code that have no equal on the other side.

use rustc_hash::{FxHashMap, FxHashSet};

/// What lies below a folder before is the same as what lies below another after. Either may be one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RootRule {
    /// The path in the first capture, without a slash at its end; empty for relative paths.
    pub before: Vec<u8>,
    /// The path in the second.
    pub after: Vec<u8>,
}

impl RootRule {
    /// A path of the first capture as the second has it; `None` if the rule is not about it.
    pub(crate) fn translate(&self, file: &[u8]) -> Option<Vec<u8>> {
        let rest = below(file, &self.before)?;
        Some(if self.after.is_empty() { rest[1.min(rest.len())..].to_vec() } else { [&self.after, rest].concat() })
    }

    /// For captures that changed sides.
    #[must_use]
    pub fn swapped(&self) -> Self {
        Self { before: self.after.clone(), after: self.before.clone() }
    }
}

/// What follows a folder in a path, with its slash; nothing if it is the path itself.
fn below<'a>(file: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    if folder.is_empty() {
        return None;
    }
    file.strip_prefix(folder).filter(|rest| rest.first().is_none_or(|&byte| byte == b'/'))
}

/// A file of the program's own code, and how many locations of the capture lie in it.
pub(crate) type File<'a> = (&'a [u8], usize);

/// No program has more roots; others are for the user to name.
const MOST_RULES: usize = 8;

/// So many files of one name are tried on each side: packages are full of `__init__.py`.
const MOST_OF_A_NAME: usize = 16;

/// Rules that find an equal for files that have none, those first that do so for the most locations.
pub(crate) fn propose(before: &[File<'_>], after: &[File<'_>]) -> Vec<RootRule> {
    let after_names: FxHashSet<&[u8]> = after.iter().map(|(file, _)| *file).collect();
    let before_names: FxHashSet<&[u8]> = before.iter().map(|(file, _)| *file).collect();
    let mut unmatched: Vec<File<'_>> = before.iter().filter(|(file, _)| !after_names.contains(file)).copied().collect();
    // What both sides have is its own equal.
    let known: FxHashSet<&[u8]> = after_names.difference(&before_names).copied().collect();
    let mut rules = Vec::new();
    while rules.len() < MOST_RULES {
        let candidates =
            candidates(&unmatched, after.iter().map(|it| it.0).filter(|file| !before_names.contains(file)));
        let matched = |rule: &RootRule| {
            let is_matched = |file: &[u8]| rule.translate(file).is_some_and(|file| known.contains(file.as_slice()));
            unmatched.iter().filter(|(file, _)| is_matched(file)).map(|(_, locations)| locations).sum::<usize>()
        };
        let counted = candidates.into_iter().map(|rule| (matched(&rule), rule));
        // The shorter rule of two that match as much says more.
        let best = counted.max_by_key(|(count, rule)| {
            (*count, std::cmp::Reverse((rule.before.len(), rule.before.clone(), rule.after.clone())))
        });
        let Some((_, rule)) = best.filter(|(count, _)| *count > 0) else { break };
        unmatched.retain(|(file, _)| rule.translate(file).is_none_or(|file| !known.contains(file.as_slice())));
        rules.push(rule);
    }
    if let (true, [(script, _)]) = (rules.is_empty(), unmatched.as_slice()) {
        // One script each: `v1.py` and `v2.py`.
        let mut others = after.iter().filter(|(file, _)| !before_names.contains(file));
        if let (Some((other, _)), None) = (others.next(), others.next()) {
            rules.push(RootRule { before: script.to_vec(), after: other.to_vec() });
        }
    }
    rules
}

/// Rules under which a file has an equal of the same name.
fn candidates<'a>(before: &[File<'a>], after: impl Iterator<Item = &'a [u8]>) -> FxHashSet<RootRule> {
    let mut by_name: FxHashMap<&[u8], Vec<&[u8]>> = FxHashMap::default();
    for file in after {
        let files = by_name.entry(name(file)).or_default();
        if files.len() < MOST_OF_A_NAME {
            files.push(file);
        }
    }
    let mut tried: FxHashMap<&[u8], usize> = FxHashMap::default();
    let mut rules = FxHashSet::default();
    for (file, _) in before {
        let tries = tried.entry(name(file)).or_default();
        *tries += 1;
        if *tries > MOST_OF_A_NAME {
            continue;
        }
        for other in by_name.get(name(file)).into_iter().flatten() {
            rules.extend(rule_for(file, other));
        }
    }
    rules
}

/// The rule that makes one file the other, and as many around them as possible.
fn rule_for(before: &[u8], after: &[u8]) -> Option<RootRule> {
    let same = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    // Whole parts only: from a slash on.
    let tail = &before[before.len() - same..];
    let slash = tail.iter().position(|&byte| byte == b'/')?;
    let kept = tail.len() - slash;
    let rule = RootRule { before: before[..before.len() - kept].to_vec(), after: after[..after.len() - kept].to_vec() };
    // Nothing lies below the root of all files that does not lie below another.
    (!rule.before.is_empty() && !rule.after.is_empty()).then_some(rule)
}

fn name(file: &[u8]) -> &[u8] {
    file.rsplit(|&byte| byte == b'/').next().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(before: &str, after: &str) -> RootRule {
        RootRule { before: before.into(), after: after.into() }
    }

    fn proposed(before: &[&str], after: &[&str]) -> Vec<RootRule> {
        let files = |names: &[&'static str]| names.iter().map(|name| (name.as_bytes(), 10)).collect::<Vec<_>>();
        // The names outlive the test.
        let leak =
            |names: &[&str]| names.iter().map(|name| &*String::from(*name).leak()).collect::<Vec<&'static str>>();
        propose(&files(&leak(before)), &files(&leak(after)))
    }

    #[test]
    fn a_path_is_translated_below_the_root_only() {
        let rule = rule("/srv/app-1.4.2", "/srv/app-1.5.0");
        assert_eq!(rule.translate(b"/srv/app-1.4.2/a/b.py").as_deref(), Some(b"/srv/app-1.5.0/a/b.py".as_slice()));
        assert_eq!(rule.translate(b"/srv/app-1.4.20/b.py"), None);
        assert_eq!(rule.translate(b"/srv/app-1.4.2").as_deref(), Some(b"/srv/app-1.5.0".as_slice()));
        assert_eq!(
            rule.swapped().translate(b"/srv/app-1.5.0/x.py").as_deref(),
            Some(b"/srv/app-1.4.2/x.py".as_slice())
        );
    }

    #[test]
    fn roots_that_differ_are_found() {
        let before = ["/srv/app-1.4.2/main.py", "/srv/app-1.4.2/shop/cart.py", "/srv/app-1.4.2/shop/gone.py"];
        let after = ["/srv/app-1.5.0/main.py", "/srv/app-1.5.0/shop/cart.py", "/srv/app-1.5.0/shop/new.py"];
        assert_eq!(proposed(&before, &after), [rule("/srv/app-1.4.2", "/srv/app-1.5.0")]);
    }

    #[test]
    fn several_roots_need_several_rules() {
        let before = ["/a1/x.py", "/a1/y.py", "/home/b1/z.py"];
        let after = ["/a2/x.py", "/a2/y.py", "/home/b2/z.py"];
        assert_eq!(proposed(&before, &after), [rule("/a1", "/a2"), rule("/home/b1", "/home/b2")]);
    }

    #[test]
    fn files_that_are_the_same_need_no_rule() {
        assert_eq!(proposed(&["/srv/a.py", "/srv/b.py"], &["/srv/a.py", "/srv/b.py"]), []);
        assert_eq!(proposed(&["/srv/a.py", "/srv/gone.py"], &["/srv/a.py"]), []);
        assert_eq!(proposed(&[], &["/srv/a.py"]), []);
    }

    #[test]
    fn a_file_that_both_sides_have_is_nobody_elses_equal() {
        let before = ["/a/y.py", "/a/sub/y.py"];
        assert_eq!(proposed(&before, &["/a/sub/y.py", "/a/sub2/y.py"]), [rule("/a", "/a/sub2")]);
        assert_eq!(proposed(&before, &["/a/sub/y.py"]), []);
    }

    #[test]
    fn one_script_each_is_the_same_script() {
        assert_eq!(proposed(&["/tmp/v1.py"], &["/tmp/v2.py"]), [rule("/tmp/v1.py", "/tmp/v2.py")]);
        assert_eq!(proposed(&["/tmp/v1.py", "/tmp/w.py"], &["/tmp/v2.py"]), []);
    }
}
