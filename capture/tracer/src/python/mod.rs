// SPDX-License-Identifier: Apache-2.0
//! What the tracer knows of the interpreter. [`Interpreter`] leads: the one of this process, found by name and checked.
//!
//! Frames are read where the interpreter keeps them, by layouts, without calling it: a thread's own chain of frames changes
//! only while that thread runs Python, so neither the GIL nor an allocation is needed.

pub(crate) mod allocators;
mod code;
mod interpreter;
mod stack;

pub(crate) use code::{CodeAddress, CodeIds, CodeText};
pub(crate) use interpreter::{Interpreter, Refusal};
pub(crate) use stack::{Frame, PythonStack, StackChange};
