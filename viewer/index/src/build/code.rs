// SPDX-License-Identifier: Apache-2.0
//! Frames of the format's two kinds, turned into locations: code objects with line tables (versions 12 and 13), and
//! ready-made definitions (8 to 11).

use crate::ids::{LocationId, StringId};
use crate::location::FrameKind;
use crate::location_table::LocationTable;
use crate::names::Names;
use memray_format::{CodeObject, FrameDefinition, FrameKey, line_number};
use rustc_hash::{FxHashMap, FxHashSet};

struct Code {
    function: StringId,
    file: StringId,
    first_line: i64,
    line_table: Box<[u8]>,
}

/// Locations of frames, by what the capture calls them.
#[derive(Default)]
pub(crate) struct CodeTable {
    codes: FxHashMap<u64, Code>,
    known: FxHashMap<(u64, i64), LocationId>,
    /// Versions 8 to 11: frames that are no entry frames.
    continuing: FxHashSet<u64>,
    /// The frame asked for last: a call is pushed again at the same instruction, mostly.
    last: Option<((u64, i64), LocationId)>,
}

impl CodeTable {
    /// Versions 12 and 13: remembers a code object. A number that is used again means the new one from then on.
    pub(crate) fn define(&mut self, code: &CodeObject<'_>, names: &mut Names) {
        let (function, file) = (names.intern(code.function), names.intern(code.file));
        let new = Code { function, file, first_line: code.first_line, line_table: code.line_table.into() };
        if self.codes.insert(code.id, new).is_some() {
            self.known.retain(|key, _| key.0 != code.id);
            self.last = None;
        }
    }

    /// Versions 8 to 11: remembers a frame.
    pub(crate) fn define_frame(
        &mut self,
        frame: &FrameDefinition<'_>,
        names: &mut Names,
        locations: &mut LocationTable,
    ) {
        let (function, file) = (names.intern(frame.function), names.intern(frame.file));
        let location = locations.intern(names, function, file, frame.line, FrameKind::Python);
        self.known.insert((frame.id, 0), location);
        if frame.is_entry {
            self.continuing.remove(&frame.id);
        } else {
            self.continuing.insert(frame.id);
        }
        self.last = None;
    }

    /// Whether the interpreter was entered anew for a frame.
    pub(crate) fn is_entry(&self, frame: &FrameKey) -> bool {
        frame.is_entry && !self.continuing.contains(&frame.code)
    }

    /// A frame's location; `<unknown>` where it was never defined.
    #[inline]
    pub(crate) fn location(
        &mut self,
        frame: FrameKey,
        python_version: u32,
        names: &mut Names,
        locations: &mut LocationTable,
    ) -> LocationId {
        let key = (frame.code, frame.instruction_offset);
        if let Some((last, location)) = self.last
            && last == key
        {
            return location;
        }
        let location = match self.known.get(&key) {
            Some(&location) => location,
            None => {
                let location = self.resolve(frame, python_version, names, locations);
                self.known.insert(key, location);
                location
            }
        };
        self.last = Some((key, location));
        location
    }

    fn resolve(
        &self,
        frame: FrameKey,
        python_version: u32,
        names: &mut Names,
        locations: &mut LocationTable,
    ) -> LocationId {
        let Some(code) = self.codes.get(&frame.code) else {
            let unknown = names.intern(b"<unknown>");
            return locations.intern(names, unknown, unknown, 0, FrameKind::Python);
        };
        let line = line_number(python_version, code.first_line, &code.line_table, frame.instruction_offset);
        locations.intern(names, code.function, code.file, line, FrameKind::Python)
    }
}
