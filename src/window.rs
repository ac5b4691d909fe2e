// SPDX-License-Identifier: Apache-2.0
//! `memray-view [FILE]…`: a window a capture. Without a display the captures are summed up as text.

use crate::arguments::WindowArguments;
use crate::failure::Failure;
use crate::summary;
use memray_index::OpenOptions;

pub(crate) fn run(arguments: &WindowArguments, open: &OpenOptions) -> Result<(), Failure> {
    if arguments.files.is_empty() {
        return Err(Failure::Unanswerable("there is no display for a window: name a capture to read".to_owned()));
    }
    arguments.files.iter().try_for_each(|file| summary::run(file, open))
}
