// SPDX-License-Identifier: Apache-2.0
//! Puts the native stacks of a capture where they belong in its call tree.
//!
//! While a native capture is read its sites only know their Python stacks, whose nodes tell entry frames from others
//! ([`mark`]). When all is read, [`place`] names the native frames and makes the call tree anew: with hybrid stacks
//! where Python's and the native ones pair, and otherwise with what lies below the interpreter, one frame a library that
//! has no symbols.

use super::frames::{NativeFrames, Place, file_name, is_interpreter};
use super::hybrid::{NativeStep, PythonStep, interleave, is_eval};
use super::recorded_symbols::RecordedSymbols;
use super::symbols::{self, Extent, Symbol};
use crate::build::tree_builder::TreeBuilder;
use crate::call_tree::CallTree;
use crate::error::Error;
use crate::ids::{LocationId, NodeId, StringId, ThreadIndex};
use crate::location::FrameKind;
use crate::location_table::LocationTable;
use crate::names::Names;
use crate::progress::Progress;
use crate::site::Site;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Set in a marked location whose frame is no entry frame.
const CONTINUES: u32 = 1 << 31;

/// What a node of a native capture's Python stacks shows: a location, and whether the interpreter was entered anew for it,
/// as one number, so that stacks which differ in that only are told apart.
pub(crate) fn mark(location: LocationId, is_entry: bool) -> LocationId {
    LocationId(if is_entry { location.0 } else { location.0 | CONTINUES })
}

fn read_mark(marked: LocationId) -> PythonStep {
    PythonStep { location: LocationId(marked.0 & !CONTINUES), is_entry: marked.0 & CONTINUES == 0 }
}

/// What is known of a capture's stacks.
pub(crate) struct Stacks<'a> {
    /// Python stacks, whose locations are marked.
    pub(crate) python: &'a CallTree,
    pub(crate) native: &'a NativeFrames,
    pub(crate) names: &'a mut Names,
    pub(crate) locations: &'a mut LocationTable,
    /// The thread that started tracking, and how many of its frames are above the tracker.
    pub(crate) above_tracker: Option<(ThreadIndex, usize)>,
}

/// The functions at each place of a native stack that has any, the innermost first.
pub(crate) type NativeNames = BTreeMap<Place, Vec<LocationId>>;

/// What was found of names.
#[derive(Default)]
pub(crate) struct FoundNames {
    pub(crate) names: NativeNames,
    /// Whether each library that gave some is the one that was traced, by its build id.
    pub(crate) are_verified: bool,
}

/// Looks up the names of all native frames that `sites` use, in the libraries on this machine; of those that are not here, in
/// what the capture brings.
pub(crate) fn look_up_names(
    stacks: &mut Stacks<'_>,
    sites: &[Site],
    recorded: &RecordedSymbols<'_>,
    progress: &Progress,
) -> Result<FoundNames, Error> {
    let places = places_of(stacks.native, sites);
    let extents = extents_of(stacks.native);
    let nothing = BTreeSet::new();
    let libraries: Vec<(StringId, PathBuf, Vec<u64>)> = places
        .into_iter()
        .filter_map(|(library, addresses)| {
            Some((library, path_of(stacks.names.get(library))?, addresses.into_iter().collect()))
        })
        .collect();
    let found: Vec<Option<(Vec<Vec<Symbol>>, bool)>> = libraries
        .par_iter()
        .map(|(library, path, addresses)| {
            let extents = extents.get(library).unwrap_or(&nothing);
            if progress.is_cancelled() {
                return None;
            }
            let recorded = recorded.library(path.as_os_str().as_encoded_bytes(), extents);
            let build_id = recorded.as_ref().and_then(|library| library.build_id());
            let here = symbols::look_up(path, extents, build_id, addresses);
            let symbols = here.or_else(|| Some(recorded.as_ref()?.look_up(addresses)))?;
            Some((symbols, build_id.is_some()))
        })
        .collect();
    if progress.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let mut names = NativeNames::new();
    let mut are_verified = true;
    for ((library, _, addresses), found) in libraries.into_iter().zip(found) {
        let (symbols, is_verified) = found.unwrap_or_default();
        for (address, symbols) in addresses.into_iter().zip(symbols) {
            let locations: Vec<LocationId> = symbols.iter().map(|symbol| stacks.location_of(library, symbol)).collect();
            if !locations.is_empty() {
                are_verified &= is_verified;
                names.insert(Place { library, address }, locations);
            }
        }
    }
    Ok(FoundNames { names, are_verified })
}

/// The call tree with native frames; every site's node becomes its node in it.
pub(crate) fn place(stacks: &mut Stacks<'_>, names: &NativeNames, sites: &mut [Site]) -> CallTree {
    let mut steps = Steps::new(names);
    let mut tree = TreeBuilder::default();
    let (mut python, mut native): (Vec<PythonStep>, Vec<NativeStep>) = (Vec::new(), Vec::new());
    for site in sites {
        python.clear();
        python.extend(stacks.python.frames(site.node).map(read_mark));
        python.reverse();
        let skipped = stacks.above_tracker.map_or(0, |(thread, frames)| if thread == site.thread { frames } else { 0 });
        native.clear();
        let mut is_named = false;
        for step in site.native.iter().flat_map(|native| stacks.native.walk(native.frame)) {
            let generation = site.native.map_or(0, |native| native.generation);
            let found = steps.at(step, generation, stacks);
            is_named |= found.is_named;
            native.extend(found.steps.iter());
        }
        native.reverse();
        let hybrid = if is_named { interleave(&native, &python, skipped) } else { None };
        let stack = hybrid.unwrap_or_else(|| {
            let below = site.native.map_or_else(Vec::new, |native| steps.below_interpreter(native, stacks));
            python.iter().skip(skipped).map(|step| step.location).chain(below).collect()
        });
        site.node = insert(&mut tree, &stack, stacks.locations);
    }
    tree.finish()
}

/// Adds a stack. A library that has no symbols is one frame, however many of its functions call one another.
fn insert(tree: &mut TreeBuilder, stack: &[LocationId], locations: &LocationTable) -> NodeId {
    let (mut node, mut last) = (NodeId::ROOT, LocationId::NONE);
    for &location in stack {
        if (location == last && locations.kind(location) == FrameKind::Library) || tree.len() >= u32::MAX as usize / 2 {
            continue;
        }
        node = tree.child(node, location);
        last = location;
    }
    node
}

impl Stacks<'_> {
    fn location_of(&mut self, library: StringId, symbol: &Symbol) -> LocationId {
        let function = self.names.intern(symbol.function.as_bytes());
        let file = symbol.file.as_ref().map_or(library, |file| self.names.intern(file.as_bytes()));
        self.locations.intern_native(self.names, function, file, symbol.line, library)
    }

    fn library(&mut self, library: StringId) -> LocationId {
        let name = file_name(self.names.get(library)).to_vec();
        let function = self.names.intern(&name);
        self.locations.intern(self.names, function, library, 0, FrameKind::Library)
    }
}

/// What a native frame shows: its functions, the innermost first; else its library; nothing where none was mapped.
struct Step {
    steps: Vec<NativeStep>,
    is_named: bool,
    is_interpreter: bool,
}

/// What native frames show, by frame and generation, and by place.
struct Steps<'a> {
    names: &'a NativeNames,
    by_frame: FxHashMap<(u32, u32), usize>,
    by_place: FxHashMap<Option<Place>, usize>,
    rows: Vec<Step>,
}

impl<'a> Steps<'a> {
    fn new(names: &'a NativeNames) -> Self {
        Self { names, by_frame: FxHashMap::default(), by_place: FxHashMap::default(), rows: Vec::new() }
    }

    fn at(&mut self, (frame, return_address): (u32, u64), generation: u32, stacks: &mut Stacks<'_>) -> &Step {
        let row = match self.by_frame.get(&(frame, generation)) {
            Some(&row) => row,
            None => {
                let row = self.row(stacks.native.place_of_call(return_address, generation), stacks);
                self.by_frame.insert((frame, generation), row);
                row
            }
        };
        &self.rows[row]
    }

    fn row(&mut self, place: Option<Place>, stacks: &mut Stacks<'_>) -> usize {
        // Of a library without symbols all places are alike.
        let key = place
            .map(|place| if self.names.contains_key(&place) { place } else { Place { address: u64::MAX, ..place } });
        if let Some(&row) = self.by_place.get(&key) {
            return row;
        }
        let named = place.and_then(|place| self.names.get(&place));
        let steps = match (place, named) {
            (Some(_), Some(locations)) => locations
                .iter()
                .map(|&location| {
                    let function = stacks.names.get(stacks.locations.function(location));
                    NativeStep { location, is_eval: is_eval(&String::from_utf8_lossy(function)) }
                })
                .collect(),
            (Some(place), None) => vec![NativeStep { location: stacks.library(place.library), is_eval: false }],
            (None, _) => Vec::new(),
        };
        let is_interpreter = place.is_some_and(|place| is_interpreter(stacks.names.get(place.library)));
        self.rows.push(Step { steps, is_named: named.is_some(), is_interpreter });
        self.by_place.insert(key, self.rows.len() - 1);
        self.rows.len() - 1
    }

    /// What certainly lies below the last Python frame, the outermost first: all that is not yet in the interpreter.
    fn below_interpreter(&mut self, native: crate::site::NativeStack, stacks: &mut Stacks<'_>) -> Vec<LocationId> {
        let frames: Vec<(u32, u64)> = stacks.native.walk(native.frame).collect();
        let mut below = Vec::new();
        for frame in frames {
            let step = self.at(frame, native.generation, stacks);
            if step.is_interpreter {
                break;
            }
            below.extend(step.steps.iter().map(|step| step.location));
        }
        below.reverse();
        below
    }
}

/// The places that sites' native stacks go through, by library.
fn places_of(native: &NativeFrames, sites: &[Site]) -> BTreeMap<StringId, BTreeSet<u64>> {
    let mut seen: FxHashSet<(u32, u32)> = FxHashSet::default();
    let mut places: BTreeMap<StringId, BTreeSet<u64>> = BTreeMap::new();
    for stack in sites.iter().filter_map(|site| site.native) {
        for (frame, return_address) in native.walk(stack.frame) {
            if !seen.insert((frame, stack.generation)) {
                break; // and so were all that called it
            }
            if let Some(place) = native.place_of_call(return_address, stack.generation) {
                places.entry(place.library).or_default().insert(place.address);
            }
        }
    }
    places
}

/// How each library was laid out.
fn extents_of(native: &NativeFrames) -> FxHashMap<StringId, BTreeSet<Extent>> {
    let mut extents: FxHashMap<StringId, BTreeSet<Extent>> = FxHashMap::default();
    for segment in native.generations().iter().flatten() {
        let extent = (segment.start.wrapping_sub(segment.bias), segment.end - segment.start);
        extents.entry(segment.path).or_default().insert(extent);
    }
    extents
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    Some(PathBuf::from(std::str::from_utf8(bytes).ok()?))
}
