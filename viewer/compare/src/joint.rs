// SPDX-License-Identifier: Apache-2.0
//! The locations of both captures under common numbers. [`Joint`] leads.
//!
//! Lines of code that are the same in both have one number. Beside it stands their *match*: what has to be equal for two
//! frames to be the same, which is the function, or the line too. Of what is in both, the second capture's names are shown.

use crate::canonical::{canonical_file, is_comprehension, unqualified};
use crate::comparison::{Matching, Side};
use crate::root_rules::{RootRules, locations};
use memray_index::{FrameKind, Index, Location, LocationId, LocationTraits, Names, StringId};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// What two frames have in common that are the same: it goes by the first location that has it, which is the second
/// capture's, if that has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MatchId(u32);

impl MatchId {
    /// The first location that has it.
    pub(crate) fn representative(self) -> LocationId {
        LocationId(self.0)
    }
}

/// A location, and what it is compared by.
struct JointLocation {
    location: Location,
    /// The same as the first capture names it, if it has it.
    location_before: Option<Location>,
    /// What all lines of its function have in common.
    function_id: MatchId,
    match_id: MatchId,
    function: StringId,
    file: StringId,
    library: Option<StringId>,
    is_comprehension: bool,
    /// Whether it is of what ran the program: memray, or `runpy`.
    is_runner: bool,
}

/// What holds for all locations of a file of Python, whichever side they are of.
#[derive(Clone, Copy)]
struct JointFile {
    /// What its module is matched by: the one of the side whose paths are not translated, if that has the file.
    module: StringId,
    is_own_code: bool,
    shown: StringId,
    /// As it is matched, so that no two rows have the same name.
    shown_module: StringId,
}

/// A file of one capture.
struct SideFile {
    canonical: StringId,
    shown: StringId,
    module: StringId,
    shown_module: StringId,
    is_own_code: bool,
}

/// A capture's files; of one name there may be several kinds.
type SideFiles = BTreeMap<(StringId, FrameKind), SideFile>;

/// What makes a location: canonical function and file, line, and the library of what is not Python's. A function of a
/// header is in many libraries.
type Identity = (StringId, StringId, u32, Option<StringId>);

/// The locations of both captures.
pub(crate) struct Joint {
    /// Names that are shown.
    names: Names,
    /// Canonical ones.
    canonical: Names,
    /// Those of Python, by canonical name.
    files: FxHashMap<StringId, JointFile>,
    rows: Vec<JointLocation>,
    numbers: FxHashMap<Identity, LocationId>,
    /// By each capture's own location.
    before: Vec<LocationId>,
    after: Vec<LocationId>,
    by_line: bool,
    /// Whether the frames of one recorder stand around the program on one side only, and are left out on both.
    leaves_out_runners: bool,
    pub(crate) rules: RootRules,
}

impl Joint {
    pub(crate) fn new(before: &Index, after: &Index, matching: &Matching) -> Self {
        let nowhere = JointLocation {
            location: *after.location(LocationId::NONE),
            location_before: None,
            function_id: MatchId(0),
            match_id: MatchId(0),
            function: StringId(0),
            file: StringId(0),
            library: None,
            is_comprehension: false,
            is_runner: false,
        };
        let mut joint = Self {
            names: Names::default(),
            canonical: Names::default(),
            files: FxHashMap::default(),
            rows: vec![nowhere],
            numbers: FxHashMap::default(),
            before: Vec::new(),
            after: Vec::new(),
            by_line: matching.by_line,
            leaves_out_runners: runs_in_memray(before) != runs_in_memray(after),
            rules: RootRules::new(before, after, matching),
        };
        let before_files = joint.side_files(before, Side::Before);
        let after_files = joint.side_files(after, Side::After);
        // Which of two names holds must not depend on which capture is A: then swapping them negates every row.
        let by_authority = match joint.rules.kept() {
            Side::Before => [&before_files, &after_files],
            Side::After => [&after_files, &before_files],
        };
        for file in by_authority.into_iter().flat_map(python) {
            let SideFile { canonical, module, is_own_code, shown, shown_module } = *file;
            let known = joint.files.entry(canonical).or_insert(JointFile { module, is_own_code, shown, shown_module });
            // A checkout before, and installed after: it is the program's own.
            known.is_own_code |= is_own_code;
        }
        for file in python(&after_files).rev() {
            if let Some(known) = joint.files.get_mut(&file.canonical) {
                known.shown = file.shown;
            }
        }
        let strips = has_qualified_names(before) != has_qualified_names(after);
        joint.after = joint.add(Side::After, after, &after_files, strips);
        joint.before = joint.add(Side::Before, before, &before_files, strips);
        joint.number_matches();
        joint
    }

    fn side_files(&mut self, index: &Index, side: Side) -> SideFiles {
        let mut files = SideFiles::new();
        for location in locations(index) {
            files.entry((location.file, location.kind)).or_insert_with(|| {
                let (file, module) = (index.bytes(location.file), index.bytes(location.module));
                SideFile {
                    canonical: self.canonical.intern(&self.rules.canonical_file(side, file, location.kind)),
                    shown: self.names.intern(file),
                    module: self.canonical.intern(module),
                    shown_module: self.names.intern(module),
                    is_own_code: location.traits.is_own_code,
                }
            });
        }
        files
    }

    fn add(&mut self, side: Side, index: &Index, files: &SideFiles, strips: bool) -> Vec<LocationId> {
        let mut numbers = vec![LocationId::NONE];
        for location in locations(index) {
            let SideFile { canonical: file, shown: shown_file, .. } = files[&(location.file, location.kind)];
            let (name, module) = (index.bytes(location.function), index.bytes(location.module));
            let is_python = location.kind == FrameKind::Python;
            let library = (!is_python).then(|| self.canonical.intern(&canonical_file(module, FrameKind::Library)));
            let function = match location.kind {
                // Its name is its file's, with the version.
                FrameKind::Library => file,
                FrameKind::Python if strips => self.canonical.intern(unqualified(name)),
                _ => self.canonical.intern(name),
            };
            let next = LocationId(self.rows.len() as u32);
            let number = *self.numbers.entry((function, file, location.line, library)).or_insert(next);
            let is_own_code = is_python && self.files[&file].is_own_code;
            let shown = Location {
                function: self.names.intern(name),
                file: shown_file,
                module: self.names.intern(module),
                traits: LocationTraits { is_own_code, ..location.traits },
                ..location
            };
            if number == next {
                let is_comprehension = is_python && is_comprehension(name);
                let is_runner = is_python && is_runner(self.canonical.get(file));
                self.rows.push(JointLocation {
                    location: shown,
                    location_before: None,
                    function_id: MatchId::default(),
                    match_id: MatchId::default(),
                    function,
                    file,
                    library,
                    is_comprehension,
                    is_runner,
                });
            }
            if side == Side::Before {
                self.rows[number.index()].location_before.get_or_insert(shown);
            }
            numbers.push(number);
        }
        numbers
    }

    fn number_matches(&mut self) {
        let mut functions: FxHashMap<(StringId, StringId, Option<StringId>), MatchId> = FxHashMap::default();
        for (row, it) in (0..).map(MatchId).zip(&mut self.rows).skip(1) {
            it.function_id = *functions.entry((it.function, it.file, it.library)).or_insert(row);
            it.match_id = if self.by_line { row } else { it.function_id };
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

    /// As one side has it, if it does.
    pub(crate) fn location_of(&self, side: Side, location: LocationId) -> Location {
        let row = self.row(location);
        row.location_before.filter(|_| side == Side::Before).unwrap_or(row.location)
    }

    /// The names of a location's function and its file, which are the same at all of its lines.
    pub(crate) fn shown_function(&self, location: LocationId) -> (StringId, StringId) {
        let first = self.row(self.row(location).function_id.representative());
        (first.location.function, first.location.file)
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

    /// What all files of a module have in common.
    pub(crate) fn module(&self, location: LocationId) -> StringId {
        let row = self.row(location);
        row.library.or_else(|| Some(self.files.get(&row.file)?.module)).unwrap_or_default()
    }

    /// A file and its module as they are shown, even where the location itself is the first capture's only.
    pub(crate) fn shown_file(&self, location: LocationId) -> (StringId, StringId) {
        let row = self.row(location);
        let file = self.files.get(&row.file).filter(|_| row.library.is_none());
        file.map_or((row.location.file, row.location.module), |file| (file.shown, file.shown_module))
    }

    /// Whether a frame is a comprehension that `caller` runs: since CPython 3.12 it would be no frame of its own.
    pub(crate) fn is_part_of(&self, comprehension: LocationId, caller: LocationId) -> bool {
        let (row, caller) = (self.row(comprehension), self.row(caller));
        row.is_comprehension && caller.location.kind == FrameKind::Python && row.file == caller.file
    }

    /// Whether a frame at a stack's beginning is left out, as the other side has none such: its recorder ran the program in
    /// another way.
    pub(crate) fn is_left_out(&self, location: LocationId) -> bool {
        self.leaves_out_runners && self.row(location).is_runner
    }

    /// The function of `location` at another line: itself where lines do not count, or where neither capture has that line.
    pub(crate) fn at_line(&self, location: LocationId, line: u32) -> LocationId {
        let row = self.row(location);
        let found = self.numbers.get(&(row.function, row.file, line, row.library));
        found.copied().unwrap_or(location)
    }
}

/// The files of Python code.
fn python(files: &SideFiles) -> impl DoubleEndedIterator<Item = &SideFile> {
    files.iter().filter(|((_, kind), _)| *kind == FrameKind::Python).map(|(_, file)| file)
}

/// Whether memray ran the program, and stands in its stacks.
fn runs_in_memray(index: &Index) -> bool {
    let mut files =
        locations(index).filter(|location| location.kind == FrameKind::Python).map(|location| location.file);
    files.any(|file| index.bytes(file).ends_with(b"/memray/commands/run.py"))
}

/// Whether a file, by its canonical name, is of what runs programs.
fn is_runner(canonical_file: &[u8]) -> bool {
    canonical_file == b"python:runpy" || canonical_file.starts_with(b"site:memray/")
}

/// Whether functions have qualified names, as since CPython 3.11.
fn has_qualified_names(index: &Index) -> bool {
    let mut python = locations(index).filter(|location| location.kind == FrameKind::Python);
    python.any(|location| index.bytes(location.function).contains(&b'.'))
}
