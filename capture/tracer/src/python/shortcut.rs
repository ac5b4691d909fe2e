// SPDX-License-Identifier: Apache-2.0
//! The shortcut of the walk: [`Wires`], strung in frames deep in the stack, of which an intact one proves that nothing below
//! it has moved.
//!
//! A wire is a value that we write into a frame, where the interpreter writes another before the frame's caller can go on
//! ([`birth`], up to 3.10), or the frame itself ([`operand`], since 3.11). While it is there, and the frame is of the same
//! code, at the same instruction, this activation is the one that the wire was strung in, and all below it has waited since;
//! so the walk may end here.
//!
//! *Nobody frees a frame meanwhile:* wires are strung with the GIL held, by the thread whose frames they are, and read in
//! frames that the chain was just seen to lead to.
//!
//! That wires lie where they are thought to, the self-test proves at each start; that all that is said of them is true of a
//! version, tests that hold each stack against a full walk (`tests/walk`). Only versions that pass them have the layout that
//! this needs ([`WireLayout`]).

pub(super) mod birth;
pub(super) mod operand;

use super::layout::{FrameLayout, WireLayout};

/// Those of one stack, outermost first.
#[derive(Default)]
pub(super) struct Wires(Vec<Wire>);

struct Wire {
    /// Which link of the stack's chain it is strung in.
    level: usize,
    /// Where it lies.
    address: usize,
    /// What lies there.
    value: usize,
}

/// How many frames at the top have no wire: they come and go.
const ABOVE: usize = 6;

/// From one wire to the next, or more where frames have no place for it.
const SPACING: usize = 20;

/// Wires are strung when so many frames were compared.
pub(super) const MANY: usize = ABOVE + SPACING;

impl Wires {
    /// Which link the innermost one is strung in, of those below `end`; 0 if none is. Forgets the others: their frames are
    /// gone, or may be.
    #[inline]
    pub(super) fn innermost_below(&mut self, end: usize) -> usize {
        self.forget_from(end);
        self.0.last().map_or(0, |wire| wire.level)
    }

    /// Whether the innermost one is intact.
    ///
    /// # Safety
    /// Its link's frame is in the calling thread's chain, and of the same code as when it was strung.
    #[inline]
    pub(super) unsafe fn is_intact(&self, frame: usize, layout: &WireLayout) -> bool {
        self.0.last().is_some_and(|wire| match layout {
            // SAFETY: as the caller promises.
            WireLayout::Operand(layout) => unsafe { operand::is_intact(frame, wire.address, wire.value, layout) },
            // SAFETY: as the caller promises.
            WireLayout::Birth(_) => unsafe { birth::is_intact(wire.address) },
        })
    }

    /// Whether there are none.
    #[cfg(feature = "walk-check")]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets those of this link and above.
    pub(super) fn forget_from(&mut self, level: usize) {
        while self.0.pop_if(|wire| wire.level >= level).is_some() {}
    }

    /// Strings wires between the innermost one and the top of a chain of so many links. `frames` gives the frame of a link
    /// that is written, and the frame that it calls. Whether there was a place for any.
    ///
    /// # Safety
    /// The links are the calling thread's chain, and the thread has the GIL.
    pub(super) unsafe fn string(
        &mut self,
        links: usize,
        frames: impl Fn(usize) -> Option<[usize; 2]>,
        frame_layout: &FrameLayout,
        layout: &WireLayout,
    ) -> bool {
        let first = self.0.len();
        let last_level = self.0.last().map_or(0, |wire| wire.level);
        let mut wanted = links.saturating_sub(1 + ABOVE);
        for level in (last_level + 1..links.saturating_sub(ABOVE)).rev() {
            if level > wanted {
                continue;
            }
            let Some([frame, callee]) = frames(level) else { continue };
            let strung = match layout {
                // SAFETY: as the caller promises.
                WireLayout::Operand(layout) => unsafe { operand::string(frame, callee, frame_layout, layout) },
                // SAFETY: as the caller promises.
                WireLayout::Birth(layout) => unsafe { birth::string(frame, layout) },
            };
            let Some((address, value)) = strung else { continue };
            self.0.push(Wire { level, address, value });
            wanted = level.saturating_sub(SPACING);
        }
        self.0[first..].reverse();
        self.0.len() > first
    }
}
