// SPDX-License-Identifier: Apache-2.0
//! Native frames of a capture without symbols: which library each belongs to.
//!
//! memray records addresses and where libraries were mapped, no names. Below the last Python frame a stack shows one
//! frame a library, from the mappings alone. Which native frames lie below the last Python frame cannot be told without
//! the interpreter's symbols; those that are not yet inside the interpreter certainly do.

use crate::ids::{LocationId, StringId};
use crate::location::FrameKind;
use crate::location_table::LocationTable;
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

/// Native frames and the segments of each generation.
#[derive(Default)]
pub(crate) struct NativeFrames {
    frames: Vec<NativeFrame>,
    generations: Vec<Vec<MappedSegment>>,
    is_sorted: bool,
    library: Option<(StringId, u64)>,
}

impl NativeFrames {
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
        self.is_sorted = false;
    }

    fn sort_last(&mut self) {
        if let Some(last) = self.generations.last_mut()
            && !self.is_sorted
        {
            last.sort_by_key(|segment| segment.start);
            self.is_sorted = true;
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

    /// All segments, by generation less 1, sorted by address.
    pub(crate) fn generations(&mut self) -> &[Vec<MappedSegment>] {
        self.sort_last();
        &self.generations
    }

    /// The libraries between the last Python frame and an allocation, the outermost first.
    pub(crate) fn libraries(
        &mut self,
        frame: u64,
        generation: u32,
        names: &mut Names,
        locations: &mut LocationTable,
    ) -> Vec<LocationId> {
        self.sort_last();
        let mut paths: Vec<StringId> = Vec::new();
        let mut at = frame;
        for _ in 0..MAX_DEPTH {
            let Some(found) = usize::try_from(at).ok().and_then(|id| self.frames.get(id.checked_sub(1)?)) else {
                break;
            };
            // The address returned to; the call lies before it.
            if let Some(segment) = self.segment_at(found.instruction_pointer.wrapping_sub(1), generation) {
                if is_interpreter(names.get(segment.path)) {
                    break;
                }
                if paths.last() != Some(&segment.path) {
                    paths.push(segment.path);
                }
            }
            if found.parent >= at {
                break; // parents come first; anything else would go round in circles
            }
            at = found.parent;
        }
        paths
            .into_iter()
            .rev()
            .map(|path| {
                let full = names.get(path);
                let name = full.rsplit(|&b| b == b'/').next().unwrap_or(full).to_vec();
                let function = names.intern(&name);
                locations.intern(names, function, path, 0, FrameKind::Library)
            })
            .collect()
    }

    fn segment_at(&self, address: u64, generation: u32) -> Option<&MappedSegment> {
        let segments = self.generations.get((generation as usize).checked_sub(1)?)?;
        let after = segments.partition_point(|segment| segment.start <= address);
        segments[..after].last().filter(|segment| address < segment.end)
    }
}

/// Whether a file is the interpreter: `python3.11`, `libpython3.11.so.1.0`.
fn is_interpreter(path: &[u8]) -> bool {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let name = name.strip_prefix(b"lib").unwrap_or(name);
    name.strip_prefix(b"python").is_some_and(|rest| rest.first().is_none_or(|b| b.is_ascii_digit() || *b == b'.'))
}
