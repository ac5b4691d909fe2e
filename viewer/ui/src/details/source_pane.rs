// SPDX-License-Identifier: Apache-2.0
//! The source lines of the selection: [`SourcePane`] reads them on another thread, keeps those of the last few
//! selections, and shows them.

use super::source_file::{Excerpt, Unavailable};
use crate::background::{Background, Poll};
use crate::shown::shown;
use crate::theme::Palette;
use egui::{Frame, Margin, RichText, ScrollArea, Ui, vec2};
use std::collections::VecDeque;
use std::path::PathBuf;

/// So many excerpts are kept.
const KEPT: usize = 32;

/// The source lines of the selection.
#[derive(Default)]
pub(super) struct SourcePane {
    /// The newest last.
    excerpts: VecDeque<(Place, State)>,
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
    /// Shows the lines around `line` of `file`. `capture_end_ms` (since the Unix epoch) tells whether the file changed
    /// since.
    pub(super) fn show(&mut self, ui: &mut Ui, file: &str, line: u32, folders: &[PathBuf], capture_end_ms: i64) {
        let palette = Palette::of(ui.visuals());
        let weak = |ui: &mut Ui, words: String| {
            ui.label(RichText::new(words).color(palette.text_weak));
        };
        match self.excerpt(ui, file, line, folders) {
            None => weak(ui, "Reading the source…".to_owned()),
            Some(Err(reason)) => weak(ui, reason.to_string()),
            Some(Ok(excerpt)) => {
                lines(ui, excerpt, line, &palette);
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
        folders: &[PathBuf],
    ) -> Option<&Result<Excerpt, Unavailable>> {
        let at = match self.excerpts.iter().position(|(place, _)| place.line == line && place.file == file) {
            Some(at) => at,
            None => {
                if self.excerpts.len() >= KEPT {
                    self.excerpts.pop_front();
                }
                let place = Place { file: file.to_owned(), line };
                let (wanted, folders) = (place.clone(), folders.to_vec());
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

fn lines(ui: &mut Ui, excerpt: &Excerpt, line: u32, palette: &Palette) {
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
                        ui.add_space(8.0);
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
