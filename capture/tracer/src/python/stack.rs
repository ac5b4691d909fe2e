// SPDX-License-Identifier: Apache-2.0
//! A thread's Python stack, and how it changed since it was written last. [`PythonStack`] leads.
//!
//! Between two allocations of a thread most of its stack stays as it is. So the walk begins at the current frame and goes
//! on until it meets a frame that was there before; from there down, the frames that were seen before are held against
//! those of the interpreter: the same code, at the same instruction, called by the same frame. Their addresses come from
//! our own list, so the processor need not wait for one frame to learn of the next. Where a link does not hold, all is
//! walked.
//!
//! Every level must be compared. That the current frame is the same says nothing of those below: frames are made where
//! others ended, and `f(); f()` gives the same frame twice, called from two lines. In deep stacks the comparison ends at
//! the first of the [`shortcut`]'s wires that is intact.

use super::code::CodeObject;
use super::frames::{self, RawFrame};
use super::layout::FrameLayout;
use super::shortcut::{self, Wires};
use super::{Interpreter, lives, memory};

/// One frame, as it was when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) code: CodeObject,
    /// As the format wants it: bytes into the code (3.10: instructions).
    pub(crate) instruction_offset: i64,
    /// Whether the interpreter was entered anew for it.
    pub(crate) is_entry: bool,
}

/// A thread's stack as the capture has it.
#[derive(Default)]
pub(crate) struct PythonStack {
    /// Outermost first.
    written: Vec<Frame>,
    /// What [`StackChange::numbers`] keeps.
    numbers: Vec<u32>,
    /// All frames of the interpreter that this was learnt from, outermost first: also those that are not written. It
    /// begins with [`BOTTOM`], or is empty.
    chain: Vec<Link>,
    /// The last outermost frame; kept while there is none.
    outermost: Option<Outermost>,
    /// Strung in frames of the chain.
    wires: Wires,
    /// How many frames the last walk compared.
    compared: usize,
    /// How many walks to wait until wires are strung again, as there was no place for any.
    wait: u32,
    /// How many code objects had died then.
    deaths: u64,
    recent: RecentCode,
    /// Where a walk collects frames, innermost first; kept for its memory.
    fresh: Vec<(usize, RawFrame)>,
}

/// What to write so that the capture has the stack as it is.
pub(crate) struct StackChange<'a> {
    /// Frames to pop.
    pub(crate) pops: usize,
    /// Frames to push then, outermost first.
    pub(crate) pushes: &'a [Frame],
    /// One number for each frame that stays, for whoever keeps them: he adds those of the frames to push.
    pub(crate) numbers: &'a mut Vec<u32>,
}

/// The outermost frame of a stack that runs code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outermost {
    pub(crate) address: usize,
    pub(crate) code: usize,
}

/// A frame of the interpreter as it was seen.
#[derive(Clone, Copy)]
struct Link {
    address: usize,
    code: usize,
    instruction: usize,
    /// How many frames are written, up to this one.
    written: usize,
}

/// What the outermost frame links to.
const BOTTOM: Link = Link { address: 0, code: 0, instruction: 0, written: 0 };

/// How far from the end a frame is looked for in the chain.
const NEAR: usize = 16;

/// The deepest stack that is followed. One that seems deeper is taken for none.
const DEEPEST: usize = 1 << 17;

impl PythonStack {
    /// Looks at the calling thread's stack, and takes it as written.
    pub(super) fn observe(&mut self, interpreter: &Interpreter) -> StackChange<'_> {
        let kept = self.look(interpreter);
        self.take_over(kept, interpreter)
    }

    /// Looks at the calling thread's stack: how many links of the chain stand as they were, if that can be told by its top.
    #[inline]
    pub(crate) fn look(&mut self, interpreter: &Interpreter) -> Option<usize> {
        let deaths = lives::deaths();
        self.fresh.clear();
        if deaths != self.deaths {
            return self.distrust(deaths);
        }
        self.kept_below(interpreter.current_frame(), interpreter)
    }

    /// Whether no frame was there, and none is: what a thread of C code has. All else need not be looked at then.
    #[inline(always)]
    pub(crate) fn stays_empty(&self, interpreter: &Interpreter) -> bool {
        self.chain.len() == 1 && interpreter.current_frame() == 0
    }

    /// Takes what was just seen as written.
    #[inline]
    pub(crate) fn take_over(&mut self, kept: Option<usize>, interpreter: &Interpreter) -> StackChange<'_> {
        let before = self.written.len();
        let kept = kept.unwrap_or_else(|| self.kept_of_all(interpreter));
        let is_unchanged = kept == self.chain.len() && self.fresh.is_empty();
        if !is_unchanged {
            self.chain.truncate(kept);
            self.written.truncate(self.chain.last().map_or(0, |link| link.written));
            self.numbers.truncate(self.written.len());
        }
        let unchanged = self.written.len();
        if !is_unchanged {
            self.push_fresh(interpreter);
        }
        if self.compared > shortcut::MANY {
            self.string_wires(interpreter);
        }
        StackChange { pops: before - unchanged, pushes: &self.written[unchanged..], numbers: &mut self.numbers }
    }

    /// The outermost frame that was seen last.
    pub(crate) fn outermost(&self) -> Option<Outermost> {
        self.outermost
    }

    /// The outermost frame of the calling thread; nothing if none runs code.
    pub(crate) fn outermost_now(&mut self, interpreter: &Interpreter) -> Option<Outermost> {
        self.walk(interpreter);
        self.outermost_of_fresh(interpreter)
    }

    /// Goes on with the memory of another stack of this thread, which was observed after this one.
    pub(crate) fn take_memory_of(&mut self, other: &mut Self) {
        self.fresh = std::mem::take(&mut other.fresh);
        self.recent = std::mem::take(&mut other.recent);
    }

    /// The stack as the capture has it, outermost first.
    pub(super) fn frames(&self) -> &[Frame] {
        &self.written
    }

    /// One that never strings wires, of which a frame can have but one.
    #[cfg(feature = "walk-check")]
    pub(super) fn without_shortcut() -> Self {
        Self { wait: u32::MAX, ..Self::default() }
    }

    /// Whether the last walk ended at a wire.
    #[cfg(feature = "walk-check")]
    pub(super) fn has_taken_shortcut(&self) -> bool {
        !self.wires.is_empty() && self.compared < self.chain.len() / 2
    }

    /// Addresses and code of frames that are written, and of those that they call, innermost first.
    pub(super) fn calls(&self) -> impl Iterator<Item = [(usize, CodeObject); 2]> + '_ {
        let written = self.chain.windows(2).filter(|pair| pair[1].written > pair[0].written);
        let frames: Vec<_> = written.zip(&self.written).map(|(pair, frame)| (pair[1].address, frame.code)).collect();
        (1..frames.len()).rev().map(move |at| [frames[at - 1], frames[at]])
    }

    /// How many links of the chain stand as they were, when the stack can be told by its top. What stands above them is
    /// then in `fresh`.
    #[inline]
    fn kept_below(&mut self, top: usize, interpreter: &Interpreter) -> Option<usize> {
        let layout = &interpreter.layout().frame;
        let mut frame = top;
        let met = loop {
            let near = self.chain.iter().rev().take(NEAR).position(|link| link.address == frame);
            if let Some(above) = near {
                break self.chain.len() - above;
            }
            if frame == 0 || self.fresh.len() == NEAR {
                return None;
            }
            // SAFETY: it is the current frame, or one that a frame of the chain links to.
            let raw = unsafe { frames::read(frame, layout) };
            self.fresh.push((frame, raw));
            frame = raw.previous;
        };
        let (mut kept, mut end) = (met, met);
        loop {
            let wired = self.wires.innermost_below(end);
            let links = self.chain.get(wired..end)?;
            let mut level = links.len().saturating_sub(1);
            loop {
                // SAFETY: the frame above links to the topmost of these: that was just seen.
                level -= unsafe { unmoved(links.get(..=level)?, layout) };
                let Some([below, link]) = level.checked_sub(1).and_then(|below| links.get(below..=level)) else {
                    break;
                };
                // SAFETY: as above, as all frames that were passed link to the next.
                if unsafe { frames::read(link.address, layout) }.previous != below.address {
                    return None;
                }
                kept = wired + level;
                level -= 1;
            }
            let (Some(link), Some(wire), 1..) = (links.first(), layout.wire.as_ref(), wired) else {
                self.compared = met;
                break;
            };
            // SAFETY: as above.
            let raw = unsafe { frames::read(link.address, layout) };
            let is_same = raw.code == link.code && raw.instruction == link.instruction;
            // SAFETY: as above, and the frame is that of the wire's link.
            if is_same && unsafe { self.wires.is_intact(link.address, wire) } {
                self.compared = met - wired;
                break;
            }
            // The wire is forgotten, as it is not below this end; the frame may be as it was nevertheless.
            end = wired + 1;
            self.wires.forget_from(wired);
        }
        // Those that were met and have moved on are read again.
        for link in self.chain[kept..met].iter().rev() {
            // SAFETY: it is in the chain, as was just seen.
            self.fresh.push((link.address, unsafe { frames::read(link.address, layout) }));
        }
        Some(kept)
    }

    /// So many frames were compared that it is time for the shortcut, if there is one.
    #[cold]
    fn string_wires(&mut self, interpreter: &Interpreter) {
        let Some(layout) = interpreter.shortcut() else { return };
        if self.wait > 0 {
            self.wait -= 1;
            return;
        }
        // While others have the GIL, they may end the interpreter and free this thread's frames.
        if !interpreter.holds_gil() {
            return;
        }
        let chain = &self.chain;
        let frames = |level: usize| {
            let [below, link, above] = chain.get(level.checked_sub(1)?..level + 2)? else { return None };
            (link.written > below.written).then_some([link.address, above.address])
        };
        // SAFETY: the chain was just seen, and the thread has the GIL.
        let has_strung = unsafe { self.wires.string(chain.len(), frames, &interpreter.layout().frame, layout) };
        if !has_strung {
            self.wait = shortcut::MANY as u32;
        }
    }

    /// Code objects have died: what is known of addresses may be of the dead.
    #[cold]
    fn distrust(&mut self, deaths: u64) -> Option<usize> {
        self.deaths = deaths;
        self.recent.forget();
        None
    }

    /// How many links of the chain are as they were, by a walk of all frames from the bottom up.
    #[cold]
    fn kept_of_all(&mut self, interpreter: &Interpreter) -> usize {
        let layout = interpreter.layout();
        self.walk(interpreter);
        if self.chain.is_empty() {
            self.chain.push(BOTTOM);
        }
        let mut numbers = lives::numbers();
        let mut kept = 0;
        let mut written = 0;
        for (link, (address, raw)) in self.chain[1..].iter_mut().zip(self.fresh.iter().rev()) {
            let is_same_place = raw.code == link.code && raw.instruction == link.instruction;
            // Which code it is only matters for what is written.
            let is_same = is_same_place
                && match self.written.get(written) {
                    Some(frame) if link.written > written => numbers.of(raw.code) == frame.code.life,
                    _ => true,
                };
            // SAFETY: the frame was just read, and is in the chain.
            let is_written = || unsafe { frames::instruction_offset(*address, raw, layout) }.is_some();
            if !is_same || is_written() != (link.written > written) {
                break;
            }
            link.address = *address;
            written = link.written;
            kept += 1;
        }
        self.outermost = self.outermost_of_fresh(interpreter).or(self.outermost);
        // Wires hold where they were strung, and not where the same was found elsewhere.
        self.wires.forget_from(0);
        self.compared = self.fresh.len();
        self.fresh.truncate(self.fresh.len() - kept);
        kept + 1
    }

    /// Collects all frames.
    fn walk(&mut self, interpreter: &Interpreter) {
        self.fresh.clear();
        let mut frame = interpreter.current_frame();
        while frame != 0 {
            if self.fresh.len() == DEEPEST {
                self.fresh.clear();
                break;
            }
            // SAFETY: it is the current frame, or one that a frame of the chain links to.
            let raw = unsafe { frames::read(frame, &interpreter.layout().frame) };
            self.fresh.push((frame, raw));
            frame = raw.previous;
        }
    }

    /// The outermost of the frames that a walk to the end collected.
    fn outermost_of_fresh(&self, interpreter: &Interpreter) -> Option<Outermost> {
        // Those that only mark where C code called lie on its stack, where greenlets take turns.
        // SAFETY: the frames were just read, and are in the chain.
        let has_code = |frame: usize| unsafe { frames::has_code(frame, &interpreter.layout().frame) };
        let outermost = self.fresh.iter().rev().find(|(address, _)| has_code(*address));
        outermost.map(|&(address, RawFrame { code, .. })| Outermost { address, code })
    }

    /// Takes over what a walk collected.
    fn push_fresh(&mut self, interpreter: &Interpreter) {
        let layout = interpreter.layout();
        if self.chain.len() <= 1 {
            self.outermost = self.outermost_of_fresh(interpreter).or(self.outermost);
        }
        for (address, raw) in self.fresh.drain(..).rev() {
            // SAFETY: the frame was just read, and is in the chain.
            if unsafe { frames::has_code(address, &layout.frame) } {
                // Of one that is not written, too: its death will be counted.
                let code = self.recent.code(raw.code);
                // SAFETY: as above.
                if let Some(instruction_offset) = unsafe { frames::instruction_offset(address, &raw, layout) } {
                    // SAFETY: as above.
                    let is_entry = unsafe { frames::is_entry(address, &raw, &layout.frame) };
                    self.written.push(Frame { code, instruction_offset, is_entry });
                }
            }
            let RawFrame { code, instruction, .. } = raw;
            self.chain.push(Link { address, code, instruction, written: self.written.len() });
        }
    }
}

/// How many of the topmost links are just as they were; the lowest is not looked at.
///
/// Each thing that is compared has a branch of its own, as all mostly is as it was: the processor then runs ahead with the
/// addresses of the list. Levels cannot share one: only the link from above proves that there is a frame.
///
/// # Safety
/// The topmost is in the calling thread's chain.
#[inline(always)]
unsafe fn unmoved(links: &[Link], layout: &FrameLayout) -> usize {
    let FrameLayout { code, previous, instruction, .. } = *layout;
    let mut pairs = links.windows(2).rev();
    let moved = if layout.has_instruction_address() {
        // Where an instruction lies says whose it is.
        pairs.position(|pair| {
            let (below, link) = (&pair[0], &pair[1]);
            // SAFETY: as the caller promises for the first; each that is as it was links to the next.
            unsafe {
                memory::read::<usize>(link.address + previous) != below.address
                    || memory::read::<usize>(link.address + instruction) != link.instruction
            }
        })
    } else {
        pairs.position(|pair| {
            let (below, link) = (&pair[0], &pair[1]);
            // SAFETY: as above.
            unsafe {
                memory::read::<usize>(link.address + previous) != below.address
                    || memory::read::<u32>(link.address + instruction) != link.instruction as u32
                    || memory::read::<usize>(link.address + code) != link.code
            }
        })
    };
    moved.unwrap_or(links.len().saturating_sub(1))
}

/// Code objects that a thread has seen of late, so that it need not ask for their numbers again and wait for others that
/// ask. Forgotten whenever one died.
#[derive(Default)]
struct RecentCode {
    /// Each in the place that its address gives; empty at first.
    code: Vec<CodeObject>,
}

/// How many there are. A power of two.
const RECENT: usize = 64;

const NO_CODE: CodeObject = CodeObject { address: 0, life: 0 };

impl RecentCode {
    #[inline]
    fn code(&mut self, address: usize) -> CodeObject {
        // Code objects lie at multiples of 16, and rarely next to each other.
        let place = (address >> 4 ^ address >> 10) % RECENT;
        match self.code.get(place) {
            Some(code) if code.address == address => *code,
            _ => self.ask(address, place),
        }
    }

    #[cold]
    fn ask(&mut self, address: usize, place: usize) -> CodeObject {
        let code = CodeObject { address, life: lives::numbers().of(address) };
        if self.code.is_empty() {
            self.code = vec![NO_CODE; RECENT];
        }
        self.code[place] = code;
        code
    }

    fn forget(&mut self) {
        self.code.fill(NO_CODE);
    }
}
