// SPDX-License-Identifier: Apache-2.0
//! Makes and interns [`Location`]s, and decides once for each what it is to the program.

use crate::ids::{LocationId, StringId};
use crate::location::{FrameKind, Location, LocationTraits};
use crate::modules::{FileModule, Origin, classify};
use crate::names::Names;
use memray_format::ModulePaths;
use regex::bytes::Regex;
use rustc_hash::FxHashMap;

/// Interned locations, by [`LocationId`]. Row 0 is no location.
pub(crate) struct LocationTable {
    rows: Vec<Location>,
    /// By function, file, line, kind, and the library of native functions.
    ids: FxHashMap<(StringId, StringId, u32, FrameKind, StringId), LocationId>,
    modules: FxHashMap<StringId, (StringId, Origin, bool)>,
    paths: Option<ModulePaths>,
    cpython_sources: Option<Regex>,
}

impl LocationTable {
    /// A table with row 0 only.
    pub(crate) fn new(paths: Option<ModulePaths>) -> Self {
        let none = Location {
            function: StringId(0),
            file: StringId(0),
            line: 0,
            kind: FrameKind::Python,
            module: StringId(0),
            traits: LocationTraits::default(),
        };
        Self {
            rows: vec![none],
            ids: FxHashMap::default(),
            modules: FxHashMap::default(),
            paths,
            cpython_sources: Regex::new(r"(Include|Objects|Modules|Python|cpython).*\.[c|h]$").ok(),
        }
    }

    /// The id of a location, new or not. A line of 0 or less is no line.
    pub(crate) fn intern(
        &mut self,
        names: &mut Names,
        function: StringId,
        file: StringId,
        line: i64,
        kind: FrameKind,
    ) -> LocationId {
        let line = u32::try_from(line.max(0)).unwrap_or(u32::MAX);
        self.intern_in(names, (function, file, line, kind, StringId::default()))
    }

    /// The id of a native function's location, new or not. `file` is the library's path where debug information does not
    /// tell the source's.
    pub(crate) fn intern_native(
        &mut self,
        names: &mut Names,
        function: StringId,
        file: StringId,
        line: u32,
        library: StringId,
    ) -> LocationId {
        self.intern_in(names, (function, file, line, FrameKind::Native, library))
    }

    fn intern_in(&mut self, names: &mut Names, key: (StringId, StringId, u32, FrameKind, StringId)) -> LocationId {
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let (function, file, line, kind, library) = key;
        let id = LocationId(self.rows.len() as u32);
        let (module, origin, is_own_code) = match kind {
            FrameKind::Python => self.module_of(names, file),
            FrameKind::Native => (library_module(names, library), Origin::InstalledPackage, false),
            FrameKind::Library => (library_module(names, file), Origin::InstalledPackage, false),
        };
        let is_standard_library = origin == Origin::StandardLibrary;
        let own = LocationTraits { is_own_code, is_standard_library, ..LocationTraits::default() };
        let traits = self.traits(names.get(function), names.get(file), own);
        self.rows.push(Location { function, file, line, kind, module, traits });
        self.ids.insert(key, id);
        id
    }

    /// What kind of frame a location is.
    pub(crate) fn kind(&self, location: LocationId) -> FrameKind {
        self.rows.get(location.index()).map_or(FrameKind::Python, |row| row.kind)
    }

    /// The function of a location.
    pub(crate) fn function(&self, location: LocationId) -> StringId {
        self.rows.get(location.index()).map_or(StringId::default(), |row| row.function)
    }

    /// All locations, by id.
    pub(crate) fn into_rows(self) -> Vec<Location> {
        self.rows
    }

    /// How many there are, row 0 included.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn module_of(&mut self, names: &mut Names, file: StringId) -> (StringId, Origin, bool) {
        if let Some(&known) = self.modules.get(&file) {
            return known;
        }
        let FileModule { top_level, origin, is_own_code } = classify(names.get(file), self.paths.as_ref());
        let found = (names.intern(&top_level), origin, is_own_code);
        self.modules.insert(file, found);
        found
    }

    /// memray's definitions: `reporters/frame_tools.py`.
    fn traits(&self, function: &[u8], file: &[u8], origin: LocationTraits) -> LocationTraits {
        let is_import_function = [&b"import_name"[..], b"import_from", b"import_all_from"].contains(&function);
        let is_import_system =
            contains(file, b"frozen importlib") || (is_import_function && file.ends_with(b"ceval.c"));
        let is_runpy = file.ends_with(b"runpy.py") || file == b"<frozen runpy>";
        let is_cpython = is_cpython_symbol(function, file)
            && self.cpython_sources.as_ref().is_some_and(|sources| sources.is_match(file));
        LocationTraits {
            is_import_system,
            is_interesting: !is_runpy && !is_cpython && !is_import_system,
            is_cpython_internal: is_cpython,
            ..origin
        }
    }
}

/// A native frame's module: its library's file name.
fn library_module(names: &mut Names, file: StringId) -> StringId {
    let path = names.get(file);
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path).to_vec();
    names.intern(&name)
}

/// Whether memray takes a symbol for one of the interpreter's own, if its file is the interpreter's too.
fn is_cpython_symbol(function: &[u8], file: &[u8]) -> bool {
    const NAMES: [&[u8]; 20] = [
        b"PyObject_Call",
        b"call_function",
        b"classmethoddescr_call",
        b"cmpwrapper_call",
        b"do_call_core",
        b"fast_function",
        b"function_call",
        b"function_code_fastcall",
        b"instance_call",
        b"instancemethod_call",
        b"methoddescr_call",
        b"proxy_call",
        b"slot_tp_call",
        b"trace_call_function",
        b"type_call",
        b"weakref_call",
        b"wrap_call",
        b"wrapper_call",
        b"wrapperdescr_call",
        b"_PyEval_EvalFrameDefault",
    ];
    NAMES.contains(&function)
        || contains(function, b"PyEval_EvalFrameEx")
        || contains(function, b"_PyEval_EvalFrameDefault")
        || (function.starts_with(b"_TAIL_CALL_") && contains(function, b".llvm."))
        || function.starts_with(b"PyEval")
        || function.starts_with(b"_Py")
        || contains(&function.to_ascii_lowercase(), b"vectorcall")
        || contains(file, b"Objects/call.c")
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
