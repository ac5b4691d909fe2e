// SPDX-License-Identifier: Apache-2.0
//! The sheet of all keys, made from the commands.

use super::command::{Command, Group};
use crate::style;
use crate::theme::Palette;
use egui::{Grid, Id, Modal, RichText, Ui};

/// Mouse and keys that no command has: those of graph and icicle.
const GESTURES: [(&str, &str); 8] = [
    ("drag in the graph", "select a range"),
    ("click in the graph", "select a moment"),
    ("click a frame", "select it"),
    ("double click a frame", "zoom to it"),
    ("wheel, drag", "scroll, pan the icicle"),
    ("Ctrl + wheel", "zoom at the pointer"),
    ("arrow keys", "go from frame to frame"),
    ("Ctrl + plus, minus, 0", "size of the interface"),
];

/// Draws the sheet; whether it is to be closed.
pub(super) fn show(ui: &mut Ui, commands: &mut Vec<Command>) -> bool {
    let palette = Palette::of(ui.visuals());
    let modal = Modal::new(Id::unique("keys")).show(ui.ctx(), |ui| {
        ui.set_width(700.0_f32.min(ui.ctx().content_rect().width() - 60.0));
        ui.label(RichText::new("Keys").text_style(style::headline()).color(palette.text_strong));
        ui.add_space(8.0);
        ui.columns(2, |columns| {
            for (column, groups) in
                columns.iter_mut().zip([&[Group::File, Group::View][..], &[Group::Capture, Group::Help][..]])
            {
                for group in groups {
                    section(column, group.label(), |ui| {
                        for command in Command::ALL.into_iter().filter(|command| command.group() == *group) {
                            if !command.shortcuts().is_empty() {
                                row(
                                    ui,
                                    &command.key_names().collect::<Vec<_>>().join(", "),
                                    command.label().trim_end_matches('…'),
                                );
                            }
                        }
                    });
                }
            }
            section(&mut columns[1], "Mouse and more", |ui| {
                for (gesture, what) in GESTURES {
                    row(ui, gesture, what);
                }
            });
        });
        ui.add_space(6.0);
        ui.button("Close").clicked()
    });
    // The keys that opened it close it.
    commands.retain(|command| !matches!(command, Command::ShowKeys) || !modal.should_close());
    modal.inner || modal.should_close()
}

fn section(ui: &mut Ui, name: &str, rows: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui.visuals());
    ui.label(RichText::new(name).text_style(style::strong()).color(palette.text_strong));
    Grid::new(name).num_columns(2).min_col_width(120.0).spacing([14.0, 3.0]).show(ui, rows);
    ui.add_space(8.0);
}

fn row(ui: &mut Ui, keys: &str, what: &str) {
    let palette = Palette::of(ui.visuals());
    ui.label(RichText::new(keys).color(palette.accent));
    ui.label(what);
    ui.end_row();
}
