//! Findings that the user knows about.

use crate::{Answer, Finding, Question, Targets, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

/// Why a finding fails nothing, though it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Excuse {
    /// The settings accept it.
    Accepted {
        /// Why, in the user's words.
        reason: String,
        /// The last day on which that holds, as `2027-03-31`; null for no end.
        until: Option<String>,
    },
    /// The baseline has it: it is not new.
    Baseline,
}

/// The questions whose answer fails nothing, as nothing is left of it without what is excused: for
/// [`Examination::excused`](crate::Examination::excused). `targets` and `code_analysis` are those of
/// [`decide`](crate::decide).
pub fn excused(
    findings: &[Finding],
    verdict: &Verdict,
    targets: Targets,
    code_analysis: bool,
) -> Vec<Question> {
    let denies = |finding: &Finding, question| finding.denies(question, targets, code_analysis);
    let is_excused = |question: &Question| {
        verdict.answer(*question) != Answer::Yes
            && left(findings, verdict, &denies, *question) == Answer::Yes
    };
    Question::ALL.into_iter().filter(is_excused).collect()
}

/// The answer to `question` had the findings that are excused not been made. An excuse is for what was found; what
/// was not examined is open all the same.
///
/// What a driver was not reached by because it does not load goes with that, and what it hid comes to light.
pub(crate) fn left(
    findings: &[Finding],
    verdict: &Verdict,
    denies: &dyn Fn(&Finding, Question) -> bool,
    question: Question,
) -> Answer {
    let is_denied = |question| {
        let mut left = findings.iter().filter(|finding| finding.excuse.is_none());
        left.any(|finding| denies(finding, question))
    };
    let is_refused = is_denied(Question::Load);
    match question {
        Question::Run if is_refused => Answer::Unknown,
        _ if is_denied(question) => Answer::No,
        _ if !verdict.open(question).is_empty() => Answer::Unknown,
        // Not reached.
        Question::Certify if is_refused => Answer::Unknown,
        _ => Answer::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, Gap, Level, RuleCard, decide};
    use Question::{Certify, Load, Run};

    const CARD: RuleCard = RuleCard {
        id: "some-rule",
        summary: "",
        level: Level::Error,
        since: "0.1.0",
        senses: &[],
        also_known_as: &[],
        docs: "",
        file: "",
    };

    fn finding(questions: &[Question], is_excused: bool) -> Finding {
        let finding = Finding::new(&CARD, Level::Error, "it is bad")
            .denying(questions, &[Authority::DriverVerifier]);
        Finding { excuse: is_excused.then_some(Excuse::Baseline), ..finding }
    }

    fn excused_of(findings: &[Finding], gaps: &[Gap]) -> Vec<Question> {
        let verdict = decide(findings, gaps, Targets::DEFAULT, false);
        excused(findings, &verdict, Targets::DEFAULT, false)
    }

    #[test]
    fn all_that_decided_must_be_excused() {
        let known = finding(&[Certify], true);
        assert_eq!(excused_of(std::slice::from_ref(&known), &[]), [Certify]);
        assert_eq!(excused_of(&[known.clone(), finding(&[Certify], false)], &[]), []);
        assert_eq!(excused_of(&[known, finding(&[Run], false)], &[]), [Certify]);
    }

    #[test]
    fn what_is_not_known_is_not_excused() {
        let run = Gap::new(&[Run], "not examined");
        assert_eq!(excused_of(&[finding(&[Certify], true)], std::slice::from_ref(&run)), [Certify]);
        // What was not examined is behind what was found.
        assert_eq!(excused_of(&[finding(&[Run], true)], std::slice::from_ref(&run)), []);
        let load = Gap::new(&[Load], "not examined");
        assert_eq!(excused_of(&[finding(&[Load], true)], &[load]), [Run, Certify]);
        assert_eq!(excused_of(&[finding(&[Load], true)], &[run]), [Load, Certify]);
        let old = Gap::new(&[Run], "not examined").on(Targets::BEFORE_1703);
        assert_eq!(excused_of(&[finding(&[Run], true)], &[old]), [Run]);
    }

    #[test]
    fn what_is_not_reached_goes_with_load() {
        assert_eq!(excused_of(&[finding(&[Load], true)], &[]), [Load, Run, Certify]);
        assert_eq!(excused_of(&[finding(&[Load], false)], &[]), []);
        // A finding of its own, and a gap of its own.
        let findings = [finding(&[Load], true), finding(&[Run], false)];
        assert_eq!(excused_of(&findings, &[]), [Load, Certify]);
        let gap = Gap::new(&[Certify], "not examined");
        assert_eq!(excused_of(&[finding(&[Load], true)], &[gap]), [Load, Run]);
    }
}
