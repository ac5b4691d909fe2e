// SPDX-License-Identifier: Apache-2.0
//! Every command by its name: [`CommandPalette`], a list that typing narrows. Made from the commands, as the menus are.

use super::command::{Command, Needs};
use crate::style;
use crate::theme::Palette;
use egui::{Button, Id, Key, Modal, Modifiers, RichText, ScrollArea, Sense, Ui, UiBuilder, vec2};

/// The list, while it is open.
#[derive(Default)]
pub(super) struct CommandPalette {
    text: String,
    /// Which of those that are listed.
    chosen: usize,
    has_focus: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing was chosen yet.
    Open,
    /// It was given up.
    Closed,
    /// This is to be done.
    Run(Command),
}

/// So many commands are seen at a time.
const ROWS: f32 = 12.0;
const ROW_HEIGHT: f32 = 26.0;

impl CommandPalette {
    /// Draws it. `works` says which commands do anything now.
    pub(super) fn show(&mut self, ui: &mut Ui, works: &dyn Fn(Command) -> bool) -> Outcome {
        let mut outcome = Outcome::Open;
        let modal = Modal::new(Id::unique("command palette")).show(ui.ctx(), |ui| {
            ui.set_width(520.0_f32.min(ui.ctx().content_rect().width() - 60.0));
            let steps = ui.input_mut(|input| {
                let mut pressed = |key| input.count_and_consume_key(Modifiers::NONE, key);
                (pressed(Key::ArrowDown), pressed(Key::ArrowUp))
            });
            let field = style::text_field(ui, &mut self.text, Id::unique("command"))
                .hint_text("Type what you want to do")
                .desired_width(f32::INFINITY);
            let response = ui.add(field);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Command"));
            if !std::mem::replace(&mut self.has_focus, true) {
                response.request_focus();
            }
            if response.changed() {
                self.chosen = 0;
            }
            let listed = listed(&self.text, works);
            let last = listed.len().saturating_sub(1);
            self.chosen = (self.chosen + steps.0).saturating_sub(steps.1).min(last);
            if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                match listed.get(self.chosen) {
                    Some(&command) if works(command) => outcome = Outcome::Run(command),
                    // What cannot be done is not done; the list stays.
                    _ => response.request_focus(),
                }
            }
            ui.add_space(4.0);
            if listed.is_empty() {
                ui.weak("No command is called so.");
            }
            let has_moved = steps != (0, 0) || response.changed();
            ScrollArea::vertical().max_height(ROWS * ROW_HEIGHT).auto_shrink([false, true]).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (at, &command) in listed.iter().enumerate() {
                    if row(ui, command, works(command), at == self.chosen, has_moved) {
                        outcome = Outcome::Run(command);
                    }
                }
            });
        });
        if outcome == Outcome::Open && modal.should_close() { Outcome::Closed } else { outcome }
    }
}

/// Draws a command; whether it was clicked.
fn row(ui: &mut Ui, command: Command, works: bool, is_chosen: bool, scrolls: bool) -> bool {
    let palette = Palette::of(ui.visuals());
    let right = if works { command.key_names().next().unwrap_or_default() } else { why_not(command).to_owned() };
    let name = format!("{}: {}", command.group().label(), command.label().trim_end_matches('…'));
    let colour = if works { palette.text_strong } else { palette.text_weak };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover());
    let button = Button::selectable(is_chosen, RichText::new(&name).color(colour))
        .right_text(RichText::new(right).color(palette.text_weak))
        .min_size(rect.size())
        .truncate();
    let response = ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| ui.add_enabled(works, button)).inner;
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, works, is_chosen, &name));
    if is_chosen && scrolls {
        response.scroll_to_me(None);
    }
    response.on_hover_text(command.help()).on_disabled_hover_text(command.help()).clicked()
}

/// Why a command does nothing now.
fn why_not(command: Command) -> &'static str {
    match command.needs() {
        Needs::Nothing | Needs::Any => "nothing to do now",
        Needs::Capture => "for one capture",
        Needs::Comparison => "for two captures",
    }
}

/// The commands that a text means: those that can be done first, then those whose words begin with it.
fn listed(text: &str, works: &dyn Fn(Command) -> bool) -> Vec<Command> {
    let text = text.trim().to_lowercase();
    let ranked = Command::ALL.into_iter().filter(|&command| command != Command::ShowPalette).filter_map(|command| {
        let name = format!("{} {}", command.group().label(), command.label()).to_lowercase();
        Some(((!works(command), rank(&name, &text)?), command))
    });
    let mut ranked: Vec<_> = ranked.collect();
    // Of equal rank in the menus' order.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, command)| command).collect()
}

/// How well a name fits a text; less is better. Its letters must come in that order.
fn rank(name: &str, text: &str) -> Option<u8> {
    if text.is_empty() {
        return Some(0);
    }
    let begins_word = name.split(' ').any(|word| word.starts_with(text)) || name.contains(&format!(" {text}"));
    let mut letters = name.chars();
    match (begins_word, name.contains(text)) {
        (true, _) => Some(0),
        (false, true) => Some(1),
        _ => text.chars().filter(|letter| !letter.is_whitespace()).all(|l| letters.any(|it| it == l)).then_some(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ModeChoice;
    use crate::function_menu::FunctionAction;

    #[test]
    fn a_few_letters_find_a_command_and_those_that_do_nothing_come_last() {
        let all = |_| true;
        assert_eq!(listed("jump", &all)[..2], [Command::JumpToPeak, Command::JumpToPeakRss]);
        assert_eq!(listed("leaked", &all)[0], Command::Ask(ModeChoice::Leaked));
        assert_eq!(listed("start stacks", &all)[0], Command::OfFunction(FunctionAction::StartHere));
        assert_eq!(listed("spth", &all)[0], Command::ToggleSplitThreads);
        assert_eq!(listed("", &all).len(), Command::ALL.len() - 1);
        assert_eq!(listed("zzz", &all), []);
        let but_peak = |command| command != Command::JumpToPeak;
        assert_eq!(listed("jump", &but_peak)[0], Command::JumpToPeakRss);
    }
}
