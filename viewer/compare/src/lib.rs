// SPDX-License-Identifier: Apache-2.0
//! Two captures as one comparison: what grew, what shrank, what is new and what vanished. No window, no text.
//!
//! [`Comparison`] leads: it holds two indexes, *before* and *after*, and makes of two answers one tree ([`UnionTree`]) and
//! one table ([`DeltaRow`]), in which frames of both are the same if they are the same code, wherever it was installed
//! ([`Matching`]). What changed most is [`Cause`]; what makes the two hard to compare, a [`Caveat`].

mod canonical;
mod caveats;
mod change;
mod comparison;
mod joint;
mod root_rules;
mod roots;
mod table;
mod union_tree;
mod verdict;

pub use caveats::{Caveat, caveats};
pub use change::{Change, Delta};
pub use comparison::{Comparison, Matching, Side};
pub use roots::RootRule;
pub use table::{DeltaKey, DeltaRow};
pub use union_tree::{UnionTree, Width};
pub use verdict::{Cause, Verdict};
