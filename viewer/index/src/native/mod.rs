// SPDX-License-Identifier: Apache-2.0
//! Native stacks: their frames' names, and how they interleave with Python's.
//!
//! memray records return addresses and where libraries were mapped; no names and no build ids. While a native capture is
//! indexed, [`symbols`] looks its addresses up in the libraries on this machine, as far as they may be those of the
//! capture; captures of our own bring names of the others ([`recorded_symbols`]); and [`place`] puts each native stack where it belongs between the Python frames ([`hybrid`]). The index holds
//! the names, so it needs the libraries no more. [`stack`] reads native stacks back.

pub(crate) mod frames;
mod hybrid;
mod object_file;
pub(crate) mod place;
pub(crate) mod recorded_symbols;
pub(crate) mod stack;
mod symbols;

/// Where the names of native functions come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NativeSymbols {
    /// There are none: no native stacks were recorded, or none of their libraries is here.
    #[default]
    None,
    /// From libraries on this machine whose paths and segments are those of the capture, which does not hold what would
    /// prove that they are the same: names may be wrong if a library was replaced since by one of the very same layout.
    Unverified,
    /// From libraries that are shown to be the same by their build ids, or from the capture itself.
    Verified,
}
