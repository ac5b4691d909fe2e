// SPDX-License-Identifier: Apache-2.0
//! The list beside the bands: what each is, in its colour, and how large it was at the sample under the pointer, or at the
//! highest one. The topmost band comes first, as in the graph.

use super::paint::Colours;
use super::stack::Stack;
use super::{Source, band_name, swatch};
use crate::cell;
use crate::row_name::RowName;
use crate::theme::Palette;
use egui::{Align, Color32, Rect, RichText, Role, ScrollArea, Sense, TextStyle, Ui, WidgetInfo, vec2};
use memray_index::{Charge, ChargedTo, RowKey};
use memray_report::size::{format_bytes, format_bytes_exact, format_share_precise};
use memray_report::time::format_elapsed;

const ROW_HEIGHT: f32 = 22.0;
const BYTES_WIDTH: f32 = 74.0;

/// What was done in the list.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) hovered: Option<usize>,
    pub(super) only: Option<ChargedTo>,
}

/// Draws the list.
pub(super) fn show(
    ui: &mut Ui,
    source: &Source<'_>,
    stack: &Stack,
    colours: &Colours,
    at: Option<usize>,
    hovered: Option<usize>,
) -> Listed {
    let palette = Palette::of(ui.visuals());
    let sample = at.unwrap_or_else(|| stack.highest_sample());
    let (when, sum) = (format_elapsed(stack.elapsed_ms(sample)), format_bytes(stack.sum(sample), source.units));
    let words = match at {
        Some(_) => format!("{sum} at {when}"),
        None if stack.is_peak(sample) => format!("Peak: {sum} at {when}"),
        None => format!("Highest sample: {sum} at {when}"),
    };
    ui.add(egui::Label::new(RichText::new(words).color(palette.text_weak)).truncate());
    let mut listed = Listed::default();
    ui.spacing_mut().scroll.floating_allocated_width = ui.spacing().scroll.bar_width;
    ScrollArea::vertical().id_salt("bands").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for band in (0..stack.band_count()).rev() {
            let swatch = colours.of(&palette, source, band);
            row(ui, source, stack, (band, sample, swatch), hovered == Some(band), &mut listed);
        }
    });
    listed
}

fn row_name<'a>(source: &Source<'a>, key: RowKey) -> RowName<'a> {
    RowName::of(key, source.charge.group_by(), source.labels)
}

/// Whether bands have a place besides their names.
fn has_places(charge: Charge) -> bool {
    matches!(charge, Charge::Function | Charge::OwnCodeLine)
}

fn row(
    ui: &mut Ui,
    source: &Source<'_>,
    stack: &Stack,
    (band, sample, swatch_colour): (usize, usize, Color32),
    is_hovered: bool,
    listed: &mut Listed,
) {
    let palette = Palette::of(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let key = source.bands.bands.get(band).map(|band| band.key);
    let (name, bytes) = (band_name(source, key), stack.bytes(band, sample));
    let size = format_bytes(bytes, source.units);
    let sense = if key.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), sense);
    let role = if key.is_some() { Role::Button } else { Role::Label };
    response.widget_info(|| WidgetInfo::labeled(role, true, format!("{name} {size}")));
    if response.hovered() {
        listed.hovered = Some(band);
    }
    if is_hovered || response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 3.0, palette.neutral_frame);
    }
    swatch(ui, Rect::from_min_size(rect.min, vec2(20.0, ROW_HEIGHT)), swatch_colour);
    let (left, right) = rect.split_left_right_at_x((rect.right() - BYTES_WIDTH).max(rect.left()));
    let colour = if is_hovered { palette.text_strong } else { palette.text };
    let left = left.with_min_x((left.left() + 22.0).min(left.right()));
    // Where functions and lines of one name are told apart: the place is cut last.
    let place = key.map(|key| row_name(source, key).short_place()).filter(|_| has_places(source.charge));
    let place = place.unwrap_or_default();
    let place_width = if place.is_empty() {
        0.0
    } else {
        ui.painter().layout_no_wrap(place.clone(), font.clone(), colour).size().x + 6.0
    };
    let room = (left.width() - place_width).max(left.width() * 0.3);
    let width = cell::text(ui.painter(), left.with_max_x(left.left() + room), Align::Min, &name, font.clone(), colour);
    let rest = left.with_min_x((left.left() + width + 6.0).min(left.right()));
    cell::text(ui.painter(), rest, Align::Min, &place, font.clone(), palette.text_weak);
    let right = right.with_max_x(right.right() - 4.0);
    cell::quantity(ui.painter(), right, &size, font.size, colour, palette.text_weak);
    let place = key.map(|key| row_name(source, key));
    let response = response.on_hover_ui(|ui| {
        match place {
            Some(place) => place.hover(ui),
            None => drop(ui.label(&name)),
        }
        ui.label(format!("{}, {} of all", format_bytes_exact(bytes), format_share_precise(bytes, stack.sum(sample))));
        if key.is_some() {
            ui.label(RichText::new(source.click_words).color(palette.text_weak));
        }
    });
    if response.clicked()
        && let Some(key) = key
    {
        listed.only = Some(ChargedTo { charge: source.charge, key });
    }
}
