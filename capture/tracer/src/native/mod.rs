// SPDX-License-Identifier: Apache-2.0
//! Native stacks: which C functions led to an allocation. [`NativeStack`] leads.
//!
//! Each thread unwinds its own stack ([`stack`]) by the tables that compilers leave in objects for exceptions, with the
//! crate `framehop`; what is loaded, and where its tables lie, is kept for all threads ([`objects`]). Stacks enter the
//! capture as a tree of return addresses, in which those that begin alike share their beginning ([`trie`]). No name is
//! looked up here: readers do that, by the objects' places, which are recorded too.
//!
//! Nothing is read but the tables of objects, and a thread's stack within its bounds. Where a stack leaves the code that
//! is known (code made at run time, a stack of the program's own making) it ends.

mod bounds;
mod objects;
mod registers;
mod stack;
mod trie;

pub(crate) use objects::{LoadedObjects, after_fork, before_fork};
pub(crate) use stack::NativeStack;
pub(crate) use trie::Trie;
