// SPDX-License-Identifier: Apache-2.0
//! `memray-view stats`: the headline and memray's statistics.

use crate::arguments::StatsArguments;
use crate::failure::Failure;
use crate::{opening, output};
use memray_index::{OpenOptions, Progress};
use memray_report::size::Units;
use memray_report::stats::{write_json, write_text};

pub(crate) fn run(arguments: &StatsArguments, open: &OpenOptions) -> Result<(), Failure> {
    let index = opening::open(&arguments.file, open, &Progress::default())?;
    let write = if arguments.json { write_json } else { write_text };
    output::to_stdout(|out| Ok(write(&index, arguments.num_largest, Units::Binary, out)?))
}
