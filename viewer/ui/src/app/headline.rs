// SPDX-License-Identifier: Apache-2.0
//! The headline and the facts below it. Names in it are links that select their frames.

use super::document::Document;
use crate::landmark::landmark;
use crate::style;
use crate::theme::Palette;
use egui::{Label, Link, Response, RichText, Sense, TextStyle, TextWrapMode, Ui, WidgetText};
use memray_index::{GroupBy, LocationId, RowKey};
use memray_report::escape;
use memray_report::headline::Segment;

/// No more of a command is looked at: a capture may hold a megabyte of it.
const MAX_COMMAND_BYTES: usize = 2_000;
/// The longest command that is shown; the whole one is in the tooltip.
const COMMAND_CHARS: usize = 120;

/// A name that is in one piece: on a row of its own where this one has no room for it, and cut where none has.
fn in_one_piece(ui: &mut Ui, text: &str, add: impl FnOnce(&mut Ui, &str) -> Response, style: TextStyle) -> Response {
    let galley = WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, style);
    let is_too_wide = ui.available_size_before_wrap().x < galley.size().x;
    if is_too_wide {
        ui.end_row();
    }
    ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
    let response = add(ui, if is_too_wide { text.trim_start() } else { text });
    ui.style_mut().wrap_mode = None;
    response
}

/// A piece without a link. The place behind a name, in brackets, is read last.
fn plain(ui: &mut Ui, text: &str, palette: &Palette) {
    let place_end = if text.starts_with(" (") { text.find(')').map_or(0, |at| at + 1) } else { 0 };
    let (place, rest) = text.split_at(place_end);
    if !place.is_empty() {
        let add =
            |ui: &mut Ui, text: &str| ui.label(RichText::new(text).size(style::HEADLINE_SIZE).color(palette.text_weak));
        in_one_piece(ui, place, add, style::headline());
    }
    if !rest.is_empty() {
        ui.label(RichText::new(unbroken(rest)).text_style(style::headline()).color(palette.text_strong));
    }
}

/// A name that selects its frame.
fn link(name: &str, palette: &Palette) -> Link {
    Link::new(RichText::new(name).text_style(style::headline()).color(palette.accent))
}

/// Text in which no row begins with a unit: `52 %`, `534 MiB`.
fn unbroken(text: &str) -> String {
    let mut last = ' ';
    let space = |next: char| {
        let is_before_unit = next == ' ' && last.is_ascii_digit();
        last = next;
        if is_before_unit { '\u{a0}' } else { next }
    };
    text.chars().map(space).collect()
}

/// The traced command without the folders of what ran it.
pub(super) fn short_command(command: &str) -> String {
    let (program, rest) = command.split_once(' ').unwrap_or((command, ""));
    let name = program.strip_suffix("/__main__.py").unwrap_or(program);
    let name = name.rsplit('/').next().unwrap_or(name);
    if rest.is_empty() { name.to_owned() } else { format!("{name} {rest}") }
}

/// Draws a sentence; the location whose name was clicked.
pub(super) fn sentence(ui: &mut Ui, segments: &[Segment]) -> Option<LocationId> {
    let palette = Palette::of(ui.visuals());
    let mut clicked = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        for segment in segments {
            match (segment.location, segment.change) {
                (Some(location), _) => {
                    let link =
                        in_one_piece(ui, &segment.text, |ui, text| ui.add(link(text, &palette)), style::headline());
                    landmark(ui, &segment.text, link.rect);
                    if link.on_hover_text(format!("Select {}", segment.text)).clicked() {
                        clicked = Some(location);
                    }
                }
                (None, Some(change)) => {
                    let text = RichText::new(unbroken(&segment.text)).text_style(style::headline());
                    ui.label(text.color(palette.change_text(change)));
                }
                (None, None) => plain(ui, &segment.text, &palette),
            }
        }
    });
    clicked
}

/// Draws both lines.
pub(super) fn show(ui: &mut Ui, document: &mut Document) {
    let palette = Palette::of(ui.visuals());
    ui.style_mut().interaction.selectable_labels = true;
    let headline = match &document.answers.headline {
        Some((_, Ok(headline))) => headline.clone(),
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
    if let Some(location) = sentence(ui, &headline.segments) {
        document.select_row(RowKey::Location(location), GroupBy::Location);
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.label(RichText::new(headline.facts.join("  ·  ")).color(palette.text));
        let command = &document.index.info().header.command_line;
        let command = escape::visible_bytes(command.get(..MAX_COMMAND_BYTES).unwrap_or(command));
        if !command.is_empty() {
            let short = short_command(&command);
            let text =
                RichText::new(format!("  ·  {}", escape::shorten(&short, COMMAND_CHARS))).color(palette.text_weak);
            ui.add(Label::new(text).sense(Sense::hover()).truncate()).on_hover_text(&command);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::accesskit::Role;
    use egui::{Rect, vec2};
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    #[test]
    fn a_name_of_a_script_without_spaces_lies_over_nothing_however_long_it_is() {
        let names = ["short".to_owned(), "計算".repeat(30), "보고".repeat(60), "last".to_owned()];
        let labels = names.clone();
        let mut harness =
            Harness::builder().with_size(vec2(720.0, 300.0)).with_context_setup(style::install).build_ui(move |ui| {
                ui.horizontal_wrapped(|ui| {
                    for name in &labels {
                        in_one_piece(ui, name, |ui, name| ui.add(link(name, &Palette::DARK)), style::headline());
                        ui.label(", ");
                    }
                });
            });
        harness.run_steps(2);
        let rects: Vec<Rect> = names
            .iter()
            .map(|name| harness.get_by_role_and_label(Role::Link, name).rect())
            .chain(harness.get_all_by_label(", ").map(|node| node.rect()))
            .collect();
        for (i, rect) in rects.iter().enumerate() {
            assert!(rect.height() < 2.0 * style::HEADLINE_SIZE && rect.right() <= 720.0, "{rect:?}");
            assert!(rects[..i].iter().all(|other| !other.shrink(0.5).intersects(rect.shrink(0.5))), "{i}: {rects:?}");
        }
    }

    #[test]
    fn no_row_begins_with_a_unit() {
        assert_eq!(unbroken("Peak 534 MiB at 19.9 s; 52 % of it"), "Peak 534\u{a0}MiB at 19.9\u{a0}s; 52\u{a0}% of it");
    }

    #[test]
    fn a_command_loses_the_folders_of_what_ran_it() {
        assert_eq!(
            short_command("/opt/lib/site-packages/memray/__main__.py run -o x.bin a.py"),
            "memray run -o x.bin a.py"
        );
        assert_eq!(short_command("/usr/bin/python3 a.py"), "python3 a.py");
        assert_eq!(short_command("memray"), "memray");
    }
}
