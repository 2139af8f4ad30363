//! What `ringfence lint` takes.

use super::{definition, reports, source_formats, targets, web_address};
use crate::report_file::Wanted;
use clap::{Args, ValueEnum, ValueHint};
use ringfence::Targets;
use ringfence::report::Format;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `ringfence lint` takes.
#[derive(Args)]
#[command(after_help = "To accept a finding, write on its line or the one before:
  // ringfence: allow(executable-pool-type) the reason
#pragma warning(suppress: 30030) does it as well, and [[accept]] of
ringfence.toml for files, folders and functions.

Exit codes, looked at in this order:
  2  usage error, or the report or a fixed file could not be written
  1  there is an error that is neither accepted nor in the baseline; with
     --fix, one is left; with --diff, there is something to fix
  2  something could not be read, or not whole, or was named and is no source
  3  nothing to examine
  0  none of these")]
pub(crate) struct Lint {
    /// Files, folders, patterns like 'src/**/*.c', or @FILE with one path a line [default: .]
    ///
    /// In folders, C, C++, headers and Rust count, and the files that build them: .vcxproj, .props, sources,
    /// CMakeLists.txt, compile_commands.json. What git ignores and what is hidden is left out.
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<OsString>,
    /// How to write the report [default: full]
    #[arg(long, value_parser = source_formats(), ignore_case = true, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write a report to a file as well, such as sarif=source.sarif; may be given several times
    #[arg(long, value_parser = reports(), value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<Wanted>,
    /// Make the fixes that change nothing but what the finding is about
    #[arg(long, conflicts_with_all = ["diff", "lsp"])]
    pub(crate) fix: bool,
    /// With --fix or --diff, also fixes that a person should look at; where all of --target have
    /// ExAllocatePool2, as with --target win11, calls are made to it rather than given another pool type
    #[arg(long)]
    pub(crate) unsafe_fixes: bool,
    /// Show what --fix would change, as git apply takes it, and change nothing
    #[arg(long, conflicts_with_all = ["lsp", "format", "report"])]
    pub(crate) diff: bool,
    /// What to tell: what is certain, what is likely too, or all, with what cannot be known
    #[arg(long, value_enum, default_value = "likely", value_name = "WHAT")]
    pub(crate) show: Shown,
    /// Define a macro for every file, beside what the project files say; may be given several times
    #[arg(long, short = 'D', value_parser = definition, value_name = "NAME[=VALUE]")]
    pub(crate) define: Vec<String>,
    /// Windows versions to ask about [default: win10-1703+]; fixes use nothing that one of them lacks
    #[arg(long, value_parser = targets, value_delimiter = ',', value_name = "VERSIONS")]
    pub(crate) target: Vec<Targets>,
    /// Follow Microsoft's documentation where Windows was observed to ask for less executable memory
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true, value_name = "BOOL")]
    pub(crate) strict: Option<bool>,
    /// Let what only Code Analysis objects to be an error
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true, value_name = "BOOL")]
    pub(crate) code_analysis: Option<bool>,
    /// A report of an earlier run, by --format json or jsonl: what it has fails nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Use no baseline, whatever the settings file says
    #[arg(long, conflicts_with = "baseline")]
    pub(crate) no_baseline: bool,
    /// Make the exit code 0 where it would be 1
    #[arg(long)]
    pub(crate) exit_zero: bool,
    /// Where the pages that `cargo xtask docs` makes are published, for links to rules in reports
    #[arg(long, value_parser = web_address, value_name = "URL")]
    pub(crate) docs_url: Option<String>,
    /// Worker threads, 0 for one for each processor [default: 0]
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..=1024), value_name = "N")]
    pub(crate) threads: Option<u16>,
    /// Speak the Language Server Protocol on standard input and output
    #[arg(long, conflicts_with_all = ["format", "report", "fix", "diff"])]
    pub(crate) lsp: bool,
    /// The settings file [default: the nearest ringfence.toml from the folder of the first input upward,
    /// else from the working directory]
    #[arg(long, value_name = "FILE", conflicts_with = "isolated")]
    pub(crate) config: Option<PathBuf>,
    /// Use no settings file
    #[arg(long)]
    pub(crate) isolated: bool,
}

/// Which findings are told.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// What is certain.
    Certain,
    /// What is likely as well.
    Likely,
    /// And that something is not known.
    All,
}
