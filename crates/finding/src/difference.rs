//! What is different between two sets of drivers, such as those of two releases.

use crate::{Answer, Fault, Level, Question, Tool, Unread};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// What is different between two sets of drivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// Version of this shape: 1.
    pub report_version: u32,
    /// Who made the report.
    pub tool: Tool,
    /// What was compared with.
    pub old: Compared,
    /// What was compared.
    pub new: Compared,
    /// What makes the comparison less sure, a sentence each.
    pub remarks: Vec<String>,
    /// Whether anything became worse: an answer, or an error that was not there before.
    pub worse: bool,
    /// Drivers of both sides that differ, in the order of their paths.
    pub drivers: Vec<DriverDifference>,
    /// Drivers of the new side alone.
    pub added: Vec<LoneDriver>,
    /// Drivers of the old side alone.
    pub gone: Vec<LoneDriver>,
    /// Counts over everything.
    pub totals: DifferenceTally,
    /// What could not be read, of both sides.
    pub unread: Vec<Unread>,
    /// Panics of ringfence itself; please report them.
    pub faults: Vec<Fault>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Compared {
    /// What the user named.
    pub name: String,
    /// Whether it is a report of an earlier run, rather than drivers that were examined now.
    pub recorded: bool,
    /// The Windows versions asked about; null where a report does not say.
    pub targets: Option<Vec<String>>,
    /// How many drivers.
    pub drivers: usize,
}

/// What became of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// An answer got worse, or there is an error that was not there before.
    Worse,
    /// Nothing is worse, and an answer got better or an error is gone.
    Better,
    /// Something else is different.
    Changed,
    /// Nothing that is compared is different.
    Unchanged,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::Worse => "worse",
            Change::Better => "better",
            Change::Changed => "changed",
            Change::Unchanged => "unchanged",
        })
    }
}

/// What is different about a driver of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DriverDifference {
    /// Its path within the new side.
    pub path: String,
    /// Its path within the old side.
    pub old_path: String,
    /// What became of it.
    pub change: Change,
    /// Whether both are the same file; null where one was not hashed.
    pub same_file: Option<bool>,
    /// Answers that are different.
    pub answers: Vec<AnswerChange>,
    /// Findings that were not there before.
    pub new: Vec<ComparedFinding>,
    /// Findings that are gone.
    pub fixed: Vec<ComparedFinding>,
    /// Findings about code that are gone from a build whose code was not examined: whether they are fixed is not
    /// known.
    pub unseen: Vec<ComparedFinding>,
    /// Findings that are there as before but at another level.
    pub regraded: Vec<Regraded>,
    /// How many findings are there as before.
    pub unchanged: usize,
    /// Sections that are different.
    pub sections: Vec<SectionChange>,
    /// Modules imported from that are different.
    pub imports: Vec<ImportChange>,
}

/// An answer that is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnswerChange {
    /// The question.
    pub question: Question,
    /// What the answer was.
    pub old: Answer,
    /// What it is.
    pub new: Answer,
    /// `worse`, `better`, or `changed` where the old one said nothing, as the driver did not load.
    pub change: Change,
}

/// A finding, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComparedFinding {
    /// The rule's slug.
    pub rule: String,
    /// How grave it is.
    pub level: Level,
    /// What it is known by in other builds of the driver.
    pub fingerprint: String,
    /// Where in the loaded image, relative to its base.
    pub rva: Option<u32>,
    /// The function there; null where debug information does not tell it.
    pub function: Option<String>,
    /// What it says.
    pub message: String,
}

/// A finding whose level is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Regraded {
    /// The level that it had.
    pub old: Level,
    /// The finding as it is.
    pub finding: ComparedFinding,
}

/// A section that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SectionChange {
    /// Its name.
    pub name: String,
    /// What it was; null for a new one.
    pub old: Option<ComparedSection>,
    /// What it is; null for one that is gone.
    pub new: Option<ComparedSection>,
}

/// A section, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComparedSection {
    /// Rights in the form `rwx`, with `-` for those it lacks.
    pub rights: String,
    /// Bytes in memory.
    pub virtual_size: u32,
    /// Bytes in the file.
    pub raw_size: u32,
}

/// A module of which a driver imports more or fewer functions than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImportChange {
    /// The module, as the new side writes it where it is there.
    pub module: String,
    /// How many functions it imported from it; 0 for a new module.
    pub old: usize,
    /// How many it imports; 0 for a module that is gone.
    pub new: usize,
}

/// A driver of one side alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LoneDriver {
    /// Its path within its side.
    pub path: String,
    /// Answer to *load*.
    pub load: Answer,
    /// Answer to *run*.
    pub run: Answer,
    /// Answer to *certify*.
    pub certify: Answer,
    /// Its errors.
    pub errors: Vec<ComparedFinding>,
}

impl LoneDriver {
    /// The answer to `question`.
    pub fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Load => self.load,
            Question::Run => self.run,
            Question::Certify => self.certify,
        }
    }
}

/// Counts over a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DifferenceTally {
    /// Drivers of both sides.
    pub matched: usize,
    /// Those of them that became worse.
    pub worse: usize,
    /// Those that became better.
    pub better: usize,
    /// Those that are different otherwise.
    pub changed: usize,
    /// Those that are not.
    pub unchanged: usize,
    /// Drivers of the new side alone.
    pub added: usize,
    /// Drivers of the old side alone.
    pub gone: usize,
    /// Findings of matched drivers that were not there before.
    pub new_findings: usize,
    /// Those that are gone.
    pub fixed_findings: usize,
    /// Those that are there as before, at whatever level.
    pub unchanged_findings: usize,
}
