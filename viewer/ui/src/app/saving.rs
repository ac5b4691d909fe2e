// SPDX-License-Identifier: Apache-2.0
//! What is seen, saved as a file: the window as a PNG, or the numbers of the view as CSV. [`Saving`] writes on a thread of
//! its own, and a file appears whole or not at all.

use crate::background::{Background, Poll};
use egui::{ColorImage, Context};
use memray_report::escape;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// Frames until nothing of what asked for a picture is on the screen any more.
const FRAMES_BEFORE_PICTURE: u8 = 3;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    /// Whether the user was asked about a file that is there already.
    pub(super) may_replace: bool,
}

/// A file being written.
#[derive(Default)]
pub(super) struct Saving {
    running: Option<Background<Result<PathBuf, String>>>,
    /// Where a picture goes, and in how many frames it is taken.
    picture: Option<(Target, u8)>,
    /// A picture that was asked for, and where it goes.
    taken: Option<(Target, Receiver<Arc<ColorImage>>)>,
}

impl Saving {
    /// Writes what `content` makes.
    pub(super) fn start(
        &mut self,
        context: &Context,
        target: Target,
        content: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
    ) {
        self.running = Some(Background::start(context, "memray-view save", move || {
            write(&target, &content()?).map_err(|error| {
                format!("{} cannot be written: {}", escape::visible(&target.path.to_string_lossy()), why(&error))
            })?;
            Ok(target.path)
        }));
    }

    /// Takes a picture of the window, soon.
    pub(super) fn start_picture(&mut self, context: &Context, target: Target) {
        self.picture = Some((target, FRAMES_BEFORE_PICTURE));
        context.request_repaint();
    }

    /// Goes on; something to say for a moment, if there is.
    pub(super) fn poll(&mut self, context: &Context) -> Option<String> {
        if let Some((target, frames)) = self.picture.take() {
            context.request_repaint();
            if frames > 0 {
                self.picture = Some((target, frames - 1));
            } else {
                let (sender, image) = channel();
                let waiting = context.clone();
                context.request_screenshot(move |image| {
                    // Nobody waits any more where the window is being closed.
                    let _ = sender.send(image);
                    waiting.request_repaint();
                });
                self.taken = Some((target, image));
            }
        }
        if let Some((target, image)) = self.taken.take() {
            match image.try_recv() {
                Ok(image) => self.start(context, target, move || png_of(&image)),
                // The window may not draw while it is hidden: then the picture is taken when it is seen again.
                Err(_) => self.taken = Some((target, image)),
            }
        }
        let said = match self.running.as_ref()?.poll() {
            Poll::Pending => return None,
            Poll::Ready(Ok(path)) => format!("Saved {}", escape::visible(&path.to_string_lossy())),
            Poll::Ready(Err(problem)) => problem,
            Poll::Failed => "It could not be saved".to_owned(),
        };
        self.running = None;
        Some(said)
    }

    /// Whether something is being saved.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some() || self.picture.is_some() || self.taken.is_some()
    }
}

fn png_of(image: &ColorImage) -> Result<Vec<u8>, String> {
    let [width_px, height_px] = image.size;
    let rgb = image.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    let picture = crate::screenshot::Picture { width_px, height_px, rgb };
    let mut png = Vec::new();
    picture.encode_png(&mut png).map_err(|error| format!("The picture cannot be made: {error}"))?;
    Ok(png)
}

/// Why a file cannot be written; the system's own words name the temporary file.
fn why(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such folder".to_owned(),
        ErrorKind::AlreadyExists => "there is a file of that name".to_owned(),
        kind => kind.to_string(),
    }
}

/// Written beside and renamed.
fn write(target: &Target, content: &[u8]) -> std::io::Result<()> {
    let folder = target.path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // As any new file; the temporary one is its owner's alone otherwise.
    #[cfg(unix)]
    builder.permissions(<std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(content)?;
    if target.may_replace {
        beside.persist(&target.path).map_err(|failed| failed.error)?;
    } else {
        beside.persist_noclobber(&target.path).map_err(|failed| failed.error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_replaced_only_where_the_user_was_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let mut target = Target { path: path.clone(), may_replace: false };
        write(&target, b"one").unwrap();
        assert_eq!(write(&target, b"two").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        target.may_replace = true;
        write(&target, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let nowhere = Target { path: folder.path().join("none/table.csv"), may_replace: false };
        assert!(write(&nowhere, b"x").is_err());
    }

    #[test]
    fn a_picture_is_a_png_of_the_windows_pixels() {
        let image = ColorImage::new([3, 2], vec![egui::Color32::from_rgb(1, 2, 3); 6]);
        let png = png_of(&image).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; 18];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [1, 2, 3].repeat(6));
    }
}
