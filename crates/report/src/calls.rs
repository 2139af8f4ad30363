//! What drivers ask the kernel for: every examined call, as a table or as data.

mod json;
mod table;

use crate::Sink;
use crate::format::Options;
use crate::style::Terminal;
use ringfence_finding::{Call, CallAnswer, Examination};
use std::io;

/// Which calls are told. By default: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Calls with one of these answers; all where there is none. Unknown are those too of which some values are
    /// known and others not, whatever follows from the known ones.
    pub answers: Vec<CallAnswer>,
    /// Calls of one of these DDIs, letter case aside; of all where there is none.
    pub ddis: Vec<String>,
}

impl CallFilter {
    /// Whether `call` is told.
    pub fn accepts(&self, call: &Call) -> bool {
        let is_open = call.unknown.is_some() && self.answers.contains(&CallAnswer::Unknown);
        let answer = self.answers.is_empty() || self.answers.contains(&call.answer) || is_open;
        let named = |name: &String| name.eq_ignore_ascii_case(call.ddi);
        answer && (self.ddis.is_empty() || self.ddis.iter().any(named))
    }

    fn accepts_all(&self) -> bool {
        *self == CallFilter::default()
    }

    /// The calls of a driver that are told, and how many there are in all.
    fn of<'e>(&self, examination: &'e Examination) -> (Vec<&'e Call>, usize) {
        let calls = examination.calls.as_deref().unwrap_or_default();
        (calls.iter().filter(|call| self.accepts(call)).collect(), calls.len())
    }
}

/// Writes the calls of each driver as a table for people. It needs examinations that list their calls.
pub fn calls_table<'a>(
    out: Box<dyn io::Write + 'a>,
    options: Options,
    filter: CallFilter,
) -> Box<dyn Sink + 'a> {
    Box::new(table::CallsTable::new(Terminal::new(out, options), filter))
}

/// Writes the calls of each driver as one JSON document: `drivers`, each with its `path`, `sha256`,
/// `machine`, what was examined of its `code`, `symbols` where a debug file was looked for, and its
/// `calls` as the report has them; then `unread` and `faults`. It needs examinations that list their calls.
pub fn calls_json<'a>(out: Box<dyn io::Write + 'a>, filter: CallFilter) -> Box<dyn Sink + 'a> {
    Box::new(json::CallsJson::new(out, filter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::columns;
    use crate::sample;

    fn written(drivers: &[Examination], options: Options, filter: CallFilter) -> String {
        let mut out = Vec::new();
        let report = calls_table(Box::new(&mut out), options, filter);
        sample::tell(report, drivers, &sample::closing(drivers));
        String::from_utf8(out).unwrap()
    }

    fn drivers() -> Vec<Examination> {
        let mut drivers = sample::with_code();
        drivers.push(sample::clean("acmearm.sys"));
        drivers
    }

    /// With functions by name, and a narrow terminal's way to have room for them.
    #[test]
    fn calls_of_known_sources_name_them() {
        for width in [80, 160] {
            let text = written(&sample::with_sources(), at_width(width), CallFilter::default());
            insta::assert_snapshot!(format!("calls-sources-{width}"), text);
        }
    }

    fn at_width(width: usize) -> Options {
        Options { width, ..Options::default() }
    }

    #[test]
    fn calls_are_told_as_a_table() {
        for width in [80, 100, 160] {
            let text = written(&drivers(), at_width(width), CallFilter::default());
            insta::assert_snapshot!(format!("calls-{width}"), text);
        }
        let options = Options { color: true, ..at_width(80) };
        let text = written(&drivers()[..1], options, CallFilter::default());
        insta::assert_snapshot!("calls-colours", text.replace('\u{1b}', "␛"));
    }

    /// Two of the drivers have three violations each, one of them of this DDI.
    #[test]
    fn a_filter_tells_only_what_was_asked_for() {
        let filter = CallFilter {
            answers: vec![CallAnswer::Violation],
            ddis: vec!["mmmaplockedpagesspecifycache".to_owned()],
        };
        let text = written(&drivers(), at_width(100), filter);
        insta::assert_snapshot!("calls-filtered", text);
        let nothing =
            CallFilter { ddis: vec!["ZwMapViewOfSection".to_owned()], ..CallFilter::default() };
        let text = written(&drivers()[..1], at_width(80), nothing);
        assert_eq!(text, "1 driver, 0 of 9 calls (0.02 s)\n");
    }

    /// A mixed call with a value that is not known is among those that a scan counts as unknown.
    #[test]
    fn unknown_is_all_of_which_something_is_not_known() {
        let only = |answer| CallFilter { answers: vec![answer], ..CallFilter::default() };
        let drivers = drivers();
        let calls = drivers.iter().flat_map(|driver| driver.calls.as_deref().unwrap_or_default());
        let open: Vec<_> = calls.filter(|call| call.unknown.is_some()).collect();
        assert!(open.iter().any(|call| call.answer != CallAnswer::Unknown), "the sample has one");
        for call in open {
            assert!(only(CallAnswer::Unknown).accepts(call));
            assert_eq!(only(CallAnswer::Fine).accepts(call), call.answer == CallAnswer::Fine);
        }
    }

    /// What `--only` takes is what the table and the JSON show.
    #[test]
    fn an_answer_has_one_name() {
        for answer in CallAnswer::ALL {
            assert_eq!(serde_json::to_value(answer).unwrap(), answer.name());
        }
    }

    #[test]
    fn lines_fit_the_terminal_and_nothing_steers_it() {
        for width in (70..180).step_by(5) {
            let drivers = [drivers(), sample::with_sources()].concat();
            let options = Options { terminal: true, ..at_width(width) };
            for line in written(&drivers, options, CallFilter::default()).lines() {
                assert!(columns(line) <= width, "{} > {width}: {line}", columns(line));
                assert_eq!(crate::safe(line), line);
            }
        }
    }
}
