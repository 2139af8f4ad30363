//! From findings and gaps to an answer for each of the three questions.

use crate::{Authority, Confidence, Counter, Finding, Targets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The three questions behind "is it compatible with memory integrity?".
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Does the image meet what the loader and memory integrity demand of it? Whether its signature
    /// is trusted is a separate fact.
    Load,
    /// Does nothing listed break it once it is loaded?
    Run,
    /// Have Driver Verifier (0x02000000) and the HLK HyperVisor Code Integrity Readiness Test no
    /// objection?
    Certify,
}

impl Question {
    /// All three, in the order they are always told.
    pub const ALL: [Question; 3] = [Question::Load, Question::Run, Question::Certify];

    /// Whether it counts for this question what only those of `reported_by` object to on Windows. What only Code Analysis
    /// objects to decides *certify* when `code_analysis` is set.
    pub(crate) fn is_decided_by(self, reported_by: &[Authority], code_analysis: bool) -> bool {
        self != Question::Certify
            || reported_by.contains(&Authority::DriverVerifier)
            || (code_analysis && reported_by.contains(&Authority::CodeAnalysis))
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Question::Load => "load",
            Question::Run => "run",
            Question::Certify => "certify",
        })
    }
}

/// What can be said to a [`Question`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Everything relevant was examined and nothing objects.
    Yes,
    /// A finding objects.
    No,
    /// Something relevant was not examined; the reasons are given.
    Unknown,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "unknown",
        })
    }
}

/// Something relevant that was not examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The questions it leaves open.
    pub questions: Vec<Question>,
    /// The Windows versions for which it matters.
    pub targets: Targets,
    /// Why, as a fragment that fits after "unknown: ".
    pub reason: Cow<'static, str>,
    /// Those of Driver Verifier's counters that it leaves open.
    pub counters: Vec<Counter>,
}

impl Gap {
    /// A gap that matters on every Windows version. Where it is about *certify*, it is taken to be about
    /// calls, as most are; [`Gap::about`] says otherwise.
    pub fn new(questions: &[Question], reason: impl Into<Cow<'static, str>>) -> Gap {
        let of_calls = questions.contains(&Question::Certify);
        Gap {
            questions: questions.to_vec(),
            targets: Targets::ALL,
            reason: reason.into(),
            counters: if of_calls { Counter::OF_CALLS.to_vec() } else { Vec::new() },
        }
    }

    /// Leaves these of Driver Verifier's counters open, and no others.
    #[must_use]
    pub fn about(mut self, counters: &[Counter]) -> Gap {
        self.counters = counters.to_vec();
        self
    }

    /// Matters for `targets` alone.
    #[must_use]
    pub fn on(mut self, targets: Targets) -> Gap {
        self.targets = targets;
        self
    }
}

/// Why an answer is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// The rule whose finding decided, for a no.
    pub rule: Option<&'static str>,
    /// How sure that finding is.
    pub confidence: Option<Confidence>,
    /// In words: the finding's message, or what was not examined.
    pub text: Cow<'static, str>,
    /// For what was not examined, the counters that it leaves open; told by `certify` alone.
    #[serde(skip)]
    pub counters: Vec<Counter>,
}

/// The reasons for each answer; none for a yes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Because {
    /// Why *load* is not yes.
    pub load: Vec<Reason>,
    /// Why *run* is not yes.
    pub run: Vec<Reason>,
    /// Why *certify* is not yes.
    pub certify: Vec<Reason>,
    /// What would leave *certify* open, also where it is no anyway; told by `certify` alone.
    #[serde(skip)]
    pub certify_open: Vec<Reason>,
    /// What was not examined, whatever findings say: for [`Verdict::open`].
    #[serde(skip)]
    open: [Vec<Reason>; 3],
}

/// The three answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// Answer to [`Question::Load`].
    pub load: Answer,
    /// Answer to [`Question::Run`].
    pub run: Answer,
    /// Answer to [`Question::Certify`].
    pub certify: Answer,
    /// What decided.
    pub because: Because,
}

impl Verdict {
    /// The answer to `question`.
    pub fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Load => self.load,
            Question::Run => self.run,
            Question::Certify => self.certify,
        }
    }

    /// Why the answer to `question` is not yes.
    pub fn reasons(&self, question: Question) -> &[Reason] {
        match question {
            Question::Load => &self.because.load,
            Question::Run => &self.because.run,
            Question::Certify => &self.because.certify,
        }
    }

    /// What was not examined of `question`, also where the answer is no anyway: what is left once nothing objects.
    pub fn open(&self, question: Question) -> &[Reason] {
        let [load, run, certify] = &self.because.open;
        match question {
            Question::Load => load,
            Question::Run => run,
            Question::Certify => certify,
        }
    }

    /// Whether `question` is open only because the driver does not load.
    pub fn is_not_reached(&self, question: Question) -> bool {
        self.load == Answer::No && *self.reasons(question) == [not_reached()]
    }
}

/// Answers the three questions for `targets`.
///
/// A finding that holds for any of the targets turns its questions to no; else a gap turns them to
/// unknown. A driver that does not load is never reached by *run*, and never certified. With `code_analysis`, what only
/// Code Analysis objects to counts against *certify*.
pub fn decide(
    findings: &[Finding],
    gaps: &[Gap],
    targets: Targets,
    code_analysis: bool,
) -> Verdict {
    let open = |question| -> Vec<Reason> {
        let open = gaps
            .iter()
            .filter(|gap| gap.questions.contains(&question) && gap.targets.intersects(targets));
        open.map(not_examined).collect()
    };
    let decide_one = |question| {
        let objections: Vec<Reason> = findings
            .iter()
            .filter(|finding| finding.denies(question, targets, code_analysis))
            .map(|finding| objection(finding, question))
            .collect();
        if !objections.is_empty() {
            return (Answer::No, objections);
        }
        let open = open(question);
        (if open.is_empty() { Answer::Yes } else { Answer::Unknown }, open)
    };
    let (load, load_because) = decide_one(Question::Load);
    let (run, run_because) = match load {
        Answer::No => (Answer::Unknown, vec![not_reached()]),
        _ => decide_one(Question::Run),
    };
    let (certify, certify_because) = match (load, decide_one(Question::Certify)) {
        // What objects to the image objects all the same; but a test that cannot start passes nobody.
        (Answer::No, (Answer::Yes, _)) => (Answer::Unknown, vec![not_reached()]),
        (_, decided) => decided,
    };
    let certify_open = match certify {
        Answer::Unknown => certify_because.clone(),
        _ => open(Question::Certify),
    };
    let because = Because {
        load: load_because,
        run: run_because,
        certify: certify_because,
        certify_open,
        open: Question::ALL.map(open),
    };
    Verdict { load, run, certify, because }
}

impl Reason {
    /// Whether it is that the driver does not load, so that the question is never put.
    pub fn is_not_reached(&self) -> bool {
        self.rule.is_none() && self.text == NOT_REACHED
    }
}

const NOT_REACHED: &str = "not reached: the driver does not load";

fn objection(finding: &Finding, question: Question) -> Reason {
    Reason {
        rule: Some(finding.rule),
        confidence: Some(finding.confidence_on(question)),
        text: finding.message.clone().into(),
        counters: Vec::new(),
    }
}

fn not_examined(gap: &Gap) -> Reason {
    let counters = gap.counters.clone();
    Reason { rule: None, confidence: None, text: gap.reason.clone(), counters }
}

fn not_reached() -> Reason {
    Reason { rule: None, confidence: None, text: NOT_REACHED.into(), counters: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    fn finding(questions: &[Question], reported_by: &[Authority]) -> Finding {
        Finding {
            rule: "some-rule",
            level: Level::Error,
            questions: questions.to_vec(),
            confidence: Confidence::Certain,
            only_likely_for: Vec::new(),
            reported_by: reported_by.to_vec(),
            targets: Targets::ALL,
            rva: None,
            section: None,
            source: None,
            ddi: None,
            argument: None,
            message: "it is bad".to_owned(),
            aliases: &[],
            evidence: None,
            seen: Vec::new(),
            notes: Vec::new(),
            help: None,
            fingerprint: String::new(),
            verifier_count: None,
            excuse: None,
        }
    }

    fn answers(findings: &[Finding], gaps: &[Gap], code_analysis: bool) -> String {
        let verdict = decide(findings, gaps, Targets::DEFAULT, code_analysis);
        Question::ALL.map(|question| verdict.answer(question).to_string()).join(" ")
    }

    #[test]
    fn nothing_found_and_nothing_missed_is_yes() {
        assert_eq!(answers(&[], &[], false), "yes yes yes");
    }

    #[test]
    fn a_gap_makes_its_questions_unknown() {
        let gap = Gap::new(&[Question::Run, Question::Certify], "machine code not examined");
        assert_eq!(answers(&[], &[gap], false), "yes unknown unknown");
    }

    #[test]
    fn a_finding_outweighs_a_gap() {
        let gap = Gap::new(&Question::ALL, "machine code not examined");
        let bad = finding(&[Question::Certify], &[Authority::DriverVerifier]);
        let (bad, gap) = ([bad], [gap]);
        assert_eq!(answers(&bad, &gap, false), "unknown unknown no");
        let because = decide(&bad, &gap, Targets::DEFAULT, false).because;
        assert_eq!(because.certify[0].rule, Some("some-rule"));
        let [open] = &because.certify_open[..] else { panic!("{because:?}") };
        assert_eq!(open.text, "machine code not examined");
        assert_eq!(open.counters, Counter::OF_CALLS);
    }

    #[test]
    fn what_is_open_is_known_behind_a_no() {
        let gap = Gap::new(&[Question::Run], "machine code not examined");
        let old = Gap::new(&[Question::Run], "not for these").on(Targets::BEFORE_1703);
        let refused = finding(&[Question::Load], &[Authority::Loader]);
        let denied = finding(&[Question::Run], &[]);
        for bad in [refused, denied] {
            let verdict = decide(&[bad], &[gap.clone(), old.clone()], Targets::DEFAULT, false);
            let [open] = verdict.open(Question::Run) else { panic!("{verdict:?}") };
            assert_eq!(open.text, "machine code not examined");
            assert!(verdict.open(Question::Load).is_empty());
            assert!(verdict.open(Question::Certify).is_empty());
        }
    }

    #[test]
    fn what_does_not_load_is_neither_run_nor_certified() {
        let bad = finding(&[Question::Load, Question::Run], &[Authority::Loader]);
        let verdict = decide(&[bad], &[], Targets::DEFAULT, false);
        assert_eq!(
            (verdict.load, verdict.run, verdict.certify),
            (Answer::No, Answer::Unknown, Answer::Unknown)
        );
        assert!(verdict.because.certify[0].is_not_reached());
        assert_eq!(verdict.because.certify_open, verdict.because.certify);
        assert_eq!(verdict.because.certify[0].text, "not reached: the driver does not load");
        assert_eq!(verdict.because.run[0].text, "not reached: the driver does not load");
        assert_eq!(verdict.because.load[0].rule, Some("some-rule"));
    }

    #[test]
    fn code_analysis_counts_only_when_asked() {
        let warned = finding(&[Question::Certify], &[Authority::CodeAnalysis]);
        assert_eq!(answers(std::slice::from_ref(&warned), &[], false), "yes yes yes");
        assert_eq!(answers(&[warned], &[], true), "yes yes no");
    }

    #[test]
    fn a_finding_for_other_windows_versions_decides_nothing() {
        let mut old = finding(&[Question::Load], &[Authority::Loader]);
        old.targets = Targets::BEFORE_1703;
        assert_eq!(answers(&[old.clone()], &[], false), "yes yes yes");
        assert_eq!(decide(&[old], &[], Targets::ALL, false).load, Answer::No);
    }
}
