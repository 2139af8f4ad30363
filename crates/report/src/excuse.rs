//! Findings that hold but fail nothing, in words.

use crate::Options;
use crate::answers::open_because;
use crate::layout::grouped;
use ringfence_finding::{Answer, Examination, Excuse, Finding, Level, Question, SourceExcuse};

/// `accepted`, and `fixed with the next release, until 2027-03-31`.
pub(crate) fn parts(excuse: &Excuse) -> (&'static str, String) {
    match excuse {
        Excuse::Accepted { reason, until: Some(day) } => {
            ("accepted", format!("{reason}, until {day}"))
        }
        Excuse::Accepted { reason, until: None } => ("accepted", reason.clone()),
        Excuse::Baseline => ("in the baseline", "it is not new".to_owned()),
    }
}

/// `accepted: fixed with the next release, until 2027-03-31`, or `in the baseline`.
pub(crate) fn told(excuse: &Excuse) -> String {
    match (excuse, parts(excuse)) {
        (Excuse::Baseline, (lead, _)) => lead.to_owned(),
        (Excuse::Accepted { .. }, (lead, text)) => format!("{lead}: {text}"),
    }
}

/// `certify no fails nothing: all of it is excused`, and what is left open behind it; none where every answer counts.
pub(crate) fn answers(examination: &Examination) -> Option<String> {
    let verdict = &examination.verdict;
    let told: Vec<String> = Question::ALL
        .into_iter()
        .filter(|question| examination.excused.contains(question))
        .map(|question| format!("{question} {}", verdict.answer(question)))
        .collect();
    let excused = match told[..] {
        [] => None,
        [_] => Some(format!("{} fails nothing: all of it is excused", told[0])),
        _ => Some(format!("{} fail nothing: all of it is excused", told.join(" and "))),
    };
    let left = Question::ALL.into_iter().filter(|&question| {
        verdict.answer(question) == Answer::No && examination.counted(question) == Answer::Unknown
    });
    let left = left.map(|question| {
        format!(
            "{question} is unknown without what is excused: {}",
            open_because(examination, question)
        )
    });
    let told: Vec<String> = excused.into_iter().chain(left).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The level of `finding` where errors fail a build: an error that fails nothing is a warning there, and what is
/// excused a note.
pub(crate) fn weighed(options: &Options, driver: &Examination, finding: &Finding) -> Level {
    let fails = || finding.questions.iter().any(|question| options.fails(driver, *question));
    match (&finding.excuse, finding.level) {
        (Some(_), _) => Level::Note,
        (None, Level::Error) if !fails() => Level::Warning,
        (None, Level::Error) => failing(options),
        (None, level) => level,
    }
}

/// The level of what makes the scan fail.
pub(crate) fn failing(options: &Options) -> Level {
    if options.exit_zero { Level::Warning } else { Level::Error }
}

/// `denies certify, which fails nothing here`: of an error that is a warning by [`weighed`].
pub(crate) fn unfailing(finding: &Finding, weighed: Level) -> Option<String> {
    let is_lowered = finding.level == Level::Error && weighed == Level::Warning;
    let denied: Vec<String> = finding.questions.iter().map(Question::to_string).collect();
    (is_lowered && !denied.is_empty())
        .then(|| format!("denies {}, which fails nothing here", denied.join(" and ")))
}

/// How many findings are excused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Excused {
    /// By the settings, or a comment or pragma in the source.
    pub(crate) accepted: usize,
    pub(crate) baseline: usize,
}

impl Excused {
    /// Those of one driver.
    pub(crate) fn of(examination: &Examination) -> Excused {
        let mut excused = Excused::default();
        excused.count(examination);
        excused
    }

    /// Counts one driver in.
    pub(crate) fn count(&mut self, examination: &Examination) {
        let excuses = examination.findings.iter().filter_map(|finding| finding.excuse.as_ref());
        excuses.for_each(|excuse| self.add(excuse));
    }

    /// Counts one finding in source in.
    pub(crate) fn add_source(&mut self, excuse: &SourceExcuse) {
        match excuse {
            SourceExcuse::Source { .. } => self.accepted += 1,
            SourceExcuse::Settings(excuse) => self.add(excuse),
        }
    }

    fn add(&mut self, excuse: &Excuse) {
        match excuse {
            Excuse::Accepted { .. } => self.accepted += 1,
            Excuse::Baseline => self.baseline += 1,
        }
    }

    /// `3 accepted, 1 in the baseline`; none where there are none.
    pub(crate) fn told(self) -> Option<String> {
        let kinds = [(self.accepted, "accepted"), (self.baseline, "in the baseline")];
        let kinds: Vec<String> = kinds
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, kind)| format!("{} {kind}", grouped(count)))
            .collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }
}
