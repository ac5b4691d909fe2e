// SPDX-License-Identifier: Apache-2.0
//! Native stacks read back from an index.

use super::frames::{NativeFrames, Place};
use super::place::NativeNames;
use crate::ids::{LocationId, StringId};
use crate::site::NativeStack;

/// A frame of a native stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeFrameInfo {
    /// The path of the library that was mapped there; `None` where none was.
    pub library: Option<StringId>,
    /// Where it returns to, less the library's load bias: the address as in the library's file. The whole address where
    /// no library was mapped.
    pub offset_in_library: u64,
    /// Where it returns to, as in the program's memory.
    pub address: u64,
    /// The functions there, the innermost first, those before the last inlined into it; empty where no symbol is known.
    pub functions: Vec<LocationId>,
}

/// All native stacks of an index, and their names.
#[derive(Default)]
pub(crate) struct NativeTables {
    pub(crate) frames: NativeFrames,
    pub(crate) names: NativeNames,
}

impl NativeTables {
    /// A stack, the innermost frame first.
    pub(crate) fn stack(&self, native: NativeStack) -> Vec<NativeFrameInfo> {
        let frames = self.frames.walk(native.frame);
        frames.map(|(_, address)| self.frame(address, self.frames.place_of_call(address, native.generation))).collect()
    }

    /// The innermost frame of a stack that lies in a library.
    pub(crate) fn innermost_in_library(&self, native: NativeStack) -> Option<NativeFrameInfo> {
        let (address, place) = self.innermost(native)?;
        Some(self.frame(address, Some(place)))
    }

    fn frame(&self, address: u64, place: Option<Place>) -> NativeFrameInfo {
        NativeFrameInfo {
            library: place.map(|place| place.library),
            offset_in_library: place.map_or(address, |place| place.address.wrapping_add(1)),
            address,
            functions: place.and_then(|place| self.names.get(&place).cloned()).unwrap_or_default(),
        }
    }

    /// The innermost library of a stack.
    pub(crate) fn innermost_library(&self, native: NativeStack) -> Option<StringId> {
        self.innermost(native).map(|(_, place)| place.library)
    }

    fn innermost(&self, native: NativeStack) -> Option<(u64, Place)> {
        let mut frames = self.frames.walk(native.frame);
        frames.find_map(|(_, address)| Some((address, self.frames.place_of_call(address, native.generation)?)))
    }
}
