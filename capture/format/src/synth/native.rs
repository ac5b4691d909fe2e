// SPDX-License-Identifier: Apache-2.0
//! Native stacks and the libraries they run through.

use super::output::Output;
use super::random::Random;
use crate::record::{Library, NativeFrame, Record, Segment};

const STACKS: u32 = 2000;
const LIBRARIES: [(&str, u64); 3] = [
    ("/usr/bin/python3.13", 0x5555_5555_0000),
    ("/usr/lib/x86_64-linux-gnu/libc.so.6", 0x7f10_0000_0000),
    ("/srv/venv/lib/python3.13/site-packages/numpy/_core/_multiarray.so", 0x7f20_0000_0000),
];
const SEGMENT_BYTES: u64 = 0x10_0000;

/// A tree of native frames, each defined in the capture when it first occurs.
pub(super) struct NativeStacks {
    parents: Vec<u32>,
    instruction_pointers: Vec<u64>,
    /// 0 where not yet defined.
    ids: Vec<u64>,
    defined: u64,
    path: Vec<u32>,
}

impl NativeStacks {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut stacks =
            Self { parents: vec![0], instruction_pointers: vec![0], ids: vec![0], defined: 0, path: Vec::new() };
        for node in 1..=STACKS {
            let branches = random.chance(1, 6);
            let parent = if branches { random.below(u64::from(node)) as u32 } else { node - 1 };
            let (_, base) = random.pick(&LIBRARIES);
            stacks.parents.push(parent);
            stacks.instruction_pointers.push(base + random.below(SEGMENT_BYTES));
            stacks.ids.push(0);
        }
        stacks
    }

    /// The id of any stack's innermost frame.
    pub(super) fn any(&mut self, random: &mut Random, out: &mut Output<'_>) -> u64 {
        let leaf = 1 + random.below(u64::from(STACKS)) as u32;
        let mut node = leaf;
        self.path.clear();
        while node != 0 && self.ids[node as usize] == 0 {
            self.path.push(node);
            node = self.parents[node as usize];
        }
        for &node in self.path.iter().rev() {
            self.defined += 1;
            self.ids[node as usize] = self.defined;
            let parent = self.ids[self.parents[node as usize] as usize];
            let instruction_pointer = self.instruction_pointers[node as usize];
            out.emit(Record::NativeFrame(NativeFrame { instruction_pointer, parent }));
        }
        self.ids[leaf as usize]
    }
}

/// A new list of what is mapped, as after each `dlopen`.
pub(super) fn emit_mappings(out: &mut Output<'_>) {
    out.emit(Record::MappingsStart);
    for (path, address) in LIBRARIES {
        out.emit(Record::Library(Library { path: path.as_bytes(), segment_count: 2, address }));
        for virtual_address in [0, SEGMENT_BYTES / 2] {
            out.emit(Record::Segment(Segment { virtual_address, size_bytes: SEGMENT_BYTES / 2 }));
        }
    }
}
