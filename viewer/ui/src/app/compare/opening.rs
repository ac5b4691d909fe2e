// SPDX-License-Identifier: Apache-2.0
//! Two captures on their way to be compared: both are read at once, and one that is open already is there.

use super::super::Page;
use super::super::document::Document;
use super::super::opening::{Opened, Opening};
use super::super::opening_page::{self, SoFar};
use super::CompareDocument;
use crate::error::UiError;
use crate::settings::Settings;
use egui::{CentralPanel, Context, Frame, Margin, Ui};
use memray_index::{Index, OpenOptions};
use std::path::{Path, PathBuf};

/// Two captures being opened.
pub(in crate::app) struct OpeningBoth {
    sides: [SideOpening; 2],
    /// What was open: shown on if they cannot be read.
    pub(in crate::app) kept: Option<Kept>,
}

/// What was open when two captures began to be read.
pub(in crate::app) enum Kept {
    /// One of them, or another capture.
    One(Box<Document>),
    /// The same two, which are read again.
    Both(Box<CompareDocument>),
}

impl Kept {
    /// The page that shows it.
    pub(in crate::app) fn page(self) -> Page {
        match self {
            Self::One(document) => Page::Open(document),
            Self::Both(document) => Page::Comparing(document),
        }
    }

    /// The index of a file, if it is open and as it was read.
    fn index_of(&self, path: &Path) -> Option<&Index> {
        match self {
            Self::One(document) if document.path == path && !document.has_changed_on_disk() => Some(&document.index),
            Self::One(_) | Self::Both(_) => None,
        }
    }
}

enum SideOpening {
    Reading(Opening, Box<SoFar>),
    There(PathBuf, Index),
}

/// What became of it.
pub(in crate::app) enum BothOpened {
    /// Not both are there.
    NotYet,
    /// Both are there.
    Indexes([PathBuf; 2], [Index; 2]),
    /// The user cancelled it.
    Cancelled,
    /// One failed, with a sentence that says why.
    Failed(PathBuf, String),
}

impl OpeningBoth {
    /// Begins to read what is not open.
    pub(in crate::app) fn start(
        paths: [&Path; 2],
        kept: Option<Kept>,
        options: &OpenOptions,
        context: &Context,
    ) -> Result<Self, (UiError, Option<Kept>)> {
        let side = |path: &Path| match kept.as_ref().and_then(|kept| kept.index_of(path)) {
            Some(index) => Ok(SideOpening::There(path.to_owned(), index.clone())),
            None => Ok(SideOpening::Reading(Opening::start(path, options, context)?, Box::default())),
        };
        let sides = side(paths[0]).and_then(|before| Ok([before, side(paths[1])?]));
        match sides {
            Ok(sides) => Ok(Self { sides, kept }),
            Err(error) => Err((error, kept)),
        }
    }

    /// The files: A, then B.
    pub(in crate::app) fn paths(&self) -> [&Path; 2] {
        [&self.sides[0], &self.sides[1]].map(|side| match side {
            SideOpening::Reading(opening, _) => opening.path.as_path(),
            SideOpening::There(path, _) => path.as_path(),
        })
    }

    /// What became of it by now. Anything but `NotYet` is told once.
    pub(in crate::app) fn poll(&mut self) -> BothOpened {
        for side in &mut self.sides {
            let SideOpening::Reading(opening, _) = side else { continue };
            let path = opening.path.clone();
            match opening.poll() {
                Opened::NotYet => {}
                Opened::Index(index, ..) => *side = SideOpening::There(path, index),
                Opened::Cancelled => return BothOpened::Cancelled,
                Opened::Failed(message) => return BothOpened::Failed(path, message),
            }
        }
        match &self.sides {
            [SideOpening::There(before, a), SideOpening::There(after, b)] => {
                BothOpened::Indexes([before.clone(), after.clone()], [a.clone(), b.clone()])
            }
            _ => BothOpened::NotYet,
        }
    }

    /// Draws how far each is.
    pub(in crate::app) fn show(&mut self, ui: &mut Ui, settings: &Settings, is_picture: bool) {
        let frame = Frame::new()
            .fill(crate::theme::Palette::of(ui.visuals()).background)
            .inner_margin(Margin::symmetric(crate::style::MARGIN as i8, 10));
        let mut is_cancelled = false;
        CentralPanel::default().frame(frame).show(ui, |ui| {
            ui.columns(2, |columns| {
                for (side, ui) in self.sides.iter_mut().zip(columns) {
                    if let SideOpening::Reading(opening, so_far) = side {
                        is_cancelled |= opening_page::progress(ui, opening, so_far, settings, is_picture);
                    }
                }
            });
        });
        if is_cancelled {
            for side in &self.sides {
                if let SideOpening::Reading(opening, _) = side {
                    opening.progress.cancel();
                }
            }
        }
    }
}
