// SPDX-License-Identifier: Apache-2.0
//! The source lines of the selection: [`SourcePane`] reads them on another thread, keeps those of the last few
//! selections, and shows them.

use super::Source;
use crate::background::{Background, Poll};
use crate::shown::shown;
use crate::theme::Palette;
use egui::{Frame, Margin, RichText, ScrollArea, Ui, vec2};
use memray_report::size::{format_bytes, format_bytes_exact, format_share_precise};
use memray_report::source_file::{Excerpt, Unavailable};
use memray_report::source_folders::SourceFolders;
use std::collections::VecDeque;

/// So many excerpts are kept.
const KEPT: usize = 32;

/// A line with this share of the answer stands out.
const HEAVY_SHARE: f32 = 0.1;

/// The source lines of the selection.
#[derive(Default)]
pub(super) struct SourcePane {
    /// The newest last.
    excerpts: VecDeque<(Place, State)>,
    /// Where they were looked for.
    folders: SourceFolders,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    file: String,
    line: u32,
}

enum State {
    Reading(Background<Result<Excerpt, Unavailable>>),
    Done(Result<Excerpt, Unavailable>),
}

impl SourcePane {
    /// Shows the lines around `line` of `file`, with what each has of the answer, and whether the file changed since the
    /// capture.
    pub(super) fn show(&mut self, ui: &mut Ui, file: &str, line: u32, source: &Source<'_>) {
        let (folders, capture_end_ms) = (source.source_folders, source.capture_end_ms);
        let palette = Palette::of(ui.visuals());
        let weak = |ui: &mut Ui, words: String| {
            ui.label(RichText::new(words).color(palette.text_weak));
        };
        match self.excerpt(ui, file, line, folders) {
            None => weak(ui, "Reading the source…".to_owned()),
            Some(Err(reason)) => weak(ui, reason.to_string()),
            Some(Ok(excerpt)) => {
                lines(ui, excerpt, line, source, &palette);
                if excerpt.modified_ms.is_some_and(|modified_ms| modified_ms > capture_end_ms) {
                    ui.label(
                        RichText::new("The file is newer than the capture: lines may have moved.").color(palette.note),
                    );
                }
            }
        }
    }

    fn excerpt(
        &mut self,
        ui: &Ui,
        file: &str,
        line: u32,
        folders: &SourceFolders,
    ) -> Option<&Result<Excerpt, Unavailable>> {
        if self.folders != *folders {
            self.folders = folders.clone();
            self.excerpts.clear();
        }
        let at = match self.excerpts.iter().position(|(place, _)| place.line == line && place.file == file) {
            Some(at) => at,
            None => {
                if self.excerpts.len() >= KEPT {
                    self.excerpts.pop_front();
                }
                let place = Place { file: file.to_owned(), line };
                let (wanted, folders) = (place.clone(), folders.clone());
                let reading =
                    Background::start(ui.ctx(), "source", move || Excerpt::read(&wanted.file, wanted.line, &folders));
                self.excerpts.push_back((place, State::Reading(reading)));
                self.excerpts.len() - 1
            }
        };
        let (_, state) = self.excerpts.get_mut(at)?;
        if let State::Reading(reading) = state {
            match reading.poll() {
                Poll::Pending => return None,
                Poll::Ready(result) => *state = State::Done(result),
                Poll::Failed => *state = State::Done(Err(Unavailable::Unreadable(std::io::ErrorKind::Other))),
            }
        }
        match state {
            State::Done(result) => Some(result),
            State::Reading(_) => None,
        }
    }
}

/// The bytes of a line in the margin.
fn margin(ui: &mut Ui, bytes: Option<i64>, source: &Source<'_>, palette: &Palette) {
    let words = bytes.map(|bytes| format_bytes(bytes, source.units)).unwrap_or_default();
    let share = bytes.unwrap_or(0) as f32 / source.total.bytes.max(1) as f32;
    let colour = if share >= HEAVY_SHARE { palette.more } else { palette.text_weak };
    let response = ui.label(RichText::new(format!("{words:>9} ")).monospace().color(colour));
    if let Some(bytes) = bytes {
        let share = format_share_precise(bytes, source.total.bytes);
        response.on_hover_text(format!("{}, {share}: {}", format_bytes_exact(bytes), source.amount_words));
    }
}

fn lines(ui: &mut Ui, excerpt: &Excerpt, line: u32, source: &Source<'_>, palette: &Palette) {
    let path = excerpt.path.to_string_lossy();
    Frame::new()
        .fill(palette.background)
        .corner_radius(4)
        .inner_margin(Margin::symmetric(0, 6))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            let visible = ui.clip_rect();
            ScrollArea::horizontal().id_salt("source lines").auto_shrink([false, true]).show(ui, |ui| {
                ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
                for (at, text) in excerpt.lines.iter().enumerate() {
                    let number = excerpt.first_line.saturating_add(at as u32);
                    let is_current = number == line;
                    let behind = ui.painter().add(egui::Shape::Noop);
                    let color = if is_current { palette.text_strong } else { palette.text };
                    let row = ui.horizontal(|ui| {
                        ui.add_space(4.0);
                        let of_line = source.line_bytes.iter().find(|(line, _)| *line == number);
                        margin(ui, of_line.map(|(_, bytes)| *bytes), source, palette);
                        ui.label(RichText::new(format!("{number:>4}  ")).monospace().color(palette.text_weak));
                        ui.label(RichText::new(text).monospace().color(color));
                        ui.add_space(8.0);
                    });
                    if is_current {
                        let across = row.response.rect.with_min_x(visible.left()).with_max_x(visible.right());
                        ui.painter()
                            .set(behind, egui::Shape::rect_filled(across, 0.0, palette.selection.gamma_multiply(0.28)));
                    }
                }
            });
        })
        .response
        .on_hover_text(shown(&path));
}
