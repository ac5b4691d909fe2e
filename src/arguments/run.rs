// SPDX-License-Identifier: Apache-2.0
//! The command line of `memray-view run`: memray's options under memray's names, and some of ours.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args, Debug)]
#[command(
    override_usage = "memray-view run [OPTIONS] [-m module | -c cmd | file] [args]...",
    after_help = "Without --python, the active virtual environment's interpreter runs the program, else python3."
)]
pub(crate) struct RunArguments {
    /// Output file name (default: memray-<program>.<pid>.bin, in the program's folder)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// If the output file already exists, overwrite it
    #[arg(short, long)]
    pub(crate) force: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Open the capture in a window when the program has ended
    #[arg(long)]
    pub(crate) open: bool,

    /// The interpreter and its own flags, as in --python 'python3.12 -X dev'
    #[arg(long, value_name = "PATH FLAGS")]
    pub(crate) python: Option<OsString>,

    /// Record allocations made by the pymalloc allocator
    #[arg(long)]
    pub(crate) trace_python_allocators: bool,

    /// Track native (C/C++) stack frames as well
    #[arg(long)]
    pub(crate) native: bool,

    /// Record allocations in child processes forked from the program, each into <output>.<pid>
    #[arg(long)]
    pub(crate) follow_fork: bool,

    /// Record Python programs that the program starts too, and forked children, each into <output>.<pid>
    #[arg(long)]
    pub(crate) follow_children: bool,

    /// Write aggregated stats to the output file instead of all allocations
    #[arg(long)]
    pub(crate) aggregate: bool,

    /// Do not compress the output file
    #[arg(long, conflicts_with = "compress_on_exit")]
    pub(crate) no_compress: bool,

    /// Compress the output file with LZ4, which is done anyway: as the program runs, not on exit
    #[arg(long)]
    pub(crate) compress_on_exit: bool,

    /// Milliseconds between two samples of the resident set
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) memory_interval: u64,

    /// Stop recording after that long, as in 90s, 10m or 2h; the program runs on
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,

    /// Stop recording when the output file is that large, as in 500M or 2G; the program runs on
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_size: Option<u64>,

    /// Program passed in as string
    #[arg(short = 'c', conflicts_with = "module")]
    pub(crate) command: bool,

    /// Run library module as a script (terminates option list)
    #[arg(short = 'm')]
    pub(crate) module: bool,

    // No option of ours is looked for from the first of these on.
    #[arg(required = true, trailing_var_arg = true, hide = true, value_name = "file")]
    pub(crate) program: Vec<OsString>,
}

/// Splits a number from the unit after it.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.parse::<f64>().ok().filter(|number| *number > 0.0)?;
    Some((number, unit.trim()))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let refused = || "write a time as in 90s, 10m or 2h".to_owned();
    let (number, unit) = number_and_unit(text).ok_or_else(refused)?;
    let unit_s = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(refused()),
    };
    Duration::try_from_secs_f64(number * unit_s).map_err(|_| refused())
}

/// Sizes are powers of 1,024, as everywhere here.
fn parse_size(text: &str) -> Result<u64, String> {
    let refused = || "write a size as in 500M or 2G".to_owned();
    let (number, unit) = number_and_unit(text).ok_or_else(refused)?;
    let shift = match unit.to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" if unit.is_empty() || unit.eq_ignore_ascii_case("b") => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(refused()),
    };
    let bytes = number * (1_u64 << shift) as f64;
    if (1.0..=1e18).contains(&bytes) { Ok(bytes as u64) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::super::{CommandLine, Subcommand};
    use super::*;
    use clap::Parser;

    fn parse(line: &str) -> Result<RunArguments, clap::error::ErrorKind> {
        let words = ["memray-view", "run"].into_iter().chain(line.split(' '));
        match CommandLine::try_parse_from(words).map_err(|error| error.kind())?.subcommand {
            Some(Subcommand::Run(arguments)) => Ok(arguments),
            _ => Err(clap::error::ErrorKind::InvalidSubcommand),
        }
    }

    #[test]
    fn what_follows_the_program_is_the_programs() {
        let arguments = parse("-q -o x.bin svc.py -q --output y -- -m --no-cache").unwrap_or_else(|e| panic!("{e}"));
        assert!(arguments.quiet && !arguments.module);
        assert_eq!(arguments.output, Some("x.bin".into()));
        assert_eq!(arguments.program, ["svc.py", "-q", "--output", "y", "--", "-m", "--no-cache"]);
        let module = parse("-m json.tool --help").unwrap_or_else(|e| panic!("{e}"));
        assert!(module.module);
        assert_eq!(module.program, ["json.tool", "--help"]);
        let command = parse("-c -q print(1) -c").unwrap_or_else(|e| panic!("{e}"));
        assert!(command.command && command.quiet);
        assert_eq!(command.program, ["print(1)", "-c"]);
        assert_eq!(parse("-- -odd.py").map(|it| it.program), Ok(vec!["-odd.py".into()]));
        assert_eq!(parse("-").map(|it| it.program), Ok(vec!["-".into()]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use clap::error::ErrorKind;
        assert_eq!(parse("--unknown svc.py").map(|_| ()), Err(ErrorKind::UnknownArgument));
        assert_eq!(parse("-q").map(|_| ()), Err(ErrorKind::MissingRequiredArgument));
        assert_eq!(parse("-m -c x").map(|_| ()), Err(ErrorKind::ArgumentConflict));
        assert_eq!(parse("--no-compress --compress-on-exit x.py").map(|_| ()), Err(ErrorKind::ArgumentConflict));
        assert_eq!(parse("--memory-interval 0 x.py").map(|_| ()), Err(ErrorKind::ValueValidation));
    }

    #[test]
    fn times_and_sizes_have_units() {
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_duration("1.5 h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_size("2G"), Ok(2 << 30));
        assert_eq!(parse_size("1.5MiB"), Ok(3 << 19));
        assert_eq!(parse_size("512 kb"), Ok(512 << 10));
        assert_eq!(parse_size("7"), Ok(7));
        for text in ["", "0", "-1", "m", "1x", "1e99d", "..", "99999999T", "1I", "1ib"] {
            assert!(parse_duration(text).is_err(), "{text}");
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
