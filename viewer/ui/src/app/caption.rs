// SPDX-License-Identifier: Apache-2.0
//! What is shown, in words; at a moment, also how the heap compares with the process.

use super::document::Document;
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, Label, RichText, TextStyle, Ui};
use memray_index::{Mode, Moment};
use memray_report::caption::{caption, rss_gap};
use memray_report::size::format_bytes_exact;

/// Draws the caption, where the mode bar leaves room or below it.
pub(super) fn show(ui: &mut Ui, document: &Document, settings: &Settings) {
    let palette = Palette::of(ui.visuals());
    let units = settings.units.units();
    let Some(picture) = &document.answers.picture else {
        ui.label(RichText::new("Asking…").color(palette.text_weak));
        return;
    };
    let (answer, _) = match &picture.outcome {
        Ok(answered) => answered,
        Err(refusal) => {
            ui.add(Label::new(RichText::new(refusal.sentence()).color(palette.note)).wrap());
            return;
        }
    };
    let is_current = document.picture_is_current();
    let text = caption(&document.index, answer, units);
    let colour = if is_current { palette.text_strong } else { palette.text_weak };
    let job = emphasised(ui, &text, colour);
    keep_together(ui, job.clone());
    let label = ui.add(Label::new(job).selectable(true).wrap());
    label.on_hover_text(format_bytes_exact(answer.total.bytes));
    if !is_current {
        ui.spinner();
    }
    if let Mode::LiveAt(Moment::Snapshot(i)) = picture.question.mode
        && let Some(snapshot) = document.index.timeline().snapshots.get(i as usize)
    {
        let gap = rss_gap(snapshot.rss_bytes, snapshot.heap_bytes, units);
        let format = TextFormat::simple(TextStyle::Body.resolve(ui.style()), palette.text_weak);
        let job = LayoutJob::single_section(gap.text, format);
        keep_together(ui, job.clone());
        ui.add(Label::new(job).wrap()).on_hover_text(gap.possible_causes);
    }
}

/// Begins a new row for a text that the rest of this one has no room for.
fn keep_together(ui: &mut Ui, job: LayoutJob) {
    let width = ui.painter().layout_job(job).size().x;
    if ui.available_size_before_wrap().x < width {
        ui.end_row();
    }
}

/// The caption with its size, which stands between the last colon and ` in `, emphasised.
fn emphasised(ui: &Ui, text: &str, colour: Color32) -> LayoutJob {
    let start = text.rfind(": ").map_or(text.len(), |at| at + 2);
    let end = text[start..].find(" in ").map_or(text.len(), |at| start + at);
    let mut job = LayoutJob::default();
    for (piece, style) in
        [(&text[..start], TextStyle::Body), (&text[start..end], style::strong()), (&text[end..], TextStyle::Body)]
    {
        let format = TextFormat { valign: ui.text_valign(), ..TextFormat::simple(style.resolve(ui.style()), colour) };
        job.append(piece, 0.0, format);
    }
    job
}
