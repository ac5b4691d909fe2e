// SPDX-License-Identifier: Apache-2.0
//! Why a window or a picture could not be made.

use std::path::PathBuf;

/// Why a window or a picture could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UiError {
    /// There is no display, or it cannot draw.
    #[error("no window could be opened ({0}); `--screenshot` and `export` need none")]
    Window(String),
    /// The capture cannot be opened; the message is a whole sentence.
    #[error("{0}")]
    Open(String),
    /// The index or the answers did not come in time.
    #[error("the picture was not ready in time")]
    TookTooLong,
    /// The picture would have too many pixels.
    #[error("a picture of {0} megapixels is too large: up to {1} are drawn, as many as a screen of 7680x4320 has")]
    PictureTooLarge(usize, usize),
    /// A file cannot be written.
    #[error("cannot write {}: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
}
