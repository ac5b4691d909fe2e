// SPDX-License-Identifier: Apache-2.0
//! `memray-view diff`: two captures compared, as text, JSON or Markdown.

use crate::arguments::{DiffArguments, DiffBy};
use crate::failure::Failure;
use crate::{opening, output};
use memray_compare::{Comparison, Matching, RootRule};
use memray_index::{Filter, GroupBy, Index, Mode, OpenOptions, Progress, Timeline};
use memray_report::asking::{AskingError, parse_mode};
use memray_report::comparison::{Diff, DiffQuestion};
use memray_report::markdown::MarkdownExtras;
use memray_report::moments::{MomentError, same_moment, same_range};
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

/// What each side is asked. Where both are asked the same, a time that only the longer one reached is the other's end, as in the
/// window.
fn modes(arguments: &DiffArguments, [before, after]: [&Index; 2]) -> Result<[Mode; 2], Failure> {
    let parsed = |text: &str, index: &Index| parse_mode(text, index.timeline(), WallClock::Local);
    let mode_after = arguments.mode_after.as_ref().unwrap_or(&arguments.mode);
    let refused = |side: char| move |error: AskingError| Failure::Unanswerable(format!("{side}: {error}"));
    let too_late =
        |mode: &Result<Mode, AskingError>| matches!(mode, Err(AskingError::Moment(MomentError::AfterTheEnd { .. })));
    match [parsed(&arguments.mode, before), parsed(mode_after, after)] {
        [a, Ok(b)] if arguments.mode_after.is_none() && too_late(&a) => {
            Ok([same_mode(b, after.timeline(), before.timeline()), b])
        }
        [Ok(a), b] if arguments.mode_after.is_none() && too_late(&b) => {
            Ok([a, same_mode(a, before.timeline(), after.timeline())])
        }
        [a, b] => Ok([a.map_err(refused('A'))?, b.map_err(refused('B'))?]),
    }
}

/// A mode with the times that are as long after another capture's beginning.
fn same_mode(mode: Mode, from: &Timeline, to: &Timeline) -> Mode {
    let range = |range| same_range(range, from, to);
    match mode {
        Mode::LiveAt(moment) => Mode::LiveAt(same_moment(moment, from, to)),
        Mode::RangeLive(it) => Mode::RangeLive(range(it)),
        Mode::RangePeak(it) => Mode::RangePeak(range(it)),
        Mode::RangeGrowth(it) => Mode::RangeGrowth(range(it)),
        Mode::RangeChurn(it) => Mode::RangeChurn(range(it)),
        Mode::Peak | Mode::Leaked | Mode::Total | Mode::Temporary { .. } => mode,
    }
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
