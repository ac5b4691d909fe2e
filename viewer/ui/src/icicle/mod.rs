// SPDX-License-Identifier: Apache-2.0
//! The icicle: a tree of an answer, drawn as boxes as wide as their memory, the root on top.
//!
//! [`Icicle`] leads: it keeps what is on screen (zoom, depth) and draws a [`Source`], once a frame;
//! [`Events`] says what the user asked for. A frame's cost depends on the pixels, never on the tree: [`layout`] finds
//! what is visible, one mesh shows it, and texts stand only where they fit.

mod changes;
mod colour;
mod label;
pub mod layout;
mod paint;
mod place;
#[cfg(test)]
mod sample;
pub mod search;
#[cfg(test)]
mod tests;
mod tooltip;
pub mod view;
mod widget;

pub(crate) use changes::share as change_share;
pub use changes::{Changes, Shown};
pub(crate) use colour::band_colour;
pub use colour::module_frame;
pub use label::{frame_name, frame_path, frame_place};
pub use place::{FramePath, Place};
pub use search::{Hits, SearchError, search};
pub(crate) use tooltip::stack_text;
pub use widget::Icicle;

use crate::function_menu::FunctionAction;
use crate::labels::Labels;
use memray_index::{Amount, Tree, TreeNodeId};
use memray_report::size::Units;

/// What an icicle shows.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// Another number for each tree; how the icicle notices that it was replaced.
    pub generation: u64,
    /// The answer's sum, which shares are of.
    pub total: Amount,
    /// Names.
    pub labels: &'a dyn Labels,
    /// Whether amounts are differences: growth and shrinkage.
    pub is_signed: bool,
    /// Whether the root is at the bottom.
    pub is_flames: bool,
    /// Whether own code has colours by module.
    pub is_coloured: bool,
    /// What a search found in this tree.
    pub hits: Option<&'a Hits>,
    /// The selected frame.
    pub selected: Option<TreeNodeId>,
    /// In which units sizes are shown.
    pub units: Units,
    /// Whether it is of one capture: then menus ask about functions, and towers are threads; of several they are processes.
    pub is_of_one_capture: bool,
    /// How its frames changed, where it is a tree of two captures.
    pub changes: Option<Changes<'a>>,
}

/// What the user asked for in one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// The selection changed to this. Also where the selected frame went when the tree was replaced.
    pub selection: Option<Selection>,
    /// A frame was clicked, or Enter pressed on it: more than arrow keys say.
    pub activated: Option<TreeNodeId>,
    /// What was asked about the function of this frame.
    pub function: Option<(TreeNodeId, FunctionAction)>,
    /// What was shown before a zoom that was just made, to be gone back to.
    pub left: Option<Place>,
    /// What was just copied, to be told: `name`, `stack`.
    pub copied: Option<&'static str>,
}

/// What is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A frame.
    Frame(TreeNodeId),
    /// Nothing.
    Nothing,
}

impl Selection {
    /// The frame, if one is selected.
    pub fn frame(self) -> Option<TreeNodeId> {
        match self {
            Self::Frame(node) => Some(node),
            Self::Nothing => None,
        }
    }
}
