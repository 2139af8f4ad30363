//! What `ringfence lint` says of source, one file per format.
//!
//! A report comes whole: what is found in source is little beside what a folder of drivers gives, and its lines
//! are there already. What is excused fails nothing and nobody is to act on it, so formats for people count it only.

mod concise;
mod csv;
mod diff;
mod excuse;
mod fix;
mod full;
mod github;
#[cfg(test)]
mod hostile;
mod html;
mod json;
mod junit;
mod markdown;
mod msvc;
#[cfg(test)]
mod sample;
mod sarif;
mod scoreboard;
mod summary;
mod tally;
#[cfg(test)]
mod tests;

use crate::{Format, Options};
use ringfence_finding::LintReport;
use std::io;

/// Writes `report` to `out` as one of [`Format::LINT`], and flushes it.
///
/// Of `options`, what is about answers of drivers means nothing here: an error that is neither excused nor open
/// fails, unless `exit_zero` is set.
pub fn write_lint(
    format: Format,
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Full => full::write(report, options, out),
        Format::Concise => concise::write(report, options, out),
        Format::Summary => summary::write(report, options, out),
        Format::Json => json::write(report, out),
        Format::Jsonl => json::write_lines(report, out),
        Format::Sarif => sarif::write(report, options, out),
        Format::Html => html::write(report, options, out),
        Format::Junit => junit::write(report, options, out),
        Format::Markdown => markdown::write(report, options, out),
        Format::Github => github::write(report, options, out),
        Format::Csv => csv::write(report, options, out),
        Format::Msvc => msvc::write(report, options, out),
    }
}
