//! What `ringfence verify` takes.

use super::{NamedTargets, named_targets, symbol_folder};
use clap::{Args, ValueEnum, ValueHint};
use ringfence::SymbolFolder;
use std::ffi::OsString;
use std::path::PathBuf;

/// What chance begins with where nothing else is said, so that each run is like the last.
pub(crate) const USUAL_SEED: u32 = 0x5EED;

/// What `ringfence verify` takes.
#[derive(Args)]
#[command(
    after_help = "Nothing is set on this machine, and nothing of a driver runs on it: an emulated
processor executes it in an emulated kernel.

Exit codes, looked at in this order:
  2  usage error, or the report could not be written
  1  a run showed a violation, memory integrity does not let a driver in, or
     with --faults a driver crashed that does not where no allocation fails
     (or a run did not come to its end, with --fail-unknown)
  2  something could not be read, or not whole, or was named and is no driver
  3  nothing to examine
  0  none of these

`scan --verify` has other formats, reports to files, settings,
acceptances and baselines."
)]
pub(crate) struct Verify {
    /// Files, folders, patterns like 'drivers/*.sys', @FILE with one path a line, or - for standard
    /// input
    #[arg(required = true, value_name = "DRIVER", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<OsString>,
    /// Which of Windows' two set-ups to run it in: verifier (Driver Verifier's code integrity checks, memory
    /// integrity off), hvci (memory integrity on), or both, one after the other
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        default_value = "both",
        value_name = "WHICH"
    )]
    pub(crate) environment: Environments,
    /// Windows versions the answers are about; the driver finds itself on the newest of them [default: win10-1703+]
    #[arg(long, value_parser = named_targets, value_delimiter = ',', value_name = "VERSIONS")]
    pub(crate) target: Vec<NamedTargets>,
    /// How to write it: text (everything), summary (tables), json (one document), or jsonl (a line for each driver
    /// and set-up) [default: text for one file, summary for more]
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        hide_possible_values = true,
        value_name = "FORMAT"
    )]
    pub(crate) format: Option<VerifyFormat>,
    /// Write every call of a kernel function and every change of what may be done with pages to a file, a line of
    /// JSON each
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trace: Option<PathBuf>,
    /// The most instructions of a run; work that the emulated kernel does for the driver counts too
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 50_000_000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) instructions: u64,
    /// Let so many of 10,000 allocations fail by chance once DriverEntry has returned, as Driver Verifier's low
    /// resources simulation does
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) faults: Option<u32>,
    /// What chance begins with for --faults: the same seed gives the same run
    #[arg(long, value_name = "NUMBER", requires = "faults", default_value_t = USUAL_SEED)]
    pub(crate) seed: u32,
    /// Folder with debug files (PDB), flat or a symbol store, for functions and source lines; may be
    /// given several times. Files beside the drivers are found without
    #[arg(long, value_parser = symbol_folder(), value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) symbols: Vec<SymbolFolder>,
    /// Let runs that did not come to their end make the exit code 1 as well
    #[arg(long)]
    pub(crate) fail_unknown: bool,
}

/// Which set-ups a driver runs in.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environments {
    Verifier,
    Hvci,
    Both,
}

/// How runs are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyFormat {
    Text,
    Summary,
    Json,
    Jsonl,
}
