// SPDX-License-Identifier: Apache-2.0
//! Native stacks, as far as the model knows them: which library called the allocator. [`NativeStacks`] leads.

use memray_format::{NativeFrame, Record};
use std::ops::Range;

/// All native frames, and what was mapped where each time that mappings were listed.
#[derive(Debug, Default)]
pub(super) struct NativeStacks {
    frames: Vec<NativeFrame>,
    mapped: Vec<Vec<(Range<u64>, Vec<u8>)>>,
    /// The library whose segments are being listed, and where it was loaded.
    library: (Vec<u8>, u64),
}

impl NativeStacks {
    pub(super) fn record(&mut self, record: &Record<'_>) {
        match record {
            Record::NativeFrame(frame) => self.frames.push(*frame),
            Record::MappingsStart => self.mapped.push(Vec::new()),
            Record::Library(library) => self.library = (library.path.to_vec(), library.address),
            Record::Segment(segment) => {
                let start = self.library.1 + segment.virtual_address;
                let segment = (start..start + segment.size_bytes, self.library.0.clone());
                self.mapped.last_mut().unwrap().push(segment);
            }
            _ => {}
        }
    }

    /// The list of mappings in force, from 1; 0 before the first.
    pub(super) fn generation(&self) -> u64 {
        self.mapped.len() as u64
    }

    /// The library of the innermost frame that lies in one. A frame says where its call returns to: just behind it.
    pub(super) fn library(&self, innermost: u64, generation: u64) -> Option<Vec<u8>> {
        let mapped = self.mapped.get(generation.checked_sub(1)? as usize)?;
        let mut at = innermost;
        while at != 0 {
            let frame = &self.frames[at as usize - 1];
            let is_there = |(range, _): &&(Range<u64>, Vec<u8>)| range.contains(&(frame.instruction_pointer - 1));
            if let Some((_, library)) = mapped.iter().find(is_there) {
                return Some(library.clone());
            }
            at = frame.parent;
        }
        None
    }
}
