// SPDX-License-Identifier: Apache-2.0
//! Native frames as recorded: return addresses, and which library was mapped where at the time.

use crate::ids::StringId;
use crate::names::Names;
use memray_format::{Library, NativeFrame, Segment};

/// Frames looked at in one native stack.
const MAX_DEPTH: usize = 4096;

/// A mapped segment of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MappedSegment {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) path: StringId,
    /// The load bias: address in memory less address in the file.
    pub(crate) bias: u64,
}

/// A place in a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) library: StringId,
    /// The address as in the library's file.
    pub(crate) address: u64,
}

/// Native frames and the segments of each generation.
#[derive(Default)]
pub(crate) struct NativeFrames {
    frames: Vec<NativeFrame>,
    generations: Vec<Vec<MappedSegment>>,
    library: Option<(StringId, u64)>,
}

impl NativeFrames {
    /// Those of an index.
    pub(crate) fn from_rows(frames: Vec<NativeFrame>, mut generations: Vec<Vec<MappedSegment>>) -> Self {
        generations.iter_mut().for_each(|segments| segments.sort_by_key(|segment| segment.start));
        Self { frames, generations, library: None }
    }

    /// Defines the next frame.
    pub(crate) fn push(&mut self, frame: NativeFrame) {
        self.frames.push(frame);
    }

    /// Begins a new generation of segments.
    pub(crate) fn start_generation(&mut self) {
        self.sort_last();
        self.generations.push(Vec::new());
        self.library = None;
    }

    /// The library whose segments follow.
    pub(crate) fn library(&mut self, library: &Library<'_>, names: &mut Names) {
        self.library = Some((names.intern(library.path), library.address));
    }

    /// A segment of it.
    pub(crate) fn segment(&mut self, segment: Segment) {
        let (Some((path, bias)), Some(generation)) = (self.library, self.generations.last_mut()) else { return };
        let start = bias.wrapping_add(segment.virtual_address);
        let end = start.saturating_add(segment.size_bytes);
        generation.push(MappedSegment { start, end, path, bias });
    }

    /// Puts the last generation in order, after which addresses are found in it.
    pub(crate) fn sort_last(&mut self) {
        if let Some(last) = self.generations.last_mut() {
            last.sort_by_key(|segment| segment.start);
        }
    }

    /// The generation in force, from 1; 0 before the first.
    pub(crate) fn generation(&self) -> u32 {
        self.generations.len() as u32
    }

    /// All frames, by id less 1.
    pub(crate) fn frames(&self) -> &[NativeFrame] {
        &self.frames
    }

    /// All segments, by generation less 1.
    pub(crate) fn generations(&self) -> &[Vec<MappedSegment>] {
        &self.generations
    }

    /// The frames of a stack, the innermost first: their ids and return addresses.
    pub(crate) fn walk(&self, innermost: u32) -> impl Iterator<Item = (u32, u64)> + '_ {
        let mut at = innermost;
        std::iter::from_fn(move || {
            let id = at;
            let frame = self.frames.get((id as usize).checked_sub(1)?)?;
            // Parents come first; anything else would go round in circles.
            at = u32::try_from(frame.parent).ok().filter(|&parent| parent < id).unwrap_or(0);
            Some((id, frame.instruction_pointer))
        })
        .take(MAX_DEPTH)
    }

    /// Where the call was made that returns to an address: just before it. `None` where no library was mapped.
    pub(crate) fn place_of_call(&self, return_address: u64, generation: u32) -> Option<Place> {
        let address = return_address.wrapping_sub(1);
        let segments = self.generations.get((generation as usize).checked_sub(1)?)?;
        let after = segments.partition_point(|segment| segment.start <= address);
        let segment = segments[..after].last().filter(|segment| address < segment.end)?;
        Some(Place { library: segment.path, address: address.wrapping_sub(segment.bias) })
    }
}

/// Whether a file is the interpreter: `python3.11`, `libpython3.11.so.1.0`, and `Python` in the frameworks of macOS.
pub(crate) fn is_interpreter(path: &[u8]) -> bool {
    let name = file_name(path);
    let stem = name.strip_prefix(b"lib").unwrap_or(name);
    let is_version = |rest: &[u8]| rest.first().is_none_or(|b| b.is_ascii_digit() || *b == b'.');
    name == b"Python" || stem.strip_prefix(b"python").is_some_and(is_version)
}

/// A path without its folders.
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or(path)
}
