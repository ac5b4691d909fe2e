// SPDX-License-Identifier: Apache-2.0
//! Where results go: standard output, or a file that appears only once it is whole.

use crate::failure::Failure;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Has a result written to standard output.
pub(crate) fn to_stdout(write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    write(&mut out)?;
    Ok(out.flush()?)
}

/// Has a result written to a file. `source` is what it is made from, which it must not replace.
pub(crate) fn to_file(
    path: &Path,
    source: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    refuse_to_replace(source, path)?;
    let cannot = |error: io::Error| Failure::Unreadable(format!("{} cannot be written: {error}", path.display()));
    // A device or a pipe cannot be renamed into place.
    let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let target = if is_special { path.to_owned() } else { partial(path) };
    let mut out = BufWriter::with_capacity(1 << 16, File::create(&target).map_err(cannot)?);
    let written = write(&mut out).and_then(|()| out.flush().map_err(cannot));
    drop(out);
    if is_special {
        return written;
    }
    let placed = written.and_then(|()| fs::rename(&target, path).map_err(cannot));
    if placed.is_err() {
        // The failure that is reported matters more than a leftover.
        let _ = fs::remove_file(&target);
    }
    placed
}

/// Refuses to write over the file that is read.
pub(crate) fn refuse_to_replace(source: &Path, output: &Path) -> Result<(), Failure> {
    match (fs::canonicalize(source), fs::canonicalize(output)) {
        (Ok(source), Ok(output)) if source == output => {
            Err(Failure::Unanswerable(format!("{} is the capture itself: choose another output", output.display())))
        }
        _ => Ok(()),
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}
