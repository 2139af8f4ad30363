//! The whole report in one sentence.

use crate::layout::grouped;
use ringfence_finding::{Answer, Examination, Question};

/// Drivers by what their three answers come to; each is counted once.
#[derive(Default)]
pub(super) struct Kinds {
    /// All three answers are yes.
    yes: usize,
    /// Some answer is no.
    no: usize,
    /// None is no, but some are unknown.
    unknown: usize,
}

impl Kinds {
    pub(super) fn count(&mut self, examination: &Examination) {
        let answers = Question::ALL.map(|question| examination.verdict.answer(question));
        if answers.contains(&Answer::No) {
            self.no += 1;
        } else if answers.contains(&Answer::Unknown) {
            self.unknown += 1;
        } else {
            self.yes += 1;
        }
    }

    /// The sentence; none where there is no driver.
    ///
    /// It says no word of a driver as a whole: where nothing objects but an answer is open, that is no yes.
    pub(super) fn sentence(&self) -> Option<String> {
        let all = self.yes + self.no + self.unknown;
        let lead = match (all, self.yes) {
            (0, _) => return None,
            (1, _) => return Some(self.of_one().to_owned()),
            (_, 0) => {
                format!("For none of {} drivers are load, run and certify all yes", grouped(all))
            }
            (_, yes) if yes == all => {
                format!("Load, run and certify are yes for all {} drivers", grouped(all))
            }
            (_, yes) => {
                let (yes, all) = (grouped(yes), grouped(all));
                format!("Load, run and certify are all yes for {yes} of {all} drivers")
            }
        };
        let have = if self.no == 1 { "has" } else { "have" };
        let no = format!("{} {have} at least one no", grouped(self.no));
        let open =
            format!("for {} nothing objects, but an answer is unknown", grouped(self.unknown));
        let rest = [(self.no, no), (self.unknown, open)].into_iter();
        let rest = rest.filter(|(count, _)| *count > 0).map(|(_, told)| told);
        Some(std::iter::once(lead).chain(rest).collect::<Vec<_>>().join("; ") + ".")
    }

    fn of_one(&self) -> &'static str {
        match (self.yes, self.no) {
            (1, _) => "Load, run and certify are yes.",
            (_, 1) => "At least one answer is no.",
            _ => "Nothing objects, but an answer is unknown.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn sentence(yes: usize, no: usize, unknown: usize) -> String {
        Kinds { yes, no, unknown }.sentence().unwrap_or_default()
    }

    #[test]
    fn every_driver_is_in_the_sentence_once() {
        let mut kinds = Kinds::default();
        // Yes; two that a question objects to; open without an objection.
        kinds.count(&sample::fine("a.sys"));
        kinds.count(&sample::writable_executable("b.sys"));
        kinds.count(&sample::certify_only("c.sys"));
        kinds.count(&sample::clean("d.sys"));
        assert_eq!(
            kinds.sentence().unwrap(),
            "Load, run and certify are all yes for 1 of 4 drivers; 2 have at least one no; for 1 nothing objects, \
             but an answer is unknown."
        );
    }

    #[test]
    fn what_there_is_none_of_is_not_told() {
        assert_eq!(sentence(0, 0, 0), "");
        assert_eq!(sentence(1_000, 0, 0), "Load, run and certify are yes for all 1 000 drivers.");
        assert_eq!(
            sentence(0, 1, 1),
            "For none of 2 drivers are load, run and certify all yes; 1 has at least one no; for 1 nothing \
             objects, but an answer is unknown."
        );
        assert_eq!(sentence(0, 0, 1), "Nothing objects, but an answer is unknown.");
        assert_eq!(sentence(0, 1, 0), "At least one answer is no.");
        assert_eq!(sentence(1, 0, 0), "Load, run and certify are yes.");
    }
}
