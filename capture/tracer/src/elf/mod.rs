// SPDX-License-Identifier: Apache-2.0
//! The loaded objects of this process (the program and its shared libraries), and the slots through which each calls the
//! others. [`patch`] leads: it makes them call hooks instead of the functions that are hooked.
//!
//! An object calls a function of another through a slot that the loader fills, one for each name (its *global offset
//! table*). To write there costs nothing when the function is called, needs no preloading, and can be undone.

mod object;
pub(crate) mod patch;

pub(crate) use object::{Object, for_each, load_counts};
