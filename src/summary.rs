// SPDX-License-Identifier: Apache-2.0
//! What `memray-view FILE` prints where no window can open.

use crate::failure::Failure;
use crate::{opening, output};
use memray_index::{OpenOptions, Progress};
use memray_report::size::Units;
use memray_report::terminal::write_summary;
use std::path::Path;

pub(crate) fn run(path: &Path, open: &OpenOptions) -> Result<(), Failure> {
    let index = opening::open(path, open, &Progress::default())?;
    let name = path.to_string_lossy();
    output::to_stdout(|out| Ok(write_summary(&index, &name, Units::Binary, out)?))
}
