// SPDX-License-Identifier: Apache-2.0
//! What the tracer knows of the interpreter. [`Interpreter`] leads: the one of this process, found by name and checked.
//!
//! Frames are read where the interpreter keeps them, by layouts, without calling it: a thread's own chain of frames changes
//! only while that thread runs Python, so neither the GIL nor an allocation is needed.

pub(crate) mod allocators;
mod code;
mod frames;
mod interpreter;
mod layout;
mod lives;
mod memory;
mod module_paths;
mod readable;
mod self_test;
mod shortcut;
mod stack;
mod symbols;
mod text;
mod thread_names;
mod undo;
mod version;
#[cfg(feature = "walk-check")]
mod walk_check;

pub(crate) use code::{CodeIds, CodeObject};
pub(crate) use interpreter::{Interpreter, Refusal};
pub(crate) use lives::{after_fork, before_fork};
pub(crate) use stack::{Frame, Outermost, PythonStack, StackChange};
