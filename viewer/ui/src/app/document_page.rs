// SPDX-License-Identifier: Apache-2.0
//! The page of an open capture: headline, notes, graph, modes, caption, main view, details and status bar.

use super::command::Command;
use super::document::Document;
use super::view::Tab;
use super::{AppOptions, caption, headline, mode_bar, notes, status_bar, tabs};
use crate::settings::Settings;
use crate::style::{GAP, MARGIN, panel, top_panel};
use crate::theme::Palette;
use egui::{CentralPanel, Frame, Margin, Panel, Ui};

/// Below this, which only a window with a larger interface is, the main view needs all of the width.
const MIN_WIDTH_WITH_DETAILS: f32 = 700.0;

/// In a window narrower than this the details leave the main view some room.
const NARROW: f32 = 900.0;

/// In a window lower than this the graph leaves the main view some room.
const LOW: f32 = 560.0;

/// Draws the page; something to say for a moment, if there is.
pub(super) fn show(
    ui: &mut Ui,
    document: &mut Document,
    settings: &mut Settings,
    options: &AppOptions,
    offers_children: bool,
    commands: &mut Vec<Command>,
) -> Option<String> {
    let palette = Palette::of(ui.visuals());
    status_bar::show(ui, document, settings, options);
    let margin = |top: i8, bottom: i8| Margin { left: MARGIN as i8, right: MARGIN as i8, top, bottom };
    let plain = |top: i8, bottom: i8| Frame::new().fill(palette.background).inner_margin(margin(top, bottom));
    let height = ui.available_height();
    top_panel(ui, "headline", plain(6, 6), |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        headline::show(ui, document);
        ui.add_space(2.0);
        notes::show(ui, document, options.is_picture, offers_children, commands);
    });
    Panel::top("memory graph")
        .frame(plain(0, 4))
        .show_separator_line(false)
        .resizable(true)
        .default_size((height * 0.2).clamp(if height < LOW { 72.0 } else { 110.0 }, 260.0))
        .size_range(64.0..=(height * 0.5).max(90.0))
        .show(ui, |ui| {
            panel(ui, 6, |ui| {
                document.show_graph(ui, settings, commands);
            });
        });
    top_panel(ui, "modes", plain(3, 2), |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            mode_bar::show(ui, document, settings);
            caption::show(ui, document, settings);
        });
    });
    let mut said = None;
    let has_details = ui.available_width() >= MIN_WIDTH_WITH_DETAILS;
    if has_details {
        let frame = Frame::new().fill(palette.background).inner_margin(Margin {
            left: (GAP / 2.0) as i8,
            right: MARGIN as i8,
            top: 2,
            bottom: GAP as i8,
        });
        Panel::right("details")
            .frame(frame)
            .show_separator_line(false)
            .default_size(
                (ui.available_width() * 0.24).clamp(if ui.available_width() < NARROW { 240.0 } else { 285.0 }, 420.0),
            )
            // A window that was narrowed keeps the room for all tabs.
            .size_range(
                240.0..=(ui.available_width() * if ui.available_width() < NARROW { 0.34 } else { 0.5 }).max(240.0),
            )
            .show(ui, |ui| {
                panel(ui, 12, |ui| said = document.show_details(ui, settings));
            });
    }
    let frame = Frame::new().fill(palette.background).inner_margin(Margin {
        left: MARGIN as i8,
        right: if has_details { GAP / 2.0 } else { MARGIN } as i8,
        top: 0,
        bottom: GAP as i8,
    });
    CentralPanel::default().frame(frame).show(ui, |ui| {
        tabs::show(ui, document, commands);
        let inner = if document.view.tab == Tab::Icicle { 4 } else { 8 };
        panel(ui, inner, |ui| {
            said = document.show_main(ui, settings).or(said.take());
        });
    });
    said
}
