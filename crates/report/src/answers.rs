//! The three answers in words.

use crate::layout::grouped;
use crate::style::Line;
use ringfence_finding::{Answer, Confidence, Examination, Question, Reason, Verdict};

/// `load yes · run unknown · certify no`.
pub(crate) fn answers(verdict: &Verdict) -> Line {
    let mut line = Line::new();
    for (index, question) in Question::ALL.into_iter().enumerate() {
        let answer = verdict.answer(question);
        line = line.plain(if index == 0 { "" } else { " · " });
        line = line.plain(format!("{question} ")).colored(answer, answer.to_string());
    }
    line
}

/// Whether 64-bit Windows runs on such a machine, and so memory integrity is there at all.
pub(crate) fn is_for_64_bit_windows(machine: &str) -> bool {
    matches!(machine, "x64" | "arm64")
}

/// Why some questions have the answer they have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Why {
    /// Never empty.
    pub(crate) questions: Vec<Question>,
    pub(crate) answer: Answer,
    pub(crate) text: String,
}

impl Why {
    /// `run, certify`.
    pub(crate) fn asked(&self) -> String {
        let questions: Vec<_> = self.questions.iter().map(Question::to_string).collect();
        questions.join(", ")
    }

    /// `run, certify unknown: machine code not examined`, as a lead and its text.
    pub(crate) fn lead(&self) -> Line {
        Line::new()
            .plain(format!("{} ", self.asked()))
            .colored(self.answer, self.answer.to_string())
            .plain(": ")
    }
}

/// Why each answer that is not yes is what it is; questions with the same answer for the same
/// reasons are told together.
pub(crate) fn whys(verdict: &Verdict) -> Vec<Why> {
    let mut whys: Vec<Why> = Vec::new();
    for question in Question::ALL {
        let answer = verdict.answer(question);
        if answer == Answer::Yes {
            continue;
        }
        let text = reasons(verdict.reasons(question));
        match whys.iter_mut().find(|why| why.answer == answer && why.text == text) {
            Some(why) => why.questions.push(question),
            None => whys.push(Why { questions: vec![question], answer, text }),
        }
    }
    whys
}

/// Why the answer to `question` is not yes, in one line.
pub(crate) fn because(verdict: &Verdict, question: Question) -> String {
    reasons(verdict.reasons(question))
}

/// Why `question` is open for a driver: where what objects is excused, what is left behind that.
pub(crate) fn open_because(driver: &Examination, question: Question) -> String {
    match driver.verdict.answer(question) {
        Answer::No => reasons(driver.verdict.open(question)),
        _ => because(&driver.verdict, question),
    }
}

/// Rules with how often and how surely they object, or what was not examined.
fn reasons(reasons: &[Reason]) -> String {
    let mut said: Vec<(&str, usize, bool)> = Vec::new();
    for reason in reasons {
        let text = reason.rule.unwrap_or(&reason.text);
        let certain = reason.confidence != Some(Confidence::Likely);
        match said.iter_mut().find(|(known, ..)| *known == text) {
            Some((_, count, surely)) => {
                // A gap said twice is one gap; a rule that objects twice has two objections.
                *count += usize::from(reason.rule.is_some());
                *surely |= certain;
            }
            None => said.push((text, 1, certain)),
        }
    }
    let said: Vec<String> = said
        .into_iter()
        .map(|(text, count, certain)| {
            let times = if count > 1 { format!(" ×{}", grouped(count)) } else { String::new() };
            format!("{text}{times}{}", if certain { "" } else { " (likely)" })
        })
        .collect();
    said.join(if reasons.iter().all(|reason| reason.rule.is_some()) { ", " } else { "; " })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn told(verdict: &Verdict) -> Vec<String> {
        whys(verdict).iter().map(|why| why.lead().plain(&why.text).render(false)).collect()
    }

    #[test]
    fn equal_reasons_are_told_once() {
        assert_eq!(
            told(&sample::clean("a.sys").verdict),
            ["run, certify unknown: machine code not examined"]
        );
    }

    #[test]
    fn a_rule_is_counted_and_called_likely() {
        let mut verdict = sample::writable_executable("a.sys").verdict;
        let again = verdict.because.load[0].clone();
        verdict.because.load.push(again);
        assert_eq!(
            told(&verdict),
            [
                "load no: writable-executable-section ×2 (likely)",
                "run unknown: not reached: the driver does not load",
                "certify no: writable-executable-section",
            ]
        );
    }
}
