// SPDX-License-Identifier: Apache-2.0
//! What can be asked about a function wherever it is shown: [`FunctionAction`], as entries of the menu of the secondary
//! button.

use egui::Ui;

/// Something to be asked about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionAction {
    /// Show who calls it and whom it calls.
    Callers,
    /// Show only stacks with it.
    Focus,
    /// Show only stacks with it, and of these only what it calls.
    StartHere,
    /// Show only stacks without it.
    HideStacks,
    /// Show stacks without its frames.
    HideFrames,
}

impl FunctionAction {
    const ALL: [Self; 5] = [Self::Callers, Self::Focus, Self::StartHere, Self::HideStacks, Self::HideFrames];

    /// Its name in a menu.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Callers => "Callers and callees",
            Self::Focus => "Focus on this function",
            Self::StartHere => "Start stacks at this function",
            Self::HideStacks => "Hide stacks with this function",
            Self::HideFrames => "Hide this function",
        }
    }

    /// What it does, in a sentence.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Callers => "Show who calls it and whom it calls",
            Self::Focus => "Show only stacks that it is in",
            Self::StartHere => "Show only stacks that it is in, from it on",
            Self::HideStacks => "Leave out all memory that was allocated under it",
            Self::HideFrames => "Leave its frames out; its memory is its callers\u{2019}",
        }
    }
}

/// Fills a part of a menu; what was chosen.
pub(crate) fn show(ui: &mut Ui) -> Option<FunctionAction> {
    let mut chosen = None;
    for action in FunctionAction::ALL {
        if ui.button(action.label()).on_hover_text(action.help()).clicked() {
            chosen = Some(action);
            ui.close();
        }
    }
    chosen
}
