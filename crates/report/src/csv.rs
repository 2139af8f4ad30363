//! One row a driver, in CSV as RFC 4180 has it: commas, CRLF, quotes doubled, UTF-8, headings first.
//!
//! Spreadsheets take a cell that begins like a formula for one, and a driver chooses what stands in some; such
//! a cell gets an apostrophe in front, which spreadsheets hide.
//!
//! There is no byte order mark: where it is not expected it becomes part of the first heading, and rows lose their
//! `path`. Excel takes a file without one for the system's code page, so all words of ours are ASCII.

use crate::answers::because;
use crate::excuse::Excused;
use crate::safe::safe;
use crate::{Options, Sink};
use ringfence_finding::{Closing, Examination, Level, Question, Targets, Tool};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The headings.
const COLUMNS: [&str; 20] = [
    "path",
    "sha256",
    "machine",
    "company",
    "product",
    "version",
    "load",
    "run",
    "certify",
    "load_because",
    "run_because",
    "certify_because",
    "fails",
    "errors",
    "warnings",
    "notes",
    "rules",
    "excused",
    "malformed",
    "error",
];

pub(crate) struct Csv<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
}

impl<'a> Csv<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Csv<'a> {
        Csv { out, options }
    }

    fn row(&mut self, cells: &[String; COLUMNS.len()]) -> io::Result<()> {
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        write!(self.out, "{}\r\n", cells.join(","))
    }

    /// What is no driver, or could not be examined, has a name and the reason.
    fn trouble(&mut self, path: &str, error: String) -> io::Result<()> {
        let mut cells: [String; COLUMNS.len()] = Default::default();
        cells[0] = path.to_owned();
        cells[COLUMNS.len() - 1] = error;
        self.row(&cells)
    }
}

impl Sink for Csv<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        self.row(&COLUMNS.map(str::to_owned))
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let verdict = &examination.verdict;
        let version = examination.properties.version.as_ref();
        let level = |level| {
            let findings = examination.findings.iter();
            findings.filter(|finding| finding.level == level).count().to_string()
        };
        let fails: Vec<String> = Question::ALL
            .into_iter()
            .filter(|question| self.options.fails(examination, *question))
            .map(|question| question.to_string())
            .collect();
        self.row(&[
            examination.path.clone(),
            examination.sha256.clone().unwrap_or_default(),
            examination.machine.clone(),
            version.and_then(|version| version.company.clone()).unwrap_or_default(),
            version.and_then(|version| version.product.clone()).unwrap_or_default(),
            version.and_then(|version| version.file.clone()).unwrap_or_default(),
            verdict.load.to_string(),
            verdict.run.to_string(),
            verdict.certify.to_string(),
            reasons(examination, Question::Load),
            reasons(examination, Question::Run),
            reasons(examination, Question::Certify),
            fails.join("; "),
            level(Level::Error),
            level(Level::Warning),
            level(Level::Note),
            rules(examination),
            Excused::of(examination).told().unwrap_or_default(),
            examination.defects.len().to_string(),
            String::new(),
        ])
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        for unread in &closing.unread {
            self.trouble(&unread.path, unread.reason.clone())?;
        }
        for fault in &closing.faults {
            let error = format!("ringfence failed in {}: {}", fault.rule, fault.message);
            self.trouble(&fault.path, error)?;
        }
        self.out.flush()
    }
}

/// `executable-pool-type x2, wrong-machine`.
fn reasons(examination: &Examination, question: Question) -> String {
    because(&examination.verdict, question).replace(" \u{d7}", " x")
}

/// `executable-pool-type; nx-opt-in`, each once, by name.
fn rules(examination: &Examination) -> String {
    let rules = examination.findings.iter().map(|finding| (finding.rule, ()));
    rules.collect::<BTreeMap<_, _>>().into_keys().collect::<Vec<_>>().join("; ")
}

/// `text` as a cell.
pub(crate) fn cell(text: &str) -> String {
    // What would break a line or steer a terminal is escaped, so no cell has a line break in it.
    let text = safe(text);
    let formula = text.starts_with(is_formula);
    if !formula && !text.contains([',', '"', '\'']) && text.trim() == text {
        return text.into_owned();
    }
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

/// Whether spreadsheets read what follows `c` as a formula; some do so with the wide forms too. Tabulators
/// and line breaks, which some skip, are escaped by then.
fn is_formula(c: char) -> bool {
    "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (text, written) in [
            ("acme.sys", "acme.sys"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            (" padded", "\" padded\""),
            ("two\r\nlines", "two\\u{d}\\u{a}lines"),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    /// Excel reads it as the system's code page would have it, and there ASCII is ASCII.
    #[test]
    fn words_of_ours_are_ascii() {
        let mut driver = sample::writable_executable("a.sys");
        let again = driver.verdict.because.load[0].clone();
        driver.verdict.because.load.push(again);
        let mut drivers = sample::all();
        drivers.retain(|driver| driver.path.is_ascii() && driver.properties.version.is_none());
        drivers.push(driver);
        let text = sample::written(crate::Format::Csv, &drivers, Options::default());
        assert!(text.contains("writable-executable-section x2 (likely)"), "{text}");
        assert!(text.is_ascii(), "{text}");
        assert!(text.starts_with("path,"), "{text}");
    }

    /// The characters that OWASP lists for CSV injection.
    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\u{ff1d}1", "\t=1", "\r=1"] {
            let cell = cell(text);
            let inside = cell.strip_prefix('"').unwrap_or(&cell);
            assert!(inside.starts_with('\'') || inside.starts_with("\\u{"), "{cell}");
        }
    }
}
