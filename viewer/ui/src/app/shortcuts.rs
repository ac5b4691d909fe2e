// SPDX-License-Identifier: Apache-2.0
//! The keys that give each [`Command`]: what they are called, and which were pressed.

use super::command::Command;
use egui::text_selection::LabelSelectionState;
use egui::{Context, Event, Key, KeyboardShortcut, Modifiers};

const NONE: Modifiers = Modifiers::NONE;

const fn key(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(NONE, key)
}

const fn with(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

impl Command {
    /// The keys that give it, the first one being shown in menus.
    pub fn shortcuts(self) -> &'static [KeyboardShortcut] {
        const CTRL: Modifiers = Modifiers::COMMAND;
        match self {
            Self::Open => const { &[key(Key::O), with(CTRL, Key::O)] },
            Self::OpenPath => const { &[with(CTRL, Key::L)] },
            Self::CompareWith => const { &[with(CTRL, Key::D)] },
            Self::Swap => const { &[key(Key::X)] },
            Self::SavePicture => const { &[with(CTRL.plus(Modifiers::SHIFT), Key::S)] },
            Self::SaveCsv => const { &[with(CTRL, Key::S)] },
            Self::Reload => const { &[key(Key::F5)] },
            Self::Close => const { &[with(CTRL, Key::W)] },
            Self::NextFile => const { &[with(CTRL, Key::PageDown)] },
            Self::PreviousFile => const { &[with(CTRL, Key::PageUp)] },
            Self::Quit => const { &[with(CTRL, Key::Q)] },
            Self::ShowIcicle => const { &[key(Key::Num1)] },
            Self::ShowTable => const { &[key(Key::Num2)] },
            Self::ShowGrowth => const { &[key(Key::Num3)] },
            Self::ShowStatistics => const { &[key(Key::Num4)] },
            Self::ShowSideBySide => const { &[key(Key::Num5)] },
            Self::ShowCallers => const { &[key(Key::Num6)] },
            Self::ShowBands => const { &[key(Key::Num7)] },
            Self::Search => const { &[key(Key::Slash), with(CTRL, Key::F)] },
            Self::PreviousHit => const { &[with(Modifiers::SHIFT, Key::Enter)] },
            Self::NextHit => const { &[key(Key::Enter)] },
            Self::Clear => const { &[key(Key::Escape)] },
            Self::Copy => const { &[with(CTRL, Key::C)] },
            // Not Ctrl, Shift and C: a window hears of that as of Ctrl and C.
            Self::OpenInEditor => const { &[key(Key::E)] },
            Self::CopyMarkdown => const { &[with(CTRL, Key::M)] },
            Self::Back => const { &[with(Modifiers::ALT, Key::ArrowLeft)] },
            Self::Forward => const { &[with(Modifiers::ALT, Key::ArrowRight)] },
            Self::ZoomIn => const { &[key(Key::Plus), key(Key::Equals)] },
            Self::ZoomOut => const { &[key(Key::Minus)] },
            Self::ZoomReset => const { &[key(Key::Num0)] },
            Self::ToggleInverted => const { &[key(Key::I)] },
            Self::ToggleFlames => const { &[key(Key::F)] },
            Self::ToggleFoldLibraries => const { &[key(Key::L)] },
            Self::ToggleOwnCodeColour => const { &[key(Key::C)] },
            Self::ToggleSplitThreads => const { &[key(Key::T)] },
            Self::ToggleOnlyVanished => const { &[key(Key::V)] },
            Self::ToggleLinked => const { &[key(Key::K)] },
            Self::ToggleOverlaid => const { &[key(Key::B)] },
            Self::JumpToPeak => const { &[key(Key::P)] },
            Self::JumpToPeakRss => const { &[key(Key::R)] },
            Self::TypeMoment => const { &[key(Key::G)] },
            Self::ShowPalette => const { &[with(CTRL.plus(Modifiers::SHIFT), Key::P)] },
            Self::ShowKeys => const { &[key(Key::Questionmark), key(Key::F1)] },
            Self::OpenSample
            | Self::OpenChildren
            | Self::ToggleImportSystem
            | Self::ToggleIrrelevant
            | Self::EditFilter
            | Self::CopyStack
            | Self::ClearFilter
            | Self::Ask(_)
            | Self::OfFunction(_)
            | Self::SetWidth(_)
            | Self::ToggleByLine
            | Self::AddRoot
            | Self::SetUnits(_)
            | Self::SetClock(_)
            | Self::SetAxis(_)
            | Self::SetTheme(_)
            | Self::ToggleMarkdownCommand
            | Self::ToggleMarkdownSource
            | Self::EditSources => &[],
        }
    }

    /// Its keys as people know them: `Ctrl+O`, `?`.
    pub fn key_names(self) -> impl Iterator<Item = String> {
        self.shortcuts().iter().map(|shortcut| {
            let Modifiers { alt, shift, command, .. } = shortcut.modifiers;
            let held = [(command, "Ctrl+"), (alt, "Alt+"), (shift, "Shift+")];
            let held: String = held.into_iter().filter(|(is_held, _)| *is_held).map(|(_, name)| name).collect();
            let key = match shortcut.logical_key {
                Key::ArrowLeft => "←",
                Key::ArrowRight => "→",
                Key::Escape => "Esc",
                key => key.symbol_or_name(),
            };
            format!("{held}{key}")
        })
    }

    /// The commands whose keys were pressed in this pass; bare keys do not count while a text field or a menu has them,
    /// and without a search there is no hit to go to: Enter is then the icicle's.
    pub(super) fn pressed(context: &Context, keys_are_taken: bool, searches: bool) -> Vec<Self> {
        let mut pressed = Vec::new();
        // Shift and Enter before Enter alone, which would match it too.
        let order = [Self::PreviousHit].into_iter().chain(Self::ALL);
        for command in order {
            if !searches && matches!(command, Self::NextHit | Self::PreviousHit) {
                continue;
            }
            for shortcut in command.shortcuts() {
                if keys_are_taken && shortcut.conflicts_with_text_editing() && shortcut.logical_key != Key::F5 {
                    continue;
                }
                if context.input_mut(|input| input.consume_shortcut(shortcut)) && !pressed.contains(&command) {
                    pressed.push(command);
                }
            }
        }
        if !keys_are_taken && is_copy_asked(context) && !pressed.contains(&Self::Copy) {
            pressed.push(Self::Copy);
        }
        pressed
    }
}

/// Whether a window was told to copy, which it hears of as no key; text that is selected goes before a frame.
fn is_copy_asked(context: &Context) -> bool {
    let is_asked = context.input(|input| input.events.iter().any(|event| matches!(event, Event::Copy)));
    let texts = context.plugin_opt::<LabelSelectionState>();
    is_asked && !texts.is_some_and(|texts| texts.lock().has_selection())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_key() {
        for (i, a) in Command::ALL.iter().enumerate() {
            for b in &Command::ALL[i + 1..] {
                for shortcut in a.shortcuts() {
                    assert!(!b.shortcuts().contains(shortcut), "{a:?} and {b:?} share {shortcut:?}");
                }
            }
        }
    }
}
