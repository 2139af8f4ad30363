//! What can be said on the command line.

use crate::report_file::Wanted;
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use ringfence::report::{Format, safe};
use ringfence::{CallAnswer, Question, SymbolFolder, TARGETS, Targets, similar};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Tells whether Windows kernel drivers can live with memory integrity (HVCI).
#[derive(Parser)]
#[command(name = "ringfence", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
}

impl Arguments {
    /// What was said; where it makes no sense, the program ends and says why.
    pub(crate) fn read() -> Arguments {
        Arguments::try_parse().unwrap_or_else(|mut error| {
            // Who names a driver without a command wants it scanned.
            if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand)
                && Path::new(name).exists()
            {
                let tip = format!("to examine it: ringfence scan {}", safe(name));
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            }
            error.exit()
        })
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Examine drivers: do they load, run and pass certification with memory integrity on?
    Scan(Scan),
    /// Show what drivers ask the kernel for: every call of a DDI that decides about executable memory
    Calls(Calls),
    /// Explain a rule, a Driver Verifier bug check, a readiness-tool counter or a DDI
    Explain(Explain),
    /// List what ringfence knows
    List(List),
    /// Print a script that lets a shell complete what is typed
    Completions(Completions),
    /// Print a manual page, or write all of them
    Man(Manual),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// What `ringfence scan` takes.
#[derive(Args)]
#[command(after_help = "Exit codes, looked at in this order:
  2  usage error, or the report could not be written
  1  a gated answer is no (or unknown, with --fail-unknown)
  2  something could not be read, or not whole, or was named and is no driver
  3  nothing to examine
  0  none of these")]
pub(crate) struct Scan {
    /// Files, folders, patterns like 'drivers/*.sys', @FILE with one path a line, or - for standard
    /// input
    ///
    /// The content decides what is a driver, not the file's name. In folders, lists and patterns other
    /// files are counted and left out.
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<OsString>,
    /// How to write the report [default: full for one file, summary for more]
    #[arg(long, value_parser = formats(), ignore_case = true, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write a report to a file as well, such as sarif=drivers.sarif or html=drivers.html; may be given
    /// several times
    #[arg(long, value_parser = reports(), value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<Wanted>,
    /// Where the pages that `cargo xtask docs` makes are published, for links to rules in reports
    #[arg(long, value_parser = web_address, value_name = "URL")]
    pub(crate) docs_url: Option<String>,
    /// Questions whose answer no makes the exit code 1
    #[arg(long, value_parser = questions(), ignore_case = true, value_delimiter = ',',
          default_value = "load,run,certify", value_name = "QUESTIONS")]
    pub(crate) gate: Vec<Question>,
    /// Let an unknown answer to a gated question make the exit code 1 as well
    #[arg(long)]
    pub(crate) fail_unknown: bool,
    /// Windows versions to ask about, such as win10-1607, server-2016, win11-24h2; win10-1703+ for it
    /// and all later ones; win10, win11 or server for a family; all for every version. `ringfence list targets` names them
    #[arg(long, value_parser = targets, value_delimiter = ',', default_value = "win10-1703+",
          value_name = "VERSIONS")]
    pub(crate) target: Vec<Targets>,
    /// Follow Microsoft's documentation where Windows was observed to ask for less executable memory
    /// than it says (MmMapIoSpace with MmWriteCombined)
    #[arg(long)]
    pub(crate) strict: bool,
    /// Let what only Code Analysis objects to count against certify
    #[arg(long)]
    pub(crate) code_analysis: bool,
    /// List every examined call of a DDI and what it asks for, with --format json or jsonl;
    /// `ringfence calls` prints them as a table
    #[arg(long)]
    pub(crate) calls: bool,
    /// Folder with debug files (PDB), flat or a symbol store, for functions and source lines; may be
    /// given several times. Files beside the drivers are found without
    #[arg(long, value_parser = symbol_folder(), value_name = "DIR",
          value_hint = ValueHint::DirPath)]
    pub(crate) symbols: Vec<SymbolFolder>,
    /// Compute no digests: faster, but equal files are not recognised as such
    #[arg(long)]
    pub(crate) no_hash: bool,
    /// Worker threads [default: one for each processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..=MOST_THREADS), value_name = "N",
          default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: u16,
    /// Print on standard error where the time went
    #[arg(long)]
    pub(crate) timings: bool,
}

/// What `ringfence calls` takes.
#[derive(Args)]
#[command(after_help = "It judges nothing. Exit codes, looked at in this order:
  2  usage error, the table could not be written, or something could not be read, or not whole, or was
     named and is no driver
  3  nothing to examine
  0  none of these")]
pub(crate) struct Calls {
    /// Files, folders, patterns like 'drivers/*.sys', @FILE with one path a line, or - for standard
    /// input
    #[arg(required = true, value_name = "DRIVER", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<OsString>,
    /// Only calls with one of these answers: violation, mixed, unknown, fine-by-opt-in (a variable that is
    /// set up before says so), fine
    #[arg(long, value_parser = call_answers(), hide_possible_values = true, ignore_case = true,
          value_delimiter = ',', value_name = "ANSWERS")]
    pub(crate) only: Vec<CallAnswer>,
    /// Only calls of these DDIs, such as ExAllocatePool2,MmMapIoSpace
    #[arg(long, value_parser = ddi, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) ddi: Vec<String>,
    /// Folder with debug files (PDB), flat or a symbol store, for functions and source lines; may be
    /// given several times. Files beside the drivers are found without
    #[arg(long, value_parser = symbol_folder(), value_name = "DIR",
          value_hint = ValueHint::DirPath)]
    pub(crate) symbols: Vec<SymbolFolder>,
    /// How to write it: text or json
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

#[derive(Args)]
pub(crate) struct Explain {
    /// A rule (writable-executable-section), a bug check (0xC4:0x2003), a counter ("Execute-Write
    /// Section") or a DDI (MmMapIoSpace)
    #[arg(required = true, value_name = "NAME", num_args = 1..)]
    pub(crate) name: Vec<String>,
}

#[derive(Args)]
pub(crate) struct List {
    /// What to list
    #[arg(value_enum)]
    pub(crate) what: Listed,
    /// How to write it: text or json
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// What `ringfence completions` takes.
#[derive(Args)]
#[command(after_help = "Where shells look for it:
  bash        ~/.local/share/bash-completion/completions/ringfence
  zsh         _ringfence in a folder of $fpath
  fish        ~/.config/fish/completions/ringfence.fish
  powershell  ringfence completions powershell | Out-String | Invoke-Expression, in $PROFILE
  elvish      eval (ringfence completions elvish | slurp), in rc.elv")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// What `ringfence man` takes.
#[derive(Args)]
#[command(after_help = "To read one: ringfence man scan | man -l -")]
pub(crate) struct Manual {
    /// The command it is about; without one, the program
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
    /// Write all pages into this folder, as ringfence.1, ringfence-scan.1 and so on
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// The rules, with their other names
    Rules,
    /// The kernel functions and callbacks that matter for executable memory
    Ddis,
    /// The Windows versions that --target knows
    Targets,
}

/// How tables of ours are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Text,
    Json,
}

/// More threads than this help nobody, and a system refuses them sooner or later.
const MOST_THREADS: i64 = 1024;

/// The names of the formats, for help, errors and suggestions alike.
fn formats() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Format>())
}

fn questions() -> impl TypedValueParser<Value = Question> {
    PossibleValuesParser::new(["load", "run", "certify"]).try_map(|name| {
        let mut all = Question::ALL.into_iter();
        // The parser before lets no other name through.
        all.find(|question| question.to_string().eq_ignore_ascii_case(&name)).ok_or("no question")
    })
}

fn call_answers() -> impl TypedValueParser<Value = CallAnswer> {
    let names = CallAnswer::ALL.map(CallAnswer::name);
    PossibleValuesParser::new(names).try_map(|name| {
        let mut all = CallAnswer::ALL.into_iter();
        // The parser before lets no other name through.
        all.find(|answer| answer.name().eq_ignore_ascii_case(&name)).ok_or("no answer")
    })
}

fn targets(name: &str) -> Result<Targets, String> {
    Targets::named(name).map_err(|unknown| {
        let meant = similar_target(name).map(|id| format!(", did you mean {id}?"));
        let meant = meant.as_deref().unwrap_or(";");
        format!("{unknown}{meant} `ringfence list targets` names those there are")
    })
}

fn reports() -> impl TypedValueParser<Value = Wanted> {
    OsStringValueParser::new().try_map(|text| Wanted::parse(&text))
}

fn web_address(text: &str) -> Result<String, String> {
    let is_one = ["https://", "http://"].iter().any(|scheme| {
        text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>".contains(c))
    });
    match is_one {
        true => Ok(text.to_owned()),
        false => Err("it takes an address that begins with https:// or http://".to_owned()),
    }
}

fn symbol_folder() -> impl TypedValueParser<Value = SymbolFolder> {
    OsStringValueParser::new().try_map(|path| {
        SymbolFolder::open(path).map_err(|reason| {
            format!("{reason}; it takes a folder with PDBs, or the root of a symbol store")
        })
    })
}

/// A DDI's name as the table spells it.
fn ddi(name: &str) -> Result<String, String> {
    if let Some(known) = ringfence::ddi::named(name) {
        return Ok(known.name.to_owned());
    }
    let all = ringfence::ddi::all().iter();
    let known = all.flat_map(|ddi| std::iter::once(&ddi.name).chain(ddi.aliases).copied());
    let similar = similar(name, known).first().copied();
    let meant = similar.map(|known| format!(", did you mean {known}?"));
    let meant = meant.as_deref().unwrap_or(";");
    Err(format!("no DDI is called so{meant} `ringfence list ddis` names those that are known"))
}

fn similar_target(name: &str) -> Option<&'static str> {
    // Many write the names of Windows out.
    let name = name.trim_end_matches('+').to_lowercase().replace("windows", "win");
    let known = TARGETS.iter().map(|target| target.id).chain(["win10", "win11", "server", "all"]);
    similar(&name, known).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
