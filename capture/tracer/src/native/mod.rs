// SPDX-License-Identifier: Apache-2.0
//! Native stacks: which C functions led to an allocation. [`NativeStack`] leads.
//!
//! Each thread unwinds its own stack ([`stack`]) by the tables that compilers leave in objects for exceptions, with the
//! crate `framehop`; what is loaded, and where its tables lie, is kept for all threads ([`objects`]). Stacks enter the
//! capture as a tree of return addresses, in which those that begin alike share their beginning ([`trie`]). No name is
//! looked up meanwhile: readers do that, by the objects' places, which are recorded too, or by what is added at the end
//! ([`symbols`]).
//!
//! Nothing is read but the tables of objects, and a thread's stack within its bounds. Where a stack leaves the code that
//! is known (code made at run time, a stack of the program's own making) it ends.

mod bounds;
mod objects;
mod registers;
mod stack;
mod symbols;
mod trie;

pub(crate) use objects::{LoadedObjects, after_fork, before_fork, in_forked_child, look_again, stop_looking};
pub(crate) use stack::NativeStack;
pub(crate) use trie::Trie;

/// Whether native functions are named when a capture ends, for which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// They are not.
    Nothing,
    /// They are, in a hook: as far as their objects are known, since the program may hold the loader's lock; and if the thread
    /// has some of its stack left.
    InHook,
    /// They are, as far as their objects are loaded still.
    Anywhere,
}

/// What must be left of a thread's stack to name functions in a hook.
const NEEDED_BYTES: usize = 128 << 10;

/// The content of an appendix for a capture that has these stacks: the names of their functions.
pub(crate) fn appendix(stacks: &Trie, naming: Naming) -> Vec<u8> {
    let has_stack = || {
        let here = registers::Registers::here().stack;
        bounds::of_this_thread().is_some_and(|stack| (stack.start + NEEDED_BYTES..stack.end).contains(&here))
    };
    match naming {
        Naming::InHook if has_stack() => {}
        Naming::Nothing | Naming::InHook => return Vec::new(),
        Naming::Anywhere => {
            objects::refresh();
        }
    }
    objects::current().map_or_else(Vec::new, |objects| symbols::describe(&objects, stacks.addresses()))
}
