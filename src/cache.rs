// SPDX-License-Identifier: Apache-2.0
//! `memray-view cache`: the indexes that are kept.

use crate::arguments::CacheArguments;
use crate::failure::Failure;
use crate::output;
use memray_index::cache::{clear, default_folder, entries};
use memray_report::kept;
use memray_report::size::Units;
use std::io;
use std::path::Path;

pub(crate) fn run(arguments: &CacheArguments) -> Result<(), Failure> {
    let Some(folder) = default_folder() else {
        return Err(Failure::Unreadable("this system has no cache folder: indexes are not kept".to_owned()));
    };
    if arguments.clear {
        let (count, size_bytes) = absent_is_empty(clear(&folder), &folder)?;
        return output::to_stdout(|out| Ok(kept::write_cleared(count, size_bytes, Units::Binary, out)?));
    }
    let entries = absent_is_empty(entries(&folder), &folder)?;
    output::to_stdout(|out| Ok(kept::write_entries(&folder, &entries, Units::Binary, out)?))
}

/// A cache folder that is not there yet holds nothing.
fn absent_is_empty<T: Default>(result: io::Result<T>, folder: &Path) -> Result<T, Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        result => result.map_err(|error| Failure::Unreadable(format!("{} cannot be read: {error}", folder.display()))),
    }
}
