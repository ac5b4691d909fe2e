// SPDX-License-Identifier: Apache-2.0
//! The command line: what can be asked for, and how it is written.

mod run;

pub(crate) use run::RunArguments;

use crate::files::Said;
use clap::{Args, Parser, ValueEnum};
use std::path::PathBuf;

/// A native viewer for memory captures of Python programs, as memray writes them.
#[derive(Debug, Parser)]
#[command(
    name = "memray-view",
    version,
    max_term_width = 100,
    after_help = "A file named like a subcommand is opened as ./NAME. Exit codes: 0 done; 1 a file cannot be read or \
                  written; 2 wrong usage, or a question that this capture cannot answer. `run` ends as the program does."
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) subcommand: Option<Subcommand>,

    #[command(flatten)]
    pub(crate) window: WindowArguments,

    /// Index anew in a temporary file, and leave the cache alone
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
}

/// What to do other than opening a window.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    /// Index a capture, and say what it holds and how fast it was read
    Index(IndexArguments),
    /// Print an answer by stack, as JSON or collapsed lines
    Export(ExportArguments),
    /// Print the headline and memray's statistics
    Stats(StatsArguments),
    /// Compare two captures: what grew, what shrank, what is new and what is gone
    ///
    /// A is before and B is after. Frames are the same if they are of the same function of the same file, wherever Python,
    /// its packages and the program were installed.
    Diff(DiffArguments),
    /// Ask a capture in SQL
    ///
    /// One SELECT over its index, whose tables --schema shows; docs/sql.md has examples. Nothing can be written. Ctrl+C ends a
    /// statement that takes too long.
    Sql(SqlArguments),
    /// Show the indexes that are kept, or throw them out
    ///
    /// An index is found again by its capture's size, header and 256 blocks sampled from all over the file. Damage that a
    /// capture took since, between those blocks, is not seen: --no-cache reads all of it anew.
    Cache(CacheArguments),
    /// Run a Python program and record its memory
    ///
    /// The program runs as without us, and ends with its own exit code. What memray-view says goes to standard error.
    Run(RunArguments),
    /// Print what makes a shell complete this command's words
    ///
    /// bash: source <(memray-view completions bash); zsh: write it to _memray-view in a folder of $fpath; fish: write it to
    /// ~/.config/fish/completions/memray-view.fish. Packages install all three.
    Completions(CompletionsArguments),
    /// Write the man pages into a folder: for those who make packages
    #[command(hide = true)]
    ManPages(ManPagesArguments),
}

/// The window, or a picture of it.
#[derive(Args, Debug, Default)]
pub(crate) struct WindowArguments {
    /// Captures (.bin) or indexes (.mvidx) to open: one; two to be compared, before and after; or more, each in a tab, what is
    /// no capture skipped. A process and those that it forked (out.bin out.bin.4711 …) are one session: a list, each alone, or
    /// all summed over time
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Compare the two, also if one is of a process that the other forked
    #[arg(long, conflicts_with = "session")]
    pub(crate) compare: bool,

    /// Take the files for processes of one program, whatever they are called
    #[arg(long)]
    pub(crate) session: bool,

    /// Draw the window into a PNG file instead; needs no display
    #[arg(long, value_name = "PNG")]
    pub(crate) screenshot: Option<PathBuf>,

    /// Size of the picture in points
    #[arg(long, value_name = "WxH", requires = "screenshot", value_parser = parse_size)]
    pub(crate) size: Option<[u32; 2]>,

    /// Pixels a point, from 0.5 to 8; 2 on dense screens
    #[arg(long, value_name = "N", requires = "screenshot", value_parser = parse_density)]
    pub(crate) pixels_per_point: Option<f32>,

    /// Colours of the picture
    #[arg(long, value_enum, requires = "screenshot")]
    pub(crate) theme: Option<Theme>,
}

/// What memray calls its reports.
const REPORTS_OF_MEMRAY: [&str; 8] = ["flamegraph", "table", "tree", "summary", "transform", "live", "attach", "parse"];

impl WindowArguments {
    /// The report that is asked for as memray would be, where no file has that name.
    pub(crate) fn report_of_memray(&self) -> Option<&'static str> {
        let first = self.files.first()?;
        REPORTS_OF_MEMRAY.into_iter().find(|name| first.as_os_str() == *name && !first.exists())
    }

    /// Whether none was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.screenshot.is_none() && !self.compare && !self.session
    }

    /// What the files are said to be.
    pub(crate) fn said(&self) -> Said {
        match (self.compare, self.session) {
            (true, _) => Said::Compared,
            (_, true) => Said::Session,
            _ => Said::Nothing,
        }
    }
}

/// Colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Theme {
    Dark,
    Light,
}

#[derive(Args, Debug)]
pub(crate) struct IndexArguments {
    /// The capture
    pub(crate) file: PathBuf,

    /// Write the index to this file too; it opens by itself, where the capture is not
    #[arg(short, long, value_name = "FILE.mvidx")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct CacheArguments {
    /// Throw out every index that is not in use
    #[arg(long)]
    pub(crate) clear: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SqlArguments {
    /// The capture or index
    #[arg(required_unless_present = "schema")]
    pub(crate) file: Option<PathBuf>,

    /// The statement; without one, or with -, it is read from standard input
    pub(crate) statement: Option<String>,

    /// How rows are printed
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: SqlOutput,

    /// Print the tables that there are, and end
    #[arg(long, exclusive = true)]
    pub(crate) schema: bool,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SqlOutput {
    Table,
    Csv,
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: CompletedShell,
}

/// A shell that is helped along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletedShell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Args, Debug)]
pub(crate) struct ManPagesArguments {
    /// The folder; it must be there
    pub(crate) folder: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct StatsArguments {
    /// The capture or index
    pub(crate) file: PathBuf,

    /// Print JSON, with memray's keys
    #[arg(long)]
    pub(crate) json: bool,

    /// How many rows each ranking has
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = parse_positive)]
    pub(crate) num_largest: usize,
}

#[derive(Args, Debug)]
pub(crate) struct DiffArguments {
    /// The first capture or index: before
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,

    /// The second: after
    #[arg(value_name = "B")]
    pub(crate) after: PathBuf,

    /// Which memory of both, as for `export`; moments are those of each capture
    #[arg(long, default_value = "peak")]
    pub(crate) mode: String,

    /// Which memory of B, where it is another than of A
    #[arg(long, value_name = "MODE")]
    pub(crate) mode_after: Option<String>,

    /// What the table is of
    #[arg(long, value_enum, default_value_t = DiffBy::OwnCode)]
    pub(crate) by: DiffBy,

    /// How many rows it has; JSON has all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 15, value_parser = parse_positive)]
    pub(crate) num_largest: usize,

    /// Frames are the same only if their lines are
    #[arg(long)]
    pub(crate) by_line: bool,

    /// What lies below these paths is the same; may be given more than once. Without it, roots that differ are found
    #[arg(long, value_name = "A=B", value_parser = parse_root)]
    pub(crate) root: Vec<(String, String)>,

    /// Do not look for roots that differ
    #[arg(long, conflicts_with = "root")]
    pub(crate) no_roots: bool,

    /// Leave out frames that memray calls irrelevant: runpy's, CPython's own, those of the import system
    #[arg(long)]
    pub(crate) hide_irrelevant: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Print Markdown: names of functions and files, and nothing else of the programs
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,

    /// In Markdown, also the commands that ran
    #[arg(long, requires = "markdown", conflicts_with = "json")]
    pub(crate) command_lines: bool,

    /// In Markdown, also the line of source of each stack, where its file is there
    #[arg(long, requires = "markdown", conflicts_with = "json")]
    pub(crate) source_lines: bool,
}

/// What the rows of a comparison are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffBy {
    Location,
    Function,
    File,
    Module,
    OwnCode,
    Thread,
    Allocator,
    Library,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    /// The capture or index
    pub(crate) file: PathBuf,

    /// Which memory: peak, leaked, allocated, temporary[=N], live@T, range-live@A..B, range-peak@A..B, range-growth@A..B or
    /// range-churn@A..B. T, A and B are moments: #12 (just before that snapshot), start, end, 14.2s, 1m30s, 0:20:00 or
    /// a time of day
    #[arg(long, default_value = "peak", verbatim_doc_comment)]
    pub(crate) mode: String,

    /// How it is written
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    pub(crate) format: ExportFormat,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Keep the stacks of each thread apart
    #[arg(long)]
    pub(crate) split_threads: bool,

    /// Only this thread, by name or number (2, 0x2)
    #[arg(long, value_name = "NAME")]
    pub(crate) thread: Option<String>,

    /// Only this allocator: malloc, mmap, pymalloc_malloc, …
    #[arg(long, value_name = "NAME")]
    pub(crate) allocator: Option<String>,

    /// Only stacks with a frame of such a module: part of its name, or /regex/
    #[arg(long, value_name = "PATTERN")]
    pub(crate) module: Option<String>,

    /// Only stacks with a frame of such a file: part of its path, or /regex/
    #[arg(long = "file", id = "file_pattern", value_name = "PATTERN")]
    pub(crate) file_pattern: Option<String>,

    /// Only stacks with a frame of such a function: part of its name, or /regex/
    #[arg(long, value_name = "PATTERN")]
    pub(crate) function: Option<String>,

    /// Leave out frames of the import system
    #[arg(long)]
    pub(crate) hide_import_system: bool,

    /// Leave out frames that memray calls irrelevant: runpy's, CPython's own, those of the import system
    #[arg(long)]
    pub(crate) hide_irrelevant: bool,

    /// Leave out frames of such functions: part of their name, or /regex/; may be given more than once
    #[arg(long, value_name = "PATTERN")]
    pub(crate) hide_function: Vec<String>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Json,
    Collapsed,
    Csv,
}

fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=16_384).contains(side));
    text.split_once(['x', 'X', '×'])
        .and_then(|(width, height)| Some([side(width)?, side(height)?]))
        .ok_or_else(|| "write width and height in points, as in 1440x900".to_owned())
}

/// `/srv/app-1.4.2=/srv/app-1.5.0`
fn parse_root(text: &str) -> Result<(String, String), String> {
    let without_slash = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
    match text.split_once('=') {
        Some((before, after)) if !before.is_empty() && !after.is_empty() => {
            Ok((without_slash(before), without_slash(after)))
        }
        _ => Err("write two paths, as in /srv/app-1.4.2=/srv/app-1.5.0".to_owned()),
    }
}

fn parse_density(text: &str) -> Result<f32, String> {
    let density = text.parse::<f32>().ok().filter(|density| (0.5..=8.0).contains(density));
    density.ok_or_else(|| "write a number from 0.5 to 8".to_owned())
}

fn parse_positive(text: &str) -> Result<usize, String> {
    text.parse::<usize>().ok().filter(|&n| n > 0).ok_or_else(|| "write a whole number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn sizes_are_two_numbers() {
        assert_eq!(parse_size("1440x900"), Ok([1440, 900]));
        for text in ["1440", "x900", "0x900", "1440x99999", "-1x3", "1.5x2"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn roots_are_two_paths() {
        assert_eq!(parse_root("/a/=/b"), Ok(("/a".to_owned(), "/b".to_owned())));
        for text in ["", "/a", "=/b", "/a="] {
            assert!(parse_root(text).is_err(), "{text}");
        }
    }

    #[test]
    fn densities_are_bounded() {
        assert_eq!(parse_density("2"), Ok(2.0));
        for text in ["0", "9", "NaN", "inf", "x"] {
            assert!(parse_density(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_makes_a_file_of_a_subcommands_name() {
        let opened = CommandLine::parse_from(["memray-view", "./index"]);
        assert!(opened.subcommand.is_none());
        assert_eq!(opened.window.files, [PathBuf::from("./index")]);
        let indexed = CommandLine::parse_from(["memray-view", "--no-cache", "index", "out.bin"]);
        assert!(matches!(indexed.subcommand, Some(Subcommand::Index(_))));
        assert!(indexed.no_cache);
    }
}
