// SPDX-License-Identifier: Apache-2.0
//! A capture's path, typed into the window: for desktops without a file dialog, and for those who know it.

use crate::style;
use crate::theme::Palette;
use egui::{Id, Key, Modal, RichText, Ui};
use std::path::PathBuf;

/// A path being typed.
pub(super) struct PathEntry {
    text: String,
    purpose: Purpose,
    is_beside_dialog: bool,
    wants_focus: bool,
    /// The file that is there already, whose replacement is asked about.
    asked_about: Option<PathBuf>,
}

/// What a file is wanted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be opened.
    #[default]
    Open,
    /// To be compared with the one that is open.
    Compare,
    /// To be made: a picture of the window.
    SavePicture,
    /// To be made: the numbers of the view.
    SaveCsv,
}

impl Purpose {
    /// What the desktop's dialog is called.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Open => "Open a capture",
            Self::Compare => "Compare with a capture",
            Self::SavePicture => "Save a picture of the window",
            Self::SaveCsv => "Save the view\u{2019}s numbers",
        }
    }

    /// The end of the name of a file to be made; `None` where one is to be read.
    pub(super) fn extension(self) -> Option<&'static str> {
        match self {
            Self::Open | Self::Compare => None,
            Self::SavePicture => Some("png"),
            Self::SaveCsv => Some("csv"),
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Open | Self::Compare => "/path/to/capture.bin",
            Self::SavePicture => "/path/to/picture.png",
            Self::SaveCsv => "/path/to/table.csv",
        }
    }

    /// What the button says that does it.
    fn verb(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Compare => "Compare",
            Self::SavePicture | Self::SaveCsv => "Save",
        }
    }
}

/// What became of it.
pub(super) enum Outcome {
    /// It is still being typed.
    Open,
    /// Nothing was chosen.
    Closed,
    /// A path, what for, and whether what is there may be replaced.
    Chosen(PathBuf, Purpose, bool),
}

impl PathEntry {
    /// By itself.
    pub(super) fn alone(purpose: Purpose) -> Self {
        Self { text: String::new(), purpose, is_beside_dialog: false, wants_focus: true, asked_about: None }
    }

    /// While the desktop's dialog is asked for, in case that none comes.
    pub(super) fn beside_dialog(purpose: Purpose) -> Self {
        Self { is_beside_dialog: true, ..Self::alone(purpose) }
    }

    /// Whether it only stands beside a dialog, and nothing was typed.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_beside_dialog && self.text.is_empty()
    }

    /// Whether what is typed reaches it.
    #[cfg(feature = "test-channel")]
    pub(super) fn is_ready(&self) -> bool {
        !self.wants_focus
    }

    /// Draws it.
    pub(super) fn show(&mut self, ui: &mut Ui, dialog_is_open: bool) -> Outcome {
        let palette = Palette::of(ui.visuals());
        let mut outcome = Outcome::Open;
        let modal = Modal::new(Id::unique("path entry")).show(ui.ctx(), |ui| {
            ui.set_width(520.0_f32.min(ui.ctx().content_rect().width() - 60.0));
            let label = ui.label(match self.purpose {
                Purpose::Open => "Path of a capture or an index",
                Purpose::Compare => "Path of the capture or index to compare with, which comes after",
                Purpose::SavePicture => "Path of the picture",
                Purpose::SaveCsv => "Path of the CSV file",
            });
            let field = style::text_field(ui, &mut self.text, Id::unique("path"))
                .hint_text(self.purpose.example())
                .desired_width(f32::INFINITY);
            let response = ui.add(field).labelled_by(label.id);
            if std::mem::take(&mut self.wants_focus) {
                response.request_focus();
            }
            if response.changed() {
                self.asked_about = None;
            }
            let words = match (self.is_beside_dialog, dialog_is_open) {
                _ if self.asked_about.is_some() => "There is a file of that name. Enter replaces it.",
                (true, true) => "Waiting for the desktop's file dialog. Where none opens, type or paste the path here.",
                (true, false) => "No file dialog answered. Type or paste the path here.",
                (false, _) => "Type or paste it, and press Enter.",
            };
            ui.label(RichText::new(words).color(palette.text_weak).small());
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                let has_text = !self.text.trim().is_empty();
                let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                let verb = if self.asked_about.is_some() { "Replace" } else { self.purpose.verb() };
                let is_clicked = ui.add_enabled(has_text, egui::Button::new(verb)).clicked();
                if has_text && (is_entered || is_clicked) {
                    outcome = self.entered();
                    self.wants_focus = matches!(outcome, Outcome::Open);
                }
                if ui.button("Cancel").clicked() {
                    outcome = Outcome::Closed;
                }
            });
        });
        if matches!(outcome, Outcome::Open) && modal.should_close() { Outcome::Closed } else { outcome }
    }

    /// What was typed, once it is sure that nothing is replaced unasked.
    fn entered(&mut self) -> Outcome {
        let mut path = path_of(&self.text);
        let Some(extension) = self.purpose.extension() else { return Outcome::Chosen(path, self.purpose, false) };
        if path.extension().is_none() {
            path.set_extension(extension);
        }
        let was_asked = self.asked_about.as_ref() == Some(&path);
        if path.exists() && !was_asked {
            self.asked_about = Some(path);
            return Outcome::Open;
        }
        Outcome::Chosen(path, self.purpose, was_asked)
    }
}

/// The path that was typed: quotes around it, `file://` before it and `~` are what pasting brings.
fn path_of(text: &str) -> PathBuf {
    let text = text.trim().trim_matches(['"', '\'']);
    if let Some(url) = text.strip_prefix("file://") {
        return path_of_url(url);
    }
    if let Some(rest) = text.strip_prefix("~/")
        && let Some(dirs) = directories::BaseDirs::new()
    {
        return dirs.home_dir().join(rest);
    }
    PathBuf::from(text)
}

/// The path in a URL of a file, behind its scheme: `%20` is a space there. The name of this machine may stand before it.
fn path_of_url(url: &str) -> PathBuf {
    let path = url.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(url);
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        PathBuf::from(std::ffi::OsString::from_vec(bytes))
    }
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_path_loses_quotes_and_scheme() {
        assert_eq!(path_of(" '/a b/c.bin' "), PathBuf::from("/a b/c.bin"));
        assert_eq!(path_of("file:///a/c.bin"), PathBuf::from("/a/c.bin"));
        assert_eq!(path_of("c.bin"), PathBuf::from("c.bin"));
        assert_eq!(path_of("100%25.bin"), PathBuf::from("100%25.bin"), "a path is no URL");
    }

    #[test]
    fn a_pasted_url_is_decoded() {
        assert_eq!(path_of("file:///a%20b/%C3%A9%2Bc.bin"), PathBuf::from("/a b/é+c.bin"));
        assert_eq!(path_of("file://localhost/a.bin"), PathBuf::from("/a.bin"));
        assert_eq!(path_of("file:///100%/%zz%2"), PathBuf::from("/100%/%zz%2"), "what is no escape stays");
    }
}
