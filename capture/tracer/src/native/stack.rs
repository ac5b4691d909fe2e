// SPDX-License-Identifier: Apache-2.0
//! A thread's native stack, and how it changed since it was numbered last. [`NativeStack`] leads.
//!
//! Between two allocations most of a thread's stack stays as it is. Of each frame it is kept where it was, and which words
//! of the stack told who called it. So the unwinder is asked only for the frames of late: where one is met that was at the
//! very same place before, its callers are those of before for as long as these words stay, and they need not be numbered
//! again.

use super::bounds;
use super::objects::{self, LoadedObjects};
use super::registers::Registers;
use crate::hooks::loading;
use framehop::{CacheNative, FrameAddress, MayAllocateDuringUnwind, Unwinder as _};
use std::ops::Range;
use std::sync::Arc;

/// A thread's native stack as the capture has it.
#[derive(Default)]
pub(crate) struct NativeStack {
    /// Outermost first.
    steps: Vec<Step>,
    /// How many of them have their number.
    numbered: usize,
    /// Where a walk collects frames, innermost first; kept for its memory.
    fresh: Vec<Step>,
    view: Option<View>,
    bounds: Bounds,
}

/// Where the thread's stack lies, once asked.
#[derive(Default)]
enum Bounds {
    #[default]
    Unasked,
    Known(Range<usize>),
    Unknown,
}

/// A frame, and how its caller was found.
#[derive(Clone, Copy)]
struct Step {
    registers: Registers,
    read: Reads,
    /// Its number in the capture.
    id: u64,
}

/// The words of the stack that told who called a frame.
#[derive(Clone, Copy)]
struct Reads {
    /// Address and value. Those that were not needed are of [`ZERO`].
    words: [(usize, u64); 2],
    count: usize,
}

/// What is read where there is nothing to read.
static ZERO: u64 = 0;

/// What a thread needs to unwind.
struct View {
    objects: Arc<LoadedObjects>,
    rules: CacheNative<MayAllocateDuringUnwind>,
    /// [`loading::changes`] when it was seen.
    changes: u32,
}

/// The deepest stack that is followed. Of a deeper one the outermost frames are missing.
const DEEPEST: usize = 1 << 16;

/// What must be left of a thread's stack: to unwind needs some itself.
const NEEDED_BYTES: usize = 48 << 10;

/// The stack of a thread, from the innermost frame on.
#[derive(Clone, Copy)]
struct StackMemory {
    innermost: usize,
    end: usize,
}

impl StackMemory {
    fn read(self, address: u64) -> Result<u64, ()> {
        let address = address as usize;
        if address < self.innermost || address.checked_add(8).is_none_or(|end| end > self.end) {
            return Err(());
        }
        // SAFETY: it lies within the calling thread's stack, in the part that is in use.
        Ok(unsafe { (address as *const u64).read_unaligned() })
    }
}

/// How a walk ended.
enum Walked {
    /// At the outermost frame, or as far as one gets; this many of the steps stand.
    ToTheEnd(usize),
    /// In code that is not known.
    ToTheUnknown(usize),
}

impl NativeStack {
    /// Looks at the calling thread's stack.
    #[inline(never)]
    pub(crate) fn observe(&mut self) {
        let here = Registers::here();
        let Some(end) = self.end_of_stack(here.stack) else { return self.forget() };
        let memory = StackMemory { innermost: here.stack, end };
        if !self.look_at_objects() {
            return self.forget();
        }
        let mut walked = self.walk(here, memory);
        if matches!(walked, Walked::ToTheUnknown(_)) && objects::refresh() && self.look_at_objects() {
            walked = self.walk(here, memory);
        }
        let (Walked::ToTheEnd(kept) | Walked::ToTheUnknown(kept)) = walked;
        self.steps.truncate(kept);
        self.numbered = self.numbered.min(kept);
        self.steps.extend(self.fresh.drain(..).rev());
    }

    /// What was loaded when the stack was observed; nothing if it was not.
    pub(crate) fn objects(&self) -> Option<&Arc<LoadedObjects>> {
        self.view.as_ref().map(|view| &view.objects)
    }

    /// The number of the stack that was observed: 0 if there is none. Addresses that are new to it are numbered by `number`,
    /// which is told the number of the caller, 0 for none.
    #[inline]
    pub(crate) fn number<E>(&mut self, mut number: impl FnMut(u64, u64) -> Result<u64, E>) -> Result<u64, E> {
        let Some(View { objects, .. }) = &self.view else { return Ok(0) };
        let mut id = self.numbered.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0, |step| step.id);
        for step in self.steps.iter_mut().skip(self.numbered) {
            let instruction = step.registers.instruction;
            // The hook and what it calls are nobody's business.
            if !objects.is_own(instruction) {
                id = number(id, instruction as u64)?;
            }
            step.id = id;
            self.numbered += 1;
        }
        Ok(id)
    }

    /// Takes nothing as numbered: another capture begins.
    pub(crate) fn forget(&mut self) {
        self.steps.clear();
        self.numbered = 0;
    }

    /// The end of the stack that the thread runs on; nothing if it is not its own, or has little left.
    #[inline]
    fn end_of_stack(&mut self, stack: usize) -> Option<usize> {
        if let Bounds::Unasked = self.bounds {
            self.bounds = bounds::of_this_thread().map_or(Bounds::Unknown, Bounds::Known);
        }
        match &self.bounds {
            Bounds::Known(bounds) if (bounds.start.saturating_add(NEEDED_BYTES)..bounds.end).contains(&stack) => {
                Some(bounds.end)
            }
            _ => None,
        }
    }

    /// Makes sure that what is known of loaded objects is true; whether anything is.
    #[inline]
    fn look_at_objects(&mut self) -> bool {
        let (changes, may_change) = loading::changes();
        match &mut self.view {
            Some(view) if view.changes == changes && !may_change => {}
            Some(view) => {
                view.changes = changes;
                objects::refresh();
            }
            None => {
                objects::refresh();
            }
        }
        let is_same = |view: &View| view.objects.generation == objects::generation();
        self.view.as_ref().is_some_and(is_same) || self.take_objects(changes)
    }

    #[cold]
    fn take_objects(&mut self, changes: u32) -> bool {
        self.forget();
        // Rules of code that is gone must not be taken for those of other code at its place.
        self.view = objects::current().map(|objects| View { objects, rules: CacheNative::new_in(), changes });
        self.view.is_some()
    }

    /// Collects frames in `fresh` from `here` on until one is met that stands.
    #[inline]
    fn walk(&mut self, here: Registers, memory: StackMemory) -> Walked {
        self.fresh.clear();
        let Some(view) = &mut self.view else { return Walked::ToTheEnd(0) };
        let mut place = here;
        // Which steps may still be met: those of functions that have not returned.
        let mut below = self.steps.len();
        loop {
            while let Some(step) = below.checked_sub(1).and_then(|at| self.steps.get(at))
                && step.registers.stack < place.stack
            {
                below -= 1;
            }
            let met = self.steps.get(..below).unwrap_or_default();
            if met.last().is_some_and(|step| step.registers == place) {
                let stand = met.iter().rev().take_while(|step| step.read.stands()).count();
                if stand == met.len() {
                    return Walked::ToTheEnd(below);
                }
                // Those within stand, and now have another caller.
                self.fresh.extend(met.iter().rev().take(stand));
                below -= stand + 1;
                if let Some(step) = self.steps.get(below) {
                    place = step.registers;
                }
            }
            let is_innermost = self.fresh.is_empty();
            let (step, caller) = view.unwind(place, is_innermost, memory);
            self.fresh.push(step);
            let Some(caller) = caller.filter(|caller| caller.stack > place.stack || is_innermost) else {
                return Walked::ToTheEnd(0);
            };
            if self.fresh.len() >= DEEPEST {
                return Walked::ToTheEnd(0);
            }
            if !view.objects.can_unwind(caller.instruction) {
                self.fresh.push(Step { registers: caller, read: Reads::NONE, id: 0 });
                return Walked::ToTheUnknown(0);
            }
            place = caller;
        }
    }
}

impl View {
    /// Finds a frame's caller.
    #[inline]
    fn unwind(&mut self, place: Registers, is_innermost: bool, memory: StackMemory) -> (Step, Option<Registers>) {
        let mut read = Reads::NONE;
        let mut read_stack = |address| {
            let word = memory.read(address)?;
            read.add(address as usize, word);
            Ok(word)
        };
        let instruction = place.instruction as u64;
        let address = match FrameAddress::from_return_address(instruction) {
            Some(address) if !is_innermost => address,
            _ => FrameAddress::from_instruction_pointer(instruction),
        };
        let mut registers = place.to_unwinder();
        let unwinder = &self.objects.unwinder;
        let caller = unwinder.unwind_frame(address, &mut registers, &mut self.rules, &mut read_stack);
        // Whatever cannot be unwound is the end.
        let caller = caller.ok().flatten().filter(|&caller| caller != 0);
        (Step { registers: place, read, id: 0 }, caller.map(|caller| Registers::of_caller(caller, &registers)))
    }
}

impl Reads {
    const NONE: Self = Self { words: [(0, 0); 2], count: 0 };

    fn add(&mut self, address: usize, word: u64) {
        if let Some(place) = self.words.get_mut(self.count) {
            *place = (address, word);
        }
        self.count += 1;
    }

    /// Whether the stack tells still what it told. Only to be asked of a frame that is there still.
    #[inline]
    fn stands(&self) -> bool {
        let differs = |(address, word): (usize, u64)| {
            let address = if address == 0 { &raw const ZERO } else { address as *const u64 };
            // SAFETY: it was read when the frame was unwound before, and lies in the frame or above; the frame is there, so
            // that it lies in the part of the thread's stack that is in use.
            (unsafe { address.read_unaligned() }) ^ word
        };
        let [first, second] = self.words;
        self.count <= 2 && differs(first) | differs(second) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    /// Where frames go on, outermost first, without those of the functions that look.
    fn instructions(stack: &NativeStack, looking: usize) -> Vec<usize> {
        let all = stack.steps.len() - looking;
        stack.steps[..all].iter().map(|step| step.registers.instruction).collect()
    }

    #[test]
    fn stacks_are_those_that_the_c_library_sees() {
        let mut stack = NativeStack::default();
        stack.observe();
        let mut seen = [std::ptr::null_mut(); 256];
        // SAFETY: there is room for so many addresses.
        let count = unsafe { libc::backtrace(seen.as_mut_ptr(), 256) };
        let mut seen: Vec<usize> = seen[..count as usize].iter().map(|address| address.addr()).collect();
        seen.reverse();
        seen.pop();
        assert!(seen.len() > 5, "{seen:x?}");
        assert_eq!(instructions(&stack, 2), seen);
    }

    /// Calls itself through other functions, as `choices` say, and looks at each of them, before and after.
    #[inline(never)]
    fn wander(kept: &mut NativeStack, choices: &mut dyn Iterator<Item = u8>, depth: usize) -> usize {
        let mut looks = compare(kept);
        while let Some(choice) = choices.next() {
            match choice % 4 {
                _ if depth > 60 => return looks,
                0 => return looks + black_box(compare(kept)),
                1 => looks += black_box(wander(kept, choices, depth + 1)),
                2 => looks += black_box(wander_with_more(kept, choices, depth + 1)),
                _ => looks += black_box(compare(kept)),
            }
        }
        looks
    }

    #[inline(never)]
    fn wander_with_more(kept: &mut NativeStack, choices: &mut dyn Iterator<Item = u8>, depth: usize) -> usize {
        let more = black_box([depth; 50]);
        let looks = wander(kept, choices, depth);
        looks + black_box(more)[7] - depth
    }

    /// Whether a stack that was observed often is one that is observed for the first time.
    #[inline(never)]
    fn compare(kept: &mut NativeStack) -> usize {
        let mut anew = NativeStack::default();
        let objects = objects::current();
        anew.view =
            objects.map(|objects| View { objects, rules: CacheNative::new_in(), changes: loading::changes().0 });
        anew.observe();
        kept.observe();
        assert!(anew.steps.len() > 5);
        assert_eq!(instructions(kept, 2), instructions(&anew, 2));
        1
    }

    #[test]
    fn a_stack_that_was_seen_before_is_as_one_seen_anew() {
        objects::looked_at();
        let mut kept = NativeStack::default();
        let mut state = 12345u32;
        let mut choices = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
            (state >> 16) as u8
        })
        .take(3000);
        let mut looks = 0;
        while looks < 2000 {
            looks += wander(&mut kept, &mut choices, 0);
        }
    }

    #[test]
    fn only_what_is_new_is_numbered_and_nothing_of_the_tracers_own() {
        let mut stack = NativeStack::default();
        let mut seen = Vec::new();
        let mut look = |stack: &mut NativeStack| {
            stack.observe();
            let before = seen.len();
            let number = |parent, address: u64| {
                seen.push((parent, address));
                Ok::<u64, ()>(seen.len() as u64)
            };
            let id = stack.number(number).unwrap();
            (id, seen.len() - before)
        };
        // This program is the tracer here, so that only what the C library began with counts.
        let (id, new) = look(&mut stack);
        assert_eq!((id > 0, new as u64), (true, id));
        assert_eq!(look(&mut stack), (id, 0));
        stack.forget();
        assert_eq!(look(&mut stack).1, new);
        let chain = [(0, seen[0].1), (1, seen[1].1)];
        assert_eq!(seen[..2], chain);
    }

    #[test]
    fn memory_beyond_the_stack_is_not_read() {
        let words = [1u64, 2, 3];
        let innermost = words.as_ptr().addr();
        let memory = StackMemory { innermost, end: innermost + 16 };
        let at = |offset: usize| memory.read((innermost.wrapping_add(offset)) as u64);
        assert_eq!(
            [at(0), at(8), at(9), at(16), at(usize::MAX), memory.read(u64::MAX)],
            [Ok(1), Ok(2), Err(()), Err(()), Err(()), Err(())]
        );
    }
}
