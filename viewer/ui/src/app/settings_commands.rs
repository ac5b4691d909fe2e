// SPDX-License-Identifier: Apache-2.0
//! Commands that change a setting, and the question for those that are typed.

use super::command::Command;
use super::editor::DEFAULT_TEMPLATE;
use crate::settings::{MarkdownChoice, Settings};
use crate::style;
use crate::theme::Palette;
use egui::{Id, Modal, RichText, Ui};
use memray_report::source_folders::SEPARATOR;

impl Settings {
    /// Changes what a command is about; nothing if it is about no setting.
    pub(super) fn perform(&mut self, command: Command) {
        let MarkdownChoice { command_lines, source_lines } = &mut self.markdown;
        match command {
            Command::SetUnits(units) => self.units = units,
            Command::SetClock(clock) => self.clock = clock,
            Command::SetAxis(axis) => self.axis = axis,
            Command::SetTheme(theme) => self.theme = theme,
            Command::ToggleMarkdownCommand => *command_lines ^= true,
            Command::ToggleMarkdownSource => *source_lines ^= true,
            _ => {}
        }
    }

    /// Whether a setting is as a command would have it.
    pub(super) fn is_on(&self, command: Command) -> bool {
        match command {
            Command::SetUnits(units) => self.units == units,
            Command::SetClock(clock) => self.clock == clock,
            Command::SetAxis(axis) => self.axis == axis,
            Command::SetTheme(theme) => self.theme == theme,
            Command::ToggleMarkdownCommand => self.markdown.command_lines,
            Command::ToggleMarkdownSource => self.markdown.source_lines,
            _ => false,
        }
    }
}

/// Asks where sources are and what opens them; whether it is to be closed. Opened anew, its first field has the keys.
pub(super) fn show_sources(ui: &Ui, settings: &mut Settings, is_new: bool) -> bool {
    let palette = Palette::of(ui.visuals());
    let modal = Modal::new(Id::unique("sources and editor")).show(ui.ctx(), |ui| {
        ui.set_width(460.0_f32.min(ui.ctx().content_rect().width() - 60.0));
        ui.label(RichText::new("Sources and editor").text_style(style::strong()).color(palette.text_strong));
        ui.add_space(4.0);
        let label = ui.label("Command that opens a source line");
        let field = style::text_field(ui, &mut settings.editor, Id::unique("editor"))
            .hint_text(DEFAULT_TEMPLATE)
            .desired_width(f32::INFINITY);
        let field = ui.add(field).labelled_by(label.id);
        if is_new {
            field.request_focus();
        }
        ui.weak("{file} and {line} stand for the place. It is run as it is, without a shell.");
        ui.add_space(6.0);
        let label = ui.label("Folders of sources that are not where a capture says");
        let field = style::text_field(ui, &mut settings.source_folders, Id::unique("source folders"))
            .hint_text(format!("/home/me/app{SEPARATOR}/home/me/lib"))
            .desired_width(f32::INFINITY);
        ui.add(field).labelled_by(label.id);
        ui.add_space(8.0);
        ui.button("Close").clicked()
    });
    modal.inner || modal.should_close()
}
