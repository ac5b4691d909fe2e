// SPDX-License-Identifier: Apache-2.0
//! The menu bar, made from the commands, with the search field at its right end.

use super::command::{Command, Group, Needs};
use super::view::ModeChoice;
use super::{App, Page, search_field};
use crate::style::MARGIN;
use crate::theme::Palette;
use egui::{Align, Button, Frame, Layout, Margin, MenuBar, Panel, ScrollArea, Ui};

/// Draws the menu bar.
pub(super) fn show(ui: &mut Ui, app: &mut App, commands: &mut Vec<Command>) {
    let palette = Palette::of(ui.visuals());
    let frame = Frame::new().fill(palette.background).inner_margin(Margin::symmetric(MARGIN as i8 - 7, 2));
    Panel::top("menu bar").frame(frame).show(ui, |ui| {
        MenuBar::new().ui(ui, |ui| {
            let there = There::of(app);
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.spacing_mut().button_padding.x = 7.0;
            for group in Group::ALL {
                ui.menu_button(group.label(), |ui| {
                    ui.set_min_width(230.0);
                    // A low window has no room for all of it.
                    let most = (ui.ctx().content_rect().height() - 60.0).max(120.0);
                    // Pop-ups are given room for less.
                    let area = ScrollArea::vertical().max_height(most).min_scrolled_height(most);
                    area.show(ui, |ui| {
                        group_menu(ui, group, app, there, commands);
                    });
                });
            }
            let units = app.settings.units.units();
            let (search, found) = match &mut app.page {
                Page::Open(document) => {
                    let found = document.found(units);
                    (&mut document.search, found)
                }
                Page::Comparing(document) => {
                    let found = document.found(units);
                    (&mut document.search, found)
                }
                _ => return,
            };
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(6.0);
                search_field::show(ui, search, &found, commands);
            });
        });
    });
}

fn group_menu(ui: &mut Ui, group: Group, app: &App, there: There, commands: &mut Vec<Command>) {
    let page = &app.page;
    for command in Command::ALL.into_iter().filter(|command| command.group() == group) {
        let Some(label) = label_on(command, page) else { continue };
        if command.needs() == Needs::Comparison && !matches!(page, Page::Comparing(_) | Page::OpeningBoth(_)) {
            // They are many, and of no use to who looks at one capture.
            continue;
        }
        if command.starts_section() {
            ui.separator();
        }
        let is_enabled = works(command, page, there);
        let is_on = app.settings.is_on(command)
            || match page {
                Page::Open(document) => document.is_on(command),
                Page::Comparing(document) => document.is_on(command),
                _ => false,
            };
        let mut button = Button::selectable(is_on, label);
        if let Some(keys) = command.key_names().next() {
            button = button.shortcut_text(keys);
        }
        let response = ui.add_enabled(is_enabled, button).on_hover_text(command.help());
        let refusal = refusal(command, page).unwrap_or_else(|| command.help().to_owned());
        if response.on_disabled_hover_text(refusal).clicked() {
            commands.push(command);
            ui.close();
        }
    }
    if group == Group::Help {
        ui.separator();
        ui.weak(concat!("memray-view ", env!("CARGO_PKG_VERSION")));
    }
}

/// What there is besides the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct There {
    has_file: bool,
    has_tabs: bool,
}

impl There {
    /// What there is now.
    pub(super) fn of(app: &App) -> Self {
        Self { has_file: app.path().is_some(), has_tabs: !app.file_tabs.is_empty() }
    }
}

/// What a command is called on a page; `None` where that has no such thing.
fn label_on(command: Command, page: &Page) -> Option<&'static str> {
    match (command, page) {
        (Command::Ask(mode), Page::Open(document)) => {
            ModeChoice::ALL.contains(&mode).then(|| mode.label(document.index.info()))
        }
        (Command::Ask(mode), Page::Comparing(document)) => document.mode_label(mode),
        _ => Some(command.label()),
    }
}

/// Why a capture cannot be asked what a command asks.
fn refusal(command: Command, page: &Page) -> Option<String> {
    match (command, page) {
        (Command::Ask(mode), Page::Open(document)) => mode.refusal(document.index.info()).map(str::to_owned),
        (Command::Ask(mode), Page::Comparing(document)) => document.mode_refusal(mode),
        _ => None,
    }
}

/// Whether a command does anything on a page.
pub(super) fn works(command: Command, page: &Page, there: There) -> bool {
    match (command.needs(), page) {
        _ if matches!(command, Command::NextFile | Command::PreviousFile) => there.has_tabs,
        _ if command == Command::Close => there.has_file || there.has_tabs,
        _ if command == Command::Reload => there.has_file,
        _ if refusal(command, page).is_some() || label_on(command, page).is_none() => false,
        (Needs::Nothing, _) => true,
        (_, Page::Processes(_)) => matches!(command, Command::SavePicture | Command::SaveCsv),
        (Needs::Capture | Needs::Any, Page::Open(document)) => match command {
            Command::Copy => document.view.selection.is_some(),
            Command::CopyStack => document.selected_stack().is_some(),
            Command::OfFunction(_) => document.selected_function().is_some(),
            Command::OpenChildren => !document.children.is_empty() && !there.has_tabs,
            Command::Back => document.history.can_go_back(),
            Command::Forward => document.history.can_go_forward(),
            _ => true,
        },
        (Needs::Comparison | Needs::Any, Page::Comparing(document)) => match command {
            Command::Copy | Command::CopyStack => document.selected_text().is_some(),
            Command::SetWidth(_) => document.takes_widths(),
            Command::Back => document.history.can_go_back(),
            Command::Forward => document.history.can_go_forward(),
            _ => true,
        },
        _ => false,
    }
}
