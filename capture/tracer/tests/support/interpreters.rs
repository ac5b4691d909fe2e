// SPDX-License-Identifier: Apache-2.0
//! The CPython interpreters of this machine that can be traced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Those that `MEMRAY_VIEW_PYTHONS` lists, with colons between; else those of pyenv, of the system, in `PATH`, and what
/// `scripts/newer-pythons` made. One of each version and place.
pub(crate) fn found() -> Vec<PathBuf> {
    if let Some(list) = std::env::var_os("MEMRAY_VIEW_PYTHONS") {
        return std::env::split_paths(&list).collect();
    }
    let mut folders: Vec<PathBuf> = vec!["/usr/bin".into(), "/usr/local/bin".into()];
    if let Some(home) = std::env::home_dir()
        && let Ok(versions) = home.join(".pyenv/versions").read_dir()
    {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders.extend(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(|target| target.join("newer-pythons/bin")));
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let candidates = folders.iter().flat_map(|folder| {
        (9..=15).map(move |minor| folder.join(format!("python3.{minor}"))).filter(|path| path.is_file())
    });
    let mut found = BTreeMap::new();
    for candidate in candidates {
        if let Some(identity) = identity(&candidate) {
            found.entry(identity).or_insert(candidate);
        }
    }
    found.into_values().collect()
}

/// What tells interpreters apart; nothing for what is no CPython.
fn identity(path: &Path) -> Option<String> {
    let question =
        "import sys; print('%02d' % sys.version_info[1], sys.version, sys.base_prefix, sys.implementation.name)";
    let output = Command::new(path).args(["-c", question]).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && answer.trim_end().ends_with("cpython")).then_some(answer)
}
