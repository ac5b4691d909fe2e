// SPDX-License-Identifier: Apache-2.0
//! [`Scratch`]: a private folder for as long as the program runs.

use crate::error::RunError;
use std::path::{Path, PathBuf};
use tempfile::{Builder, TempDir};

/// A folder that only this user can look into, until it is dropped.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Result<Self, RunError> {
        let made = Builder::new().prefix("memray-view-").tempdir().map_err(RunError::Scratch)?;
        if is_preloadable(made.path()) {
            return Ok(Self(made));
        }
        // A folder of temporary files whose name the dynamic linker would take apart.
        Builder::new().prefix("memray-view-").tempdir_in("/tmp").map(Self).map_err(RunError::Scratch)
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Whether a path can be named in `LD_PRELOAD`, which is cut at colons and spaces, and in which `$ORIGIN` and the like are
/// expanded.
pub(crate) fn is_preloadable(path: &Path) -> bool {
    !path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b' ' | b':' | b'$'))
}
