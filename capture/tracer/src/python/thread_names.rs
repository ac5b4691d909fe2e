// SPDX-License-Identifier: Apache-2.0
//! The name of a thread that Python is about to start.
//!
//! `threading.Thread.start` has the interpreter create the thread, and is then the frame that runs: its `self` knows the
//! name. That is asked of the interpreter itself, as the GIL is held and no allocation is under way.

use super::code::CodeText;
use super::module_paths::string;
use super::symbols::Object;
use super::{Interpreter, frames};
use std::ptr::null_mut;

impl Interpreter {
    /// The name of the thread that the calling thread starts at this moment, by `threading`; none if it starts it otherwise.
    /// To be called inside the tracer, outside of all allocations, with no lock held.
    pub(crate) fn name_of_started_thread(&self) -> Option<Vec<u8>> {
        let frame = self.current_frame();
        if frame == 0 || !self.holds_gil() {
            return None;
        }
        // SAFETY: the calling thread's current frame, which holds its code.
        let function = unsafe {
            let raw = frames::read(frame, &self.layout().frame);
            frames::instruction_offset(frame, &raw, self.layout())?;
            CodeText::read(raw.code, self.layout())
        };
        if function.function != b"start" || !function.file.ends_with(b"threading.py") {
            return None;
        }
        // SAFETY: the GIL is held.
        unsafe { self.name_in_frame() }
    }

    /// `self._name` of the Python frame that runs.
    ///
    /// # Safety
    /// The GIL is held.
    unsafe fn name_in_frame(&self) -> Option<Vec<u8>> {
        let symbols = &self.symbols;
        let (mut kind, mut value, mut trace) = (null_mut(), null_mut(), null_mut());
        // SAFETY: the caller's; each object is asked for what it may not have, and an error is taken back.
        unsafe {
            (symbols.fetch_error)(&mut kind, &mut value, &mut trace);
            let frame = (symbols.current_frame)();
            let locals =
                self.owned(if frame.is_null() { frame } else { (symbols.attribute)(frame, c"f_locals".as_ptr()) });
            let thread = self.owned(locals.map_or(null_mut(), |it| (symbols.item_of_mapping)(it.0, c"self".as_ptr())));
            let name = self.owned(thread.map_or(null_mut(), |it| (symbols.attribute)(it.0, c"_name".as_ptr())));
            let name = name.and_then(|it| string(self, it.0));
            (symbols.clear_error)();
            (symbols.restore_error)(kind, value, trace);
            name.filter(|name| !name.is_empty())
        }
    }

    /// A new reference, given back when it is dropped.
    fn owned(&self, object: Object) -> Option<Owned<'_>> {
        (!object.is_null()).then_some(Owned(object, self))
    }
}

struct Owned<'a>(Object, &'a Interpreter);

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: the reference was ours, and the GIL is held.
        unsafe { (self.1.symbols.release)(self.0) };
    }
}
