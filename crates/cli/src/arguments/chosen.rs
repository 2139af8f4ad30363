//! The options of a scan that a settings file can give too. What is not said here is the file's to say.

use super::{questions, reports, symbol_folder, targets, web_address};
use crate::report_file::Wanted;
use clap::Args;
use ringfence::{Question, SymbolFolder, Targets};
use std::path::PathBuf;

/// More threads than this help nobody, and a system refuses them sooner or later.
const MOST_THREADS: i64 = 1024;

/// What the command line says of what a settings file may say.
#[derive(Args)]
pub(crate) struct Chosen {
    /// Write a report to a file as well, such as sarif=drivers.sarif or html=drivers.html; may be given
    /// several times
    #[arg(long, value_parser = reports(), value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<Wanted>,
    /// Where the pages that `cargo xtask docs` makes are published, for links to rules in reports
    #[arg(long, value_parser = web_address, value_name = "URL")]
    pub(crate) docs_url: Option<String>,
    /// Questions whose answer no makes the exit code 1 [default: load,run,certify]
    #[arg(long, value_parser = questions(), ignore_case = true, value_delimiter = ',', value_name = "QUESTIONS")]
    pub(crate) gate: Vec<Question>,
    /// Let an unknown answer to a gated question make the exit code 1 as well
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true, value_name = "BOOL")]
    pub(crate) fail_unknown: Option<bool>,
    /// A report of an earlier run, by --format json or jsonl: what it has fails nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Use no baseline, whatever the settings file says
    #[arg(long, conflicts_with = "baseline")]
    pub(crate) no_baseline: bool,
    /// Windows versions to ask about, such as win10-1607, server-2016, win11-24h2; win10-1703+ for it
    /// and all later ones; win10, win11 or server for a family; all for every version. `ringfence list
    /// targets` names them [default: win10-1703+]
    #[arg(long, value_parser = targets, value_delimiter = ',', value_name = "VERSIONS")]
    pub(crate) target: Vec<Targets>,
    /// Follow Microsoft's documentation where Windows was observed to ask for less executable memory
    /// than it says (MmMapIoSpace with MmWriteCombined)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true, value_name = "BOOL")]
    pub(crate) strict: Option<bool>,
    /// Let what only Code Analysis objects to count against certify
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true, value_name = "BOOL")]
    pub(crate) code_analysis: Option<bool>,
    /// Folder with debug files (PDB), flat or a symbol store, for functions and source lines; may be
    /// given several times. Files beside the drivers are found without
    #[arg(long, value_parser = symbol_folder(), value_name = "DIR")]
    pub(crate) symbols: Vec<SymbolFolder>,
    /// Compute no digests: faster, but equal files are not recognised as such
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true, value_name = "BOOL")]
    pub(crate) no_hash: Option<bool>,
    /// Worker threads, 0 for one for each processor [default: 0]
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..=MOST_THREADS), value_name = "N")]
    pub(crate) threads: Option<u16>,
    /// The settings file [default: the nearest ringfence.toml from the folder of the first input upward,
    /// else from the working directory]
    #[arg(long, value_name = "FILE", conflicts_with = "isolated")]
    pub(crate) config: Option<PathBuf>,
    /// Use no settings file; for drivers of others, whose folders may bring one
    #[arg(long)]
    pub(crate) isolated: bool,
}
