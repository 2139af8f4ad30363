//! JUnit XML, as Jenkins' schema has it: a file is a test suite, a finding a test case.
//!
//! What fails is a failure, what is accepted or in the baseline is skipped, and what fails nothing else stands in the
//! output of its case. Where nothing was found there is one case that passed, as servers take a report without any
//! for a mistake.

use super::excuse::{level, told, weighed};
use super::full::{at, quoted};
use super::scoreboard::{NOTHING, examined, idle};
use crate::format::Options;
use crate::safe::safe;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use ringfence_finding::{Level, LintReport, SourceFinding};
use std::collections::HashMap;
use std::io;

/// The suite of what is about no file.
const SUITE: &str = "ringfence.lint";

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let suites = suites(report, options)?;
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut root = BytesStart::new("testsuites");
    root.push_attribute(("name", report.tool.name));
    xml.write_event(Event::Start(root))?;
    for suite in &suites {
        suite.write(&mut xml)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    let out = xml.get_mut();
    out.write_all(b"\n")?;
    out.flush()
}

/// What was found in one file.
struct Suite {
    name: String,
    cases: Vec<Case>,
}

impl Suite {
    fn write(&self, xml: &mut Writer<&mut dyn io::Write>) -> io::Result<()> {
        let name = safe(&self.name);
        let count = |element| {
            let outcomes = self.cases.iter().filter_map(|case| case.outcome.as_ref());
            outcomes.filter(|outcome| outcome.element == element).count().to_string()
        };
        let mut start = BytesStart::new("testsuite");
        start.push_attribute(("name", &*name));
        start.push_attribute(("tests", &*self.cases.len().to_string()));
        start.push_attribute(("failures", &*count("failure")));
        start.push_attribute(("errors", &*count("error")));
        start.push_attribute(("skipped", &*count("skipped")));
        xml.write_event(Event::Start(start))?;
        self.cases.iter().try_for_each(|case| case.write(&name, xml))?;
        xml.write_event(Event::End(BytesEnd::new("testsuite")))
    }
}

/// A finding, or something else that there is to say.
struct Case {
    name: String,
    outcome: Option<Outcome>,
    /// What fails nothing.
    output: String,
}

/// What a test case came to, where it did not pass.
struct Outcome {
    element: &'static str,
    kind: String,
    message: String,
    body: String,
}

impl Case {
    fn failed(name: String, outcome: Outcome) -> Case {
        Case { name, outcome: Some(outcome), output: String::new() }
    }

    fn passed(name: String, output: String) -> Case {
        Case { name, outcome: None, output }
    }

    fn write(&self, suite: &str, xml: &mut Writer<&mut dyn io::Write>) -> io::Result<()> {
        let name = safe(&self.name);
        let mut start = BytesStart::new("testcase");
        start.push_attribute(("name", &*name));
        start.push_attribute(("classname", suite));
        if self.outcome.is_none() && self.output.is_empty() {
            return xml.write_event(Event::Empty(start));
        }
        xml.write_event(Event::Start(start))?;
        if let Some(outcome) = &self.outcome {
            let mut element = xml.create_element(outcome.element);
            if outcome.element != "skipped" {
                element = element.with_attribute(("type", &*outcome.kind));
            }
            let element = element.with_attribute(("message", &*safe(&outcome.message)));
            match outcome.body.is_empty() {
                true => element.write_empty()?,
                false => element.write_text_content(BytesText::new(&outcome.body))?,
            };
        }
        if !self.output.is_empty() {
            let output = safe(&self.output);
            xml.create_element("system-out").write_text_content(BytesText::new(&output))?;
        }
        xml.write_event(Event::End(BytesEnd::new("testcase")))
    }
}

/// A suite a file, in the order in which the report comes to them.
fn suites(report: &LintReport, options: &Options) -> io::Result<Vec<Suite>> {
    let mut suites = Suites::default();
    for finding in &report.findings {
        suites.of(&finding.path).push(case(finding, report, options)?);
    }
    for one in &report.idle_suppressions {
        let name = format!("{}: acceptance", one.line);
        suites.of(&one.path).push(Case::passed(name, format!("warning: {}", idle(one))));
    }
    for unread in &report.unread {
        let unread_one = error("unread", &unread.reason);
        suites.of(&unread.path).push(Case::failed("unread".to_owned(), unread_one));
    }
    for fault in &report.faults {
        let message = format!("ringfence failed here, please report it: {}", fault.message);
        let name = format!("fault in {}", fault.rule);
        suites.of(&fault.path).push(Case::failed(name, error(fault.rule, &message)));
    }
    if suites.list.is_empty() {
        let name = match report.examined.is_nothing() {
            true => NOTHING.to_owned(),
            false => format!("no findings: {}", examined(&report.examined)),
        };
        suites.of(SUITE).push(Case::passed(name, String::new()));
    }
    Ok(suites.list)
}

/// `57:36: executable-pool-type`, and what that is.
fn case(finding: &SourceFinding, report: &LintReport, options: &Options) -> io::Result<Case> {
    let name = format!("{}:{}: {}", finding.line, finding.column, finding.rule);
    let level = level(finding);
    if let Some(excuse) = &finding.excuse {
        let message = format!("{level}: {} ({})", finding.message, told(excuse));
        let (kind, body) = (String::new(), String::new());
        return Ok(Case::failed(name, Outcome { element: "skipped", kind, message, body }));
    }
    Ok(match weighed(finding, options) {
        Level::Error => Case::failed(name, failure(finding, report)?),
        Level::Warning | Level::Note => Case::passed(name, format!("{level}: {}", finding.message)),
    })
}

/// Suites with the number of each file's.
#[derive(Default)]
struct Suites {
    list: Vec<Suite>,
    numbers: HashMap<String, usize>,
}

impl Suites {
    fn of(&mut self, path: &str) -> &mut Vec<Case> {
        // What failed for all files names none.
        let path = if path.is_empty() { SUITE } else { path };
        let next = self.list.len();
        let number = *self.numbers.entry(path.to_owned()).or_insert(next);
        if number == next {
            self.list.push(Suite { name: path.to_owned(), cases: Vec::new() });
        }
        &mut self.list[number].cases
    }
}

fn failure(finding: &SourceFinding, report: &LintReport) -> io::Result<Outcome> {
    Ok(Outcome {
        element: "failure",
        kind: finding.rule.to_owned(),
        message: format!("{}: {}", at(&finding.mark), finding.message),
        body: quoted([finding], report.targets)?.trim_end().to_owned(),
    })
}

fn error(kind: &str, message: &str) -> Outcome {
    let (kind, message) = (kind.to_owned(), message.to_owned());
    Outcome { element: "error", kind, message, body: String::new() }
}

#[cfg(test)]
mod tests {
    use crate::lint::sample;
    use crate::{Format, Options};
    use ringfence_finding::LintReport;
    use std::collections::BTreeMap;

    /// Elements by suite and test case, as another program reads them.
    fn read(report: &LintReport, options: &Options) -> BTreeMap<(String, String), Vec<String>> {
        let text = sample::written(Format::Junit, report, options);
        let document = roxmltree::Document::parse(&text).unwrap();
        let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
        let told = cases.map(|case| {
            let elements = case.children().filter(roxmltree::Node::is_element);
            let elements = elements.map(|element| {
                let kind = element.attribute("type").unwrap_or_default();
                format!("{} {kind}", element.tag_name().name()).trim_end().to_owned()
            });
            let suite = case.parent().unwrap().attribute("name").unwrap();
            assert_eq!(case.attribute("classname"), Some(suite));
            let name = case.attribute("name").unwrap().to_owned();
            ((suite.to_owned(), name), elements.collect())
        });
        told.collect()
    }

    #[test]
    fn a_file_is_a_test_suite_and_a_finding_a_test_case() {
        let cases = read(&sample::report(), &Options::default());
        let of = |suite: &str| {
            let own = cases.iter().filter(|((known, _), _)| known == suite);
            own.map(|((_, name), told)| format!("{name}: {}", told.join(", "))).collect::<Vec<_>>()
        };
        let pool = of("src/pool.c");
        assert_eq!(pool[0], "57:36: executable-pool-type: failure executable-pool-type");
        assert_eq!(pool.len(), 2, "{pool:?}");
        assert_eq!(of("src/old.c"), ["12: acceptance: system-out"]);
        assert_eq!(of("src/gone.c"), ["unread: error unread"]);
        assert_eq!(of("src/odd.c"), ["fault in unaligned-section: error unaligned-section"]);
        assert!(of("src/jit.c").iter().all(|told| told.ends_with(": skipped")), "they are excused");
        let zero = Options { exit_zero: true, ..Options::default() };
        let failures = read(&sample::report(), &zero);
        assert!(failures.values().flatten().all(|told| !told.starts_with("failure")));
    }

    /// The counts of a suite are those of its cases.
    #[test]
    fn suites_add_up() {
        let text = sample::written(Format::Junit, &sample::report(), &Options::default());
        let document = roxmltree::Document::parse(&text).unwrap();
        for suite in document.descendants().filter(|node| node.has_tag_name("testsuite")) {
            let cases = suite.children().filter(|node| node.has_tag_name("testcase"));
            assert_eq!(suite.attribute("tests"), Some(&*cases.count().to_string()));
            for (attribute, element) in
                [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
            {
                let there = suite.descendants().filter(|node| node.has_tag_name(element)).count();
                assert_eq!(suite.attribute(attribute), Some(&*there.to_string()));
            }
        }
    }

    #[test]
    fn where_nothing_is_found_something_passed() {
        let cases = read(&sample::clean(vec![]), &Options::default());
        let name = "no findings: 12 files (5 parsed), 31 calls of DDIs, all known";
        let suite = "ringfence.lint".to_owned();
        let all: Vec<_> = cases.into_iter().collect();
        assert_eq!(all, [((suite, name.to_owned()), vec![])]);
    }
}
