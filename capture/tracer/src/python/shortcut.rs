// SPDX-License-Identifier: Apache-2.0
//! The shortcut of the walk: [`Wires`], strung across callers deep in the stack, of which an intact one proves that
//! nothing below it has moved.
//!
//! A frame that called another has a place for the value that it waits for: the first free slot of its operand stack,
//! `localsplus[stacktop]`. A wire is a number written there that no program and no other wire has. While it is there,
//! and the frame is of the same code, at the same instruction, with as many operands, this activation has not run since
//! the wire was strung; so neither has any below it, and the walk may end here.
//!
//! Why this is sound, of frames and calls as `operands_of_caller` chooses them:
//!
//! - *A frame that returns into its caller* stores the value in exactly this slot: the call took its operands away and
//!   `stacktop` was stored without them, so the value goes where the first of them was. That is true of all that the
//!   evaluation loop calls without leaving it: functions, `__getitem__`, properties, `__init__`, also of those that make a
//!   generator and return it. It is not true of generators that are resumed, which the caller keeps on its stack, and
//!   which may end without a value: frames of generators are neither caller nor callee of a wire.
//! - *An exception that passes through* leaves the slot as it is. But the caller then goes on elsewhere; to be found at
//!   this call again, it must make this call again, with the operands from this slot on, each stored anew: handlers begin
//!   with no more operands than `stacktop`. The same holds for another activation of the code at the same address, and for
//!   one of which the wire is left over from a capture before this one.
//! - *So the caller must have run an instruction that makes operands.* The frame that stands between a class's caller and
//!   its `__init__` since 3.12 has not: its operand is put there when it is made, and after an exception the next such
//!   frame is found with the wire of the last. It is incomplete, and no wire is strung in frames that Python does not see.
//! - *Operands are in memory* between any two instructions. That holds for the machine code that 3.13 can be built to make
//!   of them, too: there each small operation takes its operands from memory and leaves its results there.
//! - *Nobody reads the slot.* What visits, copies or clears a frame ends at `stacktop`: the collector, a frame that
//!   outlives its call, a generator that is made of one, `frame.clear()`. Python code sees locals, which come before.
//!   Whoever gives a debugger's `f_lineno` to another frame than the innermost, which Python's documentation forbids, may
//!   make the walk miss a line until that frame runs.
//! - *Nobody frees it meanwhile.* Wires are strung with the GIL held, by the thread whose frames they are, and read in
//!   frames that the chain was just seen to lead to.
//!
//! That the slot is where it is thought to be, the self-test proves at each start; that all this is true of a version,
//! tests that hold each stack against a full walk (`tests/walk.py`). Only versions that pass them have the layout that
//! this needs ([`OperandLayout`]).

use super::layout::{FrameLayout, OperandLayout};
use super::memory;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Those of one stack, outermost first.
#[derive(Default)]
pub(super) struct Wires(Vec<Wire>);

struct Wire {
    /// Which link of the stack's chain it is strung in.
    level: usize,
    /// How many operands its frame has.
    operands: i32,
    /// What stands in the first free slot.
    number: usize,
}

/// How many frames at the top have no wire: they come and go.
const ABOVE: usize = 6;

/// From one wire to the next, or more where frames have no place for it.
const SPACING: usize = 20;

/// Wires are strung when so many frames were compared.
pub(super) const MANY: usize = ABOVE + SPACING;

/// What wires are numbered from. No address has these upper bits set, and none of an object is odd; 3.14's marks on
/// references take such a word for one that need not be released.
const FIRST_NUMBER: usize = 0xa5c1_0000_0000_0001;

static NEXT_NUMBER: AtomicUsize = AtomicUsize::new(FIRST_NUMBER);

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
    /// Its link's frame is in the calling thread's chain.
    #[inline]
    pub(super) unsafe fn is_intact(&self, frame: usize, layout: &OperandLayout) -> bool {
        self.0.last().is_some_and(|wire| {
            // SAFETY: the frame has the member, and this slot, as it had when the wire was strung: it has the same code.
            unsafe {
                memory::read::<i32>(frame + layout.count) == wire.operands
                    && memory::read::<usize>(slot(frame, wire.operands, layout)) == wire.number
            }
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
        layout: &OperandLayout,
    ) -> bool {
        let first = self.0.len();
        let last_level = self.0.last().map_or(0, |wire| wire.level);
        let mut wanted = links.saturating_sub(1 + ABOVE);
        for level in (last_level + 1..links.saturating_sub(ABOVE)).rev() {
            if level > wanted {
                continue;
            }
            let Some([frame, callee]) = frames(level) else { continue };
            // SAFETY: as the caller promises.
            let Some(operands) = (unsafe { operands_of_caller(frame, callee, frame_layout, layout) }) else { continue };
            let number = NEXT_NUMBER.fetch_add(2, Ordering::Relaxed);
            // SAFETY: the slot is the frame's own, as it is that of an operand that the call took away; it holds nothing
            // until the call returns, and only this thread reaches it.
            unsafe { memory::write(slot(frame, operands, layout), number) };
            self.0.push(Wire { level, operands, number });
            wanted = level.saturating_sub(SPACING);
        }
        self.0[first..].reverse();
        self.0.len() > first
    }
}

/// The first free slot of a frame.
#[inline(always)]
fn slot(frame: usize, operands: i32, layout: &OperandLayout) -> usize {
    // Not less than 0, as is seen to when a wire is strung.
    frame.wrapping_add(layout.slots).wrapping_add(operands as usize * size_of::<usize>())
}

/// How many operands a frame has, its locals among them, if it waits for a frame that it called within the evaluation loop
/// and that will store its value behind them.
///
/// # Safety
/// Both are frames of the calling thread's chain, and the second links to the first.
pub(super) unsafe fn operands_of_caller(
    frame: usize,
    callee: usize,
    frame_layout: &FrameLayout,
    layout: &OperandLayout,
) -> Option<i32> {
    let owner = frame_layout.owner?;
    // SAFETY: frames have these members.
    let (owners, is_entry, operands) = unsafe {
        (
            [frame, callee].map(|frame| memory::read::<u8>(frame + owner)),
            frame_layout.is_entry.is_some_and(|is_entry| memory::read::<u8>(callee + is_entry) != 0),
            memory::read::<i32>(frame + layout.count),
        )
    };
    // A frame that runs, or waits for C code, has less than none.
    (owners == [OWNED_BY_THREAD; 2] && !is_entry && operands >= 0).then_some(operands)
}

/// The `owner` of frames of functions (`enum _frameowner`).
const OWNED_BY_THREAD: u8 = 0;
