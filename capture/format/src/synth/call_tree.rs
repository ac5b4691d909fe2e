// SPDX-License-Identifier: Apache-2.0
//! Every stack that a plausible program will ever have, and the way from one to another.

use super::output::Output;
use super::program::{Frame, Program};
use super::random::Random;
use crate::record::Record;

/// A tree of frames; node 0 is the empty stack. Neighbours by number are mostly neighbours in the tree.
pub(super) struct CallTree {
    parents: Vec<u32>,
    depths: Vec<u32>,
    frames: Vec<Frame>,
    /// Frames to push on the way to a node, reused.
    path: Vec<u32>,
}

impl CallTree {
    /// That many stacks, none deeper than `max_depth`.
    pub(super) fn new(random: &mut Random, program: &Program, stacks: u32, max_depth: u32, is_native: bool) -> Self {
        let empty = Frame { function: 0, instruction: 0, is_entry: true };
        let mut tree = Self { parents: vec![0], depths: vec![0], frames: vec![empty], path: Vec::new() };
        for node in 1..=stacks {
            // Mostly a callee of the stack before, sometimes a branch from anywhere: long towers with wide feet.
            let mut parent = if random.chance(8, u64::from(max_depth).max(9)) {
                random.below(u64::from(node)) as u32
            } else {
                node - 1
            };
            if tree.depths[parent as usize] >= max_depth {
                parent = 0;
            }
            let mut frame = program.frame(random);
            let is_entry = random.chance(1, 3);
            frame.is_entry = is_entry || !is_native;
            tree.parents.push(parent);
            tree.depths.push(tree.depths[parent as usize] + 1);
            tree.frames.push(frame);
        }
        tree
    }

    /// Where the program goes next: mostly near.
    #[inline]
    pub(super) fn next(&self, random: &mut Random, from: u32) -> u32 {
        let nodes = self.parents.len() as u64;
        if random.chance(1, 64) {
            return random.below(nodes) as u32;
        }
        ((u64::from(from) + nodes + random.below(5) - 2.min(nodes)) % nodes) as u32
    }

    /// Pops and pushes from one stack to another.
    pub(super) fn go(&mut self, from: u32, to: u32, program: &mut Program, out: &mut Output<'_>) {
        let (mut old, mut new, mut popped) = (from, to, 0);
        self.path.clear();
        while old != new {
            if self.depths[old as usize] >= self.depths[new as usize] {
                old = self.parents[old as usize];
                popped += 1;
            } else {
                self.path.push(new);
                new = self.parents[new as usize];
            }
        }
        pop(popped, out);
        for &node in self.path.iter().rev() {
            program.push(self.frames[node as usize], out);
        }
    }
}

/// Pops frames, at most 16 a record, as the format has it.
pub(super) fn pop(mut count: u32, out: &mut Output<'_>) {
    while count > 0 {
        let popped = count.min(16);
        out.emit(Record::FramePop { count: popped });
        count -= popped;
    }
}
