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
    /// By instruction offset.
    known: FxHashMap<i64, LocationId>,
}

/// Locations of frames, by what the capture calls them.
#[derive(Default)]
pub(crate) struct CodeTable {
    codes: FxHashMap<u64, Code>,
    /// Versions 8 to 11: frames as they were defined.
    frames: FxHashMap<u64, LocationId>,
    /// Versions 8 to 11: frames that are no entry frames.
    continuing: FxHashSet<u64>,
    /// Whether a frame was met that was not defined until then.
    has_unknown: bool,
    /// How often what a frame means may have changed.
    definitions: u32,
}

impl CodeTable {
    /// Versions 12 and 13: remembers a code object. A number that is used again means the new one from then on.
    pub(crate) fn define(&mut self, code: &CodeObject<'_>, names: &mut Names) {
        let (function, file) = (names.intern(code.function), names.intern(code.file));
        let (first_line, line_table) = (code.first_line, code.line_table.into());
        let code_before =
            self.codes.insert(code.id, Code { function, file, first_line, line_table, known: FxHashMap::default() });
        self.may_mean_another(code_before.is_some());
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
        let frame_before = self.frames.insert(frame.id, location);
        self.may_mean_another(frame_before.is_some());
        if frame.is_entry {
            self.continuing.remove(&frame.id);
        } else {
            self.continuing.insert(frame.id);
        }
    }

    /// Whether the interpreter was entered anew for a frame.
    pub(crate) fn is_entry(&self, frame: &FrameKey) -> bool {
        frame.is_entry && !self.continuing.contains(&frame.code)
    }

    /// A number that changes whenever a frame may mean another location than before.
    #[inline(always)]
    pub(crate) fn definitions(&self) -> u32 {
        self.definitions
    }

    fn may_mean_another(&mut self, was_defined: bool) {
        if was_defined || self.has_unknown {
            self.definitions = self.definitions.wrapping_add(1);
        }
    }

    /// A frame's location; `<unknown>` where it was never defined.
    pub(crate) fn location(
        &mut self,
        frame: FrameKey,
        python_version: u32,
        names: &mut Names,
        locations: &mut LocationTable,
    ) -> LocationId {
        let Some(code) = self.codes.get_mut(&frame.code) else {
            return self.frames.get(&frame.code).copied().unwrap_or_else(|| {
                self.has_unknown = true;
                let unknown = names.intern(b"<unknown>");
                locations.intern(names, unknown, unknown, 0, FrameKind::Python)
            });
        };
        *code.known.entry(frame.instruction_offset).or_insert_with(|| {
            let line = line_number(python_version, code.first_line, &code.line_table, frame.instruction_offset);
            locations.intern(names, code.function, code.file, line, FrameKind::Python)
        })
    }
}
