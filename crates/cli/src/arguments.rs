//! What can be said on the command line.

mod chosen;
mod import;
mod lint;
mod tips;
mod verifier;
mod verify;

use crate::report_file::Wanted;
use crate::terminal;
pub(crate) use chosen::Chosen;
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
pub(crate) use import::Import;
pub(crate) use lint::{Lint, Shown};
use ringfence::report::{Format, safe};
use ringfence::{CallAnswer, Question, Sku, SymbolFolder, TARGETS, Targets, similar};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
pub(crate) use verifier::Verifier;
pub(crate) use verify::{Environments, USUAL_SEED, Verify, VerifyFormat};

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
            tips::mend(&mut error);
            if error.use_stderr() && std::io::stderr().is_terminal() {
                // clap breaks no line of an error.
                let text = error.render();
                let colors = terminal::colors_on_stderr();
                let text = if colors { text.ansi().to_string() } else { text.to_string() };
                terminal::complain(text.trim_end());
                std::process::exit(error.exit_code())
            }
            error.exit()
        })
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Examine drivers: do they load, run and pass certification with memory integrity on?
    Scan(Scan),
    /// Look at driver source: what in it memory integrity objects to, with fixes
    Lint(Lint),
    /// Show what drivers ask the kernel for: every call of a DDI that decides about executable memory
    Calls(Calls),
    /// Tell what the HLK HyperVisor Code Integrity Readiness Test would object to, in the counters of
    /// Windows' own tools
    Certify(Certify),
    /// Run drivers in an emulated kernel under Driver Verifier's code integrity checks and under memory
    /// integrity: no Windows, no reboot
    Verify(Verify),
    /// The same by the command line of Windows' verifier.exe: /flags 0x02000000 /driver a.sys, /query
    Verifier(Verifier),
    /// Read what Windows said: the text of `verifier /query`, or a memory dump with a bug check of Driver
    /// Verifier or memory integrity, such as 0xC4, 0xFC, 0xBE or 0x18D
    Import(Import),
    /// Compare two sets of drivers, such as those of two releases: what became worse, what was fixed
    Diff(Diff),
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
  1  a gated answer is no (or unknown, with --fail-unknown), and not only by
     what is accepted or in the baseline
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
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Make the exit code 0 where it would be 1, for pipelines that read the report themselves
    #[arg(long)]
    pub(crate) exit_zero: bool,
    /// List every examined call of a DDI and what it asks for, with --format json or jsonl;
    /// `ringfence calls` prints them as a table
    #[arg(long)]
    pub(crate) calls: bool,
    /// Run the drivers too, in an emulated kernel: a violation that is seen decides, and so is told what was found
    /// by reading the code alone
    #[arg(long)]
    pub(crate) verify: bool,
    /// Print on standard error where the time went
    #[arg(long)]
    pub(crate) timings: bool,
}

/// What `ringfence calls` takes.
#[derive(Args)]
#[command(
    after_help = "An answer says whether a call asks for executable memory, not whether anything
objects to that: Driver Verifier does not look at every DDI, as scan tells.

Exit codes, looked at in this order:
  2  usage error, the table could not be written, or something could not be
     read, or not whole, or was named and is no driver
  3  nothing to examine
  0  none of these"
)]
pub(crate) struct Calls {
    /// Files, folders, patterns like 'drivers/*.sys', @FILE with one path a line, or - for standard
    /// input
    #[arg(required = true, value_name = "DRIVER", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<OsString>,
    /// Only calls with one of these answers: violation (asks for executable memory), mixed (on some
    /// paths), unknown (something is not known, of mixed ones too), fine-by-opt-in (a variable that is
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

/// What `ringfence certify` takes.
#[derive(Args)]
#[command(after_help = "Nothing is run: what a file proves is told, and what it cannot prove.

Exit codes, looked at in this order:
  2  usage error, or the report could not be written
  1  a driver would fail (or it is undecided, with --fail-unknown)
  2  something could not be read, or not whole, or was named and is no driver
  3  nothing to examine
  0  none of these")]
pub(crate) struct Certify {
    /// Files, folders, patterns like 'drivers/*.sys', @FILE with one path a line, or - for standard
    /// input
    #[arg(required = true, value_name = "DRIVER")]
    pub(crate) inputs: Vec<OsString>,
    /// Edition to certify for, desktop or server [default: that of --target, else desktop]
    #[arg(long, value_parser = skus(), hide_possible_values = true, ignore_case = true,
          value_delimiter = ',', value_name = "SKU")]
    pub(crate) sku: Vec<Sku>,
    /// Windows versions to ask about, of those since Windows 10 1607 of the edition [default: all of
    /// them]
    #[arg(long, value_parser = named_targets, value_delimiter = ',', value_name = "VERSIONS")]
    pub(crate) target: Vec<NamedTargets>,
    /// Let undecided drivers make the exit code 1 as well
    #[arg(long)]
    pub(crate) fail_unknown: bool,
    /// How to write it: text, json, markdown, or script (Module and Reason lines, as in the log of the
    /// readiness script)
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) format: CertifyFormat,
    /// Write it to a file in that format, and the text to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Folder with debug files (PDB), flat or a symbol store, for the names of functions; may be given
    /// several times. Files beside the drivers are found without
    #[arg(long, value_parser = symbol_folder(), value_name = "DIR")]
    pub(crate) symbols: Vec<SymbolFolder>,
}

/// What `ringfence diff` takes.
#[derive(Args)]
#[command(
    after_help = "Worse is an answer that went from yes to unknown or no, or from unknown to no;
and an error that was not there before, also of a new driver. Drivers are the
same by their path within the two inputs, else by name, else where there is one
on each side.

Exit codes, looked at in this order:
  2  usage error, nothing of OLD or NEW could be read, or the comparison could
     not be written
  1  something became worse
  2  something could not be read, or not whole, or was named and is no driver
  3  nothing to compare
  0  none of these"
)]
pub(crate) struct Diff {
    /// A driver, a folder, a pattern, @FILE, or a report of an earlier scan (--format json or jsonl)
    #[arg(value_name = "OLD")]
    pub(crate) old: OsString,
    /// The same of what it is compared with
    #[arg(value_name = "NEW")]
    pub(crate) new: OsString,
    /// Windows versions to ask about [default: those of a report, else win10-1703+]
    #[arg(long, value_parser = targets, value_delimiter = ',', value_name = "VERSIONS")]
    pub(crate) target: Vec<Targets>,
    /// Follow Microsoft's documentation where Windows was observed to ask for less executable memory
    #[arg(long)]
    pub(crate) strict: bool,
    /// Let what only Code Analysis objects to count against certify
    #[arg(long)]
    pub(crate) code_analysis: bool,
    /// How to write it: text, json or markdown
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) format: DiffFormat,
    /// Write it to a file in that format, and the text to standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Folder with debug files (PDB), flat or a symbol store, for the names of functions; may be given
    /// several times. Files beside the drivers are found without
    #[arg(long, value_parser = symbol_folder(), value_name = "DIR")]
    pub(crate) symbols: Vec<SymbolFolder>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertifyFormat {
    Text,
    Json,
    Markdown,
    Script,
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
    #[command(subcommand)]
    pub(crate) what: Option<Listed>,
    /// How to write it: text or json
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// What `ringfence completions` takes.
#[derive(Args)]
#[command(after_help = "Where shells look for it:
  bash        ~/.local/share/bash-completion/completions/ringfence
  zsh         _ringfence in a folder of $fpath
  fish        ~/.config/fish/completions/ringfence.fish
  powershell  in $PROFILE:
              ringfence completions powershell | Out-String | Invoke-Expression
  elvish      in rc.elv: eval (ringfence completions elvish | slurp)")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// What `ringfence man` takes.
#[derive(Args)]
#[command(after_help = "To read one: ringfence man scan | man -l -

Besides commands there is ringfence.toml, the settings file.")]
pub(crate) struct Manual {
    /// The command it is about, such as scan or list rules; without one, the program
    #[arg(value_name = "COMMAND", num_args = 0..=2)]
    pub(crate) command: Vec<String>,
    /// Write all pages into this folder, as ringfence.1, ringfence-scan.1, ringfence.toml.5 and so on
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Listed {
    /// The rules, with their other names
    Rules,
    /// The kernel functions and callbacks that matter for executable memory
    Ddis,
    /// The Windows versions that --target knows
    Targets,
    /// The settings that a scan or lint would have, and where each comes from
    Settings(ListedSettings),
}

#[derive(Args)]
pub(crate) struct ListedSettings {
    /// What the scan would be of; the settings file is looked for from the first one upward
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<OsString>,
    #[command(flatten)]
    pub(crate) chosen: Box<Chosen>,
}

/// How tables of ours are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Text,
    Json,
}

/// The names of the formats, for help, errors and suggestions alike.
fn formats() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Format>())
}

/// The same for reports of source.
fn source_formats() -> impl TypedValueParser<Value = Format> {
    let names = Format::LINT
        .iter()
        .map(|format| PossibleValue::new(format.name()).help(format.about_source()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Format>())
}

fn questions() -> impl TypedValueParser<Value = Question> {
    PossibleValuesParser::new(["load", "run", "certify"]).try_map(|name| {
        let mut all = Question::ALL.into_iter();
        // The parser before lets no other name through.
        all.find(|question| question.to_string().eq_ignore_ascii_case(&name)).ok_or("no question")
    })
}

fn skus() -> impl TypedValueParser<Value = Sku> {
    PossibleValuesParser::new(Sku::ALL.map(Sku::name)).try_map(|name| {
        let mut all = Sku::ALL.into_iter();
        // The parser before lets no other name through.
        all.find(|sku| sku.name().eq_ignore_ascii_case(&name)).ok_or("no edition")
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

/// Windows versions, and what the user called them.
#[derive(Clone)]
pub(crate) struct NamedTargets {
    pub(crate) name: String,
    pub(crate) targets: Targets,
}

fn named_targets(name: &str) -> Result<NamedTargets, String> {
    targets(name).map(|targets| NamedTargets { name: name.to_owned(), targets })
}

fn reports() -> impl TypedValueParser<Value = Wanted> {
    OsStringValueParser::new().try_map(|text| Wanted::parse(&text))
}

pub(crate) fn web_address(text: &str) -> Result<String, String> {
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

/// What a compiler takes behind `-D`.
fn definition(text: &str) -> Result<String, String> {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    // Of a macro with parameters the name ends before them.
    let name = name.split('(').next().unwrap_or(name);
    let is_letter = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    let mut letters = name.chars();
    if letters.next().is_some_and(is_letter) && letters.all(|c| is_letter(c) || c.is_numeric()) {
        return Ok(text.to_owned());
    }
    Err(match name {
        "" => "it names no macro; it takes NAME or NAME=VALUE".to_owned(),
        _ => format!("`{name}` is no name of a macro: letters, digits and _, and no digit first"),
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

    fn check(command: &clap::Command) {
        let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in notes.lines() {
            assert!(line.chars().count() < 80, "{}: {line}", command.get_name());
        }
        command.get_subcommands().for_each(check);
    }

    #[test]
    fn a_definition_names_a_macro() {
        for fine in ["DBG", "_X=1", "X=", "A2=b c=d", "F(x)=x"] {
            assert_eq!(definition(fine).as_deref(), Ok(fine));
        }
        assert!(definition("").unwrap_err().contains("names no macro"));
        assert!(definition("=3").unwrap_err().contains("names no macro"));
        assert!(definition("3X").unwrap_err().contains("`3X` is no name of a macro"));
        assert!(definition("A-B=1").is_err() && definition("A B").is_err());
    }

    /// clap fills what is wider and knows nothing of lists, so they are narrow enough for any terminal.
    #[test]
    fn what_stands_below_help_is_not_filled_again() {
        check(&Arguments::command());
    }
}
