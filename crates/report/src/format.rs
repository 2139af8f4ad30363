//! The formats by name, and what holds for all of them.

use crate::concise::Concise;
use crate::full::Full;
use crate::json::{Json, JsonLines};
use crate::style::Terminal;
use crate::summary::Summary;
use crate::{Sink, layout};
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
}

impl Format {
    /// All formats, in the order they are told.
    pub const ALL: [Format; 5] =
        [Format::Full, Format::Concise, Format::Summary, Format::Json, Format::Jsonl];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Full => "full",
            Format::Concise => "concise",
            Format::Summary => "summary",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
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
        }
    }

    /// Whether programs read it, so that nothing else may be written to the same stream.
    pub fn is_for_machines(self) -> bool {
        matches!(self, Format::Json | Format::Jsonl)
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

/// What a person's terminal wants. The JSON formats heed none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether to colour. Colours never stand alone: the word is always there too.
    pub color: bool,
    /// Columns of the terminal; fewer than 70 are taken for 70.
    pub width: usize,
    /// Whether findings of level note are written out by `full` and `concise`.
    pub show_notes: bool,
}

impl Default for Options {
    /// What suits a file or a pipe.
    fn default() -> Options {
        Options { color: false, width: 100, show_notes: true }
    }
}

impl Options {
    /// The columns to fill.
    pub(crate) fn columns(&self) -> usize {
        self.width.max(layout::NARROWEST)
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
            "no format is called `ful`; there are full, concise, summary, json, jsonl"
        );
    }
}
