// SPDX-License-Identifier: Apache-2.0
//! `memray-view index`: indexes a capture, and says what it found and how fast.

use crate::arguments::IndexArguments;
use crate::failure::Failure;
use crate::opening;
use crate::output::{self, Target};
use memray_index::{OpenOptions, Progress};
use memray_report::findings::write_findings;
use memray_report::size::Units;
use std::time::Instant;

pub(crate) fn run(arguments: &IndexArguments, open: &OpenOptions) -> Result<(), Failure> {
    if let Some(path) = &arguments.output {
        output::check(path, &arguments.file, Target::File)?;
    }
    let started = Instant::now();
    let index = opening::open(&arguments.file, open, &Progress::default())?;
    let elapsed = started.elapsed();
    if let Some(path) = &arguments.output {
        output::to_file(path, &arguments.file, Target::File, |out| index.write_to(out))?;
    }
    output::to_stdout(|out| Ok(write_findings(&index, elapsed, Units::Binary, out)?))
}
