// SPDX-License-Identifier: Apache-2.0
//! Which memory is compared: the bar with its modes, the switch that links both sides, and what is shown in words.

use super::super::command::Command;
use super::super::view::ModeChoice;
use super::super::{mode_bar, tabs};
use super::CompareDocument;
use super::view::{MODES, SIDES, at, letter, mode_label, mode_refusal};
use crate::joined_buttons::{self, JoinedButton};
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::text::{LayoutJob, TextFormat};
use egui::{Button, ComboBox, Label, RichText, TextStyle, Ui};
use memray_compare::{Change, Delta, Side};
use memray_report::comparison::{glyph, subject};
use memray_report::size::{Units, format_bytes, format_bytes_exact, format_bytes_signed};

impl CompareDocument {
    /// Draws the bar, the switch and the caption.
    pub(super) fn show_modes(&mut self, ui: &mut Ui, settings: &Settings, commands: &mut Vec<Command>) {
        // Handles: what they hold of the captures' headers may be megabytes.
        let indexes = self.indexes.clone();
        let infos = [indexes[0].info(), indexes[1].info()];
        let chosen = self.view.mode();
        let button = |mode: ModeChoice| JoinedButton {
            label: mode_label(mode, infos),
            help: mode.help(),
            refusal: mode_refusal(mode, infos),
            is_chosen: chosen == Some(mode),
        };
        let responses = joined_buttons::show(ui, "mode", &MODES.map(button));
        for (mode, response) in MODES.into_iter().zip(responses) {
            if response.clicked() {
                commands.push(Command::Ask(mode));
            }
            if mode == ModeChoice::LiveAt {
                let timelines = [indexes[0].timeline(), indexes[1].timeline()];
                let view = &mut self.view;
                let typed = self.typed_time.show(&response, settings.clock.wall_clock().into(), |ui| {
                    if !view.is_linked {
                        choose_side(ui, &mut view.chosen_side);
                    }
                    timelines[at(view.chosen_side())]
                });
                if let Some(time) = typed {
                    view.choose_time(view.chosen_side(), time, timelines);
                    // What was typed is more exact than the sample of A's that it stands for.
                    let of_other = self.typed_time.entered_of(timelines[1], settings.clock.wall_clock().into());
                    if let (true, Some(time)) = (view.is_linked, of_other) {
                        view.asked[1].choose(time);
                        view.note_marks();
                    }
                }
            }
        }
        let of_temporary = self.view.asked.iter_mut().filter(|asked| asked.mode == ModeChoice::Temporary);
        let mut thresholds: Vec<&mut u64> = of_temporary.map(|asked| &mut asked.temporary_threshold).collect();
        if let Some(first) = thresholds.first() {
            let mut threshold = **first;
            mode_bar::threshold(ui, &mut threshold);
            thresholds.iter_mut().for_each(|it| **it = threshold);
        }
        for command in [Command::ToggleLinked, Command::ToggleOverlaid] {
            let switch = tabs::switch(ui, &command.label().to_lowercase(), self.is_on(command));
            if switch.on_hover_text(command.help()).clicked() {
                commands.push(command);
            }
        }
        self.caption(ui, settings.units.units());
    }

    /// Draws the choice of one side's mode, where the sides are free.
    pub(super) fn show_mode_of(&mut self, ui: &mut Ui, side: Side) {
        let index = self.indexes[at(side)].clone();
        let info = index.info();
        let asked = &mut self.view.asked[at(side)];
        let label = format!("Mode of {}", letter(side));
        let combo =
            ComboBox::from_id_salt(&label).height(340.0).selected_text(asked.mode.label(info)).show_ui(ui, |ui| {
                for mode in MODES {
                    let refusal = mode.refusal(info);
                    let button = Button::selectable(asked.mode == mode, mode.label(info));
                    let response = ui.add_enabled(refusal.is_none(), button).on_hover_text(mode.help());
                    if response.on_disabled_hover_text(refusal.unwrap_or_default()).clicked() {
                        asked.mode = mode;
                    }
                }
            });
        combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &label));
    }

    /// What is compared, and by how much it changed.
    fn caption(&self, ui: &mut Ui, units: Units) {
        let palette = Palette::of(ui.visuals());
        let Some(picture) = &self.answers.picture else {
            ui.label(RichText::new("Comparing…").color(palette.text_weak));
            return;
        };
        let compared = match &picture.outcome {
            Ok(compared) => compared,
            Err((side, refusal)) => {
                let words = format!("{}: {}", letter(*side), refusal.sentence());
                ui.add(Label::new(RichText::new(words).color(palette.note)).wrap());
                return;
            }
        };
        let modes = [picture.questions[0].mode, picture.questions[1].mode];
        let words = format!("{}: ", subject(&picture.comparison, &modes));
        let job = caption_job(ui, &words, compared.total, units, self.picture_is_current());
        if ui.available_size_before_wrap().x < ui.painter().layout_job(job.clone()).size().x {
            // In one piece, on a row of its own.
            ui.end_row();
        }
        let label = ui.add(Label::new(job).selectable(true).wrap());
        let Delta { before, after } = compared.total;
        label.on_hover_text(format!(
            "{} \u{2192} {}",
            format_bytes_exact(before.bytes),
            format_bytes_exact(after.bytes)
        ));
        if !self.picture_is_current() {
            ui.spinner();
        }
    }
}

/// Has the side chosen whose time is typed.
fn choose_side(ui: &mut Ui, side: &mut Side) {
    ui.horizontal(|ui| {
        ui.label("Of");
        for of in SIDES {
            ui.radio_value(side, of, letter(of));
        }
    });
}

/// `Live at each peak: 2.85 GiB → 3.25 GiB ▲ +412 MiB`.
fn caption_job(ui: &Ui, words: &str, total: Delta, units: Units, is_current: bool) -> LayoutJob {
    let palette = Palette::of(ui.visuals());
    let (plain, strong) =
        if is_current { (palette.text, palette.text_strong) } else { (palette.text_weak, palette.text_weak) };
    let change = match total.bytes().signum() {
        1 => Change::More,
        -1 => Change::Less,
        _ => Change::Neutral,
    };
    let amounts =
        format!("{} \u{2192} {}  ", format_bytes(total.before.bytes, units), format_bytes(total.after.bytes, units));
    let difference = format!("{} {}", glyph(change), format_bytes_signed(total.bytes(), units));
    let change_colour = if is_current { palette.change_text(change) } else { palette.text_weak };
    let mut job = LayoutJob::default();
    for (text, style, colour) in [
        (words, TextStyle::Body, plain),
        (&amounts, style::strong(), strong),
        (&difference, style::strong(), change_colour),
    ] {
        let format = TextFormat { valign: ui.text_valign(), ..TextFormat::simple(style.resolve(ui.style()), colour) };
        job.append(text, 0.0, format);
    }
    job
}
