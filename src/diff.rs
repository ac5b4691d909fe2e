// SPDX-License-Identifier: Apache-2.0
//! `memray-view diff`: two captures compared, as text, JSON or Markdown.

use crate::arguments::{DiffArguments, DiffBy};
use crate::failure::Failure;
use crate::{opening, output};
use memray_compare::{Comparison, Matching, RootRule};
use memray_index::{Filter, GroupBy, Index, Mode, OpenOptions, Progress};
use memray_report::asking::{parse_mode, parse_mode_of_both};
use memray_report::comparison::{Diff, DiffQuestion};
use memray_report::markdown::MarkdownExtras;
use memray_report::size::Units;
use memray_report::source_folders::SourceFolders;
use memray_report::time::WallClock;

pub(crate) fn run(arguments: &DiffArguments, open: &OpenOptions) -> Result<(), Failure> {
    let index = |path| opening::open(path, open, &Progress::default());
    let (before, after) = (index(&arguments.before)?, index(&arguments.after)?);
    let modes = modes(arguments, [&before, &after])?;
    let question = DiffQuestion {
        modes,
        filter: Filter { hide_irrelevant: arguments.hide_irrelevant, ..Filter::default() },
        by: group_by(arguments.by),
    };
    let comparison = Comparison::new(before, after, matching(arguments));
    let names = [arguments.before.to_string_lossy(), arguments.after.to_string_lossy()];
    let diff = Diff::of(&comparison, [&names[0], &names[1]], &question, Units::Binary)?;
    output::to_stdout(|out| {
        Ok(match (arguments.json, arguments.markdown) {
            (true, _) => diff.write_json(out),
            (_, true) => diff.write_markdown(arguments.num_largest, &extras(arguments), out),
            _ => diff.write_text(arguments.num_largest, out),
        }?)
    })
}

/// What each side is asked.
fn modes(arguments: &DiffArguments, indexes: [&Index; 2]) -> Result<[Mode; 2], Failure> {
    let (timelines, clock) = (indexes.map(Index::timeline), WallClock::Local);
    let [before, after] = match &arguments.mode_after {
        None => parse_mode_of_both(&arguments.mode, timelines, clock),
        Some(after) => [parse_mode(&arguments.mode, timelines[0], clock), parse_mode(after, timelines[1], clock)],
    };
    let refused = |side: char| move |error| Failure::Unanswerable(format!("{side}: {error}"));
    Ok([before.map_err(refused('A'))?, after.map_err(refused('B'))?])
}

/// Sources are looked for where the captures say, beside them, and here.
fn extras(arguments: &DiffArguments) -> MarkdownExtras {
    let folders = || SourceFolders::of_captures([arguments.after.as_path(), &arguments.before]);
    MarkdownExtras { command_lines: arguments.command_lines, sources: arguments.source_lines.then(folders) }
}

fn matching(arguments: &DiffArguments) -> Matching {
    let rule = |(before, after): &(String, String)| RootRule {
        before: before.clone().into_bytes(),
        after: after.clone().into_bytes(),
    };
    let given: Vec<RootRule> = arguments.root.iter().map(rule).collect();
    let roots = (arguments.no_roots || !given.is_empty()).then_some(given);
    Matching { by_line: arguments.by_line, roots, ..Matching::default() }
}

fn group_by(by: DiffBy) -> GroupBy {
    match by {
        DiffBy::Location => GroupBy::Location,
        DiffBy::Function => GroupBy::Function,
        DiffBy::File => GroupBy::File,
        DiffBy::Module => GroupBy::Module,
        DiffBy::OwnCode => GroupBy::OwnCodeLine,
        DiffBy::Thread => GroupBy::Thread,
        DiffBy::Allocator => GroupBy::Allocator,
        DiffBy::Library => GroupBy::NativeLibrary,
    }
}
