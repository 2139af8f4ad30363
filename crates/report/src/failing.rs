//! Which drivers make a scan fail, or why none does, where that is not plain from the answers: some are excused,
//! not all questions are gated, or unknown counts too.

use crate::excuse::Excused;
use crate::format::Options;
use crate::layout::{counted, grouped};
use crate::style::{Line, Meaning, hanging};
use ringfence_finding::{Answer, Examination, Question};

/// Drivers told by name; the rest is counted.
const NAMED: usize = 5;

#[derive(Clone, Debug, Default)]
pub(crate) struct Failing {
    pub(crate) excused: Excused,
    /// The first few, each with the questions that it fails.
    first: Vec<(String, Vec<Question>)>,
    drivers: usize,
    /// Answers that would fail, but all that decided them is excused.
    excused_answers: usize,
    /// Answers that would fail, but to questions that are not gated.
    ungated_answers: usize,
}

impl Failing {
    /// Counts one driver in.
    pub(crate) fn count(&mut self, examination: &Examination, options: &Options) {
        self.excused.count(examination);
        let mut fails = Vec::new();
        for question in Question::ALL {
            if options.fails(examination, question) {
                fails.push(question);
            } else if objects(examination.verdict.answer(question), options) {
                match options.gate.contains(&question) {
                    true => self.excused_answers += 1,
                    false => self.ungated_answers += 1,
                }
            }
        }
        if !fails.is_empty() {
            self.drivers += 1;
            if self.first.len() < NAMED {
                self.first.push((examination.path.clone(), fails));
            }
        }
    }

    /// What fails and by whose word, for the end of a report; nothing where the answers say it.
    pub(crate) fn lines(&self, options: &Options, width: usize) -> Vec<Line> {
        let is_plain = options.gate.len() == Question::ALL.len() && !options.fail_unknown;
        let mut lines = Vec::new();
        if !is_plain || self.excused.told().is_some() {
            let (meaning, lead, text) = match self.drivers {
                0 => (Meaning::Good, "no answer fails", self.passed_over(options)),
                _ => (Meaning::Bad, "fails by", self.named()),
            };
            let lead = Line::new().colored(meaning, lead);
            let lead = if text.is_empty() { lead } else { lead.plain(": ") };
            lines.extend(hanging(lead, &text, width));
        }
        lines.extend(by_whom(options).iter().flat_map(|text| hanging(Line::new(), text, width)));
        lines
    }

    /// `a.sys (load, certify), b.sys (certify) and 3 more drivers`.
    fn named(&self) -> String {
        let one = |(path, questions): &(String, Vec<Question>)| {
            let questions: Vec<_> = questions.iter().map(Question::to_string).collect();
            format!("{path} ({})", questions.join(", "))
        };
        let told = self.first.iter().map(one).collect::<Vec<_>>().join(", ");
        match self.drivers - self.first.len() {
            0 => told,
            more => format!("{told} and {}", counted(more, "more driver")),
        }
    }

    /// `3 no are accepted or in the baseline, 1 no is to a question that is not gated`.
    fn passed_over(&self, options: &Options) -> String {
        let kinds = [
            (self.excused_answers, "accepted or in the baseline"),
            (self.ungated_answers, "not gated"),
        ];
        let told = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| {
            let (is, plural) = if count == 1 { ("is", "") } else { ("are", "s") };
            let answers = match options.fail_unknown {
                true => format!("{} answer{plural}", grouped(count)),
                false => format!("{} no", grouped(count)),
            };
            format!("{answers} {is} {what}")
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// Whether `answer` fails where its question is gated and nothing is excused.
fn objects(answer: Answer, options: &Options) -> bool {
    match answer {
        Answer::Yes => false,
        Answer::No => true,
        Answer::Unknown => options.fail_unknown,
    }
}

/// `settings from ringfence.toml, baseline base.json`.
pub(crate) fn by_whom(options: &Options) -> Option<String> {
    let settings = options.settings_file.iter().map(|name| format!("settings from {name}"));
    let baseline = options.baseline.iter().map(|name| format!("baseline {name}"));
    let told: Vec<_> = settings.chain(baseline).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn told(drivers: &[Examination], options: &Options) -> Vec<String> {
        let mut failing = Failing::default();
        drivers.iter().for_each(|driver| failing.count(driver, options));
        failing.lines(options, 200).iter().map(|line| line.render(false)).collect()
    }

    #[test]
    fn where_answers_say_it_nothing_is_told() {
        let drivers = [sample::writable_executable("a.sys"), sample::clean("b.sys")];
        assert_eq!(told(&drivers, &Options::default()), [""; 0]);
    }

    #[test]
    fn drivers_that_fail_are_named_with_their_questions() {
        let drivers = sample::excused_and_new();
        assert_eq!(told(&drivers, &Options::default()), ["fails by: new.sys (load, certify)"]);
        let many: Vec<_> =
            (0..8).map(|index| sample::certify_only(&format!("{index}.sys"))).collect();
        let certify = Options { gate: vec![Question::Certify], ..Options::default() };
        assert_eq!(
            told(&many, &certify),
            ["fails by: 0.sys (certify), 1.sys (certify), 2.sys (certify), 3.sys (certify), \
              4.sys (certify) and 3 more drivers"]
        );
    }

    #[test]
    fn why_nothing_fails_is_told() {
        let known = &sample::excused_and_new()[..1];
        let excused = "no answer fails: 1 no is accepted or in the baseline";
        assert_eq!(told(known, &Options::default()), [excused]);
        let options = Options {
            gate: vec![Question::Run],
            settings_file: Some("ringfence.toml".to_owned()),
            baseline: Some("old.json".to_owned()),
            ..Options::default()
        };
        assert_eq!(
            told(&[sample::writable_executable("a.sys")], &options),
            [
                "no answer fails: 2 no are not gated",
                "settings from ringfence.toml, baseline old.json"
            ]
        );
        let load = Options { gate: vec![Question::Load], ..Options::default() };
        assert_eq!(told(&[sample::clean("b.sys")], &load), ["no answer fails"]);
    }

    /// Unknown answers count where they may fail.
    #[test]
    fn unknown_answers_fail_where_asked_for() {
        let options = Options { fail_unknown: true, ..Options::default() };
        assert_eq!(told(&[sample::clean("b.sys")], &options), ["fails by: b.sys (run, certify)"]);
    }
}
