//! What a whole scan has to say.

use crate::{Answer, Examination, Finding, IdleAcceptances, Question, Targets};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Version of the JSON shape. A field may be added within a version; nothing changes meaning or goes.
pub const REPORT_VERSION: u32 = 1;

/// What a whole scan has to say.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this shape: 1.
    pub report_version: u32,
    /// Who made the report.
    pub tool: Tool,
    /// The Windows versions asked about.
    #[schemars(with = "Vec<String>")]
    pub targets: Targets,
    /// The drivers, in the order of the input, folders sorted by name.
    pub drivers: Vec<Examination>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Panics of ringfence itself; please report them.
    pub faults: Vec<Fault>,
    /// What was passed over, by kind.
    pub left_out: LeftOut,
    /// Acceptances of the settings that accepted nothing; there only where there are any.
    #[serde(skip_serializing_if = "IdleAcceptances::is_empty")]
    pub acceptances: IdleAcceptances,
    /// Counts over everything.
    pub totals: Totals,
}

impl Report {
    /// A report of `drivers` with what a scan says at its end.
    pub fn new(
        tool: Tool,
        targets: Targets,
        drivers: Vec<Examination>,
        closing: Closing,
    ) -> Report {
        let Closing { unread, faults, left_out, acceptances, totals, elapsed: _ } = closing;
        Report {
            report_version: REPORT_VERSION,
            tool,
            targets,
            drivers,
            unread,
            faults,
            left_out,
            acceptances,
            totals,
        }
    }
}

/// What a scan says at its end, when the drivers have already been told one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Closing {
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Panics of ringfence itself.
    pub faults: Vec<Fault>,
    /// What was passed over, by kind.
    pub left_out: LeftOut,
    /// Acceptances of the settings that accepted nothing.
    pub acceptances: IdleAcceptances,
    /// Counts over everything.
    pub totals: Totals,
    /// How long the scan took. Never in the JSON: the same input gives the same report.
    pub elapsed: Duration,
}

/// Who made a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tool {
    /// `ringfence`.
    pub name: &'static str,
    /// Version of ringfence.
    pub version: &'static str,
}

/// A file, folder or pattern that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unread {
    /// Its name.
    pub path: String,
    /// Why, as a fragment.
    pub reason: String,
}

/// A rule that panicked on a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// The driver.
    pub path: String,
    /// The rule, or the stage.
    pub rule: &'static str,
    /// The panic's message.
    pub message: String,
}

/// How many files were passed over, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// Files that are no PE images.
    pub not_pe: usize,
    /// PE images that import from user-mode modules.
    pub user_mode: usize,
    /// PE images of another subsystem that import nothing from the kernel: resource files,
    /// firmware and boot applications.
    pub not_native: usize,
}

impl LeftOut {
    /// All of them together.
    pub fn total(&self) -> usize {
        self.not_pe + self.user_mode + self.not_native
    }
}

/// How often a question got each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tally {
    /// Drivers with yes.
    pub yes: usize,
    /// Drivers with no.
    pub no: usize,
    /// Drivers with unknown.
    pub unknown: usize,
}

/// How often a rule fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleTally {
    /// Drivers it fired on.
    pub drivers: usize,
    /// Findings in all.
    pub findings: usize,
    /// Findings of level error.
    pub errors: usize,
}

/// What of the counts is excused, as the settings accept it or the baseline has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExcusedTotals {
    /// Findings that are excused.
    pub findings: usize,
    /// Drivers whose answer to *load* is not yes and fails nothing.
    pub load: usize,
    /// Drivers whose answer to *run* is not yes and fails nothing.
    pub run: usize,
    /// Drivers whose answer to *certify* is not yes and fails nothing.
    pub certify: usize,
}

impl ExcusedTotals {
    /// Whether nothing is.
    pub fn is_none(&self) -> bool {
        *self == ExcusedTotals::default()
    }
}

/// Counts over everything a scan saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Files looked at: drivers, unread ones and those left out.
    pub files: usize,
    /// Drivers examined.
    pub drivers: usize,
    /// Drivers with malformed parts.
    pub malformed: usize,
    /// Different contents among the drivers; null when hashing was switched off.
    pub distinct: Option<usize>,
    /// Answers to *load*.
    pub load: Tally,
    /// Answers to *run*.
    pub run: Tally,
    /// Answers to *certify*.
    pub certify: Tally,
    /// Findings of all levels.
    pub findings: usize,
    /// Rules that fired, by id.
    pub rules: BTreeMap<&'static str, RuleTally>,
    /// What of it is excused; there only where something is.
    #[serde(skip_serializing_if = "ExcusedTotals::is_none")]
    pub excused: ExcusedTotals,
    /// Answers as far as they count for success or failure, in the order of [`Question::ALL`]; see
    /// [`Examination::counted`].
    #[serde(skip)]
    pub counted: [Tally; 3],
}

impl Tally {
    fn count(&mut self, answer: Answer) {
        match answer {
            Answer::Yes => self.yes += 1,
            Answer::No => self.no += 1,
            Answer::Unknown => self.unknown += 1,
        }
    }
}

impl Totals {
    /// Counts one driver in; [`Totals::files`] and [`Totals::distinct`] are the scan's to count.
    pub fn count(&mut self, examination: &Examination) {
        self.drivers += 1;
        self.malformed += usize::from(!examination.defects.is_empty());
        self.findings += examination.findings.len();
        for (question, counted) in Question::ALL.into_iter().zip(&mut self.counted) {
            counted.count(examination.counted(question));
        }
        for question in Question::ALL {
            self.tally_mut(question).count(examination.verdict.answer(question));
            *self.excused_mut(question) += usize::from(examination.excused.contains(&question));
        }
        let is_excused = |finding: &&Finding| finding.excuse.is_some();
        self.excused.findings += examination.findings.iter().filter(is_excused).count();
        for (index, finding) in examination.findings.iter().enumerate() {
            let tally = self.rules.entry(finding.rule).or_default();
            tally.findings += 1;
            tally.errors += usize::from(finding.level == crate::Level::Error);
            // A rule has few findings in a driver, so looking back is cheaper than a set.
            let before = &examination.findings[..index];
            tally.drivers += usize::from(before.iter().all(|other| other.rule != finding.rule));
        }
    }

    /// The tally of `question`.
    pub fn tally(&self, question: Question) -> Tally {
        match question {
            Question::Load => self.load,
            Question::Run => self.run,
            Question::Certify => self.certify,
        }
    }

    fn excused_mut(&mut self, question: Question) -> &mut usize {
        match question {
            Question::Load => &mut self.excused.load,
            Question::Run => &mut self.excused.run,
            Question::Certify => &mut self.excused.certify,
        }
    }

    fn tally_mut(&mut self, question: Question) -> &mut Tally {
        match question {
            Question::Load => &mut self.load,
            Question::Run => &mut self.run,
            Question::Certify => &mut self.certify,
        }
    }
}
