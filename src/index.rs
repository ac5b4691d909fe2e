// SPDX-License-Identifier: Apache-2.0
//! `memray-view index`: indexes a capture, and says what it found and how fast.

use crate::arguments::IndexArguments;
use crate::failure::Failure;
use crate::{opening, output};
use memray_index::{OpenOptions, Progress};
use memray_report::findings::{Reading, write_findings};
use memray_report::size::Units;
use std::time::Instant;

pub(crate) fn run(arguments: &IndexArguments, open: &OpenOptions) -> Result<(), Failure> {
    let progress = Progress::default();
    let started = Instant::now();
    let index = opening::open(&arguments.file, open, &progress)?;
    let reading = Reading { records: progress.records(), elapsed: started.elapsed() };
    output::to_stdout(|out| Ok(write_findings(&index, reading, Units::Binary, out)?))
}
