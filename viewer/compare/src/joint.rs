// SPDX-License-Identifier: Apache-2.0
//! The locations of both captures under common numbers. [`Joint`] leads.
//!
//! Lines of code that are the same in both have one number. Beside it stands their *match*: what has to be equal for two
//! frames to be the same, which is the function, or the line too. Of what is in both, the second capture's names are shown.

use crate::canonical::{canonical_file, is_comprehension, unqualified};
use crate::comparison::Matching;
use crate::roots::{self, RootRule};
use memray_index::{FrameKind, Index, Location, LocationId, Names, StringId};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// What two frames have in common that are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MatchId(pub(crate) u32);

/// A location, and what it is compared by.
struct JointLocation {
    location: Location,
    match_id: MatchId,
    function: StringId,
    file: StringId,
    is_comprehension: bool,
}

/// What makes a location: canonical function and file, line, and whether it is Python's.
type Identity = (StringId, StringId, u32, bool);

/// The locations of both captures.
pub(crate) struct Joint {
    /// Names that are shown.
    names: Names,
    /// Canonical ones.
    canonical: Names,
    rows: Vec<JointLocation>,
    numbers: FxHashMap<Identity, LocationId>,
    /// By each capture's own location.
    before: Vec<LocationId>,
    after: Vec<LocationId>,
    by_line: bool,
    /// The rules that hold, with the number of locations that each matches.
    pub(crate) rules: Vec<(RootRule, usize)>,
}

impl Joint {
    pub(crate) fn new(before: &Index, after: &Index, matching: &Matching) -> Self {
        let nowhere = JointLocation {
            location: *after.location(LocationId::NONE),
            match_id: MatchId(0),
            function: StringId(0),
            file: StringId(0),
            is_comprehension: false,
        };
        let mut joint = Self {
            names: Names::default(),
            canonical: Names::default(),
            rows: vec![nowhere],
            numbers: FxHashMap::default(),
            before: Vec::new(),
            after: Vec::new(),
            by_line: matching.by_line,
            rules: rules(before, after, matching),
        };
        let strips = has_qualified_names(before) != has_qualified_names(after);
        joint.after = joint.add(after, strips, |file| file);
        let rules: Vec<RootRule> = joint.rules.iter().map(|(rule, _)| rule.clone()).collect();
        let translate = |file: Vec<u8>| rules.iter().find_map(|rule| rule.translate(&file)).unwrap_or(file);
        joint.before = joint.add(before, strips, translate);
        joint.number_matches();
        joint
    }

    fn add(&mut self, index: &Index, strips: bool, translate: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<LocationId> {
        let mut files: FxHashMap<(StringId, FrameKind), StringId> = FxHashMap::default();
        let mut numbers = vec![LocationId::NONE];
        for id in (1..index.location_count() as u32).map(LocationId) {
            let location = *index.location(id);
            let file = *files.entry((location.file, location.kind)).or_insert_with(|| {
                self.canonical.intern(&translate(canonical_file(index.bytes(location.file), location.kind)))
            });
            let name = index.bytes(location.function);
            let is_python = location.kind == FrameKind::Python;
            let function = match location.kind {
                // Its name is its file's, with the version.
                FrameKind::Library => file,
                FrameKind::Python if strips => self.canonical.intern(unqualified(name)),
                _ => self.canonical.intern(name),
            };
            let next = LocationId(self.rows.len() as u32);
            let number = *self.numbers.entry((function, file, location.line, is_python)).or_insert(next);
            if number == next {
                let shown = Location {
                    function: self.names.intern(name),
                    file: self.names.intern(index.bytes(location.file)),
                    module: self.names.intern(index.bytes(location.module)),
                    ..location
                };
                let is_comprehension = is_python && is_comprehension(name);
                let match_id = MatchId::default();
                self.rows.push(JointLocation { location: shown, match_id, function, file, is_comprehension });
            }
            numbers.push(number);
        }
        numbers
    }

    fn number_matches(&mut self) {
        let mut functions: FxHashMap<(StringId, StringId, bool), MatchId> = FxHashMap::default();
        for (row, it) in self.rows.iter_mut().enumerate().skip(1) {
            let next = MatchId(functions.len() as u32 + 1);
            let is_python = it.location.kind == FrameKind::Python;
            let function = *functions.entry((it.function, it.file, is_python)).or_insert(next);
            it.match_id = if self.by_line { MatchId(row as u32) } else { function };
        }
    }

    pub(crate) fn of_before(&self, location: LocationId) -> LocationId {
        self.before.get(location.index()).copied().unwrap_or(LocationId::NONE)
    }

    pub(crate) fn of_after(&self, location: LocationId) -> LocationId {
        self.after.get(location.index()).copied().unwrap_or(LocationId::NONE)
    }

    fn row(&self, location: LocationId) -> &JointLocation {
        self.rows.get(location.index()).unwrap_or(&self.rows[0])
    }

    /// As it is shown; its names are [`Self::bytes`].
    pub(crate) fn location(&self, location: LocationId) -> Location {
        self.row(location).location
    }

    /// A name that is shown.
    pub(crate) fn bytes(&self, name: StringId) -> &[u8] {
        self.names.get(name)
    }

    pub(crate) fn match_id(&self, location: LocationId) -> MatchId {
        self.row(location).match_id
    }

    /// What all lines of a function have in common.
    pub(crate) fn function(&self, location: LocationId) -> (StringId, StringId) {
        let row = self.row(location);
        (row.function, row.file)
    }

    /// What all functions of a file have in common.
    pub(crate) fn file(&self, location: LocationId) -> StringId {
        self.row(location).file
    }

    /// Whether a frame is a comprehension that `caller` runs: since CPython 3.12 it would be no frame of its own.
    pub(crate) fn is_part_of(&self, comprehension: LocationId, caller: LocationId) -> bool {
        let (row, caller) = (self.row(comprehension), self.row(caller));
        row.is_comprehension && caller.location.kind == FrameKind::Python && row.file == caller.file
    }

    /// The function of `location` at another line: itself where lines do not count, or where neither capture has that line.
    pub(crate) fn at_line(&self, location: LocationId, line: u32) -> LocationId {
        let row = self.row(location);
        let is_python = row.location.kind == FrameKind::Python;
        let found = self.numbers.get(&(row.function, row.file, line, is_python));
        found.copied().unwrap_or(location)
    }
}

/// The rules that were given or, without any, those that are proposed.
fn rules(before: &Index, after: &Index, matching: &Matching) -> Vec<(RootRule, usize)> {
    let (before, after) = (own_files(before), own_files(after));
    let Some(rules) = &matching.roots else {
        let [before, after] = [&before, &after].map(|files| -> Vec<roots::File<'_>> {
            files.iter().map(|(file, count)| (file.as_slice(), *count)).collect()
        });
        return roots::propose(&before, &after);
    };
    let count = |rule: &RootRule| {
        let is_matched = |file: &[u8]| rule.translate(file).is_some_and(|file| after.contains_key(&file));
        before.iter().filter(|(file, _)| is_matched(file)).map(|(_, locations)| locations).sum()
    };
    rules.iter().map(|rule| (rule.clone(), count(rule))).collect()
}

/// The files of the program's own code, with their number of locations.
fn own_files(index: &Index) -> BTreeMap<Vec<u8>, usize> {
    let mut files: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for location in (1..index.location_count() as u32).map(|id| index.location(LocationId(id))) {
        if location.kind == FrameKind::Python && location.traits.is_own_code {
            *files.entry(canonical_file(index.bytes(location.file), location.kind)).or_default() += 1;
        }
    }
    files
}

/// Whether functions have qualified names, as since CPython 3.11.
fn has_qualified_names(index: &Index) -> bool {
    let locations = (1..index.location_count() as u32).map(|id| index.location(LocationId(id)));
    let mut python = locations.filter(|location| location.kind == FrameKind::Python);
    python.any(|location| index.bytes(location.function).contains(&b'.'))
}
