// SPDX-License-Identifier: Apache-2.0
//! The sheet of all keys, made from the commands.

use super::command::{Command, Group};
use crate::style;
use crate::theme::Palette;
use egui::{Grid, Id, Modal, RichText, ScrollArea, Ui};

/// Mouse and keys that no command has: those of graph and icicle.
const GESTURES: [(&str, &str); 12] = [
    ("drag in the graph", "select a range"),
    ("click in the graph", "select a moment"),
    ("double click in the graph", "show the whole run"),
    ("Shift + wheel in the graph", "pan it"),
    ("arrow keys in the graph", "pan it, zoom it"),
    ("click a frame", "select it"),
    ("double click a frame", "zoom to it"),
    ("Enter on a frame", "zoom to it"),
    ("wheel, drag", "scroll, pan the icicle"),
    ("Ctrl + wheel", "zoom at the pointer"),
    ("arrow keys", "go from frame to frame"),
    ("Ctrl + plus, minus, 0", "size of the interface"),
];

/// A window so wide has room for three columns.
const WIDE: f32 = 960.0;

/// Draws the sheet; whether it is to be closed.
pub(super) fn show(ui: &mut Ui, commands: &mut Vec<Command>) -> bool {
    let palette = Palette::of(ui.visuals());
    let modal = Modal::new(Id::unique("keys")).show(ui.ctx(), |ui| {
        let room = ui.ctx().content_rect().size();
        let is_wide = room.x >= WIDE;
        ui.set_width((room.x - 60.0).min(if is_wide { 960.0 } else { 680.0 }));
        ui.label(RichText::new("Keys").text_style(style::headline()).color(palette.text_strong));
        ui.add_space(8.0);
        // What a low window has no room for is scrolled to; the button below stays.
        ScrollArea::vertical().max_height(room.y - 150.0).show(ui, |ui| {
            ui.columns(if is_wide { 3 } else { 2 }, |columns| {
                for group in Group::ALL {
                    group_section(&mut columns[usize::from(group != Group::View)], group);
                }
                section(&mut columns[if is_wide { 2 } else { 1 }], "Mouse and more", |ui| {
                    for (gesture, what) in GESTURES {
                        row(ui, gesture, what);
                    }
                });
            });
        });
        ui.add_space(6.0);
        ui.button("Close").clicked()
    });
    // The keys that opened it close it.
    commands.retain(|command| !matches!(command, Command::ShowKeys) || !modal.should_close());
    modal.inner || modal.should_close()
}

fn group_section(ui: &mut Ui, group: Group) {
    let in_group = Command::ALL.into_iter().filter(|command| command.group() == group);
    let with_keys: Vec<Command> = in_group.filter(|command| !command.shortcuts().is_empty()).collect();
    if with_keys.is_empty() {
        return;
    }
    section(ui, group.label(), |ui| {
        for command in with_keys {
            let keys = command.key_names().collect::<Vec<_>>().join(", ");
            row(ui, &keys, command.label().trim_end_matches('…'));
        }
    });
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
