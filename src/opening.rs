// SPDX-License-Identifier: Apache-2.0
//! Opening an index from the command line: its progress is shown where someone is there to see it.

use crate::failure::Failure;
use memray_index::{Index, OpenOptions, Progress};
use memray_report::escape;
use memray_report::size::format_count;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Builder, scope};
use std::time::Duration;

/// How often the progress is shown; what is done within the first such time shows none.
const INTERVAL: Duration = Duration::from_millis(200);

/// Opens a capture or an index, with its progress on standard error if that is a terminal.
pub(crate) fn open(path: &Path, options: &OpenOptions, progress: &Progress) -> Result<Index, Failure> {
    let index = with_progress(path, options, progress)?;
    if let Some(why) = index.not_kept() {
        // Where standard error is closed, there is nobody to tell.
        let _ = writeln!(io::stderr(), "memray-view: the index is not kept: {}", escape::visible(why));
    }
    Ok(index)
}

fn with_progress(path: &Path, options: &OpenOptions, progress: &Progress) -> Result<Index, Failure> {
    if !io::stderr().is_terminal() {
        return Ok(Index::open(path, options, progress)?);
    }
    let (done, is_done) = channel::<()>();
    scope(|scope| {
        // Without a thread to show it there is no progress to be seen, and the capture opens all the same.
        let _ = Builder::new().name("progress".to_owned()).spawn_scoped(scope, || show(path, progress, is_done));
        let opened = Index::open(path, options, progress);
        drop(done);
        Ok(opened?)
    })
}

/// Shows the progress until the other end of the channel is gone.
fn show(path: &Path, progress: &Progress, is_done: Receiver<()>) {
    let name = escape::visible(&path.to_string_lossy()).into_owned();
    let name = escape::shorten(&name, 30);
    let mut stderr = io::stderr();
    while is_done.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        // Where progress cannot be written, there is nothing to tell it to.
        let _ = write!(stderr, "\r\x1b[K{name}: {}", line(progress));
        let _ = stderr.flush();
    }
    let _ = write!(stderr, "\r\x1b[K");
}

fn line(progress: &Progress) -> String {
    let (done, total) = progress.bytes();
    let percent = if total == 0 { 0 } else { u128::from(done) * 100 / u128::from(total) };
    let (rate, left_s) = progress.rate();
    let left = left_s.map_or(String::new(), |left_s| format!(", {} s left", left_s.ceil()));
    format!("{percent} %, {} records, {:.1} M a second{left}", format_count(progress.records()), rate / 1e6)
}
