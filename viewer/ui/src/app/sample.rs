// SPDX-License-Identifier: Apache-2.0
//! The sample capture. The program carries it in itself, so that the start page has it however the program came here; to
//! be opened it is put into a folder that is gone with the window.

use super::super::error::UiError;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NAME: &str = "orders.bin";
const CAPTURE: &[u8] = include_bytes!("../../../../resources/sample/orders.bin");

/// The sample capture as a file.
pub(super) struct Sample {
    folder: TempDir,
}

impl Sample {
    /// Writes the file.
    pub(super) fn unpack() -> Result<Self, UiError> {
        let failed = |path: PathBuf| move |error: std::io::Error| UiError::Write { path, message: error.to_string() };
        let folder = tempfile::Builder::new().prefix("memray-view-").tempdir();
        let sample = Self { folder: folder.map_err(failed(tempfile::env::temp_dir()))? };
        std::fs::write(sample.path(), CAPTURE).map_err(failed(sample.path()))?;
        Ok(sample)
    }

    /// The file.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(NAME)
    }

    /// Whether a path is the sample's. It is not worth remembering: it leads nowhere once the window is closed.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        path.starts_with(self.folder.path())
    }
}
