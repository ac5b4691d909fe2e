// SPDX-License-Identifier: Apache-2.0
//! Wires up to 3.10: a mark in a member that every frame is born with anew.
//!
//! The member is `f_trace_lines`, of which the interpreter asks whether it is 0. Each frame begins with 1 there, and
//! Python code can only make it 0 or 1, and sees nothing but whether it is 0. Our mark is another number.
//!
//! Why this is sound:
//!
//! - *Whoever makes a frame* sets the member, also in memory that another frame had, as code objects and the interpreter
//!   keep frames that ended. So a frame with the mark is the very one that was marked. A stack's wires are those of the
//!   frames that its chain had when it was observed last, and a frame is in the chain of one stack only; so when a wire's
//!   frame has died, and others were born at its address, and one is in this chain now, nobody has marked that one.
//! - *The frame of a function* is run once, from its beginning to its end, and its caller waits for it meanwhile. So as long
//!   as it is in the chain, nothing below it has moved. A generator's is in the chain now and then, below others: it has
//!   no wire.

use crate::python::layout::BirthLayout;
use crate::python::memory;

/// What frames are born with.
pub(in crate::python) const BORN: u8 = 1;

/// What they are marked with: a `char` above 0.
pub(in crate::python) const MARK: u8 = 0x55;

/// Marks a frame, if it can be; says where, and with what.
///
/// # Safety
/// It is a frame of the calling thread's chain, and the thread has the GIL.
pub(super) unsafe fn string(frame: usize, layout: &BirthLayout) -> Option<(usize, usize)> {
    let member = frame + layout.member;
    // SAFETY: frames have these members.
    let (generator, present) = unsafe { (memory::read::<usize>(frame + layout.generator), memory::read::<u8>(member)) };
    if generator != 0 || ![BORN, MARK].contains(&present) {
        return None;
    }
    // SAFETY: the interpreter reads and writes the member with the GIL only, and takes the mark for what was there.
    unsafe { memory::write(member, MARK) };
    Some((member, usize::from(MARK)))
}

/// Whether a frame's member has the mark.
///
/// # Safety
/// The member is that of a frame in the calling thread's chain.
#[inline(always)]
pub(super) unsafe fn is_intact(member: usize) -> bool {
    // SAFETY: as the caller promises.
    unsafe { memory::read::<u8>(member) == MARK }
}
