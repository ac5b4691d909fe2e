// SPDX-License-Identifier: Apache-2.0
//! Wires since 3.11: a number across the place for the value that a caller waits for.
//!
//! That place is the first free slot of the caller's operand stack. The number is one that no program and no other wire has.
//! While it is there, and the frame is of the same code, at the same instruction, with as many operands, this activation has
//! not run since the wire was strung; so neither has any below it.
//!
//! Why this is sound, of frames and calls as [`first_free_of_caller`] chooses them:
//!
//! - *A frame that returns into its caller* stores the value in exactly this slot: the call took its operands away, and how
//!   many are left was stored without them, so the value goes where the first of them was. That is true of all that the
//!   evaluation loop calls without leaving it: functions, `__getitem__`, properties, `__init__`, also of those that make a
//!   generator and return it. It is not true of generators that are resumed, which the caller keeps on its stack, and
//!   which may end without a value: frames of generators are neither caller nor callee of a wire.
//! - *An exception that passes through* leaves the slot as it is. But the caller then goes on elsewhere; to be found at
//!   this call again, it must make this call again, with the operands from this slot on, each stored anew: handlers begin
//!   with no more operands than were left. The same holds for another activation of the code at the same address, and for
//!   one of which the wire is left over from a capture before this one.
//! - *So the caller must have run an instruction that makes operands.* The frame that stands between a class's caller and
//!   its `__init__` since 3.12 has not: its operand is put there when it is made, and after an exception the next such
//!   frame is found with the wire of the last. It is incomplete, and no wire is strung in frames that Python does not see.
//! - *Operands are in memory* between any two instructions. That holds for the machine code that 3.13 can be built to make
//!   of them, too: there each small operation takes its operands from memory and leaves its results there. Machine code
//!   of later versions keeps operands in registers; where it is switched on, no wire is strung.
//! - *Nobody reads the slot.* What visits, copies or clears a frame ends with the operands that are left: the collector, a
//!   frame that outlives its call, a generator that is made of one, `frame.clear()`. Python code sees locals, which come
//!   before. Whoever gives a debugger's `f_lineno` to another frame than the innermost, which Python's documentation
//!   forbids, may make the walk miss a line until that frame runs.

use crate::python::layout::{FrameLayout, OperandLayout};
use crate::python::memory;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What wires are numbered from. No address has these upper bits set, and none of an object is odd; 3.14's marks on
/// references take such a word for one that need not be released.
const FIRST_NUMBER: usize = 0xa5c1_0000_0000_0001;

static NEXT_NUMBER: AtomicUsize = AtomicUsize::new(FIRST_NUMBER);

/// The `owner` of frames of functions (`enum _frameowner`).
const OWNED_BY_THREAD: u8 = 0;

/// No frame has more slots than that.
const MOST_SLOTS: usize = 1 << 24;

const SLOT_BYTES: usize = size_of::<usize>();

/// Strings a wire in a frame, if there is a place; says which, and the number.
///
/// # Safety
/// Both are frames of the calling thread's chain, and the thread has the GIL.
pub(super) unsafe fn string(
    frame: usize,
    callee: usize,
    frame_layout: &FrameLayout,
    layout: &OperandLayout,
) -> Option<(usize, usize)> {
    // SAFETY: as the caller promises.
    let slot = unsafe { first_free_of_caller(frame, callee, frame_layout, layout) }?;
    let number = NEXT_NUMBER.fetch_add(2, Ordering::Relaxed);
    // SAFETY: the slot is the frame's own, as it is that of an operand that the call took away; it holds nothing until the
    // call returns, and only this thread reaches it.
    unsafe { memory::write(slot, number) };
    Some((slot, number))
}

/// Whether a wire is as it was strung.
///
/// # Safety
/// The frame is in the calling thread's chain, and of the same code as when it was strung there.
#[inline(always)]
pub(super) unsafe fn is_intact(frame: usize, slot: usize, number: usize, layout: &OperandLayout) -> bool {
    // SAFETY: the frame has the member, and this slot, as it had it when the wire was strung: it has the same code.
    unsafe { first_free(frame, layout) == Some(slot) && memory::read::<usize>(slot) == number }
}

/// The first free slot of a frame that waits for another; nothing if it is seen not to wait, or anything if it runs.
///
/// # Safety
/// It is a frame of the calling thread's chain.
#[inline(always)]
unsafe fn first_free(frame: usize, layout: &OperandLayout) -> Option<usize> {
    let first = frame + layout.slots;
    // SAFETY: frames have the member.
    let taken = unsafe {
        if layout.top_is_address {
            let taken_bytes = memory::read::<usize>(frame + layout.top).wrapping_sub(first);
            taken_bytes.is_multiple_of(SLOT_BYTES).then_some(taken_bytes / SLOT_BYTES)?
        } else {
            // A frame that runs, or waits for C code, has less than none.
            usize::try_from(memory::read::<i32>(frame + layout.top)).ok()?
        }
    };
    (taken < MOST_SLOTS).then_some(first + taken * SLOT_BYTES)
}

/// The first free slot of a frame, if it waits for one that it called within the evaluation loop and that will store its
/// value there.
///
/// # Safety
/// Both are frames of the calling thread's chain.
pub(in crate::python) unsafe fn first_free_of_caller(
    frame: usize,
    callee: usize,
    frame_layout: &FrameLayout,
    layout: &OperandLayout,
) -> Option<usize> {
    let owner = frame_layout.owner?;
    // SAFETY: frames have these members.
    let (owners, caller, is_entry) = unsafe {
        (
            [frame, callee].map(|frame| memory::read::<u8>(frame + owner)),
            memory::read::<usize>(callee + frame_layout.previous),
            frame_layout.is_entry.is_some_and(|is_entry| memory::read::<u8>(callee + is_entry) != 0),
        )
    };
    // Between a frame and one that it called by C code stands a frame of another owner since 3.12.
    if owners != [OWNED_BY_THREAD; 2] || caller != frame || is_entry {
        return None;
    }
    // SAFETY: as the caller promises.
    unsafe { first_free(frame, layout) }
}
