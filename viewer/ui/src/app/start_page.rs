// SPDX-License-Identifier: Apache-2.0
//! The page without a capture: a way to open one, those of before, a sample, and how to record one.

use super::AppOptions;
use super::command::Command;
use super::file_dialog::FileDialog;
use super::headline::short_command;
use crate::settings::{Recent, Settings};
use crate::style;
use crate::theme::Palette;
use egui::{
    Align, Button, CentralPanel, CornerRadius, Frame, Label, Layout, Margin, RichText, ScrollArea, Sense, Stroke, Ui,
    vec2,
};
use memray_report::escape;
use memray_report::size::format_bytes;
use memray_report::time::format_date_time;
use std::path::{Path, PathBuf};

/// The line that records a capture; elsewhere memray's own, as programs are recorded on Linux only.
#[cfg(target_os = "linux")]
const RECORD_COMMAND: &str = "memray-view run script.py";
#[cfg(not(target_os = "linux"))]
const RECORD_COMMAND: &str = "memray run -o out.bin script.py";
const WIDTH: f32 = 680.0;

/// Draws the page; the capture to open, if one was chosen.
pub(super) fn show(
    ui: &mut Ui,
    settings: &Settings,
    options: &AppOptions,
    dialog: &FileDialog,
    commands: &mut Vec<Command>,
) -> Option<PathBuf> {
    let palette = Palette::of(ui.visuals());
    let mut chosen = None;
    column(ui, |ui| {
        ui.add_space((ui.available_height() * 0.12).clamp(12.0, 120.0));
        ui.label(RichText::new("memray-view").text_style(style::headline()).size(26.0).color(palette.text_strong));
        ui.label(RichText::new("Shows where the memory of a Python program went.").color(palette.text_weak));
        ui.add_space(16.0);
        ui.horizontal(|ui| {
            let text = RichText::new("Open a capture…").color(palette.on_accent).text_style(style::strong());
            let button = Button::new(text).fill(palette.accent).min_size(vec2(150.0, 30.0));
            if ui.add_enabled(!dialog.is_open(), button).clicked() {
                commands.push(Command::Open);
            }
            let sample = Button::new(Command::OpenSample.label()).min_size(vec2(0.0, 30.0));
            if ui.add(sample).on_hover_text(Command::OpenSample.help()).clicked() {
                commands.push(Command::OpenSample);
            }
            if options.takes_drops {
                ui.label(RichText::new("or drop one on this window").color(palette.text_weak));
            }
        });
        ui.add_space(18.0);
        heading(ui, "Record one");
        record_line(ui);
        ui.add_space(18.0);
        if settings.recent.is_empty() {
            return;
        }
        heading(ui, "Recent");
        for recent in &settings.recent {
            if recent_row(ui, recent, settings) {
                chosen = Some(recent.path.clone());
            }
        }
    });
    chosen
}

/// Draws what went wrong, and ways on.
pub(super) fn show_failure(ui: &mut Ui, path: &Path, message: &str, commands: &mut Vec<Command>) {
    let palette = Palette::of(ui.visuals());
    column(ui, |ui| {
        ui.add_space((ui.available_height() * 0.2).clamp(12.0, 200.0));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let title = format!("{} cannot be opened", escape::shorten(&escape::visible(&name), 60));
        ui.label(RichText::new(title).text_style(style::headline()).color(palette.text_strong));
        ui.add_space(6.0);
        let text = RichText::new(sentence(&escape::visible(message))).color(palette.text);
        ui.add(Label::new(text).wrap().selectable(true));
        ui.add_space(14.0);
        ui.horizontal(|ui| {
            if ui.button("Try again").clicked() {
                commands.push(Command::Reload);
            }
            if ui.button("Open another…").clicked() {
                commands.push(Command::Open);
            }
            if ui.button("Back to the start").clicked() {
                commands.push(Command::Close);
            }
        });
    });
}

/// A message as a sentence of its own: in a terminal it stands behind the program's name.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A column in the middle of the window.
fn column(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui.visuals());
    CentralPanel::default().frame(Frame::new().fill(palette.background)).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let room = ui.available_width();
            let width = WIDTH.min(room - 2.0 * style::MARGIN);
            ui.horizontal_top(|ui| {
                ui.add_space((room - width) / 2.0);
                ui.allocate_ui_with_layout(vec2(width, ui.available_height()), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    content(ui);
                });
            });
        });
    });
}

fn heading(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui.visuals());
    ui.label(RichText::new(text).text_style(style::strong()).color(palette.text_strong));
}

fn record_line(ui: &mut Ui) {
    let palette = Palette::of(ui.visuals());
    panel(ui, |ui| {
        ui.horizontal(|ui| {
            ui.add(Label::new(RichText::new(RECORD_COMMAND).monospace().color(palette.text_strong)).selectable(true));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button("Copy").on_hover_text("Copy this line").clicked() {
                    ui.ctx().copy_text(RECORD_COMMAND.to_owned());
                }
            });
        });
    });
}

fn panel(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui.visuals());
    Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.outline))
        .corner_radius(CornerRadius::same(style::RADIUS))
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, content);
}

/// A capture of before: its name and peak, then when and what was run. Whether it was clicked.
fn recent_row(ui: &mut Ui, recent: &Recent, settings: &Settings) -> bool {
    let palette = Palette::of(ui.visuals());
    let name = recent.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = escape::shorten(&escape::visible(&name), 60).into_owned();
    let folder = recent.path.parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    let peak = format_bytes(recent.peak_bytes, settings.units.units());
    let date = format_date_time(recent.start_time_ms, settings.clock.wall_clock());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 50.0), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{name}, peak {peak}")));
    let fill = if response.hovered() { palette.neutral_frame } else { palette.panel };
    ui.painter().rect(
        rect,
        CornerRadius::same(style::RADIUS),
        fill,
        Stroke::new(1.0, if response.has_focus() { palette.accent } else { palette.outline }),
        egui::StrokeKind::Inside,
    );
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(rect.shrink2(vec2(12.0, 7.0))));
    inner.spacing_mut().item_spacing.y = 1.0;
    inner.horizontal(|ui| {
        ui.label(RichText::new(name).text_style(style::strong()).color(palette.text_strong));
        ui.add(Label::new(RichText::new(escape::visible(&folder)).color(palette.text_weak).size(12.0)).truncate());
    });
    let command = short_command(&recent.command_line);
    let command = escape::shorten(&command, 90);
    let facts = format!("peak {peak}  ·  {date}  ·  {command}");
    inner.add(Label::new(RichText::new(facts).color(palette.text_weak).size(12.0)).truncate());
    response.on_hover_text(recent.path.display().to_string()).clicked()
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_message_begins_with_a_capital_letter() {
        assert_eq!(sentence("this is not a capture"), "This is not a capture");
        assert_eq!(sentence(""), "");
    }
}
