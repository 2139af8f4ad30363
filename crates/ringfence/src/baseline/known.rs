//! A driver of an earlier report: what of it is not new now.

use crate::{RecordedDriver, RecordedExcuse, RecordedFinding, RecordedVerdict};
use ringfence_finding::{Answer, DebugSymbols, Examination, Finding, Level, Question};
use std::collections::{HashMap, HashSet, VecDeque};

/// A driver of an earlier report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// With forward slashes.
    pub(super) path: String,
    pub(super) machine: String,
    pub(super) sha256: Option<String>,
    verdict: RecordedVerdict,
    /// The questions that were not *yes*, where not only what was accepted decided them.
    left: Vec<Question>,
    /// Whether a debug file named functions.
    is_named: bool,
    /// But for those that were accepted: an acceptance has an end, and says itself whether it still holds.
    findings: Vec<KnownFinding>,
    /// Their indices by rule and fingerprint.
    by_fingerprint: HashMap<(String, String), usize>,
}

/// A finding of an earlier report.
#[derive(Debug, PartialEq, Eq)]
struct KnownFinding {
    level: Level,
    questions: Vec<Question>,
    is_named: bool,
    /// What it is known by without the function that a debug file names; only where it is about a call. Others
    /// have little more than their rule then.
    call: Option<Call>,
}

/// Rule, section, DDI and argument.
type Call = (String, Option<String>, String, Option<String>);

impl From<RecordedDriver> for Known {
    fn from(driver: RecordedDriver) -> Known {
        let RecordedDriver { path, sha256, machine, verdict, findings, excused, .. } = driver;
        let is_accepted = |finding: &RecordedFinding| {
            !matches!(finding.excuse, None | Some(RecordedExcuse::Baseline))
        };
        let denies = |finding: &RecordedFinding, question| {
            finding.level == Level::Error && finding.questions.contains(&question)
        };
        // All that objects may be accepted and something be open behind it. Then the answer was not excused.
        let is_left = |question| {
            let mut known = findings.iter().filter(|finding| !is_accepted(finding));
            !excused.contains(&question) || known.any(|finding| denies(finding, question))
        };
        let left = Question::ALL.into_iter().filter(|&question| match verdict.answer(question) {
            Answer::Yes => false,
            Answer::Unknown if verdict.load == Answer::No => {
                is_left(Question::Load) || !excused.contains(&question)
            }
            Answer::Unknown => true,
            Answer::No => is_left(question),
        });
        let mut known = Known {
            path: super::slashed(&path),
            machine,
            sha256,
            verdict,
            left: left.collect(),
            is_named: findings.iter().any(has_function),
            findings: Vec::new(),
            by_fingerprint: HashMap::new(),
        };
        for finding in findings.into_iter().filter(|finding| !is_accepted(finding)) {
            known.add(finding);
        }
        known
    }
}

fn has_function(finding: &RecordedFinding) -> bool {
    finding.source.as_ref().is_some_and(|source| source.function.is_some())
}

impl Known {
    fn add(&mut self, finding: RecordedFinding) {
        let is_named = has_function(&finding);
        let RecordedFinding { rule, level, fingerprint, questions, section, ddi, argument, .. } =
            finding;
        let call = ddi.map(|ddi| (rule.clone(), section, ddi, argument));
        self.by_fingerprint.insert((rule, fingerprint), self.findings.len());
        self.findings.push(KnownFinding { level, questions, is_named, call });
    }

    /// Whether each finding of `driver` was found before, and was as grave. Each of those before stands for one.
    pub(crate) fn has(&self, driver: &Examination) -> Vec<bool> {
        let mut taken = HashSet::new();
        let mut has: Vec<bool> = driver
            .findings
            .iter()
            .map(|finding| {
                let key = (finding.rule.to_owned(), finding.fingerprint.clone());
                let index = self.by_fingerprint.get(&key).copied();
                index.is_some_and(|index| {
                    self.findings[index].covers(finding) && taken.insert(index)
                })
            })
            .collect();
        if self.is_named != is_named(driver) {
            self.find_calls(driver, &taken, &mut has);
        }
        has
    }

    /// Looks for what is left among the calls that are left, where only one of both runs knew functions: they are
    /// part of a fingerprint. As many as were there before are not new, as if no run had known any.
    fn find_calls(&self, driver: &Examination, taken: &HashSet<usize>, has: &mut [bool]) {
        let mut left: HashMap<&Call, VecDeque<&KnownFinding>> = HashMap::new();
        for (index, finding) in self.findings.iter().enumerate() {
            if let Some(call) = finding.call.as_ref().filter(|_| !taken.contains(&index)) {
                left.entry(call).or_default().push_back(finding);
            }
        }
        for (finding, has) in driver.findings.iter().zip(has).filter(|(_, has)| !**has) {
            let Some(ddi) = finding.ddi else { continue };
            let (section, argument) = (finding.section.clone(), finding.argument.clone());
            let call = (finding.rule.to_owned(), section, ddi.to_owned(), argument);
            let known = left.get_mut(&call).and_then(VecDeque::pop_front);
            let is_named = finding.source.as_ref().is_some_and(|source| source.function.is_some());
            *has = known.is_some_and(|known| known.is_named != is_named && known.covers(finding));
        }
    }

    /// Whether `question`, which is open for `driver`, was not yes before either. Of a driver that did not load,
    /// the other answers said nothing once it does.
    pub(crate) fn left_open(&self, driver: &Examination, question: Question) -> bool {
        let was_reached = question == Question::Load
            || self.verdict.load != Answer::No
            || self.verdict.answer(question) == Answer::No
            || driver.verdict.load == Answer::No;
        was_reached && self.left.contains(&question)
    }
}

impl KnownFinding {
    /// Whether `finding`, which is known by the same, is no graver and denies nothing more.
    fn covers(&self, finding: &Finding) -> bool {
        let mut denied = finding.questions.iter().filter(|_| finding.level == Level::Error);
        finding.level <= self.level && denied.all(|question| self.questions.contains(question))
    }
}

/// Whether a debug file was used.
fn is_named(driver: &Examination) -> bool {
    matches!(driver.symbols, Some(DebugSymbols::Used { .. }))
}
