//! The formats by name, and what holds for all of them.

use crate::concise::Concise;
use crate::csv::Csv;
use crate::full::Full;
use crate::github::Github;
use crate::html::Html;
use crate::json::{Json, JsonLines};
use crate::junit::Junit;
use crate::markdown::Markdown;
use crate::msvc::Msvc;
use crate::sarif::Sarif;
use crate::style::Terminal;
use crate::summary::Summary;
use crate::{Sink, layout};
use ringfence_finding::{Answer, Examination, Question, RuleCard};
use std::{fmt, io, str::FromStr};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Every finding with its evidence, every driver with its answers.
    Full,
    /// One line a finding, one line a driver.
    Concise,
    /// Tables for many drivers.
    Summary,
    /// One JSON document, see `schemas/report-v1.json`.
    Json,
    /// One JSON object a driver and line.
    Jsonl,
    /// SARIF 2.1.0, as GitHub code scanning and Visual Studio take it.
    Sarif,
    /// One page for a browser, with everything in it.
    Html,
    /// JUnit XML.
    Junit,
    /// Markdown, short enough for a comment on a pull request.
    Markdown,
    /// Workflow commands of GitHub Actions that annotate files.
    Github,
    /// One row a driver.
    Csv,
    /// One line a finding in the form of Microsoft's compilers, which IDEs pick up.
    Msvc,
}

impl Format {
    /// All formats, in the order they are told.
    pub const ALL: [Format; 12] = [
        Format::Full,
        Format::Concise,
        Format::Summary,
        Format::Json,
        Format::Jsonl,
        Format::Sarif,
        Format::Html,
        Format::Junit,
        Format::Markdown,
        Format::Github,
        Format::Csv,
        Format::Msvc,
    ];

    /// Those in which `lint` tells what it says of source, in the same order.
    pub const LINT: [Format; 12] = Format::ALL;

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Full => "full",
            Format::Concise => "concise",
            Format::Summary => "summary",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Sarif => "sarif",
            Format::Html => "html",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
            Format::Github => "github",
            Format::Csv => "csv",
            Format::Msvc => "msvc",
        }
    }

    /// What the format is for, as a fragment for help texts.
    pub fn about(self) -> &'static str {
        match self {
            Format::Full => "every finding with its evidence, every driver with its answers",
            Format::Concise => "one line a finding, one line a driver",
            Format::Summary => "tables for many drivers",
            Format::Json => "one JSON document, schema report-v1",
            Format::Jsonl => "one JSON object a driver and line",
            Format::Sarif => "SARIF 2.1.0, for GitHub code scanning and Visual Studio",
            Format::Html => "one page for a browser, with everything in it",
            Format::Junit => "JUnit XML, for build servers",
            Format::Markdown => "a comment for a pull request",
            Format::Github => "annotations for GitHub Actions, one line a finding",
            Format::Csv => "one row a driver, for spreadsheets",
            Format::Msvc => "one line a finding, as compilers print errors, for IDEs",
        }
    }

    /// What the format is for where it tells of source, as a fragment for help texts.
    pub fn about_source(self) -> &'static str {
        match self {
            Format::Full => "every finding with its lines of source",
            Format::Concise => "one line a finding",
            Format::Summary => "tables of rules and files",
            Format::Json => "one JSON document, schema lint-report-v1",
            Format::Jsonl => "one JSON object a finding and line",
            Format::Csv => "one row a finding, for spreadsheets",
            Format::Msvc => "one line a finding, as compilers print warnings, for IDEs",
            Format::Sarif | Format::Html | Format::Junit | Format::Markdown | Format::Github => {
                self.about()
            }
        }
    }

    /// Whether programs read it, so that nothing else may be written to the same stream.
    pub fn is_for_machines(self) -> bool {
        !matches!(self, Format::Full | Format::Concise | Format::Summary)
    }

    /// Whether it lists every examined call where that is asked for.
    pub fn lists_calls(self) -> bool {
        matches!(self, Format::Json | Format::Jsonl)
    }

    /// Whether people read in it what could not be read, though programs do as well.
    pub fn shows_troubles(self) -> bool {
        !matches!(
            self,
            Format::Json
                | Format::Jsonl
                | Format::Sarif
                | Format::Html
                | Format::Junit
                | Format::Csv
        )
    }

    /// Whether it shows machine code.
    pub fn shows_code(self) -> bool {
        matches!(
            self,
            Format::Full
                | Format::Json
                | Format::Jsonl
                | Format::Sarif
                | Format::Html
                | Format::Junit
                | Format::Markdown
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        Format::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// A name that is no [`Format`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat {
    /// What was asked for.
    pub name: String,
}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no format is called `{}`; there are", self.name)?;
        for (index, format) in Format::ALL.into_iter().enumerate() {
            write!(f, "{} {format}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownFormat {}

/// How a report is drawn, and what it may say beside the scan's own.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether to colour. Colours never stand alone: the word is always there too.
    pub color: bool,
    /// Columns of the terminal; fewer than 70 are taken for 70.
    pub width: usize,
    /// Whether people watch a terminal. Elsewhere the last line is one line however long it is, and the lists of
    /// `certify` and `diff` are told whole.
    pub terminal: bool,
    /// Whether findings of level note are written out by `full` and `concise`.
    pub show_notes: bool,
    /// What the rules say of themselves, in the order of their findings, for formats that bring that along.
    pub cards: Vec<&'static RuleCard>,
    /// Where the pages of `cargo xtask docs` are, without a slash at the end; none where they are nowhere.
    pub docs: Option<String>,
    /// The questions whose answer no is a failure.
    pub gate: Vec<Question>,
    /// Whether unknown is one as well.
    pub fail_unknown: bool,
    /// Whether no answer makes the exit code 1, so that what fails a build by its words has none to fail it by.
    pub exit_zero: bool,
    /// The settings file that was used, for formats that people read.
    pub settings_file: Option<String>,
    /// The report whose findings fail nothing, for the same.
    pub baseline: Option<String>,
    /// The folder that relative paths start from, for formats whose readers look files up.
    pub root: Option<String>,
}

impl Default for Options {
    /// What suits a file or a pipe.
    fn default() -> Options {
        Options {
            color: false,
            width: 100,
            terminal: false,
            show_notes: true,
            cards: Vec::new(),
            docs: None,
            gate: Question::ALL.to_vec(),
            fail_unknown: false,
            exit_zero: false,
            settings_file: None,
            baseline: None,
            root: None,
        }
    }
}

impl Options {
    /// The columns to fill.
    pub(crate) fn columns(&self) -> usize {
        self.width.max(layout::NARROWEST)
    }

    /// Whether the answer to `question` makes the scan fail.
    pub(crate) fn fails(&self, examination: &Examination, question: Question) -> bool {
        self.gate.contains(&question)
            && match examination.counted(question) {
                Answer::Yes => false,
                Answer::No => true,
                Answer::Unknown => self.fail_unknown,
            }
    }
}

/// The writer of `format`; what it writes goes to `out`, which it flushes at the end only.
pub fn sink<'a>(
    format: Format,
    out: Box<dyn io::Write + 'a>,
    options: Options,
) -> Box<dyn Sink + 'a> {
    match format {
        Format::Full => Box::new(Full::new(Terminal::new(out, options))),
        Format::Concise => Box::new(Concise::new(Terminal::new(out, options))),
        Format::Summary => Box::new(Summary::new(Terminal::new(out, options))),
        Format::Json => Box::new(Json::new(out)),
        Format::Jsonl => Box::new(JsonLines::new(out)),
        Format::Sarif => Box::new(Sarif::new(out, options)),
        Format::Html => Box::new(Html::new(out, options)),
        Format::Junit => Box::new(Junit::new(out, options)),
        Format::Markdown => Box::new(Markdown::new(out, options)),
        Format::Github => Box::new(Github::new(out, options)),
        Format::Csv => Box::new(Csv::new(out, options)),
        Format::Msvc => Box::new(Msvc::new(out, options)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert_eq!(
            "ful".parse::<Format>().unwrap_err().to_string(),
            "no format is called `ful`; there are full, concise, summary, json, jsonl, sarif, html, junit, \
             markdown, github, csv, msvc"
        );
    }
}
