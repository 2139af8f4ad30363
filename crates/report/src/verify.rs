//! What became of drivers that were run, for people and for programs.

pub(crate) mod json;
mod low_resources;
mod parts;
mod run;
mod status;
mod summary;
pub(crate) mod tally;
mod text;

pub use low_resources::{NOT_EXPECTED, failed_allocations, has_failed_allocations};
pub use status::{entry_failure, has_violation};

use crate::Sink;
use crate::format::Options;
use crate::style::Terminal;
use std::io;

/// Writes for people: what was run, what stopped it, and the findings that were seen.
pub fn verify_text<'a>(out: Box<dyn io::Write + 'a>, options: Options) -> Box<dyn Sink + 'a> {
    Box::new(text::Text::new(Terminal::new(out, options)))
}

/// Writes for people who run many: a row for each driver that did not run untroubled, and the others counted. `whole`
/// is the command that tells all of each, for rows that are left out.
pub fn verify_summary<'a>(
    out: Box<dyn io::Write + 'a>,
    options: Options,
    whole: &'static str,
) -> Box<dyn Sink + 'a> {
    Box::new(summary::Summary::new(Terminal::new(out, options), whole))
}

/// Writes one JSON document, see `schemas/verify-v1.json`.
pub fn verify_json<'a>(out: Box<dyn io::Write + 'a>) -> Box<dyn Sink + 'a> {
    Box::new(json::Document::new(out))
}

/// Writes a line of JSON for each driver and set-up.
pub fn verify_json_lines<'a>(out: Box<dyn io::Write + 'a>) -> Box<dyn Sink + 'a> {
    Box::new(json::Lines::new(out))
}

/// Writes a line of JSON for each call of a kernel function and each change of what may be done with pages.
pub fn verify_trace<'a>(out: Box<dyn io::Write + 'a>) -> Box<dyn Sink + 'a> {
    Box::new(json::Trace::new(out))
}
