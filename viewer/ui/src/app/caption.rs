// SPDX-License-Identifier: Apache-2.0
//! What is shown, in words; at a moment, also how the heap compares with the process. Where the capture has to be read
//! again for it, how far that is.

use super::document::Document;
use super::how_far::{HowFar, REFRESH};
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, Label, RichText, TextStyle, Ui};
use memray_index::{Mode, Moment};
use memray_report::caption::{caption, rss_gap};
use memray_report::size::format_bytes_exact;

/// Draws the caption, where the mode bar leaves room or below it.
pub(super) fn show(ui: &mut Ui, document: &mut Document, settings: &Settings) {
    answered(ui, document, settings);
    let how_far = document.reading_again().map(|progress| HowFar::of(&progress));
    if how_far.is_some_and(|how_far| reading_again(ui, &how_far)) {
        document.give_up_question();
    }
}

/// Says how far the capture is read again for the question; whether the user cancelled it.
fn reading_again(ui: &mut Ui, how_far: &HowFar) -> bool {
    ui.ctx().request_repaint_after(REFRESH);
    let words = format!("Reading the capture again: {}", how_far.short_words());
    let job = LayoutJob::single_section(words, body(ui, Palette::of(ui.visuals()).text));
    keep_together(ui, job.clone());
    ui.add(Label::new(job).extend());
    ui.button("Cancel").on_hover_text("Go back to what was shown before").clicked()
}

/// Draws what the shown answer is an answer to.
fn answered(ui: &mut Ui, document: &Document, settings: &Settings) {
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
        let job = LayoutJob::single_section(gap.text, body(ui, palette.text_weak));
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

/// Text on the row's own line.
fn body(ui: &Ui, colour: Color32) -> TextFormat {
    of_style(ui, TextStyle::Body, colour)
}

fn of_style(ui: &Ui, style: TextStyle, colour: Color32) -> TextFormat {
    TextFormat { valign: ui.text_valign(), ..TextFormat::simple(style.resolve(ui.style()), colour) }
}

/// The caption with its size, which stands between the last colon and ` in `, emphasised.
fn emphasised(ui: &Ui, text: &str, colour: Color32) -> LayoutJob {
    let start = text.rfind(": ").map_or(text.len(), |at| at + 2);
    let end = text[start..].find(" in ").map_or(text.len(), |at| start + at);
    let mut job = LayoutJob::default();
    for (piece, style) in
        [(&text[..start], TextStyle::Body), (&text[start..end], style::strong()), (&text[end..], TextStyle::Body)]
    {
        job.append(piece, 0.0, of_style(ui, style, colour));
    }
    job
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style;
    use egui::accesskit::Role;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    #[test]
    fn while_a_capture_is_read_again_it_says_how_far_it_is_and_can_be_cancelled() {
        let how_far = HowFar { done_bytes: 340, total_bytes: 1000, seconds_left: Some(12.0), ..HowFar::default() };
        let mut harness = Harness::builder().with_context_setup(style::install).build_ui_state(
            move |ui, is_cancelled: &mut bool| {
                ui.horizontal(|ui| *is_cancelled |= reading_again(ui, &how_far));
            },
            false,
        );
        harness.get_by_label("Reading the capture again: 34 %  ·  12.0 s left");
        assert!(!*harness.state());
        harness.get_by_role_and_label(Role::Button, "Cancel").click();
        harness.run_steps(2);
        assert!(*harness.state());
    }
}
