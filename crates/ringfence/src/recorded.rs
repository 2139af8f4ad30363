//! Reports of earlier runs, read back: `--format json` and `jsonl`, driver by driver.
//!
//! Only what comparisons need is read, and no more than one driver is in memory. What a later version adds is
//! passed over; a report of another `report_version` is refused, as its fields may mean something else.

mod reader;
mod source;
mod utf16;

pub(crate) use source::{RecordedSourceFinding, open_recorded_source};

use ringfence_container::Unreadable;
use ringfence_finding::{Answer, Level, Question};
use serde::Deserialize;
use std::fmt;
use std::io::Read;
use std::path::Path;

/// A driver, as an earlier report tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedDriver {
    /// The name it was found under.
    pub path: String,
    /// SHA-256 of the whole file in lower-case hexadecimal; none where nothing was hashed.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Its processor, such as `x64`.
    #[serde(default)]
    pub machine: String,
    /// The three answers.
    pub verdict: RecordedVerdict,
    /// What the rules had to say, in the order of the report.
    pub findings: Vec<RecordedFinding>,
    /// The questions whose answer failed nothing.
    #[serde(default)]
    pub excused: Vec<Question>,
    /// What was looked at.
    #[serde(default)]
    pub coverage: RecordedCoverage,
    /// Facts about the image.
    #[serde(default)]
    pub properties: RecordedProperties,
}

/// What an earlier run looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RecordedCoverage {
    /// The machine code.
    #[serde(default)]
    pub code: RecordedCode,
}

/// Whether an earlier run looked at the machine code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RecordedCode {
    /// `examined` or `not-examined`; empty where the report does not say.
    #[serde(default)]
    pub state: String,
}

impl RecordedCoverage {
    /// Whether the machine code was examined, as far as is known.
    pub fn has_code(&self) -> bool {
        self.code.state != "not-examined"
    }
}

/// Three answers of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedVerdict {
    /// Answer to *load*.
    pub load: Answer,
    /// Answer to *run*.
    pub run: Answer,
    /// Answer to *certify*.
    pub certify: Answer,
}

impl RecordedVerdict {
    /// The answer to `question`.
    pub fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Load => self.load,
            Question::Run => self.run,
            Question::Certify => self.certify,
        }
    }
}

/// A finding of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedFinding {
    /// The rule's slug. The rule may be gone since.
    pub rule: String,
    /// How grave it was for the targets asked about.
    pub level: Level,
    /// What it is known by in other builds; see [`Finding::fingerprint`](ringfence_finding::Finding::fingerprint).
    pub fingerprint: String,
    /// One sentence fragment with the particulars.
    #[serde(default)]
    pub message: String,
    /// The questions that it answered with no.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// Where in the loaded image, relative to its base.
    #[serde(default)]
    pub rva: Option<u32>,
    /// The section concerned.
    #[serde(default)]
    pub section: Option<String>,
    /// The DDI whose call it is about.
    #[serde(default)]
    pub ddi: Option<String>,
    /// What the argument that decides may be.
    #[serde(default)]
    pub argument: Option<String>,
    /// Where the instruction came from.
    #[serde(default)]
    pub source: Option<RecordedSource>,
    /// Why it failed nothing.
    #[serde(default)]
    pub excuse: Option<RecordedExcuse>,
}

/// Why a finding failed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum RecordedExcuse {
    /// The settings accepted it.
    Accepted,
    /// A baseline had it.
    Baseline,
    /// What a later version says.
    #[serde(other)]
    Other,
}

/// Where an instruction came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RecordedSource {
    /// The function.
    #[serde(default)]
    pub function: Option<String>,
    /// The source file.
    #[serde(default)]
    pub file: Option<String>,
    /// The line in it.
    #[serde(default)]
    pub line: Option<u32>,
    /// The static library.
    #[serde(default)]
    pub library: Option<String>,
}

/// Facts about the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RecordedProperties {
    /// The section table.
    #[serde(default)]
    pub sections: Vec<RecordedSection>,
    /// The modules it imports from.
    #[serde(default)]
    pub imports: Vec<RecordedImport>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedSection {
    /// Name; bytes that are not printable ASCII are escaped.
    pub name: String,
    /// Rights in the form `rwx`, with `-` for those it lacks.
    pub rights: String,
    /// Bytes in memory.
    pub virtual_size: u32,
    /// Bytes in the file.
    pub raw_size: u32,
}

/// A module the driver imports from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedImport {
    /// Module name as written.
    pub module: String,
    /// How many functions.
    pub functions: usize,
}

/// What a report says beside its drivers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedScan {
    /// The ids of the Windows versions asked about; none where the report does not say, as `jsonl` does not.
    pub targets: Option<Vec<String>>,
    /// How many drivers were told.
    pub drivers: usize,
}

/// Why a report cannot be read.
#[derive(Debug)]
pub enum NotRecorded {
    /// The file cannot be read.
    Unreadable(Unreadable),
    /// It is no report of ours, or is cut off.
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column in it, in bytes from 1; 0 before the first.
        column: usize,
        /// Why, as a fragment.
        reason: String,
    },
}

impl fmt::Display for NotRecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRecorded::Unreadable(unreadable) => unreadable.fmt(f),
            NotRecorded::Malformed { line, column, reason } => {
                write!(f, "line {line}, column {column}: {reason}")
            }
        }
    }
}

impl std::error::Error for NotRecorded {}

/// Reads the report in the file `path` and tells `each` of its drivers, in their order.
///
/// # Errors
///
/// Where the file cannot be read or is no report; some drivers may have been told by then.
pub fn open_recorded(
    path: &Path,
    each: impl FnMut(RecordedDriver),
) -> Result<RecordedScan, NotRecorded> {
    let file = ringfence_container::open_report(path).map_err(NotRecorded::Unreadable)?;
    read_recorded(file, each)
}

/// Reads a report, as [`open_recorded`] does.
///
/// ```
/// use ringfence::read_recorded;
///
/// let report = br#"{"report_version": 1, "targets": ["win11-24h2"], "drivers": [{
///     "path": "acme.sys", "verdict": {"load": "no", "run": "unknown", "certify": "yes"},
///     "findings": [{"rule": "wrong-machine", "level": "error", "fingerprint": "0123456789abcdef:1"}]
/// }]}"#;
/// let mut drivers = Vec::new();
/// let scan = read_recorded(&report[..], |driver| drivers.push(driver))?;
/// assert_eq!((scan.drivers, drivers[0].findings[0].rule.as_str()), (1, "wrong-machine"));
/// # Ok::<(), ringfence::NotRecorded>(())
/// ```
///
/// # Errors
///
/// Where it is no report; some drivers may have been told by then.
pub fn read_recorded(
    report: impl Read,
    mut each: impl FnMut(RecordedDriver),
) -> Result<RecordedScan, NotRecorded> {
    reader::read(report, &mut each)
}

#[cfg(test)]
mod tests;
