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

/// What may be written to, where it is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file, a device or a pipe.
    Any,
    /// A file: others could not be opened again.
    File,
}

/// Has a result written to a file, through symbolic links, so that the file appears whole or not at all. `source` is what
/// it is made from, which it must not replace.
pub(crate) fn to_file(
    path: &Path,
    source: &Path,
    target: Target,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    check(path, source, target)?;
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ReaderLeft,
        _ => Failure::Unreadable(format!("{} cannot be written: {error}", path.display())),
    };
    if is_special(path) {
        // A device or a pipe cannot be renamed into place.
        let mut out = BufWriter::with_capacity(1 << 16, File::create(path).map_err(cannot)?);
        return write(&mut out).and_then(|()| out.flush()).map_err(cannot);
    }
    let destination = destination(path);
    let partial = partial(&destination);
    let file = File::options().write(true).create_new(true).open(&partial).map_err(cannot)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    let written = write(&mut out).and_then(|()| out.flush());
    drop(out);
    let placed = written.and_then(|()| {
        if let Ok(replaced) = fs::metadata(&destination) {
            // It was written to, as far as anybody can tell: whoever may read it may do so still.
            let _ = fs::set_permissions(&partial, replaced.permissions());
        }
        fs::rename(&partial, &destination)
    });
    if placed.is_err() {
        // The failure that is reported matters more than a leftover.
        let _ = fs::remove_file(&partial);
    }
    placed.map_err(cannot)
}

/// Refuses what must not be written to; worth asking before the work is done.
pub(crate) fn check(path: &Path, source: &Path, target: Target) -> Result<(), Failure> {
    if target == Target::File && is_special(path) {
        let message = format!("{} is no file: an index can only be written to one", path.display());
        return Err(Failure::Unanswerable(message));
    }
    refuse_to_replace(source, path)
}

/// Whether a path names what is there and is no file: a device, a pipe, a folder.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// The file that a path names through symbolic links, whether it is there or not.
fn destination(path: &Path) -> PathBuf {
    const MAX_LINKS: usize = 40; // as Linux; where there are more, writing fails and says so
    let mut at = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(link) = fs::read_link(&at) else { break };
        at = at.parent().unwrap_or(Path::new("")).join(link);
    }
    at
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
