// SPDX-License-Identifier: Apache-2.0
//! What `memray-view FILE` prints where no window can open.

use crate::failure::Failure;
use crate::{opening, output};
use memray_index::{OpenOptions, Progress};
use memray_report::escape;
use memray_report::size::Units;
use memray_report::terminal::write_summary;
use std::path::PathBuf;

/// Sums up one capture after the other, each below its name where there are several.
pub(crate) fn run(files: &[PathBuf], open: &OpenOptions) -> Result<(), Failure> {
    for (i, path) in files.iter().enumerate() {
        let index = opening::open(path, open, &Progress::default())?;
        let name = path.to_string_lossy();
        output::to_stdout(|out| {
            if files.len() > 1 {
                let gap = if i == 0 { "" } else { "\n" };
                writeln!(out, "{gap}{}:", escape::visible(&name))?;
            }
            Ok(write_summary(&index, &name, Units::Binary, out)?)
        })?;
    }
    Ok(())
}
