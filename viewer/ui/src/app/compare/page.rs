// SPDX-License-Identifier: Apache-2.0
//! The page of a comparison: verdict, what makes it hard, both graphs, modes, main view and status bar.

use super::super::command::Command;
use super::super::{headline, notes, tabs};
use super::view::CompareTab;
use super::{CompareDocument, chips};
use crate::settings::Settings;
use crate::style::{self, GAP, MARGIN, top_panel};
use crate::theme::Palette;
use egui::{CentralPanel, Frame, Label, Link, Margin, Panel, RichText, Ui};
use memray_compare::{Change, DeltaKey};
use memray_report::comparison::glyph;

/// Draws the page; something to say for a moment, if there is.
pub(in crate::app) fn show(
    ui: &mut Ui,
    document: &mut CompareDocument,
    settings: &mut Settings,
    commands: &mut Vec<Command>,
) -> Option<String> {
    let palette = Palette::of(ui.visuals());
    chips::show(ui, document, settings);
    let margin = |top: i8, bottom: i8| Margin { left: MARGIN as i8, right: MARGIN as i8, top, bottom };
    let plain = |top: i8, bottom: i8| Frame::new().fill(palette.background).inner_margin(margin(top, bottom));
    let height = ui.available_height();
    top_panel(ui, "headline", plain(6, 6), |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        document.show_verdict(ui, commands);
    });
    Panel::top("memory graphs")
        .frame(plain(0, 4))
        .show_separator_line(false)
        .resizable(true)
        .default_size((height * 0.22).clamp(112.0, 260.0))
        .size_range(96.0..=(height * 0.5).max(112.0))
        .show(ui, |ui| document.show_graphs(ui, settings, commands));
    top_panel(ui, "modes", plain(3, 2), |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            document.show_modes(ui, settings, commands);
        });
    });
    let frame = Frame::new().fill(palette.background).inner_margin(margin(0, GAP as i8));
    let mut said = None;
    CentralPanel::default().frame(frame).show(ui, |ui| {
        document.show_tabs(ui, commands);
        said = document.show_main(ui, settings);
    });
    said.or_else(|| document.markdown.poll(ui.ctx()))
}

/// In a window lower than this what makes two hard to compare has one line.
const LOW: f32 = 640.0;

const TAB_COMMANDS: [Command; 3] = [Command::ShowIcicle, Command::ShowSideBySide, Command::ShowTable];

const UNION_SWITCHES: [Command; 4] =
    [Command::ToggleOnlyVanished, Command::ToggleFoldLibraries, Command::ToggleInverted, Command::ToggleFlames];

const SIDE_SWITCHES: [Command; 3] = [Command::ToggleFoldLibraries, Command::ToggleInverted, Command::ToggleFlames];

impl CompareDocument {
    fn show_verdict(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let palette = Palette::of(ui.visuals());
        ui.style_mut().interaction.selectable_labels = true;
        let said = match &self.answers.said {
            Some((_, Ok(said))) => std::sync::Arc::clone(said),
            Some((_, Err(refusal))) => {
                ui.label(RichText::new(refusal.sentence()).text_style(style::headline()));
                return;
            }
            None => {
                ui.label(RichText::new(" ").text_style(style::headline()));
                ui.label(" ");
                return;
            }
        };
        if let Some(location) = headline::sentence(ui, &said.segments) {
            self.select_key(&DeltaKey::Location(location));
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.label(RichText::new(said.facts.join("  ·  ")).color(palette.text));
            ui.label(RichText::new("  ·  ").color(palette.text_weak));
            let markdown = Command::CopyMarkdown;
            let link = Link::new(RichText::new(markdown.label()).color(palette.accent));
            if ui.add(link).on_hover_text(markdown.help()).clicked() {
                commands.push(markdown);
            }
        });
        ui.add_space(2.0);
        // The facts name each; in a low window the trees need the room.
        if ui.ctx().content_rect().height() < LOW && said.caveats.len() > 1 {
            notes::bar(ui, palette.note, palette.note_background, |ui| {
                let words = RichText::new(said.caveats.join("  ")).color(palette.text);
                ui.add(Label::new(words).truncate()).on_hover_text(said.caveats.join("\n\n"));
            });
            return;
        }
        for caveat in &said.caveats {
            notes::bar(ui, palette.note, palette.note_background, |ui| {
                ui.add(Label::new(RichText::new(caveat).color(palette.text)).wrap().selectable(true));
            });
        }
    }

    fn show_tabs(&self, ui: &mut Ui, commands: &mut Vec<Command>) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 18.0;
            for (tab, command) in CompareTab::ALL.into_iter().zip(TAB_COMMANDS) {
                if tabs::show_tab(ui, tab.label(), self.view.tab == tab).on_hover_text(command.help()).clicked() {
                    commands.push(command);
                }
            }
            let switches = match self.view.tab {
                CompareTab::Union => &UNION_SWITCHES[..],
                CompareTab::SideBySide => &SIDE_SWITCHES,
                CompareTab::Table => return,
            };
            legend(ui);
            tabs::switches(ui, switches, |command| self.is_on(command), commands);
        });
    }
}

/// A window narrower than this has no room for the legend.
const WIDE: f32 = 1000.0;

/// What signs and colours stand for.
fn legend(ui: &mut Ui) {
    if ui.available_width() < WIDE * 0.75 {
        return;
    }
    let palette = Palette::of(ui.visuals());
    ui.spacing_mut().item_spacing.x = 12.0;
    ui.add_space(6.0);
    for (change, name) in
        [(Change::More, "more"), (Change::New, "new"), (Change::Less, "less"), (Change::Vanished, "gone")]
    {
        let words = format!("{} {name}", glyph(change));
        ui.label(RichText::new(words).color(palette.change_text(change)).size(12.0));
    }
}
