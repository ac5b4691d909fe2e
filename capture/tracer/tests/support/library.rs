// SPDX-License-Identifier: Apache-2.0
//! The tracer to be loaded by programs, with what tests ask of it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// That which `MEMRAY_VIEW_WALK_LIBRARY` names, else one that is built here.
pub(crate) fn library() -> PathBuf {
    if let Some(path) = std::env::var_os("MEMRAY_VIEW_WALK_LIBRARY") {
        return path.into();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("walk-check");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "memray-tracer", "--features", "walk-check", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(built.success());
    target.join("debug/libmemray_tracer.so")
}
