// SPDX-License-Identifier: Apache-2.0
//! Whether the walk's shortcut may string wires in this interpreter's frames: [`Evidence`] of the self-test's program, that
//! the members lie where they should, and do what is said of them.

use super::{COROUTINE, GENERATOR, MODULE, PROBE_OBJECT, Test};
use crate::python::layout::{BirthLayout, OperandLayout, WireLayout};
use crate::python::shortcut::{birth, operand};
use crate::python::symbols::Symbols;
use crate::python::{CodeObject, memory};
use std::ptr::{null_mut, with_exposed_provenance_mut};
use std::sync::atomic::Ordering;

/// `sizeof(PyCellObject)`, of which the last word is the content.
const CELL_BYTES: usize = 24;

/// Of a generator up to 3.10: its frame, the first word behind the object's head.
const FRAME_OF_GENERATOR: usize = 16;

/// What was seen.
#[derive(Default)]
pub(super) struct Evidence {
    /// Where all was as it should be.
    for_it: usize,
    /// Where something was not.
    against_it: usize,
}

impl Evidence {
    pub(super) fn is_proof(&self) -> bool {
        self.for_it > 0 && self.against_it == 0
    }

    fn add(&mut self, is_for_it: bool) {
        if is_for_it { self.for_it += 1 } else { self.against_it += 1 }
    }
}

/// A frame and its code.
type Placed = (usize, CodeObject);

impl Test<'_> {
    /// Looks at the innermost frames.
    ///
    /// # Safety
    /// The stack is as it was just observed and compared, and the GIL is held.
    pub(super) unsafe fn look_at_wires(&mut self) {
        let seen = match &self.interpreter.layout().frame.wire {
            // SAFETY: as the caller promises.
            Some(WireLayout::Birth(layout)) => unsafe { self.is_born_as_expected(layout) },
            // SAFETY: as the caller promises.
            Some(WireLayout::Operand(layout)) => unsafe { self.has_operands_as_expected(layout) },
            None => None,
        };
        if let Some(is_as_expected) = seen {
            // SAFETY: as the caller promises.
            self.wires.add(is_as_expected && unsafe { !has_machine_code(&self.interpreter.symbols) });
        }
    }

    /// Of the program's frames, those that called, and whom; innermost first. All were compared.
    fn calls(&self) -> impl Iterator<Item = [Placed; 2]> {
        let frames = self.stack.frames().len().saturating_sub(self.below.unwrap_or(usize::MAX));
        self.stack.calls().take(frames.saturating_sub(1))
    }

    fn is(&self, frame: Placed, name: &str) -> bool {
        self.name(frame) == name
    }

    fn name(&self, frame: Placed) -> String {
        String::from_utf8(self.interpreter.text(frame.1).function).unwrap_or_default()
    }

    /// Whether the innermost frame has the members where they should be; nothing if the program has but one.
    ///
    /// # Safety
    /// As for `look_at_wires`.
    unsafe fn is_born_as_expected(&self, layout: &BirthLayout) -> Option<bool> {
        let [caller, callee] = self.calls().next()?;
        // SAFETY: the kernel has read so much of all frames.
        let member = |frame: Placed| unsafe { memory::read::<u8>(frame.0 + layout.member) };
        let is_generator_expected = |frame: Placed| {
            // SAFETY: as above.
            let generator: usize = unsafe { memory::read(frame.0 + layout.generator) };
            if ![GENERATOR, COROUTINE].contains(&self.name(frame).as_str()) {
                return generator == 0;
            }
            self.readable.has(generator, FRAME_OF_GENERATOR + size_of::<usize>())
                // SAFETY: the kernel has just read it.
                && unsafe { memory::read::<usize>(generator + FRAME_OF_GENERATOR) } == frame.0
        };
        // `plain` calls the probe first, and then has a comprehension do it.
        let is_member_expected = if self.is(callee, "plain") {
            // SAFETY: up to 3.10 this is the frame that Python code sees, too.
            member(callee) == birth::BORN && unsafe { self.says_member(callee.0, layout) }
        } else {
            member(callee) == birth::BORN && (!self.is(caller, "plain") || member(caller) == birth::MARK)
        };
        // The generator is the caller once, and never the innermost.
        Some(is_generator_expected(callee) && is_generator_expected(caller) && is_member_expected)
    }

    /// Whether a frame's attribute is what stands in the member, and only whether that is 0. Leaves a mark there.
    ///
    /// # Safety
    /// It is a frame that lives, up to 3.10, and the GIL is held.
    unsafe fn says_member(&self, frame: usize, layout: &BirthLayout) -> bool {
        let (symbols, name) = (&self.interpreter.symbols, c"f_trace_lines".as_ptr());
        let (member, object) = (frame + layout.member, with_exposed_provenance_mut(frame));
        // SAFETY: as the caller promises; of both objects there is always one. The member is written to once it has been
        // seen to be the attribute.
        unsafe {
            let is_written = |value, stands: u8| {
                (symbols.set_attribute)(object, name, value) == 0 && memory::read::<u8>(member) == stands
            };
            if !(is_written(symbols.falsehood, 0) && is_written(symbols.truth, birth::BORN)) {
                return false;
            }
            memory::write(member, birth::MARK);
            let attribute = (symbols.attribute)(object, name);
            (symbols.release)(attribute);
            attribute == symbols.truth
        }
    }

    /// Whether the innermost `plain`, and who called it, have their operands where they should; nothing if there is none.
    ///
    /// # Safety
    /// As for `look_at_wires`.
    unsafe fn has_operands_as_expected(&self, layout: &OperandLayout) -> Option<bool> {
        let [caller, callee] = self.calls().find(|[_, callee]| self.is(*callee, "plain"))?;
        let frame_layout = &self.interpreter.layout().frame;
        // The program calls `plain` from its own code outside of functions by `map`, and else as Python calls Python.
        let is_entry_expected = frame_layout.is_entry.is_none_or(|is_entry| {
            // SAFETY: as the caller promises; frames have the member.
            let stands: u8 = unsafe { memory::read(callee.0 + is_entry) };
            stands == u8::from(self.is(caller, MODULE))
        });
        // SAFETY: as the caller promises; every frame of a function has a first slot, as it has a local or an operand.
        let (free, argument) = unsafe {
            (
                operand::first_free_of_caller(caller.0, callee.0, frame_layout, layout),
                memory::read::<usize>(callee.0 + layout.slots),
            )
        };
        // `größe` calls it in a statement of its own, so only its three locals are there. All others are C code, or a
        // generator.
        let expected = self.is(caller, "größe").then_some(caller.0 + layout.slots + 3 * size_of::<usize>());
        // Marks on references, since 3.14.
        let argument = argument & frame_layout.code_mask;
        let is_probe = |object: usize| object == PROBE_OBJECT.load(Ordering::Acquire).addr();
        // Up to 3.11 the comprehension is a function that uses the argument, which is in a cell therefore.
        let is_cell_of_probe = || {
            let content = CELL_BYTES - size_of::<usize>();
            // SAFETY: the kernel has read the cell before its content is read.
            self.readable.has(argument, CELL_BYTES) && is_probe(unsafe { memory::read(argument + content) })
        };
        Some(is_entry_expected && free == expected && (is_probe(argument) || is_cell_of_probe()))
    }
}

/// Whether the interpreter may run machine code that it makes itself, as far as it says so: since 3.14.
///
/// # Safety
/// The GIL is held.
unsafe fn has_machine_code(symbols: &Symbols) -> bool {
    // SAFETY: as the caller promises. The first object is lent; the others are ours to release.
    unsafe {
        let compiler = (symbols.system_object)(c"_jit".as_ptr());
        if compiler.is_null() {
            return false;
        }
        let is_enabled = (symbols.attribute)(compiler, c"is_enabled".as_ptr());
        let answer = if is_enabled.is_null() { null_mut() } else { (symbols.call)(is_enabled, null_mut()) };
        (symbols.clear_error)();
        (symbols.release)(is_enabled);
        (symbols.release)(answer);
        answer != symbols.falsehood
    }
}
