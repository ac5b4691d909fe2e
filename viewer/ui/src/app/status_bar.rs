// SPDX-License-Identifier: Apache-2.0
//! The status bar: what is filtered, as chips that can be removed, and what is known of the file.

use super::AppOptions;
use super::document::Document;
use super::filter_bar;
use crate::focus;
use crate::settings::{Settings, UnitChoice};
use crate::style::MARGIN;
use crate::theme::Palette;
use egui::scroll_area::ScrollBarVisibility;
use egui::{
    Align, Align2, Area, Button, Color32, Frame, Id, Layout, Margin, Order, Panel, RichText, ScrollArea, TextStyle, Ui,
    vec2,
};
use memray_report::size::{format_bytes, format_count};
use memray_report::time::format_duration;

/// Draws the bar.
pub(super) fn show(ui: &mut Ui, document: &mut Document, settings: &mut Settings, options: &AppOptions) {
    bar(ui, document, |ui, document| facts(ui, document, settings, options), filter_bar::show);
}

/// A bar with facts at its right end and chips at its left one.
pub(super) fn bar<T>(
    ui: &mut Ui,
    shown: &mut T,
    facts: impl FnOnce(&mut Ui, &mut T),
    chips: impl FnOnce(&mut Ui, &mut T),
) {
    let palette = Palette::of(ui.visuals());
    let frame = Frame::new().fill(palette.background).inner_margin(Margin {
        left: MARGIN as i8,
        right: MARGIN as i8,
        top: 4,
        bottom: 4,
    });
    Panel::bottom("status bar").frame(frame).show(ui, |ui| {
        let height = ui.spacing().interact_size.y;
        ui.allocate_ui_with_layout(vec2(ui.available_width(), height), Layout::right_to_left(Align::Center), |ui| {
            facts(ui, shown);
            // Chips may be many: they scroll, and never lie over the facts.
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                // A bar to scroll by would lie over them. The wheel does.
                ui.style_mut().always_scroll_the_only_direction = true;
                let area = ScrollArea::horizontal().scroll_bar_visibility(ScrollBarVisibility::AlwaysHidden);
                area.show(ui, |ui| {
                    ui.spacing_mut().item_spacing.x = 6.0;
                    chips(ui, shown);
                });
            });
        });
    });
}

/// Draws the units as a button that changes them.
pub(super) fn units(ui: &mut Ui, settings: &mut Settings) {
    let palette = Palette::of(ui.visuals());
    let name = RichText::new(settings.units.name()).color(palette.text_weak).size(12.0);
    let unit = ui.add(Button::new(name).frame(false));
    focus::ring(ui, &unit, unit.rect);
    if unit.on_hover_text("Change between KiB and memray's kB").clicked() {
        settings.units = match settings.units {
            UnitChoice::Binary => UnitChoice::Decimal,
            UnitChoice::Decimal => UnitChoice::Binary,
        };
    }
}

fn facts(ui: &mut Ui, document: &Document, settings: &mut Settings, options: &AppOptions) {
    let palette = Palette::of(ui.visuals());
    units(ui, settings);
    let info = document.index.info();
    let mut facts = Vec::new();
    // A narrow window keeps the room for filters.
    let is_wide = ui.ctx().content_rect().width() >= 1000.0;
    if is_wide && !options.is_picture {
        // How long it took differs from run to run, and a picture must not.
        let took_ms = i64::try_from(document.opened_in.as_millis()).unwrap_or(i64::MAX);
        facts.push(format!("opened in {}", format_duration(took_ms)));
    }
    if is_wide {
        facts.push(format!("{} records", format_count(info.counts.records)));
    }
    facts.push(format_bytes(info.file_size_bytes, settings.units.units()));
    ui.label(RichText::new(format!("{}  ·", facts.join("  ·  "))).color(palette.text_weak).size(12.0));
}

/// Says something for a moment, above the status bar.
pub(super) fn toast(ui: &Ui, text: &str) {
    Area::new(Id::unique("toast")).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, vec2(0.0, -40.0)).show(
        ui.ctx(),
        |ui| {
            Frame::popup(ui.style()).show(ui, |ui| {
                // As wide as its words, up to a readable line.
                let widest = (ui.ctx().content_rect().width() - 80.0).clamp(120.0, 640.0);
                let font = TextStyle::Body.resolve(ui.style());
                let words = ui.painter().layout(text.to_owned(), font, Color32::PLACEHOLDER, widest);
                ui.set_width(words.size().x.ceil());
                ui.label(text);
            });
        },
    );
}
