// SPDX-License-Identifier: Apache-2.0
//! `memray-view export`: an answer by stack, as JSON, CSV or collapsed lines.

use crate::arguments::{ExportArguments, ExportFormat};
use crate::failure::Failure;
use crate::opening;
use crate::output::{self, Target};
use memray_index::{Filter, Index, OpenOptions, Progress, Question};
use memray_report::asking::{AskingError, find_thread, parse_allocator, parse_mode, parse_pattern, thread_names};
use memray_report::export::{Format, export};
use memray_report::filtering::filter_words_of;
use memray_report::time::WallClock;
use std::io::{self, Write};

pub(crate) fn run(arguments: &ExportArguments, open: &OpenOptions) -> Result<(), Failure> {
    let index = opening::open(&arguments.file, open, &Progress::default())?;
    let mut question = question(arguments, &index)?;
    for pattern in &arguments.hide_function {
        question.filter.hidden_functions.extend(index.functions_named(&parse_pattern(pattern))?);
    }
    let answer = index.ask(&question)?;
    let only = filter_words_of(&index, &answer.question.filter);
    if answer.sites.is_empty() && !only.is_empty() {
        // Where standard error is closed, the empty export says it too.
        let only = only.trim_start_matches(", ");
        let _ = writeln!(io::stderr(), "memray-view: nothing is left by the filter ({only})");
    }
    let format = match arguments.format {
        ExportFormat::Json => Format::Json,
        ExportFormat::Collapsed => Format::Collapsed,
        ExportFormat::Csv => Format::Csv,
    };
    let write = |out: &mut dyn Write| export(&index, &answer, format, out);
    match &arguments.output {
        Some(path) => output::to_file(path, &arguments.file, Target::Any, write),
        None => output::to_stdout(|out| Ok(write(out)?)),
    }
}

fn question(arguments: &ExportArguments, index: &Index) -> Result<Question, AskingError> {
    let thread = |name: &String| find_thread(name, &thread_names(index));
    let pattern = |text: &Option<String>| text.as_deref().map(parse_pattern);
    Ok(Question {
        mode: parse_mode(&arguments.mode, index.timeline(), WallClock::Local)?,
        filter: Filter {
            thread: arguments.thread.as_ref().map(thread).transpose()?,
            allocator: arguments.allocator.as_deref().map(parse_allocator).transpose()?,
            module: pattern(&arguments.module),
            file: pattern(&arguments.file_pattern),
            function: pattern(&arguments.function),
            hide_import_system: arguments.hide_import_system,
            hide_irrelevant: arguments.hide_irrelevant,
            ..Filter::default()
        },
        split_threads: arguments.split_threads,
    })
}
